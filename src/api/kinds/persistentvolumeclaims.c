/* PersistentVolumeClaim */
#include "claim_rules.h"
#include "volume_rules.h"

#define BETA_CLASS "volume.beta.kubernetes.io/storage-class"

/* ---- filling in ---- */

static void defaults(struct change *c)
{
	if (!tree_str(c->object, "status.phase").len)
		tree_set_str(c->arena, c->object, "status.phase", STR("Pending"));
}

static bool is_known_source(const struct cJSON *source)
{
	struct str group = tree_str(source, "apiGroup"), kind = tree_str(source, "kind");

	if (!group.len)
		return str_eq_text(kind, "PersistentVolumeClaim");
	return str_eq_text(group, "snapshot.storage.k8s.io") && str_eq_text(kind, "VolumeSnapshot");
}

/* The older member takes known kinds alone; each of the two stands for the other. */
static void settle_sources(struct change *c)
{
	struct cJSON *spec = json_get(c->object, STR("spec"));
	const struct cJSON *source = json_get(spec, STR("dataSource"));
	const struct cJSON *ref = json_get(spec, STR("dataSourceRef"));

	if (source && !is_known_source(source) &&
		!is_known_source(json_path(c->old, "spec.dataSource"))) {
		tree_drop(spec, "dataSource");
		source = NULL;
	}
	/* references to other namespaces stand behind a gate that is off */
	if (tree_str(ref, "namespace").len &&
		!tree_str(c->old, "spec.dataSourceRef.namespace").len) {
		tree_drop(spec, "dataSourceRef");
		ref = NULL;
	}
	if (tree_str(ref, "namespace").len)
		return;
	if (source && !ref) {
		tree_set(c->arena, spec, "dataSourceRef", json_copy(c->arena, source));
	} else if (ref && !source) {
		tree_set(c->arena, spec, "dataSource", json_copy(c->arena, ref));
		tree_drop(spec, "dataSource.namespace");
	}
}

static void prepare_create(struct change *c)
{
	tree_set_str(c->arena, c->object, "status.phase", STR("Pending"));
	settle_sources(c);
}

/* ---- checks ---- */

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec");

	check_claim_spec(e, &spec, json_get(c->object, STR("spec")));
}

static struct str beta_class(const struct cJSON *claim)
{
	return json_str(json_get(json_path(claim, "metadata.annotations"), STR(BETA_CLASS)));
}

/* A claim from before classes had a member may move its class there, or get its first one. */
static bool may_gain_class(struct change *c)
{
	struct str class = tree_str(c->object, "spec.storageClassName");

	if (tree_has(c->old, "spec.storageClassName") ||
		!tree_has(c->object, "spec.storageClassName"))
		return false;
	return !beta_class(c->old).len ||
	       (str_eq(beta_class(c->old), class) && str_eq(beta_class(c->object), class));
}

static void take(struct arena *a, struct cJSON *spec, const char *path, const struct cJSON *from)
{
	const struct cJSON *value = json_path(from, path);

	tree_set(a, spec, path, value ? json_copy(a, value) : NULL);
}

/* Bound claims may grow and change their attributes, unbound ones may be bound: nothing else. */
static void check_kept(struct change *c, struct field_errors *e)
{
	struct path at = PATH(NULL, "spec"), meta = PATH(NULL, "metadata");
	struct path annotations = PATH(&meta, "annotations");
	struct cJSON *now = json_copy(c->arena, json_get(c->object, STR("spec")));
	struct cJSON *old = json_copy(c->arena, json_get(c->old, STR("spec")));
	bool bound = str_eq_text(tree_str(c->object, "status.phase"), "Bound");
	_cleanup_(buf_done) struct buf diff = BUF_INIT(1 * MIB);

	if (!tree_str(old, "volumeName").len)
		take(c->arena, old, "volumeName", now);
	if (may_gain_class(c))
		take(c->arena, old, "storageClassName", now);
	else if (!str_eq(beta_class(c->object), beta_class(c->old)))
		field_invalid_str(e, &annotations, beta_class(c->object), "field is immutable");
	if (bound && tree_has(now, "resources.requests"))
		take(c->arena, now, "resources.requests.storage", old);
	if (bound && tree_has(now, "volumeAttributesClassName"))
		take(c->arena, now, "volumeAttributesClassName", old);
	now = api_canonical(c->arena, SCHEMA(core_v1, PersistentVolumeClaimSpec), now);
	old = api_canonical(c->arena, SCHEMA(core_v1, PersistentVolumeClaimSpec), old);
	if (json_equal(now, old))
		return;
	api_diff_go(&diff, c->arena, SCHEMA(core_v1, PersistentVolumeClaimSpec), old, now);
	field_forbidden(e, &at,
		"spec is immutable after creation except resources.requests and "
		"volumeAttributesClassName for bound claims\n%.*s",
		STRF(buf_str(&diff)));
}

static struct quantity amount(const struct cJSON *claim, const char *list)
{
	struct quantity q = {0};

	quantity_parse(json_str(json_get(json_path(claim, list), STR("storage"))), &q, NULL);
	return q;
}

/* What was asked for and not yet given may be asked back. */
static void check_size(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), resources = PATH(&spec, "resources");
	struct path requests = PATH(&resources, "requests"), at = PATH(&requests, "storage");
	struct quantity now = amount(c->object, "spec.resources.requests");

	if (quantity_cmp(now, amount(c->old, "spec.resources.requests")) < 0 &&
		quantity_cmp(now, amount(c->old, "status.capacity")) <= 0)
		field_forbidden(e, &at, "field can not be less than status.capacity");
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), mode = PATH(NULL, "volumeMode");
	struct path attributes = PATH(&spec, "volumeAttributesClassName");
	const struct cJSON *class = json_path(c->object, "spec.volumeAttributesClassName");

	validate(c, e);
	validate(c, e); /* twice, as upstream */
	check_kept(c, e);
	check_size(c, e);
	rule_same(e, &mode, NULL, json_path(c->object, "spec.volumeMode"),
		json_path(c->old, "spec.volumeMode"));
	if (!tree_has(c->old, "spec.volumeAttributesClassName"))
		return;
	if (!class)
		field_forbidden(e, &attributes, "update from non-nil value to nil is forbidden");
	else if (!json_str(class).len && tree_str(c->old, "spec.volumeAttributesClassName").len)
		field_forbidden(e, &attributes,
			"update from non-nil value to an empty string is forbidden");
}

static void check_amounts(
	struct field_errors *e, const struct path *p, const struct cJSON *status, const char *name)
{
	struct path at = PATH(p, name);

	json_each (value, json_get(status, str_from(name))) {
		struct path key = PATH_KEY(&at, json_key(value));

		check_volume_amount(e, &key, value);
	}
}

static void validate_status(struct change *c, struct field_errors *e)
{
	static const char *const steps[] = {"ControllerResizeInProgress",
		"ControllerResizeInfeasible", "NodeResizePending", "NodeResizeInProgress",
		"NodeResizeInfeasible", NULL};
	struct path status_at = PATH(NULL, "status");
	struct path statuses = PATH(&status_at, "allocatedResourceStatuses");
	const struct cJSON *status = json_get(c->object, STR("status"));

	check_amounts(e, &status_at, status, "capacity");
	json_each (step, json_get(status, STR("allocatedResourceStatuses"))) {
		struct path at = PATH_KEY(&statuses, json_key(step));

		if (!rule_is_one_of(json_str(step), steps))
			field_not_supported_str(e, &at, json_str(step), steps);
	}
	check_amounts(e, &status_at, status, "allocatedResources");
}

/* ---- warnings ---- */

static void warn(struct change *c)
{
	if (json_get(json_path(c->object, "metadata.annotations"), STR(BETA_CLASS)))
		change_warn(c,
			"metadata.annotations[%s]: deprecated since v1.8; use "
			"\"storageClassName\" attribute instead",
			BETA_CLASS);
	claim_warn(c, &PATH(NULL, "spec"), json_get(c->object, STR("spec")));
}

const struct strategy strategy_persistentvolumeclaims = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.drops_status = true,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.prepare_update = settle_sources,
	.validate = validate,
	.validate_update = validate_update,
	.validate_status = validate_status,
	.warn = warn,
};
