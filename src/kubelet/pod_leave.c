/*
 * The end of a pod's traces.
 *
 *	VOLUMES ─▶ CGROUP ─▶ OVER		when nothing of it runs any more
 *	files and logs				when its object and its containers are gone
 */
#include "container_config.h"
#include "pod_prepare.h"

#include <kube/api_codec.h>
#include <kube/file_tree.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <fcntl.h>
#include <unistd.h>

#define TRY_AGAIN (2 * SEC)
/* What was killed takes a moment to go. */
#define CGROUP_PAUSE (20 * MSEC)
#define CGROUP_TRIES 100

enum leave_step { LEAVE_VOLUMES, LEAVE_CGROUP, LEAVE_AGAIN, LEAVE_OVER };
static const char *const leave_steps[] = {"volumes", "cgroup", "again", "over"};

/* ---- volumes and cgroup ---- */

static void left(struct op *op, struct err *err)
{
	struct pod_worker *w = CONTAINER_OF(op, struct pod_worker, around);

	if (!err->code)
		w->life = LIFE_ENDED;
	pod_worker_wake(w);
}

static void leave_run(struct task *t, struct err *err)
{
	struct pod_worker *w = CONTAINER_OF(t, struct pod_worker, leaving);

	if (err->code == ERR_CANCELLED) {
		pod_cgroup_done(&w->cgroup);
		return task_fail(t, err);
	}
	switch ((enum leave_step)t->step) {
	case LEAVE_VOLUMES:
		w->leave_tries = 0;
		pod_volumes_remove(w->volumes, task_await(t, LEAVE_CGROUP, OP_NO_DEADLINE));
		return;
	case LEAVE_CGROUP:
		if (err->code) {
			log_warning(err, "volumes cannot be taken away",
				LOG_STR("pod", tree_str(w->state->pod, "metadata.name")));
			timer_wait(task_await(t, LEAVE_VOLUMES, OP_NO_DEADLINE),
				loop_in(op_loop(t->op), TRY_AGAIN));
			return;
		}
		/* fallthrough */
	case LEAVE_AGAIN:
		pod_cgroup_remove(
			w->k, &w->cgroup, task_await(t, LEAVE_OVER, OP_NO_DEADLINE), w->state->pod);
		return;
	case LEAVE_OVER:
		if (err->code == ERR_CONFLICT && w->leave_tries++ < CGROUP_TRIES) {
			timer_wait(task_await(t, LEAVE_AGAIN, OP_NO_DEADLINE),
				loop_in(op_loop(t->op), CGROUP_PAUSE));
			return;
		}
		if (err->code)
			log_warning(err, "a pod's cgroup stays",
				LOG_STR("pod", tree_str(w->state->pod, "metadata.name")));
		pod_cgroup_done(&w->cgroup);
		task_finish(t, 0);
	}
}

static const struct task_kind leave_kind = TASK_KIND("pod leave", leave_steps, leave_run);

void pod_leave(struct pod_worker *w)
{
	if (w->preparing) {
		op_cancel(&w->around); /* it wakes the worker */
		return;
	}
	if (op_active(&w->around))
		return;
	op_init(&w->around, &w->k->scope, left, OP_NO_DEADLINE);
	task_start(&w->leaving, &leave_kind, &w->around);
}

/* ---- files and logs ---- */

static int remove_below(const char *top, struct str name, const struct work *w, struct err *err)
{
	int dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code;
	char *text;

	if (dir < 0)
		return 0; /* then there is nothing in it */
	text = str_dup(name);
	code = file_tree_remove(dir, text, &w->cancelled, err);
	mem_free(text);
	close(dir);
	return code;
}

static void remove_files(struct work *w)
{
	struct pod_burial *b = CONTAINER_OF(w, struct pod_burial, work);
	char *pods = mem_print("%s/pods", b->root);

	if (!remove_below(pods, str_from(b->uid), w, &w->err))
		remove_below(b->logs, str_from(b->log_name), w, &w->err);
	mem_free(pods);
}

static void buried(struct op *op, struct err *err)
{
	struct pod_worker *w = CONTAINER_OF(op, struct pod_worker, around);

	if (err->code && err->code != ERR_CANCELLED)
		log_warning(err, "files of a pod stay", LOG_STR("uid", str_from(w->uid)));
	mem_free(TAKE(w->burial.log_name));
	w->buried = !err->code || err->code != ERR_CANCELLED;
	pod_worker_wake(w);
}

void pod_bury(struct pod_worker *w)
{
	struct arena a;

	if (op_active(&w->around))
		return;
	arena_init(&a);
	w->burial.root = w->k->options.root_dir.at;
	w->burial.logs = w->k->options.log_dir.at;
	w->burial.uid = w->uid;
	w->burial.log_name = str_dup(pod_log_name(&a, w->state->pod));
	arena_done(&a);
	op_init(&w->around, &w->k->scope, buried, OP_NO_DEADLINE);
	work_start(&w->burial.work, &w->around, WORK_DISK, remove_files);
}
