#include "openapi.h"
#include "aggregate.h"
#include "custom_kind.h"
#include "openapi_private.h"
#include "represent_private.h"

#include <kube/block.h>
#include <kube/gzip.h>
#include <kube/hash.h>
#include <kube/map.h>
#include <kube/media.h>
#include <kube/mem.h>
#include <kube/openapi.h>
#include <kube/time.h>
#include <kube/work.h>

#include <stdio.h>

#define KEEP_FOR     (60 * SEC)
#define PACKED_MAX   (16 * MIB)
#define DOCUMENT_MAX (64 * MIB)
#define PACK_LEVEL   4

#define PROTOBUF_V2 "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
#define PROTOBUF_V3 "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"

/* A packed document that was asked for not long ago. */
struct kept {
	struct block *body;
	int64_t used; /* on the loop's clock */
};

/* One document on its way to a client. */
struct document_request {
	struct api_request *r;
	struct openapi_source source;
	struct str name; /* of a v3 document; empty: v2 */
	enum openapi_format format;
	const char *type;
	struct str etag; /* quoted */
	struct op prepared;
	struct work work;
	struct gzip *gzip;
	struct buf packed;
	struct block *body; /* packed */
	bool unpacks;       /* the client reads no gzip */
	struct buf plain;
	struct custom_kind **held; /* while a worker reads them: references */
	size_t held_count;
	struct block **texts; /* of other servers; the same */
	size_t text_count;
};

struct openapi *openapi_new(struct api_server *s)
{
	struct openapi *o = mem_new(sizeof(*o));

	o->server = s;
	omap_init(&o->kept);
	return o;
}

static void drop(struct openapi *o, struct str key)
{
	_cleanup_(buf_done) struct buf copy = BUF_INIT(KIB);
	struct kept *k;

	buf_add_str(&copy, key);
	k = omap_remove(&o->kept, buf_str(&copy));
	block_unref(k->body);
	mem_free(k);
}

void openapi_free(struct openapi *o)
{
	if (!o)
		return;
	omap_each (it, &o->kept) {
		block_unref(((struct kept *)it.value)->body);
		mem_free(it.value);
	}
	omap_done(&o->kept);
	mem_free(o);
}

/* ---- which format ---- */

struct offer {
	const char *subtype;
	enum openapi_format format;
	const char *type;
};

static const struct offer offers[2][2] = {
	{{"json", OPENAPI_JSON, "application/json"},
		{"com.github.proto-openapi.spec.v2.v1.0+protobuf", OPENAPI_PROTOBUF, PROTOBUF_V2}},
	{{"json", OPENAPI_JSON, "application/json"},
		{"com.github.proto-openapi.spec.v3.v1.0+protobuf", OPENAPI_PROTOBUF, PROTOBUF_V3}},
};

/*
 * Clients ask for "…spec.v2@v1.0+protobuf". No media type may contain that character; what they
 * get is called "…spec.v2.v1.0+protobuf", and may be asked for by that name, too.
 */
static struct str readable_accept(struct api_request *r)
{
	struct str header = request_header(r, "Accept");
	char *copy = arena_copy(r->arena, header.at, header.len);

	for (size_t i = 0; i < header.len; i++)
		if (copy[i] == '@')
			copy[i] = '.';
	return str_make(copy, header.len);
}

static bool fits(struct str range, const char *word)
{
	return str_eq_text(range, "*") || str_eq_text(range, word);
}

static const struct offer *negotiate(struct api_request *r, bool v3)
{
	struct str accept = readable_accept(r);
	struct media_type *ranges;
	size_t count;

	if (!accept.len)
		return &offers[v3][0];
	if (media_parse_accept(r->arena, accept, &ranges, &count, NULL))
		return NULL;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < ARRAY_LEN(offers[v3]); k++)
			if (fits(ranges[i].type, "application") &&
				fits(ranges[i].subtype, offers[v3][k].subtype))
				return &offers[v3][k];
	return NULL;
}

/* ---- kept documents ---- */

/* By what it is made from: one that has become another is not found any more. */
static struct str kept_key(const struct document_request *d)
{
	return arena_print(d->r->arena, "%s %.*s", d->type, STRF(d->etag));
}

static void timer_due(struct op *op, struct err *err);

static void wait_for_idle(struct openapi *o)
{
	struct api_server *s = o->server;

	op_init(&o->timer, &s->scope, timer_due, OP_NO_DEADLINE);
	timer_wait(&o->timer, loop_in(s->env->loop, KEEP_FOR));
}

static void timer_due(struct op *op, struct err *err)
{
	struct openapi *o = CONTAINER_OF(op, struct openapi, timer);
	int64_t now = loop_now(o->server->env->loop);
	struct omap_iter it = {0};

	if (err->code)
		return;
	while (omap_next(&o->kept, &it)) {
		if (((struct kept *)it.value)->used > now - KEEP_FOR)
			continue;
		drop(o, it.key);
		it = (struct omap_iter){0};
	}
	if (o->kept.count)
		wait_for_idle(o);
	else
		mem_give_back();
}

/* Somebody else may have made it in the meantime. */
static void keep(struct document_request *d)
{
	struct openapi *o = d->r->server->openapi;
	struct str key = kept_key(d);
	struct kept *k = omap_get(&o->kept, key);

	if (!k) {
		k = mem_new(sizeof(*k));
		k->body = block_ref(d->body);
		omap_set(&o->kept, key, k);
	}
	k->used = loop_now(o->server->env->loop);
	if (!op_active(&o->timer))
		wait_for_idle(o);
}

/* ---- making one ---- */

static void pack(void *ctx, struct str bytes)
{
	struct document_request *d = ctx;

	if (!d->work.err.code)
		gzip_add(d->gzip, bytes, false, &d->packed, &d->work.err);
}

static void make(struct document_request *d)
{
	struct err *err = &d->work.err;

	d->gzip = gzip_new_encoder(PACK_LEVEL);
	buf_init(&d->packed, PACKED_MAX);
	if (d->name.len)
		openapi_v3_write(&d->source, d->name, d->format, pack, d);
	else
		openapi_v2_write(&d->source, d->format, pack, d);
	if (!err->code)
		gzip_end(d->gzip, &d->packed, err);
	gzip_free(TAKE(d->gzip));
	if (!err->code)
		d->body = block_from(buf_str(&d->packed));
	buf_done(&d->packed);
}

/* On a worker: reads tables and what the request has copied, nothing else. */
static void prepare(struct work *w)
{
	struct document_request *d = CONTAINER_OF(w, struct document_request, work);

	if (!d->body)
		make(d);
	if (d->body && d->unpacks)
		gzip_decode(block_str(d->body), &d->plain, &w->err);
}

static void answer_document(struct document_request *d)
{
	_cleanup_(buf_done) struct buf date = BUF_INIT(KIB);
	struct api_request *r = d->r;
	struct ready_answer ready = {.body = block_str(d->body),
		.content_type = d->type,
		.etag = d->etag,
		.packed = !d->unpacks,
		.hold = d->body};
	struct str hash;

	if (d->unpacks) {
		r->out = TAKE(d->plain);
		ready.body = buf_str(&r->out);
	}
	/* What was asked for by its hash never changes. */
	if (d->name.len && request_query(r, "hash", &hash) && hash.len) {
		time_print_http(&date, r->now + (int64_t)365 * 24 * HOUR);
		ready.cache_control = "public, immutable";
		ready.expires = arena_str(r->arena, buf_str(&date));
	}
	answer_ready(r, &ready);
}

/* Definitions may go away while a worker reads their types. */
static void hold_custom(struct document_request *d)
{
	const struct openapi_source *s = &d->source;

	d->held = arena_new(d->r->arena, (s->count + 1) * sizeof(struct custom_kind *));
	for (size_t i = 0; i < s->count; i++)
		if (s->resources[i]->custom)
			d->held[d->held_count++] =
				custom_kind_ref(custom_version_of(s->resources[i])->kind);
	d->texts = arena_new(d->r->arena, (s->foreign_count + 1) * sizeof(struct block *));
	while (d->text_count < s->foreign_count) {
		struct block *text =
			aggregate_openapi_block(d->r->server, s->foreign[d->text_count].prefix);

		d->texts[d->text_count++] = block_ref(text);
	}
}

static void document_prepared(struct op *op, struct err *err)
{
	struct document_request *d = CONTAINER_OF(op, struct document_request, prepared);

	while (d->held_count)
		custom_kind_unref(d->held[--d->held_count]);
	while (d->text_count)
		block_unref(d->texts[--d->text_count]);
	if (err->code) {
		block_unref(d->body);
		buf_done(&d->plain);
		request_fail_err(d->r, err);
		return;
	}
	keep(d);
	answer_document(d);
}

/* ---- requests ---- */

static void answer_empty(struct api_request *r, int code)
{
	struct http_headers h = respond_headers(r, NULL);

	http_headers_add(r->arena, &h, STR("Vary"), STR("Accept"));
	respond_bytes(r, code, &h, STR(""));
}

static void serve_document(struct document_request *d)
{
	struct api_request *r = d->r;
	struct kept *k = omap_get(&r->server->openapi->kept, kept_key(d));
	bool unchanged = respond_unchanged(r, d->etag);

	if (k && !unchanged) {
		k->used = loop_now(r->server->env->loop);
		d->body = block_ref(k->body);
	}
	d->unpacks = !unchanged && !respond_gzips(r);
	if (unchanged || (d->body && !d->unpacks)) {
		answer_document(d);
		return;
	}
	buf_init(&d->plain, DOCUMENT_MAX);
	hold_custom(d);
	op_init(&d->prepared, &r->x->scope, document_prepared, r->deadline);
	work_start(&d->work, &d->prepared, WORK_CRYPTO, prepare);
}

/* The two formats of one document differ in their bytes, so they do in their tags. */
static struct str etag_of(struct document_request *d, struct str hash)
{
	return arena_print(d->r->arena, "\"%.*s%s\"", STRF(hash),
		d->format == OPENAPI_PROTOBUF && !d->name.len ? "-P" : "");
}

static struct document_request *document_new(struct api_request *r, bool v3)
{
	const struct offer *offer = negotiate(r, v3);
	struct document_request *d;

	if (!offer)
		return NULL;
	d = arena_new(r->arena, sizeof(*d));
	d->r = r;
	d->source = openapi_source_of(r);
	d->format = offer->format;
	d->type = offer->type;
	return d;
}

void serve_openapi_v2(struct api_request *r)
{
	struct document_request *d = document_new(r, false);

	if (!d) {
		answer_empty(r, 406);
		return;
	}
	d->etag = etag_of(d, openapi_hash_of(r, &d->source, d->name));
	serve_document(d);
}

/* A client that comes with yesterday's hash is sent to today's. */
static void redirect(struct api_request *r, struct str name, struct str hash)
{
	struct http_headers h = respond_headers(r, "text/html; charset=utf-8");
	struct str to = arena_print(r->arena, "/openapi/v3/%.*s?hash=%.*s", STRF(name), STRF(hash));

	http_headers_add(r->arena, &h, STR("Location"), to);
	http_headers_add(r->arena, &h, STR("Vary"), STR("Accept"));
	respond_bytes(r, 301, &h,
		arena_print(r->arena, "<a href=\"%.*s\">Moved Permanently</a>.\n\n", STRF(to)));
}

void serve_openapi_v3(struct api_request *r)
{
	struct document_request *d = document_new(r, true);
	struct str hash, asked;

	if (!d) {
		answer_empty(r, 406);
		return;
	}
	d->name = str_skip(r->path, sizeof("/openapi/v3/") - 1);
	if (!openapi_v3_has(&d->source, d->name)) {
		answer_empty(r, 404);
		return;
	}
	hash = openapi_hash_of(r, &d->source, d->name);
	if (request_query(r, "hash", &asked) && asked.len && !str_eq(asked, hash)) {
		redirect(r, d->name, hash);
		return;
	}
	d->etag = etag_of(d, hash);
	serve_document(d);
}

void serve_openapi_v3_index(struct api_request *r)
{
	struct openapi_source source = openapi_source_of(r);
	struct arena *a = r->arena;
	struct cJSON *tree = json_new(a, JSON_OBJECT), *paths = json_new(a, JSON_OBJECT);
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
	unsigned char digest[32];
	char etag[67] = "\"";
	size_t count;
	const struct str *names = openapi_v3_names(&source, a, &count);

	for (size_t i = 0; i < count; i++) {
		struct cJSON *one = json_new(a, JSON_OBJECT);

		json_add(a, one, STR("serverRelativeURL"),
			json_new_str(a, arena_print(a, "/openapi/v3/%.*s?hash=%.*s", STRF(names[i]),
						STRF(openapi_hash_of(r, &source, names[i])))));
		json_add(a, paths, names[i], one);
	}
	aggregate_add_openapi(r->server, a, paths);
	json_add(a, tree, STR("paths"), paths);
	json_print(&out, tree, JSON_COMPACT);
	sha256_of(buf_str(&out), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(etag + 1 + 2 * i, 3, "%02X", digest[i]);
	etag[65] = '"';
	/* Upstream leaves the type to Go, which takes JSON for text. */
	answer_ready(r, &(struct ready_answer){.body = arena_str(a, buf_str(&out)),
				.content_type = "text/plain; charset=utf-8",
				.etag = arena_str(a, str_make(etag, 66)),
				.one_form = true});
}
