#include "internal.h"

#include <kube/mem.h>
#include <kube/time.h>

#include "work_pool.h"

/* ---- making and freeing ---- */

static struct loop *loop_make(int64_t now)
{
	struct loop *loop = mem_new(sizeof(*loop));
	list_init(&loop->run);
	loop->now = now;
	loop->root = (struct scope){.loop = loop, .name = "root"};
	return loop;
}

struct loop *loop_new(void)
{
	struct loop *loop = loop_make(clock_mono());
	loop->driver = driver_new(loop);
	return loop;
}

struct loop *loop_new_virtual(int64_t start_ns)
{
	return loop_make(start_ns);
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	assert(!loop->driving && scope_empty(&loop->root) && list_empty(&loop->run));
	assert(loop->in_flight == 0);
	work_pool_free(loop->work);
	timers_done(&loop->timers);
	if (loop->driver)
		driver_free(loop->driver);
	mem_free(loop);
}

/* ---- asking ---- */

struct scope *loop_root(struct loop *loop)
{
	return &loop->root;
}

bool loop_is_virtual(const struct loop *loop)
{
	return !loop->driver;
}

int64_t loop_now(const struct loop *loop)
{
	return loop->now;
}

int64_t loop_in(const struct loop *loop, int64_t ns)
{
	int64_t at;
	return __builtin_add_overflow(loop->now, ns, &at) ? OP_NO_DEADLINE : at;
}

void loop_stats(const struct loop *loop, struct loop_stats *stats)
{
	*stats = loop->stats;
	stats->in_flight = loop->in_flight;
}

void loop_stats_reset(struct loop *loop)
{
	loop->stats = (struct loop_stats){0};
}

void loop_watch_lag(struct loop *loop, int64_t threshold, loop_lag_fn *told, void *ctx)
{
	loop->lag_told = told;
	loop->lag_ctx = ctx;
	loop->lag_threshold = threshold;
}

void loop_torture(struct loop *loop, uint64_t k, int code)
{
	loop->torture_left = k;
	loop->torture_code = code;
	loop->torture_hit = false;
	loop->torture_victim = NULL;
}

bool loop_torture_hit(const struct loop *loop)
{
	return loop->torture_hit;
}

/* ---- running ---- */

void loop_read_clock(struct loop *loop)
{
	loop->now_stale = false;
	loop->now = loop->turn_start = clock_mono();
}

/*
 * What was done since the kernel last spoke: the time during which nobody else was served. Gives
 * the time it is now; loop->now is that of the turn's beginning.
 */
static int64_t turn_end(struct loop *loop)
{
	int64_t now = clock_mono(), ns = now - loop->turn_start;
	loop->stats.turns++;
	loop->stats.worst_turn = MAX(loop->stats.worst_turn, ns);
	if (loop->lag_told && ns > loop->lag_threshold)
		loop->lag_told(loop->lag_ctx, ns, loop->lag_name ? loop->lag_name : "");
	loop->lag_name = NULL;
	loop->lag_worst = 0;
	return now;
}

static void turn_real(struct loop *loop)
{
	int64_t until = list_empty(&loop->run) ? timers_next(&loop->timers) : 0;
	int64_t now = turn_end(loop);
	loop->now_stale = true;
	driver_poll(loop->driver, now, until);
	loop_woken(loop);
}

/* false: nothing will ever happen again. */
static bool turn_virtual(struct loop *loop)
{
	loop->stats.turns++;
	if (!list_empty(&loop->run))
		return true;
	int64_t next = timers_next(&loop->timers);
	loop->now = next == OP_NO_DEADLINE ? loop->now : MAX(loop->now, next);
	return next != OP_NO_DEADLINE;
}

static int loop_stuck(const struct loop *loop, struct err *err)
{
	/* As much of the tree as an error may carry. */
	struct buf dump = BUF_INIT(960);
	loop_dump(loop, &dump);
	int code = err_set(err, ERR_INTERNAL, "stuck, nothing can go on:\n%s", buf_text(&dump));
	buf_done(&dump);
	return code;
}

int loop_run_until(struct loop *loop, const bool *flag, struct err *err)
{
	int code = 0;
	assert(!loop->driving);
	loop->driving = true;
	loop->until = flag;
	if (loop->driver)
		loop_read_clock(loop);
	while (!*flag && !scope_empty(&loop->root)) {
		timers_fire(loop);
		run_drain(loop);
		if (*flag || scope_empty(&loop->root))
			break;
		if (loop->driver) {
			turn_real(loop);
		} else if (!turn_virtual(loop)) {
			code = loop_stuck(loop, err);
			break;
		}
	}
	loop->until = NULL;
	loop->driving = false;
	return code;
}

int loop_run(struct loop *loop, struct err *err)
{
	static const bool never;
	return loop_run_until(loop, &never, err);
}

void loop_shutdown(struct loop *loop)
{
	scope_stop(&loop->root);
}
