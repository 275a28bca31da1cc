/* configMap: the keys of a config map as files. */
#include "volume_plan.h"

#include <kube/api_codec.h>

static int plan(const struct volume_planning *in, struct volume_plan *out, struct err *err)
{
	struct volume_reference ref = {.name = tree_str(in->spec, "name"),
		.items = json_get(in->spec, STR("items")),
		.optional = tree_true(in->spec, "optional"),
		.mode = volume_default_mode(in->spec)};

	return volume_add_reference(in, &ref, &out->payload, err);
}

const struct volume_kind volume_config_map = {
	.source = "configMap",
	.directory = "kubernetes.io~configmap",
	.read_only = true,
	.files = true,
	.plan = plan,
};
