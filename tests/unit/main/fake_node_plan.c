#include "main/fake_node_plan.c"

#include "test.h"

#define NOW (1000000 * SEC)

struct bench {
	struct arena arena;
	struct plan plan;
	struct fake_node_shape shape;
};

static void open_bench(struct bench *b)
{
	*b = (struct bench){0};
	arena_init(&b->arena);
	b->plan.arena = &b->arena;
	b->shape = (struct fake_node_shape){.prefix = STR("n-"),
		.count = 12,
		.pods = 5,
		.cpu = STR("2"),
		.memory = STR("1Gi"),
		.storage = STR("1Gi"),
		.zones = 3};
}

static void close_bench(struct bench *b)
{
	arena_done(&b->arena);
}

static struct cJSON *parse(struct bench *b, const char *text)
{
	struct cJSON *tree = NULL;
	struct err err = {0};

	EXPECT_OK(json_parse(&b->arena, str_from(text), NULL, &tree, &err), &err);
	err_done(&err);
	return tree;
}

/* What is done about a pod; its step, NULL: nothing. */
static const struct plan_step *pod_step(struct bench *b, const char *text)
{
	fake_pod_plan(parse(b, text), STR("10.192.0.1"), STR("10.64.0.9"), NOW, &b->plan);
	return b->plan.count ? &b->plan.steps[0] : NULL;
}

static struct str field(const struct plan_step *s, const char *path)
{
	return tree_str(s ? s->body : NULL, path);
}

TEST(names_carry_the_number)
{
	struct bench b;

	open_bench(&b);
	EXPECT_INT(fake_node_number(&b.shape, STR("n-0")), 0);
	EXPECT_INT(fake_node_number(&b.shape, STR("n-11")), 11);
	EXPECT_INT(fake_node_number(&b.shape, STR("n-12")), -1);
	EXPECT_INT(fake_node_number(&b.shape, STR("n-01")), -1);
	EXPECT_INT(fake_node_number(&b.shape, STR("n-")), -1);
	EXPECT_INT(fake_node_number(&b.shape, STR("m-1")), -1);
	EXPECT_STR(fake_node_ip(&b.arena, 257), "10.193.1.1");
	EXPECT_STR(fake_pod_ip(&b.arena, FAKE_NODES_MAX - 1, 254), "10.127.255.254");
	close_bench(&b);
}

TEST(a_node_registers_and_renews)
{
	struct bench b;

	open_bench(&b);
	fake_node_plan(&b.shape, STR("n-4"), NULL, NULL, NOW, &b.plan);
	EXPECT_INT(b.plan.count, 1);
	EXPECT_INT(b.plan.steps[0].verb, PLAN_CREATE);
	EXPECT_STR(field(&b.plan.steps[0], "status.allocatable.cpu"), "2");
	struct cJSON *labels = json_path(b.plan.steps[0].body, "metadata.labels");
	EXPECT_STR(json_str(json_get(labels, STR("topology.kubernetes.io/zone"))), "zone-1");

	struct cJSON *node = b.plan.steps[0].body;
	b.plan.count = 0;
	fake_node_plan(&b.shape, STR("n-4"), node, NULL, NOW, &b.plan);
	EXPECT_INT(b.plan.count, 1);
	EXPECT_STR(b.plan.steps[0].resource->plural, "leases");
	EXPECT_INT(b.plan.requeue_after, RENEW_EVERY);

	struct cJSON *lease = b.plan.steps[0].body;
	b.plan.count = 0;
	fake_node_plan(&b.shape, STR("n-4"), node, lease, NOW + SEC, &b.plan);
	EXPECT_INT(b.plan.count, 0);
	fake_node_plan(&b.shape, STR("n-4"), node, lease, NOW + RENEW_EVERY, &b.plan);
	EXPECT_INT(b.plan.count, 1);
	EXPECT_INT(b.plan.steps[0].verb, PLAN_PATCH);
	close_bench(&b);
}

TEST(only_the_first_taint_goes)
{
	struct bench b;

	open_bench(&b);
	fake_node_plan(&b.shape, STR("n-1"),
		parse(&b, "{\"metadata\":{\"name\":\"n-1\",\"resourceVersion\":\"7\"},\"spec\":{"
			  "\"taints\":[{\"key\":\"node.kubernetes.io/not-ready\",\"effect\":"
			  "\"NoSchedule\"},{\"key\":\"k\",\"effect\":\"NoSchedule\"}]},\"status\":{"
			  "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}"),
		NULL, NOW, &b.plan);
	EXPECT_INT(b.plan.count, 2);
	const struct cJSON *taints = json_path(b.plan.steps[0].body, "spec.taints");
	EXPECT_INT(json_count(taints), 1);
	EXPECT_STR(tree_str(json_at(taints, 0), "key"), "k");
	EXPECT_STR(field(&b.plan.steps[0], "metadata.resourceVersion"), "7");
	close_bench(&b);
}

TEST(a_pod_runs_at_once)
{
	struct bench b;

	open_bench(&b);
	const struct plan_step *s = pod_step(&b,
		"{\"metadata\":{\"name\":\"p\",\"uid\":\"u\"},\"spec\":{\"containers\":[{\"name\":"
		"\"c\"}"
		"],\"initContainers\":[{\"name\":\"i\"}]},\"status\":{\"phase\":\"Pending\","
		"\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"True\"}]}}");
	REQUIRE(s);
	EXPECT_INT(s->verb, PLAN_PATCH_STATUS);
	EXPECT_STR(field(s, "status.phase"), "Running");
	EXPECT_STR(field(s, "status.podIP"), "10.64.0.9");
	EXPECT_INT(json_count(json_path(s->body, "status.conditions")), 5);
	EXPECT_STR(tree_str(json_at(json_path(s->body, "status.conditions"), 2), "status"), "True");
	const struct cJSON *init = json_at(json_path(s->body, "status.initContainerStatuses"), 0);
	EXPECT_STR(tree_str(init, "state.terminated.reason"), "Completed");
	/* What it has said it does not say again. */
	tree_set_str(&b.arena, s->body, "metadata.name", STR("p"));
	struct cJSON *told = s->body;
	b.plan.count = 0;
	fake_pod_plan(told, STR("10.192.0.1"), STR("10.64.0.9"), NOW, &b.plan);
	EXPECT_INT(b.plan.count, 0);
	close_bench(&b);
}

TEST(a_closed_gate_keeps_it_from_being_ready)
{
	struct bench b;

	open_bench(&b);
	const struct plan_step *s = pod_step(&b, "{\"metadata\":{\"name\":\"p\"},\"spec\":{"
						 "\"readinessGates\":[{\"conditionType\":\"g\"}"
						 "]},\"status\":{\"phase\":\"Pending\"}}");
	REQUIRE(s);
	const struct cJSON *ready = json_at(json_path(s->body, "status.conditions"), 2);
	EXPECT_STR(tree_str(ready, "status"), "False");
	EXPECT_STR(tree_str(ready, "reason"), "ReadinessGatesNotReady");
	close_bench(&b);
}

#define ENDING(policy, annotation, start)                                                          \
	"{\"metadata\":{\"name\":\"p\",\"annotations\":{\"" annotation "\":\"5s\"}},\"spec\":{"    \
	"\"restartPolicy\":\"" policy "\",\"containers\":[{\"name\":\"c\"}]},\"status\":{"         \
	"\"phase\":\"Running\",\"startTime\":\"" start "\",\"conditions\":[{\"type\":\"Ready\","   \
	"\"status\":\"True\"}]}}"

TEST(a_pod_ends_as_it_wishes)
{
	static const struct {
		const char *pod, *phase;
		int64_t later;
	} cases[] = {
		{ENDING("Never", FAKE_SUCCEEDS, "1970-01-12T13:46:35Z"), "Succeeded", 0},
		{ENDING("OnFailure", FAKE_FAILS, "1970-01-12T13:46:35Z"), "Failed", 0},
		{ENDING("Never", FAKE_SUCCEEDS, "1970-01-12T13:46:37Z"), "", 2 * SEC},
		{ENDING("Always", FAKE_SUCCEEDS, "1970-01-12T13:46:35Z"), "", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench b;

		test_context("%zu", i);
		open_bench(&b);
		EXPECT_STR(field(pod_step(&b, cases[i].pod), "status.phase"), cases[i].phase);
		EXPECT_INT(b.plan.requeue_after, cases[i].later);
		close_bench(&b);
	}
	test_context_end();
}

TEST(a_pod_goes_when_it_is_asked_to)
{
	struct bench b;

	open_bench(&b);
	const struct plan_step *s =
		pod_step(&b, "{\"metadata\":{\"name\":\"p\",\"uid\":\"u\",\"deletionTimestamp\":"
			     "\"1970-01-12T13:46:37Z\"},\"status\":{\"phase\":\"Running\"}}");
	REQUIRE(s);
	EXPECT_INT(s->verb, PLAN_DELETE);
	EXPECT_STR(s->precondition_uid, "u");
	EXPECT_INT(tree_int(s->body, "gracePeriodSeconds", -1), 0);
	close_bench(&b);
}

TEST(a_pod_that_somebody_holds_has_failed_when_it_was_asked_to_go)
{
	struct bench b;

	open_bench(&b);
	fake_pod_plan(parse(&b, "{\"metadata\":{\"name\":\"p\",\"uid\":\"u\",\"deletionTimestamp\":"
				"\"1970-01-12T13:46:37Z\",\"finalizers\":[\"x/y\"]},"
				"\"status\":{\"phase\":\"Running\"}}"),
		STR("10.192.0.1"), STR("10.64.0.1"), NOW, &b.plan);
	EXPECT_INT(b.plan.count, 2);
	EXPECT_STR(field(&b.plan.steps[0], "status.phase"), "Failed");
	EXPECT_INT(b.plan.steps[1].verb, PLAN_DELETE);
	b.plan.count = 0;
	fake_pod_plan(parse(&b, "{\"metadata\":{\"name\":\"p\",\"uid\":\"u\",\"deletionTimestamp\":"
				"\"1970-01-12T13:46:37Z\",\"finalizers\":[\"x/y\"]},"
				"\"status\":{\"phase\":\"Failed\"}}"),
		STR("10.192.0.1"), STR("10.64.0.1"), NOW, &b.plan);
	EXPECT_INT(b.plan.count, 1);
	close_bench(&b);
}
