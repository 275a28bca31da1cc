/*
 * Lines gather while the worker writes, and go out together: one write for many events under load,
 * one for one otherwise. The file is only the worker's.
 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <kube/arena.h>
#include <kube/gzip.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>
#include <kube/work.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FULL      (100 * MIB)
#define ASIDE_MAX 4096
#define STAMP     (sizeof("-2026-01-02T03-04-05.678") - 1)

struct audit_log {
	struct audit_writer writer;
	struct env *env;
	struct audit_log_options options;
	struct str dir, stem, ext; /* of the path: "/x/", "audit", ".log" */
	struct arena arena;
	struct audit_batch *batch; /* under way */
	struct work work;
	int64_t now; /* wall clock, for the worker */
	/* the worker's */
	int handle; /* -1: not open */
	int64_t size;
	struct str rest;    /* of the batch: not written */
	struct err aside;   /* why the file was not put aside, for the loop to tell */
	bool aside_failing; /* which it does once */
};

static const struct audit_writer_kind log_kind;

struct audit_writer *audit_log_new(struct env *env, const struct audit_log_options *options)
{
	struct audit_log *l = mem_new(sizeof(*l));
	struct str path, name;

	l->writer.kind = &log_kind;
	l->env = env;
	l->options = *options;
	l->handle = -1;
	if (!l->options.max_bytes)
		l->options.max_bytes = FULL;
	arena_init(&l->arena);
	path = arena_str(&l->arena, str_from(options->path));
	l->options.path = path.at;
	name = path;
	for (size_t i = 0; i < path.len; i++)
		if (path.at[i] == '/')
			name = str_skip(path, i + 1);
	l->dir = str_sub(path, 0, path.len - name.len);
	l->stem = name;
	for (size_t i = 0; i < name.len; i++)
		if (name.at[i] == '.') {
			l->stem = str_sub(name, 0, i);
			l->ext = str_skip(name, i);
		}
	return &l->writer;
}

/* ---- files put aside (worker) ---- */

struct aside {
	struct str *names;
	size_t count;
	const struct audit_log *log;
	struct arena arena;
};

static int note_aside(void *ctx, const char *name)
{
	struct aside *a = ctx;
	const struct audit_log *l = a->log;
	struct str rest = str_from(name);

	if (a->count == ASIDE_MAX || !str_starts(rest, l->stem))
		return 0;
	rest = str_skip(rest, l->stem.len);
	if (rest.len < STAMP + l->ext.len || rest.at[0] != '-' ||
		!str_starts(str_skip(rest, STAMP), l->ext))
		return 0;
	a->names[a->count++] = arena_str(&a->arena, str_from(name));
	return 0;
}

static int compare_newest(const void *x, const void *y)
{
	return str_cmp(*(const struct str *)y, *(const struct str *)x);
}

/* "-2026-01-02T03-04-05.678" */
static struct str stamp_of(struct arena *a, int64_t wall)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	struct str s;

	time_print(&text, wall);
	s = arena_print(a, "-%.19s.%03d", buf_text(&text), (int)(wall % SEC / MSEC));
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] == ':')
			((char *)(uintptr_t)s.at)[i] = '-';
	return s;
}

static void remove_old(struct audit_log *l)
{
	struct disk *d = l->env->disk;
	struct aside aside = {.log = l};
	_cleanup_(err_done) struct err err = {0};
	struct str oldest;

	if (!l->options.max_files && !l->options.max_days)
		return;
	arena_init(&aside.arena);
	aside.names = arena_alloc(&aside.arena, ASIDE_MAX * sizeof(*aside.names));
	d->ops->list(
		d, l->dir.len ? arena_str(&aside.arena, l->dir).at : ".", note_aside, &aside, &err);
	if (aside.count)
		qsort(aside.names, aside.count, sizeof(*aside.names), compare_newest);
	oldest = stamp_of(&aside.arena, l->now - (int64_t)l->options.max_days * 24 * HOUR);
	for (size_t i = 0; i < aside.count; i++) {
		struct str stamp = str_sub(aside.names[i], l->stem.len, STAMP);
		bool many = l->options.max_files && i >= (size_t)l->options.max_files;
		bool old = l->options.max_days && str_cmp(stamp, oldest) < 0;

		if (many || old)
			d->ops->remove(d,
				arena_print(&aside.arena, "%.*s%.*s", STRF(l->dir),
					STRF(aside.names[i]))
					.at,
				NULL);
	}
	arena_done(&aside.arena);
}

static int pack(struct audit_log *l, struct str name, struct err *err)
{
	_cleanup_(buf_done) struct buf plain = BUF_INIT(SIZE_MAX), packed = BUF_INIT(SIZE_MAX);
	struct disk *d = l->env->disk;
	int code = disk_read_file(d, name.at, &plain, err);

	if (!code)
		code = gzip_encode(buf_str(&plain), 6, &packed, err);
	if (!code) {
		_cleanup_(buf_done) struct buf path = BUF_INIT(8 * KIB);

		buf_print(&path, "%.*s.gz", STRF(name));
		code = disk_write_file(d, buf_text(&path), buf_str(&packed), 0600, err);
	}
	return code ? code : d->ops->remove(d, name.at, err);
}

/* Nothing is lost by a file that stays where it is: it only grows. */
static void put_aside(struct audit_log *l)
{
	_cleanup_(arena_done) struct arena a;
	struct disk *d = l->env->disk;
	struct str name;

	arena_init(&a);
	name = arena_print(&a, "%.*s%.*s%.*s%.*s", STRF(l->dir), STRF(l->stem),
		STRF(stamp_of(&a, l->now)), STRF(l->ext));
	if (d->ops->rename(d, l->options.path, name.at, &l->aside))
		return;
	d->ops->close(d, l->handle);
	l->handle = -1;
	if (l->options.pack)
		pack(l, name, &l->aside);
	remove_old(l);
}

/* ---- writing (worker) ---- */

static int open_file(struct audit_log *l, struct err *err)
{
	struct disk *d = l->env->disk;

	if (l->handle >= 0)
		return 0;
	if (l->dir.len > 1) {
		_cleanup_(buf_done) struct buf dir = BUF_INIT(8 * KIB);
		int code;

		buf_add(&dir, l->dir.at, l->dir.len - 1);
		code = disk_make_dirs(d, buf_text(&dir), 0700, err);
		if (code)
			return code;
	}
	l->handle = d->ops->open(d, l->options.path, O_RDWR | O_CREAT, 0600, err);
	if (l->handle < 0)
		return l->handle;
	l->size = d->ops->size(d, l->handle, err);
	return l->size < 0 ? (int)l->size : 0;
}

/* As many whole lines as there is room for, one at least. */
static struct str lines_within(struct str text, int64_t room)
{
	size_t end = 0;

	while (end < text.len) {
		ssize_t n = str_find_char(str_skip(text, end), '\n');
		size_t next = n < 0 ? text.len : end + (size_t)n + 1;

		if (end && (int64_t)next > room)
			break;
		end = next;
	}
	return str_sub(text, 0, end);
}

static int write_lines(struct audit_log *l, struct str text, struct err *err)
{
	struct disk *d = l->env->disk;
	ssize_t n = d->ops->write(d, l->handle, text.at, text.len, l->size, err);

	if (n < 0) {
		/* half a line would spoil the next one */
		d->ops->truncate(d, l->handle, l->size, NULL);
		return (int)n;
	}
	l->size += n;
	l->rest = str_skip(l->rest, (size_t)n);
	return 0;
}

static int write_file(struct audit_log *l, struct err *err)
{
	int code = open_file(l, err);

	while (!code && l->rest.len) {
		int64_t room = l->aside.code ? INT64_MAX : l->options.max_bytes - l->size;
		struct str lines = lines_within(l->rest, room);

		if (l->size && (int64_t)lines.len > room) {
			put_aside(l);
			code = open_file(l, err);
		} else {
			code = write_lines(l, lines, err);
		}
	}
	return code;
}

static int write_out(struct audit_log *l, struct err *err)
{
	while (l->rest.len) {
		ssize_t n = write(STDOUT_FILENO, l->rest.at, l->rest.len);

		if (n < 0)
			return err_set_errno(err, errno, "standard output");
		l->rest = str_skip(l->rest, (size_t)n);
	}
	return 0;
}

static void count_lost(struct audit_log *l)
{
	l->batch->lost = 0;
	for (size_t i = 0; i < l->rest.len; i++)
		l->batch->lost += l->rest.at[i] == '\n';
}

static void write_work(struct work *w)
{
	struct audit_log *l = CONTAINER_OF(w, struct audit_log, work);
	int code;

	l->rest = buf_str(&l->batch->text);
	code = strcmp(l->options.path, "-") == 0 ? write_out(l, &w->err) : write_file(l, &w->err);
	if (code)
		count_lost(l);
}

/* ---- on the loop ---- */

static void write_batch(struct audit_writer *w, struct audit_batch *batch)
{
	struct audit_log *l = CONTAINER_OF(w, struct audit_log, writer);

	batch->state = l;
	l->batch = batch;
	l->now = env_wall(l->env);
	work_start(&l->work, &batch->op, WORK_DISK, write_work);
}

static void written(struct audit_batch *batch)
{
	struct audit_log *l = batch->state;

	if (l->aside.code && !l->aside_failing)
		log_error(&l->aside, "the audit log could not be put aside");
	l->aside_failing = l->aside.code != 0;
	err_done(&l->aside);
	l->batch = NULL;
}

static void log_free(struct audit_writer *w)
{
	struct audit_log *l = CONTAINER_OF(w, struct audit_log, writer);

	assert(!l->batch);
	if (l->handle >= 0)
		l->env->disk->ops->close(l->env->disk, l->handle);
	arena_done(&l->arena);
	mem_free(l);
}

static const struct audit_writer_kind log_kind = {
	.plugin = "log",
	.head = "",
	.between = "\n",
	.tail = "\n",
	.alone = true,
	.write = write_batch,
	.written = written,
	.free = log_free,
};
