/* Rules are kept as the document has them: they are few, and asked in order. */
#include "policy.h"

#include <kube/yaml.h>

static const char *const levels[] = {"None", "Metadata", "Request", "RequestResponse"};
static const struct {
	enum audit_stage stage;
	const char *name;
} stages[] = {{AUDIT_RECEIVED, "RequestReceived"}, {AUDIT_STARTED, "ResponseStarted"},
	{AUDIT_COMPLETE, "ResponseComplete"}, {AUDIT_PANIC, "Panic"}};

const char *audit_level_name(enum audit_level level)
{
	return levels[level];
}

const char *audit_stage_name(enum audit_stage stage)
{
	for (size_t i = 0; i < ARRAY_LEN(stages); i++)
		if (stages[i].stage == stage)
			return stages[i].name;
	return "";
}

/* ---- reading ---- */

static bool read_level(struct str text, enum audit_level *level)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (str_eq_text(text, levels[i])) {
			*level = (enum audit_level)i;
			return true;
		}
	return false;
}

static unsigned read_stages(
	const struct cJSON *list, const struct path *at, struct field_errors *errors)
{
	static const char *const names[] = {
		"Panic", "RequestReceived", "ResponseComplete", "ResponseStarted", NULL};
	unsigned all = 0;
	size_t index = 0;

	json_each (item, list) {
		unsigned one = 0;

		for (size_t i = 0; i < ARRAY_LEN(stages); i++)
			if (str_eq_text(json_str(item), stages[i].name))
				one = stages[i].stage;
		if (!one && errors)
			field_not_supported_str(
				errors, &PATH_INDEX(at, index), json_str(item), names);
		all |= one;
		index++;
	}
	return all;
}

/* A star alone, or at the end of a path that begins with a slash. */
static void check_paths(
	const struct cJSON *list, const struct path *at, struct field_errors *errors)
{
	size_t index = 0;

	json_each (item, list) {
		struct str path = json_str(item);
		const char *star = path.len ? memchr(path.at, '*', path.len) : NULL;

		if (str_eq_text(path, "*")) {
			index++;
			continue;
		}
		if (!path.len || path.at[0] != '/')
			field_invalid_str(errors, &PATH_INDEX(at, index), path,
				"non-resource URL rules must begin with a '/' character");
		if (star && star != path.at + path.len - 1)
			field_invalid_str(errors, &PATH_INDEX(at, index), path,
				"non-resource URL wildcards '*' must be the final character of the "
				"rule");
		index++;
	}
}

static void check_resources(
	const struct cJSON *list, const struct path *at, struct field_errors *errors)
{
	size_t index = 0;

	json_each (item, list) {
		struct path one = PATH_INDEX(at, index);
		struct name_faults faults = {0};
		struct str group = tree_str(item, "group");

		if (group.len)
			name_check_dns_subdomain(group, &faults);
		if (faults.count)
			field_invalid_str(
				errors, &PATH(&one, "group"), group, "%s", faults.items[0]);
		if (json_count(json_get(item, STR("resourceNames"))) &&
			!json_count(json_get(item, STR("resources"))))
			field_invalid_raw(errors, &PATH(&one, "resourceNames"), STR("[]"),
				"using resourceNames requires at least one resource");
		index++;
	}
}

static void check_rule(const struct cJSON *rule, const struct path *at, struct field_errors *errors)
{
	static const char *const sorted[] = {
		"Metadata", "None", "Request", "RequestResponse", NULL};
	struct str level = tree_str(rule, "level");
	const struct cJSON *urls = json_get(rule, STR("nonResourceURLs")),
			   *resources = json_get(rule, STR("resources"));
	enum audit_level ignored;
	struct path urls_at = PATH(at, "nonResourceURLs"), resources_at = PATH(at, "resources"),
		    stages_at = PATH(at, "omitStages");

	if (!level.len)
		field_required(errors, &PATH(at, "level"), "%s", "");
	else if (!read_level(level, &ignored))
		field_not_supported_str(errors, &PATH(at, "level"), level, sorted);
	if (json_count(urls) &&
		(json_count(resources) || json_count(json_get(rule, STR("namespaces")))))
		field_invalid_raw(errors, &urls_at, STR("[]"),
			"rules cannot apply to both regular resources and non-resource URLs");
	check_paths(urls, &urls_at, errors);
	check_resources(resources, &resources_at, errors);
	read_stages(json_get(rule, STR("omitStages")), &stages_at, errors);
}

static int check_kind(const struct cJSON *tree, struct err *err)
{
	struct str version = tree_str(tree, "apiVersion");

	if (str_eq_text(tree_str(tree, "kind"), "Policy") &&
		(str_eq_text(version, "audit.k8s.io/v1") ||
			str_eq_text(version, "audit.k8s.io/v1beta1") ||
			str_eq_text(version, "audit.k8s.io/v1alpha1")))
		return 0;
	return err_set(err, ERR_USAGE,
		"audit policy: no kind \"%.*s\" is registered for version \"%.*s\"",
		STRF(tree_str(tree, "kind")), STRF(version));
}

int audit_policy_read(
	struct arena *a, struct str text, struct audit_policy *policy, struct err *err)
{
	struct field_errors errors = {.arena = a};
	struct path rules_at = PATH(NULL, "rules"), stages_at = PATH(NULL, "omitStages");
	struct cJSON *tree;
	size_t index = 0;
	int code = yaml_read_any(a, arena_str(a, text), NULL, &tree, err);

	if (code)
		return code;
	code = check_kind(tree, err);
	if (code)
		return code;
	policy->rules = json_get(tree, STR("rules"));
	policy->omitted = read_stages(json_get(tree, STR("omitStages")), &stages_at, &errors);
	policy->omits_managed_fields = tree_true(tree, "omitManagedFields");
	json_each (rule, policy->rules) {
		check_rule(rule, &PATH_INDEX(&rules_at, index), &errors);
		index++;
	}
	if (errors.count)
		return err_set(
			err, ERR_USAGE, "audit policy: %.*s", STRF(field_errors_text(a, &errors)));
	if (!json_count(policy->rules))
		return err_set(err, ERR_USAGE, "loaded illegal policy with 0 rules");
	return 0;
}

/* ---- matching ---- */

static bool lists(const struct cJSON *list, struct str value)
{
	json_each (item, list)
		if (str_eq(json_str(item), value))
			return true;
	return false;
}

static bool lists_group(const struct cJSON *list, const struct api_user *user)
{
	json_each (item, list)
		if (user_in_group(user, json_str(item)))
			return true;
	return false;
}

static bool lists_path(const struct cJSON *list, struct str path)
{
	json_each (item, list) {
		struct str spec = json_str(item), stem = spec;

		if (str_eq(spec, path))
			return true;
		while (stem.len && stem.at[stem.len - 1] == '*')
			stem.len--;
		if (stem.len < spec.len && str_starts(path, stem))
			return true;
	}
	return false;
}

/* "pods", "pods/log", "pods/\*", "*\/log", "*" */
static bool resource_fits(struct str spec, const struct access_query *q)
{
	struct str head, tail;

	if (str_eq_text(spec, "*"))
		return true;
	if (!str_cut(spec, '/', &head, &tail))
		return !q->subresource.len && str_eq(spec, q->resource);
	if (str_eq_text(head, "*") && q->subresource.len && str_eq(tail, q->subresource))
		return true;
	return str_eq(head, q->resource) &&
	       (str_eq_text(tail, "*") || (q->subresource.len && str_eq(tail, q->subresource)));
}

static bool entry_fits(const struct cJSON *entry, const struct access_query *q)
{
	const struct cJSON *resources = json_get(entry, STR("resources")),
			   *names = json_get(entry, STR("resourceNames"));

	if (!str_eq(tree_str(entry, "group"), q->group))
		return false;
	if (!json_count(resources))
		return true;
	if (json_count(names) && !lists(names, q->name))
		return false;
	json_each (spec, resources)
		if (resource_fits(json_str(spec), q))
			return true;
	return false;
}

static bool place_fits(const struct cJSON *rule, const struct access_query *q)
{
	const struct cJSON *namespaces = json_get(rule, STR("namespaces")),
			   *resources = json_get(rule, STR("resources"));

	if (!q->is_resource || (json_count(namespaces) && !lists(namespaces, q->namespace)))
		return false;
	json_each (entry, resources)
		if (entry_fits(entry, q))
			return true;
	return !json_count(resources);
}

static bool rule_fits(const struct cJSON *rule, const struct access_query *q)
{
	const struct cJSON *users = json_get(rule, STR("users")),
			   *groups = json_get(rule, STR("userGroups")),
			   *verbs = json_get(rule, STR("verbs")),
			   *urls = json_get(rule, STR("nonResourceURLs"));

	if (json_count(users) && (!q->user || !lists(users, q->user->name)))
		return false;
	if (json_count(groups) && (!q->user || !lists_group(groups, q->user)))
		return false;
	if (json_count(verbs) && !lists(verbs, q->verb))
		return false;
	if (json_count(json_get(rule, STR("namespaces"))) ||
		json_count(json_get(rule, STR("resources"))))
		return place_fits(rule, q);
	if (json_count(urls))
		return !q->is_resource && lists_path(urls, q->path);
	return true;
}

struct audit_decision audit_decide(
	const struct audit_policy *policy, const struct access_query *query)
{
	struct audit_decision d = {.level = AUDIT_NONE,
		.omitted = policy->omitted,
		.omits_managed_fields = policy->omits_managed_fields};

	json_each (rule, policy->rules) {
		if (!rule_fits(rule, query))
			continue;
		read_level(tree_str(rule, "level"), &d.level);
		d.omitted |= read_stages(json_get(rule, STR("omitStages")), NULL, NULL);
		if (tree_has(rule, "omitManagedFields"))
			d.omits_managed_fields = tree_true(rule, "omitManagedFields");
		break;
	}
	return d;
}
