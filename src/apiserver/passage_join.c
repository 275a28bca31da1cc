/* Connections through: upgraded ones byte for byte, logs in WebSocket's messages. */
#include "passage_private.h"
#include "respond.h"

#include <kube/mem.h>
#include <kube/time.h>
#include <kube/websocket.h>

#define EARLY_MAX (64 * KIB)
#define LINGER    (5 * SEC) /* for the other way, when one has ended */
#define LOG_IDLE  (4 * HOUR)

/* ---- two copies ---- */

static void settle(struct passage *p)
{
	if (op_active(&p->there_op) || op_active(&p->back_op) || op_active(&p->linger))
		return;
	buf_done(&p->there.bytes);
	buf_done(&p->back.bytes);
	stream_close(TAKE(p->client));
	stream_close(TAKE(p->backend));
	passage_over(p);
}

static void end_all(struct passage *p)
{
	op_cancel(&p->there_op);
	op_cancel(&p->back_op);
	op_cancel(&p->linger);
	settle(p);
}

static void lingered(struct op *op, struct err *err)
{
	(void)err;
	end_all(CONTAINER_OF(op, struct passage, linger));
}

static void one_ended(struct passage *p, const struct err *err)
{
	bool both = !op_active(&p->there_op) && !op_active(&p->back_op);

	if (err->code || both) {
		end_all(p);
		return;
	}
	op_init(&p->linger, &p->r->x->scope, lingered, OP_NO_DEADLINE);
	timer_wait(&p->linger, loop_in(p->r->server->env->loop, LINGER));
}

static void there_ended(struct op *op, struct err *err)
{
	one_ended(CONTAINER_OF(op, struct passage, there_op), err);
}

static void back_ended(struct op *op, struct err *err)
{
	one_ended(CONTAINER_OF(op, struct passage, back_op), err);
}

static void joined(struct op *op, struct err *err)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);
	struct passage *p = r->passage;

	if (err->code) {
		settle(p);
		return;
	}
	p->r->answered = true;
	p->r->answer_code = 101;
	op_init(&p->there_op, &r->x->scope, there_ended, OP_NO_DEADLINE);
	op_init(&p->back_op, &r->x->scope, back_ended, OP_NO_DEADLINE);
	stream_copy(&p->there, &p->there_op, p->client, p->backend);
	stream_copy(&p->back, &p->back_op, p->backend, p->client);
}

void passage_join(struct passage *p, const struct http_headers *headers)
{
	struct api_request *r = p->r;

	buf_init(&p->there.bytes, EARLY_MAX);
	buf_init(&p->back.bytes, EARLY_MAX);
	p->backend = http_call_take_stream(&p->call, &p->back.bytes);
	op_init(&r->op, &r->x->scope, joined, OP_NO_DEADLINE);
	http_upgrade(r->x, &r->op, headers->items, headers->count, &p->client, &p->there.bytes);
}

/* ---- logs in messages ---- */

static const char *const log_protocols[] = {"binary.k8s.io", "base64.binary.k8s.io"};

static void log_more(struct passage *p);

static struct op *log_op(struct passage *p, op_done_fn *done)
{
	op_init(&p->r->op, &p->r->x->scope, done, OP_NO_DEADLINE);
	return &p->r->op;
}

static struct passage *passage_of(struct op *op)
{
	return CONTAINER_OF(op, struct api_request, op)->passage;
}

static void log_over(struct passage *p)
{
	stream_close(TAKE(p->client));
	if (p->websocket)
		websocket_close(TAKE(p->websocket));
	passage_over(p);
}

static void log_sent(struct op *op, struct err *err)
{
	if (err->code)
		log_over(passage_of(op));
	else
		log_more(passage_of(op));
}

static void log_read(struct op *op, struct err *err)
{
	struct passage *p = passage_of(op);

	if (err->code || !op->n) {
		log_over(p);
		return;
	}
	p->part = buf_str(&p->piece);
	stream_write(p->client, log_op(p, log_sent), &p->part, 1);
}

static void log_more(struct passage *p)
{
	buf_clear(&p->piece);
	http_call_read(&p->call, log_op(p, log_read), &p->piece, 2 * KIB);
}

static void log_upgraded(struct op *op, struct err *err)
{
	struct passage *p = passage_of(op);
	struct websocket_options options = {
		.idle = LOG_IDLE, .text = str_starts(p->part, STR("base64."))};

	if (err->code) {
		log_over(p);
		return;
	}
	p->r->answered = true;
	p->r->answer_code = 101;
	p->websocket = websocket_new(
		p->r->server->env, &p->r->x->scope, TAKE(p->backend), &p->there.bytes, &options);
	p->client = websocket_channel(p->websocket, &p->r->x->scope, 0);
	/* An empty message says that all is well. */
	p->part = STR("");
	stream_write(p->client, log_op(p, log_sent), &p->part, 1);
}

void passage_log_websocket(struct passage *p)
{
	struct api_request *r = p->r;
	struct http_headers *h = arena_new(r->arena, sizeof(*h));
	struct str asked = request_header(r, "Sec-WebSocket-Protocol"), protocol = STR("");
	_cleanup_(err_done) struct err err = {0};

	for (size_t i = 0; i < ARRAY_LEN(log_protocols) && !protocol.len; i++)
		if (http_headers_has_token(&r->x->request.headers, STR("Sec-WebSocket-Protocol"),
			    str_from(log_protocols[i])))
			protocol = str_from(log_protocols[i]);
	if ((asked.len && !protocol.len) ||
		websocket_check(r->arena, &r->x->request, protocol, h, &err)) {
		http_call_done(&p->call);
		buf_done(&p->piece);
		answer_text(r, asked.len && !protocol.len ? 403 : 400, NULL, STR(""));
		return;
	}
	p->part = protocol;
	buf_init(&p->there.bytes, EARLY_MAX);
	http_upgrade(
		r->x, log_op(p, log_upgraded), h->items, h->count, &p->backend, &p->there.bytes);
}
