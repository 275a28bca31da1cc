/*
 * An API server small enough to run in the simulator: objects of any kind by path, lists,
 * watches, conflicts; and it can be told to misbehave. It is an http_handler_fn: behind a local
 * transport or an HTTP server.
 */
#ifndef KUBE_FAKE_API_H
#define KUBE_FAKE_API_H

#include "loop_test.h"

#include <kube/api_codec.h>
#include <kube/http.h>
#include <kube/json.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <kube/patch.h>
#include <kube/time.h>
#include <kube/url.h>

#include <stdio.h>

struct fake_change {
	int64_t revision;
	const char *type;
	char *key, *text;
};

struct fake_api {
	struct env *env;
	struct omap objects; /* "PLURAL/NAMESPACE/NAME" → struct fake_change: the last one */
	struct fake_change **history;
	size_t count;
	int64_t revision, compacted;
	struct list watches;
	uint64_t uids;
	/* misbehaviour */
	int refuse_code, refuse_times, retry_after; /* the next requests */
	const char *refuse_reason;
	bool no_watch_list, expire_continue;
	int lost_answers; /* the next writes are done, and the connection breaks */
	/* what was asked */
	int requests, lists, watching, writes, patches, tokens;
	char authorization[64]; /* of the last request */
};

struct fake_request {
	struct fake_api *api;
	struct http_exchange *x;
	struct url url;
	struct query query;
	struct str plural, namespace, name, sub;
	struct buf body, out;
	struct op op;
	/* of watches */
	struct link in_api;
	size_t position;
	bool writing, ending, is_watch, held;
	struct str part;
	int64_t until;
};

static inline void fake_api_init(struct fake_api *f, struct env *env)
{
	*f = (struct fake_api){.env = env, .revision = 10};
	omap_init(&f->objects);
	list_init(&f->watches);
}

static inline void fake_api_done(struct fake_api *f)
{
	for (size_t i = 0; i < f->count; i++) {
		mem_free(f->history[i]->key);
		mem_free(f->history[i]->text);
		mem_free(f->history[i]);
	}
	mem_free(f->history);
	omap_done(&f->objects);
}

static inline void fake_watch_go(struct fake_request *q);

static inline void fake_wake(struct fake_api *f)
{
	list_each_safe (k, &f->watches) {
		struct fake_request *q = LIST_ENTRY(k, struct fake_request, in_api);

		if (!q->writing)
			op_cancel(&q->op);
	}
}

/* ---- state ---- */

static inline struct fake_change *fake_find(struct fake_api *f, struct str key)
{
	return omap_get(&f->objects, key);
}

/* Stores the tree (DELETED: as its last state); gives it its revision. */
static inline void fake_commit(
	struct fake_api *f, struct arena *a, struct str key, struct cJSON *tree, bool deleted)
{
	struct fake_change *c = mem_new(sizeof(*c)), *old = fake_find(f, key);
	struct buf text = BUF_INIT(MIB);
	size_t len;

	c->revision = ++f->revision;
	c->key = str_dup(key);
	c->type = deleted ? "DELETED" : old ? "MODIFIED" : "ADDED";
	tree_set_str(a, tree, "metadata.resourceVersion",
		arena_print(a, "%lld", (long long)c->revision));
	json_print(&text, tree, JSON_COMPACT);
	c->text = buf_take(&text, &len);
	f->history = mem_resize(f->history, (f->count + 1) * sizeof(*f->history));
	f->history[f->count++] = c;
	if (deleted)
		omap_remove(&f->objects, key);
	else
		omap_set(&f->objects, key, c);
	fake_wake(f);
}

/* For tests: puts an object there, or takes it away (text NULL). */
static inline void fake_put(struct fake_api *f, const char *key, const char *text)
{
	struct arena a;
	struct cJSON *tree = NULL;
	struct fake_change *old = fake_find(f, str_from(key));
	struct str plural, rest, namespace, name;

	arena_init(&a);
	str_cut(str_from(key), '/', &plural, &rest);
	str_cut(rest, '/', &namespace, &name);
	EXPECT_INT(json_parse(&a, str_from(text ? text : old->text), NULL, &tree, NULL), 0);
	tree_set_str(&a, tree, "metadata.name", name);
	if (namespace.len)
		tree_set_str(&a, tree, "metadata.namespace", namespace);
	if (!tree_has(tree, "metadata.uid"))
		tree_set_str(&a, tree, "metadata.uid",
			arena_print(&a, "uid-%llu", (unsigned long long)++f->uids));
	fake_commit(f, &a, str_from(key), tree, !text);
	arena_done(&a);
}

static inline void fake_compact(struct fake_api *f)
{
	f->compacted = f->revision;
}

/* ---- answers ---- */

static inline void fake_over(struct op *op, struct err *err)
{
	struct fake_request *q = CONTAINER_OF(op, struct fake_request, op);

	(void)err;
	link_remove(&q->in_api);
	buf_done(&q->body);
	buf_done(&q->out);
	http_exchange_done(q->x);
}

static inline void fake_answer(struct fake_request *q, int code)
{
	static struct http_header headers[2] = {
		{STR_INIT("Content-Type"), STR_INIT("application/json")}};
	size_t count = 1;
	struct err none = {0};

	if (q->api->lost_answers && !str_eq_text(q->x->request.method, "GET")) {
		q->api->lost_answers--;
		fake_over(&q->op, &none);
		return;
	}
	if (q->api->retry_after && code >= 400)
		headers[count++] = (struct http_header){
			STR("Retry-After"), arena_print(&q->x->arena, "%d", q->api->retry_after)};
	op_init(&q->op, &q->x->scope, fake_over, OP_NO_DEADLINE);
	http_respond(q->x, &q->op, code, headers, count, buf_str(&q->out));
}

static inline void fake_refuse(struct fake_request *q, int code, const char *reason)
{
	buf_print(&q->out,
		"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":"
		"\"fake: %s\",\"reason\":\"%s\",\"code\":%d}",
		reason, reason, code);
	fake_answer(q, code);
}

static inline void fake_answer_tree(struct fake_request *q, int code, const struct cJSON *tree)
{
	json_print(&q->out, tree, JSON_COMPACT);
	fake_answer(q, code);
}

/* ---- reading ---- */

static inline struct str fake_prefix(struct fake_request *q)
{
	if (q->namespace.len)
		return arena_print(&q->x->arena, "%.*s/%.*s/", STRF(q->plural), STRF(q->namespace));
	return arena_print(&q->x->arena, "%.*s/", STRF(q->plural));
}

static inline struct str fake_key(struct fake_request *q)
{
	return arena_print(
		&q->x->arena, "%.*s/%.*s/%.*s", STRF(q->plural), STRF(q->namespace), STRF(q->name));
}

/* Pages go by position: "continue" is how many have been seen. */
static inline void fake_list(struct fake_request *q)
{
	struct str prefix = fake_prefix(q);
	int64_t limit = 0, skip = 0, at = 0;

	q->api->lists++;
	str_to_i64(query_get(&q->query, "limit"), &limit);
	str_to_i64(query_get(&q->query, "continue"), &skip);
	if (skip && q->api->expire_continue) {
		q->api->expire_continue = false;
		fake_refuse(q, 410, "Expired");
		return;
	}
	buf_add_text(&q->out, "{\"kind\":\"List\",\"items\":[");
	omap_each (it, &q->api->objects) {
		if (!str_starts(it.key, prefix) || at++ < skip)
			continue;
		if (limit && at > skip + limit)
			break;
		buf_print(&q->out, "%s%s", at == skip + 1 ? "" : ",",
			((struct fake_change *)it.value)->text);
	}
	buf_print(&q->out, "],\"metadata\":{\"resourceVersion\":\"%lld\"",
		(long long)q->api->revision);
	if (limit && at > skip + limit)
		buf_print(&q->out, ",\"continue\":\"%lld\"", (long long)(skip + limit));
	buf_add_text(&q->out, "}}");
	fake_answer(q, 200);
}

static inline void fake_event(struct fake_request *q, const char *type, const char *text)
{
	buf_print(&q->out, "{\"type\":\"%s\",\"object\":%s}\n", type, text);
}

static inline void fake_bookmark(struct fake_request *q)
{
	buf_print(&q->out,
		"{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"X\",\"metadata\":{"
		"\"resourceVersion\":\"%lld\",\"annotations\":{\"k8s.io/initial-events-end\":"
		"\"true\"}}}}\n",
		(long long)q->api->revision);
}

static inline void fake_watch_wrote(struct op *op, struct err *err)
{
	struct fake_request *q = CONTAINER_OF(op, struct fake_request, op);

	if (q->writing && err->code) {
		fake_over(op, err);
		return;
	}
	if (q->writing)
		buf_clear(&q->out);
	fake_watch_go(q);
}

static inline void fake_watch_go(struct fake_request *q)
{
	struct fake_api *f = q->api;
	struct str prefix = fake_prefix(q);

	for (; q->position < f->count && !q->held; q->position++)
		if (str_starts(str_from(f->history[q->position]->key), prefix))
			fake_event(q, f->history[q->position]->type, f->history[q->position]->text);
	bool over = q->ending || scope_closing(&q->x->scope) || loop_now(f->env->loop) >= q->until;
	q->writing = q->out.len || over;
	op_init(&q->op, &q->x->scope, fake_watch_wrote, OP_NO_DEADLINE);
	if (q->out.len) {
		q->part = buf_str(&q->out);
		http_write(q->x, &q->op, &q->part, 1);
	} else if (over) {
		q->op.done = fake_over;
		http_respond_end(q->x, &q->op, NULL);
	} else {
		timer_wait(&q->op, q->until);
	}
}

static inline void fake_watch_begun(struct op *op, struct err *err)
{
	if (err->code)
		fake_over(op, err);
	else
		fake_watch_go(CONTAINER_OF(op, struct fake_request, op));
}

static inline void fake_watch(struct fake_request *q)
{
	static const struct http_header type = {
		STR_INIT("Content-Type"), STR_INIT("application/json")};
	struct fake_api *f = q->api;
	int64_t from = 0, seconds = 300;
	bool initial = str_eq_text(query_get(&q->query, "sendInitialEvents"), "true");
	struct str prefix = fake_prefix(q);

	f->watching++;
	if (initial && f->no_watch_list) {
		fake_refuse(q, 422, "Invalid");
		return;
	}
	str_to_i64(query_get(&q->query, "resourceVersion"), &from);
	str_to_i64(query_get(&q->query, "timeoutSeconds"), &seconds);
	q->is_watch = true;
	q->until = loop_in(f->env->loop, seconds * SEC);
	q->position = f->count;
	if (initial) {
		omap_each (it, &f->objects)
			if (str_starts(it.key, prefix))
				fake_event(q, "ADDED", ((struct fake_change *)it.value)->text);
		fake_bookmark(q);
	} else if (from < f->compacted) {
		fake_event(q, "ERROR",
			"{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":"
			"\"too old\"}");
		q->ending = true;
	} else {
		while (q->position && f->history[q->position - 1]->revision > from)
			q->position--;
	}
	list_push(&f->watches, &q->in_api);
	q->writing = true;
	op_init(&q->op, &q->x->scope, fake_watch_begun, OP_NO_DEADLINE);
	http_respond_start(q->x, &q->op, 200, &type, 1, HTTP_LENGTH_UNKNOWN);
}

/* Those that are open say nothing more, until they are let go. */
static inline void fake_hold_watches(struct fake_api *f, bool held)
{
	list_each_safe (k, &f->watches)
		LIST_ENTRY(k, struct fake_request, in_api)->held = held;
	fake_wake(f);
}

/* Every watch breaks off. */
static inline void fake_break_watches(struct fake_api *f)
{
	list_each_safe (k, &f->watches)
		LIST_ENTRY(k, struct fake_request, in_api)->ending = true;
	fake_wake(f);
}

/* ---- writing ---- */

static inline bool fake_stale(const struct cJSON *sent, const struct fake_change *old)
{
	int64_t wanted;

	return str_to_i64(tree_str(sent, "metadata.resourceVersion"), &wanted) &&
	       wanted != old->revision;
}

static inline void fake_create(struct fake_request *q, struct cJSON *sent)
{
	struct arena *a = &q->x->arena;

	q->name = tree_str(sent, "metadata.name");
	if (!q->name.len)
		q->name = arena_print(a, "%.*s%llu", STRF(tree_str(sent, "metadata.generateName")),
			(unsigned long long)q->api->uids);
	if (fake_find(q->api, fake_key(q))) {
		fake_refuse(q, 409, "AlreadyExists");
		return;
	}
	tree_set_str(a, sent, "metadata.name", q->name);
	if (q->namespace.len)
		tree_set_str(a, sent, "metadata.namespace", q->namespace);
	tree_set_str(a, sent, "metadata.uid",
		arena_print(a, "uid-%llu", (unsigned long long)++q->api->uids));
	fake_commit(q->api, a, fake_key(q), sent, false);
	fake_answer_tree(q, 201, sent);
}

/* A token for an account that there is: "token-1", "token-2", … with audience and pod in it. */
static inline void fake_token(struct fake_request *q, struct cJSON *sent)
{
	struct arena *a = &q->x->arena;
	_cleanup_(buf_done) struct buf expires = BUF_INIT(64);
	int64_t seconds = tree_int(sent, "spec.expirationSeconds", 3600);

	if (!fake_find(q->api, fake_key(q))) {
		fake_refuse(q, 404, "NotFound");
		return;
	}
	time_print(&expires, env_wall(q->api->env) + seconds * SEC);
	tree_set_str(a, sent, "status.expirationTimestamp", buf_str(&expires));
	tree_set_str(a, sent, "status.token",
		arena_print(a, "token-%d %.*s %.*s", ++q->api->tokens,
			STRF(json_str(json_at(json_path(sent, "spec.audiences"), 0))),
			STRF(tree_str(sent, "spec.boundObjectRef.name"))));
	fake_answer_tree(q, 201, sent);
}

/* A pod gets its node, once. */
static inline void fake_bind(struct fake_request *q, const struct cJSON *sent)
{
	struct arena *a = &q->x->arena;
	struct fake_change *old = fake_find(q->api, fake_key(q));
	struct cJSON *tree = NULL;

	if (!old) {
		fake_refuse(q, 404, "NotFound");
		return;
	}
	json_parse(a, str_from(old->text), NULL, &tree, NULL);
	if (tree_has(tree, "spec.nodeName") || tree_has(tree, "metadata.deletionTimestamp") ||
		!str_eq(tree_str(sent, "metadata.uid"), tree_str(tree, "metadata.uid"))) {
		fake_refuse(q, 409, "Conflict");
		return;
	}
	tree_set_str(a, tree, "spec.nodeName", tree_str(sent, "target.name"));
	tree_drop(tree, "status.nominatedNodeName");
	fake_commit(q->api, a, fake_key(q), tree, false);
	fake_answer_tree(q, 201, sent);
}

static inline void fake_write(struct fake_request *q, struct cJSON *sent)
{
	struct arena *a = &q->x->arena;
	struct str method = q->x->request.method;
	struct fake_change *old = fake_find(q->api, fake_key(q));
	struct cJSON *tree = NULL;
	bool deletes = str_eq(method, STR("DELETE")), patches = str_eq(method, STR("PATCH"));

	q->api->writes++;
	q->api->patches += patches;
	if (str_eq(method, STR("POST")) && str_eq(q->sub, STR("token"))) {
		fake_token(q, sent);
		return;
	}
	if (str_eq(method, STR("POST")) && str_eq(q->sub, STR("binding"))) {
		fake_bind(q, sent);
		return;
	}
	if (str_eq(method, STR("POST"))) {
		fake_create(q, sent);
		return;
	}
	if (!old) {
		fake_refuse(q, 404, "NotFound");
		return;
	}
	json_parse(a, str_from(old->text), NULL, &tree, NULL);
	struct str uid = tree_str(sent, "preconditions.uid");
	if ((!deletes && fake_stale(sent, old)) ||
		(uid.len && !str_eq(uid, tree_str(tree, "metadata.uid")))) {
		fake_refuse(q, 409, "Conflict");
		return;
	}
	if (patches)
		tree = patch_merge(a, tree, sent);
	else if (!deletes)
		tree = sent;
	/* Who takes away what held it lets it go: it is shown as it was. */
	bool goes = !deletes && tree_has(tree, "metadata.deletionTimestamp") &&
		    !json_count(json_path(tree, "metadata.finalizers"));
	struct cJSON *shown = goes ? json_copy(a, tree) : tree;

	if (goes)
		tree_set_str(a, shown, "metadata.resourceVersion",
			arena_print(a, "%lld", (long long)old->revision));
	fake_commit(q->api, a, fake_key(q), tree, deletes || goes);
	fake_answer_tree(q, 200, shown);
}

/* ---- the beginning ---- */

static inline void fake_read(struct op *op, struct err *err)
{
	struct fake_request *q = CONTAINER_OF(op, struct fake_request, op);
	struct cJSON *sent = NULL;
	struct fake_api *f = q->api;

	if (err->code) {
		fake_over(op, err);
		return;
	}
	if (f->refuse_times > 0) {
		f->refuse_times--;
		fake_refuse(q, f->refuse_code, f->refuse_reason);
		return;
	}
	if (!str_eq(q->x->request.method, STR("GET"))) {
		if (q->body.len)
			EXPECT_INT(
				json_parse(&q->x->arena, buf_str(&q->body), NULL, &sent, NULL), 0);
		fake_write(q, sent);
	} else if (str_eq_text(query_get(&q->query, "watch"), "true")) {
		fake_watch(q);
	} else if (!q->name.len) {
		fake_list(q);
	} else if (fake_find(f, fake_key(q))) {
		buf_add_text(&q->out, fake_find(f, fake_key(q))->text);
		fake_answer(q, 200);
	} else {
		fake_refuse(q, 404, "NotFound");
	}
}

static inline void fake_handle(void *ctx, struct http_exchange *x)
{
	struct fake_request *q = arena_new(&x->arena, sizeof(*q));
	struct str rest, piece;

	q->api = ctx;
	q->x = x;
	q->api->requests++;
	struct str shown = http_headers_get(&x->request.headers, STR("Authorization"));
	snprintf(q->api->authorization, sizeof(q->api->authorization), "%.*s", STRF(shown));
	buf_init(&q->body, MIB);
	buf_init(&q->out, 64 * MIB);
	EXPECT_INT(
		url_parse_request(&x->arena, x->request.method, x->request.target, &q->url, NULL),
		0);
	query_parse(&x->arena, q->url.raw_query, &q->query, NULL);
	rest = str_skip(q->url.path, 1);
	str_next(&rest, '/', &piece); /* api, apis */
	if (str_eq(piece, STR("apis")))
		str_next(&rest, '/', &piece);
	str_next(&rest, '/', &piece); /* the version */
	str_next(&rest, '/', &q->plural);
	if (str_eq(q->plural, STR("namespaces"))) {
		str_next(&rest, '/', &q->namespace);
		str_next(&rest, '/', &q->plural);
	}
	if (str_next(&rest, '/', &q->name))
		str_next(&rest, '/', &q->sub);
	op_init(&q->op, &x->scope, fake_read, OP_NO_DEADLINE);
	http_read_all(x, &q->op, &q->body, MIB);
}

#endif
