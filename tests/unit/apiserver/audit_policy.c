/* Which requests are written down, and how much of them. */
#include "test.h"

#include "apiserver/audit/policy.h"

#include <kube/arena.h>

static struct arena arena;
static struct audit_policy policy;

static void read_rules(const char *rules)
{
	_cleanup_(err_done) struct err err = {0};
	struct str text = arena_print(&arena,
		"apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [Panic]\n%s", rules);

	EXPECT_OK(audit_policy_read(&arena, text, &policy, &err), &err);
}

static void expect_error(const char *document, const char *words)
{
	_cleanup_(err_done) struct err err = {0};

	EXPECT(audit_policy_read(&arena, str_from(document), &policy, &err) != 0);
	EXPECT(strstr(err_text(&err), words) != NULL);
}

static struct str groups[] = {STR_INIT("dev"), STR_INIT("system:authenticated")};
static const struct api_user ann = {.name = STR_INIT("ann"), .groups = groups, .group_count = 2};

static const char *level_of(struct access_query q)
{
	if (!q.verb.len)
		q.verb = STR("get");
	return audit_level_name(audit_decide(&policy, &q).level);
}

#define OF(plural, ...)                                                                            \
	((struct access_query){                                                                    \
		.user = &ann, .is_resource = true, .resource = STR(plural), __VA_ARGS__})
#define PATHS(p) ((struct access_query){.user = &ann, .path = STR(p)})

TEST(the_first_rule_that_fits_decides)
{
	arena_init(&arena);
	read_rules("rules:\n"
		   "- {level: None, users: [bob]}\n"
		   "- {level: RequestResponse, userGroups: [dev], verbs: [delete]}\n"
		   "- {level: Metadata}\n");
	EXPECT_TEXT(level_of(OF("pods", .verb = STR("delete"))), "RequestResponse");
	EXPECT_TEXT(level_of(OF("pods", .verb = STR("get"))), "Metadata");
	EXPECT_TEXT(level_of((struct access_query){.path = STR("/")}), "Metadata");
	read_rules("rules: [{level: Request, verbs: [list]}]");
	EXPECT_TEXT(level_of(OF("pods", .verb = STR("get"))), "None");
	arena_done(&arena);
}

TEST(resources_fit_by_group_name_and_part)
{
	arena_init(&arena);
	read_rules("rules:\n"
		   "- level: Metadata\n"
		   "  namespaces: [a]\n"
		   "  resources:\n"
		   "  - {group: '', resources: [pods, '*/log', 'services/*'], resourceNames: []}\n"
		   "  - {group: apps}\n"
		   "  - {group: batch, resources: [jobs], resourceNames: [one]}\n");
	EXPECT_TEXT(level_of(OF("pods", .namespace = STR("a"))), "Metadata");
	EXPECT_TEXT(level_of(OF("pods", .namespace = STR("b"))), "None");
	EXPECT_TEXT(
		level_of(OF("pods", .namespace = STR("a"), .subresource = STR("log"))), "Metadata");
	EXPECT_TEXT(
		level_of(OF("pods", .namespace = STR("a"), .subresource = STR("exec"))), "None");
	EXPECT_TEXT(level_of(OF("services", .namespace = STR("a"), .subresource = STR("proxy"))),
		"Metadata");
	EXPECT_TEXT(level_of(OF("services", .namespace = STR("a"))), "Metadata");
	EXPECT_TEXT(level_of(OF("deployments", .namespace = STR("a"), .group = STR("apps"))),
		"Metadata");
	EXPECT_TEXT(level_of(OF("jobs", .namespace = STR("a"), .group = STR("batch"),
			    .name = STR("one"))),
		"Metadata");
	EXPECT_TEXT(level_of(OF("jobs", .namespace = STR("a"), .group = STR("batch"),
			    .name = STR("two"))),
		"None");
	EXPECT_TEXT(level_of(PATHS("/healthz")), "None");
	arena_done(&arena);
}

TEST(paths_fit_whole_or_by_their_beginning)
{
	arena_init(&arena);
	read_rules("rules: [{level: Metadata, nonResourceURLs: [/version, '/healthz*']}]");
	EXPECT_TEXT(level_of(PATHS("/version")), "Metadata");
	EXPECT_TEXT(level_of(PATHS("/version/x")), "None");
	EXPECT_TEXT(level_of(PATHS("/healthz/etcd")), "Metadata");
	EXPECT_TEXT(level_of(OF("pods", .path = STR("/version"))), "None");
	arena_done(&arena);
}

TEST(stages_and_managed_fields_are_left_out_by_all_or_by_one)
{
	struct access_query q = OF("pods", .verb = STR("get"));
	struct audit_decision d;

	arena_init(&arena);
	read_rules("omitManagedFields: true\n"
		   "rules:\n"
		   "- {level: Request, verbs: [get], omitStages: [RequestReceived]}\n"
		   "- {level: Request, omitManagedFields: false}\n");
	d = audit_decide(&policy, &q);
	EXPECT_INT(d.omitted, AUDIT_RECEIVED | AUDIT_PANIC);
	EXPECT(d.omits_managed_fields);
	q.verb = STR("list");
	d = audit_decide(&policy, &q);
	EXPECT_INT(d.omitted, AUDIT_PANIC);
	EXPECT(!d.omits_managed_fields);
	arena_done(&arena);
}

#define HEAD "apiVersion: audit.k8s.io/v1\nkind: Policy\n"

TEST(wrong_policies_are_refused)
{
	arena_init(&arena);
	expect_error("kind: Pod\napiVersion: v1", "no kind \"Pod\" is registered");
	expect_error(HEAD "rules: []", "loaded illegal policy with 0 rules");
	expect_error(HEAD "rules: [{}]", "rules[0].level: Required value");
	expect_error(HEAD "rules: [{level: All}]", "rules[0].level: Unsupported value: \"All\": "
						   "supported values: \"Metadata\", \"None\", "
						   "\"Request\", \"RequestResponse\"");
	expect_error(HEAD "rules: [{level: None, nonResourceURLs: [version]}]",
		"rules[0].nonResourceURLs[0]: Invalid value: \"version\": non-resource URL rules "
		"must "
		"begin with a '/' character");
	expect_error(HEAD "rules: [{level: None, nonResourceURLs: ['/a*b']}]",
		"non-resource URL wildcards '*' must be the final character of the rule");
	expect_error(HEAD "rules: [{level: None, nonResourceURLs: ['/a'], namespaces: [b]}]",
		"rules cannot apply to both regular resources and non-resource URLs");
	expect_error(HEAD "rules: [{level: None, resources: [{group: '', resourceNames: [a]}]}]",
		"using resourceNames requires at least one resource");
	expect_error(HEAD "rules: [{level: None, omitStages: [Later]}]",
		"rules[0].omitStages[0]: Unsupported value: \"Later\"");
	expect_error(HEAD "rules: [", "yaml:");
	arena_done(&arena);
}
