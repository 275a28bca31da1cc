#include "address_private.h"

#include <kube/api_codec.h>
#include <kube/ip.h>
#include <kube/mem.h>

const struct resource *address_resource(void)
{
	return resource_find(STR("networking.k8s.io"), STR("v1"), STR("ipaddresses"));
}

struct str address_name(struct arena *a, struct str text)
{
	_cleanup_(buf_done) struct buf name = BUF_INIT(64);
	struct ip ip;

	if (!ip_parse(text, &ip))
		return text;
	ip_print(&name, &ip);
	return arena_str(a, buf_str(&name));
}

bool address_object_exists(struct api_server *s, struct arena *a, struct str name)
{
	const struct resource *r = address_resource();

	return store_get(server_bucket(s, r), server_key(a, r, STR(""), name)) != NULL;
}

/* ---- which ---- */

bool address_is(struct str text)
{
	struct ip ip;

	return ip_parse(text, &ip);
}

bool address_is_of(const struct cJSON *service, struct str text)
{
	struct ip ip, other;

	if (!ip_parse(text, &ip))
		return false;
	json_each (item, json_path(service, "spec.clusterIPs"))
		if (ip_parse(json_str(item), &other) && ip_eq(&ip, &other))
			return true;
	return false;
}

static bool lacks_any(const struct cJSON *of, const struct cJSON *in)
{
	json_each (ip, json_path(of, "spec.clusterIPs"))
		if (address_is(json_str(ip)) && !address_is_of(in, json_str(ip)))
			return true;
	return false;
}

bool address_objects_differ(const struct cJSON *old, const struct cJSON *now)
{
	return lacks_any(old, now) || lacks_any(now, old);
}

/* ---- work ---- */

static const struct op_kind work_kind = {.name = "address objects"};

struct address_work *address_work_new(struct api_server *s, struct op *op)
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

	object_unref(TAKE(step->removal.result));
	object_unref(TAKE(step->removal.found));
	if (!err->code && step->removal.delete_ && step->write.object) {
		/* what stood there was wrong, and what is right comes in its place */
		step->removal.delete_ = false;
		op_init(op, &w->server->scope, step_done, OP_NO_DEADLINE);
		server_write(w->server, op, &step->write);
		return;
	}
	if (!--w->left)
		work_end(w);
}

struct address_step *address_add_step(struct address_work *w)
{
	struct address_step *step = arena_new(&w->arena, sizeof(*step));

	step->work = w;
	step->next = w->steps;
	w->steps = step;
	w->total++;
	return step;
}

static struct own_write object_write(
	struct address_work *w, const struct cJSON *service, struct str text)
{
	struct arena *a = &w->arena;
	struct cJSON *tree = json_new(a, JSON_OBJECT);
	struct ip ip = {0};

	ip_parse(text, &ip);
	tree_set_str(a, tree, "metadata.name", address_name(a, text));
	tree_set(a, tree, "metadata.labels", json_new(a, JSON_OBJECT));
	struct cJSON *labels = json_path(tree, "metadata.labels");
	json_set(a, labels, STR("ipaddress.kubernetes.io/ip-family"),
		json_new_str(a, ip.len == 4 ? STR("IPv4") : STR("IPv6")));
	json_set(a, labels, STR("ipaddress.kubernetes.io/managed-by"),
		json_new_str(a, STR(MANAGER)));
	tree_set_str(a, tree, "spec.parentRef.resource", STR("services"));
	tree_set_str(a, tree, "spec.parentRef.namespace", tree_str(service, "metadata.namespace"));
	tree_set_str(a, tree, "spec.parentRef.name", tree_str(service, "metadata.name"));
	return (struct own_write){
		.resource = address_resource(), .object = tree, .only_create = true};
}

void address_add_object(struct address_work *w, const struct cJSON *service, struct str text)
{
	if (address_is(text))
		address_add_step(w)->write = object_write(w, service, text);
}

struct address_step *address_add_removal(struct address_work *w, struct str text)
{
	const struct resource *r = address_resource();
	struct bucket *b = server_bucket(w->server, r);
	struct str key = server_key(&w->arena, r, STR(""), address_name(&w->arena, text));
	struct object *o = store_get(b, key);

	if (!o || !address_is(text))
		return NULL;
	struct address_step *step = address_add_step(w);
	struct commit *c = &step->removal;
	*c = (struct commit){.bucket = b, .key = key, .expected = o->revision, .delete_ = true};
	draft_from_object(&c->draft, o);
	return step;
}

void address_replace_object(struct address_work *w, const struct cJSON *service, struct str text)
{
	struct address_step *step = address_add_removal(w, text);

	if (step)
		step->write = object_write(w, service, text);
}

void address_work_run(struct address_work *w)
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
	struct cJSON *tree = server_read(w->server, &w->arena, "networking.k8s.io", "ipaddresses",
		STR(""), address_name(&w->arena, ip));

	return str_eq(tree_str(tree, "spec.parentRef.name"), tree_str(service, "metadata.name")) &&
	       str_eq(tree_str(tree, "spec.parentRef.namespace"),
		       tree_str(service, "metadata.namespace"));
}

void address_objects_follow(
	struct api_server *s, struct op *op, const struct cJSON *old, const struct cJSON *now)
{
	struct address_work *w = address_work_new(s, op);

	if (!w)
		return;
	json_each (ip, json_path(now, "spec.clusterIPs"))
		if (!address_is_of(old, json_str(ip)))
			address_add_object(w, now, json_str(ip));
	json_each (ip, json_path(old, "spec.clusterIPs"))
		if (!address_is_of(now, json_str(ip)) && is_of(w, json_str(ip), old))
			address_add_removal(w, json_str(ip));
	address_work_run(w);
}
