/* Jobs: indexes, policies, templates that may still change, statuses. */
#include "change_rig.h"

#include "api/job_rules.h"

#define JOBS  "batch/v1/jobs"
#define CRONS "batch/v1/cronjobs"
#define POD(image)                                                                                 \
	"\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":"                      \
	"[{\"name\":\"c\",\"image\":\"" image "\"}]}}"
#define MANUAL "\"manualSelector\":true,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
#define LABELED                                                                                    \
	"\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"restartPolicy\":"       \
	"\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]"

static void counted(const char *text, int64_t completions, int64_t count)
{
	EXPECT_INT(job_count_indexes(str_from(text), completions, NULL), count);
}

static void refused(const char *text, const char *words)
{
	_cleanup_(err_done) struct err err = {0};

	EXPECT_INT(job_count_indexes(str_from(text), 10, &err), -1);
	EXPECT_TEXT(err_text(&err), words);
}

TEST(indexes_are_counted)
{
	counted("", 10, 0);
	counted("0", 10, 1);
	counted("1,3-5,9", 10, 5);
	refused("3,3", "non-increasing order, previous: 3, current: 3");
	refused("1-4,2", "non-increasing order, previous: 4, current: 2");
	refused("4-4", "non-increasing order, previous: 4, current: 4");
	refused("1,", "cannot convert string to integer for index: \"\"");
	refused("10", "too large index: \"10\"");
	refused("1-2-3",
		"the fragment \"1-2-3\" violates the requirement that an index interval can have "
		"at most two parts separated by '-'");
}

TEST(indexes_that_stand_in_both_lists_are_found)
{
	int64_t index = -1;

	EXPECT(!job_indexes_overlap(STR("1,3-5"), STR("0,2,6-9"), &index));
	EXPECT(!job_indexes_overlap(STR(""), STR("0"), &index));
	EXPECT(job_indexes_overlap(STR("1,3-5"), STR("0,2,5-9"), &index) && index == 5);
	EXPECT(job_indexes_overlap(STR("2-8"), STR("0,4"), &index) && index == 4);
}

TEST(many_completions_want_limits)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(JOBS, "{\"spec\":{" MANUAL LABELED
				     "}},\"completionMode\":\"Indexed\",\"completions\":200000,"
				     "\"parallelism\":20000,\"backoffLimitPerIndex\":1}}"),
		"[spec.maxFailedIndexes: Required value: must be specified when completions is "
		"above 100000, spec.parallelism: Invalid value: 20000: must be less than or equal "
		"to 10000 when completions are above 100000 and used with backoff limit per "
		"index]");
	EXPECT_TEXT(rig_create(JOBS, "{\"spec\":{" MANUAL LABELED
				     "}},\"completionMode\":\"Indexed\",\"completions\":5,"
				     "\"maxFailedIndexes\":1}}"),
		"spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified");
	arena_done(&rig_arena);
}

TEST(a_failure_policy_wants_pods_that_have_failed)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(JOBS,
			    "{\"spec\":{" MANUAL LABELED "}},\"podFailurePolicy\":{\"rules\":[]},"
			    "\"podReplacementPolicy\":\"TerminatingOrFailed\"}}"),
		"spec.podReplacementPolicy: Unsupported value: \"TerminatingOrFailed\": supported "
		"values: \"Failed\"");
	arena_done(&rig_arena);
}

TEST(a_resting_job_may_move_but_not_change)
{
	const char *old = "{\"spec\":{" MANUAL "\"suspend\":true," LABELED "}}}}";

	arena_init(&rig_arena);
	EXPECT_TEXT(
		rig_update(JOBS, old,
			"{\"spec\":{" MANUAL "\"suspend\":true," LABELED
			",\"nodeSelector\":{\"d\":\"e\"},\"affinity\":{\"nodeAffinity\":{}}}}}}"),
		"");
	EXPECT(str_find(str_from(rig_update(JOBS, old,
				"{\"spec\":{" MANUAL "\"suspend\":true," LABELED
				",\"dnsPolicy\":\"Default\"}}}}")),
		       STR("spec.template.spec: Invalid value: {\"Volumes\":null")) == 0);
	EXPECT(str_find(
		       str_from(rig_update(JOBS, "{\"spec\":{" MANUAL LABELED "}}}}",
			       "{\"spec\":{" MANUAL LABELED ",\"nodeSelector\":{\"d\":\"e\"}}}}}")),
		       STR("spec.template: Invalid value: {\"labels\":{\"a\":\"b\"},\"Spec\"")) ==
		0);
	arena_done(&rig_arena);
}

static const char *status_update(const char *spec, const char *old, const char *now)
{
	struct field_errors e = {.arena = &rig_arena};
	const char *before = arena_print(&rig_arena, "{\"spec\":{%s},\"status\":%s}", spec, old).at;
	const char *after = arena_print(&rig_arena, "{\"spec\":{%s},\"status\":%s}", spec, now).at;
	struct change c = rig_change(JOBS, after, before);

	job_check_status(&c, &e);
	return rig_text(&e);
}

TEST(a_job_that_has_ended_has_no_pods_left)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(status_update("", "{}",
			    "{\"startTime\":\"2024-01-01T00:00:00Z\",\"active\":1,"
			    "\"terminating\":1,\"uncountedTerminatedPods\":{\"failed\":[\"u\"]},"
			    "\"conditions\":[{\"type\":\"FailureTarget\",\"status\":\"True\"},"
			    "{\"type\":\"Failed\",\"status\":\"True\"}]}"),
		"[status.active: Invalid value: 1: active>0 is invalid for finished job, "
		"status.uncountedTerminatedPods: Invalid value: "
		"{\"Succeeded\":null,\"Failed\":[\"u\"]}: uncountedTerminatedPods needs to be "
		"empty for finished job, status.terminating: Invalid value: 1: terminating>0 is "
		"invalid for finished job]");
	arena_done(&rig_arena);
}

TEST(what_stands_already_may_be_written_again)
{
	const char *odd = "{\"active\":1,\"ready\":2,\"completedIndexes\":\"x\"}";

	arena_init(&rig_arena);
	EXPECT_TEXT(status_update("", odd, odd), "");
	EXPECT_TEXT(status_update("", "{\"active\":1}", "{\"active\":1,\"ready\":2}"),
		"status.ready: Invalid value: 2: cannot set more ready pods than active");
	EXPECT_TEXT(status_update("\"completionMode\":\"Indexed\",\"completions\":3,"
				  "\"backoffLimitPerIndex\":1",
			    "{}", "{\"completedIndexes\":\"0,1\",\"failedIndexes\":\"1\"}"),
		"status.failedIndexes: Invalid value: \"1\": failedIndexes and completedIndexes "
		"overlap at index: 1");
	arena_done(&rig_arena);
}

TEST(old_schedules_may_keep_their_zone)
{
	const char *zoned = "{\"spec\":{\"schedule\":\"TZ=UTC 0 0 * * *\",\"jobTemplate\":"
			    "{\"spec\":{" POD("i") "}}}}";

	arena_init(&rig_arena);
	EXPECT_TEXT(rig_update(CRONS, zoned, zoned), "");
	EXPECT_TEXT(rig_create(CRONS, zoned),
		"spec.schedule: Invalid value: \"TZ=UTC 0 0 * * *\": cannot use TZ or CRON_TZ in "
		"schedule, use timeZone field instead");
	arena_done(&rig_arena);
}

TEST(a_pod_is_uncounted_once)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(status_update("", "{}",
			    "{\"uncountedTerminatedPods\":{\"succeeded\":[\"a\",\"b\"],"
			    "\"failed\":[\"c\",\"\",\"a\"]}}"),
		"[status.uncountedTerminatedPods.failed[1]: Invalid value: \"\": must not be "
		"empty, status.uncountedTerminatedPods.failed[2]: Duplicate value: \"a\"]");
	arena_done(&rig_arena);
}
