/*
 * APIServices of groups that this server serves itself. Versions of custom resources have one each,
 * which comes and goes with them and stays as it was made; all that have no service behind them
 * are available, whatever somebody has written into their status.
 *
 * One request at a time, by the server's own client; the next when that is over.
 */
#include "aggregate_private.h"
#include "discovery.h"

#include <kube/api_codec.h>
#include <kube/client.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#define AUTOMANAGED "kube-aggregator.kubernetes.io/automanaged"
#define RANKS       "\"groupPriorityMinimum\":1000,\"versionPriority\":100"

struct aggregate_local {
	struct aggregate *aggregate;
	struct client_request request;
	struct op op;
	bool busy;
	uint64_t definitions, services; /* changes behind which all has been looked at */
};

static const struct resource *service_resource(void)
{
	return resource_find(STR("apiregistration.k8s.io"), STR("v1"), STR("apiservices"));
}

/* ---- what is to be done ---- */

static void ask(struct aggregate_local *l, enum client_verb verb, struct str name,
	const char *subresource, struct str body)
{
	struct client_request *q = &l->request;
	struct cJSON *tree = NULL;

	client_request_init(q, verb, service_resource(), STR(""), STR(""));
	if (verb != CLIENT_CREATE)
		q->name = arena_str(&q->arena, name);
	if (body.len && json_parse(&q->arena, arena_str(&q->arena, body), NULL, &tree, NULL)) {
		client_request_done(q); /* what stands there is too long for it */
		return;
	}
	q->subresource = str_from(subresource);
	q->body = tree;
	l->busy = true;
}

/* The first version of custom resources that has none. */
static void want_made(struct aggregate_local *l, struct arena *a)
{
	struct api_server *s = l->aggregate->server;
	const struct resource *r;

	for (size_t i = 0; !l->busy && (r = discovery_at(s->discovery, i)); i++) {
		struct str name = arena_print(a, "%.*s.%.*s", STRF(r->version), STRF(r->group));
		struct object *o = r->custom ? store_get(l->aggregate->services, name) : NULL;

		if (r->custom && !o)
			ask(l, CLIENT_CREATE, name, "",
				arena_print(a,
					"{\"metadata\":{\"name\":\"%.*s\",\"labels\":{"
					"\"" AUTOMANAGED "\":\"true\"}},\"spec\":{\"group\":"
					"\"%.*s\",\"version\":\"%.*s\"," RANKS "}}",
					STRF(name), STRF(r->group), STRF(r->version)));
	}
}

static bool is_automanaged(const struct object *o)
{
	return str_find(object_labels(o), STR("\"" AUTOMANAGED "\":\"true\"")) >= 0;
}

static bool stands_as_made(const struct object *o)
{
	return str_eq_text(object_scan(o, "spec.groupPriorityMinimum"), "1000") &&
	       str_eq_text(object_scan(o, "spec.versionPriority"), "100") &&
	       !object_scan(o, "spec.service").len;
}

static bool says_available(struct arena *a, const struct object *o)
{
	json_each (condition, json_path(object_lean_tree(a, o), "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), "Available") &&
			str_eq_text(tree_str(condition, "status"), "True"))
			return true;
	return false;
}

static void make_available(struct aggregate_local *l, struct arena *a, const struct object *o)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB), now = BUF_INIT(64);
	const struct cJSON *tree = object_lean_tree(a, o);

	time_print(&now, env_wall(l->aggregate->server->env) / SEC * SEC);
	buf_add_text(&text, "{\"status\":{\"conditions\":[");
	json_each (condition, json_path(tree, "status.conditions"))
		if (!str_eq_text(tree_str(condition, "type"), "Available")) {
			json_print(&text, condition, JSON_COMPACT);
			buf_add_char(&text, ',');
		}
	buf_print(&text,
		"{\"type\":\"Available\",\"status\":\"True\",\"lastTransitionTime\":\"%s\","
		"\"reason\":\"Local\",\"message\":\"Local APIServices are always available\"}]}}",
		buf_text(&now));
	ask(l, CLIENT_PATCH_MERGE, tree_str(tree, "metadata.name"), "status", buf_str(&text));
}

/* The first of those that stand there that should not, or not so. */
static void want_mended(struct aggregate_local *l, struct arena *a)
{
	struct api_server *s = l->aggregate->server;
	struct store_iter it = store_seek(l->aggregate->services, STR(""), STR(""));

	while (!l->busy && store_next(&it)) {
		bool ours = is_automanaged(it.object);

		if (ours &&
			!discovery_has_version(s->discovery, object_scan(it.object, "spec.group"),
				object_scan(it.object, "spec.version")))
			ask(l, CLIENT_DELETE, it.key, "", STR(""));
		else if (ours && !stands_as_made(it.object))
			ask(l, CLIENT_PATCH_MERGE, it.key, "",
				STR("{\"spec\":{" RANKS ",\"service\":null,\"caBundle\":null,"
				    "\"insecureSkipTLSVerify\":null}}"));
		else if (!object_scan(it.object, "spec.service").len &&
			 !says_available(a, it.object))
			make_available(l, a, it.object);
	}
}

/* ---- one after the other ---- */

static void done(struct op *op, struct err *err)
{
	struct aggregate_local *l = CONTAINER_OF(op, struct aggregate_local, op);
	struct aggregate *a = l->aggregate;

	l->busy = false;
	client_request_done(&l->request);
	if (err->code == ERR_CANCELLED)
		return;
	/* Somebody was quicker: it is looked at again. */
	if (err->code && err->code != ERR_CONFLICT && err->code != ERR_NOT_FOUND &&
		err->code != ERR_ALREADY_EXISTS) {
		log_error(err, "an APIService of this server's own is not as it should be");
		return; /* until something changes */
	}
	l->services = 0;
	aggregate_local_due(a);
}

void aggregate_local_due(struct aggregate *a)
{
	struct aggregate_local *l = a->local;
	struct api_server *s = a->server;
	uint64_t services = store_changes(a->services);
	_cleanup_(arena_done) struct arena scratch;

	arena_init(&scratch);
	if (l->busy || scope_closing(&s->scope) || s->draining ||
		(l->services == services &&
			l->definitions == discovery_custom_changes(s->discovery)))
		return;
	l->services = services;
	l->definitions = discovery_custom_changes(s->discovery);
	want_made(l, &scratch);
	want_mended(l, &scratch);
	if (!l->busy)
		return;
	op_init(&l->op, &s->scope, done, OP_NO_DEADLINE);
	client_send(s->loopback, &l->op, &l->request);
}

struct aggregate_local *aggregate_local_new(struct aggregate *a)
{
	struct aggregate_local *l = mem_new(sizeof(*l));

	l->aggregate = a;
	return l;
}

/* Ends what is under way: before the client it goes by is stopped. */
void aggregate_local_stop(struct aggregate_local *l)
{
	if (l->busy)
		op_cancel(&l->op);
}
