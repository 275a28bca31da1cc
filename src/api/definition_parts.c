/* What versions of custom resources offer besides their objects; how one becomes another. */
#include "definition_rules.h"
#include "definition_schemas.h"
#include "webhook_rules.h"

/* ---- paths ---- */

static bool check_simple_path(struct field_errors *e, const struct path *at, struct str text)
{
	if (str_starts(text, STR(".")))
		return true;
	field_invalid_str(e, at, text, "%s",
		text.len ? "must be a simple json path starting with ." : "must not be empty");
	return false;
}

/* ---- columns ---- */

static void check_column(struct field_errors *e, const struct path *p, const struct cJSON *column)
{
	static const char *const types[] = {"boolean", "date", "integer", "number", "string", NULL};
	static const char *const formats[] = {
		"byte", "date", "date-time", "double", "float", "int32", "int64", "password", NULL};
	static const char one_type[] = "must be one of boolean,date,integer,number,string";
	struct path type_at = PATH(p, "type"), format_at = PATH(p, "format");
	struct path path_at = PATH(p, "JSONPath"); /* spelt so in the internal form */
	struct str type = tree_str(column, "type"), format = tree_str(column, "format");
	struct str text = tree_str(column, "jsonPath");

	rule_text(e, p, column, "name");
	if (!type.len)
		field_required(e, &type_at, "%s", one_type);
	else if (!rule_is_one_of(type, types))
		field_invalid_str(e, &type_at, type, "%s", one_type);
	if (format.len && !rule_is_one_of(format, formats))
		field_invalid_str(e, &format_at, format,
			"must be one of byte,date,date-time,double,float,int32,int64,password");
	if (!text.len)
		field_required(e, &path_at, "%s", "");
	else
		check_simple_path(e, &path_at, text);
}

void check_definition_columns(
	struct field_errors *e, const struct path *p, const struct cJSON *list)
{
	size_t i = 0;

	json_each (column, list) {
		struct path at = PATH_INDEX(p, i++);

		check_column(e, &at, column);
	}
}

/* ---- subresources ---- */

static void check_path_below(struct field_errors *e, const struct path *p,
	const struct cJSON *scale, const char *member, const char *root)
{
	struct path at = PATH(p, member);
	struct str text = tree_str(scale, member), top = str_from(root);

	if (!rule_text(e, p, scale, member) || !check_simple_path(e, &at, text))
		return;
	if (!str_starts(text, top) || text.len == top.len || text.at[top.len] != '.')
		field_invalid_str(e, &at, text, "should be a json path under %s", root);
}

void check_definition_subresources(
	struct field_errors *e, const struct path *p, const struct cJSON *subresources)
{
	struct path at = PATH(p, "scale"), selector = PATH(&at, "labelSelectorPath");
	const struct cJSON *scale = json_get(subresources, STR("scale"));
	struct str text = tree_str(scale, "labelSelectorPath");

	if (!scale)
		return;
	check_path_below(e, &at, scale, "specReplicasPath", ".spec");
	check_path_below(e, &at, scale, "statusReplicasPath", ".status");
	if (text.len && check_simple_path(e, &selector, text) && !str_starts(text, STR(".spec.")) &&
		!str_starts(text, STR(".status.")))
		field_invalid_str(
			e, &selector, text, "should be a json path under either .spec or .status");
}

#define SELECTABLE_MAX 8

static bool is_selectable(const struct node *n)
{
	return n && (str_eq_text(n->type, "string") || str_eq_text(n->type, "boolean") ||
			    str_eq_text(n->type, "integer"));
}

/* The path in its own form, empty when it leads nowhere. */
static struct str check_selectable(
	struct field_errors *e, const struct path *at, const struct node *root, struct str text)
{
	const struct node *found;
	struct str canonical;
	const char *why = schema_field_path(e->arena, root, text, false, &found, &canonical);

	if (why) {
		field_invalid_str(e, at, text, "is an invalid path: %s", why);
		return STR("");
	}
	if (str_eq_text(canonical, "metadata") || str_starts(canonical, STR("metadata.")))
		field_invalid_str(e, at, text, "must not point to fields in metadata");
	if (!is_selectable(found))
		field_invalid_str(e, at, text,
			"must point to a field of type string, boolean or integer. Enum string "
			"fields and strings with formats are allowed.");
	return canonical;
}

static void check_selectable_list(struct field_errors *e, const struct path *p,
	const struct cJSON *list, const struct node *root)
{
	size_t i = 0, unique = 0;
	struct map seen;

	map_init(&seen);
	json_each (field, list) {
		struct path at = PATH_INDEX(p, i++), path_at = PATH(&at, "jsonPath");
		struct str text = tree_str(field, "jsonPath"), canonical;

		if (!text.len) {
			field_required(e, &path_at, "%s", "");
			continue;
		}
		canonical = check_selectable(e, &path_at, root, text);
		if (!canonical.len)
			continue;
		if (map_has(&seen, canonical))
			field_duplicate_str(e, &path_at, text);
		unique += !map_has(&seen, canonical);
		map_set(&seen, canonical, e);
	}
	map_done(&seen);
	if (unique > SELECTABLE_MAX)
		field_too_many(e, p, (int64_t)unique, SELECTABLE_MAX);
}

void check_selectable_fields(struct field_errors *e, const struct path *p,
	const struct cJSON *version, bool has_schema, const char *where)
{
	const struct cJSON *list = json_get(version, STR("selectableFields"));
	const struct cJSON *schema = json_path(version, "schema.openAPIV3Schema");
	struct node *root;

	if (!json_count(list))
		return;
	if (!has_schema || !json_is(schema, JSON_OBJECT))
		field_invalid_str(
			e, p, STR(""), "selectableFields may only be set when %s included", where);
	else if (!structural_hindrance(e->arena, schema).len &&
		 !node_from(e->arena, schema, &root, NULL))
		check_selectable_list(e, p, list, root);
}

/* ---- conversion ---- */

static void check_review_versions(
	struct field_errors *e, const struct path *at, const struct cJSON *list)
{
	bool known = false;
	size_t i = 0;

	if (!json_count(list)) {
		field_required(e, at, "%s", "");
		return;
	}
	json_each (item, list) {
		struct path item_at = PATH_INDEX(at, i);
		struct str version = json_str(item);

		if (rule_came_before(list, i++, NULL, version))
			field_invalid_str(e, &item_at, version, "duplicate version");
		else
			field_check_name(e, &item_at, version, name_check_dns_label_1035);
		known |= str_eq_text(version, "v1") || str_eq_text(version, "v1beta1");
	}
	if (!known)
		field_invalid(e, at, list, "must include at least one of v1, v1beta1");
}

void check_definition_conversion(
	struct field_errors *e, const struct path *p, const struct cJSON *conversion)
{
	static const char *const strategies[] = {"None", "Webhook", NULL};
	static const char not_here[] = "should not be set when strategy is not set to Webhook";
	/* their places in the internal form */
	struct path client_at = PATH(p, "webhookClientConfig");
	struct path versions_at = PATH(p, "conversionReviewVersions");
	const struct cJSON *client = json_path(conversion, "webhook.clientConfig");
	const struct cJSON *versions = json_path(conversion, "webhook.conversionReviewVersions");

	rule_choice_required(e, p, conversion, "strategy", strategies);
	if (!str_eq_text(tree_str(conversion, "strategy"), "Webhook")) {
		if (client)
			field_forbidden(e, &client_at, "%s", not_here);
		if (json_count(versions))
			field_forbidden(e, &versions_at, "%s", not_here);
		return;
	}
	if (client)
		check_client_config(e, &client_at, client);
	else
		field_required(e, &client_at, "required when strategy is set to Webhook");
	check_review_versions(e, &versions_at, versions);
}
