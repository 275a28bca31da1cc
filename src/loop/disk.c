/* Whole files, over any disk. */
#include <kube/env.h>
#include <kube/mem.h>

#include <fcntl.h>

#define PIECE (64 * KIB)

/* ---- reading ---- */

static int read_all(struct disk *d, int handle, struct buf *out, struct err *err)
{
	int64_t offset = 0;
	for (;;) {
		/* One byte beyond the ceiling tells a file that fits from one that does not. */
		size_t room = out->max - out->len;
		char extra;
		char *at = room ? buf_reserve(out, MIN(room, PIECE)) : &extra;
		size_t len = room ? MIN(room, PIECE) : 1;
		ssize_t n = d->ops->read(d, handle, at, len, offset, err);
		if (n <= 0)
			return (int)n;
		if (!room)
			return err_set(err, ERR_TOO_LARGE, "more than %zu bytes", out->max);
		buf_advance(out, (size_t)n);
		offset += n;
	}
}

int disk_read_file(struct disk *d, const char *path, struct buf *out, struct err *err)
{
	int handle = d->ops->open(d, path, O_RDONLY, 0, err);
	if (handle < 0)
		return handle;
	int code = read_all(d, handle, out, err);
	d->ops->close(d, handle);
	return code ? err_wrap(err, code, "reading %s", path) : 0;
}

/* ---- writing ---- */

/* The directory part, "." when there is none; the caller frees. */
static char *dir_of(const char *path)
{
	struct str dir, base;
	str_cut_last(str_from(path), '/', &dir, &base);
	if (dir.len == 0)
		return mem_copy_text(path[0] == '/' ? "/" : ".");
	return str_dup(dir);
}

static int write_new(
	struct disk *d, const char *path, struct str bytes, unsigned mode, struct err *err)
{
	/* What a crash left behind may have another mode, or be a link to somewhere. */
	struct err failed = {0};
	int code = d->ops->remove(d, path, &failed);
	if (code && code != ERR_NOT_FOUND)
		return err_move(err, &failed);
	err_done(&failed);
	int handle = d->ops->open(d, path, O_RDWR | O_CREAT | O_EXCL, mode, err);
	if (handle < 0)
		return handle;
	ssize_t n = d->ops->write(d, handle, bytes.at, bytes.len, 0, err);
	code = n < 0 ? (int)n : d->ops->sync(d, handle, err);
	d->ops->close(d, handle);
	return code;
}

int disk_write_file(
	struct disk *d, const char *path, struct str bytes, unsigned mode, struct err *err)
{
	_cleanup_(mem_done) char *dir = dir_of(path);
	/* One writer a file is the rule, so one name is enough, and a crash leaves one at most. */
	_cleanup_(mem_done) char *temporary = mem_print("%s.new", path);
	int code = write_new(d, temporary, bytes, mode, err);
	if (!code)
		code = d->ops->rename(d, temporary, path, err);
	if (code)
		d->ops->remove(d, temporary, NULL);
	else
		code = d->ops->sync_dir(d, dir, err);
	return code ? err_wrap(err, code, "writing %s", path) : 0;
}

/* ---- directories ---- */

/* The directory is there, or its name could be taken: an existing one is fine. */
static int make_dir(struct disk *d, const char *path, unsigned mode, struct err *err)
{
	struct err failed = {0};
	int code = d->ops->mkdir(d, path, mode, &failed);
	if (code == ERR_ALREADY_EXISTS) {
		int handle = d->ops->open(d, path, O_RDONLY | O_DIRECTORY, 0, NULL);
		if (handle >= 0) {
			d->ops->close(d, handle);
			code = 0;
		}
	}
	if (code)
		err_move(err, &failed);
	err_done(&failed);
	return code;
}

int disk_make_dirs(struct disk *d, const char *path, unsigned mode, struct err *err)
{
	_cleanup_(mem_done) char *each = mem_copy_text(path);
	/* From the top down; the cut is undone before the next. */
	for (char *at = each; *at; at++) {
		if (*at != '/' || at == each || at[-1] == '/')
			continue;
		*at = 0;
		int code = make_dir(d, each, mode, err);
		*at = '/';
		if (code)
			return code;
	}
	return make_dir(d, each, mode, err);
}
