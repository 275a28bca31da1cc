/*
 * What one Service needs in the proxy's table: a pure function of the Service, its slices and the
 * node.
 *
 * A Service has no chains of its own, only elements of maps: where rules or elements that jump are
 * added the kernel walks through all the chains of a table again, so what changes every day must
 * not do that. A packet to a service is looked up twice: what is at this address and port, of which
 * class (how many endpoints, for whom; classes.h has the chains of each), and, when the class has
 * drawn one of them, where that is. Only who may come to a load balancer's address is said by a
 * chain of the service's own (fwN-…).
 */
#ifndef KUBE_PROXY_COMPILE_H
#define KUBE_PROXY_COMPILE_H

#include "endpoints.h"

#include <kube/nft.h>
#include <kube/proxy.h>

#define PROXY_MARK 0x4000u /* its source is to be ours */

/*
 * The table's own sets; those of IPv6 follow those of IPv4. The kernel looks for a set by its name
 * from the first on: what changes most comes first.
 */
enum table_set {
	SET_ENDPOINTS4, /* address . protocol . port . choice → place */
	SET_ENDPOINTS6,
	SET_SERVICES4, /* address . protocol . port → class */
	SET_SERVICES6,
	SET_HAIRPIN4, /* an endpoint, twice: it has come to itself */
	SET_HAIRPIN6,
	SET_NODE_ENDPOINTS4, /* protocol . port . choice → place */
	SET_NODE_ENDPOINTS6,
	SET_NODE_PORTS4, /* protocol . port → class */
	SET_NODE_PORTS6,
	SET_CHOICES4, /* with affinity: a choice is first of all a number that an endpoint keeps */
	SET_CHOICES6,
	SET_NODE_CHOICES4,
	SET_NODE_CHOICES6,
	SET_REMEMBERED4, /* protocol . that number → place */
	SET_REMEMBERED6,
	SET_HERE_REMEMBERED4, /* of the node's own endpoints */
	SET_HERE_REMEMBERED6,
	SET_MEMORIES4, /* address . protocol . port → what its clients are remembered by */
	SET_MEMORIES6,
	SET_NODE_MEMORIES4,
	SET_NODE_MEMORIES6,
	SET_HERE4, /* where a policy says Local: the class of the node's own endpoints */
	SET_HERE6,
	SET_NODE_HERE4,
	SET_NODE_HERE6,
	SET_NO_ENDPOINTS4, /* dropped, or refused */
	SET_NO_ENDPOINTS6,
	SET_NO_NODE_PORTS4,
	SET_NO_NODE_PORTS6,
	SET_CLUSTER_IPS4,
	SET_CLUSTER_IPS6,
	SET_NODE_IPS4,
	SET_NODE_IPS6,
	SET_FIREWALLS4, /* who may come to a load balancer's address, where not all may */
	SET_FIREWALLS6,
	SET_CLIENTS4, /* client . memory → the endpoint's number */
	SET_CLIENTS6,
	SET_HERE_CLIENTS4, /* the same, of the node's own endpoints */
	SET_HERE_CLIENTS6,
	SET_PRIORITIES, /* connection → what its first packet had, while it is on its way */
	SET_CLASSES,    /* what is done about a class */
	SET_HERE_CLASSES,
	TABLE_SETS
};
extern const struct nft_set table_sets[TABLE_SETS];

struct table_element {
	enum table_set set;
	struct nft_element element;
};

enum class_kind {
	CLASS_INSIDE,  /* strangers are masqueraded */
	CLASS_OUTSIDE, /* everybody is */
	CLASS_SHORT,   /* as CLASS_HERE, but for pods and the machine there is no outside */
	CLASS_HERE,
	CLASS_KINDS
};

/* All that the chains a packet takes depend on. */
struct class
{
	uint32_t count;    /* of endpoints */
	uint32_t affinity; /* seconds that clients are remembered; 0: they are not */
	uint8_t kind;      /* enum class_kind */
	bool node_port;    /* found by the port alone */
	bool here;         /* one of the node's own endpoints is drawn */
	bool guarded;      /* SET_FIREWALLS4 says who may come */
	bool v6;           /* with affinity: what it is for; else chains are for both families */
};

/* An endpoint among those of an address and port. */
struct place {
	struct ip ip;
	uint16_t port;
	uint32_t nth;    /* choice; ways.c gives them out */
	uint32_t number; /* with affinity: what clients are remembered by; memories.c does */
	bool all, here;  /* of memories: offered where all are, where the node's own are */
};

/*
 * Where a port's clients have been sent, whichever of its addresses they came to. Who may be
 * reached by one way only is remembered, too: another way looks for somebody it may offer.
 */
struct memory {
	struct str port_name;
	uint8_t protocol;
	bool v6;
	struct place *places; /* by address and port */
	size_t count;
	uint32_t number; /* 0: there are none left */
};
#define MEMORY_PLACE_BITS 14
#define MEMORY_PLACES     (1u << MEMORY_PLACE_BITS) /* of more nobody is remembered */
/* Of what stands for an endpoint the bits that are its memory's number. */
#define MEMORY_BITS (~(MEMORY_PLACES - 1))

/* What is sent to an address and port goes to one of these, each as often. */
struct way {
	struct class class;
	bool v6;
	struct ip ip; /* .len 0: a node port */
	uint8_t protocol;
	uint16_t port;
	struct place *places; /* by address and port */
	uint32_t number;      /* of the class, given by classes.c */
	/* with affinity */
	size_t memory; /* which of the service's */
	uint32_t memory_number;
};
/* Choices where CLASS_HERE has them beside those of CLASS_SHORT. */
#define CHOICES_OF_ALL NFT_NUMBER
#define CHOICES_HERE   (NFT_NUMBER | 1u << 23)

/* Where datagrams to an address go; what the kernel remembers of others is to be forgotten. */
struct datagram_path {
	struct ip ip; /* .len 0: any address of the machine */
	uint16_t port;
	const struct ip *endpoints; /* in order */
	size_t endpoint_count;
};

/* In the caller's arena. */
struct compiled {
	struct nft_chain *chains;
	size_t chain_count;
	struct way *ways;
	size_t way_count;
	struct memory *memories;
	size_t memory_count;
	struct table_element *elements;
	size_t element_count;
	struct ip *endpoints; /* whoever may be chosen, in order, each once */
	size_t endpoint_count;
	struct datagram_path *paths;
	size_t path_count;
	uint16_t health_port; /* 0: none */
	size_t local_ready;   /* addresses on this node that are ready */
	/* A policy says Local, and all endpoints are elsewhere. */
	bool no_local_inside, no_local_outside;
};

void compile_service(struct arena *a, const struct proxy_node *node, const struct cJSON *service,
	const struct slice *const *slices, size_t slice_count, struct compiled *out);
/*
 * The name of a chain that does nothing: a table that has it has the same sets as one that is made
 * now, in the same form.
 */
struct str table_form(struct arena *a);
/* Chains that belong to no service and no class, and the hooks. */
struct base_options {
	const struct proxy_node *node;
	const struct cidr *nodeport_addresses; /* empty: those of compile_node */
	size_t nodeport_address_count;
};
void compile_base(struct arena *a, const struct base_options *o, struct compiled *out);
/* The node's own addresses, of either family: node ports are there. */
void compile_node(struct arena *a, const struct ip *ips, size_t count, struct compiled *out);

#endif
