#include "pod_update.h"
#include <kube/map.h>

/* ---- the pod itself ---- */

static const char immutable_text[] =
	"pod updates may not change fields other than `spec.containers[*].image`,"
	"`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
	"additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be "
	"set to 1 if it was previously negative)";

static void take_images(
	struct arena *a, struct cJSON *munged, const struct cJSON *old, const char *list)
{
	size_t i = 0;

	json_each (container, json_path(munged, list)) {
		struct str image = tree_str(json_at(json_path(old, list), i++), "image");

		if (image.len)
			tree_set_str(a, container, "image", image);
	}
}

static void take(struct arena *a, struct cJSON *munged, const struct cJSON *old, const char *path)
{
	const struct cJSON *value = json_path(old, path);

	tree_set(a, munged, path, value ? json_copy(a, value) : NULL);
}

static void check_images(struct change *c, struct field_errors *e, const char *name)
{
	struct path spec = PATH(NULL, "spec"), list_at = PATH(&spec, name);
	size_t i = 0;

	json_each (container, json_get(json_get(c->object, STR("spec")), str_from(name))) {
		struct path at = PATH_INDEX(&list_at, i++), image_at = PATH(&at, "image");
		struct str image = tree_str(container, "image");

		if (rule_text(e, &at, container, "image") && str_trim(image).len != image.len)
			field_invalid_str(e, &image_at, image,
				"must not have leading or trailing whitespace");
	}
}

/* Counted down, never up. */
static void check_deadline(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "activeDeadlineSeconds");
	const struct cJSON *now = json_path(c->object, "spec.activeDeadlineSeconds");
	const struct cJSON *was = json_path(c->old, "spec.activeDeadlineSeconds");
	int64_t left = tree_int(c->object, "spec.activeDeadlineSeconds", 0);
	int64_t before = tree_int(c->old, "spec.activeDeadlineSeconds", 0);

	if (now && (left < 0 || left > INT32_MAX))
		field_invalid_int(e, &at, left, "must be between 0 and %d, inclusive", INT32_MAX);
	else if (now && was && before < left)
		field_invalid_int(e, &at, left, "must be less than or equal to previous value");
	else if (!now && was)
		field_invalid(e, &at, NULL, "must not update from a positive integer to nil value");
}

/* Gates go, and none comes. */
static void check_gates(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), list_at = PATH(&spec, "schedulingGates");
	const struct cJSON *old = json_path(c->old, "spec.schedulingGates");
	size_t i = 0;

	json_each (gate, json_path(c->object, "spec.schedulingGates")) {
		struct path item = PATH_INDEX(&list_at, i++), at = PATH(&item, "name");
		struct str name = tree_str(gate, "name");

		if (!rule_came_before(old, SIZE_MAX, "name", name))
			field_forbidden(e, &at,
				"only deletion is allowed, but found new scheduling gate '%.*s'",
				STRF(name));
	}
}

/* All of it but the seconds. */
static struct str toleration_name(struct arena *a, const struct cJSON *t)
{
	struct str key = tree_str(t, "key"), effect = tree_str(t, "effect");

	return arena_print(a, "%zu %.*s %zu %.*s %.*s %.*s", key.len, STRF(key), effect.len,
		STRF(effect), STRF(tree_str(t, "operator")), STRF(tree_str(t, "value")));
}

/* What stood there stays; only how long it is tolerated may change. */
static void check_tolerations(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "tolerations");
	struct map now;

	map_init(&now);
	json_each (t, json_path(c->object, "spec.tolerations"))
		map_set(&now, toleration_name(c->arena, t), c);
	json_each (old, json_path(c->old, "spec.tolerations"))
		if (!map_has(&now, toleration_name(c->arena, old))) {
			field_forbidden(e, &at,
				"existing toleration can not be modified except its "
				"tolerationSeconds");
			break;
		}
	map_done(&now);
}

static bool counts_differ(struct change *c, struct field_errors *e)
{
	static const char *const lists[] = {"containers", "initContainers", NULL};
	struct path spec = PATH(NULL, "spec");
	bool differ = false;

	for (size_t i = 0; lists[i]; i++) {
		struct path at = PATH(&spec, lists[i]);
		struct str name = str_from(lists[i]);

		if (json_count(json_get(json_get(c->object, STR("spec")), name)) ==
			json_count(json_get(json_get(c->old, STR("spec")), name)))
			continue;
		field_forbidden(e, &at, "pod updates may not add or remove containers");
		differ = true;
	}
	return differ;
}

static void check_munged(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec");
	struct cJSON *munged = json_copy(c->arena, c->object);

	take_images(c->arena, munged, c->old, "spec.containers");
	take_images(c->arena, munged, c->old, "spec.initContainers");
	take(c->arena, munged, c->old, "spec.activeDeadlineSeconds");
	take(c->arena, munged, c->old, "spec.tolerations");
	pod_check_gated(c, e, munged);
	if (tree_int(c->old, "spec.terminationGracePeriodSeconds", 0) < 0 &&
		tree_int(c->object, "spec.terminationGracePeriodSeconds", 0) == 1)
		take(c->arena, munged, c->old, "spec.terminationGracePeriodSeconds");
	munged = api_canonical(c->arena, SCHEMA(core_v1, Pod), munged);
	if (!json_equal(json_get(munged, STR("spec")), json_get(c->old, STR("spec"))))
		field_forbidden(e, &spec, "%s\n%.*s", immutable_text,
			STRF(pod_spec_diff(c->arena, json_get(c->old, STR("spec")),
				json_get(munged, STR("spec")))));
}

void pod_check_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), meta = PATH(NULL, "metadata");
	struct path annotations = PATH(&meta, "annotations");

	pod_check_annotations(e, &annotations, json_path(c->object, "metadata.annotations"),
		json_get(c->object, STR("spec")));
	check_pod_spec(e, &spec, json_get(c->object, STR("spec")));
	pod_check_annotation_update(c, e);
	if (counts_differ(c, e))
		return;
	check_images(c, e, "containers");
	check_images(c, e, "initContainers");
	check_deadline(c, e);
	check_gates(c, e);
	check_tolerations(c, e);
	check_munged(c, e);
}

/* ---- ephemeral containers ---- */

void pod_prepare_ephemeral(struct change *c)
{
	struct cJSON *list = json_path(c->object, "spec.ephemeralContainers");
	struct cJSON *meta = json_get(c->object, STR("metadata"));
	struct cJSON *whole = json_copy(c->arena, c->old);

	tree_set(c->arena, whole, "spec.ephemeralContainers",
		list ? json_copy(c->arena, list) : NULL);
	tree_set(c->arena, whole, "metadata.managedFields",
		json_get(meta, STR("managedFields"))
			? json_copy(c->arena, json_get(meta, STR("managedFields")))
			: NULL);
	c->object = whole;
	pod_spec_defaults(c->arena, json_get(c->object, STR("spec")), true);
}

static const struct cJSON *by_name(const struct cJSON *list, struct str name)
{
	json_each (item, list)
		if (str_eq(tree_str(item, "name"), name))
			return item;
	return NULL;
}

static struct str container_diff(struct arena *a, const struct cJSON *old, const struct cJSON *now)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * MIB);

	api_diff_go(&text, a, SCHEMA(core_v1, EphemeralContainer), old, now);
	return arena_str(a, buf_str(&text));
}

void pod_check_ephemeral_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "ephemeralContainers");
	struct path nowhere = PATH_KEY(NULL, STR(""));
	const struct cJSON *list = json_path(c->object, "spec.ephemeralContainers");

	if (json_get(json_path(c->old, "metadata.annotations"),
		    STR("kubernetes.io/config.mirror"))) {
		field_forbidden(e, &nowhere, "static pods do not support ephemeral containers");
		return;
	}
	check_pod_spec(e, &spec, json_get(c->object, STR("spec")));
	json_each (old, json_path(c->old, "spec.ephemeralContainers")) {
		const struct cJSON *now = by_name(list, tree_str(old, "name"));

		if (!now)
			field_forbidden(e, &at,
				"existing ephemeral containers \"%.*s\" may not be removed\n",
				STRF(tree_str(old, "name")));
		else if (!json_equal(now, old))
			field_forbidden(e, &at,
				"existing ephemeral containers \"%.*s\" may not be changed\n%.*s",
				STRF(tree_str(old, "name")),
				STRF(container_diff(c->arena, old, now)));
	}
}
