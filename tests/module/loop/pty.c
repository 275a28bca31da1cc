#include <kube/process.h>
#include <kube/pty.h>
#include <kube/task.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop_torture.h"

static struct op *told_root(struct loop_test *t, struct told *told)
{
	return told_op(told, t->root, OP_NO_DEADLINE);
}

TEST(ends_are_closed_on_exec_and_have_the_size_they_were_given)
{
	struct pty pty;
	struct pty_size size = {.rows = 24, .columns = 80}, got = {0};
	struct err err = {0};
	REQUIRE_OK(pty_open(&pty, NULL, &size, &err), &err);
	EXPECT(fcntl(pty.ours, F_GETFD) & FD_CLOEXEC);
	EXPECT(fcntl(pty.theirs, F_GETFD) & FD_CLOEXEC);
	EXPECT_OK(pty_size_of(pty.theirs, &got, &err), &err);
	EXPECT(got.rows == 24 && got.columns == 80);
	EXPECT_OK(pty_resize(pty.ours, &(struct pty_size){50, 132}, &err), &err);
	EXPECT_OK(pty_size_of(pty.theirs, &got, &err), &err);
	EXPECT(got.rows == 50 && got.columns == 132);
	pty_done(&pty);
	EXPECT(pty.ours == -1 && pty.theirs == -1);
	pty_done(&pty);
}

TEST(what_is_no_terminal_is_refused)
{
	struct pty pty;
	struct pty_size size = {0};
	struct err err = {0};
	int before = loop_test_count_descriptors();
	EXPECT_INT(pty_open(&pty, "/no/such/ptmx", NULL, &err), ERR_NOT_FOUND);
	err_done(&err);
	EXPECT(pty_open(&pty, "/dev/null", NULL, &err) < 0);
	err_done(&err);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	EXPECT(pty_resize(null, &size, &err) < 0);
	err_done(&err);
	EXPECT(pty_size_of(null, &size, &err) < 0);
	err_done(&err);
	close(null);
	EXPECT_INT(loop_test_count_descriptors(), before);
}

/* ---- a program at a terminal ---- */

enum type_step { TYPE_START, TYPE_READ, TYPE_SIZE, TYPE_WRITE, TYPE_REST, TYPE_MORE, TYPE_END };
static const char *const type_steps[] = {"start", "read", "size", "write", "rest", "more", "end"};

struct typing {
	struct loop_test *t;
	struct scope scope;
	struct task task;
	struct told told, closed;
	struct pty pty;
	struct process *process;
	struct process_fd fds[3];
	struct process_options options;
	struct stream *stream;
	struct buf got;
	struct str part;
};

static void typing_run(struct task *t, struct err *err)
{
	struct typing *y = CONTAINER_OF(t, struct typing, task);
	if (err->code) {
		task_fail(t, err);
		return;
	}
	switch ((enum type_step)t->step) {
	case TYPE_START:
		process_start(task_await(t, TYPE_READ, OP_NO_DEADLINE), &y->scope, &y->options,
			&y->process);
		return;
	case TYPE_READ:
		pty_close_theirs(&y->pty);
		y->stream = pty_take_stream(&y->pty, y->t->loop, &y->scope);
		REQUIRE(y->stream);
		stream_read(y->stream, task_await(t, TYPE_SIZE, OP_NO_DEADLINE), &y->got, KIB);
		return;
	case TYPE_SIZE:
		pty_resize(stream_fd(y->stream), &(struct pty_size){10, 20}, NULL);
		y->part = STR("typed\n");
		stream_write(y->stream, task_await(t, TYPE_REST, OP_NO_DEADLINE), &y->part, 1);
		return;
	case TYPE_WRITE:
	case TYPE_REST:
	case TYPE_MORE:
		if (t->step == TYPE_MORE && t->wait.n == 0) {
			process_wait(y->process, task_await(t, TYPE_END, OP_NO_DEADLINE));
			return;
		}
		stream_read(y->stream, task_await(t, TYPE_MORE, OP_NO_DEADLINE), &y->got, KIB);
		return;
	case TYPE_END:
		task_finish(t, t->wait.n);
		return;
	}
}

static void typed(struct op *op, struct err *err)
{
	struct typing *y = CONTAINER_OF(op, struct typing, told.op);
	y->told.err.code = err->code;
	stream_close(TAKE(y->stream));
	process_close(TAKE(y->process));
	pty_done(&y->pty);
	scope_close(&y->scope, told_op(&y->closed, y->t->root, OP_NO_DEADLINE));
}

static void typing_start(struct loop_test *t, void *ctx)
{
	static const char *const argv[] = {
		"sh", "-c", "stty -echo; tty -s && stty size; read x; stty size; echo $x", NULL};
	static const struct task_kind kind = TASK_KIND("typing", type_steps, typing_run);
	struct typing *y = ctx;
	struct err err = {0};
	*y = (struct typing){.t = t, .got = BUF_INIT(KIB)};
	scope_init(&y->scope, t->root, "typing", NULL);
	REQUIRE_OK(pty_open(&y->pty, NULL, &(struct pty_size){25, 70}, &err), &err);
	for (int i = 0; i < 3; i++)
		y->fds[i] = (struct process_fd){
			.number = i, .kind = PROCESS_FD_GIVEN, .fd = y->pty.theirs};
	y->options = (struct process_options){.argv = argv,
		.fds = y->fds,
		.fd_count = 3,
		.group = PROCESS_SESSION_NEW,
		.terminal = true};
	op_init(&y->told.op, &y->scope, typed, OP_NO_DEADLINE);
	task_start(&y->task, &kind, &y->told.op);
}

static void typing_check(struct loop_test *t, void *ctx)
{
	struct typing *y = ctx;
	if (!loop_torture_hit(t->loop)) {
		EXPECT_INT(y->told.err.code, 0);
		EXPECT_STR(buf_str(&y->got), "25 70\r\n10 20\r\ntyped\r\n");
	}
	EXPECT(y->closed.done);
	EXPECT(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
	buf_done(&y->got);
}

TEST(a_program_at_a_terminal_survives_torture)
{
	struct typing y;
	EXPECT(loop_torture_run(LOOP_TEST_REAL, typing_start, typing_check, &y) > 10);
}

TEST(our_end_ends_when_the_program_has_gone)
{
	struct loop_test t;
	struct told told = {0};
	struct pty pty;
	struct buf got = BUF_INIT(64);
	struct err err = {0};
	loop_test_init(&t, LOOP_TEST_REAL);
	REQUIRE_OK(pty_open(&pty, NULL, NULL, &err), &err);
	struct stream *s = pty_take_stream(&pty, t.loop, t.root);
	REQUIRE(s);
	EXPECT(write(pty.theirs, "bye", 3) == 3);
	pty_close_theirs(&pty);
	for (int i = 0; i < 3; i++) {
		stream_read(s, told_root(&t, &told), &got, 64);
		loop_test_run_until(&t, &told.done);
		EXPECT_INT(told.err.code, 0);
		EXPECT_INT(told.n, i ? 0 : 3);
	}
	EXPECT_STR(buf_str(&got), "bye");
	stream_close(s);
	buf_done(&got);
	loop_test_done(&t);
}
