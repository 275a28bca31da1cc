/*
 * Files that change all at once. The order is upstream's: a new directory with everything in it,
 * its rights, the link that shows it, the names that lead through the link, the old directory.
 */
#include "volume_plan.h"

#include <kube/file_tree.h>
#include <kube/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define DATA     "..data"
#define DATA_NEW "..data_tmp"

struct writing {
	int dir;
	const struct volume_payload *files;
	const struct volume_owner *owner;
	struct arena arena;
	const char *old; /* what ..data shows; NULL: nothing */
	char fresh[NAME_MAX + 1];
};

/* The first piece of a path: what stands in the directory itself. */
static struct str top_of(struct str path)
{
	struct str head, rest;

	str_cut(path, '/', &head, &rest);
	return head;
}

/* ---- is it there already? ---- */

static void find_old(struct writing *w)
{
	char target[NAME_MAX + 1];
	ssize_t n = readlinkat(w->dir, DATA, target, sizeof(target));

	if (n <= 0 || (size_t)n >= sizeof(target))
		return;
	struct str name = str_make(target, (size_t)n);
	if (file_tree_is_name(name) && str_starts(name, STR("..")))
		w->old = arena_str(&w->arena, name).at;
}

static bool same_bytes(int fd, struct str bytes)
{
	char piece[16 * 1024];
	size_t at = 0;
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0) {
		if ((size_t)n > bytes.len - at || memcmp(piece, bytes.at + at, (size_t)n) != 0)
			return false;
		at += (size_t)n;
	}
	return n == 0 && at == bytes.len;
}

static bool has_files(struct writing *w, int old)
{
	for (size_t i = 0; i < w->files->count; i++) {
		const struct volume_file *f = &w->files->items[i];
		int fd;

		if (file_tree_open(
			    old, f->path.at, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, false, &fd, NULL))
			return false;
		bool same = same_bytes(fd, f->bytes);
		close(fd);
		if (!same)
			return false;
	}
	return true;
}

/* Finds a file that is no longer wanted. */
struct looking {
	const struct volume_payload *files;
	struct str prefix;
	struct arena *arena;
};

static int find_stale(void *ctx, int dir, const char *name, struct err *err)
{
	const struct looking *l = ctx;
	struct str path = l->prefix.len ? arena_print(l->arena, "%.*s/%s", STRF(l->prefix), name)
					: arena_print(l->arena, "%s", name);
	int fd;

	if (payload_find(l->files, path))
		return 0;
	if (file_tree_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, false, &fd, NULL))
		return err_set(err, ERR_GONE, "%.*s", STRF(path));
	struct looking below = {.files = l->files, .prefix = path, .arena = l->arena};
	int code = file_tree_each(fd, find_stale, &below, err);
	close(fd);
	return code;
}

static bool is_there(struct writing *w)
{
	struct looking l = {.files = w->files, .arena = &w->arena};
	int old;

	if (!w->old || file_tree_open(w->dir, w->old, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, false,
			       &old, NULL))
		return false;
	bool same = has_files(w, old) && !file_tree_each(old, find_stale, &l, NULL);
	close(old);
	return same;
}

/* ---- the new directory ---- */

static int write_bytes(int fd, struct str bytes, struct err *err)
{
	while (bytes.len) {
		ssize_t n = write(fd, bytes.at, bytes.len);

		if (n < 0 && errno != EINTR)
			return err_set_errno(err, errno, "writing");
		if (n > 0)
			bytes = str_skip(bytes, (size_t)n);
	}
	return 0;
}

static int fill_file(int fd, const struct volume_file *f, struct err *err)
{
	int code = write_bytes(fd, f->bytes, err);

	if (code)
		return code;
	if (f->user >= 0 && fchown(fd, (uid_t)f->user, (gid_t)-1))
		return err_set_errno(err, errno, "giving it to user %lld", (long long)f->user);
	if (fchmod(fd, f->mode & 07777))
		return err_set_errno(err, errno, "setting its mode");
	return 0;
}

static int write_file(int fresh, const struct volume_file *f, struct err *err)
{
	_cleanup_(buf_done) struct buf above = BUF_INIT(8 * KIB), last = BUF_INIT(NAME_MAX + 1);
	struct str head, tail;
	int parent = -1, code;

	str_cut_last(f->path, '/', &head, &tail);
	buf_add_str(&above, head);
	buf_add_str(&last, tail);
	if (head.len)
		code = file_tree_make(fresh, buf_text(&above), 0755, &parent, err);
	else
		code = file_tree_open(fresh, ".", O_RDONLY | O_DIRECTORY, false, &parent, err);
	if (code)
		return err_wrap(err, code, "%.*s", STRF(f->path));
	int fd = openat(parent, buf_text(&last),
		O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
	code = fd < 0 ? err_set_errno(err, errno, "making it") : fill_file(fd, f, err);
	if (fd >= 0)
		close(fd);
	close(parent);
	return code ? err_wrap(err, code, "%.*s", STRF(f->path)) : 0;
}

static int make_fresh(struct writing *w, const char *stamp, struct err *err)
{
	for (int i = 0; i < 100; i++) {
		_cleanup_(buf_done) struct buf name = BUF_INIT(NAME_MAX);

		buf_add_text(&name, stamp);
		if (i)
			buf_print(&name, "%d", i);
		memcpy(w->fresh, buf_text(&name), name.len + 1);
		if (!mkdirat(w->dir, w->fresh, 0755))
			return 0;
		if (errno != EEXIST)
			break;
	}
	return err_set_errno(err, errno, "making %s", stamp);
}

static int write_files(struct writing *w, struct err *err)
{
	int fresh, code = file_tree_open(w->dir, w->fresh, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
			   false, &fresh, err);

	if (code)
		return code;
	if (fchmod(fresh, 0755))
		code = err_set_errno(err, errno, "setting the mode of %s", w->fresh);
	for (size_t i = 0; i < w->files->count && !code; i++)
		code = write_file(fresh, &w->files->items[i], err);
	close(fresh);
	return code;
}

static int show_fresh(struct writing *w, struct err *err)
{
	int code = volume_own(w->dir, w->owner, NULL, err);

	if (code)
		return code;
	if (unlinkat(w->dir, DATA_NEW, 0) && errno != ENOENT)
		return err_set_errno(err, errno, "removing " DATA_NEW);
	if (symlinkat(w->fresh, w->dir, DATA_NEW))
		return err_set_errno(err, errno, "making " DATA_NEW);
	if (renameat(w->dir, DATA_NEW, w->dir, DATA))
		return err_set_errno(err, errno, "replacing " DATA);
	return 0;
}

/* ---- the names that lead to it ---- */

static int show_name(struct writing *w, struct str name, struct err *err)
{
	const char *text = arena_str(&w->arena, name).at;
	struct str target = arena_print(&w->arena, DATA "/%s", text);
	struct stat st;

	if (!symlinkat(target.at, w->dir, text))
		return 0;
	int failed = errno;
	if (failed == EEXIST && !fstatat(w->dir, text, &st, AT_SYMLINK_NOFOLLOW) &&
		S_ISLNK(st.st_mode))
		return 0;
	return err_set_errno(err, failed, "symlink %s %s", target.at, text);
}

/* Names that lead nowhere now, and directories that ..data showed once. */
static int sweep(void *ctx, int dir, const char *name, struct err *err)
{
	struct writing *w = ctx;
	char target[4096];

	if (strcmp(name, DATA) == 0 || (w->old && strcmp(name, w->old) == 0))
		return 0;
	ssize_t n = readlinkat(dir, name, target, sizeof(target));
	if (n > 0 && str_starts(str_make(target, (size_t)n), STR(DATA "/"))) {
		for (size_t i = 0; i < w->files->count; i++)
			if (str_eq_text(top_of(w->files->items[i].path), name))
				return 0;
		return unlinkat(dir, name, 0) && errno != ENOENT
			       ? err_set_errno(err, errno, "removing %s", name)
			       : 0;
	}
	if (n < 0 && strncmp(name, "..2", 3) == 0)
		return file_tree_remove(dir, name, NULL, err);
	return 0;
}

static int write_fresh(struct writing *w, const char *stamp, struct err *err)
{
	int code = make_fresh(w, stamp, err);

	if (code)
		return code;
	code = write_files(w, err);
	if (!code)
		code = show_fresh(w, err);
	if (code)
		file_tree_remove(w->dir, w->fresh, NULL, NULL);
	else
		w->old = w->fresh;
	return code;
}

int atomic_write(int dir, const struct volume_payload *files, const char *stamp,
	const struct volume_owner *owner, bool *wrote, struct err *err)
{
	struct writing w = {.dir = dir, .files = files, .owner = owner};
	int code = 0;

	arena_init(&w.arena);
	find_old(&w);
	*wrote = !is_there(&w);
	if (*wrote)
		code = write_fresh(&w, stamp, err);
	/* Also when all is there: an earlier run may have ended between the two. */
	for (size_t i = 0; i < files->count && !code; i++)
		code = show_name(&w, top_of(files->items[i].path), err);
	if (!code && *wrote)
		code = file_tree_each(dir, sweep, &w, err);
	arena_done(&w.arena);
	return code;
}
