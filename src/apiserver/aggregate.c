#include "aggregate_private.h"
#include "api_options.h"
#include "passage.h"
#include "pki.h"
#include "respond.h"

#include <kube/api_codec.h>
#include <kube/block.h>
#include <kube/codec.h>
#include <kube/mem.h>
#include <kube/time.h>

#define LOOK_EVERY  (1 * SEC)
#define CA_MAX      (1 * MIB)
#define RENEW_EARLY (30 * 24 * HOUR)

/* ---- the services ---- */

static void remote_free(struct remote *m)
{
	link_remove(&m->in_all);
	object_unref(m->object);
	object_unref(m->service);
	block_unref(m->spec);
	arena_done(&m->spec_arena);
	arena_done(&m->said);
	arena_done(&m->arena);
	mem_free(m);
}

static bool says_available(const struct cJSON *tree)
{
	json_each (condition, json_path(tree, "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), "Available"))
			return str_eq_text(tree_str(condition, "status"), "True");
	return false;
}

static void remote_read(struct remote *m, struct object *o, const struct cJSON *tree)
{
	const struct cJSON *spec = json_get(tree, STR("spec"));
	_cleanup_(buf_done) struct buf ca = BUF_INIT(CA_MAX);

	m->object = object_ref(o);
	m->name = tree_str(tree, "metadata.name");
	m->group = tree_str(spec, "group");
	m->version = tree_str(spec, "version");
	m->spec_prefix =
		arena_print(&m->arena, "/apis/%.*s/%.*s/", STRF(m->group), STRF(m->version));
	m->group_rank = tree_int(spec, "groupPriorityMinimum", 0);
	m->version_rank = tree_int(spec, "versionPriority", 0);
	m->available = says_available(tree);
	if (!base64_decode(&ca, tree_str(spec, "caBundle"), NULL))
		m->target.ca = arena_str(&m->arena, buf_str(&ca));
	m->target.insecure = tree_true(spec, "insecureSkipTLSVerify");
	m->target.service.namespace = tree_str(spec, "service.namespace");
	m->target.service.name = tree_str(spec, "service.name");
	m->target.service.port = tree_int(spec, "service.port", 443);
}

static struct remote *remote_new(struct aggregate *a, struct object *o)
{
	struct remote *m = mem_new(sizeof(*m));

	arena_init(&m->arena);
	arena_init(&m->said);
	arena_init(&m->spec_arena);
	list_push(&a->all, &m->in_all);
	remote_read(m, o, object_tree(&m->arena, o));
	return m;
}

/* The same service, changed: what it serves is still known, and it is looked at again. */
static void remote_change(struct remote *m, struct object *o)
{
	struct object *old = m->object;
	bool was_available = m->available;

	m->target = (struct backend_target){0};
	arena_done(&m->arena);
	arena_init(&m->arena);
	remote_read(m, o, object_tree(&m->arena, o));
	/* Our own news of its state is none to us; somebody else's is soon put right. */
	m->checked &= str_eq(object_scan(old, "spec"), object_scan(o, "spec")) &&
		      m->available == was_available;
	object_unref(old);
}

static struct remote *by_name(struct aggregate *a, struct str name)
{
	list_each (l, &a->all) {
		struct remote *m = LIST_ENTRY(l, struct remote, in_all);

		if (str_eq(m->name, name))
			return m;
	}
	return NULL;
}

static void note(struct aggregate *a, struct str key, struct object *o)
{
	struct remote *m = by_name(a, key);

	if (!m) {
		remote_new(a, o);
		a->serial++;
	} else if (m->object != o) {
		remote_change(m, o);
		a->serial++;
	}
}

static bool is_there(struct aggregate *a, const struct remote *m)
{
	struct object *o = store_get(a->services, m->name);

	return o && object_scan(o, "spec.service").len;
}

void aggregate_refresh(struct aggregate *a)
{
	struct store_iter it = store_seek(a->services, STR(""), STR(""));

	if (a->services_seen == store_changes(a->services))
		return;
	a->services_seen = store_changes(a->services);
	while (store_next(&it))
		if (object_scan(it.object, "spec.service").len)
			note(a, it.key, it.object);
	list_each_safe (l, &a->all) {
		struct remote *m = LIST_ENTRY(l, struct remote, in_all);

		if (!is_there(a, m)) {
			remote_free(m);
			a->serial++;
			aggregate_count(a);
		}
	}
}

struct remote *aggregate_find(struct aggregate *a, struct str group, struct str version)
{
	list_each (l, &a->all) {
		struct remote *m = LIST_ENTRY(l, struct remote, in_all);

		if (str_eq(m->group, group) && str_eq(m->version, version))
			return m;
	}
	return NULL;
}

/* ---- who we are ---- */

static int issue_identity(struct aggregate *a, struct err *err)
{
	_cleanup_(buf_done) struct buf cert = BUF_INIT(CA_MAX), secret = BUF_INIT(CA_MAX);
	struct certs chain = {0};
	struct key *key = NULL;
	int code = pki_issue_front_proxy(a->server, &chain, &key, err);

	if (!code) {
		cert_print_pem(chain.items[0], &cert);
		key_print_pem(key, &secret);
		a->identity.cert_data = arena_str(&a->arena, buf_str(&cert));
		a->identity.key_data = arena_str(&a->arena, buf_str(&secret));
		a->identity_until = cert_info(chain.items[0])->not_after - RENEW_EARLY;
	}
	certs_done(&chain);
	key_unref(key);
	return code;
}

const struct client_config *aggregate_identity(struct aggregate *a, struct err *err)
{
	const struct api_options *o = a->server->options;

	if (o->proxy_client_certificate.len) {
		a->identity.cert_file = o->proxy_client_certificate;
		a->identity.key_file = o->proxy_client_key;
		return &a->identity;
	}
	if (env_wall(a->server->env) < a->identity_until)
		return &a->identity;
	return issue_identity(a, err) ? NULL : &a->identity;
}

static void add_header(struct arena *a, struct http_headers *h, const char *name, struct str value)
{
	http_headers_add(a, h, str_from(name), value);
}

/* What no name of a header may hold is written as in URLs. */
static void escape_key(struct buf *out, struct str key)
{
	for (size_t i = 0; i < key.len; i++) {
		unsigned char byte = (unsigned char)key.at[i];
		bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
			     (byte >= 'A' && byte <= 'Z') ||
			     (byte && strchr("!#$&'*+-.^_`|~", byte));

		if (plain)
			buf_add_char(out, (char)byte);
		else
			buf_print(out, "%%%02X", byte);
	}
}

void aggregate_add_user(struct arena *a, struct http_headers *h, const struct api_user *user)
{
	add_header(a, h, "X-Remote-User", user->name);
	if (user->uid.len)
		add_header(a, h, "X-Remote-Uid", user->uid);
	for (size_t i = 0; i < user->group_count; i++)
		add_header(a, h, "X-Remote-Group", user->groups[i]);
	for (size_t i = 0; i < user->extra_count; i++) {
		_cleanup_(buf_done) struct buf key = BUF_INIT(64 * KIB);

		escape_key(&key, user->extra[i].key);
		for (size_t k = 0; k < user->extra[i].count; k++)
			http_headers_add(a, h,
				arena_print(a, "X-Remote-Extra-%.*s", STRF(buf_str(&key))),
				user->extra[i].values[k]);
	}
}

/* ---- requests ---- */

/* "/apis/GROUP/VERSION" and what is below it, or its document of OpenAPI. */
static bool split(struct str path, struct str *group, struct str *version)
{
	struct str rest = path;

	if (str_starts(path, STR("/openapi/v3/apis/")))
		rest = str_skip(path, sizeof("/openapi/v3") - 1);
	if (!str_starts(rest, STR("/apis/")))
		return false;
	rest = str_skip(rest, sizeof("/apis/") - 1);
	if (!str_cut(rest, '/', group, &rest))
		return false;
	str_cut(rest, '/', version, &rest);
	return group->len && version->len;
}

static void refuse(struct api_request *r, int code, const char *why)
{
	struct status *s =
		status_new(r->arena, code == 503 ? ERR_UNAVAILABLE : ERR_INTERNAL, "%s\n", why);

	s->plain = true;
	request_fail(r, s);
}

static void give_back(void *ctx)
{
	backend_give(ctx);
}

static void hand_over(struct api_request *r, struct remote *m)
{
	struct aggregate *a = r->server->aggregate;
	_cleanup_(err_done) struct err err = {0};
	struct backend_target target = m->target;
	struct backend *backend;
	struct passage_options o = {.kind = PASSAGE_AGGREGATE, .ended = give_back};

	target.as = aggregate_identity(a, &err);
	target.upgrades =
		http_headers_has_token(&r->x->request.headers, STR("Connection"), STR("upgrade"));
	if (!target.as) {
		refuse(r, 500, arena_print(r->arena, "%s", err_text(&err)).at);
		return;
	}
	if (backend_take(r->server->backends, &target, &backend, &err)) {
		bool unknown = err.code != ERR_SYNTAX && err.code != ERR_IO;

		refuse(r, unknown ? 503 : 500,
			unknown ? "service unavailable"
				: arena_print(r->arena, "%s", err_text(&err)).at);
		return;
	}
	o.ctx = backend;
	o.client = backend_client(backend);
	o.authority = str_skip(backend_base(backend), sizeof("https://") - 1);
	o.url = arena_print(
		r->arena, "%.*s%.*s", STRF(backend_base(backend)), STRF(r->x->request.target));
	aggregate_add_user(r->arena, &o.headers, r->user);
	backend_add_headers(backend, r->arena, &o.headers);
	passage_start(r, &o);
}

void stage_aggregate(struct api_request *r)
{
	struct aggregate *a = r->server->aggregate;
	struct remote *m = NULL;
	struct str group, version;

	aggregate_refresh(a);
	if (!list_empty(&a->all) && split(r->path, &group, &version))
		m = aggregate_find(a, group, version);
	if (!m) {
		request_next(r);
		return;
	}
	r->routed = true;
	if (m->available)
		hand_over(r, m);
	else
		refuse(r, 503, "service unavailable");
}

/* ---- life ---- */

static void look(struct op *op, struct err *err)
{
	struct aggregate *a = CONTAINER_OF(op, struct aggregate, timer);

	if (err->code)
		return;
	aggregate_refresh(a);
	aggregate_local_due(a);
	aggregate_check_due(a);
	aggregate_ask_due(a);
	op_init(&a->timer, &a->server->scope, look, OP_NO_DEADLINE);
	timer_wait(&a->timer, loop_in(a->server->env->loop, LOOK_EVERY));
}

struct aggregate *aggregate_new(struct api_server *s)
{
	struct aggregate *a = mem_new(sizeof(*a));

	a->server = s;
	list_init(&a->all);
	arena_init(&a->arena);
	a->local = aggregate_local_new(a);
	a->services = server_bucket(
		s, resource_find(STR("apiregistration.k8s.io"), STR("v1"), STR("apiservices")));
	return a;
}

void aggregate_start(struct aggregate *a)
{
	op_init(&a->timer, &a->server->scope, look, OP_NO_DEADLINE);
	op_yield(&a->timer);
}

void aggregate_stop(struct aggregate *a)
{
	if (a)
		aggregate_local_stop(a->local);
}

void aggregate_free(struct aggregate *a)
{
	if (!a)
		return;
	list_each_safe (l, &a->all)
		remote_free(LIST_ENTRY(l, struct remote, in_all));
	aggregate_ask_free(a);
	mem_free(a->local);
	arena_done(&a->arena);
	mem_free(a);
}

uint64_t aggregate_serial(const struct api_server *s)
{
	return s->aggregate->serial;
}
