#include "image_archive.h"

#include "layer_apply.h"

#include <errno.h>
#include <fcntl.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMBERS_MAX 100000
#define LINKS_MAX   8
#define PIECE       (256 * KIB)
#define PATIENCE_MS 100

struct member {
	int64_t offset, size;
	struct str link; /* docker save of old links layers to layers */
};

struct image_archive {
	struct arena arena;
	struct map members; /* by cleaned name */
	int fd;             /* the tar, or the directory */
	bool is_directory;
	const _Atomic(bool) *stopped;
};

/* ---- bytes that must lie in a file ---- */

/* A file without a name: gone with its descriptor, also in a crash. */
static int new_spool(const struct image_disk *d, int *fd, struct err *err)
{
	struct image_incoming in;
	int failed = image_disk_new_file(d, &in, err);

	if (failed)
		return failed;
	unlinkat(d->root, in.name, 0);
	*fd = in.fd;
	return 0;
}

static int write_piece(int fd, struct str piece, struct err *err)
{
	while (piece.len) {
		ssize_t n = write(fd, piece.at, piece.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, errno, "copying the archive");
		piece = str_skip(piece, (size_t)n);
	}
	return 0;
}

static int copy_pipe(int from, int to, int64_t max, const _Atomic(bool) *stopped, struct err *err)
{
	char *piece = mem_alloc(PIECE);
	int64_t total = 0;
	int failed = 0;

	while (!failed) {
		/* Whoever writes may take his time; whoever waits may lose his patience. */
		struct pollfd wait = {.fd = from, .events = POLLIN};
		if (poll(&wait, 1, PATIENCE_MS) == 0 && !(stopped && *stopped))
			continue;
		ssize_t n = stopped && *stopped ? 1 : read(from, piece, PIECE);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			failed = err_set_errno(err, errno, "reading the archive");
		if (n <= 0)
			break;
		total += n;
		if (stopped && *stopped)
			failed = err_set(err, ERR_CANCELLED, "cancelled");
		else if (total > max)
			failed = err_set(err, ERR_TOO_LARGE, "archive has more than %lld bytes",
				(long long)max);
		else
			failed = write_piece(to, str_make(piece, (size_t)n), err);
	}
	mem_free(piece);
	return failed;
}

static int unpack_file(const struct layer_source *source, int to, struct err *err)
{
	struct layer_stream *s = layer_stream_new(source);
	char *piece = mem_alloc(PIECE);
	size_t n = 0;
	int failed;

	while (!(failed = layer_stream_read(s, piece, PIECE, &n, err)) && n)
		if ((failed = write_piece(to, str_make(piece, n), err)))
			break;
	mem_free(piece);
	layer_stream_free(s);
	return failed;
}

static bool is_packed(int fd)
{
	char head[4] = {0};

	return pread(fd, head, sizeof(head), 0) >= 2 &&
	       (memcmp(head, "\x1f\x8b", 2) == 0 || memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0);
}

static int replace_fd(struct image_archive *ar, int fresh, int failed)
{
	if (failed) {
		close(fresh);
		return failed;
	}
	close(ar->fd);
	ar->fd = fresh;
	return 0;
}

static int make_seekable(struct image_archive *ar, const struct image_disk *d,
	const struct image_limits *limits, struct err *err)
{
	struct stat st;
	int spool, failed = 0;

	if (fstat(ar->fd, &st))
		return err_set_errno(err, errno, "the archive");
	if (S_ISDIR(st.st_mode)) {
		ar->is_directory = true;
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		if ((failed = new_spool(d, &spool, err)))
			return failed;
		failed = copy_pipe(ar->fd, spool, 2 * limits->layer_bytes, ar->stopped, err);
		if ((failed = replace_fd(ar, spool, failed)))
			return failed;
	}
	if (!is_packed(ar->fd))
		return 0;
	if (fstat(ar->fd, &st))
		return err_set_errno(err, errno, "the archive");
	struct layer_source source = {.fd = ar->fd,
		.size = st.st_size,
		.max_bytes = 2 * limits->layer_bytes,
		.max_ratio = limits->layer_ratio,
		.stopped = ar->stopped};
	if ((failed = new_spool(d, &spool, err)))
		return failed;
	failed = unpack_file(&source, spool, err);
	return replace_fd(ar, spool, failed);
}

/* ---- the table of a tar ---- */

struct tar_file {
	int fd;
	int64_t at;
	const _Atomic(bool) *stopped;
};

static int tar_file_read(void *ctx, void *at, size_t len, size_t *n, struct err *err)
{
	struct tar_file *f = ctx;
	ssize_t r;

	if (f->stopped && *f->stopped)
		return err_set(err, ERR_CANCELLED, "cancelled");
	do
		r = pread(f->fd, at, len, f->at);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_set_errno(err, errno, "reading the archive");
	f->at += r;
	*n = (size_t)r;
	return 0;
}

static int tar_file_skip(void *ctx, int64_t len, struct err *err)
{
	struct tar_file *f = ctx;
	struct stat st;

	if (fstat(f->fd, &st) || f->at > st.st_size - len)
		return err_set(
			err, ERR_SYNTAX, "tar: unexpected EOF at offset %lld", (long long)f->at);
	f->at += len;
	return 0;
}

/* "./a//b" → "a/b"; false where it leads out. */
static bool clean_name(struct arena *a, struct str name, struct str *clean)
{
	char *at = arena_alloc(a, name.len + 1);
	struct str rest = name, piece;
	size_t n = 0;

	while (rest.at && str_next(&rest, '/', &piece)) {
		if (piece.len == 0 || str_eq_text(piece, "."))
			continue;
		if (str_eq_text(piece, "..")) {
			if (n == 0)
				return false;
			while (n && at[--n] != '/') {
			}
			continue;
		}
		if (n)
			at[n++] = '/';
		memcpy(at + n, piece.at, piece.len);
		n += piece.len;
	}
	at[n] = '\0';
	*clean = str_make(at, n);
	return true;
}

static int note_member(struct image_archive *ar, const struct tar_entry *e, struct err *err)
{
	struct str name;

	if (!clean_name(&ar->arena, e->path, &name))
		return 0;
	if (ar->members.count >= MEMBERS_MAX)
		return err_set(err, ERR_TOO_LARGE, "archive has more than %d members", MEMBERS_MAX);
	if (e->kind != TAR_FILE && e->kind != TAR_SYMLINK && e->kind != TAR_HARD_LINK)
		return 0;
	struct member *m = arena_new(&ar->arena, sizeof(*m));
	m->offset = e->offset;
	m->size = e->size;
	if (e->kind == TAR_HARD_LINK)
		m->link = arena_print(&ar->arena, "/%.*s", STRF(e->link));
	else if (e->kind == TAR_SYMLINK)
		m->link = arena_str(&ar->arena, e->link);
	map_set(&ar->members, name, m);
	return 0;
}

static int read_table(struct image_archive *ar, struct err *err)
{
	struct tar_file file = {.fd = ar->fd, .stopped = ar->stopped};
	struct tar_entry e;
	struct tar t;
	bool end = false;
	int failed;

	tar_init(&t, tar_file_read, tar_file_skip, &file);
	while (!(failed = tar_next(&t, &e, &end, err)) && !end)
		if ((failed = note_member(ar, &e, err)))
			break;
	tar_done(&t);
	return failed;
}

int image_archive_open(const struct image_disk *d, const struct image_limits *limits,
	const char *path, int fd, const _Atomic(bool) *stopped, struct image_archive **archive,
	struct err *err)
{
	int own = path ? open(path, O_RDONLY | O_CLOEXEC) : fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (own < 0)
		return err_set_errno(err, errno, "opening %s", path ? path : "the archive");
	struct image_archive *ar = mem_new(sizeof(*ar));
	arena_init(&ar->arena);
	map_init(&ar->members);
	ar->fd = own;
	ar->stopped = stopped;
	int failed = make_seekable(ar, d, limits, err);
	if (!failed && !ar->is_directory)
		failed = read_table(ar, err);
	if (failed)
		image_archive_close(ar);
	else
		*archive = ar;
	return failed;
}

void image_archive_close(struct image_archive *ar)
{
	if (!ar)
		return;
	close(ar->fd);
	map_done(&ar->members);
	arena_done(&ar->arena);
	mem_free(ar);
}

/* ---- members ---- */

static int no_member(struct err *err, struct str name)
{
	return err_set(err, ERR_NOT_FOUND, "archive has no \"%.*s\"", STRF(str_sub(name, 0, 200)));
}

static int directory_member(const struct image_archive *ar, struct str name,
	struct layer_source *source, struct err *err)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	char *text = str_dup(name);
	int fd = (int)syscall(SYS_openat2, ar->fd, text, &how, sizeof(how));
	int failed = fd < 0 && errno == ENOENT ? no_member(err, name)
		     : fd < 0                  ? err_set_errno(err, errno, "%s", text)
					       : 0;
	struct stat st;

	mem_free(text);
	if (failed)
		return failed;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(err, ERR_INVALID, "\"%.*s\" is no file", STRF(name));
	}
	*source = (struct layer_source){.fd = fd, .size = st.st_size, .stopped = ar->stopped};
	return 0;
}

static int tar_member(
	struct image_archive *ar, struct str name, struct layer_source *source, struct err *err)
{
	struct str at = name, directory, last;

	for (int i = 0; i < LINKS_MAX; i++) {
		const struct member *m = map_get(&ar->members, at);
		if (!m)
			return no_member(err, name);
		if (!m->link.at) {
			int fd = fcntl(ar->fd, F_DUPFD_CLOEXEC, 3);
			if (fd < 0)
				return err_set_errno(err, errno, "the archive");
			*source = (struct layer_source){.fd = fd,
				.offset = m->offset,
				.size = m->size,
				.stopped = ar->stopped};
			return 0;
		}
		str_cut_last(at, '/', &directory, &last);
		if (m->link.len && m->link.at[0] == '/')
			directory = (struct str){0};
		if (!clean_name(&ar->arena,
			    arena_print(&ar->arena, "%.*s/%.*s", STRF(directory), STRF(m->link)),
			    &at))
			break;
	}
	return err_set(
		err, ERR_INVALID, "archive: \"%.*s\" leads nowhere", STRF(str_sub(name, 0, 200)));
}

int image_archive_member(
	struct image_archive *ar, struct str name, struct layer_source *source, struct err *err)
{
	struct str clean;

	if (name.len > TAR_PATH_MAX || (name.len && memchr(name.at, 0, name.len)) ||
		!clean_name(&ar->arena, name, &clean) || clean.len == 0)
		return no_member(err, name);
	return ar->is_directory ? directory_member(ar, clean, source, err)
				: tar_member(ar, clean, source, err);
}

int image_archive_text(struct image_archive *ar, struct str name, struct buf *out, struct err *err)
{
	struct layer_source source;
	int failed = image_archive_member(ar, name, &source, err);

	if (failed)
		return failed;
	while (!failed && source.size > 0) {
		char piece[16 * KIB];
		ssize_t n = pread(source.fd, piece,
			(size_t)MIN(source.size, (int64_t)sizeof(piece)), source.offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			failed = n < 0 ? err_set_errno(err, errno, "reading the archive")
				       : err_set(err, ERR_SYNTAX, "archive ends early");
		else
			buf_add(out, piece, (size_t)n);
		source.offset += n;
		source.size -= n;
		if (!failed && buf_over(out))
			failed = err_set(
				err, ERR_TOO_LARGE, "archive: \"%.*s\" is too large", STRF(name));
	}
	close(source.fd);
	return failed;
}
