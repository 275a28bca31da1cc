/*
 * image: what is in an image, to be looked at. The kubelet has it pulled when a container that
 * mounts it starts; the runtime mounts it. Nothing of it is below the pod's directory.
 */
#include "volume_plan.h"

const struct volume_kind volume_image = {
	.source = "image",
	.read_only = true,
	.image = true,
};
