/* ObjectMeta: what every object has to obey. */
#include "types.h"

#include <kube/api_codec.h>
#include <kube/names.h>

#define ANNOTATIONS_MAX (256 * KIB)

/* ---- labels, annotations, selectors ---- */

void check_labels(struct field_errors *e, const struct path *p, const struct cJSON *labels)
{
	json_each (label, labels) {
		field_check_name(e, p, json_key(label), name_check_qualified);
		field_check_name(e, p, json_str(label), name_check_label_value);
	}
}

void check_annotations(
	struct field_errors *e, const struct path *p, const struct cJSON *annotations)
{
	size_t total = 0;

	json_each (annotation, annotations) {
		_cleanup_(buf_done) struct buf lower = BUF_INIT(1 * MIB);
		struct str key = json_key(annotation);
		struct name_faults f = {0};

		for (size_t i = 0; i < key.len; i++) {
			char c = key.at[i];
			buf_add_char(&lower, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
		}
		name_check_qualified(buf_str(&lower), &f);
		for (size_t i = 0; i < f.count; i++)
			field_invalid_str(e, p, key, "%s", f.items[i]);
		total += key.len + json_str(annotation).len;
	}
	if (total > ANNOTATIONS_MAX)
		field_too_long(e, p, ANNOTATIONS_MAX);
}

static void check_requirement(struct field_errors *e, const struct path *p,
	const struct cJSON *requirement, struct label_selector_rules rules)
{
	struct path key = PATH(p, "key"), values = PATH(p, "values"), op_at = PATH(p, "operator");
	const struct cJSON *list = json_get(requirement, STR("values"));
	struct str op = tree_str(requirement, "operator");
	size_t i = 0;

	if (str_eq_text(op, "In") || str_eq_text(op, "NotIn")) {
		if (!json_count(list))
			field_required(
				e, &values, "must be specified when `operator` is 'In' or 'NotIn'");
	} else if (str_eq_text(op, "Exists") || str_eq_text(op, "DoesNotExist")) {
		if (json_count(list))
			field_forbidden(e, &values,
				"may not be specified when `operator` is 'Exists' or "
				"'DoesNotExist'");
	} else {
		field_invalid_str(e, &op_at, op, "not a valid selector operator");
	}
	field_check_name(e, &key, tree_str(requirement, "key"), name_check_qualified);
	if (rules.allow_invalid_values)
		return;
	json_each (value, list) {
		struct path at = PATH_INDEX(&values, i++);

		field_check_name(e, &at, json_str(value), name_check_label_value);
	}
}

void check_label_selector(struct field_errors *e, const struct path *p,
	const struct cJSON *selector, struct label_selector_rules rules)
{
	struct path labels = PATH(p, "matchLabels"), list = PATH(p, "matchExpressions");
	size_t i = 0;

	check_labels(e, &labels, json_get(selector, STR("matchLabels")));
	json_each (requirement, json_get(selector, STR("matchExpressions"))) {
		struct path at = PATH_INDEX(&list, i++);

		check_requirement(e, &at, requirement, rules);
	}
}

/* ---- owners, finalizers ---- */

static void check_owner(struct field_errors *e, const struct path *p, const struct cJSON *owner)
{
	struct path version_at = PATH(p, "apiVersion"), kind_at = PATH(p, "kind");
	struct path name_at = PATH(p, "name"), uid_at = PATH(p, "uid");
	struct str version = tree_str(owner, "apiVersion"), kind = tree_str(owner, "kind");
	struct str group, rest;

	str_cut(version, '/', &group, &rest);
	if (!version.len || version.at[version.len - 1] == '/' || str_find_char(rest, '/') >= 0)
		field_invalid_str(e, &version_at, version, "version must not be empty");
	if (!kind.len)
		field_invalid_str(e, &kind_at, kind, "must not be empty");
	if (!tree_str(owner, "name").len)
		field_invalid_str(e, &name_at, STR(""), "must not be empty");
	if (!tree_str(owner, "uid").len)
		field_invalid_str(e, &uid_at, STR(""), "must not be empty");
	if (str_eq_text(kind, "Event") &&
		(str_eq_text(version, "v1") || str_eq_text(version, "events.k8s.io/v1")))
		field_invalid(e, p, owner, "%.*s is disallowed from being an owner",
			STRF(arena_print(e->arena, "%s%.*s, Kind=Event",
				str_find_char(version, '/') < 0 ? "/" : "", STRF(version))));
}

static void check_owners(struct field_errors *e, const struct path *p, const struct cJSON *list)
{
	struct str controller = {0};

	json_each (owner, list) {
		check_owner(e, p, owner); /* its place in the list is not told */
		if (!tree_true(owner, "controller"))
			continue;
		struct str name = arena_print(e->arena, "%.*s/%.*s", STRF(tree_str(owner, "kind")),
			STRF(tree_str(owner, "name")));
		if (controller.len) {
			_cleanup_(buf_done) struct buf text = BUF_INIT(1 * MIB);

			json_print(&text, list, JSON_COMPACT);
			field_invalid_raw(e, p, buf_str(&text),
				"Only one reference can have Controller set to true. Found "
				"\"true\" in references for %.*s and %.*s",
				STRF(controller), STRF(name));
		} else {
			controller = name;
		}
	}
}

static void check_finalizer_name(struct field_errors *e, const struct path *p, struct str name)
{
	field_check_name(e, p, name, name_check_qualified);
}

static void check_finalizers(struct field_errors *e, const struct path *p, const struct cJSON *list)
{
	bool orphan = false, foreground = false;

	json_each (item, list) {
		check_finalizer_name(e, p, json_str(item));
		orphan |= str_eq_text(json_str(item), "orphan");
		foreground |= str_eq_text(json_str(item), "foregroundDeletion");
	}
	if (orphan && foreground)
		field_invalid(
			e, p, list, "finalizer orphan and foregroundDeletion cannot be both set");
}

/* Names without a domain are the API's own; only some kinds ask for this. */
static void check_standard_finalizers(
	struct field_errors *e, const struct path *p, const struct cJSON *list)
{
	static const char *const own[] = {"kubernetes", "orphan", "foregroundDeletion"};
	size_t i = 0;

	json_each (item, list) {
		struct path at = PATH_INDEX(p, i++);
		bool known = str_find_char(json_str(item), '/') >= 0;

		for (size_t j = 0; j < sizeof(own) / sizeof(own[0]); j++)
			known |= str_eq_text(json_str(item), own[j]);
		if (!known)
			field_invalid(e, &at, item,
				"name is neither a standard finalizer name nor is it fully "
				"qualified");
	}
}

/* ---- managed fields ---- */

static void check_managed(struct field_errors *e, const struct path *p, const struct cJSON *list)
{
	size_t i = 0;

	json_each (entry, list) {
		struct path at = PATH_INDEX(p, i++), operation_at = PATH(&at, "operation");
		struct path type_at = PATH(&at, "fieldsType"), manager_at = PATH(&at, "manager");
		struct str operation = tree_str(entry, "operation");
		struct str type = tree_str(entry, "fieldsType");

		if (!str_eq_text(operation, "Apply") && !str_eq_text(operation, "Update"))
			field_invalid_str(
				e, &operation_at, operation, "must be `Apply` or `Update`");
		if (type.len && !str_eq_text(type, "FieldsV1"))
			field_invalid_str(e, &type_at, type, "must be `FieldsV1`");
		if (tree_str(entry, "manager").len > 128)
			field_too_long(e, &manager_at, 128);
	}
}

/* ---- all of it ---- */

static void check_generation(struct field_errors *e, const struct path *p, const struct cJSON *meta)
{
	struct path at = PATH(p, "generation");
	int64_t generation = tree_int(meta, "generation", 0);

	if (generation < 0)
		field_invalid_int(e, &at, generation, "must be greater than or equal to 0");
}

static void check_names(
	struct field_errors *e, const struct path *p, const struct cJSON *meta, name_check_fn *rule)
{
	struct path name_at = PATH(p, "name"), generate_at = PATH(p, "generateName");
	struct str name = tree_str(meta, "name"), base = tree_str(meta, "generateName");

	if (base.len) {
		/* the prefix may end in a dash that only a suffix makes right */
		struct str masked = base;
		struct name_faults f = {0};

		if (base.len > 1 && base.at[base.len - 1] == '-')
			masked = arena_print(
				e->arena, "%.*sa", STRF(str_sub(base, 0, base.len - 2)));
		rule(masked, &f);
		for (size_t i = 0; i < f.count; i++)
			field_invalid_str(e, &generate_at, base, "%s", f.items[i]);
	}
	if (!name.len) {
		field_required(e, &name_at, "name or generateName is required");
		return;
	}
	field_check_name(e, &name_at, name, rule);
}

void check_object_meta(struct field_errors *e, const struct path *p, const struct cJSON *meta,
	bool namespaced, name_check_fn *name_rule)
{
	struct path space_at = PATH(p, "namespace"), labels = PATH(p, "labels");
	struct path annotations = PATH(p, "annotations"), owners = PATH(p, "ownerReferences");
	struct path finalizers = PATH(p, "finalizers"), managed = PATH(p, "managedFields");
	struct str space = tree_str(meta, "namespace");

	check_names(e, p, meta, name_rule);
	if (namespaced) {
		if (!space.len)
			field_required(e, &space_at, "%s", "");
		else
			field_check_name(e, &space_at, space, name_check_dns_label);
	} else if (space.len) {
		field_forbidden(e, &space_at, "not allowed on this type");
	}
	check_generation(e, p, meta);
	check_labels(e, &labels, json_get(meta, STR("labels")));
	check_annotations(e, &annotations, json_get(meta, STR("annotations")));
	check_owners(e, &owners, json_get(meta, STR("ownerReferences")));
	check_finalizers(e, &finalizers, json_get(meta, STR("finalizers")));
	check_managed(e, &managed, json_get(meta, STR("managedFields")));
	check_standard_finalizers(e, &finalizers, json_get(meta, STR("finalizers")));
}

/* ---- updates ---- */

static bool listed(const struct cJSON *list, struct str text)
{
	json_each (item, list)
		if (str_eq(json_str(item), text))
			return true;
	return false;
}

static void check_no_new_finalizers(struct field_errors *e, const struct path *p,
	const struct cJSON *meta, const struct cJSON *old)
{
	struct path at = PATH(p, "finalizers");
	_cleanup_(buf_done) struct buf names = BUF_INIT(1 * MIB);

	json_each (item, json_get(meta, STR("finalizers")))
		if (!listed(json_get(old, STR("finalizers")), json_str(item))) {
			if (names.len)
				buf_add_text(&names, ", ");
			json_print_str(&names, json_str(item));
		}
	if (names.len)
		field_forbidden(e, &at,
			"no new finalizers can be added if the object is being deleted, found new "
			"finalizers []string{%.*s}",
			STRF(buf_str(&names)));
}

void check_object_meta_update(struct field_errors *e, const struct path *p,
	const struct cJSON *meta, const struct cJSON *old)
{
	static const char *const fixed[] = {"name", "namespace", "uid", "creationTimestamp",
		"deletionTimestamp", "deletionGracePeriodSeconds", NULL};
	struct path labels = PATH(p, "labels"), annotations = PATH(p, "annotations");
	struct path owners = PATH(p, "ownerReferences"), finalizers = PATH(p, "finalizers");
	struct path managed = PATH(p, "managedFields"), generation = PATH(p, "generation");

	if (tree_has(old, "deletionTimestamp"))
		check_no_new_finalizers(e, p, meta, old);
	if (tree_int(meta, "generation", 0) < tree_int(old, "generation", 0))
		field_invalid_int(
			e, &generation, tree_int(meta, "generation", 0), "must not be decremented");
	for (size_t i = 0; fixed[i]; i++) {
		struct path at = PATH(p, fixed[i]);
		const struct cJSON *value = json_get(meta, str_from(fixed[i]));

		if (!json_equal(value, json_get(old, str_from(fixed[i]))))
			field_invalid(e, &at, value, "field is immutable");
	}
	for (int twice = 0; twice < 2; twice++) { /* as upstream tells it */
		check_labels(e, &labels, json_get(meta, STR("labels")));
		check_annotations(e, &annotations, json_get(meta, STR("annotations")));
		check_owners(e, &owners, json_get(meta, STR("ownerReferences")));
	}
	check_finalizers(e, &finalizers, json_get(meta, STR("finalizers")));
	check_managed(e, &managed, json_get(meta, STR("managedFields")));
	check_standard_finalizers(e, &finalizers, json_get(meta, STR("finalizers")));
}
