/*
 * Admission webhooks that hang, lie, talk nonsense or are not there: those that must not fail
 * refuse the write, those that may are passed over; and how it is counted.
 */
#include "hooks_rig.h"

#include "apiserver/metrics.h"
#include "apiserver/server.h"

/* `mutating`: -1 of those that judge only, 1 of those that change only, 0 of both. */
struct failure {
	const char *name;
	int mutating;
	const char *raw, *answer; /* what is answered; `answer` within a review */
	int status;
	int64_t delay;
	bool breaks;
	const char *more; /* of its configuration */
	const char *why;  /* how the refusal ends; NULL: somehow */
	int code;         /* that is counted */
};

#define NO_OBJECT(type)                                                                            \
	"failed to call webhook: couldn't get version/kind; json parse error: json: cannot "       \
	"unmarshal " type " into Go value of type struct { APIVersion string "                     \
	"\"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }"
#define PATCHED(base64) "\"allowed\":true,\"patchType\":\"JSONPatch\",\"patch\":\"" base64 "\""
#define UNDECODABLE     "received undecodable patch in webhook response: json: cannot unmarshal "

static const struct failure failures[] = {
	{.name = "it hangs",
		.delay = INT64_MAX,
		.answer = "\"allowed\":true",
		.more = ",\"timeoutSeconds\":1",
		.why = "?timeout=1s\": context deadline exceeded",
		.code = 503},
	{.name = "it hangs up", .breaks = true, .raw = "x", .code = 503},
	{.name = "it says nothing",
		.raw = "",
		.why = "failed to call webhook: 0-length response with status code: 200 and "
		       "content "
		       "type: application/json",
		.code = 503},
	{.name = "it talks nonsense",
		.raw = "nonsense",
		.why = "failed to call webhook: couldn't get version/kind; json parse error: "
		       "invalid character 'o' in literal null (expecting 'u')",
		.code = 503},
	{.name = "it answers a list", .raw = "[]", .why = NO_OBJECT("array"), .code = 503},
	{.name = "it answers an empty object",
		.raw = "{}",
		.why = "received invalid webhook response: webhook response was absent",
		.code = 503},
	{.name = "it answers another question",
		.raw = "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
		       "\"response\":{\"uid\":\"x\",\"allowed\":true}}",
		.why = "\", got \"x\"",
		.code = 503},
	{.name = "it answers with words where truth is wanted",
		.raw = "{\"response\":{\"allowed\":\"yes\"}}",
		.code = 503},
	{.name = "it fails", .raw = "out of order", .status = 500, .code = 500},
	{.name = "it wants to change what it may not, by type",
		.mutating = -1,
		.answer = "\"allowed\":true,\"patchType\":\"JSONPatch\"",
		.why = "received invalid webhook response: validating webhook may not return "
		       "response.patchType",
		.code = 503},
	{.name = "it wants to change what it may not",
		.mutating = -1,
		.answer = "\"allowed\":true,\"patch\":\"W10=\"",
		.why = "received invalid webhook response: validating webhook may not return "
		       "response.patch",
		.code = 503},
	{.name = "its patch is of no type",
		.mutating = 1,
		.answer = "\"allowed\":true,\"patch\":\"W10=\"",
		.why = "received invalid webhook response: webhook returned response.patch but not "
		       "response.patchType",
		.code = 503},
	{.name = "its patch is of a strange type",
		.mutating = 1,
		.answer =
			"\"allowed\":true,\"patchType\":\"Odd\",\"patch\":\"W3t9XQ==\"", /* [{}] */
		.code = 400},
	{.name = "its patch is an object",
		.mutating = 1,
		.answer = PATCHED("e30="),
		.why = UNDECODABLE "object into Go value of type jsonpatch.Patch",
		.code = 503},
	{.name = "its patch lists words",
		.mutating = 1,
		.answer = PATCHED("WyJ4Il0="), /* ["x"] */
		.why = UNDECODABLE "string into Go value of type jsonpatch.Operation",
		.code = 503},
	{.name = "its patch is cut off",
		.mutating = 1,
		.answer = PATCHED("W3s="),
		.why = "received undecodable patch in webhook response: unexpected end of JSON "
		       "input",
		.code = 503},
};

static int64_t counted(struct hooks *h, enum metric_series which, bool mutating, const char *more)
{
	struct str labels = arena_print(&h->arena, more, mutating ? "admit" : "validating");

	return *metrics_number(h->api.server->metrics, which, labels);
}

static void misbehave(struct hooks *h, const struct failure *f)
{
	h->answer_count = 1;
	h->answers[0].path = "/a";
	h->answers[0].raw = f->raw;
	h->answers[0].answer = f->answer;
	h->answers[0].status = f->status;
	h->answers[0].delay = f->delay;
	h->answers[0].breaks = f->breaks;
}

static void drop_configuration(struct hooks *h, bool mutating)
{
	struct client_request q;

	client_request_init(&q, CLIENT_DELETE, hook_configurations(mutating), STR(""), STR("c"));
	EXPECT_STR(ask_as(h, &q), "");
	client_request_done(&q);
}

static void configure_failing(
	struct hooks *h, const struct failure *f, bool mutating, const char *policy)
{
	configure(h, mutating, "c",
		hook_text(h, "a", "CREATE", "configmaps",
			arena_print(&h->arena, ",\"failurePolicy\":\"%s\"%s", policy,
				f->more ? f->more : "")
				.at));
}

static void expect_refused(struct hooks *h, const struct failure *f, bool mutating)
{
	static const char prefix[] = "Internal error occurred: failed calling webhook "
				     "\"a.hooks.example.com\": ";
	struct str rejected = arena_print(&h->arena,
		"error_type=\"calling_webhook_error\",name=\"a.hooks.example.com\",operation="
		"\"CREATE\",rejection_code=\"%d\",type=\"%s\"",
		f->code, mutating ? "admit" : "validating");
	int64_t *rejections =
		metrics_number(h->api.server->metrics, METRIC_HOOK_REJECTIONS, rejected);
	int64_t before = *rejections;
	struct str text;

	configure_failing(h, f, mutating, "Fail");
	text = create(h, MAP("refused"), NULL);
	EXPECT(str_starts(text, str_from(prefix)));
	if (!EXPECT(!f->why || str_ends(text, str_from(f->why))))
		printf("%.*s\n", STRF(text));
	EXPECT_INT(*rejections, before + 1);
	drop_configuration(h, mutating);
}

static void expect_passed_over(struct hooks *h, const struct failure *f, bool mutating, size_t n)
{
	static const char open[] = "name=\"a.hooks.example.com\",type=\"%s\"";
	int64_t before = counted(h, METRIC_HOOK_FAIL_OPEN, mutating, open);

	configure_failing(h, f, mutating, "Ignore");
	EXPECT_STR(
		create(h,
			arena_print(&h->arena, "{\"metadata\":{\"name\":\"m%zu-%d\"}}", n, mutating)
				.at,
			NULL),
		"");
	EXPECT_INT(counted(h, METRIC_HOOK_FAIL_OPEN, mutating, open), before + 1);
	drop_configuration(h, mutating);
}

TEST(hooks_that_fail_refuse_or_are_passed_over)
{
	struct hooks h;

	if (!hooks_open(&h))
		return;
	for (size_t i = 0; i < ARRAY_LEN(failures) && !test_failed(); i++) {
		const struct failure *f = &failures[i];

		misbehave(&h, f);
		for (int mutating = 0; mutating < 2; mutating++) {
			if (f->mutating && (f->mutating > 0) != mutating)
				continue;
			test_context("%s, %s", f->name, mutating ? "changing" : "judging");
			expect_refused(&h, f, mutating);
			expect_passed_over(&h, f, mutating, i);
		}
	}
	test_context_end();
	hooks_close(&h);
}

/* Nobody listens, or somebody else does. */
TEST(hooks_that_are_not_there_refuse_or_are_passed_over)
{
	struct hooks h;
	static const struct failure cannot_be_reached = {.name = "", .code = 503};
	char url[sizeof(h.rig.url)];
	struct str ca;

	if (!hooks_open(&h))
		return;
	strcpy(url, h.rig.url);
	ca = h.ca;
	for (int i = 0; i < 2; i++) {
		if (i)
			h.ca = STR(""); /* its certificate is nobody's that we know */
		else
			strcpy(h.rig.url, "https://127.0.0.1:1");
		for (int mutating = 0; mutating < 2; mutating++) {
			expect_refused(&h, &cannot_be_reached, mutating);
			expect_passed_over(&h, &cannot_be_reached, mutating, (size_t)(100 + i));
		}
		strcpy(h.rig.url, url);
	}
	h.ca = ca;
	hooks_close(&h);
}

/* What is not the hook's failure is nobody's to pass over. */
TEST(our_own_failures_are_never_passed_over)
{
	struct hooks h;

	if (!hooks_open(&h))
		return;
	configure(&h, true, "c",
		hook_text(&h, "a", "CREATE", "configmaps", ",\"failurePolicy\":\"Ignore\""));
	answers(&h, "/a", patching(&h, "[{\"op\":\"add\",\"path\":\"/data\",\"value\":7}]"));
	EXPECT(str_starts(create(&h, MAP("m"), NULL), STR("Internal error occurred: ")));
	EXPECT_INT(counted(&h, METRIC_HOOK_REJECTIONS, true,
			   "error_type=\"apiserver_internal_error\",name=\"a.hooks.example.com\","
			   "operation=\"CREATE\",rejection_code=\"0\",type=\"%s\""),
		1);
	EXPECT_INT(counted(&h, METRIC_HOOK_REQUESTS, true,
			   "code=\"0\",name=\"a.hooks.example.com\",operation=\"CREATE\",rejected="
			   "\"true\",type=\"%s\""),
		1);
	hooks_close(&h);
}

/* ---- conditions ---- */

TEST(who_is_passed_by_because_of_a_condition_is_counted)
{
	struct hooks h;

	if (!hooks_open(&h))
		return;
	for (int mutating = 0; mutating < 2; mutating++)
		configure(&h, mutating, "c",
			hook_text(&h, "a", "CREATE", "configmaps",
				",\"failurePolicy\":\"Ignore\",\"matchConditions\":[{\"name\":"
				"\"c\",\"expression\":\"object.metadata.name != 'no' && "
				"object.data.none == 'x'\"}]"));
	EXPECT_STR(create(&h, MAP("no"), NULL), "");
	EXPECT_STR(create(&h, MAP("broken"), NULL), "");
	EXPECT_INT(h.asked, 0);
	for (int mutating = 0; mutating < 2; mutating++) {
		static const char labels[] = "kind=\"webhook\",name=\"a.hooks.example.com\","
					     "operation=\"CREATE\",type=\"%s\"";

		EXPECT_INT(counted(&h, METRIC_CONDITION_EXCLUSIONS, mutating, labels), 2);
		EXPECT_INT(counted(&h, METRIC_CONDITION_ERRORS, mutating, labels), 1);
	}
	hooks_close(&h);
}

TEST(conditions_that_fail_do_not_name_what_has_no_name)
{
	struct hooks h;

	if (!hooks_open(&h))
		return;
	configure(&h, true, "c",
		hook_text(&h, "a", "CREATE", "configmaps",
			",\"matchConditions\":[{\"name\":\"c\",\"expression\":"
			"\"object.data.none == 'x'\"},{\"name\":\"d\",\"expression\":"
			"\"object.data.none == 'x'\"}]"));
	EXPECT_STR(create(&h, "{\"metadata\":{\"generateName\":\"m-\"}}", NULL),
		"configmaps is forbidden: expression 'object.data.none == 'x'' resulted in error: "
		"no such key: data");
	hooks_close(&h);
}
