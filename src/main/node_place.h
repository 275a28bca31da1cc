/* What commands are told of a node's name and addresses, and what they find out themselves. */
#ifndef MAIN_NODE_PLACE_H
#define MAIN_NODE_PLACE_H

#include <kube/env.h>
#include <kube/flags.h>
#include <kube/ip.h>

/* At most `max`; where that is two, they are of two families. ERR_USAGE. */
int node_place_read_ranges(const char *flag, const struct flag_list *list, struct cidr *out,
	size_t max, size_t *count, struct err *err);
int node_place_read_addresses(const char *flag, const struct flag_list *list, struct ip *out,
	size_t max, size_t *count, struct err *err);

/* The host's, as names of nodes are written. */
struct str node_place_name(struct arena *a);
/*
 * The machine's first of each family that `pods` have, but for loopback, those of the link alone,
 * and those in `pods` and `services`. How many.
 */
struct node_ranges {
	const struct cidr *pods, *services;
	size_t pod_count, service_count;
};
size_t node_place_addresses(struct env *env, const struct node_ranges *ranges, struct ip out[2]);

/* The socket of the system bus, as DBUS_SYSTEM_BUS_ADDRESS or its usual place. */
struct str node_place_system_bus(void);

#endif
