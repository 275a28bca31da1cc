#include "loop_test.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct loop *watched;

/* The loop hangs in the kernel here, so its tree is at rest and can be read. */
static void on_alarm(int signum)
{
	(void)signum;
	struct buf dump = BUF_INIT(64 * KIB);
	if (watched)
		loop_dump(watched, &dump);
	fprintf(stderr, "the loop hangs with this in flight:\n%s", buf_text(&dump));
	_exit(1);
}

int loop_test_count_descriptors(void)
{
	int count = 0;
	DIR *d = opendir("/proc/self/fd");
	while (d && readdir(d))
		count++;
	if (d)
		closedir(d);
	return count;
}

void loop_test_init(struct loop_test *t, enum loop_test_kind kind)
{
	/* libuv's first loop opens descriptors that belong to the process. */
	static bool warm;
	if (!warm)
		loop_free(loop_new());
	warm = true;
	*t = (struct loop_test){.descriptors = loop_test_count_descriptors()};
	t->loop = kind == LOOP_TEST_VIRTUAL ? loop_new_virtual(1000) : loop_new();
	t->root = loop_root(t->loop);
	t->env = kind == LOOP_TEST_REAL ? env_new(t->loop) : NULL;
}

void loop_test_run_until(struct loop_test *t, const bool *flag)
{
	struct err err = {0};
	watched = t->loop;
	signal(SIGALRM, on_alarm);
	alarm(LOOP_TEST_PATIENCE);
	if (loop_run_until(t->loop, flag, &err)) {
		test_fail(__FILE__, __LINE__, "%s", err_text(&err));
		loop_shutdown(t->loop);
		struct err again = {0};
		if (loop_run(t->loop, &again)) {
			fprintf(stderr, "not even shutting down helps: %s\n", err_text(&again));
			abort();
		}
	}
	alarm(0);
	watched = NULL;
	err_done(&err);
}

void loop_test_run(struct loop_test *t)
{
	static const bool never;
	loop_test_run_until(t, &never);
}

void loop_test_done(struct loop_test *t)
{
	loop_test_run(t);
	EXPECT(scope_empty(t->root));
	env_free(t->env);
	loop_free(t->loop);
	EXPECT_INT(loop_test_count_descriptors(), t->descriptors);
}

static void on_told(struct op *op, struct err *err)
{
	static uint64_t order;
	struct told *told = CONTAINER_OF(op, struct told, op);
	told->n = op->n;
	told->times++;
	told->done = true;
	told->order = ++order;
	err_done(&told->err);
	err_move(&told->err, err);
}

struct op *told_op(struct told *told, struct scope *scope, int64_t deadline)
{
	err_done(&told->err);
	told->done = false;
	op_init(&told->op, scope, on_told, deadline);
	return &told->op;
}

void told_done(struct told *told)
{
	EXPECT(!op_active(&told->op));
	err_done(&told->err);
}
