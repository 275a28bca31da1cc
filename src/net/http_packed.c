/* Large answers are gzipped before they are sent, off the loop. */
#include <kube/gzip.h>
#include <kube/http.h>
#include <kube/media.h>
#include <kube/task.h>
#include <kube/work.h>

/* Upstream's level: lists of objects shrink to a tenth, and more costs more than it gives. */
#define PACK_LEVEL 1

enum pack_step { PACK_BEGIN, PACK_PACKED, PACK_SENT };

static const char *const pack_steps[] = {"begin", "packed", "sent"};

struct packing {
	struct task task;
	struct work work;
	struct http_exchange *x;
	int status;
	struct http_headers headers;
	struct str body;
	struct buf packed; /* freed when the task ends */
};

/* A body that does not shrink is sent as it is: the ceiling is its own size. */
static void pack_work(struct work *w)
{
	struct packing *p = CONTAINER_OF(w, struct packing, work);

	if (gzip_encode(p->body, PACK_LEVEL, &p->packed, NULL))
		buf_done(&p->packed);
}

static void respond(struct packing *p)
{
	struct arena *a = &p->x->arena;
	struct str body = p->packed.len ? buf_str(&p->packed) : p->body;

	if (p->packed.len)
		http_headers_add(a, &p->headers, STR("Content-Encoding"), STR("gzip"));
	http_headers_add(a, &p->headers, STR("Vary"), STR("Accept-Encoding"));
	http_respond(p->x, task_await(&p->task, PACK_SENT, OP_NO_DEADLINE), p->status,
		p->headers.items, p->headers.count, body);
}

static void pack_run(struct task *t, struct err *err)
{
	struct packing *p = CONTAINER_OF(t, struct packing, task);

	if (!err->code && t->step == PACK_BEGIN) {
		work_start(&p->work, task_await(t, PACK_PACKED, OP_NO_DEADLINE), WORK_CRYPTO,
			pack_work);
	} else if (!err->code && t->step == PACK_PACKED) {
		respond(p);
	} else {
		int64_t n = t->wait.n;
		buf_done(&p->packed);
		err->code ? task_fail(t, err) : task_finish(t, n);
	}
}

static const struct task_kind pack_kind = TASK_KIND("http pack", pack_steps, pack_run);

static bool worth_packing(const struct http_exchange *x, const struct http_header *headers,
	size_t count, struct str body)
{
	const struct http_headers *asked = &x->request.headers;

	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(headers[i].name, STR("Content-Encoding")))
			return false;
	return body.len >= HTTP_PACK_MIN && !str_eq(x->request.method, STR("HEAD")) &&
	       media_accepts_gzip(http_headers_get(asked, STR("Accept-Encoding")));
}

void http_respond_packed(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t header_count, struct str body)
{
	if (!worth_packing(x, headers, header_count, body)) {
		http_respond(x, op, status, headers, header_count, body);
		return;
	}
	struct packing *p = arena_new(&x->arena, sizeof(*p));
	p->x = x;
	p->status = status;
	p->body = body;
	buf_init(&p->packed, body.len);
	for (size_t i = 0; i < header_count; i++)
		http_headers_add(&x->arena, &p->headers, headers[i].name, headers[i].value);
	task_start(&p->task, &pack_kind, op);
}
