/*
 * nft: rules of nftables as values. What is to be in one table of family inet is said as sets,
 * chains and rules; a batch of changes is printed as nft's own language or sent to the kernel, all
 * of it or nothing.
 */
#ifndef KUBE_NFT_H
#define KUBE_NFT_H

#include <kube/arena.h>
#include <kube/err.h>
#include <kube/ip.h>

/* ---- sets and maps ---- */
enum nft_key_type {
	NFT_KEY_SERVICE4, /* address . protocol . port */
	NFT_KEY_SERVICE6,
	NFT_KEY_PORT, /* protocol . port */
	NFT_KEY_ADDRESS4,
	NFT_KEY_ADDRESS6,
	NFT_KEY_PAIR4, /* address . address */
	NFT_KEY_PAIR6,
};

struct nft_set {
	struct str name;
	enum nft_key_type key;
	bool verdicts;   /* a map to verdicts */
	int64_t timeout; /* ns; not 0: rules add to it, and what they add is forgotten after that */
};

enum nft_verdict { NFT_NO_VERDICT, NFT_TO_CHAIN /* goto */, NFT_DROP };

struct nft_element {
	struct ip ip, other; /* as the key's type wants them; both of a pair */
	uint8_t protocol;    /* IPPROTO_TCP, … */
	uint16_t port;
	enum nft_verdict verdict;
	struct str chain;
};

/* ---- rules ---- */
enum nft_op {
	/* conditions */
	RULE_IS_V4,
	RULE_IS_V6,
	RULE_SOURCE,     /* is in `cidr`, or, with `not`, is not */
	RULE_SOURCE_IN,  /* the set of addresses `name` */
	RULE_PAIR_IN,    /* source . destination are in the set `name` */
	RULE_TO_LOCAL,   /* the destination is an address of this machine; with `not`: is not */
	RULE_FROM_LOCAL, /* the source is one */
	RULE_DESTINATION,
	RULE_DESTINATION_IN, /* the set of addresses `name` */
	RULE_PROTOCOL,       /* is `number` */
	RULE_MARKED,         /* has the bits `number`; with `not`: none of them */
	RULE_IS_NEW,         /* the first packet of a connection */
	RULE_BY_LOOPBACK,    /* came in by lo; with `not`: did not */
	RULE_BY_LINKS,    /* came in by a link whose name begins with `name` (at most 15 chars) */
	RULE_CHANCE,      /* once in `number` packets, at random */
	RULE_NO_WAY_BACK, /* answers to the source would not leave by the link it came in by */
	/* what is done */
	RULE_SERVICE_MAP, /* destination . protocol . port → the verdict map `name` */
	RULE_PORT_MAP,    /* protocol . port → the verdict map `name` */
	RULE_MARK,        /* sets the bits `number` */
	RULE_UNMARK,
	RULE_REMEMBER, /* the source, in the set `name`, for its timeout again */
	RULE_RANDOM,   /* goes to one of `chains`, each as often */
	RULE_JUMP,     /* `name` */
	RULE_GOTO,
	RULE_RETURN,
	RULE_ACCEPT,
	RULE_DISCARD,
	RULE_REJECT,
	RULE_DNAT, /* to `cidr.ip`, port `number` */
	RULE_MASQUERADE,
};

struct nft_step {
	enum nft_op op;
	bool not_;
	struct str name;
	struct cidr cidr;
	uint32_t number;
	const struct str *chains;
	size_t chain_count;
};
#define NFT_STEPS_MAX 6
struct nft_rule {
	struct nft_step steps[NFT_STEPS_MAX];
	size_t count;
};
void nft_rule_add(struct nft_rule *r, struct nft_step step);

enum nft_place { /* the kernel's numbers */
	NFT_PREROUTING,
	NFT_INPUT,
	NFT_FORWARD,
	NFT_OUTPUT,
	NFT_POSTROUTING
};
struct nft_hook {
	const char *type; /* "nat", "filter" */
	enum nft_place place;
	int priority;
};
struct nft_chain {
	struct str name;
	const struct nft_hook *hook; /* NULL: a chain that others go to */
	const struct nft_rule *rules;
	size_t rule_count;
};

/* ---- a batch ---- */
enum nft_change_kind {
	NFT_ADD_TABLE,
	NFT_DELETE_TABLE,
	NFT_ADD_SET,
	NFT_DELETE_SET,
	NFT_ADD_CHAIN, /* without its rules */
	NFT_FLUSH_CHAIN,
	NFT_ADD_RULES, /* of the chain */
	NFT_DELETE_CHAIN,
	NFT_ADD_ELEMENTS,
	NFT_DELETE_ELEMENTS,
};
struct nft_change {
	enum nft_change_kind kind;
	const struct nft_set *set;
	const struct nft_chain *chain;
	const struct nft_element *elements;
	size_t element_count;
};
struct nft_batch {
	const char *table;
	struct arena *arena; /* of the array; what changes point to is the caller's */
	struct nft_change *changes;
	size_t count, cap;
	size_t sent; /* bytes, by nft_send */
};
void nft_batch_add(struct nft_batch *b, struct nft_change change);
/* As `nft -f` reads it. */
void nft_print(const struct nft_batch *b, struct buf *out);
/*
 * To the kernel, in this thread's network namespace: all or nothing. Blocks for as long as the
 * kernel takes: for worker threads. ERR_CONFLICT when what is there is not what the batch expects
 * (somebody else has flushed it).
 */
int nft_send(struct nft_batch *b, struct err *err);

/*
 * A way to the kernel that is kept, for who sends again and again: the kernel clears away what a
 * batch has deleted behind its sender's back, and to close a way earlier waits for that, for tens
 * of milliseconds. Used by one thread at a time, in one network namespace. Opened by the first
 * batch.
 */
struct nft_link {
	int fd;
	bool open;
};
int nft_link_send(struct nft_link *l, struct nft_batch *b, struct err *err);
void nft_link_close(struct nft_link *l); /* zeroed is fine */

/* A chain that packets run into by themselves, of whatever table. */
struct nft_base {
	const char *family; /* "inet", "ip", "ip6", "bridge", "other" */
	char table[128], chain[128];
	uint32_t place; /* enum nft_place, where the family has these */
	bool drops;     /* its policy: what no rule of it accepts */
};
typedef void nft_base_fn(void *ctx, const struct nft_base *base);
int nft_each_base(nft_base_fn *each, void *ctx, struct err *err);

/* Is the table there? */
int nft_table_exists(const char *table, bool *exists, struct err *err);

#endif
