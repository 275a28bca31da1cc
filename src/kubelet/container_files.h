/*
 * Files that a container has of the kubelet: its hosts file, and the one for its last words. Made
 * on a worker.
 */
#ifndef KUBE_KUBELET_CONTAINER_FILES_H
#define KUBE_KUBELET_CONTAINER_FILES_H

#include <kube/ip.h>
#include <kube/json.h>
#include <kube/work.h>

struct container_files {
	/* what is wanted; NUL-terminated; must stay until the op is done */
	const char *root;      /* the kubelet's */
	const char *uid;       /* the pod's */
	const char *container; /* the name */
	const char *logs;      /* the directory of its logs */
	uint32_t attempt;
	struct str hosts; /* what its hosts file says */
	bool node_hosts;  /* behind what the node's own says */
	/* what there is then: paths on the host */
	struct str hosts_path, last_words;
	/* private */
	struct work work;
	struct arena *arena;
};
void container_files_make(struct container_files *f, struct op *op, struct arena *a);

/* The text of a pod's hosts file; of a host's network: what follows the node's own. */
struct str hosts_text(
	struct arena *a, const struct cJSON *pod, struct str hostname, struct str domain);

#endif
