/*
 * route: links, addresses, routes and neighbours of a network namespace, by rtnetlink.
 *
 * The kernel does what it is asked before send() returns, behind one lock that the whole machine
 * shares, and taking a link away may take it tens of milliseconds. So every call here blocks, and
 * belongs on a worker thread (WORK_NETLINK); whoever awaits it awaits the work.
 *
 * ERR_NOT_FOUND and ERR_ALREADY_EXISTS mean what they say; other errors carry the kernel's words.
 */
#ifndef KUBE_ROUTE_H
#define KUBE_ROUTE_H

#include <kube/arena.h>
#include <kube/err.h>
#include <kube/ip.h>

/* A conversation in one namespace. Of one thread at a time. */
struct route;

/* netns: a descriptor (netns.h), or -1 for the thread's own. */
int route_open(struct route **r, int netns, struct err *err);
void route_close(struct route *r); /* NULL is fine */

/* Does this kernel have IPv6 at all? */
bool route_has_ipv6(void);

/* ---- links ---- */
#define ROUTE_NAME_MAX  16  /* with the NUL */
#define ROUTE_ALIAS_MAX 256 /* a text that a link carries for us, with the NUL */

struct route_mac {
	uint8_t bytes[6];
};

struct route_link {
	uint32_t index, mtu;
	bool up;
	char name[ROUTE_NAME_MAX], kind[ROUTE_NAME_MAX], alias[ROUTE_ALIAS_MAX];
	struct route_mac mac;
};

/* Two ends of a cable; the other end appears in another namespace. */
struct route_veth {
	const char *name, *alias, *peer_name;
	struct route_mac mac, peer_mac; /* zero: the kernel's choice */
	int peer_netns;
	uint32_t mtu; /* of both */
};
int route_add_veth(struct route *r, const struct route_veth *veth, struct err *err);
int route_find_link(struct route *r, const char *name, struct route_link *link, struct err *err);
int route_find_link_number(
	struct route *r, uint32_t index, struct route_link *link, struct err *err);
/* In the arena. */
int route_list_links(struct route *r, struct arena *a, struct route_link **links, size_t *count,
	struct err *err);
/* With the other end of a cable. What is gone is done. Names end with a NUL. */
int route_remove_link(struct route *r, const char *name, struct err *err);
/*
 * Many at once, which takes the kernel as long as one: it waits once for everybody who might still
 * look at them. `group` is a number of the caller's own that no link stays in.
 */
int route_remove_links(
	struct route *r, const struct str *names, size_t count, uint32_t group, struct err *err);

struct route_setting {
	uint32_t which, value; /* IPV4_DEVCONF_… of linux/ip.h */
};
struct route_link_change {
	bool up;
	bool no_own_ipv6; /* it gives itself no link-local address */
	const struct route_setting *settings;
	size_t setting_count;
};
int route_change_link(
	struct route *r, uint32_t index, const struct route_link_change *change, struct err *err);

/*
 * What the link sends from now on, at most, but for short bursts; more is kept for a moment and
 * then dropped. What limited it before is replaced.
 */
int route_limit_rate(struct route *r, uint32_t index, uint64_t bytes_per_second, struct err *err);

/* ---- addresses ---- */
/* IPv6: usable at once, without asking others for it. What is there already is done. */
int route_add_address(struct route *r, uint32_t index, const struct cidr *address, struct err *err);
/* As above, but of those that the kernel chooses from for what says no sender it is none. */
int route_add_service_address(
	struct route *r, uint32_t index, const struct cidr *address, struct err *err);
/* What is not there is done. */
int route_remove_address(
	struct route *r, uint32_t index, const struct cidr *address, struct err *err);
/* Of one link (0: of all), both families, in the arena. */
int route_list_addresses(struct route *r, uint32_t index, struct arena *a, struct cidr **addresses,
	size_t *count, struct err *err);

/* ---- routes of the main table ---- */
struct route_entry {
	struct cidr to;   /* 0 bits: the default */
	struct ip by;     /* the gateway; no address: directly */
	uint32_t link;    /* 0: none */
	uint32_t metric;  /* 0: the kernel's */
	bool unreachable; /* whoever sends there is told so */
	uint8_t made_by;  /* RTPROT_…; 0: RTPROT_STATIC */
};
int route_add(struct route *r, const struct route_entry *entry, struct err *err);
/* Instead of the one with the same destination and metric. */
int route_replace(struct route *r, const struct route_entry *entry, struct err *err);
/* What is gone is done. */
int route_remove(struct route *r, const struct route_entry *entry, struct err *err);
int route_list(struct route *r, uint8_t made_by, struct arena *a, struct route_entry **entries,
	size_t *count, struct err *err);
/* The link that packets to the address leave by. */
int route_find_way(struct route *r, const struct ip *to, uint32_t *link, struct err *err);

/* ---- neighbours ---- */
/* For ever: nobody is asked who has the address. */
int route_set_neighbour(struct route *r, uint32_t index, const struct ip *ip,
	const struct route_mac *mac, struct err *err);

#endif
