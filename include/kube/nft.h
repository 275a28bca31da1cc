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

/*
 * Of what a packet is looked up by. A number is the one that rules give the packet on its way
 * (NFT_NUMBER); the first of two addresses is the source, a single one the destination.
 */
enum nft_key_type {
	NFT_KEY_SERVICE4, /* address . protocol . port */
	NFT_KEY_SERVICE6,
	NFT_KEY_PORT, /* protocol . port */
	NFT_KEY_ADDRESS4,
	NFT_KEY_ADDRESS6,
	NFT_KEY_PAIR4, /* address . address */
	NFT_KEY_PAIR6,
	NFT_KEY_CHOICE4, /* address . protocol . port . number */
	NFT_KEY_CHOICE6,
	NFT_KEY_PORT_CHOICE, /* protocol . port . number */
	NFT_KEY_CLIENT4,     /* the source's address . number */
	NFT_KEY_CLIENT6,
	NFT_KEY_NUMBER,
	NFT_KEY_PROTOCOL_NUMBER,
	NFT_KEY_CONNECTION, /* what the kernel calls it by, whatever becomes of its addresses */
	NFT_KEYS
};

enum nft_value {
	NFT_NO_VALUE, /* a set, not a map */
	NFT_VERDICTS,
	NFT_NUMBERS,
	NFT_PLACES4, /* address . port */
	NFT_PLACES6
};

struct nft_set {
	struct str name;
	enum nft_key_type key;
	enum nft_value value;
	uint32_t size; /* not 0: rules add to it, up to so many, and say for how long */
};

enum nft_verdict {
	NFT_NO_VERDICT,
	NFT_TO_CHAIN, /* goto */
	NFT_DROP,
	NFT_GO_ON /* with what the rule says next */
};

struct nft_element {
	struct ip ip;     /* as the key's type wants it */
	struct ip other;  /* the second of the key, or the place's */
	uint8_t protocol; /* IPPROTO_TCP, … */
	uint16_t port, other_port;
	uint32_t number; /* of the key */
	uint32_t value;  /* where these are numbers */
	enum nft_verdict verdict;
	struct str chain;
};

/* ---- rules ---- */

/*
 * Rules may give a packet a number and look it up again: the kernel has no other place for it than
 * the packet's priority, and only numbers of this kind count as ours there.
 */
#define NFT_NUMBER      0x60000000u
#define NFT_NUMBER_BITS 0x0fffffffu

enum nft_op {
	/* conditions */
	RULE_IS_V4,
	RULE_IS_V6,
	RULE_SOURCE,     /* is in `cidr`, or, with `not`, is not */
	RULE_TO_LOCAL,   /* the destination is an address of this machine; with `not`: is not */
	RULE_FROM_LOCAL, /* the source is one */
	RULE_DESTINATION,
	RULE_IN,          /* what `key` says is in the set `name` */
	RULE_PROTOCOL,    /* is `number` */
	RULE_MARKED,      /* has the bits `number`; with `not`: none of them */
	RULE_NUMBERED,    /* has a number of ours */
	RULE_PRIORITIZED, /* has a priority, a number or what whoever sent it wanted */
	RULE_IS_NEW,      /* the first packet of a connection */
	RULE_TRANSLATED,  /* its connection's destination is */
	RULE_BY_LOOPBACK, /* came in by lo; with `not`: did not */
	RULE_BY_LINKS,    /* came in by a link whose name begins with `name` (at most 15 chars) */
	RULE_NO_WAY_BACK, /* answers to the source would not leave by the link it came in by */
	/* what is done; a map that does not have it ends the rule */
	RULE_VERDICT_OF,    /* what the map `name` says of `key` */
	RULE_NUMBER_OF,     /* its number becomes that of the map `name` */
	RULE_NUMBER_RANDOM, /* … `base` and something below `number` */
	RULE_NUMBER,        /* … `number` */
	RULE_NUMBER_BITS,   /* … of itself the bits `number` */
	RULE_DNAT_OF,       /* to the place of the map `name` */
	/*
	 * The number is kept in the map `name` for the key (of a number in that the bits `base`, if
	 * any), from now for `number` seconds; one that is there already stays.
	 */
	RULE_REMEMBER,
	RULE_FORGET, /* what is kept for the key */
	RULE_MARK,   /* sets the bits `number` */
	RULE_UNMARK,
	RULE_JUMP, /* `name` */
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
	enum nft_key_type key;
	struct str name;
	struct cidr cidr;
	uint32_t number, base;
};
#define NFT_STEPS_MAX 6
struct nft_rule {
	struct nft_step steps[NFT_STEPS_MAX];
	size_t count;
};
void nft_rule_add(struct nft_rule *r, struct nft_step step);
/* A step that looks something up in the set. */
struct nft_step nft_look_up(enum nft_op op, const struct nft_set *set);

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
	NFT_FLUSH_TABLE, /* of all rules; chains and sets stay */
	NFT_ADD_SET,
	NFT_FLUSH_SET,
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

/* The names of a table's chains (of family inet); none where it is not there. */
typedef void nft_chain_fn(void *ctx, struct str name);
int nft_each_chain(const char *table, nft_chain_fn *each, void *ctx, struct err *err);

/* Is the table there? */
int nft_table_exists(const char *table, bool *exists, struct err *err);

#endif
