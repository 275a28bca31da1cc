#include "log_rotation.h"
#include "log_files.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/work.h>

/*
 *	WAIT ─▶ LOOKED ─▶ ROTATED ─▶ REOPENED ─▶ the next container … ─▶ WAIT
 */
enum rotation_step { ROTATE_WAIT, ROTATE_LOOKED, ROTATE_ROTATED, ROTATE_REOPENED };
static const char *const rotation_steps[] = {"wait", "looked", "rotated", "reopened"};

struct running_log {
	struct str id, path;
	bool large, missing;
	struct str put_away;
};

struct log_rotation {
	struct kubelet *k;
	struct op op;
	struct task task;
	struct work work;
	struct arena arena;
	struct running_log *logs;
	size_t count, at;
	int64_t max_size, max_files, wall;
};

/* ---- on a worker ---- */

static void look(struct work *w)
{
	struct log_rotation *r = CONTAINER_OF(w, struct log_rotation, work);

	for (size_t i = 0; i < r->count && !work_cancelled(w); i++) {
		struct running_log *l = &r->logs[i];
		int64_t size = 0;

		l->missing = log_files_size(l->path.at, &size, NULL) == ERR_NOT_FOUND;
		l->large = size >= r->max_size;
	}
}

static void rotate(struct work *w)
{
	struct log_rotation *r = CONTAINER_OF(w, struct log_rotation, work);
	struct running_log *l = &r->logs[r->at];

	log_files_rotate(
		&r->arena, l->path.at, r->max_files, r->wall, &w->cancelled, &l->put_away, &w->err);
}

/* ---- on the loop ---- */

static void list_running(struct log_rotation *r)
{
	struct runtime *runtime = r->k->runtime;
	const struct container *const *list;
	size_t count = runtime->ops->containers(runtime, &list);

	arena_done(&r->arena);
	arena_init(&r->arena);
	r->logs = arena_new(&r->arena, (count + 1) * sizeof(*r->logs));
	r->count = r->at = 0;
	r->wall = env_wall(kubelet_env(r->k));
	for (size_t i = 0; i < count; i++)
		if (list[i]->state == CONTAINER_RUNNING && list[i]->log_path.len)
			r->logs[r->count++] =
				(struct running_log){.id = arena_str(&r->arena, list[i]->id),
					.path = arena_str(&r->arena, list[i]->log_path)};
}

static void say(const struct log_rotation *r, struct err *err, const char *what)
{
	const struct running_log *l = &r->logs[r->at];

	/* It may have ended and been removed in the meantime. */
	if (err->code != ERR_NOT_FOUND)
		log_warning(err, what, LOG_STR("container", l->id), LOG_STR("log", l->path));
	err_done(err);
}

/* The container still writes there: it is tried again the next time. */
static void call_back(struct log_rotation *r)
{
	const struct running_log *l = &r->logs[r->at];
	_cleanup_(err_done) struct err err = {0};

	if (l->put_away.len && log_files_call_back(l->put_away.at, l->path.at, &err))
		log_warning(&err, "a container's log stays under another name");
}

static void reopen(struct log_rotation *r)
{
	struct runtime *runtime = r->k->runtime;

	runtime->ops->reopen_log(
		runtime, task_await(&r->task, ROTATE_REOPENED, OP_NO_DEADLINE), r->logs[r->at].id);
}

/* The next container whose log is to be done something with, or the next time. */
static void go_on(struct log_rotation *r)
{
	struct task *t = &r->task;

	while (r->at < r->count && !r->logs[r->at].large && !r->logs[r->at].missing)
		r->at++;
	if (r->at == r->count)
		timer_wait(task_await(t, ROTATE_WAIT, OP_NO_DEADLINE),
			loop_in(op_loop(t->op), r->k->configuration.log_interval));
	else if (r->logs[r->at].missing)
		reopen(r);
	else
		work_start(
			&r->work, task_await(t, ROTATE_ROTATED, OP_NO_DEADLINE), WORK_DISK, rotate);
}

static void rotation_run(struct task *t, struct err *err)
{
	struct log_rotation *r = CONTAINER_OF(t, struct log_rotation, task);

	if (err->code && t->step == ROTATE_REOPENED)
		call_back(r);
	if (err->code == ERR_CANCELLED)
		return task_fail(t, err);
	switch ((enum rotation_step)t->step) {
	case ROTATE_WAIT:
		list_running(r);
		work_start(&r->work, task_await(t, ROTATE_LOOKED, OP_NO_DEADLINE), WORK_DISK, look);
		return;
	case ROTATE_LOOKED:
		break;
	case ROTATE_ROTATED:
		if (!err->code) {
			reopen(r);
			return;
		}
		say(r, err, "a container's log cannot be rotated");
		r->at++;
		break;
	case ROTATE_REOPENED:
		if (err->code)
			say(r, err, "a container's log cannot be begun anew");
		r->at++;
		break;
	}
	err_done(err);
	go_on(r);
}

static const struct task_kind rotation_kind =
	TASK_KIND("log rotation", rotation_steps, rotation_run);

static void over(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

struct log_rotation *log_rotation_new(struct kubelet *k)
{
	struct log_rotation *r;

	if (k->configuration.log_max_size < 0)
		return NULL;
	r = mem_new(sizeof(*r));
	r->k = k;
	r->max_size = k->configuration.log_max_size;
	r->max_files = k->configuration.log_max_files;
	arena_init(&r->arena);
	op_init(&r->op, &k->scope, over, OP_NO_DEADLINE);
	task_start(&r->task, &rotation_kind, &r->op);
	return r;
}

void log_rotation_free(struct log_rotation *r)
{
	if (!r)
		return;
	arena_done(&r->arena);
	mem_free(r);
}
