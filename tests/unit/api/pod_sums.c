/* What a pod asks for as a whole, and its conditions. */
#include "test.h"

#include <kube/api_codec.h>
#include <kube/pods.h>
#include <kube/resource.h>
#include <kube/strategy.h>

static struct arena a;

/* JSON with ' for ". */
static struct cJSON *parse(const char *text)
{
	struct str copy = arena_str(&a, str_from(text));
	struct cJSON *tree = NULL;

	for (size_t i = 0; i < copy.len; i++)
		if (copy.at[i] == '\'')
			((char *)(uintptr_t)copy.at)[i] = '"';
	EXPECT_INT(json_parse(&a, copy, NULL, &tree, NULL), 0);
	return tree;
}

static const char *print(const struct cJSON *tree)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * MIB);

	json_print(&text, tree, JSON_COMPACT_RAW_HTML);
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] == '"')
			text.at[i] = '\'';
	return arena_str(&a, buf_str(&text)).at;
}

#define ASKS(name, cpu) "{'name':'" name "','resources':{'requests':{'cpu':'" cpu "'}}}"
#define SIDE(name, cpu)                                                                            \
	"{'name':'" name "','restartPolicy':'Always','resources':{'requests':{'cpu':'" cpu "'}}}"

static const char *sum(const char *spec)
{
	return print(pod_sum(&a, parse(spec), "resources.requests"));
}

TEST(containers_side_by_side_add_up)
{
	arena_init(&a);
	EXPECT_TEXT(sum("{'containers':[" ASKS("a", "1") "," ASKS("b", "500m") "]}"),
		"{'cpu':'1500m'}");
	EXPECT_TEXT(sum("{'containers':[{'name':'a'}]}"), "{}");
	arena_done(&a);
}

TEST(init_containers_run_in_turns)
{
	arena_init(&a);
	EXPECT_TEXT(sum("{'containers':[" ASKS("a", "1") "],'initContainers':[" ASKS(
			    "i", "2") "," ASKS("j", "3") "]}"),
		"{'cpu':'3'}");
	arena_done(&a);
}

TEST(sidecars_run_beside_all_that_comes_after_them)
{
	arena_init(&a);
	EXPECT_TEXT(sum("{'containers':[" ASKS("a", "1") "],'initContainers':[" ASKS(
			    "i", "4") "," SIDE("s", "2") "," ASKS("j", "3") "]}"),
		"{'cpu':'5'}");
	EXPECT_TEXT(
		sum("{'containers':[" ASKS("a", "4") "],'initContainers':[" SIDE("s", "2") "]}"),
		"{'cpu':'6'}");
	arena_done(&a);
}

TEST(what_the_pod_has_for_itself_comes_first)
{
	arena_init(&a);
	EXPECT_TEXT(sum("{'resources':{'requests':{'cpu':'4','example.com/gpu':'9'}},'containers':["
			"{'name':'a','resources':{'requests':{'cpu':'1','memory':'1Gi'}}}]}"),
		"{'cpu':'4','memory':'1Gi'}");
	EXPECT_TEXT(sum("{'resources':{'requests':{'memory':'2Gi'}},'containers':[{'name':'a'}]}"),
		"{'memory':'2Gi'}");
	arena_done(&a);
}

TEST(conditions_keep_their_time_unless_the_status_changes)
{
	static const struct pod_condition no = {.type = "T", .status = "False", .reason = "R"};
	static const struct pod_condition still = {.type = "T", .status = "False"};
	static const struct pod_condition yes = {.type = "T", .status = "True"};
	const int64_t second = 1000000000;

	arena_init(&a);
	struct cJSON *pod = parse("{}");
	pod_set_condition(&a, pod, &no, 1 * second);
	EXPECT_STR(tree_str(pod, "status.conditions.0.reason"), "R");
	pod_set_condition(&a, pod, &still, 2 * second);
	EXPECT_STR(tree_str(pod, "status.conditions.0.lastTransitionTime"), "1970-01-01T00:00:01Z");
	EXPECT(!json_path(pod, "status.conditions.0.reason"));
	pod_set_condition(&a, pod, &yes, 3 * second);
	EXPECT_STR(tree_str(pod, "status.conditions.0.lastTransitionTime"), "1970-01-01T00:00:03Z");
	EXPECT_INT(json_count(json_path(pod, "status.conditions")), 1);
	EXPECT(pod_has_condition(pod, "T", "True") && !pod_has_condition(pod, "U", "True"));
	arena_done(&a);
}
