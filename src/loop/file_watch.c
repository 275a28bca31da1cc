#include <kube/file_watch.h>
#include <kube/hash.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>
#include <kube/work.h>

#include <limits.h>
#include <unistd.h>

#include "file_hub.h"

#define LOOK_EACH SEC
#define NAMES_MAX 10000 /* of a directory that is looked at */

struct file_watch {
	struct env *env;
	struct op open; /* keeps the scope from ending until it is closed */
	struct op *waiting;
	char *path;
	bool changed; /* since a wait was last done */
	bool released;
	struct file_path way;
	/* Looking, where the way cannot be watched. */
	struct op looking;
	struct task task;
	struct work work;
	uint64_t mark, seen; /* what the last look gave, and what was told */
};

/* ---- looking ---- */

struct looking {
	struct file_watch *watch;
	uint64_t sum;
	int count;
};

static int look_at_name(void *ctx, const char *name)
{
	struct looking *l = ctx;
	struct file_watch *w = l->watch;
	_cleanup_(buf_done) struct buf path = BUF_INIT(PATH_MAX);
	buf_print(&path, "%s/%s", w->path, name);
	int64_t at = w->env->disk->ops->changed(w->env->disk, buf_text(&path), NULL);
	/* A sum: names come in no order. */
	l->sum += hash_bytes((uint64_t)at, str_from(name));
	return ++l->count >= NAMES_MAX;
}

/* A number that is another one when something has changed; the last one where nobody can tell. */
static uint64_t look(struct file_watch *w, uint64_t last)
{
	struct disk *d = w->env->disk;
	struct err err = {0};
	struct looking l = {.watch = w};
	int64_t at = d->ops->changed(d, w->path, &err);
	int code = err.code;
	err_done(&err);
	if (code)
		return code == ERR_NOT_FOUND ? 0 : last;
	d->ops->list(d, w->path, look_at_name, &l, NULL);
	return hash_bytes(l.sum, str_make((const char *)&at, sizeof(at))) | 1;
}

static void look_work(struct work *work)
{
	struct file_watch *w = CONTAINER_OF(work, struct file_watch, work);
	w->mark = look(w, w->seen);
}

enum look_step { LOOK_NOW, LOOK_COMPARE };
static const char *const look_steps[] = {"now", "compare"};

static void look_run(struct task *t, struct err *err)
{
	struct file_watch *w = CONTAINER_OF(t, struct file_watch, task);
	if (err->code) {
		task_fail(t, err);
		return;
	}
	switch ((enum look_step)t->step) {
	case LOOK_NOW:
		work_start(&w->work, task_await(t, LOOK_COMPARE, OP_NO_DEADLINE), WORK_DISK,
			look_work);
		return;
	case LOOK_COMPARE:
		if (w->mark != w->seen) {
			w->seen = w->mark;
			task_finish(t, 0);
			return;
		}
		timer_wait(
			task_await(t, LOOK_NOW, OP_NO_DEADLINE), loop_in(w->env->loop, LOOK_EACH));
		return;
	}
}

static const struct task_kind look_kind = TASK_KIND("look at files", look_steps, look_run);

static void on_looked(struct op *op, struct err *err);

static void look_start(struct file_watch *w)
{
	if (op_active(&w->looking))
		return; /* it goes on, or is begun again when its end has come */
	op_init(&w->looking, w->open.scope, on_looked, OP_NO_DEADLINE);
	task_start(&w->task, &look_kind, &w->looking);
}

/* ---- telling ---- */

static void watch_changed(struct file_watch *w)
{
	struct op *op = TAKE(w->waiting);
	w->changed = !op;
	if (!op)
		return;
	op_cancel(&w->looking);
	op_finish(op, 0);
}

static void on_way_changed(struct file_path *f)
{
	watch_changed(CONTAINER_OF(f, struct file_watch, way));
}

static void let_go(struct file_watch *w)
{
	if (w->released && !op_active(&w->looking))
		op_finish(&w->open, 0);
}

static void on_looked(struct op *op, struct err *err)
{
	struct file_watch *w = CONTAINER_OF(op, struct file_watch, looking);
	if (w->released)
		let_go(w);
	else if (!err->code)
		watch_changed(w);
	else if (w->waiting && (err->code != ERR_CANCELLED || scope_closing(op->scope)))
		op_fail(TAKE(w->waiting), err);
	else if (w->waiting) /* it was stopped for a wait that is over; this is another */
		look_start(w);
}

static void wait_cancel(struct op *op)
{
	struct file_watch *w = op->ctx;
	w->waiting = NULL;
	op_cancel(&w->looking);
	op_fail_cancelled(op);
}

static void wait_describe(const struct op *op, struct buf *out)
{
	const struct file_watch *w = op->ctx;
	buf_add_text(out, w->path);
}

void file_watch_wait(struct file_watch *w, struct op *op)
{
	static const struct op_kind kind = {
		.name = "change of a file", .cancel = wait_cancel, .describe = wait_describe};
	assert(!w->waiting && !w->released);
	if (!op_begin(op, &kind, w))
		return;
	if (TAKE(w->changed)) {
		op_finish(op, 0);
		return;
	}
	w->waiting = op;
	if (!w->way.hub || w->way.blind)
		look_start(w);
}

/* ---- beginning and ending ---- */

static void watch_freed(struct op *op, struct err *err)
{
	struct file_watch *w = CONTAINER_OF(op, struct file_watch, open);
	(void)err;
	mem_free(w->path);
	mem_free(w);
}

static void open_describe(const struct op *op, struct buf *out)
{
	const struct file_watch *w = op->ctx;
	buf_print(out, "%s%s", w->path, w->way.hub && !w->way.blind ? "" : ", looked at");
}

static char *absolute(const char *path)
{
	char here[PATH_MAX];
	if (path[0] == '/' || !getcwd(here, sizeof(here)))
		return mem_copy_text(path);
	return mem_print("%s/%s", here, path);
}

struct file_watch *file_watch_new(struct env *env, struct scope *scope, const char *path)
{
	static const struct op_kind kind = {.name = "file watch", .describe = open_describe};
	struct file_watch *w = mem_new(sizeof(*w));
	w->env = env;
	bool real = env->disk->is_machine && env->loop->driver;
	w->path = real ? absolute(path) : mem_copy_text(path);
	w->way.path = w->path;
	w->way.told = on_way_changed;
	op_init(&w->open, scope, watch_freed, OP_NO_DEADLINE);
	op_begin_always(&w->open, &kind, w);
	if (!real || !file_path_watch(&w->way, env->loop->driver) || w->way.blind)
		w->seen = look(w, 0);
	return w;
}

void file_watch_close(struct file_watch *w)
{
	if (!w)
		return;
	struct op *op = TAKE(w->waiting);
	assert(!w->released);
	w->released = true;
	file_path_forget(&w->way);
	if (op)
		op_fail_cancelled(op);
	op_cancel(&w->looking);
	let_go(w);
}
