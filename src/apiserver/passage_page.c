/*
 * Pages on their way through: links that lead to the backend are changed to lead there through this
 * server. That takes the whole page, and is done on a worker.
 */
#include "page_links.h"
#include "passage_private.h"

#include <kube/gzip.h>
#include <kube/mem.h>
#include <kube/url.h>
#include <kube/work.h>

#define PIECE      (32 * KIB)
#define PLAIN_MAX  (16 * MIB) /* unpacked; with moved links */
#define GZIP_LEVEL 6
#define BEST_LEVEL 9

struct changed_page {
	struct passage *p;
	struct work work;
	struct arena arena; /* of addresses */
	struct str encoding;
	struct buf out;
};

/* ---- addresses ---- */

static struct str host_of(struct arena *a, const struct url *url)
{
	bool v6 = str_find_char(url->host, ':') >= 0;
	struct str host = v6 ? arena_print(a, "[%.*s]", STRF(url->host)) : url->host;

	return url->port.len ? arena_print(a, "%.*s:%.*s", STRF(host), STRF(url->port)) : host;
}

struct str passage_move_address(const struct passage *p, struct arena *a, struct str address)
{
	const struct passage_options *o = &p->options;
	_cleanup_(buf_done) struct buf out = BUF_INIT(128 * KIB);
	struct url url;
	struct str host;

	if (url_parse(a, address, &url, NULL))
		return address;
	host = host_of(a, &url);
	bool ours = str_eq(host, p->r->x->request.authority);
	if ((host.len && !ours && !str_eq(host, o->authority)) || !str_starts(url.path, STR("/")))
		return address;
	if (!ours)
		url.scheme = url.host = url.port = (struct str){0};
	if (!str_starts(url.path, o->outside)) {
		bool slash = str_ends(url.path, STR("/"));
		struct str path = url_clean_path(
			a, arena_print(a, "%.*s%.*s", STRF(o->outside), STRF(url.path)));

		url.path = slash && !str_ends(path, STR("/")) ? arena_print(a, "%.*s/", STRF(path))
							      : path;
		url.raw_path = (struct str){0};
	}
	url_print(&out, &url);
	return buf_over(&out) ? address : arena_str(a, buf_str(&out));
}

/* ---- on the worker ---- */

static struct str move(void *ctx, struct str address)
{
	struct changed_page *c = ctx;

	return passage_move_address(c->p, &c->arena, address);
}

static int unpack(const struct changed_page *c, struct buf *plain, struct err *err)
{
	struct str page = buf_str(&c->p->page);
	int code;

	if (str_eq_text(c->encoding, "deflate"))
		return deflate_decode(page, plain, err);
	code = gzip_decode(page, plain, err);
	return code ? err_wrap(err, code, "errorf making gzip reader") : 0;
}

static int pack(struct changed_page *c, struct str plain, struct err *err)
{
	return str_eq_text(c->encoding, "deflate") ? deflate_encode(plain, BEST_LEVEL, &c->out, err)
						   : gzip_encode(plain, GZIP_LEVEL, &c->out, err);
}

static void change(struct work *w)
{
	struct changed_page *c = CONTAINER_OF(w, struct changed_page, work);
	_cleanup_(buf_done) struct buf plain = BUF_INIT(PLAIN_MAX), moved = BUF_INIT(PLAIN_MAX);

	if (!c->encoding.len) {
		page_links_change(&c->out, buf_str(&c->p->page), move, c);
	} else if (!unpack(c, &plain, &w->err)) {
		page_links_change(&moved, buf_str(&plain), move, c);
		if (buf_over(&moved))
			err_set(&w->err, ERR_TOO_LARGE, "the page is too long");
		else
			pack(c, buf_str(&moved), &w->err);
	}
	if (buf_over(&c->out))
		err_set(&w->err, ERR_TOO_LARGE, "the page is too long");
}

/* ---- in and out ---- */

static struct changed_page *page_of(struct op *op)
{
	return CONTAINER_OF(op, struct api_request, op)->passage->changed;
}

static struct op *op_of(struct passage *p, op_done_fn *done)
{
	op_init(&p->r->op, &p->r->x->scope, done, OP_NO_DEADLINE);
	return &p->r->op;
}

static void changed(struct op *op, struct err *err)
{
	struct changed_page *c = page_of(op);
	struct passage *p = c->p;

	arena_done(&c->arena);
	buf_done(&p->page);
	if (!err->code) {
		p->page = TAKE(c->out);
		passage_answer_whole(p, p->call.status, buf_str(&p->page));
		return;
	}
	buf_done(&c->out);
	/* A bomb, or no such encoding after all. */
	passage_fail_page(p, err);
}

static void start_change(struct passage *p)
{
	struct changed_page *c = p->changed;

	c->p = p;
	c->encoding = http_headers_get(&p->call.response, STR("Content-Encoding"));
	arena_init(&c->arena);
	buf_init(&c->out, PLAIN_MAX);
	work_start(&c->work, op_of(p, changed), WORK_CRYPTO, change);
}

static void read_more(struct passage *p);

static void have_more(struct op *op, struct err *err)
{
	struct passage *p = CONTAINER_OF(op, struct api_request, op)->passage;

	if (err->code)
		passage_fail_page(p, err);
	else if (!op->n)
		start_change(p);
	else if (p->page.len > PASSAGE_PAGE_MAX - PIECE)
		passage_answer(p);
	else
		read_more(p);
}

static void read_more(struct passage *p)
{
	http_call_read(&p->call, op_of(p, have_more), &p->page, PIECE);
}

bool passage_is_page(const struct passage *p)
{
	const struct http_headers *h = &p->call.response;
	struct str type = http_headers_get(h, STR("Content-Type")), rest;
	struct str encoding = http_headers_get(h, STR("Content-Encoding"));

	str_cut(type, ';', &type, &rest);
	return passage_is_through(p) && !http_headers_get(h, STR("Location")).len &&
	       str_eq_text(str_trim(type), "text/html") &&
	       (!encoding.len || str_eq_text(encoding, "gzip") || str_eq_text(encoding, "deflate"));
}

void passage_change_page(struct passage *p)
{
	p->changed = arena_new(p->r->arena, sizeof(*p->changed));
	read_more(p);
}
