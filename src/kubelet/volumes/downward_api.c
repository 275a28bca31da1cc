/* downwardAPI: what a pod knows of itself, as files. */
#include "environment.h"
#include "volume_plan.h"

#include <kube/api_codec.h>

int downward_files(const struct volume_planning *in, const struct cJSON *items, uint32_t mode,
	struct volume_payload *out, struct err *err)
{
	json_each (item, items) {
		const struct cJSON *field = json_get(item, STR("fieldRef"));
		struct volume_file file = {.path = tree_str(item, "path"),
			.mode = (uint32_t)tree_int(item, "mode", mode),
			.user = -1};
		int code =
			field ? downward_field(in->arena, in->pod, in->host->node,
					tree_str(field, "fieldPath"), &file.bytes, err)
			      : downward_resource(in->arena, in->pod, NULL, in->host->node,
					json_get(item, STR("resourceFieldRef")), &file.bytes, err);

		if (code)
			return code;
		payload_add(in->arena, out, &file);
	}
	return 0;
}

static int plan(const struct volume_planning *in, struct volume_plan *out, struct err *err)
{
	return downward_files(in, json_get(in->spec, STR("items")), volume_default_mode(in->spec),
		&out->payload, err);
}

const struct volume_kind volume_downward_api = {
	.source = "downwardAPI",
	.directory = "kubernetes.io~downward-api",
	.read_only = true,
	.memory = true,
	.files = true,
	.plan = plan,
};
