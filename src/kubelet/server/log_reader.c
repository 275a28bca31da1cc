#include "log_reader.h"

#include "log_files.h"

#include <kube/mem.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_SIZE (64 * KIB)
#define OUT_MAX    (1 * MIB)
#define EVENTS_MAX (16 * KIB)
#define LOOK_AGAIN (5 * SEC) /* whatever is not told */

enum next_step { NEXT_READ, NEXT_GOT, NEXT_WOKEN };
static const char *const next_steps[] = {"read", "got", "woken"};

void log_reader_init(struct log_reader *l, struct env *env, struct runtime *runtime,
	struct str container, const char *path, const struct log_wish *wish)
{
	*l = (struct log_reader){.env = env,
		.runtime = runtime,
		.container = container,
		.path = path,
		.tail = -1,
		.file = -1};
	log_text_start(&l->text, wish);
	buf_init(&l->out, OUT_MAX);
	buf_init(&l->piece, PIECE_SIZE);
	buf_init(&l->event_bytes, EVENTS_MAX);
}

void log_reader_done(struct log_reader *l)
{
	link_remove(&l->listener.in_runtime);
	stream_close(TAKE(l->events));
	if (l->file >= 0)
		close(l->file);
	l->file = -1;
	log_text_stop(&l->text);
	buf_done(&l->out);
	buf_done(&l->piece);
	buf_done(&l->event_bytes);
}

/* ---- on a worker ---- */

static int read_at(int fd, char *at, size_t len, int64_t offset)
{
	ssize_t n;

	do
		n = pread(fd, at, len, offset);
	while (n < 0 && errno == EINTR);
	return (int)n;
}

/* From the end back, piece by piece, until so many lines were seen. */
static int64_t find_tail(struct log_reader *l, int64_t size)
{
	char *piece = mem_alloc(PIECE_SIZE);
	int64_t end = size, count = l->tail;

	while (end > 0 && count > 0) {
		int64_t from = MAX(end - (int64_t)PIECE_SIZE, 0);
		int n = read_at(l->file, piece, (size_t)(end - from), from);

		if (n <= 0)
			break;
		size_t at = log_text_back(str_make(piece, (size_t)n), end == size, &count);
		end = from + (int64_t)at;
		if (count == 0)
			break;
	}
	mem_free(piece);
	return end;
}

static void open_work(struct work *w)
{
	struct log_reader *l = CONTAINER_OF(w, struct log_reader, work);
	struct stat there;
	int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fstat(fd, &there)) {
		err_set_errno(&w->err, errno, "lstat %s", l->path);
		if (fd >= 0)
			close(fd);
		return;
	}
	l->file = fd;
	l->inode = there.st_ino;
	l->offset = l->tail < 0 || l->opened ? 0 : find_tail(l, there.st_size);
	l->opened = true;
}

static int64_t written(const struct stat *file)
{
	return (int64_t)file->st_mtim.tv_sec * SEC + file->st_mtim.tv_nsec;
}

/*
 * What is to be read behind our file, which has been put away. Who reads slowly may find that its
 * successor was put away, too: that one comes first, and what was written into it is younger.
 */
static int open_next(const struct log_reader *l, const struct stat *ours)
{
	_cleanup_(arena_done) struct arena a;
	struct stat last;

	arena_init(&a);
	struct str path = log_files_last(&a, l->path);
	int fd = path.len ? open(path.at, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	if (fd >= 0 && fstat(fd, &last) == 0 && last.st_ino != l->inode &&
		written(&last) >= written(ours))
		return fd;
	if (fd >= 0)
		close(fd);
	return open(l->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/*
 * At the end of a file that another has replaced the other is begun. Is there anything more to be
 * read at once?
 */
static bool replaced(struct log_reader *l)
{
	struct stat there, ours, next;
	int fd;

	if (fstat(l->file, &ours) == 0 && ours.st_size < l->offset) { /* cut off behind our back */
		l->offset = 0;
		return true;
	}
	if (lstat(l->path, &there) || there.st_ino == l->inode)
		return false;
	/* Between the last read and the other's birth something may have been written here. */
	if (fstat(l->file, &ours))
		return false;
	if (ours.st_size > l->offset)
		return true;
	fd = open_next(l, &ours);
	if (fd < 0 || fstat(fd, &next)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	close(l->file);
	l->file = fd;
	l->inode = next.st_ino;
	l->offset = 0;
	return true;
}

static void read_work(struct work *w)
{
	struct log_reader *l = CONTAINER_OF(w, struct log_reader, work);
	int n;

	do {
		n = read_at(l->file, l->piece.at, PIECE_SIZE, l->offset);
	} while (n == 0 && l->follow && replaced(l));
	if (n < 0)
		err_set_errno(&w->err, errno, "reading %s", l->path);
	else
		l->offset += n;
	w->n = n;
}

/* ---- being told ---- */

static bool is_running(const struct log_reader *l)
{
	const struct container *const *list;
	size_t count = l->runtime->ops->containers(l->runtime, &list);

	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i]->id, l->container))
			return list[i]->state == CONTAINER_RUNNING ||
			       list[i]->state == CONTAINER_CREATED;
	return false;
}

static void runtime_changed(struct runtime_listener *listener, struct str sandbox, struct str id)
{
	struct log_reader *l = listener->ctx;

	(void)sandbox;
	if (id.len && !str_eq(id, l->container))
		return;
	l->woken = true;
	if (l->task.step == NEXT_WOKEN)
		op_cancel(&l->task.wait);
}

/* Of the directory: that the file grows, and that another comes in its place. */
static void watch(struct log_reader *l, struct scope *scope)
{
	struct str directory, name;
	char path[4096];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	l->listener = (struct runtime_listener){.changed = runtime_changed, .ctx = l};
	l->runtime->ops->listen(l->runtime, &l->listener);
	if (fd < 0)
		return;
	str_cut_last(str_from(l->path), '/', &directory, &name);
	if (directory.len < sizeof(path)) {
		memcpy(path, directory.at, directory.len);
		path[directory.len] = 0;
		if (inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0)
			l->events = stream_from_fd(l->env->loop, scope, fd);
	}
	if (!l->events)
		close(fd);
}

/* ---- opening ---- */

enum open_step { OPEN_FILE, OPEN_OPENED };
static const char *const open_steps[] = {"file", "opened"};

static void open_run(struct task *t, struct err *err)
{
	struct log_reader *l = CONTAINER_OF(t, struct log_reader, task);

	switch ((enum open_step)t->step) {
	case OPEN_FILE:
		work_start(
			&l->work, task_await(t, OPEN_OPENED, OP_NO_DEADLINE), WORK_DISK, open_work);
		return;
	case OPEN_OPENED:
		if (err->code) {
			task_fail(t, err);
			return;
		}
		if (l->follow)
			watch(l, t->op->scope);
		task_finish(t, 0);
		return;
	}
}

void log_reader_open(struct log_reader *l, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("log open", open_steps, open_run);

	task_start(&l->task, &kind, op);
}

/* ---- reading ---- */

static void read_more(struct log_reader *l)
{
	buf_clear(&l->piece);
	buf_reserve(&l->piece, PIECE_SIZE);
	work_start(&l->work, task_await(&l->task, NEXT_GOT, OP_NO_DEADLINE), WORK_DISK, read_work);
}

/* What the runtime says is told by cancelling this wait. */
static void wait_for_more(struct log_reader *l)
{
	int64_t until = loop_in(l->env->loop, LOOK_AGAIN);

	if (TAKE(l->woken)) {
		read_more(l);
		return;
	}
	buf_done(&l->piece);
	buf_clear(&l->event_bytes);
	if (l->events)
		stream_read(l->events, task_await(&l->task, NEXT_WOKEN, until), &l->event_bytes,
			EVENTS_MAX);
	else
		timer_wait(task_await(&l->task, NEXT_WOKEN, OP_NO_DEADLINE), until);
}

static void got(struct log_reader *l, int64_t n, struct err *err)
{
	struct task *t = &l->task;
	bool over = l->ended; /* it had ended before this read: nothing comes behind it */

	buf_advance(&l->piece, (size_t)n);
	if (log_text_take(&l->text, buf_str(&l->piece), &l->out, err)) {
		task_fail(t, err);
		return;
	}
	if (l->out.len) {
		task_finish(t, (int64_t)l->out.len);
	} else if (l->text.full || (n == 0 && (!l->follow || over))) {
		task_finish(t, 0);
	} else if (n) {
		read_more(l);
	} else if (!is_running(l)) {
		l->ended = true;
		read_more(l);
	} else {
		wait_for_more(l);
	}
}

static void next_run(struct task *t, struct err *err)
{
	struct log_reader *l = CONTAINER_OF(t, struct log_reader, task);

	switch ((enum next_step)t->step) {
	case NEXT_READ:
		if (l->text.full)
			task_finish(t, 0);
		else
			read_more(l);
		return;
	case NEXT_GOT:
		if (err->code)
			task_fail(t, err);
		else
			got(l, t->wait.n, err);
		return;
	case NEXT_WOKEN:
		if (err->code && err->code != ERR_TIMEOUT && !l->woken) {
			task_fail(t, err);
			return;
		}
		l->woken = false;
		err_done(err);
		read_more(l);
		return;
	}
}

void log_reader_next(struct log_reader *l, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("log read", next_steps, next_run);

	task_start(&l->task, &kind, op);
}
