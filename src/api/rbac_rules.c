#include "rbac_rules.h"
#include "types.h"

#include <kube/api_codec.h>
#include <kube/names.h>

#define GROUP "rbac.authorization.k8s.io"

/* ---- rules ---- */

static void check_paths(struct field_errors *e, const struct path *p, const struct cJSON *rule,
	const struct cJSON *urls, bool namespaced)
{
	struct path at = PATH(p, "nonResourceURLs");

	if (namespaced)
		field_invalid(e, &at, urls, "namespaced rules cannot apply to non-resource URLs");
	if (json_count(json_get(rule, STR("apiGroups"))) ||
		json_count(json_get(rule, STR("resources"))) ||
		json_count(json_get(rule, STR("resourceNames"))))
		field_invalid(e, &at, urls,
			"rules cannot apply to both regular resources and non-resource URLs");
}

static void check_rule(
	struct field_errors *e, const struct path *p, const struct cJSON *rule, bool namespaced)
{
	struct path verbs = PATH(p, "verbs"), groups = PATH(p, "apiGroups");
	struct path resources = PATH(p, "resources");
	const struct cJSON *urls = json_get(rule, STR("nonResourceURLs"));

	if (!json_count(json_get(rule, STR("verbs"))))
		field_required(e, &verbs, "verbs must contain at least one value");
	if (json_count(urls)) {
		check_paths(e, p, rule, urls, namespaced);
		return;
	}
	if (!json_count(json_get(rule, STR("apiGroups"))))
		field_required(e, &groups, "resource rules must supply at least one api group");
	if (!json_count(json_get(rule, STR("resources"))))
		field_required(e, &resources, "resource rules must supply at least one resource");
}

void check_policy_rules(struct field_errors *e, const struct cJSON *role, bool namespaced)
{
	struct path rules = PATH(NULL, "rules");
	size_t i = 0;

	json_each (rule, json_get(role, STR("rules"))) {
		struct path at = PATH_INDEX(&rules, i++);

		check_rule(e, &at, rule, namespaced);
	}
}

/* ---- bindings ---- */

void binding_defaults(struct change *c)
{
	if (!tree_str(c->object, "roleRef.apiGroup").len)
		tree_set_str(c->arena, c->object, "roleRef.apiGroup", STR(GROUP));
	json_each (subject, json_get(c->object, STR("subjects"))) {
		struct str kind = tree_str(subject, "kind");

		if (!tree_str(subject, "apiGroup").len &&
			(str_eq_text(kind, "User") || str_eq_text(kind, "Group")))
			tree_set_str(c->arena, subject, "apiGroup", STR(GROUP));
	}
}

/* The choices in upstream's order, which is not the alphabet's. */
static void not_supported(
	struct field_errors *e, const struct path *p, struct str value, const char *choices)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	json_print_str(&text, value);
	buf_print(&text, ": supported values: %s", choices);
	field_add(e, FIELD_NOT_SUPPORTED, p, arena_str(e->arena, buf_str(&text)));
}

static void check_group(struct field_errors *e, const struct path *p, const struct cJSON *subject,
	struct str wanted)
{
	struct path at = PATH(p, "apiGroup");
	struct str group = tree_str(subject, "apiGroup");

	if (!str_eq(group, wanted))
		not_supported(e, &at, group, wanted.len ? "\"" GROUP "\"" : "\"\"");
}

static void check_account(
	struct field_errors *e, const struct path *p, const struct cJSON *subject, bool namespaced)
{
	struct path name_at = PATH(p, "name"), namespace_at = PATH(p, "namespace");
	struct str name = tree_str(subject, "name");

	if (name.len)
		field_check_name(e, &name_at, name, name_check_dns_subdomain);
	check_group(e, p, subject, STR(""));
	if (!namespaced && !tree_str(subject, "namespace").len)
		field_required(e, &namespace_at, "%s", "");
}

static void check_subject(
	struct field_errors *e, const struct path *p, const struct cJSON *subject, bool namespaced)
{
	struct path name_at = PATH(p, "name"), kind_at = PATH(p, "kind");
	struct str kind = tree_str(subject, "kind");

	if (!tree_str(subject, "name").len)
		field_required(e, &name_at, "%s", "");
	if (str_eq_text(kind, "ServiceAccount"))
		check_account(e, p, subject, namespaced);
	else if (str_eq_text(kind, "User") || str_eq_text(kind, "Group"))
		check_group(e, p, subject, STR(GROUP));
	else
		not_supported(e, &kind_at, kind, "\"ServiceAccount\", \"User\", \"Group\"");
}

static void check_reference(struct field_errors *e, const struct cJSON *ref, bool namespaced)
{
	struct path root = PATH(NULL, "roleRef"), kind_at = PATH(&root, "kind");
	struct path name_at = PATH(&root, "name");
	struct str kind = tree_str(ref, "kind"), name = tree_str(ref, "name");

	check_group(e, &root, ref, STR(GROUP));
	if (!str_eq_text(kind, "ClusterRole") && !(namespaced && str_eq_text(kind, "Role")))
		not_supported(e, &kind_at, kind,
			namespaced ? "\"Role\", \"ClusterRole\"" : "\"ClusterRole\"");
	if (!name.len)
		field_required(e, &name_at, "%s", "");
	else
		field_check_name(e, &name_at, name, name_check_path_segment);
}

void check_binding(struct field_errors *e, const struct cJSON *binding, bool namespaced)
{
	struct path subjects = PATH(NULL, "subjects");
	size_t i = 0;

	check_reference(e, json_get(binding, STR("roleRef")), namespaced);
	json_each (subject, json_get(binding, STR("subjects"))) {
		struct path at = PATH_INDEX(&subjects, i++);

		check_subject(e, &at, subject, namespaced);
	}
}

void check_binding_update(struct change *c, struct field_errors *e)
{
	struct path at = PATH(NULL, "roleRef");
	const struct cJSON *ref = json_get(c->object, STR("roleRef"));
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * MIB);

	if (json_equal(ref, json_get(c->old, STR("roleRef"))))
		return;
	api_print_go(&text, SCHEMA(rbac_v1, RoleRef), ref);
	field_invalid_raw(e, &at, buf_str(&text), "cannot change roleRef");
}
