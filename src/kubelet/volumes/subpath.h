/*
 * Parts of volumes, bound to places of the pod where nobody can exchange them between the moment
 * they are looked at and the moment they are mounted.
 */
#ifndef KUBE_KUBELET_SUBPATH_H
#define KUBE_KUBELET_SUBPATH_H

#include <kube/err.h>

#define SUBPATH_NOT_MADE     "failed to create subPath directory"
#define SUBPATH_NOT_PREPARED "failed to prepare subPath"

struct volume_subpath {
	const char *volume; /* where the volume lies on the host */
	const char *part;   /* "a/b", relative, without ".." */
	const char *name;   /* of the volume */
	const char *container;
	size_t index; /* of the container's mount: "volume-subpaths/NAME/CONTAINER/INDEX" */
	bool failed;
	const char *failure; /* one of these, when it did */
};

/*
 * On a worker. pod: its directory. A directory is made where nothing is. What is in the way stands
 * in err, for the log; users are told no more than s->failure about the host's files.
 */
int subpath_bind(int pod, struct volume_subpath *s, struct err *err);

#endif
