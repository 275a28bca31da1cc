/*
 * node: all of a machine's node but its proxy, as one part: images, the pods' network, the
 * built-in runtime, the kubelet above them. Pods go on when it ends, and are met again when it
 * begins.
 *
 *	images ─▶ network ─▶ runtime ─▶ kubelet		and back when it stops
 */
#ifndef MAIN_NODE_H
#define MAIN_NODE_H

#include <kube/image_store.h>
#include <kube/kubelet.h>
#include <kube/pod_network.h>

struct node_options {
	struct kubelet_options kubelet; /* copied as kubelet_new does */
	struct str directory;           /* of the runtime and its images */
	struct str archives;          /* images in it are imported; empty: as image_store.h says */
	struct str network_directory; /* of the pods' addresses */
	struct cidr cluster_cidrs[2]; /* of all pods */
	size_t cluster_cidr_count;
	const struct image_registry *registries;
	size_t registry_count;
	const char *registry_authorities; /* NULL: the system's */
	/* The kubelet has begun, or why not; may be NULL. Called once, and not after stop. */
	void (*begun)(void *ctx, struct err *err);
	void *ctx;
};

/* What the options point to must stay until the kubelet runs, or the part has stopped. */
struct part *node_new(const struct component_base *base, const struct node_options *options);

#endif
