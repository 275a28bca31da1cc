#include "passage.h"
#include "api_options.h"
#include "audit.h"
#include "go_words.h"
#include "passage_private.h"
#include "respond.h"

#include <kube/mem.h>
#include <kube/websocket.h>

#define PIECE (32 * KIB)

static void over(struct passage *p);

static struct op *op_of(struct passage *p, op_done_fn *done)
{
	op_init(&p->r->op, &p->r->x->scope, done, OP_NO_DEADLINE);
	return &p->r->op;
}

static struct passage *passage_of(struct op *op)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);

	return r->passage;
}

/* ---- the client's body, beside everything else ---- */

static void send_body(struct passage *p);

static void body_over(struct op *op, struct err *err)
{
	struct passage *p = CONTAINER_OF(op, struct passage, sending);

	(void)err;
	if (p->ending)
		over(p);
}

static void body_sent(struct op *op, struct err *err)
{
	struct passage *p = CONTAINER_OF(op, struct passage, sending);

	if (err->code || p->ending)
		body_over(op, err);
	else
		send_body(p);
}

static void body_read(struct op *op, struct err *err)
{
	struct passage *p = CONTAINER_OF(op, struct passage, sending);

	if (err->code || p->ending) {
		/* What the client has not sent cannot be made up: the call breaks. */
		if (!p->ending)
			op_cancel(&p->r->op);
		body_over(op, err);
		return;
	}
	bool last = op->n == 0;
	p->body_part = buf_str(&p->body);
	op_init(op, &p->r->x->scope, last ? body_over : body_sent, OP_NO_DEADLINE);
	if (last)
		http_call_end(&p->call, op);
	else
		http_call_write(&p->call, op, &p->body_part, 1);
}

static void send_body(struct passage *p)
{
	buf_clear(&p->body);
	op_init(&p->sending, &p->r->x->scope, body_read, OP_NO_DEADLINE);
	http_read(p->r->x, &p->sending, &p->body, PIECE);
}

/* ---- an ordinary answer ---- */

static void answer_more(struct passage *p);

static void answer_over(struct op *op, struct err *err)
{
	(void)err;
	over(passage_of(op));
}

static void answer_sent(struct op *op, struct err *err)
{
	if (err->code)
		over(passage_of(op));
	else
		answer_more(passage_of(op));
}

static void answer_read(struct op *op, struct err *err)
{
	struct passage *p = passage_of(op);

	if (err->code) {
		over(p);
	} else if (!op->n) {
		http_respond_end(p->r->x, op_of(p, answer_over), &p->call.trailers);
	} else {
		p->part = buf_str(&p->piece);
		http_write(p->r->x, op_of(p, answer_sent), &p->part, 1);
	}
}

static void answer_more(struct passage *p)
{
	buf_clear(&p->piece);
	http_call_read(&p->call, op_of(p, answer_read), &p->piece, PIECE);
}

/* What has been read already goes first. */
static void answer_begun(struct op *op, struct err *err)
{
	struct passage *p = passage_of(op);

	if (err->code) {
		over(p);
	} else if (p->page.len) {
		p->part = buf_str(&p->page);
		http_write(p->r->x, op_of(p, answer_sent), &p->part, 1);
	} else {
		answer_more(p);
	}
}

static bool is_bare(const struct passage *p)
{
	return str_eq_text(p->r->method, "HEAD") || p->call.status == 204 || p->call.status == 304;
}

void passage_answer(struct passage *p)
{
	struct http_headers h = passage_answer_headers(p, false);

	if (p->options.kind == PASSAGE_LOG)
		h = respond_headers(p->r, "text/plain");
	p->r->answered = true;
	p->r->answer_code = p->call.status;
	if (is_bare(p)) {
		http_respond(
			p->r->x, op_of(p, answer_over), p->call.status, h.items, h.count, STR(""));
		return;
	}
	audit_started(p->r);
	http_respond_start(p->r->x, op_of(p, answer_begun), p->call.status, h.items, h.count,
		p->options.kind == PASSAGE_LOG ? HTTP_LENGTH_UNKNOWN : p->call.length);
}

void passage_answer_whole(struct passage *p, int status, struct str body)
{
	struct http_headers h = passage_answer_headers(p, false);

	p->r->answered = true;
	p->r->answer_code = status;
	http_respond(p->r->x, op_of(p, answer_over), status, h.items, h.count, body);
}

/* ---- refusals of logs ---- */

static struct status *refusal_of(struct passage *p, struct str body)
{
	struct arena *a = p->r->arena;

	if (p->call.status == 500)
		return status_internal(a, "%.*s", STRF(body));
	if (p->call.status == 400)
		return status_new(a, ERR_BAD_REQUEST, "%.*s", STRF(body));
	struct status *s = status_new(a,
		p->call.status == 404   ? ERR_NOT_FOUND
		: p->call.status == 403 ? ERR_FORBIDDEN
		: p->call.status == 401 ? ERR_UNAUTHORIZED
					: ERR_INTERNAL,
		p->call.status == 404 ? "the server could not find the requested resource ( "
					"%.*s %.*s)"
				      : "%.*s (%.*s)",
		STRF(p->r->plural), STRF(p->r->name));
	s->code = p->call.status;
	s->has_details = true;
	s->name = p->r->name;
	s->kind = p->r->plural;
	status_add_cause(a, s, STR("UnexpectedServerResponse"), body, STR(""));
	return s;
}

static void refusal_read(struct op *op, struct err *err)
{
	struct passage *p = passage_of(op);
	struct api_request *r = p->r;
	struct str body = arena_str(r->arena, buf_str(&p->piece));

	(void)err;
	http_call_done(&p->call);
	buf_done(&p->piece);
	request_fail(r, refusal_of(p, body));
}

/* ---- what comes first ---- */

static void let_go(struct passage *p)
{
	http_call_done(&p->call);
	buf_done(&p->piece);
	buf_done(&p->body);
	buf_done(&p->page);
	if (p->options.ended)
		p->options.ended(p->options.ctx);
}

/* The aggregator's own words, without a Status. */
static struct status *plain_failure(struct passage *p, struct str why)
{
	struct status *s = status_new(p->r->arena, ERR_UNAVAILABLE, "%.*s\n", STRF(why));

	s->plain = true;
	return s;
}

static void refuse(struct passage *p, struct status *s)
{
	if (s->code == 500)
		s->reason = STR("");
	p->refusal = s;
	over(p);
}

void passage_fail_page(struct passage *p, const struct err *err)
{
	refuse(p, status_new(p->r->arena, ERR_INTERNAL, "%s", err_text(err)));
}

static void fail(struct passage *p, const struct err *err)
{
	struct api_request *r = p->r;
	struct str why = go_words(r->arena, err);
	struct status *s;

	if (p->options.kind == PASSAGE_AGGREGATE)
		s = plain_failure(p, why);
	else if (p->options.kind == PASSAGE_PROXY && !p->upgrades)
		s = status_new(r->arena, ERR_UNAVAILABLE, "error trying to reach service: %.*s",
			STRF(why));
	else if (p->options.kind == PASSAGE_LOG)
		s = status_new(r->arena, ERR_INTERNAL, "%s", err_text(err));
	else
		s = status_new(r->arena, ERR_INTERNAL, "error dialing backend: %.*s", STRF(why));
	refuse(p, s);
}

/* To somebody who wanted another protocol: refusals are handed on, successes are none. */
static void not_upgraded(struct passage *p)
{
	if (p->call.status >= 400)
		passage_answer(p);
	else
		refuse(p, status_new(p->r->arena, ERR_INTERNAL,
				  "invalid upgrade response: status code %d", p->call.status));
}

/* A server that sends clients elsewhere would have them go there as whom we vouch for. */
static bool leads_away(const struct passage *p)
{
	return p->options.kind == PASSAGE_AGGREGATE && p->call.status >= 300 &&
	       p->call.status < 400 && http_headers_get(&p->call.response, STR("Location")).len &&
	       p->r->server->options->reject_redirects;
}

static void have_head(struct op *op, struct err *err)
{
	struct passage *p = passage_of(op);

	if (err->code) {
		fail(p, err);
		return;
	}
	if (p->call.status == 101 && p->upgrades) {
		struct http_headers h = passage_answer_headers(p, true);

		passage_join(p, &h);
	} else if (p->upgrades) {
		not_upgraded(p);
	} else if (p->options.kind == PASSAGE_LOG &&
		   (p->call.status < 200 || p->call.status > 206)) {
		http_call_read_all(&p->call, op_of(p, refusal_read), &p->piece, 2 * KIB);
	} else if (p->options.kind == PASSAGE_LOG &&
		   http_wants_upgrade(&p->r->x->request, WEBSOCKET_PROTOCOL)) {
		passage_log_websocket(p);
	} else if (leads_away(p)) {
		p->call.response = (struct http_headers){0};
		http_headers_add(p->r->arena, &p->call.response, STR("Content-Type"),
			STR("text/plain; charset=utf-8"));
		passage_answer_whole(p, 502,
			STR("the backend attempted to redirect this request, which is not "
			    "permitted"));
	} else if (!is_bare(p) && passage_is_page(p)) {
		passage_change_page(p);
	} else {
		passage_answer(p);
	}
}

/* The client is answered last of all, when nothing is read from it any more. */
static void over(struct passage *p)
{
	p->ending = true;
	if (op_active(&p->sending)) {
		op_cancel(&p->sending);
		return;
	}
	let_go(p);
	if (p->refusal)
		request_fail(p->r, p->refusal);
	else
		request_end(p->r);
}

void passage_over(struct passage *p)
{
	over(p);
}

bool passage_upgrades(const struct api_request *r)
{
	return http_headers_has_token(&r->x->request.headers, STR("Connection"), STR("upgrade")) &&
	       request_header(r, "Upgrade").len;
}

void passage_start(struct api_request *r, const struct passage_options *options)
{
	struct passage *p = arena_new(r->arena, sizeof(*p));
	bool websocket_log = options->kind == PASSAGE_LOG;

	r->passage = p;
	p->r = r;
	p->options = *options;
	p->upgrades = !websocket_log && passage_upgrades(r);
	if (options->kind == PASSAGE_COMMAND && !p->upgrades) {
		request_fail(r, status_new(r->arena, ERR_BAD_REQUEST, "Upgrade request required"));
		return;
	}
	buf_init(&p->piece, PIECE);
	buf_init(&p->body, PIECE);
	buf_init(&p->page, PASSAGE_PAGE_MAX);
	http_call_init(&p->call, options->client,
		options->kind == PASSAGE_LOG ? STR("GET") : r->method, options->url);
	p->call.upgrade = p->upgrades;
	if (options->kind != PASSAGE_LOG)
		passage_copy_headers(p);
	p->call.body_length = HTTP_BODY_GIVEN;
	r->x->body_limit = -1;
	bool has_body = passage_is_through(p) && !p->upgrades && r->x->request.length;
	if (has_body)
		p->call.body_length = r->x->request.length;
	http_call_start(&p->call, op_of(p, have_head));
	if (has_body)
		send_body(p);
}
