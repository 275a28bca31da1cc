/*
 * /logs/…: the node's own logs, as upstream's file server shows them: a directory is a list of
 * links, a file is sent as it is, in part if that is asked for.
 */
#include "node_request.h"

#include <kube/html.h>
#include <kube/http.h>
#include <kube/time.h>
#include <kube/work.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE      (64 * KIB)
#define HEAD_SIZE  512
#define NAMES_MAX  (16 * MIB) /* bytes of one directory's list */
#define NAMES_MOST 20000

struct file_request {
	struct node_request *r;
	struct work work;
	struct str path; /* below the top; NUL-terminated, as all here */
	int fd, status;
	bool directory;
	struct stat there;
	int64_t at, end;  /* what of it is to be sent */
	struct buf piece; /* of it; or a list */
	struct str part;
	struct http_header headers[5];
	size_t header_count;
};

/* ---- on a worker ---- */

/* Links are followed, but only to what is among the logs. */
static bool is_below(int fd, const char *top)
{
	char self[64], real[PATH_MAX], path[PATH_MAX];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(self, path, sizeof(path));
	if (n <= 0 || n == sizeof(path) || !realpath(top, real))
		return false;
	struct str rest = str_make(path, (size_t)n), above = str_from(real);
	return str_starts(rest, above) && (rest.len == above.len || rest.at[above.len] == '/');
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What might be taken for a scheme says that it is a path. */
static void add_link(struct buf *out, const char *name)
{
	_cleanup_(buf_done) struct buf target = BUF_INIT(4 * KIB);
	size_t length = strcspn(name, "/");

	if (strchr(name, ':'))
		buf_add_text(&target, "./");
	url_escape_path(&target, str_make(name, length));
	buf_add_text(&target, name + length);
	buf_add_text(out, "<a href=\"");
	html_escape(out, buf_str(&target));
	buf_add_text(out, "\">");
	html_escape(out, str_from(name));
	buf_add_text(out, "</a>\n");
}

static void list_names(struct file_request *q)
{
	struct arena a;
	DIR *directory = fdopendir(dup(q->fd));
	size_t count = 0, cap = 0;
	const char **names = NULL;

	arena_init(&a);
	for (struct dirent *e; directory && count <= NAMES_MOST && (e = readdir(directory));) {
		struct stat s;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (count == cap) {
			const char **more = arena_alloc(&a, (cap * 2 + 64) * sizeof(*more));

			if (count)
				memcpy(more, names, count * sizeof(*more));
			names = more;
			cap = cap * 2 + 64;
		}
		bool deeper = fstatat(q->fd, e->d_name, &s, AT_SYMLINK_NOFOLLOW) == 0 &&
			      S_ISDIR(s.st_mode);
		names[count++] = arena_print(&a, "%s%s", e->d_name, deeper ? "/" : "").at;
	}
	if (directory)
		closedir(directory);
	if (count)
		qsort(names, count, sizeof(*names), by_name);
	buf_add_text(&q->piece, "<!doctype html>\n"
				"<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n");
	for (size_t i = 0; i < count; i++)
		add_link(&q->piece, names[i]);
	buf_add_text(&q->piece, "</pre>\n");
	if (count > NAMES_MOST || buf_over(&q->piece))
		q->status = 500;
	arena_done(&a);
}

/* What it begins with tells what it is. */
static void read_head(struct file_request *q)
{
	ssize_t n = pread(q->fd, buf_reserve(&q->piece, HEAD_SIZE), HEAD_SIZE, 0);

	if (n < 0)
		q->status = 500;
	else
		buf_advance(&q->piece, (size_t)n);
}

static void open_work(struct work *w)
{
	struct file_request *q = CONTAINER_OF(w, struct file_request, work);
	const char *top = q->r->server->options.log_top.at;
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", top, q->path.at) >= sizeof(path)) {
		q->status = 404;
		return;
	}
	q->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (q->fd < 0)
		q->status = errno == EACCES ? 403 : 404;
	else if (fstat(q->fd, &q->there) || !is_below(q->fd, top))
		q->status = 404;
	else if (!S_ISDIR(q->there.st_mode) && !S_ISREG(q->there.st_mode))
		q->status = 404;
	if (q->status)
		return;
	q->directory = S_ISDIR(q->there.st_mode);
	if (q->directory)
		list_names(q);
	else
		read_head(q);
}

static void read_work(struct work *w)
{
	struct file_request *q = CONTAINER_OF(w, struct file_request, work);
	size_t wanted = (size_t)MIN((int64_t)PIECE, q->end - q->at);

	buf_clear(&q->piece);
	w->n = pread(q->fd, buf_reserve(&q->piece, PIECE), wanted, q->at);
	if (w->n > 0)
		buf_advance(&q->piece, (size_t)w->n);
}

/* ---- what is said of it ---- */

static void add_header(struct file_request *q, const char *name, struct str value)
{
	q->headers[q->header_count++] = (struct http_header){str_from(name), value};
}

/* By its beginning: logs that were packed are no text. */
static const char *type_of(struct str head)
{
	if (str_starts(head, STR("\x1f\x8b\x08")))
		return "application/x-gzip";
	for (size_t i = 0; i < head.len; i++) {
		unsigned char c = (unsigned char)head.at[i];
		if (c < 0x20 && !strchr("\t\n\f\r\x1b", c))
			return "application/octet-stream";
		if (!c)
			return "application/octet-stream";
	}
	return "text/plain; charset=utf-8";
}

/* One range; several, or what makes no sense, is no wish. 416: it lies behind the end. */
static int read_range(struct file_request *q, struct str wish)
{
	struct str first, last;
	int64_t size = q->there.st_size, from = 0, to = size - 1;

	if (!str_starts(wish, STR("bytes=")) || str_find_char(wish, ',') >= 0 ||
		!str_cut(str_skip(wish, strlen("bytes=")), '-', &first, &last))
		return 200;
	if (first.len && !str_to_i64(first, &from))
		return 200;
	if (last.len && !str_to_i64(last, &to))
		return 200;
	if (!first.len && !last.len)
		return 200;
	if (!first.len) {
		from = MAX(size - to, 0);
		to = size - 1;
	}
	if (from < 0 || to < from || from >= size)
		return from >= size ? 416 : 200;
	q->at = from;
	q->end = MIN(to, size - 1) + 1;
	return 206;
}

/* ---- the answer ---- */

static void next(struct file_request *q);

static void over(struct op *op, struct err *err)
{
	struct node_request *r = CONTAINER_OF(op, struct node_request, op);
	struct file_request *q = r->x->handler;

	(void)err;
	if (q->fd >= 0)
		close(q->fd);
	buf_done(&q->piece);
	node_request_end(r);
}

static void told(struct op *op, struct err *err)
{
	struct node_request *r = CONTAINER_OF(op, struct node_request, op);

	if (err->code)
		over(op, err);
	else
		next(r->x->handler);
}

static void have_piece(struct op *op, struct err *err)
{
	struct node_request *r = CONTAINER_OF(op, struct node_request, op);
	struct file_request *q = r->x->handler;

	/* It has become shorter: the answer breaks off. */
	if (err->code || op->n <= 0) {
		over(op, err);
		return;
	}
	q->at += op->n;
	q->part = buf_str(&q->piece);
	http_write(r->x, node_request_op(r, told), &q->part, 1);
}

static void next(struct file_request *q)
{
	if (q->at < q->end)
		work_start(&q->work, node_request_op(q->r, have_piece), WORK_DISK, read_work);
	else
		http_respond_end(q->r->x, node_request_op(q->r, over), NULL);
}

static void send_file(struct file_request *q)
{
	struct node_request *r = q->r;
	_cleanup_(buf_done) struct buf changed = BUF_INIT(64);
	struct str wish = http_headers_get(&r->x->request.headers, STR("Range"));
	int status;

	q->end = q->there.st_size;
	status = wish.len ? read_range(q, wish) : 200;
	time_print_http(&changed, (int64_t)q->there.st_mtim.tv_sec * SEC);
	add_header(q, "Content-Type", str_from(type_of(buf_str(&q->piece))));
	add_header(q, "Accept-Ranges", STR("bytes"));
	add_header(q, "Last-Modified", arena_str(r->arena, buf_str(&changed)));
	if (status == 416) {
		add_header(q, "Content-Range",
			arena_print(r->arena, "bytes */%lld", (long long)q->there.st_size));
		http_respond(r->x, node_request_op(r, over), status, q->headers, q->header_count,
			STR("invalid range: failed to overlap\n"));
		return;
	}
	if (status == 206)
		add_header(q, "Content-Range",
			arena_print(r->arena, "bytes %lld-%lld/%lld", (long long)q->at,
				(long long)q->end - 1, (long long)q->there.st_size));
	http_respond_start(r->x, node_request_op(r, told), status, q->headers, q->header_count,
		q->end - q->at);
}

/* What a browser needs so that the links of a list lead where they should. */
static void redirect(struct file_request *q, struct str to)
{
	add_header(q, "Location", to);
	http_respond(
		q->r->x, node_request_op(q->r, over), 301, q->headers, q->header_count, STR(""));
}

static void opened(struct op *op, struct err *err)
{
	struct node_request *r = CONTAINER_OF(op, struct node_request, op);
	struct file_request *q = r->x->handler;
	struct str above, name, path = r->path;
	bool slash = path.at[path.len - 1] == '/';

	if (err->code || q->status) {
		if (q->fd >= 0)
			close(q->fd);
		buf_done(&q->piece);
		node_answer_text(r, q->status ? q->status : 500,
			q->status == 403   ? "403 Forbidden\n"
			: q->status == 404 ? "404 page not found\n"
					   : "500 Internal Server Error\n");
		return;
	}
	str_cut_last(slash ? str_sub(path, 0, path.len - 1) : path, '/', &above, &name);
	if (q->directory && !slash) {
		redirect(q, arena_print(r->arena, "%.*s/", STRF(name)));
	} else if (!q->directory && slash) {
		redirect(q, arena_print(r->arena, "../%.*s", STRF(name)));
	} else if (q->directory) {
		add_header(q, "Content-Type", STR("text/html; charset=utf-8"));
		http_respond(r->x, node_request_op(r, over), 200, q->headers, q->header_count,
			buf_str(&q->piece));
	} else {
		send_file(q);
	}
}

void node_files(struct node_request *r)
{
	struct file_request *q = arena_new(r->arena, sizeof(*q));

	if (!r->server->options.log_top.len) {
		node_answer_text(r, 405, "logs endpoint is disabled.\n");
		return;
	}
	for (size_t i = 1; i < r->part_count; i++)
		if (str_eq_text(r->parts[i], "..")) {
			node_answer_text(r, 400, "invalid URL path\n");
			return;
		}
	r->x->handler = q;
	q->r = r;
	q->fd = -1;
	q->path = arena_str(r->arena, str_skip(r->path, strlen("/logs")));
	buf_init(&q->piece, NAMES_MAX);
	work_start(&q->work, node_request_op(r, opened), WORK_DISK, open_work);
}
