/* FlowSchema */
#include "flow_rules.h"

#define PRECEDENCE_MAX 10000

/* ---- subjects ---- */

static const char *const subject_kinds[] = {"Group", "ServiceAccount", "User", NULL};

/* Each kind of subject has a member of its own, and only that. */
static const struct {
	const char *kind, *member;
} members[] = {{"ServiceAccount", "serviceAccount"}, {"User", "user"}, {"Group", "group"}};

static void check_account(struct field_errors *e, const struct path *p, const struct cJSON *account)
{
	struct path namespace = PATH(p, "namespace");

	if (rule_text(e, p, account, "name") && !str_eq_text(tree_str(account, "name"), "*"))
		rule_name(e, p, account, "name", name_check_dns_subdomain);
	if (!tree_str(account, "namespace").len)
		field_required(e, &namespace, "must specify namespace for service account");
	else
		rule_name(e, p, account, "namespace", name_check_dns_label);
}

static void check_subject(struct field_errors *e, const struct path *p, const struct cJSON *subject)
{
	struct str kind = tree_str(subject, "kind");
	struct path kind_at = PATH(p, "kind");

	if (!rule_is_one_of(kind, subject_kinds)) {
		field_not_supported_str(e, &kind_at, kind, subject_kinds);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		struct path at = PATH(p, members[i].member);
		const struct cJSON *member = json_get(subject, str_from(members[i].member));

		if (!str_eq_text(kind, members[i].kind))
			continue;
		if (!member)
			field_required(e, &at, "%s is required when subject kind is '%s'",
				members[i].member, members[i].kind);
		else if (!i)
			check_account(e, &at, member);
		else
			rule_text(e, &at, member, "name");
	}
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		struct path at = PATH(p, members[i].member);

		if (!str_eq_text(kind, members[i].kind) && tree_has(subject, members[i].member))
			field_forbidden(e, &at, "%s is forbidden when subject kind is not '%s'",
				members[i].member, members[i].kind);
	}
}

/* ---- rules ---- */

static bool holds(const struct cJSON *list, const char *word)
{
	json_each (item, list)
		if (str_eq_text(json_str(item), word))
			return true;
	return false;
}

/* The star stands alone. Is it there? */
static bool check_star(
	struct field_errors *e, const struct path *at, const struct cJSON *list, const char *what)
{
	if (!holds(list, "*"))
		return false;
	if (json_count(list) > 1)
		field_invalid(e, at, list, "if '*' is present, must not specify other %s", what);
	return true;
}

static void check_verbs(struct field_errors *e, const struct path *p, const struct cJSON *rule)
{
	static const char *const verbs[] = {"create", "delete", "deletecollection", "get", "list",
		"patch", "proxy", "update", "watch", NULL};
	struct path at = PATH(p, "verbs");
	const struct cJSON *list = json_get(rule, STR("verbs"));

	if (!json_count(list)) {
		field_required(e, &at, "verbs must contain at least one value");
		return;
	}
	if (check_star(e, &at, list, "verbs"))
		return;
	json_each (verb, list)
		if (!rule_is_one_of(json_str(verb), verbs)) {
			field_not_supported(e, &at, list, verbs);
			return;
		}
}

static void check_list(struct field_errors *e, const struct path *p, const struct cJSON *rule,
	const char *name, const char *one, const char *others)
{
	struct path at = PATH(p, name);
	const struct cJSON *list = json_get(rule, str_from(name));

	if (!json_count(list))
		field_required(e, &at, "resource rules must supply at least one %s", one);
	else
		check_star(e, &at, list, others);
}

static void check_namespaces(struct field_errors *e, const struct path *p, const struct cJSON *rule)
{
	struct path at = PATH(p, "namespaces");
	const struct cJSON *list = json_get(rule, STR("namespaces"));
	size_t i = 0;

	if (!json_count(list) && !tree_true(rule, "clusterScope"))
		field_required(e, &at,
			"resource rules that are not cluster scoped must supply at least one "
			"namespace");
	if (check_star(e, &at, list, "namespaces"))
		return;
	json_each (item, list) {
		struct path item_at = PATH_INDEX(&at, i++);
		struct name_faults f = {0};

		name_check_dns_label(json_str(item), &f);
		for (size_t j = 0; j < f.count; j++)
			field_invalid_str(e, &item_at, json_str(item),
				"each member of this list must be '*' or a DNS-1123 label; %s",
				f.items[j]);
	}
}

static void check_resource_rule(
	struct field_errors *e, const struct path *p, const struct cJSON *rule)
{
	check_verbs(e, p, rule);
	check_list(e, p, rule, "apiGroups", "api group", "api groups");
	check_list(e, p, rule, "resources", "resource", "resources");
	check_namespaces(e, p, rule);
}

static const char *path_fault(struct str path)
{
	ssize_t star = str_find_char(path, '*');

	if (!path.len)
		return "must not be empty";
	if (str_eq_text(path, "/"))
		return NULL;
	if (path.at[0] != '/')
		return "must start with slash";
	if (str_find_char(path, ' ') >= 0)
		return "must not contain white-space";
	if (str_find(path, STR("//")) >= 0)
		return "must not contain double slash";
	if (star >= 0 && ((size_t)star + 1 < path.len || !str_ends(path, STR("/*"))))
		return "wildcard can only do suffix matching";
	return NULL;
}

static void check_path_rule(struct field_errors *e, const struct path *p, const struct cJSON *rule)
{
	struct path at = PATH(p, "nonResourceURLs");
	const struct cJSON *list = json_get(rule, STR("nonResourceURLs"));
	size_t i = 0;

	check_verbs(e, p, rule);
	if (!json_count(list))
		field_required(e, &at, "nonResourceURLs must contain at least one value");
	if (check_star(e, &at, list, "non-resource URLs"))
		return;
	json_each (item, list) {
		struct path item_at = PATH_INDEX(&at, i++);
		const char *fault = path_fault(json_str(item));

		if (fault)
			field_invalid_str(e, &item_at, json_str(item), "%s", fault);
	}
}

static void check_rule(struct field_errors *e, const struct path *p, const struct cJSON *rule)
{
	struct path subjects = PATH(p, "subjects"), resources = PATH(p, "resourceRules");
	struct path paths = PATH(p, "nonResourceRules");
	const struct cJSON *resource_rules = json_get(rule, STR("resourceRules"));
	const struct cJSON *path_rules = json_get(rule, STR("nonResourceRules"));
	size_t i = 0;

	if (!json_count(json_get(rule, STR("subjects"))))
		field_required(e, &subjects, "subjects must contain at least one value");
	json_each (subject, json_get(rule, STR("subjects"))) {
		struct path at = PATH_INDEX(&subjects, i++);

		check_subject(e, &at, subject);
	}
	if (!json_count(resource_rules) && !json_count(path_rules))
		field_required(e, p,
			"at least one of resourceRules and nonResourceRules has to be non-empty");
	i = 0;
	json_each (item, resource_rules) {
		struct path at = PATH_INDEX(&resources, i++);

		check_resource_rule(e, &at, item);
	}
	i = 0;
	json_each (item, path_rules) {
		struct path at = PATH_INDEX(&paths, i++);

		check_path_rule(e, &at, item);
	}
}

/* ---- the schema ---- */

static void check_precedence(struct change *c, struct field_errors *e, const struct path *p)
{
	struct path at = PATH(p, "matchingPrecedence");
	int64_t value = tree_int(c->object, "spec.matchingPrecedence", 0);

	if (value <= 0)
		field_invalid_int(e, &at, value, "must be a positive value");
	if (value > PRECEDENCE_MAX)
		field_invalid_int(e, &at, value, "must not be greater than %d", PRECEDENCE_MAX);
	if (value == 1 && !str_eq_text(c->name, "exempt"))
		field_invalid_int(e, &at, value,
			"only the schema named 'exempt' may have matchingPrecedence 1");
}

static void check_distinguisher(
	struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	static const char *const types[] = {"ByNamespace", "ByUser", NULL};
	struct path method_at = PATH(p, "distinguisherMethod"), at = PATH(&method_at, "type");
	const struct cJSON *method = json_get(spec, STR("distinguisherMethod"));

	/* upstream shows the whole method */
	if (method && !rule_is_one_of(tree_str(method, "type"), types))
		field_add(e, FIELD_NOT_SUPPORTED, &at,
			arena_print(e->arena,
				"{\"Type\":%.*s}: supported values: \"ByNamespace\", \"ByUser\"",
				STRF(field_quote(e->arena, tree_str(method, "type")))));
}

static void check_level(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path level_at = PATH(p, "priorityLevelConfiguration"), at = PATH(&level_at, "name");
	struct str name = tree_str(spec, "priorityLevelConfiguration.name");

	if (name.len)
		field_check_name(e, &at, name, name_check_dns_subdomain);
	else
		field_required(e, &at, "must reference a priority level");
}

/* Two schemas nobody may change: who is let through always, and the last that catches all. */
#define ALL                                                                                        \
	"\"resourceRules\":[{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"],"       \
	"\"clusterScope\":true,\"namespaces\":[\"*\"]}],"                                          \
	"\"nonResourceRules\":[{\"verbs\":[\"*\"],\"nonResourceURLs\":[\"*\"]}]"

static const struct flow_mandatory mandatory[] = {
	{"exempt", "{\"priorityLevelConfiguration\":{\"name\":\"exempt\"},\"matchingPrecedence\":1,"
		   "\"rules\":[{\"subjects\":[{\"kind\":\"Group\",\"group\":{\"name\":"
		   "\"system:masters\"}}]," ALL "}]}"},
	{"catch-all", "{\"priorityLevelConfiguration\":{\"name\":\"catch-all\"},"
		      "\"matchingPrecedence\":10000,\"distinguisherMethod\":{\"type\":\"ByUser\"},"
		      "\"rules\":[{\"subjects\":[{\"kind\":\"Group\",\"group\":{\"name\":"
		      "\"system:unauthenticated\"}},{\"kind\":\"Group\",\"group\":{\"name\":"
		      "\"system:authenticated\"}}]," ALL "}]}"},
	{NULL, NULL},
};

static void validate(struct change *c, struct field_errors *e)
{
	struct path root = PATH(NULL, "spec"), rules = PATH(&root, "rules");
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	size_t i = 0;

	check_precedence(c, e, &root);
	check_distinguisher(e, &root, spec);
	check_level(e, &root, spec);
	json_each (rule, json_get(spec, STR("rules"))) {
		struct path at = PATH_INDEX(&rules, i++);

		check_rule(e, &at, rule);
	}
	check_flow_mandatory(c, e, mandatory, spec, SCHEMA(flowcontrol_v1, FlowSchemaSpec), "");
	check_flow_status(e, c->object);
}

static void validate_status(struct change *c, struct field_errors *e)
{
	check_flow_status(e, c->object);
}

const struct strategy strategy_flowschemas = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.update_checks_metadata_once = true,
	.validate = validate,
	.validate_update = validate,
	.validate_status = validate_status,
};
