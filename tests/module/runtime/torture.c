#include "loop_torture.h"
#include "runtime_rig.h"

#include <kube/task.h>

/*
 * A pod's whole life, with each of its awaits failing once, and cancelled once. What is left then
 * is the next start's to take away.
 */
struct life {
	struct rig g;
	struct task task;
	struct op op;
	struct runtime_sandbox_run run;
	struct runtime_container_create create;
	struct runtime_exec exec;
	struct runtime_session session;
	struct stream *stream;
	struct container_limits limits;
	struct buf out;
	bool well;
};

enum life_step {
	LIFE_START,
	LIFE_RUN,
	LIFE_CREATE,
	LIFE_BEGIN,
	LIFE_EXEC,
	LIFE_SESSION,
	LIFE_WAIT,
	LIFE_CONNECT,
	LIFE_UPDATE,
	LIFE_REOPEN,
	LIFE_STOP,
	LIFE_REMOVE,
	LIFE_END,
	LIFE_REMOVE_POD,
	LIFE_WELL,
	LIFE_STOPPED,
};
static const char *const life_steps[] = {"start", "run", "create", "begin", "exec", "session",
	"wait", "connect", "update", "reopen", "stop", "remove", "end", "remove pod", "well",
	"stopped"};

static void close_streams(struct life *l)
{
	stream_close(TAKE(l->session.in));
	stream_close(TAKE(l->session.out));
	stream_close(TAKE(l->session.err));
	stream_close(TAKE(l->stream));
}

static void use_container(struct life *l)
{
	static const struct str command[] = {STR_INIT("echo"), STR_INIT("hello")};
	struct task *t = &l->task;
	struct runtime *r = l->g.r;

	switch ((enum life_step)t->step) {
	case LIFE_EXEC:
		l->exec = (struct runtime_exec){.container = l->create.id,
			.command = command,
			.command_count = 2,
			.out = &l->out};
		r->ops->exec(r, task_await(t, LIFE_SESSION, OP_NO_DEADLINE), &l->exec);
		return;
	case LIFE_SESSION:
		l->session = (struct runtime_session){.container = l->create.id,
			.command = command,
			.command_count = 2,
			.stdin = true,
			.stdout = true};
		r->ops->session_start(
			r, task_await(t, LIFE_WAIT, OP_NO_DEADLINE), l->g.t.root, &l->session);
		return;
	case LIFE_WAIT:
		r->ops->session_wait(r, task_await(t, LIFE_CONNECT, OP_NO_DEADLINE), &l->session);
		return;
	case LIFE_CONNECT:
		close_streams(l);
		r->ops->connect(r, task_await(t, LIFE_UPDATE, OP_NO_DEADLINE), l->g.t.root,
			l->run.id, 80, &l->stream);
		return;
	case LIFE_UPDATE:
		l->limits = (struct container_limits){.memory = 64 << 20};
		r->ops->update_container(
			r, task_await(t, LIFE_REOPEN, OP_NO_DEADLINE), l->create.id, &l->limits);
		return;
	default:
		r->ops->reopen_log(r, task_await(t, LIFE_STOP, OP_NO_DEADLINE), l->create.id);
	}
}

static void end_pod(struct life *l)
{
	struct task *t = &l->task;
	struct runtime *r = l->g.r;

	switch ((enum life_step)t->step) {
	case LIFE_STOP:
		r->ops->stop_container(
			r, task_await(t, LIFE_REMOVE, OP_NO_DEADLINE), l->create.id, MSEC);
		return;
	case LIFE_REMOVE:
		r->ops->remove_container(r, task_await(t, LIFE_END, OP_NO_DEADLINE), l->create.id);
		return;
	case LIFE_END:
		r->ops->stop_sandbox(r, task_await(t, LIFE_REMOVE_POD, OP_NO_DEADLINE), l->run.id);
		return;
	default:
		r->ops->remove_sandbox(r, task_await(t, LIFE_WELL, OP_NO_DEADLINE), l->run.id);
	}
}

static void life_run(struct task *t, struct err *err)
{
	struct life *l = CONTAINER_OF(t, struct life, task);
	struct rig *g = &l->g;
	static const struct runtime_native_options base = {
		.root = RIG_ROOT, .cgroup_root = "", .program = KUBE_BINARY};
	struct runtime_native_options options = base;

	/* Nobody listens there: that this fails is well. */
	if (err->code && (t->step != LIFE_UPDATE || err->code != ERR_REFUSED) &&
		t->step != LIFE_STOPPED) {
		close_streams(l);
		if (!g->r)
			return task_fail(t, err);
		g->r->ops->stop(g->r, task_await(t, LIFE_STOPPED, OP_NO_DEADLINE));
		return;
	}
	switch ((enum life_step)t->step) {
	case LIFE_START:
		options.images = &g->images;
		options.network = &g->network;
		runtime_native_start(g->t.env, task_await(t, LIFE_RUN, OP_NO_DEADLINE), g->t.root,
			&options, &g->r);
		return;
	case LIFE_RUN:
		l->run = rig_sandbox("life");
		g->r->ops->run_sandbox(g->r, task_await(t, LIFE_CREATE, OP_NO_DEADLINE), &l->run);
		return;
	case LIFE_CREATE:
		l->create = rig_container(l->run.id, RIG_SHELL("exec sleep 1000"));
		g->r->ops->create_container(
			g->r, task_await(t, LIFE_BEGIN, OP_NO_DEADLINE), &l->create);
		return;
	case LIFE_BEGIN:
		g->r->ops->start_container(
			g->r, task_await(t, LIFE_EXEC, OP_NO_DEADLINE), l->create.id);
		return;
	case LIFE_EXEC:
	case LIFE_SESSION:
	case LIFE_WAIT:
	case LIFE_CONNECT:
	case LIFE_UPDATE:
	case LIFE_REOPEN:
		use_container(l);
		return;
	case LIFE_STOP:
	case LIFE_REMOVE:
	case LIFE_END:
	case LIFE_REMOVE_POD:
		end_pod(l);
		return;
	case LIFE_WELL:
		l->well = true;
		g->r->ops->stop(g->r, task_await(t, LIFE_STOPPED, OP_NO_DEADLINE));
		return;
	case LIFE_STOPPED:
		task_finish(t, 0);
	}
}

static void lived(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

static void live(struct loop_test *t, void *ctx)
{
	static const struct task_kind kind = TASK_KIND("life", life_steps, life_run);
	struct life *l = ctx;

	l->well = false;
	l->g.r = NULL;
	l->g.t.env = t->env;
	l->g.t.loop = t->loop;
	l->g.t.root = t->root;
	buf_clear(&l->out);
	op_init(&l->op, t->root, lived, OP_NO_DEADLINE);
	task_start(&l->task, &kind, &l->op);
}

static struct rig_count nothing;

static void remove_all(struct rig *g)
{
	const struct sandbox *const *list;

	while (g->r->ops->sandboxes(g->r, &list))
		if (rig_remove_sandbox(g, list[0]->id))
			break;
}

static void afterwards(struct loop_test *t, void *ctx)
{
	struct life *l = ctx;
	struct rig g;

	if (!loop_torture_hit(t->loop))
		EXPECT(l->well);
	if (l->g.r)
		l->g.r->ops->free(l->g.r);
	rig_open(&g);
	remove_all(&g);
	rig_stop(&g);
	rig_expect_same(&nothing);
	rig_close(&g);
}

TEST(whatever_fails_in_a_pods_life_leaves_nothing)
{
	static struct life l;
	struct rig g;

	rig_open(&g);
	rig_stop(&g);
	nothing = rig_count();
	rig_close(&g);
	rig_open_without_start(&l.g);
	loop_test_done(&l.g.t);
	buf_init(&l.out, 1000);
	int rounds = loop_torture_run(LOOP_TEST_REAL, live, afterwards, &l);
	EXPECT(rounds > 50);
	printf("     %d rounds\n", rounds);
	buf_done(&l.out);
}
