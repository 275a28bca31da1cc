#include <kube/mem.h>
#include <kube/time.h>
#include <kube/work.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "loop_torture.h"

struct job {
	struct work work;
	struct told told;
	int value;
	char thread[16];
	_Atomic(bool) *gate; /* waits for it, or for a cancel */
	_Atomic(int) *running;
};

static void job_run(struct work *w)
{
	struct job *job = CONTAINER_OF(w, struct job, work);
	pthread_getname_np(pthread_self(), job->thread, sizeof(job->thread));
	if (job->running)
		atomic_fetch_add(job->running, 1);
	while (job->gate && !atomic_load(job->gate) && !work_cancelled(w))
		usleep(200);
	if (job->value < 0)
		err_set(&w->err, ERR_IO, "job %d", job->value);
	else
		w->n = job->value * 2;
}

static void job_start(struct job *job, struct scope *scope, enum work_lane lane)
{
	work_start(&job->work, told_op(&job->told, scope, OP_NO_DEADLINE), lane, job_run);
}

TEST(work_runs_elsewhere_and_its_outcome_comes_back)
{
	for (int kind = LOOP_TEST_REAL; kind <= LOOP_TEST_VIRTUAL; kind++) {
		struct loop_test t;
		struct job good = {.value = 21}, bad = {.value = -3};
		loop_test_init(&t, kind);
		job_start(&good, t.root, WORK_CRYPTO);
		job_start(&bad, t.root, WORK_DISK);
		EXPECT(!good.told.done);
		loop_test_run(&t);
		EXPECT_INT(good.told.n, 42);
		EXPECT_INT(bad.told.err.code, ERR_IO);
		EXPECT_TEXT(err_text(&bad.told.err), "job -3");
		if (kind == LOOP_TEST_REAL) {
			EXPECT_TEXT(good.thread, "kube-crypto-0");
			EXPECT_TEXT(bad.thread, "kube-disk-0");
		}
		told_done(&bad.told);
		loop_test_done(&t);
	}
}

TEST(the_store_lane_runs_one_work_after_the_other_in_order)
{
	enum { COUNT = 500 };
	struct loop_test t;
	struct job *jobs = mem_new(COUNT * sizeof(*jobs));
	loop_test_init(&t, LOOP_TEST_REAL);
	for (int i = 0; i < COUNT; i++) {
		jobs[i].value = i;
		job_start(&jobs[i], t.root, WORK_STORE);
	}
	loop_test_run(&t);
	for (int i = 0; i < COUNT; i++) {
		EXPECT_INT(jobs[i].told.n, 2 * i);
		EXPECT(i == 0 || jobs[i].told.order > jobs[i - 1].told.order);
		EXPECT_TEXT(jobs[i].thread, "kube-store-0");
	}
	mem_free(jobs);
	loop_test_done(&t);
}

TEST(lanes_do_not_hold_one_another_up)
{
	struct loop_test t;
	_Atomic(bool) gate = false;
	struct job slow[4] = {0}, quick = {.value = 1};
	loop_test_init(&t, LOOP_TEST_REAL);
	for (int i = 0; i < 4; i++) {
		slow[i].gate = &gate;
		job_start(&slow[i], t.root, WORK_DISK);
	}
	job_start(&quick, t.root, WORK_STORE);
	loop_test_run_until(&t, &quick.told.done);
	EXPECT(!slow[0].told.done);
	gate = true;
	loop_test_run(&t);
	EXPECT(slow[3].told.done);
	loop_test_done(&t);
}

TEST(a_lane_has_no_more_threads_than_it_may)
{
	struct loop_test t;
	_Atomic(bool) gate = false;
	_Atomic(int) running = 0;
	struct job jobs[20] = {0};
	struct told later = {0};
	loop_test_init(&t, LOOP_TEST_REAL);
	for (int i = 0; i < 20; i++) {
		jobs[i].gate = &gate;
		jobs[i].running = &running;
		job_start(&jobs[i], t.root, WORK_DISK);
	}
	timer_wait(told_op(&later, t.root, OP_NO_DEADLINE), loop_in(t.loop, 50 * MSEC));
	loop_test_run_until(&t, &later.done);
	EXPECT(running <= 4);
	gate = true;
	loop_test_run(&t);
	EXPECT_INT(running, 20);
	loop_test_done(&t);
}

TEST(an_idle_thread_does_not_keep_a_second_work_waiting)
{
	struct loop_test t;
	_Atomic(bool) gate = false;
	_Atomic(int) running = 0;
	struct told later = {0};
	struct job warm = {0}, jobs[3] = {0};
	loop_test_init(&t, LOOP_TEST_REAL);
	job_start(&warm, t.root, WORK_DISK);
	timer_wait(told_op(&later, t.root, OP_NO_DEADLINE), loop_in(t.loop, 10 * MSEC));
	loop_test_run_until(&t, &later.done);
	for (int i = 0; i < 3; i++) {
		jobs[i].gate = &gate;
		jobs[i].running = &running;
		job_start(&jobs[i], t.root, WORK_DISK);
	}
	while (running < 3)
		usleep(200);
	gate = true;
	loop_test_done(&t);
}

TEST(cancelling_takes_queued_work_out_and_asks_running_work)
{
	struct loop_test t;
	_Atomic(bool) gate = false;
	_Atomic(int) running = 0;
	struct job first = {.gate = &gate, .running = &running, .value = 5};
	struct job second = {.gate = &gate, .running = &running};
	loop_test_init(&t, LOOP_TEST_REAL);
	job_start(&first, t.root, WORK_STORE);
	job_start(&second, t.root, WORK_STORE);
	while (!running)
		usleep(200);
	op_cancel(&second.told.op);
	loop_test_run_until(&t, &second.told.done);
	EXPECT_INT(second.told.err.code, ERR_CANCELLED);
	EXPECT(!first.told.done);
	op_cancel(&first.told.op);
	loop_test_run(&t);
	/* It noticed, and its result counts. */
	EXPECT_INT(first.told.err.code, 0);
	EXPECT_INT(first.told.n, 10);
	EXPECT_INT(running, 1);
	loop_test_done(&t);
}

TEST(a_deadline_ends_queued_work)
{
	struct loop_test t;
	_Atomic(bool) gate = false;
	struct job first = {.gate = &gate}, second = {0};
	loop_test_init(&t, LOOP_TEST_REAL);
	job_start(&first, t.root, WORK_STORE);
	work_start(&second.work, told_op(&second.told, t.root, loop_in(t.loop, 5 * MSEC)),
		WORK_STORE, job_run);
	loop_test_run_until(&t, &second.told.done);
	EXPECT_INT(second.told.err.code, ERR_TIMEOUT);
	EXPECT_TEXT(err_text(&second.told.err), "timed out: work");
	EXPECT(!first.told.done);
	gate = true;
	told_done(&second.told);
	loop_test_done(&t);
}

TEST(thousands_of_works_come_back_in_batches)
{
	enum { COUNT = 5000 };
	struct loop_test t;
	struct job *jobs = mem_new(COUNT * sizeof(*jobs));
	loop_test_init(&t, LOOP_TEST_REAL);
	for (int i = 0; i < COUNT; i++) {
		jobs[i].value = i;
		job_start(&jobs[i], t.root, i % WORK_LANES);
		if (i % 7 == 0)
			op_cancel(&jobs[i].told.op);
	}
	loop_test_run(&t);
	for (int i = 0; i < COUNT; i++) {
		EXPECT_INT(jobs[i].told.times, 1);
		EXPECT(jobs[i].told.err.code || jobs[i].told.n == 2 * i);
	}
	mem_free(jobs);
	loop_test_done(&t);
}

static void torture_start(struct loop_test *t, void *ctx)
{
	struct job *jobs = ctx;
	for (int i = 0; i < 3; i++)
		job_start(&jobs[i], t->root, WORK_DISK);
}

TEST(work_survives_torture)
{
	for (int kind = LOOP_TEST_REAL; kind <= LOOP_TEST_VIRTUAL; kind++) {
		struct job jobs[3] = {0};
		EXPECT_INT(loop_torture_run(kind, torture_start, NULL, jobs), 7);
		for (int i = 0; i < 3; i++)
			told_done(&jobs[i].told);
	}
}
