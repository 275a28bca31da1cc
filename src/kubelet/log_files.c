#include "log_files.h"

#include <kube/file_tree.h>
#include <kube/gzip.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE_SIZE (64 * KIB)
#define PACK_LEVEL 6 /* as Go's gzip packs */
#define FILES_MOST 10000
#define PACKED     ".gz"
#define HALF       ".tmp"

/* ---- what becomes of them ---- */

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct log_file *)a)->name, ((const struct log_file *)b)->name);
}

static bool is_packed(struct str name)
{
	return str_ends(name, STR(PACKED));
}

/* Was it packed already, and only not removed? */
static bool has_packed_twin(const struct log_file *files, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (is_packed(files[i].name) && files[i].name.len == name.len + strlen(PACKED) &&
			str_starts(files[i].name, name))
			return true;
	return false;
}

void log_files_plan(struct log_file *files, size_t count, int64_t most)
{
	int64_t left = 0, room = MAX(most - 2, 0);

	if (count)
		qsort(files, count, sizeof(*files), by_name);
	for (size_t i = 0; i < count; i++) {
		struct str name = files[i].name;
		bool rest = str_ends(name, STR(HALF)) ||
			    (!is_packed(name) && has_packed_twin(files, count, name));

		files[i].fate = rest ? LOG_REMOVE : is_packed(name) ? LOG_KEEP : LOG_PACK;
		left += !rest;
	}
	for (size_t i = 0; i < count && left > room; i++)
		if (files[i].fate != LOG_REMOVE) {
			files[i].fate = LOG_REMOVE;
			left--;
		}
}

/* ---- which there are ---- */

struct listing {
	struct arena *a;
	struct str name; /* of the one that is written */
	struct log_file *files;
	size_t count, cap;
};

static int note(void *ctx, int dir, const char *name, struct err *err)
{
	struct listing *l = ctx;
	struct str s = str_from(name);

	(void)dir;
	(void)err;
	if (!str_starts(s, l->name) || s.len == l->name.len || s.at[l->name.len] != '.' ||
		l->count == FILES_MOST)
		return 0;
	ARENA_ROOM(l->a, l->files, l->count, l->cap, 8);
	l->files[l->count++] = (struct log_file){.name = arena_str(l->a, s)};
	return 0;
}

static int open_directory(
	struct arena *a, const char *path, int *dir, struct listing *l, struct err *err)
{
	struct str directory;

	*l = (struct listing){.a = a};
	str_cut_last(arena_str(a, str_from(path)), '/', &directory, &l->name);
	*dir = open(arena_str(a, directory).at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0)
		return err_set_errno(err, errno, "%.*s", STRF(directory));
	return file_tree_each(*dir, note, l, err);
}

/* ---- packing ---- */

static int write_all(int fd, struct buf *bytes, const char *name, struct err *err)
{
	size_t done = 0;

	while (done < bytes->len) {
		ssize_t n = write(fd, bytes->at + done, bytes->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, errno, "writing %s", name);
		done += (size_t)n;
	}
	buf_clear(bytes);
	return 0;
}

static int pack_pieces(
	int from, int to, const char *name, const _Atomic(bool) *stop, struct err *err)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(4 * PIECE_SIZE);
	struct gzip *g = gzip_new_encoder(PACK_LEVEL);
	char *piece = mem_alloc(PIECE_SIZE);
	ssize_t n = 0;
	int code = 0;

	while (!code) {
		n = read(from, piece, PIECE_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		code = *stop ? err_set(err, ERR_CANCELLED, "packing %s", name)
			     : gzip_add(g, str_make(piece, (size_t)n), false, &out, err);
		code = code ? code : write_all(to, &out, name, err);
	}
	if (!code && n < 0)
		code = err_set_errno(err, errno, "reading %s", name);
	code = code ? code : gzip_end(g, &out, err);
	code = code ? code : write_all(to, &out, name, err);
	gzip_free(g);
	mem_free(piece);
	return code;
}

/* Half of it is never taken for the whole: the name comes last. */
static int pack(
	struct arena *a, int dir, struct str name, const _Atomic(bool) *stop, struct err *err)
{
	const char *half = arena_print(a, "%.*s" HALF, STRF(name)).at;
	const char *whole = arena_print(a, "%.*s" PACKED, STRF(name)).at;
	int from = openat(dir, name.at, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), to = -1, code;
	struct stat there;

	if (from < 0 || fstat(from, &there))
		code = err_set_errno(err, errno, "%s", name.at);
	else if ((to = openat(dir, half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			  there.st_mode & 0777)) < 0)
		code = err_set_errno(err, errno, "%s", half);
	else
		code = pack_pieces(from, to, name.at, stop, err);
	if (from >= 0)
		close(from);
	if (to >= 0 && close(to) && !code)
		code = err_set_errno(err, errno, "writing %s", half);
	if (!code && renameat(dir, half, dir, whole))
		code = err_set_errno(err, errno, "%s", whole);
	if (code)
		unlinkat(dir, half, 0);
	else
		unlinkat(dir, name.at, 0);
	return code;
}

/* ---- the whole ---- */

int log_files_size(const char *path, int64_t *size, struct err *err)
{
	struct stat there;

	if (lstat(path, &there))
		return err_set_errno(err, errno, "%s", path);
	*size = S_ISREG(there.st_mode) ? there.st_size : 0;
	return 0;
}

static int tidy(struct arena *a, int dir, struct listing *l, int64_t most,
	const _Atomic(bool) *stop, struct err *err)
{
	int code = 0;

	log_files_plan(l->files, l->count, most);
	for (size_t i = 0; i < l->count && !code; i++) {
		const struct log_file *f = &l->files[i];

		if (f->fate == LOG_REMOVE && unlinkat(dir, f->name.at, 0) && errno != ENOENT)
			code = err_set_errno(err, errno, "removing %s", f->name.at);
		else if (f->fate == LOG_PACK)
			code = pack(a, dir, f->name, stop, err);
	}
	return code;
}

int log_files_rotate(struct arena *a, const char *path, int64_t most, int64_t wall,
	const _Atomic(bool) *stop, struct str *put_away, struct err *err)
{
	struct time_parts t = time_split(wall);
	struct listing l;
	int dir, code = open_directory(a, path, &dir, &l, err);

	if (dir < 0)
		return code;
	*put_away = arena_print(a, "%s.%04d%02d%02d-%02d%02d%02d", path, t.year, t.month, t.day,
		t.hour, t.minute, t.second);
	code = code ? code : tidy(a, dir, &l, most, stop, err);
	close(dir);
	if (!code && renameat2(AT_FDCWD, path, AT_FDCWD, put_away->at, RENAME_NOREPLACE))
		code = err_set_errno(err, errno, "putting %s away", path);
	return code;
}

int log_files_call_back(const char *put_away, const char *path, struct err *err)
{
	if (renameat2(AT_FDCWD, put_away, AT_FDCWD, path, RENAME_NOREPLACE))
		return err_set_errno(err, errno, "calling %s back", put_away);
	return 0;
}

struct str log_files_last(struct arena *a, const char *path)
{
	struct str last = STR("");
	struct listing l;
	int dir;

	open_directory(a, path, &dir, &l, NULL);
	if (dir < 0)
		return last;
	close(dir);
	/* None is kept twice, and none may be put away: what is to be packed lies there plain. */
	log_files_plan(l.files, l.count, INT64_MAX);
	for (size_t i = 0; i < l.count; i++)
		if (l.files[i].fate == LOG_PACK)
			last = l.files[i].name;
	return last.len ? arena_print(a, "%s%.*s", path, STRF(str_skip(last, l.name.len))) : last;
}

int log_files_remove(const char *path, struct err *err)
{
	_cleanup_(arena_done) struct arena a;
	struct listing l;
	int dir;

	arena_init(&a);
	int code = open_directory(&a, path, &dir, &l, err);
	if (dir < 0)
		return code;
	for (size_t i = 0; i < l.count && !code; i++)
		if (unlinkat(dir, l.files[i].name.at, 0) && errno != ENOENT)
			code = err_set_errno(err, errno, "removing %s", l.files[i].name.at);
	close(dir);
	if (!code && unlink(path) && errno != ENOENT)
		code = err_set_errno(err, errno, "removing %s", path);
	return code;
}
