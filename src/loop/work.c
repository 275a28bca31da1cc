#include "work_pool.h"

#include <kube/mem.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/sysinfo.h>

#include "internal.h"

/* Enough for getaddrinfo and for elliptic curves, with room; touched pages only cost memory. */
#define STACK_SIZE  (1 * MIB)
#define THREADS_MAX 64

enum work_state { WORK_QUEUED, WORK_RUNNING, WORK_OVER };

struct lane {
	pthread_mutex_t lock; /* guards everything below, and the state of the lane's works */
	pthread_cond_t filled;
	struct list queue;
	bool stopping;
	unsigned queued, idle, threads, max;
	pthread_t ids[THREADS_MAX];
	struct work_pool *pool;
	const char *name;
};

struct work_pool {
	struct loop *loop;
	struct lane lanes[WORK_LANES];
	pthread_mutex_t lock; /* guards `over` */
	struct list over;     /* finished, not yet collected */
};

static const char *const lane_names[WORK_LANES] = {
	[WORK_CRYPTO] = "crypto",
	[WORK_DISK] = "disk",
	[WORK_STORE] = "store",
	[WORK_RESOLVE] = "resolve",
};

/* ---- the threads ---- */

static void hand_over(struct work_pool *pool, struct work *w)
{
	pthread_mutex_lock(&pool->lock);
	bool first = list_empty(&pool->over);
	list_push(&pool->over, &w->in_queue);
	/* Under the lock, so that nobody collects the last work and frees the loop in between. */
	if (first)
		driver_wake(pool->loop->driver);
	pthread_mutex_unlock(&pool->lock);
}

static void *lane_main(void *arg)
{
	struct lane *lane = arg;
	pthread_mutex_lock(&lane->lock);
	for (;;) {
		struct link *k = list_pop(&lane->queue);
		if (k) {
			struct work *w = LIST_ENTRY(k, struct work, in_queue);
			w->state = WORK_RUNNING;
			lane->queued--;
			pthread_mutex_unlock(&lane->lock);
			w->run(w);
			hand_over(lane->pool, w);
			pthread_mutex_lock(&lane->lock);
		} else if (lane->stopping) {
			break;
		} else {
			lane->idle++;
			pthread_cond_wait(&lane->filled, &lane->lock);
			lane->idle--;
		}
	}
	pthread_mutex_unlock(&lane->lock);
	return NULL;
}

/* Called with the lane locked. Signals are the loop's: threads are born with all of them blocked.
 */
static int lane_grow(struct lane *lane)
{
	sigset_t all, before;
	pthread_attr_t attr;
	char name[16];
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_t *id = &lane->ids[lane->threads];
	int failed = pthread_create(id, &attr, lane_main, lane);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return failed;
	snprintf(name, sizeof(name), "kube-%s-%u", lane->name, lane->threads++);
	pthread_setname_np(*id, name);
	return 0;
}

/* ---- the pool ---- */

static unsigned lane_max(enum work_lane lane)
{
	switch (lane) {
	case WORK_CRYPTO:
		return (unsigned)MAX(1, MIN(get_nprocs(), THREADS_MAX));
	case WORK_DISK:
		return 4;
	case WORK_RESOLVE:
		return 2;
	case WORK_STORE:
	case WORK_LANES:
		break;
	}
	return 1;
}

static struct work_pool *work_pool_new(struct loop *loop)
{
	struct work_pool *pool = mem_new(sizeof(*pool));
	pool->loop = loop;
	pthread_mutex_init(&pool->lock, NULL);
	for (int i = 0; i < WORK_LANES; i++) {
		struct lane *lane = &pool->lanes[i];
		pthread_mutex_init(&lane->lock, NULL);
		pthread_cond_init(&lane->filled, NULL);
		lane->max = lane_max(i);
		lane->pool = pool;
		lane->name = lane_names[i];
	}
	return pool;
}

static void lane_stop(struct lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	assert(list_empty(&lane->queue));
	lane->stopping = true;
	pthread_cond_broadcast(&lane->filled);
	pthread_mutex_unlock(&lane->lock);
	for (unsigned i = 0; i < lane->threads; i++)
		pthread_join(lane->ids[i], NULL);
	pthread_cond_destroy(&lane->filled);
	pthread_mutex_destroy(&lane->lock);
}

void work_pool_free(struct work_pool *pool)
{
	if (!pool)
		return;
	for (int i = 0; i < WORK_LANES; i++)
		lane_stop(&pool->lanes[i]);
	assert(list_empty(&pool->over));
	pthread_mutex_destroy(&pool->lock);
	mem_free(pool);
}

/* ---- the loop's side ---- */

static void work_end(struct work *w)
{
	w->state = WORK_OVER;
	if (w->err.code)
		op_fail(w->op, &w->err);
	else
		op_finish(w->op, w->n);
}

void work_pool_collect(struct work_pool *pool)
{
	struct list over = {0};
	pthread_mutex_lock(&pool->lock);
	list_move_all(&over, &pool->over);
	pthread_mutex_unlock(&pool->lock);
	for (struct link *k; (k = list_pop(&over));)
		work_end(LIST_ENTRY(k, struct work, in_queue));
}

static void work_cancel(struct op *op)
{
	struct work *w = op->ctx;
	struct lane *lane = &w->loop->work->lanes[w->lane];
	w->cancelled = true;
	pthread_mutex_lock(&lane->lock);
	bool queued = w->state == WORK_QUEUED;
	if (queued) {
		link_remove(&w->in_queue);
		lane->queued--;
	}
	pthread_mutex_unlock(&lane->lock);
	if (queued)
		op_fail_cancelled(op);
}

static void work_describe(const struct op *op, struct buf *out)
{
	const struct work *w = op->ctx;
	buf_add_text(out, lane_names[w->lane]);
}

static void work_enqueue(struct work *w)
{
	struct loop *loop = w->loop;
	if (!loop->work)
		loop->work = work_pool_new(loop);
	struct lane *lane = &loop->work->lanes[w->lane];
	int failed = 0;
	pthread_mutex_lock(&lane->lock);
	list_push(&lane->queue, &w->in_queue);
	lane->queued++;
	if (lane->idle > 0)
		pthread_cond_signal(&lane->filled);
	/* An idle thread may have been woken for an earlier work already. */
	if (lane->queued > lane->idle && lane->threads < lane->max)
		failed = lane_grow(lane);
	/* With one thread at least, the work is only later. */
	failed = lane->threads ? 0 : failed;
	if (failed) {
		link_remove(&w->in_queue);
		lane->queued--;
	}
	pthread_mutex_unlock(&lane->lock);
	if (!failed)
		return;
	err_set_errno(&w->err, failed, "starting a thread");
	op_fail(w->op, &w->err);
}

/* ---- virtual loops: no threads; the function runs when its moment has come ---- */

static void virtual_due(struct op *op)
{
	struct work *w = op->ctx;
	w->state = WORK_RUNNING;
	w->run(w);
	work_end(w);
}

static void virtual_cancel(struct op *op)
{
	struct work *w = op->ctx;
	w->cancelled = true;
	op_fail_cancelled(op);
}

void work_start(struct work *w, struct op *op, enum work_lane lane, work_fn *run)
{
	static const struct op_kind real_kind = {
		.name = "work", .cancel = work_cancel, .describe = work_describe};
	static const struct op_kind virtual_kind = {.name = "work",
		.cancel = virtual_cancel,
		.describe = work_describe,
		.due = virtual_due};
	struct loop *loop = op_loop(op);
	*w = (struct work){.op = op, .run = run, .loop = loop, .lane = (int8_t)lane};
	if (loop->driver) {
		if (op_begin(op, &real_kind, w))
			work_enqueue(w);
		return;
	}
	int64_t delay = loop->work_delay ? loop->work_delay(loop->work_delay_ctx) : 0;
	if (!op_begin_at(op, &virtual_kind, w, loop_in(loop, delay)))
		return; /* refused: already finished */
}
