/* Directories of pods that nobody knows any more. */
#include "volume_plan.h"

#include <kube/file_tree.h>
#include <kube/log.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum orphans_step { ORPHANS_BEGIN, ORPHANS_LISTED, ORPHANS_REMOVED };
static const char *const orphans_steps[] = {"begin", "listed", "removed"};

/* More at a time are the next call's. */
#define ORPHANS_MAX 10000

/* ---- on a worker ---- */

static int add_uid(void *ctx, int dir, const char *name, struct err *err)
{
	struct volumes_orphans *o = ctx;
	struct stat st;

	(void)err;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode))
		return 0;
	ARENA_ROOM(&o->arena, o->uids, o->count, o->cap, 32);
	if (o->count < ORPHANS_MAX)
		o->uids[o->count++] = arena_str(&o->arena, str_from(name));
	return 0;
}

static int open_pods(const struct volumes_host *host, int *fd, struct err *err)
{
	int top = open(host->root.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code;

	if (top < 0)
		return err_set_errno(err, errno, "%s", host->root.at);
	code = file_tree_open(top, "pods", O_RDONLY | O_DIRECTORY, true, fd, err);
	close(top);
	return code;
}

static void list_pods(struct work *w)
{
	struct volumes_orphans *o = CONTAINER_OF(w, struct volumes_orphans, work);
	int pods, code = open_pods(o->host, &pods, &w->err);

	if (code == ERR_NOT_FOUND) {
		err_done(&w->err);
		return;
	}
	if (code)
		return;
	file_tree_each(pods, add_uid, o, &w->err);
	close(pods);
}

static void remove_pods(struct work *w)
{
	struct volumes_orphans *o = CONTAINER_OF(w, struct volumes_orphans, work);
	int pods;

	if (open_pods(o->host, &pods, &w->err))
		return;
	for (size_t i = 0; i < o->count && !work_cancelled(w); i++) {
		_cleanup_(err_done) struct err failed = {0};
		const char *uid = o->uids[i].at;
		int code = volume_clear_pod(o->host->root.at, uid, &w->cancelled, &failed);

		if (!code)
			code = file_tree_remove(pods, uid, &w->cancelled, &failed);
		if (code && code != ERR_CANCELLED)
			log_warning(&failed, "a pod that nobody knows left something behind",
				LOG_STR("uid", o->uids[i]));
		else if (!code)
			w->n++;
	}
	close(pods);
	if (work_cancelled(w))
		err_set(&w->err, ERR_CANCELLED, "cancelled");
}

/* ---- on the loop ---- */

static void keep_unknown(struct volumes_orphans *o)
{
	size_t kept = 0;

	for (size_t i = 0; i < o->count; i++)
		if (!o->known(o->ctx, o->uids[i]))
			o->uids[kept++] = o->uids[i];
	o->count = kept;
}

static void end(struct volumes_orphans *o, int64_t n, struct err *err)
{
	arena_done(&o->arena);
	if (err->code)
		task_fail(&o->task, err);
	else
		task_finish(&o->task, n);
}

static void orphans_run(struct task *t, struct err *err)
{
	struct volumes_orphans *o = CONTAINER_OF(t, struct volumes_orphans, task);

	switch ((enum orphans_step)t->step) {
	case ORPHANS_BEGIN:
		arena_init(&o->arena);
		o->uids = NULL;
		o->count = o->cap = 0;
		work_start(&o->work, task_await(t, ORPHANS_LISTED, OP_NO_DEADLINE), WORK_DISK,
			list_pods);
		return;
	case ORPHANS_LISTED:
		keep_unknown(o);
		if (err->code || !o->count)
			end(o, 0, err);
		else
			work_start(&o->work, task_await(t, ORPHANS_REMOVED, OP_NO_DEADLINE),
				WORK_DISK, remove_pods);
		return;
	case ORPHANS_REMOVED:
		end(o, t->wait.n, err);
		return;
	}
}

static const struct task_kind orphans_kind =
	TASK_KIND("volumes orphans", orphans_steps, orphans_run);

void volumes_orphans(struct volumes_orphans *o, struct op *op)
{
	task_start(&o->task, &orphans_kind, op);
}
