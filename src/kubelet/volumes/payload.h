/* The files that the node writes into a volume: which, and that their paths are some. Pure. */
#ifndef KUBE_KUBELET_PAYLOAD_H
#define KUBE_KUBELET_PAYLOAD_H

#include <kube/arena.h>
#include <kube/err.h>
#include <kube/json.h>

struct volume_file {
	struct str path; /* "a/b.txt" */
	struct str bytes;
	uint32_t mode;
	int64_t user; /* that it belongs to; -1: root */
};
struct volume_payload {
	struct volume_file *items; /* by path, after payload_end */
	size_t count, cap;
};

/* The last one of a path counts. */
void payload_add(struct arena *a, struct volume_payload *p, const struct volume_file *file);
/* Cleans and sorts paths. ERR_INVALID for those that are none, in upstream's words. */
int payload_end(struct arena *a, struct volume_payload *p, struct err *err);
const struct volume_file *payload_find(const struct volume_payload *p, struct str path);

/* A config map or a secret: all its keys, or those in `items`. */
struct volume_reference {
	struct str name;
	const struct cJSON *items;
	bool secret, optional;
	uint32_t mode; /* of files for which `items` says nothing */
};
/* object NULL: an optional one that is not there. */
int payload_add_source(struct arena *a, struct volume_payload *p,
	const struct volume_reference *ref, const struct cJSON *object, struct err *err);

#endif
