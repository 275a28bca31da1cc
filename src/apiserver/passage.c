#include "passage.h"
#include "audit.h"
#include "passage_private.h"
#include "respond.h"

#include <kube/mem.h>
#include <kube/websocket.h>

#define PIECE     (32 * KIB)
#define EARLY_MAX (64 * KIB)

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

/* ---- headers ---- */

/* Of one connection, not of the request. */
static bool is_of_hop(struct str name)
{
	static const char *const names[] = {"Connection", "Keep-Alive", "Proxy-Authenticate",
		"Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding",
		"Upgrade"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_nocase(name, str_from(names[i])))
			return true;
	return false;
}

/* Who asked here is nobody's business there. */
static bool is_credential(struct str name)
{
	return str_eq_nocase(name, STR("Authorization")) ||
	       str_starts_nocase(name, STR("Impersonate-"));
}

static void add_forwarded(struct passage *p, struct http_headers *out)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
	const struct http_peer *peer = p->r->x->peer;
	struct str before = request_header(p->r, "X-Forwarded-For");

	if (before.len)
		buf_print(&text, "%.*s, ", STRF(before));
	if (peer)
		ip_print(&text, &peer->remote.ip);
	if (text.len)
		http_headers_add(p->r->arena, out, STR("X-Forwarded-For"),
			arena_str(p->r->arena, buf_str(&text)));
}

static bool says_who_asks(struct str name)
{
	return str_starts_nocase(name, STR("X-Remote-"));
}

static bool is_through(const struct passage *p)
{
	return p->options.kind == PASSAGE_PROXY || p->options.kind == PASSAGE_AGGREGATE;
}

static void copy_request_headers(struct passage *p)
{
	const struct http_headers *in = &p->r->x->request.headers;
	struct http_headers *out = &p->call.headers;
	bool proxy = is_through(p);

	for (size_t i = 0; i < in->count; i++) {
		struct str name = in->items[i].name;

		if (str_eq_nocase(name, STR("Host")) || is_credential(name) ||
			str_eq_nocase(name, STR("Content-Length")) ||
			(proxy && str_eq_nocase(name, STR("X-Forwarded-For"))) ||
			(p->options.kind == PASSAGE_AGGREGATE && says_who_asks(name)))
			continue;
		if (is_of_hop(name) &&
			!(p->upgrades && (str_eq_nocase(name, STR("Upgrade")) ||
						 str_eq_nocase(name, STR("Connection")))))
			continue;
		http_headers_add(p->r->arena, out, name, in->items[i].value);
	}
	for (size_t i = 0; i < p->options.headers.count; i++)
		http_headers_add(p->r->arena, out, p->options.headers.items[i].name,
			p->options.headers.items[i].value);
	if (proxy)
		add_forwarded(p, out);
}

/* "https://10.0.0.1:80/x" of the backend is "/api/v1/…/proxy/x" of ours. */
static struct str rewrite_location(struct passage *p, struct str location)
{
	const struct passage_options *o = &p->options;

	if (str_starts(location, o->base))
		location = str_skip(location, o->base.len);
	else if (!str_starts(location, STR("/")) || str_starts(location, STR("//")))
		return location;
	return arena_print(p->r->arena, "%.*s%s%.*s", STRF(o->outside),
		str_starts(location, STR("/")) ? "" : "/", STRF(location));
}

static struct http_headers answer_headers(struct passage *p, bool upgraded)
{
	const struct http_headers *in = &p->call.response;
	struct http_headers out = {0};

	if (!upgraded)
		http_headers_add(p->r->arena, &out, STR("Audit-Id"), p->r->audit_id);
	if (!http_headers_has(in, STR("Cache-Control")) && !upgraded)
		http_headers_add(p->r->arena, &out, STR("Cache-Control"), STR("no-cache, private"));
	for (size_t i = 0; i < in->count; i++) {
		struct str name = in->items[i].name, value = in->items[i].value;

		if ((is_of_hop(name) && !upgraded) || str_eq_nocase(name, STR("Content-Length")))
			continue;
		if (p->options.kind == PASSAGE_PROXY && str_eq_nocase(name, STR("Location")))
			value = rewrite_location(p, value);
		http_headers_add(p->r->arena, &out, name, value);
	}
	return out;
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

static void answer_start(struct passage *p)
{
	struct http_headers h = answer_headers(p, false);
	bool bare =
		str_eq(p->r->method, STR("HEAD")) || p->call.status == 204 || p->call.status == 304;

	if (p->options.kind == PASSAGE_LOG)
		h = respond_headers(p->r, "text/plain");
	p->r->answered = true;
	p->r->answer_code = p->call.status;
	if (bare)
		http_respond(
			p->r->x, op_of(p, answer_over), p->call.status, h.items, h.count, STR(""));
	else
		audit_started(p->r);
	http_respond_start(p->r->x, op_of(p, answer_sent), p->call.status, h.items, h.count,
		p->options.kind == PASSAGE_LOG ? HTTP_LENGTH_UNKNOWN : p->call.length);
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
	if (p->options.ended)
		p->options.ended(p->options.ctx);
}

/* The aggregator's own words, without a Status. */
static struct status *plain_failure(struct passage *p, struct str why)
{
	struct status *s =
		status_new(p->r->arena, ERR_UNAVAILABLE, "%.*s\n", STRF(passage_dial_error(why)));

	s->plain = true;
	return s;
}

static void fail(struct passage *p, const struct err *err)
{
	struct api_request *r = p->r;
	struct str why = arena_print(r->arena, "%s", err_text(err));
	struct status *s;

	if (p->options.kind == PASSAGE_AGGREGATE)
		s = plain_failure(p, why);
	else if (p->options.kind == PASSAGE_PROXY && !p->upgrades)
		s = status_new(r->arena, ERR_UNAVAILABLE, "error trying to reach service: %.*s",
			STRF(passage_dial_error(why)));
	else if (p->options.kind == PASSAGE_LOG)
		s = status_new(r->arena, ERR_INTERNAL, "%.*s", STRF(why));
	else
		s = status_new(r->arena, ERR_INTERNAL, "error dialing backend: %.*s",
			STRF(passage_dial_error(why)));
	if (s->code == 500)
		s->reason = STR("");
	let_go(p);
	request_fail(r, s);
}

static void have_head(struct op *op, struct err *err)
{
	struct passage *p = passage_of(op);

	if (err->code) {
		if (op_active(&p->sending)) { /* it must be over before the client is answered */
			p->ending = true;
			err_move(&p->failure, err);
			op_cancel(&p->sending);
			return;
		}
		fail(p, err);
		return;
	}
	if (p->call.status == 101 && p->upgrades) {
		struct http_headers h = answer_headers(p, true);

		passage_join(p, &h);
	} else if (p->options.kind == PASSAGE_LOG &&
		   (p->call.status < 200 || p->call.status > 206)) {
		http_call_read_all(&p->call, op_of(p, refusal_read), &p->piece, 2 * KIB);
	} else if (p->options.kind == PASSAGE_LOG &&
		   http_wants_upgrade(&p->r->x->request, WEBSOCKET_PROTOCOL)) {
		passage_log_websocket(p);
	} else {
		answer_start(p);
	}
}

static void over(struct passage *p)
{
	p->ending = true;
	if (op_active(&p->sending)) {
		op_cancel(&p->sending);
		return;
	}
	if (p->failure.code) {
		struct err err = TAKE(p->failure);

		fail(p, &err);
		err_done(&err);
		return;
	}
	let_go(p);
	request_end(p->r);
}

void passage_over(struct passage *p)
{
	over(p);
}

void passage_start(struct api_request *r, const struct passage_options *options)
{
	struct passage *p = arena_new(r->arena, sizeof(*p));
	bool websocket_log = options->kind == PASSAGE_LOG;

	r->passage = p;
	p->r = r;
	p->options = *options;
	p->upgrades =
		!websocket_log &&
		http_headers_has_token(&r->x->request.headers, STR("Connection"), STR("upgrade")) &&
		request_header(r, "Upgrade").len;
	if (options->kind == PASSAGE_COMMAND && !p->upgrades) {
		request_fail(r, status_new(r->arena, ERR_BAD_REQUEST, "Upgrade request required"));
		return;
	}
	buf_init(&p->piece, PIECE);
	buf_init(&p->body, PIECE);
	http_call_init(&p->call, options->client,
		options->kind == PASSAGE_LOG ? STR("GET") : r->method, options->url);
	p->call.upgrade = p->upgrades;
	if (options->kind != PASSAGE_LOG)
		copy_request_headers(p);
	p->call.body_length = HTTP_BODY_GIVEN;
	bool has_body = is_through(p) && !p->upgrades && r->x->request.length;
	if (has_body)
		p->call.body_length = r->x->request.length;
	http_call_start(&p->call, op_of(p, have_head));
	if (has_body)
		send_body(p);
}
