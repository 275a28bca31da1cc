/* Images that are pulled: one after another, or so many at a time as the configuration says. */
#include "kubelet_rig.h"

#include <kube/kubelet_configuration.h>

#define HEAD "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"

static struct fake_program programs[] = {
	{.name = "far", .pull = 3 * SEC, .ends = 0},
	{.name = "farther", .pull = 3 * SEC, .ends = 0},
	{.name = "farthest", .pull = 3 * SEC, .ends = 0},
	{.name = "nowhere", .pull = 2 * SEC, .pull_error = "manifest unknown"},
};
static struct fake_program fresh[ARRAY_LEN(programs)];
static struct kubelet_configuration configuration;
static struct arena arena;

static void open_rig(struct kubelet_rig *r, const char *text)
{
	_cleanup_(err_done) struct err err = {0};

	memcpy(fresh, programs, sizeof(fresh));
	arena_init(&arena);
	EXPECT_OK(kubelet_configuration_read(&arena, str_from(text), &configuration, &err), &err);
	kubelet_rig_open(r, fresh, ARRAY_LEN(fresh));
	kubelet_rig_stop(r);
	r->options.configuration = &configuration;
	kubelet_rig_start(r);
	rig_pass(r, SEC);
}

static void close_rig(struct kubelet_rig *r)
{
	kubelet_rig_close(r);
	arena_done(&arena);
}

static void pod(struct kubelet_rig *r, const char *image)
{
	char *spec = mem_print("'containers':[{'name':'c','image':'%s'}]", image);

	rig_pod(r, image, spec);
	mem_free(spec);
	rig_pass(r, 50 * MSEC); /* the next one comes later */
}

static int running(struct kubelet_rig *r)
{
	int count = 0;

	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		count += rig_get(r, programs[i].name) &&
			 str_eq(rig_status(r, programs[i].name, "phase"), STR("Running"));
	return count;
}

TEST(images_are_pulled_one_after_another)
{
	struct kubelet_rig r;

	open_rig(&r, "");
	pod(&r, "far");
	pod(&r, "farther");
	rig_pass(&r, 4 * SEC);
	EXPECT_INT(running(&r), 1);
	EXPECT_INT(rig_events(&r, "farther", "Pulling", NULL), 1);
	rig_pass(&r, 3 * SEC);
	EXPECT_INT(running(&r), 2);
	EXPECT_INT(rig_events(&r, "far", "Pulled", "in 3s (3s including waiting)"), 1);
	EXPECT_INT(rig_events(&r, "farther", "Pulled", "in 3s (5.9"), 1);
	close_rig(&r);
}

TEST(a_pull_that_fails_makes_way_for_the_next)
{
	struct kubelet_rig r;

	open_rig(&r, "");
	pod(&r, "nowhere");
	pod(&r, "far");
	rig_pass(&r, SEC);
	EXPECT_INT(rig_events(&r, "nowhere", "Failed", NULL), 0);
	rig_pass(&r, 5 * SEC);
	EXPECT_INT(running(&r), 1);
	EXPECT(rig_events(&r, "nowhere", "Failed", "manifest unknown") > 0);
	close_rig(&r);
}

TEST(who_goes_while_waiting_keeps_nobody_else_waiting)
{
	struct kubelet_rig r;

	open_rig(&r, "");
	pod(&r, "far");
	pod(&r, "farther");
	pod(&r, "farthest");
	rig_pass(&r, SEC);
	rig_delete(&r, "farther", 0);
	rig_pass(&r, 6 * SEC);
	EXPECT_INT(running(&r), 2);
	EXPECT_STR(rig_status(&r, "farthest", "phase"), "Running");
	close_rig(&r);
}

TEST(all_at_once_when_they_need_not_wait)
{
	struct kubelet_rig r;

	open_rig(&r, HEAD "serializeImagePulls: false\n");
	pod(&r, "far");
	pod(&r, "farther");
	pod(&r, "farthest");
	rig_pass(&r, 4 * SEC);
	EXPECT_INT(running(&r), 3);
	close_rig(&r);
}

TEST(so_many_at_a_time_as_are_allowed)
{
	struct kubelet_rig r;

	open_rig(&r, HEAD "maxParallelImagePulls: 2\n");
	pod(&r, "far");
	pod(&r, "farther");
	pod(&r, "farthest");
	rig_pass(&r, 4 * SEC);
	EXPECT_INT(running(&r), 2);
	rig_pass(&r, 3 * SEC);
	EXPECT_INT(running(&r), 3);
	close_rig(&r);
}

TEST(the_kubelet_may_end_while_images_wait)
{
	for (int ms = 0; ms < 7000; ms += 700) {
		struct kubelet_rig r;

		open_rig(&r, "");
		pod(&r, "far");
		pod(&r, "farther");
		rig_pass(&r, ms * MSEC);
		kubelet_rig_stop(&r);
		kubelet_rig_start(&r);
		rig_pass(&r, 15 * SEC);
		EXPECT_INT(running(&r), 2);
		close_rig(&r);
	}
}
