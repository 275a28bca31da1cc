#include "definition_rules.h"
#include "definition_schemas.h"

#include "go_url.h"

#define WARNING_MAX 256
#define APPROVAL    "api-approved.kubernetes.io"

/* ---- names ---- */

/* Mixed case is fine; else as DNS labels. */
static void check_kind(
	struct field_errors *e, const struct path *p, const struct cJSON *names, const char *member)
{
	struct path at = PATH(p, member);
	struct str kind = tree_str(names, member);
	char *lower = arena_copy(e->arena, kind.at, kind.len);
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	struct name_faults f = {0};

	for (size_t i = 0; i < kind.len; i++)
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] += 'a' - 'A';
	if (kind.len)
		name_check_dns_label_1035(str_make(lower, kind.len), &f);
	for (size_t i = 0; i < f.count; i++)
		buf_print(&text, "%s%s", i ? "," : "", f.items[i]);
	if (f.count)
		field_invalid_str(e, &at, kind,
			"may have mixed case, but should otherwise match: %.*s",
			STRF(buf_str(&text)));
}

static void check_label(
	struct field_errors *e, const struct path *p, const struct cJSON *names, const char *member)
{
	struct path at = PATH(p, member);

	if (tree_str(names, member).len)
		rule_name_joined(e, &at, tree_str(names, member), "", name_check_dns_label_1035);
}

static void check_label_list(
	struct field_errors *e, const struct path *p, const struct cJSON *names, const char *member)
{
	struct path list = PATH(p, member);
	size_t i = 0;

	json_each (item, json_get(names, str_from(member))) {
		struct path at = PATH_INDEX(&list, i++);

		rule_name_joined(e, &at, json_str(item), "", name_check_dns_label_1035);
	}
}

void check_definition_names(struct field_errors *e, const struct path *p, const struct cJSON *names)
{
	struct path list_kind = PATH(p, "listKind");
	struct str kind = tree_str(names, "kind");

	check_label(e, p, names, "plural");
	check_label(e, p, names, "singular");
	check_kind(e, p, names, "kind");
	check_kind(e, p, names, "listKind");
	check_label_list(e, p, names, "shortNames");
	if (kind.len && str_eq(kind, tree_str(names, "listKind")))
		field_invalid_str(e, &list_kind, kind, "kind and listKind may not be the same");
	check_label_list(e, p, names, "categories");
}

static void check_names(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	static const char *const wanted[] = {"plural", "singular", "kind", "listKind", NULL};
	struct path at = PATH(p, "names");
	const struct cJSON *names = json_get(spec, STR("names"));

	for (size_t i = 0; wanted[i]; i++)
		rule_text(e, &at, names, wanted[i]);
	check_definition_names(e, &at, names);
}

static void check_group(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path at = PATH(p, "group");
	struct str group = tree_str(spec, "group");
	size_t before = e->count;

	if (!rule_text(e, p, spec, "group"))
		return;
	rule_name_joined(e, &at, group, "", name_check_dns_subdomain);
	if (e->count == before && str_find_char(group, '.') < 0)
		field_invalid_str(e, &at, group, "should be a domain with at least one dot");
}

/* ---- versions ---- */

/* The internal form: what all versions have alike stands once, for all of them. */
static bool identical(const struct cJSON *versions, const char *member)
{
	const struct cJSON *first = json_get(json_first(versions), str_from(member));

	json_each (version, versions)
		if (!json_equal(first, json_get(version, str_from(member))))
			return false;
	return true;
}

static void print_member(struct buf *out, const struct cJSON *versions, const struct cJSON *version,
	const char *member, const char *name)
{
	const struct cJSON *value =
		identical(versions, member) ? NULL : json_get(version, str_from(member));

	buf_print(out, ",\"%s\":", name);
	if (value)
		json_print(out, value, JSON_COMPACT);
	else
		buf_add_text(out, "null");
}

static struct str print_versions(struct arena *a, const struct cJSON *versions)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(4 * MIB);

	if (!json_is(versions, JSON_ARRAY))
		return STR("null");
	json_each (version, versions) {
		buf_add_text(&out, out.len ? ",{\"Name\":" : "[{\"Name\":");
		json_print_str(&out, tree_str(version, "name"));
		buf_print(&out, ",\"Served\":%s,\"Storage\":%s,\"Deprecated\":%s",
			tree_true(version, "served") ? "true" : "false",
			tree_true(version, "storage") ? "true" : "false",
			tree_true(version, "deprecated") ? "true" : "false");
		buf_add_text(&out, ",\"DeprecationWarning\":");
		if (tree_has(version, "deprecationWarning"))
			json_print_str(&out, tree_str(version, "deprecationWarning"));
		else
			buf_add_text(&out, "null");
		print_member(&out, versions, version, "schema", "Schema");
		print_member(&out, versions, version, "subresources", "Subresources");
		print_member(&out, versions, version, "additionalPrinterColumns",
			"AdditionalPrinterColumns");
		print_member(&out, versions, version, "selectableFields", "SelectableFields");
		buf_add_char(&out, '}');
	}
	buf_add_text(&out, out.len ? "]" : "[]");
	return arena_str(a, buf_str(&out));
}

static void check_warning(struct field_errors *e, const struct path *p, const struct cJSON *version)
{
	struct path at = PATH(p, "deprecationWarning");
	struct str warning = tree_str(version, "deprecationWarning");

	if (!tree_has(version, "deprecationWarning"))
		return;
	if (!tree_true(version, "deprecated"))
		field_invalid_str(e, &at, warning, "can only be set for deprecated versions");
	if (!warning.len)
		field_invalid_str(e, &at, warning, "must not be an empty string");
	if (warning.len > WARNING_MAX)
		field_invalid_str(e, &at, warning, "must be <= %d characters long", WARNING_MAX);
	for (size_t i = 0; i < warning.len; i++)
		if ((unsigned char)warning.at[i] < 0x20 || warning.at[i] == 0x7f) {
			field_invalid_str(e, &at, warning,
				"must only contain printable UTF-8 characters; non-printable "
				"character found at index %zu",
				i);
			break;
		}
}

static bool is_unchanged(const struct cJSON *version, const struct cJSON *old)
{
	const struct cJSON *schema = json_path(version, "schema.openAPIV3Schema");

	json_each (other, json_path(old, "spec.versions"))
		if (str_eq(tree_str(other, "name"), tree_str(version, "name")))
			return json_equal(schema, json_path(other, "schema.openAPIV3Schema"));
	return false;
}

/* Which of the rules for schemas hold for one version (NULL: for what all have alike). */
static struct schema_demands demands_of(
	const struct schema_demands *d, const struct cJSON *versions, const struct cJSON *version)
{
	struct schema_demands own = *d;

	own.unchanged = d->old != NULL;
	json_each (other, versions)
		if (!version || other == version) {
			own.status |= tree_has(other, "subresources.status");
			own.unchanged = own.unchanged && is_unchanged(other, d->old);
		}
	return own;
}

static void check_schema(struct field_errors *e, const struct path *p, const char *member,
	const struct cJSON *version, struct schema_demands d)
{
	struct path at = PATH(p, member), root = PATH(&at, "openAPIV3Schema");
	const struct cJSON *schema = json_path(version, "schema.openAPIV3Schema");

	if (json_is(schema, JSON_OBJECT))
		check_definition_schema(e, &root, schema, &d);
}

static void check_version(struct field_errors *e, const struct path *p,
	const struct cJSON *versions, const struct cJSON *version, const struct schema_demands *d)
{
	struct path name = PATH(p, "name"), subresources = PATH(p, "subresources");
	struct path columns = PATH(p, "additionalPrinterColumns");
	struct path fields = PATH(p, "selectableFields");

	rule_name_joined(e, &name, tree_str(version, "name"), "", name_check_dns_label_1035);
	check_warning(e, p, version);
	if (!identical(versions, "schema"))
		check_schema(e, p, "schema", version, demands_of(d, versions, version));
	if (!identical(versions, "subresources"))
		check_definition_subresources(
			e, &subresources, json_get(version, STR("subresources")));
	if (!identical(versions, "additionalPrinterColumns"))
		check_definition_columns(
			e, &columns, json_get(version, STR("additionalPrinterColumns")));
	if (!identical(versions, "selectableFields"))
		check_selectable_fields(e, &fields, version, !identical(versions, "schema"),
			"version.schema.openAPIV3Schema is not");
}

static void check_versions(struct field_errors *e, const struct path *p, const struct cJSON *spec,
	const struct schema_demands *d)
{
	struct path at = PATH(p, "versions"), first = PATH(p, "version");
	const struct cJSON *versions = json_get(spec, STR("versions"));
	size_t stored = 0, i = 0;
	bool unique = true;

	json_each (version, versions) {
		struct path item = PATH_INDEX(&at, i), schema = PATH(&item, "schema");
		struct path root = PATH(&schema, "openAPIV3Schema");

		if (!tree_has(version, "schema.openAPIV3Schema"))
			field_required(e, &root, "%s", "");
		stored += tree_true(version, "storage");
		unique &= !rule_came_before(versions, i++, "name", tree_str(version, "name"));
	}
	i = 0;
	json_each (version, versions) {
		struct path item = PATH_INDEX(&at, i++);

		check_version(e, &item, versions, version, d);
	}
	if (!unique)
		field_invalid_raw(e, &at, print_versions(e->arena, versions),
			"must contain unique version names");
	if (stored != 1)
		field_invalid_raw(e, &at, print_versions(e->arena, versions),
			"must have exactly one version marked as storage version");
	/* the internal form repeats the first one's name */
	if (i && tree_str(json_first(versions), "name").len)
		rule_name_joined(e, &first, tree_str(json_first(versions), "name"), "",
			name_check_dns_label_1035);
}

static void check_alike(struct field_errors *e, const struct path *p, const struct cJSON *spec,
	const struct schema_demands *d)
{
	struct path subresources = PATH(p, "subresources");
	struct path columns = PATH(p, "additionalPrinterColumns");
	struct path fields = PATH(p, "selectableFields");
	const struct cJSON *versions = json_get(spec, STR("versions"));
	const struct cJSON *first = json_first(versions);

	if (identical(versions, "schema"))
		check_schema(e, p, "validation", first, demands_of(d, versions, NULL));
	if (identical(versions, "subresources"))
		check_definition_subresources(
			e, &subresources, json_get(first, STR("subresources")));
	if (identical(versions, "additionalPrinterColumns"))
		check_definition_columns(
			e, &columns, json_get(first, STR("additionalPrinterColumns")));
	if (identical(versions, "selectableFields"))
		check_selectable_fields(
			e, &fields, first, identical(versions, "schema"), "validations.schema is");
}

void check_definition_spec(
	struct field_errors *e, const struct cJSON *spec, const struct cJSON *old)
{
	struct schema_demands d = schema_demands_of(old);
	static const char *const scopes[] = {"Cluster", "Namespaced", NULL};
	struct path p = PATH(NULL, "spec"), conversion = PATH(&p, "conversion");

	check_group(e, &p, spec);
	rule_choice_required(e, &p, spec, "scope", scopes);
	check_versions(e, &p, spec, &d);
	check_names(e, &p, spec);
	check_alike(e, &p, spec, &d);
	if (tree_has(spec, "conversion"))
		check_definition_conversion(e, &conversion, json_get(spec, STR("conversion")));
}

void check_stored_versions(struct field_errors *e, const struct cJSON *definition)
{
	struct path status = PATH(NULL, "status"), at = PATH(&status, "storedVersions");
	const struct cJSON *stored = json_path(definition, "status.storedVersions");
	const struct cJSON *versions = json_path(definition, "spec.versions");
	size_t count = json_count(versions), i = 0;

	if (!json_count(stored)) {
		field_invalid(e, &at, stored, "must have at least one stored version");
		return;
	}
	json_each (version, versions)
		if (tree_true(version, "storage") && !rule_came_before(stored, json_count(stored),
							     NULL, tree_str(version, "name")))
			field_invalid(e, &at, stored, "must have the storage version %.*s",
				STRF(tree_str(version, "name")));
	json_each (name, stored) {
		struct path item = PATH_INDEX(&at, i++);
		struct str v = json_str(name);

		if (!rule_came_before(versions, count, "name", v))
			field_invalid_str(e, &item, v,
				"missing from spec.versions; %.*s was previously a storage "
				"version, and must remain in spec.versions until a storage "
				"migration ensures no data remains persisted in %.*s and removes "
				"%.*s from status.storedVersions",
				STRF(v), STRF(v), STRF(v));
	}
}

/* ---- approval ---- */

static bool is_protected(struct str group)
{
	return str_eq_text(group, "k8s.io") || str_ends(group, STR(".k8s.io")) ||
	       str_eq_text(group, "kubernetes.io") || str_ends(group, STR(".kubernetes.io"));
}

static struct str approval_of(const struct cJSON *definition)
{
	const struct cJSON *annotations = json_path(definition, "metadata.annotations");

	return json_str(json_get(annotations, STR(APPROVAL)));
}

enum approval { APPROVAL_MISSING, APPROVAL_INVALID, APPROVAL_GIVEN };

static enum approval judge(struct arena *a, const struct cJSON *definition)
{
	struct str text = approval_of(definition), problem;
	struct go_url url;

	if (!text.len)
		return APPROVAL_MISSING;
	if (str_starts(text, STR("unapproved")) ||
		(go_url_parse(a, text, &url, &problem) && url.scheme.len && url.host.len))
		return APPROVAL_GIVEN;
	return APPROVAL_INVALID;
}

void check_approval(struct field_errors *e, const struct cJSON *definition, const struct cJSON *old)
{
	struct path meta = PATH(NULL, "metadata"), annotations = PATH(&meta, "annotations");
	struct path at = PATH_KEY(&annotations, STR(APPROVAL));
	enum approval now = judge(e->arena, definition);

	if (!is_protected(tree_str(definition, "spec.group")) ||
		(old && judge(e->arena, old) == now))
		return;
	if (now == APPROVAL_MISSING)
		field_required(e, &at,
			"protected groups must have approval annotation \"" APPROVAL
			"\", see https://github.com/kubernetes/enhancements/pull/1111");
	else if (now == APPROVAL_INVALID)
		field_invalid_str(e, &at, approval_of(definition),
			"protected groups must have approval annotation \"" APPROVAL
			"\" with either a URL or a reason starting with \"unapproved\", see "
			"https://github.com/kubernetes/enhancements/pull/1111");
}
