#include "scheduler/plugins.h"
#include "test.h"

#include <kube/scheduler.h>
#include <kube/time.h>

#include <stdio.h>

#define HEAD "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"

struct bench {
	struct arena arena;
	struct scheduler_options options;
	struct scheduler_surroundings around;
	struct err err;
};

static int read(struct bench *b, const char *text)
{
	*b = (struct bench){0};
	arena_init(&b->arena);
	return scheduler_configure(&b->arena, str_from(text), &b->options, &b->around, &b->err);
}

static void close_bench(struct bench *b)
{
	err_done(&b->err);
	arena_done(&b->arena);
}

static const struct profile_plugin *plugin_of(const struct profile *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (!strcmp(p->plugins[i].plugin->name, name))
			return &p->plugins[i];
	test_fail(__FILE__, __LINE__, "no plugin %s", name);
	return &p->plugins[0];
}

TEST(profiles_turn_plugins_on_and_off)
{
	struct bench b;

	EXPECT_INT(
		read(&b, HEAD "percentageOfNodesToScore: 30\npodInitialBackoffSeconds: 2\n"
			      "profiles:\n- schedulerName: one\n  plugins:\n    score:\n"
			      "      disabled: [{name: '*'}]\n"
			      "      enabled: [{name: ImageLocality, weight: 7}]\n"
			      "    multiPoint: {disabled: [{name: DefaultPreemption}]}\n"
			      "- schedulerName: two\n  percentageOfNodesToScore: 100\n"
			      "  pluginConfig: [{name: PodTopologySpread, args: {defaultingType: "
			      "List}}]\n"),
		0);
	REQUIRE(b.options.profile_count == 2);
	const struct profile *one = &b.options.profiles[0], *two = &b.options.profiles[1];
	EXPECT_STR(one->name, "one");
	EXPECT_INT(one->percent_scored, 30);
	EXPECT(!plugin_of(one, "NodeResourcesFit")->scores);
	EXPECT(plugin_of(one, "NodeResourcesFit")->filters);
	EXPECT(plugin_of(one, "ImageLocality")->scores);
	EXPECT_INT(plugin_of(one, "ImageLocality")->weight, 7);
	EXPECT(!plugin_of(one, "DefaultPreemption")->post_filters);
	EXPECT(!one->no_default_spreading);
	EXPECT_INT(two->percent_scored, 100);
	EXPECT(two->no_default_spreading);
	EXPECT_INT(b.options.min_backoff, 2 * SEC);
	close_bench(&b);
}

TEST(the_process_around_it_is_told_too)
{
	struct bench b;

	EXPECT_INT(read(&b, HEAD "clientConnection: {kubeconfig: /k, qps: 5.5, burst: 9}\n"
				 "leaderElection: {leaderElect: false, leaseDuration: 20s, "
				 "resourceName: lock}\n"),
		0);
	EXPECT_STR(b.around.kubeconfig, "/k");
	EXPECT(b.around.says_leader_elect && !b.around.leader_elect);
	EXPECT_INT(b.around.lease_duration, 20 * SEC);
	EXPECT_INT(b.around.burst, 9);
	EXPECT_STR(b.around.lease_name, "lock");
	EXPECT_INT(b.options.profile_count, 1);
	EXPECT_STR(b.options.profiles[0].name, "default-scheduler");
	close_bench(&b);
}

TEST(what_cannot_be_done_is_refused)
{
	static const char *const cases[][2] = {
		{"kind: Pod", "no kind \"Pod\" is registered for version \"\": wanted is "
			      "KubeSchedulerConfiguration in kubescheduler.config.k8s.io/v1"},
		{HEAD "profils: []", "strict decoding error: unknown field \"profils\""},
		{HEAD "percentageOfNodesToScore: 101",
			"percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]"},
		{HEAD "podInitialBackoffSeconds: 0",
			"podInitialBackoffSeconds: Invalid value: 0: must be greater than 0"},
		{HEAD "podInitialBackoffSeconds: 20",
			"podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to "
			"PodInitialBackoffSeconds"},
		{HEAD "profiles: [{schedulerName: a}, {schedulerName: a}]",
			"profiles[1].schedulerName: Duplicate value: \"a\""},
		{HEAD "profiles: [{plugins: {filter: {enabled: [{name: Foo}]}}}]",
			"initializing profiles: creating profile for scheduler name "
			"default-scheduler: Foo does not exist"},
		{HEAD "extenders: [{urlPrefix: x}]", "extenders are not supported"},
		{HEAD "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: "
		      "{type: MostAllocated}}}]}]",
			"pluginConfig: the scoring strategy MostAllocated is not supported"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench b;

		test_context("%zu", i);
		EXPECT(read(&b, cases[i][0]) < 0);
		EXPECT_TEXT(err_text(&b.err), cases[i][1]);
		close_bench(&b);
	}
	test_context_end();
}
