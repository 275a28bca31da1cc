/* Query parameters of requests; the answers are upstream's. */
#include "test.h"

#include "apiserver/options.c"

#include <kube/url.h>

static struct str refused;
static bool went_on;

void request_next(struct api_request *r)
{
	(void)r;
	went_on = true;
}

void request_fail(struct api_request *r, struct status *status)
{
	(void)r;
	refused = status->message;
}

static const char *delete_body;

struct status *body_delete_options(struct api_request *r, struct cJSON **out)
{
	json_parse(r->arena, str_from(delete_body), NULL, out, NULL);
	return NULL;
}

static const char *const job_labels[] = {"status.successful", NULL};
static struct strategy strategy;
static struct resource resource = {.plural = STR_INIT("configmaps"),
	.kind = STR_INIT("ConfigMap"),
	.strategy = &strategy,
	.hub = &resource};
static struct http_exchange x;
static struct api_request r;

static struct str run(const char *verb, const char *query, const char *type)
{
	arena_done(&x.arena);
	x = (struct http_exchange){0};
	r = (struct api_request){.x = &x,
		.arena = &x.arena,
		.is_resource = true,
		.resource = &resource,
		.verb = str_from(verb),
		.content_type = str_from(type),
		.user_agent = STR("kubectl/v1.36 (linux)")};
	query_parse(r.arena, str_from(query), &r.parameters, NULL);
	if (delete_body)
		r.body.len = 1;
	refused = STR("");
	went_on = false;
	stage_options(&r);
	EXPECT(went_on == !refused.len);
	return refused;
}

static const struct request_options *fine(const char *verb, const char *query)
{
	EXPECT_STR(run(verb, query, ""), "");
	return &r.options;
}

TEST(numbers_are_read_as_go_reads_them)
{
	EXPECT_INT(fine("list", "limit=5&timeoutSeconds=-5")->limit, 5);
	EXPECT_INT(r.options.timeout_seconds, -5);
	EXPECT_INT(fine("list", "")->timeout_seconds, -1);
	EXPECT_INT(fine("list", "limit=-1")->limit, 0);
	EXPECT_STR(run("list", "limit=", ""), "strconv.ParseInt: parsing \"\": invalid syntax");
	EXPECT_STR(
		run("list", "limit=1.5", ""), "strconv.ParseInt: parsing \"1.5\": invalid syntax");
	EXPECT_STR(run("list", "limit=99999999999999999999", ""),
		"strconv.ParseInt: parsing \"99999999999999999999\": value out of range");
}

TEST(a_version_that_is_none_is_worded_by_who_reads_it)
{
	EXPECT_INT(fine("list", "resourceVersion=7")->version, 7);
	EXPECT_STR(run("list", "resourceVersion=abc", ""),
		"invalid resource version: resourceVersion: Invalid value: \"abc\": "
		"strconv.ParseUint: parsing \"abc\": invalid syntax");
	EXPECT_STR(run("watch", "resourceVersion=-1", ""),
		"resourceVersion: Invalid value: \"-1\": strconv.ParseUint: parsing \"-1\": "
		"invalid syntax");
	EXPECT_STR(run("list", "resourceVersion=99999999999999999999", ""),
		"invalid resource version: resourceVersion: Invalid value: "
		"\"99999999999999999999\": strconv.ParseUint: parsing \"99999999999999999999\": "
		"value out of range");
}

TEST(matches_of_versions_have_rules)
{
#define LIST "ListOptions.meta.k8s.io \"\" is invalid: "
	EXPECT_INT(
		fine("list", "resourceVersion=5&resourceVersionMatch=Exact")->match, MATCH_EXACT);
	EXPECT_STR(run("list", "resourceVersionMatch=Foo", ""),
		LIST "[resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless "
		     "resourceVersion is provided, resourceVersionMatch: Unsupported value: "
		     "\"Foo\": supported values: \"Exact\", \"NotOlderThan\", \"\"]");
	EXPECT_STR(run("list", "resourceVersionMatch=Exact&resourceVersion=0", ""),
		LIST "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is "
		     "forbidden for resourceVersion \"0\"");
	EXPECT_STR(run("list", "sendInitialEvents=false", ""),
		LIST "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list");
	EXPECT_STR(run("watch", "sendInitialEvents=true&resourceVersionMatch=Exact", ""),
		LIST "[resourceVersionMatch: Forbidden: sendInitialEvents requires setting "
		     "resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported "
		     "value: \"Exact\": supported values: \"NotOlderThan\"]");
	EXPECT(fine("watch", "sendInitialEvents=x&resourceVersionMatch=NotOlderThan")
			->send_initial);
}

TEST(fields_that_select_depend_on_the_kind)
{
	EXPECT_INT(fine("list", "fieldSelector=metadata.name%3Da%2C")->fields.count, 1);
	EXPECT_STR(run("list", "fieldSelector=foo%3Dbar", ""),
		"\"foo\" is not a known field selector: only \"metadata.name\", "
		"\"metadata.namespace\"");
	strategy.field_labels = job_labels;
	EXPECT_STR(run("list", "fieldSelector=foo%3Dbar", ""), "field label not supported: foo");
	resource.kind = STR("Job");
	EXPECT_STR(run("list", "fieldSelector=foo%3Dbar", ""),
		"field label \"foo\" not supported for Job");
	fine("list", "fieldSelector=status.successful%3D1");
	resource.kind = STR("ConfigMap");
	strategy.field_labels = NULL;
}

TEST(writes_name_their_manager)
{
	EXPECT_STR(fine("create", "")->field_manager, "kubectl");
	EXPECT(!r.options.field_manager_given);
	EXPECT_STR(fine("update", "fieldManager=me")->field_manager, "me");
	EXPECT(r.options.field_manager_given);
	EXPECT_STR(run("patch", "", "application/apply-patch+yaml"),
		"PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is "
		"required for apply patch");
	EXPECT_STR(run("patch", "fieldManager=a%0Ab", "application/apply-patch+yaml"),
		"PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Invalid value: "
		"\"a\\nb\": invalid character U+000A (at position 1)");
	EXPECT_STR(run("patch", "force=true", "application/merge-patch+json"),
		"PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified "
		"for non-apply patch");
}

TEST(dry_runs_are_all_or_nothing)
{
	EXPECT(fine("create", "dryRun=All")->dry_run);
	EXPECT(!fine("create", "")->dry_run);
	EXPECT_STR(run("create", "dryRun=All&dryRun=Foo", ""),
		"CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: "
		"[\"All\",\"Foo\"]: supported values: \"All\"");
	EXPECT_STR(run("update", "dryRun=", ""),
		"UpdateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"\"]: "
		"supported values: \"All\"");
	EXPECT_STR(run("create", "fieldValidation=strict", ""),
		"CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: "
		"\"strict\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\"");
}

TEST(deletes_are_told_by_query_or_by_body)
{
	EXPECT_INT(
		fine("delete", "propagationPolicy=Foreground")->propagation, PROPAGATE_FOREGROUND);
	EXPECT(fine("delete", "orphanDependents=x")->orphan);
	EXPECT_STR(run("delete", "propagationPolicy=Orphan&orphanDependents=true", ""),
		"DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Invalid value: "
		"\"Orphan\": orphanDependents and deletionPropagation cannot be both set");
	EXPECT_STR(run("delete", "propagationPolicy=foreground", ""),
		"DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: "
		"\"foreground\": supported values: \"Foreground\", \"Background\", \"Orphan\", "
		"\"nil\"");
	delete_body = "{\"gracePeriodSeconds\":0,\"preconditions\":{\"uid\":\"u\"}}";
	EXPECT(fine("delete", "gracePeriodSeconds=x")->has_grace);
	EXPECT_STR(r.options.precondition_uid, "u");
	EXPECT(!r.options.has_precondition_version);
	delete_body = NULL;
}
