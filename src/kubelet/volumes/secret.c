/* secret: the keys of a secret as files, never on a disk. */
#include "volume_plan.h"

#include <kube/api_codec.h>

static int plan(const struct volume_planning *in, struct volume_plan *out, struct err *err)
{
	struct volume_reference ref = {.secret = true,
		.name = tree_str(in->spec, "secretName"),
		.items = json_get(in->spec, STR("items")),
		.optional = tree_true(in->spec, "optional"),
		.mode = volume_default_mode(in->spec)};

	return volume_add_reference(in, &ref, &out->payload, err);
}

const struct volume_kind volume_secret = {
	.source = "secret",
	.directory = "kubernetes.io~secret",
	.read_only = true,
	.memory = true,
	.files = true,
	.plan = plan,
};
