/* Webhooks, policies, flows, API services: what no recorded conversation asks. */
#include "change_rig.h"

#define HOOKS    "admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
#define POLICIES "admissionregistration.k8s.io/v1/validatingadmissionpolicies"
#define FLOWS    "flowcontrol.apiserver.k8s.io/v1/flowschemas"
#define SERVICES "apiregistration.k8s.io/v1/apiservices"

#define HOOK(client, more)                                                                         \
	"{\"webhooks\":[{\"name\":\"a.b.c\",\"sideEffects\":\"None\","                             \
	"\"admissionReviewVersions\":[\"v1\"],\"clientConfig\":" client more "}]}"

TEST(a_webhook_url_names_no_user)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(HOOKS, HOOK("{\"url\":\"https://me@h/\"}", "")),
		"webhooks[0].clientConfig.url: Invalid value: \"me\": user information is not "
		"permitted in the URL");
	EXPECT_TEXT(rig_create(HOOKS, HOOK("{\"url\":\"https://h:1/x\"}", "")), "");
	arena_done(&rig_arena);
}

TEST(a_service_path_is_made_of_names)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(HOOKS, HOOK("{\"service\":{\"name\":\"s\",\"namespace\":\"n\","
					   "\"path\":\"/a//b/\"}}",
					      "")),
		"webhooks[0].clientConfig.service.path: Invalid value: \"/a//b/\": segment[1] may "
		"not be empty");
	EXPECT_TEXT(rig_create(HOOKS, HOOK("{\"service\":{\"name\":\"s\",\"namespace\":\"n\","
					   "\"path\":\"/\"}}",
					      "")),
		"");
	arena_done(&rig_arena);
}

TEST(a_rule_lists_no_resource_twice_over)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(HOOKS,
			    HOOK("{\"url\":\"https://h/\"}",
				    ",\"rules\":[{\"operations\":[\"CREATE\"],\"apiGroups\":[\"\"],"
				    "\"apiVersions\":[\"\"],\"resources\":[\"*/status\","
				    "\"pods/status\",\"\"]}]")),
		"[webhooks[0].rules[0].apiVersions[0]: Required value, "
		"webhooks[0].rules[0].resources[1]: Invalid value: \"pods/status\": if '*/status' "
		"is present, must not specify pods/status, webhooks[0].rules[0].resources[2]: "
		"Required value]");
	arena_done(&rig_arena);
}

TEST(an_old_webhook_keeps_what_was_allowed_once)
{
	const char *old = "{\"webhooks\":[{\"name\":\"a.b.c\",\"sideEffects\":\"Some\","
			  "\"admissionReviewVersions\":[\"v9\"],\"clientConfig\":{\"url\":"
			  "\"https://h/\"}}]}";

	arena_init(&rig_arena);
	EXPECT_TEXT(rig_update(HOOKS, old, old), "");
	EXPECT_TEXT(rig_update(HOOKS, HOOK("{\"url\":\"https://h/\"}", ""), old),
		"[webhooks[0].sideEffects: Unsupported value: \"Some\": supported values: "
		"\"None\", \"NoneOnDryRun\", webhooks[0].admissionReviewVersions: Invalid value: "
		"[\"v9\"]: must include at least one of v1, v1beta1]");
	arena_done(&rig_arena);
}

TEST(a_change_of_webhooks_is_a_new_generation)
{
	struct change c;

	arena_init(&rig_arena);
	c = rig_change(HOOKS, HOOK("{\"url\":\"https://h/\"}", ""), "{}");
	EXPECT(c.resource->strategy->changed(c.object, c.old));
	EXPECT(!c.resource->strategy->changed(c.old, c.old));
	arena_done(&rig_arena);
}

#define POLICY(more)                                                                               \
	"{\"spec\":{\"matchConstraints\":{\"resourceRules\":[{\"operations\":[\"*\"],"             \
	"\"apiGroups\":[\"*\"],\"apiVersions\":[\"*\"],\"resources\":[\"*\"]}]},"                  \
	"\"validations\":[{\"expression\":\"true\"" more "}]}}"

TEST(the_message_of_a_validation_is_one_line_of_text)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(POLICIES, POLICY("")), "");
	EXPECT_TEXT(rig_create(POLICIES, POLICY(",\"message\":\" \"")),
		"spec.validations[0].message: Invalid value: \" \": must be non-empty if "
		"specified");
	arena_done(&rig_arena);
}

#define FLOW(name, rule)                                                                           \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"priorityLevelConfiguration\":{"         \
	"\"name\":\"p\"},\"matchingPrecedence\":5,\"rules\":[{\"subjects\":[{\"kind\":\"User\","   \
	"\"user\":{\"name\":\"u\"}}]," rule "}]}}"
#define PATHS(url)                                                                                 \
	FLOW("x", "\"nonResourceRules\":[{\"verbs\":[\"*\"],\"nonResourceURLs\":[\"" url "\"]}]")

TEST(paths_of_flows_have_a_form)
{
	static const char place[] = "spec.rules[0].nonResourceRules[0].nonResourceURLs[0]";

	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(FLOWS, PATHS("/")), "");
	EXPECT_TEXT(rig_create(FLOWS, PATHS("/api/*")), "");
	EXPECT_TEXT(rig_create(FLOWS, PATHS("/a b")),
		arena_print(&rig_arena, "%s: Invalid value: \"/a b\": must not contain white-space",
			place)
			.at);
	EXPECT_TEXT(rig_create(FLOWS, PATHS("/a//b")),
		arena_print(&rig_arena,
			"%s: Invalid value: \"/a//b\": must not contain double slash", place)
			.at);
	EXPECT_TEXT(rig_create(FLOWS, PATHS("/a*")),
		arena_print(&rig_arena,
			"%s: Invalid value: \"/a*\": wildcard can only do suffix matching", place)
			.at);
	arena_done(&rig_arena);
}

TEST(what_is_served_here_is_available_at_once)
{
	arena_init(&rig_arena);
	const char *made = rig_created(SERVICES,
		"{\"metadata\":{\"name\":\"v1.g\"},\"spec\":{\"group\":\"g\",\"version\":\"v1\","
		"\"groupPriorityMinimum\":1,\"versionPriority\":1}}");
	EXPECT(strstr(made, "\"type\":\"Available\",\"status\":\"True\"") != NULL);
	EXPECT_TEXT(rig_create(SERVICES,
			    "{\"spec\":{\"group\":\"g\",\"version\":\"v1\","
			    "\"groupPriorityMinimum\":1,\"versionPriority\":1,\"caBundle\":"
			    "\"QUJDRA==\"}}"),
		"spec.caBundle: Invalid value: \"4 bytes\": local APIServices may not have a "
		"caBundle");
	arena_done(&rig_arena);
}
