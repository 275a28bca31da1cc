/* Roles and bindings: what may stand in them, and what is filled in. */
#include "test.h"

#include <kube/api_codec.h>
#include <kube/resource.h>
#include <kube/strategy.h>

#define GROUP "rbac.authorization.k8s.io"

static struct arena a;

static struct cJSON *parse(const char *text)
{
	struct cJSON *tree = NULL;

	EXPECT_INT(json_parse(&a, str_from(text), NULL, &tree, NULL), 0);
	return tree;
}

static struct change change_of(const char *plural, const char *object)
{
	return (struct change){.arena = &a,
		.resource = resource_find(STR(GROUP), STR("v1"), str_from(plural)),
		.namespace = STR("n"),
		.object = parse(object)};
}

/* The errors of a new object as the message shows them; "" when there are none. */
static const char *faults(const char *plural, const char *object)
{
	struct change c = change_of(plural, object);
	struct field_errors errors = {.arena = &a};

	strategy_set_defaults(&c);
	c.resource->strategy->validate(&c, &errors);
	return arena_str(&a, field_errors_text(&a, &errors)).at;
}

TEST(rules_need_verbs_groups_and_resources)
{
	arena_init(&a);
	EXPECT_TEXT(faults("clusterroles", "{\"rules\":[{}]}"),
		"[rules[0].verbs: Required value: verbs must contain at least one value, "
		"rules[0].apiGroups: Required value: resource rules must supply at least one api "
		"group, rules[0].resources: Required value: resource rules must supply at least "
		"one resource]");
	EXPECT_TEXT(faults("roles", "{\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],"
				    "\"verbs\":[\"get\"]}]}"),
		"");
	arena_done(&a);
}

TEST(paths_are_for_cluster_roles_alone_and_not_beside_resources)
{
	arena_init(&a);
	EXPECT_TEXT(faults("roles", "{\"rules\":[{\"nonResourceURLs\":[\"/x\"],"
				    "\"verbs\":[\"get\"]}]}"),
		"rules[0].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply "
		"to non-resource URLs");
	EXPECT_TEXT(faults("clusterroles", "{\"rules\":[{\"nonResourceURLs\":[\"/x\"],"
					   "\"verbs\":[\"get\"]}]}"),
		"");
	EXPECT_TEXT(faults("clusterroles", "{\"rules\":[{\"nonResourceURLs\":[\"/x\"],"
					   "\"resources\":[\"pods\"],\"verbs\":[\"get\"]}]}"),
		"rules[0].nonResourceURLs: Invalid value: [\"/x\"]: rules cannot apply to both "
		"regular resources and non-resource URLs");
	arena_done(&a);
}

TEST(an_aggregation_needs_selectors_that_can_be_read)
{
	arena_init(&a);
	EXPECT_TEXT(faults("clusterroles", "{\"aggregationRule\":{}}"),
		"aggregationRule.clusterRoleSelectors: Required value: at least one "
		"clusterRoleSelector required if aggregationRule is non-nil");
	EXPECT_TEXT(faults("clusterroles",
			    "{\"aggregationRule\":{\"clusterRoleSelectors\":[{\"matchExpressions\":"
			    "[{\"key\":\"k\",\"operator\":\"Foo\"}]}]}}"),
		"[aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid "
		"value: \"Foo\": not a valid selector operator, "
		"aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label "
		"selector.]");
	arena_done(&a);
}

TEST(subjects_and_references_are_checked_in_upstreams_order_of_choices)
{
	arena_init(&a);
	EXPECT_TEXT(faults("rolebindings",
			    "{\"roleRef\":{\"kind\":\"Boss\"},\"subjects\":[{\"kind\":\"Robot\","
			    "\"name\":\"x\"},{\"kind\":\"User\",\"name\":\"u\",\"apiGroup\":"
			    "\"y\"},{\"kind\":\"ServiceAccount\",\"name\":\"s\"}]}"),
		"[roleRef.kind: Unsupported value: \"Boss\": supported values: \"Role\", "
		"\"ClusterRole\", roleRef.name: Required value, subjects[0].kind: Unsupported "
		"value: \"Robot\": supported values: \"ServiceAccount\", \"User\", \"Group\", "
		"subjects[1].apiGroup: Unsupported value: \"y\": supported values: "
		"\"rbac.authorization.k8s.io\"]");
	EXPECT_TEXT(faults("clusterrolebindings",
			    "{\"roleRef\":{\"kind\":\"Role\",\"name\":\"x\"},\"subjects\":[{"
			    "\"kind\":\"ServiceAccount\",\"name\":\"s\"}]}"),
		"[roleRef.kind: Unsupported value: \"Role\": supported values: \"ClusterRole\", "
		"subjects[0].namespace: Required value]");
	arena_done(&a);
}

TEST(bindings_get_their_groups_and_keep_their_role)
{
	struct change c;
	struct field_errors errors = {.arena = &a};

	arena_init(&a);
	c = change_of("rolebindings",
		"{\"roleRef\":{\"kind\":\"Role\",\"name\":\"x\"},\"subjects\":"
		"[{\"kind\":\"User\",\"name\":\"u\"},{\"kind\":"
		"\"ServiceAccount\",\"name\":\"s\"}]}");
	strategy_set_defaults(&c);
	EXPECT_STR(tree_str(c.object, "roleRef.apiGroup"), GROUP);
	EXPECT_STR(tree_str(c.object, "subjects.0.apiGroup"), GROUP);
	EXPECT_STR(tree_str(c.object, "subjects.1.apiGroup"), "");
	c.old = json_copy(&a, c.object);
	tree_set_str(&a, c.object, "roleRef.name", STR("y"));
	c.resource->strategy->validate_update(&c, &errors);
	EXPECT_STR(field_errors_text(&a, &errors),
		"roleRef: Invalid value: {\"APIGroup\":\"rbac.authorization.k8s.io\",\"Kind\":"
		"\"Role\",\"Name\":\"y\"}: cannot change roleRef");
	arena_done(&a);
}
