/*
 * A kubelet may be gone at every moment of a resize: the next one brings containers and the pod's
 * own group to what the pod is allocated by then. The groups are the kernel's.
 */
#include "kubelet_rig.h"
#include "node.h"

static struct fake_program programs[] = {{.name = "app", .here = true, .ends = 100 * MSEC}};

static void open_rig(struct kubelet_rig *r)
{
	kubelet_rig_open(r, programs, 1);
	kubelet_rig_stop(r);
	r->options.cgroup_root = STR("");
	r->runtime.latency = 2 * MSEC;
	kubelet_rig_start(r);
	rig_pass(r, SEC);
}

static void make_pod(struct kubelet_rig *r)
{
	rig_pod(r, "p",
		"'containers':[{'name':'c','image':'app','resources':{'limits':{'cpu':'100m','"
		"memory':'64Mi'}}},"
		"{'name':'d','image':'app','resources':{'limits':{'cpu':'100m','memory':'64Mi'}}}"
		"]");
	rig_pass(r, SEC);
	EXPECT_STR(rig_status(r, "p", "phase"), "Running");
}

static void resize(struct kubelet_rig *r, const char *cpu)
{
	char *body = mem_print(
		"{'spec':{'containers':["
		"{'name':'c','resources':{'requests':{'cpu':'%s'},'limits':{'cpu':'%s'}}},"
		"{'name':'d','resources':{'requests':{'cpu':'%s'},'limits':{'cpu':'%s'}}}]}}",
		cpu, cpu, cpu, cpu);

	EXPECT_INT(rig_ask(r, CLIENT_PATCH_STRATEGIC, "pods", "p", "resize", body, NULL), 0);
	mem_free(body);
}

/* In us of 100 ms, of the pod's own group; -2: there is none. */
static int64_t group_quota(const char *uid)
{
	static const char *const files[] = {"/sys/fs/cgroup/cpu/kubepods/pod%s/cpu.cfs_quota_us",
		"/sys/fs/cgroup/kubepods/pod%s/cpu.max"};
	long long quota = -2;

	for (size_t i = 0; i < ARRAY_LEN(files) && quota == -2; i++) {
		char path[256];

		snprintf(path, sizeof(path), files[i], uid);
		FILE *f = fopen(path, "re");
		if (f && fscanf(f, "%lld", &quota) != 1)
			quota = -1; /* "max" */
		if (f)
			fclose(f);
	}
	return quota;
}

static const char *uid_of(struct kubelet_rig *r)
{
	return arena_str(&r->arena, tree_str(rig_get(r, "p"), "metadata.uid")).at;
}

static int64_t pod_quota(struct kubelet_rig *r)
{
	return group_quota(uid_of(r));
}

static int64_t quota(struct kubelet_rig *r, const char *name)
{
	const struct fake_container *c = fake_container(&r->runtime, str_from(name));

	return c->limits.cpu_quota ? c->limits.cpu_quota : c->config.limits.cpu_quota;
}

static void expect_quota(struct kubelet_rig *r, int64_t each)
{
	EXPECT_INT(pod_quota(r), 2 * each);
	EXPECT_INT(quota(r, "c"), each);
	EXPECT_INT(quota(r, "d"), each);
	json_each (c, json_path(rig_get(r, "p"), "status.conditions"))
		EXPECT(!str_starts(tree_str(c, "type"), STR("PodResize")));
}

static void open_pod(struct kubelet_rig *r)
{
	open_rig(r);
	make_pod(r);
	expect_quota(r, 10000);
}

static void close_pod(struct kubelet_rig *r)
{
	char *uid = mem_copy_text(uid_of(r));

	rig_delete(r, "p", 0);
	rig_pass(r, 10 * SEC);
	EXPECT_INT(group_quota(uid), -2);
	mem_free(uid);
	kubelet_rig_close(r);
}

static void begin_resize(struct kubelet_rig *r, int ms)
{
	test_context("after %d ms", ms);
	open_pod(r);
	resize(r, "400m");
	rig_pass(r, ms * MSEC);
}

/* What was resized is taken back while nobody looks, or is not. */
static void end_in_the_middle(bool take_back)
{
	for (int ms = 0; ms < 16 && !test_failed(); ms++) {
		struct kubelet_rig r;

		begin_resize(&r, ms);
		kubelet_rig_stop(&r);
		if (take_back)
			resize(&r, "100m");
		kubelet_rig_start(&r);
		rig_pass(&r, 10 * SEC);
		expect_quota(&r, take_back ? 10000 : 40000);
		EXPECT_INT(r.runtime.started, 2);
		close_pod(&r);
	}
	test_context_end();
}

TEST(a_resize_is_brought_to_its_end_by_the_next_kubelet)
{
	end_in_the_middle(false);
}

TEST(a_resize_that_was_begun_and_taken_back_leaves_nothing)
{
	end_in_the_middle(true);
}

/* What the first one has done is on disk with the second one's beginning. */
TEST(the_pods_group_is_fitted_when_its_containers_have_been_resized_already)
{
	for (int ms = 0; ms < 16 && !test_failed(); ms++) {
		struct kubelet_rig r;

		begin_resize(&r, ms);
		resize(&r, "300m");
		rig_pass(&r, MSEC);
		kubelet_rig_stop(&r);
		resize(&r, "400m");
		kubelet_rig_start(&r);
		rig_pass(&r, 10 * SEC);
		expect_quota(&r, 40000);
		close_pod(&r);
	}
	test_context_end();
}

TEST(the_pods_group_is_fitted_when_no_container_runs)
{
	struct kubelet_rig r;

	open_pod(&r);
	/* Both have to wait for their next beginning. */
	for (int i = 0; i < 2; i++) {
		fake_runtime_leave(&r.runtime, "c", 1);
		fake_runtime_leave(&r.runtime, "d", 1);
		rig_pass(&r, 2 * SEC);
	}
	EXPECT_INT(fake_runtime_running(&r.runtime), 0);
	resize(&r, "400m");
	rig_pass(&r, SEC);
	EXPECT_INT(fake_runtime_running(&r.runtime), 0);
	EXPECT_INT(pod_quota(&r), 80000);
	rig_pass(&r, MINUTE);
	EXPECT_INT(fake_runtime_running(&r.runtime), 2);
	expect_quota(&r, 40000);
	close_pod(&r);
}
