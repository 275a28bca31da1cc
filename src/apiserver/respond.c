/* Answers that are one object, one Status or one text; lists are in respond_list.c. */
#include "origins.h"
#include "represent_private.h"

#include "api_options.h"
#include "audit.h"
#include "fair.h"
#include "farewell.h"
#include "negotiate.h"

#include <kube/block.h>
#include <kube/media.h>
#include <kube/mem.h>

#define TEXT         "text/plain; charset=utf-8"
#define WARNINGS_MAX 4096 /* upstream's budget, in characters */
#define WARNING_MAX  256  /* of each one, when all do not fit */
/* From here on the stored text is sent as it stands instead of being copied. */
#define COPY_MAX (64 * KIB)

/* ---- headers ---- */

/* So many characters of it, in bytes. */
static size_t prefix_of(struct str s, size_t characters)
{
	size_t at = 0;

	while (at < s.len && characters) {
		at++;
		while (at < s.len && ((uint8_t)s.at[at] & 0xc0) == 0x80)
			at++;
		characters--;
	}
	return at;
}

static void add_warning(struct api_request *r, struct http_headers *h, struct str text)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);

	buf_add_text(&out, "299 - \"");
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '"' || text.at[i] == '\\')
			buf_add_char(&out, '\\');
		buf_add_char(&out, text.at[i]);
	}
	buf_add_char(&out, '"');
	http_headers_add(r->arena, h, STR("Warning"), arena_str(r->arena, buf_str(&out)));
}

static void add_warnings(struct api_request *r, struct http_headers *h)
{
	size_t total = 0;

	for (size_t i = 0; i < r->warning_count; i++)
		total += r->warnings[i].len;
	bool cut = total > WARNINGS_MAX;
	size_t left = WARNINGS_MAX;
	for (size_t i = 0; i < r->warning_count; i++) {
		struct str text = r->warnings[i];

		if (cut)
			text.len = prefix_of(text, WARNING_MAX);
		if (text.len > left)
			return;
		left -= text.len;
		add_warning(r, h, text);
	}
}

static void add_hsts(struct api_request *r, struct http_headers *h)
{
	const struct flag_list *all = &r->server->options->hsts;
	struct str text = {0};

	for (size_t i = 0; i < all->count; i++)
		text = arena_print(
			r->arena, "%.*s%s%.*s", STRF(text), i ? "; " : "", STRF(all->items[i]));
	if (all->count)
		http_headers_add(r->arena, h, STR("Strict-Transport-Security"), text);
}

struct http_headers respond_headers(struct api_request *r, const char *content_type)
{
	struct http_headers h = {0};

	http_headers_add(r->arena, &h, STR("Audit-Id"), r->audit_id);
	http_headers_add(r->arena, &h, STR("Cache-Control"), STR("no-cache, private"));
	origins_add_headers(r, &h);
	if (content_type)
		http_headers_add(r->arena, &h, STR("Content-Type"), str_from(content_type));
	add_warnings(r, &h);
	fair_add_headers(r, &h);
	add_hsts(r, &h);
	farewell_add_headers(r, &h);
	return h;
}

const char *respond_type(const struct representation *rep)
{
	switch (rep->format) {
	case WIRE_YAML:
		return "application/yaml";
	case WIRE_PROTOBUF:
		return rep->stream ? "application/vnd.kubernetes.protobuf;stream=watch"
				   : "application/vnd.kubernetes.protobuf";
	case WIRE_JSON:
		break;
	}
	return "application/json";
}

/* ---- the end of an answer ---- */

void respond_sent(struct op *op, struct err *err)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);

	/* Whatever failed, the client is not there to hear of it. */
	(void)err;
	request_end(r);
}

void respond_release(struct api_request *r)
{
	if (r->held)
		object_unref(TAKE(r->held));
	block_unref(TAKE(r->held_block));
	if (r->list) {
		for (size_t i = 0; i < r->list->count; i++)
			object_unref(r->list->items[i]);
		r->list->count = 0;
		mem_free(TAKE(r->list->items));
	}
}

static bool begin_answer(struct api_request *r, int code)
{
	assert(!r->answered);
	r->answered = true;
	r->answer_code = code;
	return true;
}

/* r->out, or bytes of the arena, as the whole answer. */
void respond_bytes(struct api_request *r, int code, const struct http_headers *h, struct str body)
{
	begin_answer(r, code);
	op_init(&r->op, &r->x->scope, respond_sent, OP_NO_DEADLINE);
	http_respond_packed(r->x, &r->op, code, h->items, h->count, body);
}

/* ---- texts and ready bytes ---- */

void answer_text(struct api_request *r, int code, const char *content_type, struct str body)
{
	struct http_headers h = respond_headers(r, content_type);

	if (str_eq_text(str_from(content_type), TEXT))
		http_headers_add(r->arena, &h, STR("X-Content-Type-Options"), STR("nosniff"));
	respond_bytes(r, code, &h, arena_str(r->arena, body));
}

static bool etag_matches(struct str header, struct str etag)
{
	struct str piece;

	while (str_next(&header, ',', &piece)) {
		piece = str_trim(piece);
		if (str_starts(piece, STR("W/")))
			piece = str_skip(piece, 2);
		if (str_eq(piece, etag) || str_eq(piece, STR("*")))
			return true;
	}
	return false;
}

bool respond_unchanged(const struct api_request *r, struct str etag)
{
	return etag.len && etag_matches(request_header(r, "If-None-Match"), etag);
}

static void set_header(struct http_headers *h, const char *name, struct str value)
{
	for (size_t i = 0; i < h->count; i++)
		if (str_eq_text(h->items[i].name, name))
			h->items[i].value = value;
}

void answer_ready(struct api_request *r, const struct ready_answer *ready)
{
	struct http_headers h = respond_headers(r, ready->content_type);
	struct str body = STR("");
	int code = 200;

	r->held_block = ready->hold;
	if (ready->cache_control)
		set_header(&h, "Cache-Control", str_from(ready->cache_control));
	if (ready->expires.len)
		http_headers_add(r->arena, &h, STR("Expires"), ready->expires);
	if (ready->etag.len)
		http_headers_add(r->arena, &h, STR("Etag"), ready->etag);
	if (!ready->one_form)
		http_headers_add(r->arena, &h, STR("Vary"), STR("Accept"));
	if (respond_unchanged(r, ready->etag))
		code = 304;
	else
		body = ready->body;
	if (ready->packed && body.len)
		http_headers_add(r->arena, &h, STR("Content-Encoding"), STR("gzip"));
	respond_bytes(r, code, &h, body);
}

/* ---- Status ---- */

void answer_status(struct api_request *r, const struct status *s)
{
	struct representation rep = negotiate_status(r);
	struct http_headers h;

	audit_answered_status(r, s);
	if (s->plain) {
		answer_text(r, s->code, TEXT, s->message);
		return;
	}
	represent_tree(&r->out, &rep, meta_schema("Status"), status_tree(r->arena, s));
	if (rep.format == WIRE_JSON)
		buf_add_char(&r->out, '\n');
	h = respond_headers(r, respond_type(&rep));
	/* What authorization refuses, upstream answers outside of its handlers. */
	if (s->code == 403 && !r->routed)
		http_headers_add(r->arena, &h, STR("X-Content-Type-Options"), STR("nosniff"));
	if (s->retry_after)
		http_headers_add(r->arena, &h, STR("Retry-After"),
			arena_print(r->arena, "%d", s->retry_after));
	respond_bytes(r, s->code, &h, buf_str(&r->out));
}

/* ---- objects ---- */

/* "*core.ConfigMap": Go's name of what was asked to be something else. */
static struct str go_type(struct arena *a, const struct resource *res, const char *suffix)
{
	struct str package, rest;

	str_cut(res->group.len ? res->group : STR("core"), '.', &package, &rest);
	return arena_print(a, "*%.*s.%.*s%s", STRF(package), STRF(res->kind), suffix);
}

struct status *respond_misfit(struct api_request *r, bool list)
{
	bool wants_list = r->wants.as == AS_PARTIAL_LIST;

	if ((r->wants.as != AS_PARTIAL && !wants_list) || wants_list == list)
		return NULL;
	return status_new(r->arena, ERR_NOT_ACCEPTABLE,
		"you requested %s, but the requested object %s (%.*s)",
		wants_list ? "PartialObjectMetadataList" : "PartialObjectMetadata",
		list ? "is a list" : "is not a list",
		STRF(go_type(r->arena, r->resource, list ? "List" : "")));
}

static void text_ended(struct op *op, struct err *err)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);

	if (err->code) {
		request_end(r);
		return;
	}
	op_init(&r->op, &r->x->scope, respond_sent, OP_NO_DEADLINE);
	http_respond_end(r->x, &r->op, NULL);
}

static void text_started(struct op *op, struct err *err)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);
	struct str *parts = arena_alloc(r->arena, 2 * sizeof(*parts));

	if (err->code) {
		request_end(r);
		return;
	}
	parts[0] = object_text(r->held);
	parts[1] = STR("\n");
	op_init(&r->op, &r->x->scope, text_ended, OP_NO_DEADLINE);
	http_write(r->x, &r->op, parts, 2);
}

bool respond_gzips(const struct api_request *r)
{
	return media_accepts_gzip(request_header(r, "Accept-Encoding"));
}

static void answer_stored(struct api_request *r, int code, struct object *o)
{
	struct http_headers h = respond_headers(r, respond_type(&r->wants));

	if (o->size < COPY_MAX || respond_gzips(r)) {
		buf_add_str(&r->out, object_text(o));
		buf_add_char(&r->out, '\n');
		respond_bytes(r, code, &h, buf_str(&r->out));
		return;
	}
	begin_answer(r, code);
	r->held = object_ref(o);
	op_init(&r->op, &r->x->scope, text_started, OP_NO_DEADLINE);
	http_respond_start(r->x, &r->op, code, h.items, h.count, (int64_t)object_text(o).len + 1);
}

/* The log knows answers as JSON, whatever the client sees. */
static void audit_object(struct api_request *r, const struct object *o)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(SIZE_MAX);
	struct representation as = r->wants;

	as.format = WIRE_JSON;
	as.pretty = false;
	represent_object(&text, r->arena, &as, o, true);
	audit_answered(r, buf_str(&text));
}

void answer_object(struct api_request *r, int code, struct object *o)
{
	struct status *no = respond_misfit(r, false);
	struct http_headers h;

	if (no) {
		request_fail(r, no);
		return;
	}
	if (audit_wants_answer(r))
		audit_object(r, o);
	if (represents_as_stored(&r->wants)) {
		answer_stored(r, code, o);
		return;
	}
	represent_object(&r->out, r->arena, &r->wants, o, true);
	if (r->wants.format == WIRE_JSON)
		buf_add_char(&r->out, '\n');
	h = respond_headers(r, respond_type(&r->wants));
	respond_bytes(r, code, &h, buf_str(&r->out));
}

void answer_tree(struct api_request *r, int code, const struct schema *schema, struct cJSON *tree)
{
	struct representation rep = {.format = r->wants.format, .pretty = r->wants.pretty};
	struct http_headers h = respond_headers(r, respond_type(&rep));

	tree = schema ? api_canonical(r->arena, schema, tree) : tree;
	audit_answered_tree(r, tree);
	represent_tree(&r->out, &rep, schema, tree);
	if (rep.format == WIRE_JSON)
		buf_add_char(&r->out, '\n');
	respond_bytes(r, code, &h, buf_str(&r->out));
}

void answer_hub_tree(struct api_request *r, int code, struct cJSON *tree)
{
	struct status *no = respond_misfit(r, false);
	struct http_headers h;

	if (no) {
		request_fail(r, no);
		return;
	}
	audit_answered_tree(r, shown_tree(r->arena, &r->wants, tree));
	represent_hub(&r->out, r->arena, &r->wants, tree, true, r->now);
	if (r->wants.format == WIRE_JSON)
		buf_add_char(&r->out, '\n');
	h = respond_headers(r, respond_type(&r->wants));
	respond_bytes(r, code, &h, buf_str(&r->out));
}
