#include <kube/env.h>
#include <kube/time.h>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "loop_torture.h"

static struct op *told_root(struct loop_test *t, struct told *told)
{
	return told_op(told, t->root, OP_NO_DEADLINE);
}

TEST(every_waiter_is_told_of_its_signal)
{
	struct loop_test t;
	struct told first = {0}, second = {0}, other = {0};
	loop_test_init(&t, LOOP_TEST_REAL);
	signal_wait(t.loop, told_root(&t, &first), SIGUSR2);
	signal_wait(t.loop, told_root(&t, &second), SIGUSR2);
	signal_wait(t.loop, told_root(&t, &other), SIGHUP);
	kill(getpid(), SIGUSR2);
	loop_test_run_until(&t, &first.done);
	loop_test_run_until(&t, &second.done);
	EXPECT_INT(first.n, SIGUSR2);
	EXPECT_INT(second.n, SIGUSR2);
	EXPECT(!other.done);
	kill(getpid(), SIGHUP);
	loop_test_run_until(&t, &other.done);
	EXPECT_INT(other.n, SIGHUP);
	loop_test_done(&t);
}

TEST(waiting_for_a_signal_can_be_given_up)
{
	struct loop_test t;
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_REAL);
	signal_wait(t.loop, told_root(&t, &told), SIGUSR2);
	op_cancel(&told.op);
	loop_test_run_until(&t, &told.done);
	EXPECT_INT(told.err.code, ERR_CANCELLED);
	signal_wait(t.loop, told_op(&told, t.root, loop_in(t.loop, 2 * MSEC)), SIGUSR2);
	loop_test_run_until(&t, &told.done);
	EXPECT_INT(told.err.code, ERR_TIMEOUT);
	told_done(&told);
	loop_test_done(&t);
}

TEST(a_signal_that_cannot_be_caught_is_refused)
{
	const int signals[] = {SIGKILL, 0, 9999};
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		struct loop_test t;
		struct told told = {0};
		loop_test_init(&t, LOOP_TEST_REAL);
		signal_wait(t.loop, told_root(&t, &told), signals[i]);
		loop_test_run_until(&t, &told.done);
		EXPECT_INT(told.err.code, ERR_UNSUPPORTED);
		told_done(&told);
		loop_test_done(&t);
	}
}

static void wait_and_send(struct loop_test *t, void *ctx)
{
	/* A signal that nobody waits for must not end the program. */
	sigaction(SIGUSR2, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	signal_wait(t->loop, told_root(t, ctx), SIGUSR2);
	kill(getpid(), SIGUSR2);
}

TEST(waiting_for_signals_survives_torture)
{
	struct told told = {0};
	EXPECT_INT(loop_torture_run(LOOP_TEST_REAL, wait_and_send, NULL, &told), 3);
	told_done(&told);
}

TEST(a_signal_writes_the_tree_and_keeps_nothing_alive)
{
	struct loop_test t;
	struct scope s;
	struct told waiting = {0}, later = {0}, closed = {0};
	struct err err = {0};
	char text[512] = {0};
	int fds[2];
	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	loop_test_init(&t, LOOP_TEST_REAL);
	EXPECT_OK(loop_dump_on_signal(t.loop, SIGUSR1, fds[1], &err), &err);
	scope_init(&s, t.root, "server", NULL);
	timer_wait(told_op(&waiting, &s, OP_NO_DEADLINE), loop_in(t.loop, HOUR));
	kill(getpid(), SIGUSR1);
	timer_wait(told_root(&t, &later), loop_in(t.loop, 5 * MSEC));
	loop_test_run_until(&t, &later.done);
	EXPECT(read(fds[0], text, sizeof(text) - 1) > 0);
	EXPECT(str_find(str_from(text), STR("scope root\n")) == 0);
	EXPECT(str_find(str_from(text), STR("  scope server\n    op timer (in ")) > 0);
	scope_close(&s, told_root(&t, &closed));
	loop_test_done(&t);
	close(fds[0]);
	close(fds[1]);
}
