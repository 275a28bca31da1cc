#include "runtime_rig.h"

/*
 * What `before` does happens in a process of its own that is killed at once when it is done, with
 * a runtime in it; what is found afterwards is found by another.
 */
static void lived_and_killed(void (*before)(struct rig *g))
{
	pid_t pid = fork();

	if (pid == 0) {
		struct rig g;
		rig_open(&g);
		before(&g);
		fflush(stdout);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
}

static struct runtime_sandbox_run run;

static void one_pod(struct rig *g)
{
	static const struct runtime_port ports[] = {
		{6, 80, 8080, {4, {127, 0, 0, 1}}}, {17, 53, 5353, {0}}};

	run = rig_sandbox("stays");
	run.config.ports = (struct runtime_ports){ports, 2};
	struct str id = rig_run(g, &run);
	struct runtime_container_create on = rig_container(
		id, RIG_SHELL("i=0; while true; do i=$((i+1)); echo $i; sleep 0.1; done"));
	struct runtime_container_create off = rig_container(id, RIG_SHELL("exit 5"));
	struct runtime_container_create later = rig_container(id, RIG_SHELL("sleep 0.5; exit 6"));
	off.config.log_path = STR("off/0.log");
	off.config.name = STR("off");
	later.config.name = STR("later");
	later.config.log_path = STR("later/0.log");
	rig_begin(g, &on);
	rig_begin(g, &off);
	rig_begin(g, &later);
	rig_end_of(g, off.id);
}

static const struct container *named(struct rig *g, const char *name)
{
	const struct container *const *list;
	size_t count = g->r->ops->containers(g->r, &list);

	for (size_t i = 0; i < count; i++)
		if (str_eq_text(list[i]->name, name))
			return list[i];
	return NULL;
}

static const struct sandbox *only_sandbox(struct rig *g)
{
	const struct sandbox *const *list;

	return EXPECT_INT(g->r->ops->sandboxes(g->r, &list), 1) ? list[0] : NULL;
}

static void remove_all(struct rig *g)
{
	const struct sandbox *const *list;

	while (g->r->ops->sandboxes(g->r, &list))
		if (rig_remove_sandbox(g, list[0]->id))
			break;
}

TEST(pods_outlive_the_runtime_and_are_found_again)
{
	struct rig g;
	lived_and_killed(one_pod);
	usleep(700000);
	rig_open(&g);
	const struct sandbox *s = only_sandbox(&g);
	REQUIRE(s);
	EXPECT_INT(s->state, SANDBOX_READY);
	EXPECT_STR(s->name, "stays");
	EXPECT_INT(s->ip_count, 1);
	EXPECT(s->netns != NULL);
	REQUIRE(s->ports.count == 2);
	EXPECT_INT(s->ports.items[0].host_port, 8080);
	EXPECT(ip_is_loopback(&s->ports.items[0].host_ip));
	EXPECT_INT(s->ports.items[1].protocol, 17);
	EXPECT_INT(s->ports.items[1].host_ip.len, 0);
	const struct container *on = named(&g, "main"), *off = named(&g, "off");
	const struct container *later = named(&g, "later");
	REQUIRE(on && off && later);
	EXPECT_INT(on->state, CONTAINER_RUNNING);
	EXPECT(on->started > 0);
	EXPECT_INT(off->state, CONTAINER_EXITED);
	EXPECT_INT(off->exit_code, 5);
	/* It ended while nobody was there. */
	EXPECT_INT(later->state, CONTAINER_EXITED);
	EXPECT_INT(later->exit_code, 6);
	/* What it says goes on being logged. */
	struct str log = rig_log("/run/logs/main/0.log");
	size_t length = log.len;
	EXPECT(length > 6);
	rig_pause(&g, 500 * MSEC);
	EXPECT(rig_log("/run/logs/main/0.log").len > length);
	struct str id = named(&g, "main")->id;
	rig_stop_container(&g, id, SEC);
	EXPECT_INT(rig_get(&g, id)->state, CONTAINER_EXITED);
	remove_all(&g);
	rig_close(&g);
}

TEST(an_orderly_stop_leaves_pods_running)
{
	struct rig g;
	rig_open(&g);
	one_pod(&g);
	rig_stop(&g);
	EXPECT_INT(rig_start(&g), 0);
	REQUIRE(named(&g, "main"));
	EXPECT_INT(named(&g, "main")->state, CONTAINER_RUNNING);
	remove_all(&g);
	rig_close(&g);
}

static void killed_helper(struct rig *g)
{
	one_pod(g);
	rig_shell("pkill -KILL -x kube-pod");
}

TEST(a_pod_whose_helper_died_meanwhile_is_over)
{
	struct rig g;
	lived_and_killed(killed_helper);
	rig_open(&g);
	const struct sandbox *s = only_sandbox(&g);
	REQUIRE(s);
	EXPECT_INT(s->state, SANDBOX_NOT_READY);
	const struct container *c = named(&g, "main");
	REQUIRE(c);
	EXPECT_INT(c->state, CONTAINER_EXITED);
	EXPECT_INT(c->exit_code, 137);
	EXPECT_INT(g.detached, 1);
	EXPECT_INT(rig_number("pgrep -c sleep"), 0);
	remove_all(&g);
	rig_close(&g);
}

TEST(a_helper_that_is_killed_takes_its_pod_along_at_once)
{
	struct rig g;
	rig_open(&g);
	one_pod(&g);
	struct str id = named(&g, "main")->id;
	rig_shell("pkill -KILL -x kube-pod");
	EXPECT_INT(rig_end_of(&g, id)->exit_code, 137);
	EXPECT_INT(only_sandbox(&g)->state, SANDBOX_NOT_READY);
	for (int i = 0; i < 100 && rig_number("pgrep -c sleep"); i++)
		rig_pause(&g, 10 * MSEC);
	EXPECT_INT(rig_number("pgrep -c sleep"), 0);
	/* Another pod in its place is none of its business. */
	struct runtime_sandbox_run next = rig_sandbox("next");
	EXPECT(rig_run(&g, &next).len);
	remove_all(&g);
	rig_close(&g);
}

/* Killed at some moment of a pod's start. */
static void begun(struct rig *g)
{
	run = rig_sandbox("half");
	g->r->ops->run_sandbox(g->r, rig_op(g), &run);
	int pauses = rand() % 20;
	for (int i = 0; i < pauses; i++) {
		struct told tick = {0};
		timer_wait(told_op(&tick, g->t.root, OP_NO_DEADLINE), loop_in(g->t.loop, MSEC / 2));
		loop_test_run_until(&g->t, &tick.done);
	}
}

TEST(what_was_killed_half_way_leaves_nothing)
{
	struct rig g;
	rig_open(&g);
	struct rig_count before = rig_count();
	rig_close(&g);
	for (int i = 0; i < 20; i++) {
		srand((unsigned)i);
		lived_and_killed(begun);
		rig_open(&g);
		remove_all(&g);
		rig_close(&g);
	}
	rig_open(&g);
	rig_expect_same(&before);
	rig_close(&g);
}
