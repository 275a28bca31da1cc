/* What is as it should be, and what is not. */
#include "test.h"

#include "main/check_judge.c"

static const char now_text[] = "2026-06-01T12:00:00Z";

static int64_t now(void)
{
	int64_t at = 0;

	EXPECT(!time_parse(str_from(now_text), &at, NULL));
	return at;
}

static struct cJSON *tree_of(struct arena *a, const char *text)
{
	struct cJSON *tree = NULL;

	EXPECT(!json_parse(a, str_from(text), NULL, &tree, NULL));
	return tree;
}

/* "" when all is well. */
static struct str pod(const char *meta, const char *status)
{
	static char said[256];
	_cleanup_(buf_done) struct buf why = BUF_INIT(sizeof(said));
	struct arena a;

	arena_init(&a);
	struct cJSON *tree = tree_of(
		&a, arena_print(&a, "{\"metadata\":{%s},\"status\":{%s}}", meta, status).at);
	bool bad = check_pod(tree, now(), &why);
	EXPECT(bad == (why.len > 0));
	arena_done(&a);
	memcpy(said, why.at ? why.at : "", why.len);
	return str_make(said, why.len);
}

#define OLD   "\"creationTimestamp\":\"2026-06-01T11:00:00Z\""
#define YOUNG "\"creationTimestamp\":\"2026-06-01T11:59:00Z\""
#define READY "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]"

TEST(pods_that_run_or_have_run_are_well)
{
	EXPECT_STR(pod(OLD, "\"phase\":\"Running\"," READY), "");
	EXPECT_STR(pod(OLD, "\"phase\":\"Succeeded\""), "");
	EXPECT_STR(pod(YOUNG, "\"phase\":\"Pending\""), "");
	EXPECT_STR(
		pod(OLD ",\"deletionTimestamp\":\"2026-06-01T12:00:10Z\"", "\"phase\":\"Running\""),
		"");
}

TEST(pods_that_do_not_come_to_be_say_why)
{
	EXPECT_STR(pod(OLD, "\"phase\":\"Pending\",\"containerStatuses\":[{\"state\":{\"waiting\":"
			    "{\"reason\":\"ImagePullBackOff\"}}}]"),
		"Pending: ImagePullBackOff");
	EXPECT_STR(pod(OLD, "\"phase\":\"Pending\",\"initContainerStatuses\":[{\"state\":"
			    "{\"terminated\":{\"reason\":\"Completed\"}}},{\"state\":"
			    "{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}}}],"
			    "\"containerStatuses\":[{\"state\":{\"waiting\":"
			    "{\"reason\":\"PodInitializing\"}}}]"),
		"Pending: CrashLoopBackOff");
	EXPECT_STR(pod(OLD, "\"phase\":\"Pending\",\"conditions\":[{\"type\":\"PodScheduled\","
			    "\"status\":\"False\",\"message\":\"0/1 nodes are available\"}]"),
		"Pending: 0/1 nodes are available");
	EXPECT_STR(pod(OLD, "\"phase\":\"Failed\",\"reason\":\"Evicted\""), "Failed: Evicted");
	EXPECT_STR(pod(OLD, "\"phase\":\"Running\""), "Running: it is not ready");
	EXPECT_STR(pod(OLD, ""), "Pending: it is not ready");
	EXPECT_STR(pod(OLD ",\"deletionTimestamp\":\"2026-06-01T11:50:00Z\"",
			   "\"phase\":\"Running\"," READY),
		"was to end and has not");
}

static struct str node(const char *conditions)
{
	static char said[256];
	_cleanup_(buf_done) struct buf why = BUF_INIT(sizeof(said));
	struct arena a;

	arena_init(&a);
	struct cJSON *tree =
		tree_of(&a, arena_print(&a, "{\"status\":{\"conditions\":[%s]}}", conditions).at);
	EXPECT(check_node(tree, &why) == (why.len > 0));
	arena_done(&a);
	memcpy(said, why.at ? why.at : "", why.len);
	return str_make(said, why.len);
}

TEST(nodes_are_ready_and_under_no_pressure)
{
	EXPECT_STR(node("{\"type\":\"Ready\",\"status\":\"True\"},"
			"{\"type\":\"DiskPressure\",\"status\":\"False\"}"),
		"");
	EXPECT_STR(node("{\"type\":\"Ready\",\"status\":\"Unknown\",\"message\":\"gone\"}"),
		"is not ready: gone");
	EXPECT_STR(node(""), "is not ready: it has never said so");
	EXPECT_STR(node("{\"type\":\"Ready\",\"status\":\"True\"},"
			"{\"type\":\"DiskPressure\",\"status\":\"True\"}"),
		"has DiskPressure");
}

TEST(a_clock_is_right_as_far_as_can_be_told)
{
	EXPECT(!check_time(now(), 0));
	EXPECT(!check_time(now(), now() - HOUR));
	EXPECT(!check_time(now(), now() + MINUTE));
	EXPECT(check_time(now(), now() + 2 * HOUR) != NULL);
	EXPECT(check_time(0, 0) != NULL);
	EXPECT(check_time(INT64_MAX, 0) != NULL);
}

TEST(other_clusters_are_known_by_their_processes)
{
	EXPECT(check_is_rival(STR("k3s-server")));
	EXPECT(check_is_rival(STR("kubelet")));
	EXPECT(!check_is_rival(STR("kube")));
	EXPECT(!check_is_rival(STR("kubelet2")));
	EXPECT(!check_is_rival(STR("")));
}
