#include "work_pool.h"

#include <kube/mem.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "internal.h"

/* Enough for getaddrinfo and for elliptic curves, with room; touched pages only cost memory. */
#define STACK_SIZE  (1 * MIB)
#define THREADS_MAX 64

enum work_state { WORK_QUEUED, WORK_RUNNING, WORK_OVER };

/*
 * The loop must never wait for a thread that holds a lock and has lost its processor: what passes
 * between them goes over stacks without locks (`arrived` down, `over` up) and a semaphore. The
 * lock is the threads' among themselves; the loop takes it only to cancel.
 */
struct lane {
	_Atomic(struct link *) arrived; /* pushed by the loop, the newest first */
	sem_t filled;                   /* posted once for each push */
	pthread_mutex_t lock;           /* guards the queue and the state of what is in it */
	struct list queue;              /* taken from `arrived`, the oldest first */
	_Atomic(unsigned) pending;      /* started and not finished */
	_Atomic(bool) stopping;
	unsigned threads, max; /* the loop's */
	pthread_t ids[THREADS_MAX];
	struct work_pool *pool;
	const char *name;
};

struct work_pool {
	struct loop *loop;
	struct lane lanes[WORK_LANES];
	_Atomic(struct link *) over; /* finished, not yet collected, the newest first */
};

static const char *const lane_names[WORK_LANES] = {
	[WORK_CRYPTO] = "crypto",
	[WORK_DISK] = "disk",
	[WORK_STORE] = "store",
	[WORK_RESOLVE] = "resolve",
	[WORK_NETLINK] = "netlink",
};

/* ---- stacks: anybody pushes, somebody takes all ---- */

/* True when it was empty. */
static bool stack_push(_Atomic(struct link *) *stack, struct link *k)
{
	struct link *head = atomic_load(stack);
	do
		k->next = head;
	while (!atomic_compare_exchange_weak(stack, &head, k));
	return head == NULL;
}

/* Appends all to the list, in the order they were pushed. */
static void stack_take(_Atomic(struct link *) *stack, struct list *to)
{
	struct link *k = atomic_exchange(stack, NULL), *oldest = NULL;
	while (k) {
		struct link *below = k->next;
		k->next = oldest;
		oldest = k;
		k = below;
	}
	while (oldest) {
		struct link *next = oldest->next;
		list_push(to, oldest);
		oldest = next;
	}
}

/* ---- the threads ---- */

static struct work *lane_take(struct lane *lane)
{
	struct work *w = NULL;
	pthread_mutex_lock(&lane->lock);
	stack_take(&lane->arrived, &lane->queue);
	struct link *k = list_pop(&lane->queue);
	if (k) {
		w = LIST_ENTRY(k, struct work, in_queue);
		w->state = WORK_RUNNING;
	}
	pthread_mutex_unlock(&lane->lock);
	return w;
}

/*
 * What only computes stands back for the loop: at equal rights its threads keep the loop from its
 * processor for whole slices while they have work.
 */
#define CRYPTO_NICE 5

static void stand_back(void)
{
	id_t self = (id_t)gettid();
	setpriority(PRIO_PROCESS, self, getpriority(PRIO_PROCESS, self) + CRYPTO_NICE);
}

static void *lane_main(void *arg)
{
	struct lane *lane = arg;
	struct work_pool *pool = lane->pool;
	if (lane == &pool->lanes[WORK_CRYPTO])
		stand_back();
	for (;;) {
		while (sem_wait(&lane->filled) && errno == EINTR)
			;
		struct work *w = lane_take(lane);
		if (!w && lane->stopping)
			return NULL;
		if (!w)
			continue; /* it was cancelled */
		w->run(w);
		lane->pending--;
		/* loop_free joins us before the driver goes, so that waking it is safe. */
		if (stack_push(&pool->over, &w->in_queue))
			driver_wake(pool->loop->driver);
	}
}

/* Signals are the loop's: threads are born with all of them blocked. */
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
	case WORK_NETLINK:
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
	for (int i = 0; i < WORK_LANES; i++) {
		struct lane *lane = &pool->lanes[i];
		pthread_mutex_init(&lane->lock, NULL);
		sem_init(&lane->filled, 0, 0);
		list_init(&lane->queue);
		lane->max = lane_max(i);
		lane->pool = pool;
		lane->name = lane_names[i];
	}
	return pool;
}

static void lane_stop(struct lane *lane)
{
	assert(lane->pending == 0);
	lane->stopping = true;
	for (unsigned i = 0; i < lane->threads; i++)
		sem_post(&lane->filled);
	for (unsigned i = 0; i < lane->threads; i++)
		pthread_join(lane->ids[i], NULL);
	sem_destroy(&lane->filled);
	pthread_mutex_destroy(&lane->lock);
}

void work_pool_free(struct work_pool *pool)
{
	if (!pool)
		return;
	for (int i = 0; i < WORK_LANES; i++)
		lane_stop(&pool->lanes[i]);
	assert(!pool->over);
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
	stack_take(&pool->over, &over);
	for (struct link *k; (k = list_pop(&over));)
		work_end(LIST_ENTRY(k, struct work, in_queue));
}

/* True when no thread has begun it, and now none will. */
static bool work_withdraw(struct lane *lane, struct work *w)
{
	pthread_mutex_lock(&lane->lock);
	stack_take(&lane->arrived, &lane->queue);
	bool queued = w->state == WORK_QUEUED;
	if (queued) {
		link_remove(&w->in_queue);
		lane->pending--;
	}
	pthread_mutex_unlock(&lane->lock);
	return queued;
}

static void work_cancel(struct op *op)
{
	struct work *w = op->ctx;
	w->cancelled = true;
	if (work_withdraw(&w->loop->work->lanes[w->lane], w))
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
	if (++lane->pending > lane->threads && lane->threads < lane->max)
		failed = lane_grow(lane);
	stack_push(&lane->arrived, &w->in_queue);
	sem_post(&lane->filled);
	/* With one thread at least, the work is only later. */
	if (!failed || lane->threads || !work_withdraw(lane, w))
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
