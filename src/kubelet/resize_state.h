/* What a pod's worker remembers of resizes; pod_resize.h says what is done with it. */
#ifndef KUBE_KUBELET_RESIZE_STATE_H
#define KUBE_KUBELET_RESIZE_STATE_H

#include "resize.h"

#include <kube/work.h>

struct pod_resize {
	char *allocation; /* the text of one; NULL: it has not been admitted yet */
	char *done; /* {NAME: {"id", "resources"}} of containers that were resized; NULL: none */
	bool unsettled; /* what runs, or the pod's group, may not have yet what it should */
	char *unsure;   /* {ID: true} of those whom nobody knows what they have; NULL: none */
	char *pending_message, *error;
	struct resize_told told; /* its texts are those above */
	int64_t pending_since;   /* wall */
	/* on its way to the disk */
	struct op saving;
	struct work work;
	struct disk *disk;
	char *directory, *text;
	bool save_again;
};

#endif
