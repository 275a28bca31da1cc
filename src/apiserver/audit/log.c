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
#include <kube/scope.h>
#include <kube/time.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAITING_MAX (64 * MIB)
#define FULL        (100 * MIB)
#define ASIDE_MAX   4096
#define STAMP       (sizeof("-2026-01-02T03-04-05.678") - 1)

struct audit_log {
	struct env *env;
	struct scope *scope;
	struct audit_log_options options;
	struct str dir, stem, ext; /* of the path: "/x/", "audit", ".log" */
	struct arena arena;
	struct buf waiting, writing;
	struct work work;
	struct op op, *flush;
	bool busy;
	uint64_t lost;
	int64_t now; /* wall clock, for the worker */
	/* the worker's */
	int handle; /* -1: not open */
	int64_t size;
};

struct audit_log *audit_log_new(
	struct env *env, struct scope *scope, const struct audit_log_options *options)
{
	struct audit_log *l = mem_new(sizeof(*l));
	struct str path, name;

	l->env = env;
	l->scope = scope;
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
	buf_init(&l->waiting, WAITING_MAX);
	buf_init(&l->writing, WAITING_MAX);
	return l;
}

uint64_t audit_log_lost(const struct audit_log *l)
{
	return l->lost;
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

static int put_aside(struct audit_log *l, struct err *err)
{
	_cleanup_(arena_done) struct arena a;
	struct disk *d = l->env->disk;
	struct str name;
	int code;

	arena_init(&a);
	name = arena_print(&a, "%.*s%.*s%.*s%.*s", STRF(l->dir), STRF(l->stem),
		STRF(stamp_of(&a, l->now)), STRF(l->ext));
	d->ops->close(d, l->handle);
	l->handle = -1;
	code = d->ops->rename(d, l->options.path, name.at, err);
	if (!code && l->options.pack)
		code = pack(l, name, err);
	if (!code)
		remove_old(l);
	return code;
}

/* ---- writing (worker) ---- */

static int open_file(struct audit_log *l, struct err *err)
{
	struct disk *d = l->env->disk;

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

static int write_file(struct audit_log *l, struct str text, struct err *err)
{
	struct disk *d = l->env->disk;
	int code = 0;

	if (l->handle >= 0 && l->size + (int64_t)text.len > l->options.max_bytes && l->size)
		code = put_aside(l, err);
	if (!code && l->handle < 0)
		code = open_file(l, err);
	while (!code && text.len) {
		ssize_t n = d->ops->write(d, l->handle, text.at, text.len, l->size, err);

		if (n < 0)
			return (int)n;
		l->size += n;
		text = str_skip(text, (size_t)n);
	}
	return code;
}

static int write_out(struct str text, struct err *err)
{
	while (text.len) {
		ssize_t n = write(STDOUT_FILENO, text.at, text.len);

		if (n < 0)
			return err_set_errno(err, errno, "standard output");
		text = str_skip(text, (size_t)n);
	}
	return 0;
}

static void write_lines(struct work *w)
{
	struct audit_log *l = CONTAINER_OF(w, struct audit_log, work);

	if (strcmp(l->options.path, "-") == 0)
		write_out(buf_str(&l->writing), &w->err);
	else
		write_file(l, buf_str(&l->writing), &w->err);
}

/* ---- on the loop ---- */

static void write_on(struct audit_log *l);

static void written(struct op *op, struct err *err)
{
	struct audit_log *l = CONTAINER_OF(op, struct audit_log, op);

	if (err->code) {
		l->lost++;
		log_error(err, "the audit log could not be written");
	}
	l->busy = false;
	buf_clear(&l->writing);
	write_on(l);
}

static void write_on(struct audit_log *l)
{
	struct buf full = l->waiting;

	if (l->busy)
		return;
	if (!full.len) {
		if (l->flush)
			op_finish(TAKE(l->flush), 0);
		return;
	}
	l->waiting = l->writing;
	l->writing = full;
	l->busy = true;
	l->now = env_wall(l->env);
	op_init(&l->op, l->scope, written, OP_NO_DEADLINE);
	work_start(&l->work, &l->op, WORK_DISK, write_lines);
}

void audit_log_add(struct audit_log *l, struct str line)
{
	if (l->waiting.len + line.len + 1 > WAITING_MAX) {
		l->lost++;
		return;
	}
	buf_add_str(&l->waiting, line);
	buf_add_char(&l->waiting, '\n');
	write_on(l);
}

static const struct op_kind flush_kind = {.name = "audit log flush"};

void audit_log_flush(struct audit_log *l, struct op *op)
{
	assert(!l->flush);
	op_begin_always(op, &flush_kind, l);
	l->flush = op;
	write_on(l);
}

void audit_log_free(struct audit_log *l)
{
	assert(!l->busy);
	if (l->handle >= 0)
		l->env->disk->ops->close(l->env->disk, l->handle);
	buf_done(&l->waiting);
	buf_done(&l->writing);
	arena_done(&l->arena);
	mem_free(l);
}
