#include "watched_file.h"

#include <kube/file_watch.h>
#include <kube/hash.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/work.h>

#define FILE_MAX (3 * MIB)

enum watched_step { WATCHED_WAIT, WATCHED_CHANGED, WATCHED_READ };
static const char *const watched_steps[] = {"wait", "changed", "read"};

struct watched_file {
	struct task task;
	struct op op;
	struct env *env;
	char *path;
	struct file_watch *watch;
	struct work work;
	struct buf text;
	unsigned char digest[32]; /* of what was told last */
	watched_file_fn *changed;
	void *ctx;
	bool dropped;
};

static void read_text(struct work *work)
{
	struct watched_file *w = CONTAINER_OF(work, struct watched_file, work);

	disk_read_file(w->env->disk, w->path, &w->text, &work->err);
}

static void tell(struct watched_file *w, const struct err *err)
{
	unsigned char digest[32];

	if (err->code) {
		w->changed(w->ctx, (struct str){0}, err);
		return;
	}
	sha256_of(buf_str(&w->text), digest);
	if (!memcmp(digest, w->digest, sizeof(digest)))
		return;
	memcpy(w->digest, digest, sizeof(digest));
	w->changed(w->ctx, buf_str(&w->text), NULL);
}

static void watched_run(struct task *t, struct err *err)
{
	struct watched_file *w = CONTAINER_OF(t, struct watched_file, task);
	enum watched_step step = (enum watched_step)t->step;

	if (w->dropped || err->code == ERR_CANCELLED) {
		task_finish(t, 0);
		return;
	}
	if (step == WATCHED_CHANGED && !err->code) {
		buf_clear(&w->text);
		work_start(&w->work, task_await(t, WATCHED_READ, OP_NO_DEADLINE), WORK_DISK,
			read_text);
		return;
	}
	if (step == WATCHED_READ)
		tell(w, err);
	err_done(err);
	file_watch_wait(w->watch, task_await(t, WATCHED_CHANGED, OP_NO_DEADLINE));
}

static const struct task_kind watched_kind = TASK_KIND("watched file", watched_steps, watched_run);

static void destroy(struct watched_file *w)
{
	file_watch_close(w->watch);
	buf_done(&w->text);
	mem_free(w->path);
	mem_free(w);
}

static void over(struct op *op, struct err *err)
{
	struct watched_file *w = CONTAINER_OF(op, struct watched_file, op);

	(void)err;
	if (w->dropped)
		destroy(w);
}

struct watched_file *watched_file_new(struct env *env, struct scope *scope, struct str path,
	struct str known, watched_file_fn *changed, void *ctx)
{
	struct watched_file *w = mem_new(sizeof(*w));

	w->env = env;
	w->path = str_dup(path);
	w->changed = changed;
	w->ctx = ctx;
	buf_init(&w->text, FILE_MAX);
	sha256_of(known, w->digest);
	w->watch = file_watch_new(env, scope, w->path);
	op_init(&w->op, scope, over, OP_NO_DEADLINE);
	task_start(&w->task, &watched_kind, &w->op);
	return w;
}

void watched_file_drop(struct watched_file *w)
{
	if (!w)
		return;
	w->dropped = true;
	if (op_active(&w->op))
		op_cancel(&w->op);
	else
		destroy(w);
}
