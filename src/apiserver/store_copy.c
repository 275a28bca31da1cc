/*
 * GET /debug/store: the whole store at one moment, as the file that it is on disk. Only those may
 * have it who may have everything: no role but the administrators' names this path.
 */
#include "store_copy.h"

#include "api_options.h"
#include "respond.h"

#include <kube/log.h>
#include <kube/work.h>

#include <fcntl.h>

#define PIECE  (256 * KIB)
#define PREFIX "copy-"

struct copy_answer {
	struct api_request *r;
	struct op op;
	struct work work;
	const char *path;
	int handle; /* -1: none. The file has no name any more */
	int64_t size, at;
	struct buf piece;
	struct str part;
};

static const char *directory(struct api_server *s, struct arena *a)
{
	return arena_print(a, "%.*s/state", STRF(s->options->data_dir)).at;
}

static struct op *op_of(struct copy_answer *c, op_done_fn *done)
{
	op_init(&c->op, &c->r->x->scope, done, OP_NO_DEADLINE);
	return &c->op;
}

static void release(struct copy_answer *c)
{
	struct disk *disk = c->r->server->env->disk;

	if (c->handle >= 0)
		disk->ops->close(disk, c->handle);
	else
		disk->ops->remove(disk, c->path, NULL); /* it may have been made for nobody */
	buf_done(&c->piece);
}

/* ---- sending ---- */

static void read_more(struct copy_answer *c);

static void over(struct op *op, struct err *err)
{
	struct copy_answer *c = CONTAINER_OF(op, struct copy_answer, op);

	/* Whatever failed, the client sees that bytes are missing. */
	if (err->code && err->code != ERR_CANCELLED && err->code != ERR_CLOSED)
		log_warning(err, "a copy of the store was not sent");
	release(c);
	request_end(c->r);
}

static void written(struct op *op, struct err *err)
{
	struct copy_answer *c = CONTAINER_OF(op, struct copy_answer, op);

	if (err->code)
		over(op, err);
	else if (c->at == c->size)
		http_respond_end(c->r->x, op_of(c, over), NULL);
	else
		read_more(c);
}

static void piece_read(struct op *op, struct err *err)
{
	struct copy_answer *c = CONTAINER_OF(op, struct copy_answer, op);

	if (err->code) {
		over(op, err);
		return;
	}
	c->at += (int64_t)c->piece.len;
	c->part = buf_str(&c->piece);
	http_write(c->r->x, op_of(c, written), &c->part, 1);
}

static void read_work(struct work *w)
{
	struct copy_answer *c = CONTAINER_OF(w, struct copy_answer, work);
	struct disk *disk = c->r->server->env->disk;
	size_t want = (size_t)MIN(c->size - c->at, (int64_t)PIECE);

	buf_clear(&c->piece);
	char *at = buf_reserve(&c->piece, want);
	ssize_t got = disk->ops->read(disk, c->handle, at, want, c->at, &w->err);
	if (got > 0)
		buf_advance(&c->piece, (size_t)got);
	else if (got == 0)
		err_set(&w->err, ERR_IO, "%s has become shorter", c->path);
}

static void read_more(struct copy_answer *c)
{
	work_start(&c->work, op_of(c, piece_read), WORK_DISK, read_work);
}

/* ---- making it ---- */

static void opened(struct op *op, struct err *err)
{
	struct copy_answer *c = CONTAINER_OF(op, struct copy_answer, op);
	struct api_request *r = c->r;

	if (err->code) {
		release(c);
		request_fail_err(r, err);
		return;
	}
	struct http_headers h = respond_headers(r, "application/vnd.sqlite3");
	r->answered = true;
	r->answer_code = 200;
	http_respond_start(r->x, op_of(c, written), 200, h.items, h.count, c->size);
}

/* Without its name nothing of it is left, whatever becomes of us. */
static void open_work(struct work *w)
{
	struct copy_answer *c = CONTAINER_OF(w, struct copy_answer, work);
	struct disk *disk = c->r->server->env->disk;

	c->handle = disk->ops->open(disk, c->path, O_RDONLY, 0, &w->err);
	if (c->handle < 0 || disk->ops->remove(disk, c->path, &w->err))
		return;
	c->size = disk->ops->size(disk, c->handle, &w->err);
}

static void copied(struct op *op, struct err *err)
{
	struct copy_answer *c = CONTAINER_OF(op, struct copy_answer, op);

	if (err->code)
		opened(op, err);
	else
		work_start(&c->work, op_of(c, opened), WORK_DISK, open_work);
}

void serve_store_copy(struct api_request *r)
{
	struct copy_answer *c = arena_new(r->arena, sizeof(*c));

	c->r = r;
	c->handle = -1;
	buf_init(&c->piece, PIECE);
	c->path = arena_print(r->arena, "%s/" PREFIX "%llu.db", directory(r->server, r->arena),
		(unsigned long long)++r->server->store_copies)
			  .at;
	store_backup(r->server->store, op_of(c, copied), c->path);
}

/* ---- what a server that was killed has left ---- */

struct sweep {
	struct disk *disk;
	struct arena arena;
	const char *dir;
};

static int sweep_name(void *ctx, const char *name)
{
	struct sweep *s = ctx;

	if (str_starts(str_from(name), STR(PREFIX)))
		s->disk->ops->remove(
			s->disk, arena_print(&s->arena, "%s/%s", s->dir, name).at, NULL);
	return 0;
}

void store_copy_sweep(struct api_server *s)
{
	struct sweep sweep = {.disk = s->env->disk};

	arena_init(&sweep.arena);
	sweep.dir = directory(s, &sweep.arena);
	sweep.disk->ops->list(sweep.disk, sweep.dir, sweep_name, &sweep, NULL);
	arena_done(&sweep.arena);
}
