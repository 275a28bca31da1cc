/* VolumeAttachment */
#include "volume_rules.h"

static void check_source(struct field_errors *e, const struct path *p, const struct cJSON *source)
{
	static const char text[] =
		"must specify exactly one of inlineVolumeSpec and persistentVolumeName";
	struct path name = PATH(p, "persistentVolumeName"), spec = PATH(p, "inlineVolumeSpec");
	bool named = tree_has(source, "persistentVolumeName");
	bool written = tree_has(source, "inlineVolumeSpec");

	if (!named && !written)
		field_required(e, p, "%s", text);
	if (named && written)
		field_forbidden(e, p, "%s", text);
	else if (named && !tree_str(source, "persistentVolumeName").len)
		field_required(e, &name, "%s", "");
	else if (written)
		check_volume_spec(e, &spec, json_get(source, STR("inlineVolumeSpec")), true);
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), attacher = PATH(&spec, "attacher");
	struct path source = PATH(&spec, "source"), node = PATH(&spec, "nodeName");

	check_csi_driver_name(e, &attacher, tree_str(c->object, "spec.attacher"));
	check_source(e, &source, json_path(c->object, "spec.source"));
	field_check_name(e, &node, tree_str(c->object, "spec.nodeName"), name_check_dns_subdomain);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec");

	rule_same(e, &spec, SCHEMA(storage_v1, VolumeAttachmentSpec),
		json_get(c->object, STR("spec")), json_get(c->old, STR("spec")));
}

const struct strategy strategy_volumeattachments = {
	.name_rule = name_check_dns_subdomain,
	.drops_status = true,
	.status_keeps_metadata = true,
	.delete_answers_object = true,
	.validate = validate,
	.validate_update = validate_update,
};
