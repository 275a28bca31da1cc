/* PersistentVolume */
#include "volume_rules.h"

#include <kube/time.h>

#define MOUNT_OPTIONS "volume.beta.kubernetes.io/mount-options"

/* ---- filling in ---- */

static void defaults(struct change *c)
{
	if (!tree_str(c->object, "status.phase").len)
		tree_set_str(c->arena, c->object, "status.phase", STR("Pending"));
	if (!tree_str(c->object, "spec.persistentVolumeReclaimPolicy").len)
		tree_set_str(
			c->arena, c->object, "spec.persistentVolumeReclaimPolicy", STR("Retain"));
	if (!tree_has(c->object, "spec.volumeMode"))
		tree_set_str(c->arena, c->object, "spec.volumeMode", STR("Filesystem"));
}

static void set_transition(struct change *c)
{
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	time_print(&now, c->now / SEC * SEC);
	tree_set_str(c->arena, c->object, "status.lastPhaseTransitionTime", buf_str(&now));
}

static void prepare_create(struct change *c)
{
	tree_set_str(c->arena, c->object, "status.phase", STR("Pending"));
	set_transition(c);
}

static void prepare_status(struct change *c)
{
	struct str was = tree_str(c->old, "status.lastPhaseTransitionTime");
	struct str now = tree_str(c->object, "status.lastPhaseTransitionTime");

	if (str_eq(tree_str(c->object, "status.phase"), tree_str(c->old, "status.phase"))) {
		if (!now.len && was.len)
			tree_set_str(c->arena, c->object, "status.lastPhaseTransitionTime", was);
	} else if (!now.len || str_eq(now, was)) {
		set_transition(c);
	}
}

/* ---- checks ---- */

/* Those that can be mounted with options. */
static void check_mount_options(struct change *c, struct field_errors *e)
{
	static const char *const with_options[] = {"gcePersistentDisk", "awsElasticBlockStore",
		"glusterfs", "rbd", "quobyte", "iscsi", "cinder", "cephfs", "nfs", "azureFile",
		"vsphereVolume", "azureDisk", "portworxVolume", NULL};
	struct path meta = PATH(NULL, "metadata"), annotations = PATH(&meta, "annotations");
	struct path at = PATH(&annotations, MOUNT_OPTIONS);

	for (size_t i = 0; with_options[i]; i++)
		if (tree_has(json_get(c->object, STR("spec")), with_options[i]))
			return;
	if (json_get(json_path(c->object, "metadata.annotations"), STR(MOUNT_OPTIONS)))
		field_forbidden(e, &at, "may not specify mount options for this volume type");
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec");

	check_volume_spec(e, &spec, json_get(c->object, STR("spec")), false);
	check_mount_options(c, e);
}

static void check_source_kept(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "persistentvolumesource");
	struct cJSON *now = volume_source_of(c->arena, json_get(c->object, STR("spec")));
	struct cJSON *old = volume_source_of(c->arena, json_get(c->old, STR("spec")));
	_cleanup_(buf_done) struct buf diff = BUF_INIT(1 * MIB);
	struct volume_source_type type;

	if (json_equal(now, old))
		return;
	volume_source_type(&type);
	api_diff_go(&diff, c->arena, &type.schema, old, now);
	field_forbidden(e, &at, "spec.persistentvolumesource is immutable after creation\n%.*s",
		STRF(buf_str(&diff)));
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), mode = PATH(NULL, "volumeMode");
	struct path affinity = PATH(NULL, "nodeAffinity");
	struct path class_at = PATH(&spec, "volumeAttributesClassName");

	validate(c, e);
	validate(c, e); /* twice, as upstream */
	check_source_kept(c, e);
	rule_same(e, &mode, NULL, json_path(c->object, "spec.volumeMode"),
		json_path(c->old, "spec.volumeMode"));
	if (tree_has(c->old, "spec.nodeAffinity"))
		rule_same(e, &affinity, SCHEMA(core_v1, VolumeNodeAffinity),
			json_path(c->object, "spec.nodeAffinity"),
			json_path(c->old, "spec.nodeAffinity"));
	if (tree_has(c->old, "spec.volumeAttributesClassName") &&
		!tree_has(c->object, "spec.volumeAttributesClassName"))
		field_forbidden(e, &class_at, "update from non-nil value to nil is forbidden");
}

const struct strategy strategy_persistentvolumes = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.drops_status = true,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.prepare_status = prepare_status,
	.validate = validate,
	.validate_update = validate_update,
	.warn = warn_volume,
};
