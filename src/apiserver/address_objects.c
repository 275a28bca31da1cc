#include "address_objects.h"

#include <kube/api_codec.h>
#include <kube/ip.h>
#include <kube/map.h>
#include <kube/mem.h>

#define MANAGER "ipallocator.k8s.io"

/* Several writes and removals at once; it frees itself behind the last. */
struct address_step {
	struct address_work *work;
	struct own_write write;
	struct commit removal;
	struct op op;
	struct address_step *next;
};

struct address_work {
	struct api_server *server;
	struct arena arena;
	struct op *op;
	struct address_step *steps;
	size_t left, total;
};

static const struct resource *addresses(void)
{
	return resource_find(STR("networking.k8s.io"), STR("v1"), STR("ipaddresses"));
}

bool address_object_exists(struct api_server *s, struct arena *a, struct str ip)
{
	const struct resource *r = addresses();

	return store_get(server_bucket(s, r), server_key(a, r, STR(""), ip)) != NULL;
}

/* ---- which ---- */

static bool is_address(struct str text)
{
	struct ip ip;

	return ip_parse(text, &ip);
}

static bool has_address(const struct cJSON *service, struct str text)
{
	json_each (ip, json_path(service, "spec.clusterIPs"))
		if (str_eq(json_str(ip), text))
			return true;
	return false;
}

static bool lacks_any(const struct cJSON *of, const struct cJSON *in)
{
	json_each (ip, json_path(of, "spec.clusterIPs"))
		if (is_address(json_str(ip)) && !has_address(in, json_str(ip)))
			return true;
	return false;
}

bool address_objects_differ(const struct cJSON *old, const struct cJSON *now)
{
	return lacks_any(old, now) || lacks_any(now, old);
}

/* ---- work ---- */

static const struct op_kind work_kind = {.name = "address objects"};

static struct address_work *work_new(struct api_server *s, struct op *op)
{
	struct address_work *w;

	if (!op_begin(op, &work_kind, NULL))
		return NULL;
	w = mem_new(sizeof(*w));
	w->server = s;
	w->op = op;
	arena_init(&w->arena);
	return w;
}

static void work_end(struct address_work *w)
{
	struct op *op = w->op;
	int64_t n = (int64_t)w->total;

	arena_done(&w->arena);
	mem_free(w);
	op_finish(op, n);
}

/* What fails is left to the next repair: the Service itself is written. */
static void step_done(struct op *op, struct err *err)
{
	struct address_step *step = CONTAINER_OF(op, struct address_step, op);
	struct address_work *w = step->work;

	(void)err;
	object_unref(TAKE(step->removal.result));
	object_unref(TAKE(step->removal.found));
	if (!--w->left)
		work_end(w);
}

static struct address_step *add_step(struct address_work *w)
{
	struct address_step *step = arena_new(&w->arena, sizeof(*step));

	step->work = w;
	step->next = w->steps;
	w->steps = step;
	w->total++;
	return step;
}

static void add_object(struct address_work *w, const struct cJSON *service, struct str text)
{
	struct arena *a = &w->arena;
	struct cJSON *tree = json_new(a, JSON_OBJECT);
	struct ip ip;

	if (!ip_parse(text, &ip))
		return;
	tree_set_str(a, tree, "metadata.name", text);
	tree_set(a, tree, "metadata.labels", json_new(a, JSON_OBJECT));
	struct cJSON *labels = json_path(tree, "metadata.labels");
	json_set(a, labels, STR("ipaddress.kubernetes.io/ip-family"),
		json_new_str(a, ip.len == 4 ? STR("IPv4") : STR("IPv6")));
	json_set(a, labels, STR("ipaddress.kubernetes.io/managed-by"),
		json_new_str(a, STR(MANAGER)));
	tree_set_str(a, tree, "spec.parentRef.resource", STR("services"));
	tree_set_str(a, tree, "spec.parentRef.namespace", tree_str(service, "metadata.namespace"));
	tree_set_str(a, tree, "spec.parentRef.name", tree_str(service, "metadata.name"));
	struct own_write *write = &add_step(w)->write;
	write->resource = addresses();
	write->object = tree;
	write->only_create = true;
}

static void add_removal(struct address_work *w, struct str text)
{
	const struct resource *r = addresses();
	struct bucket *b = server_bucket(w->server, r);
	struct str key = server_key(&w->arena, r, STR(""), text);
	struct object *o = store_get(b, key);

	if (!o || !is_address(text))
		return;
	struct commit *c = &add_step(w)->removal;
	*c = (struct commit){.bucket = b, .key = key, .expected = o->revision, .delete_ = true};
	draft_from_object(&c->draft, o);
}

static void run(struct address_work *w)
{
	w->left = w->total;
	if (!w->left) {
		work_end(w);
		return;
	}
	for (struct address_step *s = w->steps, *next; s; s = next) {
		next = s->next;
		op_init(&s->op, &w->server->scope, step_done, OP_NO_DEADLINE);
		if (s->removal.delete_)
			store_commit(w->server->store, &s->op, &s->removal);
		else
			server_write(w->server, &s->op, &s->write);
	}
}

/* ---- one Service ---- */

/* Somebody else's object of the same name is not ours to remove. */
static bool is_of(struct address_work *w, struct str ip, const struct cJSON *service)
{
	struct cJSON *tree =
		server_read(w->server, &w->arena, "networking.k8s.io", "ipaddresses", STR(""), ip);

	return str_eq(tree_str(tree, "spec.parentRef.name"), tree_str(service, "metadata.name")) &&
	       str_eq(tree_str(tree, "spec.parentRef.namespace"),
		       tree_str(service, "metadata.namespace"));
}

void address_objects_follow(
	struct api_server *s, struct op *op, const struct cJSON *old, const struct cJSON *now)
{
	struct address_work *w = work_new(s, op);

	if (!w)
		return;
	json_each (ip, json_path(now, "spec.clusterIPs"))
		if (!has_address(old, json_str(ip)))
			add_object(w, now, json_str(ip));
	json_each (ip, json_path(old, "spec.clusterIPs"))
		if (!has_address(now, json_str(ip)) && is_of(w, json_str(ip), old))
			add_removal(w, json_str(ip));
	run(w);
}

/* ---- all of them ---- */

/* Of those made for Services: the ones whose address no Service has. */
static void add_orphans(struct address_work *w, const struct map *used)
{
	struct store_iter it = store_seek(server_bucket(w->server, addresses()), STR(""), STR(""));

	while (store_next(&it)) {
		struct cJSON *tree = object_tree(&w->arena, it.object);
		const struct cJSON *manager = json_get(json_path(tree, "metadata.labels"),
			STR("ipaddress.kubernetes.io/managed-by"));
		struct str name = tree_str(tree, "metadata.name");

		if (str_eq_text(json_str(manager), MANAGER) && !map_has(used, name))
			add_removal(w, name);
	}
}

void address_objects_repair(struct api_server *s, struct op *op)
{
	const struct resource *services = resource_find(STR(""), STR("v1"), STR("services"));
	struct store_iter it = store_seek(server_bucket(s, services), STR(""), STR(""));
	struct address_work *w = work_new(s, op);
	struct map used = {0};

	if (!w)
		return;
	while (store_next(&it)) {
		struct cJSON *service = object_tree(&w->arena, it.object);

		json_each (ip, json_path(service, "spec.clusterIPs")) {
			map_set(&used, json_str(ip), w);
			if (is_address(json_str(ip)) &&
				!address_object_exists(s, &w->arena, json_str(ip)))
				add_object(w, service, json_str(ip));
		}
	}
	add_orphans(w, &used);
	map_done(&used);
	run(w);
}
