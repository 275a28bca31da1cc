/*
 * A node for tests of the pod network, in the namespace of the test (netns_test.h): an uplink to a
 * namespace that is the world, the pod network, and pods that are empty namespaces.
 *
 *	world 192.168.7.1, fd07::1 ── uplink 192.168.7.2, fd07::2 ── node ── pods 10.42.0.0/24,
 *	                                                                     fd42::/64
 */
#ifndef KUBE_LOOP_PODS_H
#define KUBE_LOOP_PODS_H

#include "loop_test.h"
#include "netns_test.h"

#include <kube/pod_network.h>

#define NODE_WORLD4 "192.168.7.1"
#define NODE_WORLD6 "fd07::1"
#define NODE_OWN4   "192.168.7.2"
#define NODE_OWN6   "fd07::2"

struct node {
	struct loop_test t;
	struct pod_network *network;
	int world;
	char directory[64];
};

struct node_pod {
	struct sandbox sandbox;
	char id[65], path[32];
	int netns;
	struct ip ips[2];
	size_t ip_count;
	char text[2][64]; /* the addresses */
};

/* Namespaces and uplink, a temporary directory; the network is new and has its CIDRs. */
void node_begin(struct node *n);
void node_end(struct node *n); /* removes the directory */
/* As a restart does it: the network ends and begins; pods stay. */
void node_stop(struct node *n);
bool node_start(struct node *n, struct err *err);

/* Waits for what the call does. */
int node_set_cidrs(struct node *n, const char *first, const char *second, struct err *err);
int node_keep(struct node *n, struct node_pod *const *pods, size_t count, struct err *err);
/* A namespace and a name: nothing is connected. */
void node_pod_make(struct node_pod *p, int number);
void node_pod_end(struct node_pod *p);
int node_attach(struct node *n, struct node_pod *p, struct err *err);
int node_detach(struct node *n, struct node_pod *p, struct err *err);

#endif
