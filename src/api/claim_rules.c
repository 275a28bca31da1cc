#include "claim_rules.h"

#include "pod_parts.h"

void check_access_modes(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	static const char *const modes[] = {
		"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod", NULL};
	struct path at = PATH(p, "accessModes");
	const struct cJSON *list = json_get(spec, STR("accessModes"));
	bool alone = false;

	if (!json_count(list))
		field_required(e, &at, "at least 1 access mode is required");
	json_each (mode, list) {
		if (!rule_is_one_of(json_str(mode), modes))
			field_not_supported_str(e, &at, json_str(mode), modes);
		alone |= str_eq_text(json_str(mode), "ReadWriteOncePod");
	}
	if (alone && json_count(list) > 1)
		field_forbidden(e, &at, "may not use ReadWriteOncePod with other access modes");
}

static void check_storage(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path at = PATH(p, "resources"), storage = PATH_KEY(&at, STR("storage"));
	const struct cJSON *amount =
		json_get(json_path(spec, "resources.requests"), STR("storage"));
	struct quantity q;

	if (!amount) {
		field_required(e, &storage, "%s", "");
		return;
	}
	check_resource_name(e, &storage, STR("storage"));
	if (!quantity_parse(json_str(amount), &q, NULL) && quantity_sign(q) <= 0)
		field_invalid_str(e, &storage, json_str(amount), "must be greater than zero");
}

static void check_data_source(
	struct field_errors *e, const struct path *p, const struct cJSON *spec, const char *name)
{
	struct path at = PATH(p, name), group_at = PATH(&at, "apiGroup");
	const struct cJSON *source = json_get(spec, str_from(name));
	struct str group = tree_str(source, "apiGroup"), kind = tree_str(source, "kind");

	if (!source)
		return;
	rule_text(e, &at, source, "name");
	rule_text(e, &at, source, "kind");
	if (!group.len && !str_eq_text(kind, "PersistentVolumeClaim"))
		field_invalid_str(e, &at, kind,
			"must be 'PersistentVolumeClaim' when referencing the default apiGroup");
	if (group.len)
		field_check_name(e, &group_at, group, name_check_dns_subdomain);
}

/* The value is a path upstream, and prints as the empty struct it is to JSON. */
static void check_same_source(
	struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	const struct cJSON *source = json_get(spec, STR("dataSource"));
	const struct cJSON *ref = json_get(spec, STR("dataSourceRef"));

	if (!source || !ref)
		return;
	if (tree_str(ref, "namespace").len)
		field_invalid_raw(e, p, STR("{}"),
			"may not be specified when dataSourceRef.namespace is specified");
	else if (!str_eq(tree_str(source, "apiGroup"), tree_str(ref, "apiGroup")) ||
		 !str_eq(tree_str(source, "kind"), tree_str(ref, "kind")) ||
		 !str_eq(tree_str(source, "name"), tree_str(ref, "name")))
		field_invalid_raw(e, p, STR("{}"), "must match dataSourceRef");
}

void check_claim_spec(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	static const char *const modes[] = {"Block", "Filesystem", NULL};
	struct path selector = PATH(p, "selector"), class_at = PATH(p, "storageClassName");
	struct path attributes = PATH(p, "volumeAttributesClassName");
	struct label_selector_rules rules = {0};
	const struct cJSON *class = json_get(spec, STR("storageClassName"));
	const struct cJSON *attribute = json_get(spec, STR("volumeAttributesClassName"));

	check_access_modes(e, p, spec);
	check_label_selector(e, &selector, json_get(spec, STR("selector")), rules);
	check_storage(e, p, spec);
	if (json_str(class).len)
		field_check_name(e, &class_at, json_str(class), name_check_dns_subdomain);
	rule_choice(e, p, spec, "volumeMode", modes);
	check_data_source(e, p, spec, "dataSource");
	check_data_source(e, p, spec, "dataSourceRef");
	check_same_source(e, p, spec);
	if (json_str(attribute).len)
		field_check_name(e, &attributes, json_str(attribute), name_check_dns_subdomain);
}

void check_claim_template(struct field_errors *e, const struct path *p, const struct cJSON *tmpl)
{
	struct path meta = PATH(p, "metadata"), labels = PATH(&meta, "labels");
	struct path annotations = PATH(&meta, "annotations"), spec = PATH(p, "spec");

	check_labels(e, &labels, json_path(tmpl, "metadata.labels"));
	check_annotations(e, &annotations, json_path(tmpl, "metadata.annotations"));
	check_claim_spec(e, &spec, json_get(tmpl, STR("spec")));
}

/* ---- warnings ---- */

void claim_warn(struct change *c, const struct path *p, const struct cJSON *spec)
{
	static const char *const lists[] = {"requests", "limits", NULL};
	struct path resources = PATH(p, "resources");

	for (size_t i = 0; lists[i]; i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(4 * KIB);
		struct path list = PATH(&resources, lists[i]), at = PATH_KEY(&list, STR("storage"));
		const struct cJSON *list_of =
			json_get(json_get(spec, STR("resources")), str_from(lists[i]));
		const struct cJSON *storage = json_get(list_of, STR("storage"));
		struct quantity q;

		if (!storage || quantity_parse(json_str(storage), &q, NULL) || quantity_is_whole(q))
			continue;
		path_print(&text, &at);
		change_warn(c,
			"%.*s: fractional byte value \"%.*s\" is invalid, must be an integer",
			STRF(buf_str(&text)), STRF(json_str(storage)));
	}
}
