/*
 * One pod's cable to the node, and the node's own part in it. All of it blocks and belongs on
 * WORK_NETLINK; what is there already is kept, so that each may be done again at any time.
 */
#ifndef PODNET_CABLE_H
#define PODNET_CABLE_H

#include <kube/route.h>
#include <kube/runtime.h>

/* Marks routes as ours: `ip route show proto 107`. */
#define CABLE_ROUTE_PROTOCOL 107

/* The node's end: this and the beginning of the sandbox's id. */
#define CABLE_PREFIX "kube"
void cable_name(struct str sandbox, char name[ROUTE_NAME_MAX]);

struct cable {
	const char *sandbox, *netns; /* the id; a path */
	const struct ip *ips;
	size_t ip_count;
	uint32_t mtu; /* 0: that of the way out */
	struct runtime_bandwidth bandwidth;
};
/* What was begun is undone when it fails. */
int cable_connect(const struct cable *c, struct err *err);
/* What is gone is done. Many take no longer than one. */
int cable_cut(const struct str *sandboxes, size_t count, struct err *err);

/* The node's ends of all there are, in the arena. */
int cable_list(struct arena *a, struct str **names, size_t *count, struct err *err);
int cable_cut_names(const struct str *names, size_t count, struct err *err);

/* Forwarding, and no way for what no pod has; the routes of other CIDRs of before go. */
int cable_prepare_node(const struct cidr *cidrs, size_t count, struct err *err);

#endif
