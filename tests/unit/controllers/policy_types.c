/* What is told of policies whose expressions do not fit the types that they are for. */
#include "plan_rig.h"

#include "controllers/policy_types.h"

#define RULE(groups, versions, resources)                                                          \
	"{'apiGroups':[" groups "],'apiVersions':[" versions                                       \
	"],'operations':['*'],'resources':[" resources "]}"
#define DEPLOYMENTS         RULE("'apps'", "'v1'", "'deployments'")
#define POLICY(rules, rest) "{'spec':{'matchConstraints':{'resourceRules':[" rules "]}," rest "}}"
#define SAYS(expression)    "'validations':[{'expression':'" expression "'}]"
#define WARNED(field, text) "spec.validations[0]." field "|" text
#define ABOUT(kind, expression, at, pointer, why)                                                  \
	kind ": ERROR: <input>:1:" at ": " why "\n | " expression "\n | " pointer "\n"
#define DEPLOYMENT "apps/v1, Kind=Deployment"

#define WIDGETS(conditions)                                                                        \
	"{'spec':{'group':'example.com','names':{'kind':'Widget','plural':'widgets'},'versions':[" \
	"{'name':'v1','served':true,'schema':{'openAPIV3Schema':{'type':'object','properties':{"   \
	"'spec':{'type':'object','properties':{'size':{'type':'integer'},'names':{'type':'array'," \
	"'items':{'type':'string'}}}}}}}},{'name':'v2','served':false,'schema':{"                  \
	"'openAPIV3Schema':{'type':'object'}}}]},'status':{'conditions':[" conditions "]}}"
#define ESTABLISHED "{'type':'Established','status':'True'}"
#define WIDGET_RULE RULE("'example.com'", "'v1'", "'widgets'")

static void expect(const char *definition, const char *policy, const char *wanted)
{
	struct trees definitions = {0};
	struct plan_rig r;

	plan_rig_start(&r);
	if (definition)
		trees_add(&r.arena, &definitions, plan_rig_tree(&r, definition));
	json_each (warning, policy_type_warnings(&r.arena, plan_rig_tree(&r, policy), &definitions))
		buf_print(&r.text, "%.*s|%.*s", STRF(tree_str(warning, "fieldRef")),
			STRF(tree_str(warning, "warning")));
	EXPECT_STR(buf_str(&r.text), wanted);
	plan_rig_stop(&r);
}

TEST(expressions_that_fit_are_not_warned_of)
{
	expect(NULL,
		POLICY(DEPLOYMENTS,
			SAYS("object.spec.replicas > 1 && object.metadata.name != oldObject.kind "
			     "&& "
			     "request.operation == object.apiVersion && "
			     "namespaceObject.metadata.labels.all(k, k != object.metadata.uid) && "
			     "object.spec.template.spec.containers.all(c, c.image == c.name) && "
			     "authorizer.path(object.kind).check(object.kind).allowed()")),
		"");
	expect(WIDGETS(ESTABLISHED),
		POLICY(WIDGET_RULE,
			SAYS("object.spec.size > 1 && object.metadata.labels.size() > 2 && "
			     "object.spec.names.exists(n, n == object.metadata.name)")),
		"");
}

TEST(fields_that_a_kind_does_not_have_are_told)
{
	expect(NULL, POLICY(DEPLOYMENTS, SAYS("object.foo == object.kind")),
		WARNED("expression", ABOUT(DEPLOYMENT, "object.foo == object.kind", "7", "......^",
					     "undefined field 'foo'")));
	expect(WIDGETS(ESTABLISHED), POLICY(WIDGET_RULE, SAYS("object.spec.sice > 1")),
		WARNED("expression", ABOUT("example.com/v1, Kind=Widget", "object.spec.sice > 1",
					     "12", "...........^", "undefined field 'sice'")));
	expect(NULL,
		POLICY(DEPLOYMENTS, "'validations':[{'expression':'true','messageExpression':"
				    "'object.bar'}]"),
		WARNED("messageExpression",
			ABOUT(DEPLOYMENT, "object.bar", "7", "......^", "undefined field 'bar'")));
}

TEST(each_kind_is_told_of_in_order)
{
	expect(NULL,
		POLICY(DEPLOYMENTS "," RULE("''", "'v1'", "'pods','*','pods/status'"),
			SAYS("object.foo")),
		WARNED("expression",
			ABOUT("/v1, Kind=Pod", "object.foo", "7", "......^",
				"undefined field 'foo'") "\n" ABOUT(DEPLOYMENT, "object.foo", "7",
				"......^", "undefined field 'foo'")));
}

TEST(of_what_is_not_known_nothing_is_told)
{
	static const char *const rules[] = {RULE("'*'", "'v1'", "'deployments'"),
		RULE("'apps'", "'v1','*'", "'deployments'"), RULE("'apps'", "'v1'", "'*'"),
		RULE("'apps'", "'v1'", "'deployments/status'"),
		RULE("'example.com'", "'v2'", "'widgets'"),
		RULE("'apps'", "'v7'", "'deployments'")};
	struct plan_rig r;

	plan_rig_start(&r);
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		expect(WIDGETS(ESTABLISHED),
			arena_print(&r.arena,
				"{'spec':{'matchConstraints':{'resourceRules':[%s]}," SAYS(
					"object.foo") "}}",
				rules[i])
				.at,
			"");
	expect(WIDGETS("{'type':'Established','status':'False'}"),
		POLICY(WIDGET_RULE, SAYS("object.foo")), "");
	plan_rig_stop(&r);
}

TEST(parameters_have_the_type_of_their_kind)
{
	expect(NULL,
		POLICY(DEPLOYMENTS, "'paramKind':{'apiVersion':'v1','kind':'ConfigMap'}," SAYS(
					    "params.data.size() > params.foo")),
		WARNED("expression",
			ABOUT(DEPLOYMENT, "params.data.size() > params.foo", "28",
				"...........................^", "undefined field 'foo'")));
	expect(NULL,
		POLICY(DEPLOYMENTS,
			"'paramKind':{'apiVersion':'x.y/v1','kind':'Z'}," SAYS("params == null")),
		WARNED("expression",
			ABOUT(DEPLOYMENT, "params == null", "1", "^",
				"undeclared reference to 'params' (in container '')")));
}

TEST(variables_have_the_types_that_they_yield)
{
	expect(NULL,
		POLICY(DEPLOYMENTS,
			"'variables':[{'name':'n','expression':'object.spec.replicas'},{'name':"
			"'wrong','expression':'object.foo'}]," SAYS(
				"variables.n + 1 > 2 && variables.wrong.anything && "
				"variables.none")),
		WARNED("expression",
			ABOUT(DEPLOYMENT,
				"variables.n + 1 > 2 && variables.wrong.anything && variables.none",
				"61",
				"............................................................^",
				"undefined field 'none'")));
}

TEST(ten_kinds_of_a_rule_are_enough)
{
	struct plan_rig r;
	struct trees none = {0};
	struct cJSON *warnings;
	struct str text, line;
	size_t kinds = 0;

	plan_rig_start(&r);
	warnings = policy_type_warnings(&r.arena,
		plan_rig_tree(&r,
			POLICY(RULE("''", "'v1'",
				       "'pods','services','secrets','configmaps','nodes',"
				       "'namespaces','endpoints','limitranges','resourcequotas',"
				       "'persistentvolumes','serviceaccounts','podtemplates'"),
				SAYS("object.foo"))),
		&none);
	text = tree_str(json_first(warnings), "warning");
	while (text.len && str_next(&text, '\n', &line))
		kinds += str_find(line, STR("undefined field")) > 0;
	EXPECT_INT(kinds, 10);
	plan_rig_stop(&r);
}
