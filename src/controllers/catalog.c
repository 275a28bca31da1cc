/* Reading discovery, and keeping what it says. */
#include "catalog.h"

#include <kube/map.h>
#include <kube/task.h>

#define PAUSE       (300 * MSEC) /* definitions come in heaps */
#define RETRY       (30 * SEC)   /* when a group could not be read */
#define TIMEOUT     (30 * SEC)
#define MAX_ENTRIES 20000 /* resources */
#define MAX_PATHS   5000  /* groups and versions */

struct catalog {
	const struct controllers_world *world;
	struct scope scope;
	struct list listeners;
	struct arena arena; /* entries and their texts; what is gone stays */
	struct catalog_entry *entries;
	size_t count, cap;
	struct map by_path; /* "group/plural": index + 1 */
	bool known, changed;

	struct informer *watched[2]; /* definitions, API services */
	struct informer_handler handlers[2];

	struct task task;
	struct op op, later;
	bool reading, again;
	struct client_request request;
	struct arena work; /* of one reading */
	struct str *paths;
	size_t path_count, path;
	uint8_t *seen; /* entries of this reading */
	struct buf failed;
	size_t failed_count;
};

enum read_step { READ_GROUPS, READ_PATHS, READ_ONE };
static const char *const read_steps[] = {"groups", "paths", "one"};
static void read_run(struct task *t, struct err *err);
static const struct task_kind read_kind = TASK_KIND("discovery", read_steps, read_run);

/* ---- entries ---- */

static struct str entry_key(struct arena *a, struct str group, struct str plural)
{
	return arena_print(a, "%.*s/%.*s", STRF(group), STRF(plural));
}

static void add_entry(struct catalog *c, const struct resource *r, struct str key)
{
	ARENA_ROOM(&c->arena, c->entries, c->count, c->cap, 128);
	c->entries[c->count++] = (struct catalog_entry){.resource = r, .gone = true};
	map_set(&c->by_path, key, (void *)(uintptr_t)c->count);
}

/* A resource that no table has: of a definition, or of another API server. */
static const struct resource *make_resource(
	struct catalog *c, const struct cJSON *item, struct str group, struct str version)
{
	struct arena *a = &c->arena;
	struct resource *r = arena_new(a, sizeof(*r));
	struct str kind = tree_str(item, "kind");

	r->group = arena_str(a, group);
	r->version = arena_str(a, version);
	r->api_version = arena_print(a, "%.*s/%.*s", STRF(group), STRF(version));
	r->kind = arena_str(a, kind);
	r->list_kind = arena_print(a, "%.*sList", STRF(kind));
	r->plural = arena_str(a, tree_str(item, "name"));
	r->singular = arena_str(a, tree_str(item, "singularName"));
	r->namespaced = tree_true(item, "namespaced");
	r->custom = true;
	r->hub = r;
	return r;
}

static unsigned verbs_of(const struct cJSON *item)
{
	unsigned verbs = 0;

	json_each (verb, json_get(item, STR("verbs")))
		for (unsigned v = 1; v < VERBS_ALL; v <<= 1)
			if (str_eq_text(json_str(verb), verb_name(v)))
				verbs |= v;
	return verbs;
}

/* The first version that names a resource is the preferred one of those that have it. */
static void note_item(
	struct catalog *c, const struct cJSON *item, struct str group, struct str version)
{
	struct str plural = tree_str(item, "name");
	struct str key = entry_key(&c->work, group, plural);
	size_t at = (uintptr_t)map_get(&c->by_path, key);

	if (str_find_char(plural, '/') >= 0 || !plural.len)
		return;
	if (!at) {
		const struct resource *r = resource_find(group, version, plural);

		if (c->count == MAX_ENTRIES)
			return;
		add_entry(c, r ? r : make_resource(c, item, group, version), key);
		at = c->count;
	}
	if (c->seen[at - 1])
		return;
	c->seen[at - 1] = 1;
	struct catalog_entry *e = &c->entries[at - 1];
	unsigned verbs = verbs_of(item);
	c->changed |= e->gone || e->verbs != verbs;
	e->gone = false;
	e->verbs = verbs;
}

/* ---- reading ---- */

static struct cJSON *answer_tree(struct catalog *c)
{
	struct cJSON *tree = NULL;

	if (json_parse(&c->work, c->request.text, NULL, &tree, NULL))
		return NULL;
	return tree;
}

static void ask(struct catalog *c, struct str path, int step)
{
	struct loop *loop = c->world->base.env->loop;

	client_request_init(&c->request, CLIENT_RAW_GET, NULL, STR(""), STR(""));
	c->request.path = path;
	client_send(c->world->base.client, task_await(&c->task, step, loop_in(loop, TIMEOUT)),
		&c->request);
}

static void add_path(struct catalog *c, struct str path)
{
	if (c->path_count < MAX_PATHS)
		c->paths[c->path_count++] = path;
}

/* Preferred versions first, whatever the group: then those that only others have. */
static void note_groups(struct catalog *c, const struct cJSON *groups)
{
	struct arena *a = &c->work;

	c->paths = arena_alloc(a, MAX_PATHS * sizeof(*c->paths));
	c->path_count = c->path = 0;
	add_path(c, STR("/api/v1"));
	json_each (g, json_get(groups, STR("groups")))
		add_path(c, arena_print(a, "/apis/%.*s",
				    STRF(tree_str(g, "preferredVersion.groupVersion"))));
	json_each (g, json_get(groups, STR("groups"))) {
		struct str preferred = tree_str(g, "preferredVersion.groupVersion");

		json_each (v, json_get(g, STR("versions"))) {
			struct str version = tree_str(v, "groupVersion");

			if (!str_eq(version, preferred))
				add_path(c, arena_print(a, "/apis/%.*s", STRF(version)));
		}
	}
	c->seen = arena_new(a, MAX_ENTRIES);
}

static void note_failure(struct catalog *c, struct str path)
{
	struct str name = str_starts(path, STR("/apis/")) ? str_skip(path, 6) : STR("v1");

	buf_print(&c->failed, "%s%.*s", c->failed_count ? ", " : "", STRF(name));
	c->failed_count++;
}

static void note_answer(struct catalog *c, bool failed)
{
	struct str path = c->paths[c->path], group, version;
	struct cJSON *list = failed ? NULL : answer_tree(c);

	if (!list) {
		note_failure(c, path);
		return;
	}
	api_version_split(tree_str(list, "groupVersion"), &group, &version);
	json_each (item, json_get(list, STR("resources")))
		note_item(c, item, group, version);
}

/* What no document names is gone, unless its document could not be read. */
static void note_gone(struct catalog *c)
{
	for (size_t i = 0; i < c->count && !c->failed_count; i++) {
		if (c->seen[i] || c->entries[i].gone)
			continue;
		c->entries[i].gone = true;
		c->changed = true;
	}
}

static void tell(struct catalog *c)
{
	list_each_safe (k, &c->listeners) {
		struct catalog_listener *l = LIST_ENTRY(k, struct catalog_listener, in_catalog);

		l->changed(l);
	}
}

static void read_run(struct task *t, struct err *err)
{
	struct catalog *c = CONTAINER_OF(t, struct catalog, task);
	struct cJSON *groups;

	switch ((enum read_step)t->step) {
	case READ_GROUPS:
		ask(c, STR("/apis"), READ_PATHS);
		return;
	case READ_PATHS:
		groups = err->code ? NULL : answer_tree(c);
		client_request_done(&c->request);
		if (!groups) {
			task_fail(t, err);
			return;
		}
		note_groups(c, groups);
		break;
	case READ_ONE:
		if (scope_closing(&c->scope)) {
			client_request_done(&c->request);
			task_fail(t, err);
			return;
		}
		note_answer(c, err->code);
		client_request_done(&c->request);
		c->path++;
		break;
	}
	if (c->path < c->path_count) {
		ask(c, c->paths[c->path], READ_ONE);
		return;
	}
	note_gone(c);
	task_finish(t, 0);
}

/* ---- when it is read ---- */

static void read_soon(struct catalog *c, int64_t wait);

static void read_over(struct op *op, struct err *err)
{
	struct catalog *c = CONTAINER_OF(op, struct catalog, op);
	bool news = c->changed || !c->known;

	c->reading = false;
	arena_reset(&c->work);
	if (scope_closing(&c->scope))
		return;
	if (!err->code) {
		c->known = true;
		c->changed = false;
		if (news)
			tell(c);
	}
	if (c->again || err->code)
		read_soon(c, PAUSE);
	else if (c->failed_count)
		read_soon(c, RETRY);
}

static void read_now(struct op *op, struct err *err)
{
	struct catalog *c = CONTAINER_OF(op, struct catalog, later);

	if (err->code || c->reading)
		return;
	c->reading = true;
	c->again = false;
	buf_done(&c->failed);
	c->failed = (struct buf)BUF_INIT(64 * KIB);
	c->failed_count = 0;
	op_init(&c->op, &c->scope, read_over, OP_NO_DEADLINE);
	task_start(&c->task, &read_kind, &c->op);
}

static void read_soon(struct catalog *c, int64_t wait)
{
	c->again = true;
	if (c->reading || op_active(&c->later) || scope_closing(&c->scope))
		return;
	op_init(&c->later, &c->scope, read_now, OP_NO_DEADLINE);
	timer_wait(&c->later, loop_in(c->world->base.env->loop, wait));
}

static void served_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	bool same = old && fresh && str_eq(object_scan(old, "spec"), object_scan(fresh, "spec")) &&
		    str_eq(object_scan(old, "status.conditions"),
			    object_scan(fresh, "status.conditions"));

	/* What was there at the start is in the first reading. */
	if (!initial && !same)
		read_soon(h->ctx, PAUSE);
}

struct catalog *catalog_new(const struct controllers_world *w)
{
	const struct resource *watched[] = {
		resource_find(
			STR("apiextensions.k8s.io"), STR("v1"), STR("customresourcedefinitions")),
		resource_find(STR("apiregistration.k8s.io"), STR("v1"), STR("apiservices")),
	};
	struct catalog *c = mem_new(sizeof(*c));

	c->world = w;
	c->failed = (struct buf)BUF_INIT(64 * KIB);
	list_init(&c->listeners);
	arena_init(&c->arena);
	arena_init(&c->work);
	map_init(&c->by_path);
	scope_init(&c->scope, w->base.scope, "catalog", NULL);
	for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
		if (!watched[i])
			continue;
		c->watched[i] = controllers_informer(w, watched[i]);
		c->handlers[i] = (struct informer_handler){.changed = served_changed, .ctx = c};
		informer_add_handler(c->watched[i], &c->handlers[i]);
	}
	read_soon(c, 0);
	return c;
}

void catalog_stop(struct catalog *c, struct op *op)
{
	for (size_t i = 0; i < ARRAY_LEN(c->watched); i++)
		if (c->watched[i])
			informer_remove_handler(c->watched[i], &c->handlers[i]);
	scope_close(&c->scope, op);
}

void catalog_free(struct catalog *c)
{
	if (!c)
		return;
	buf_done(&c->failed);
	map_done(&c->by_path);
	arena_done(&c->work);
	arena_done(&c->arena);
	mem_free(c);
}

/* ---- looking ---- */

void catalog_listen(struct catalog *c, struct catalog_listener *l)
{
	list_push(&c->listeners, &l->in_catalog);
}

void catalog_leave(struct catalog_listener *l)
{
	link_remove(&l->in_catalog);
}

bool catalog_known(const struct catalog *c)
{
	return c->known;
}

size_t catalog_count(const struct catalog *c)
{
	return c->count;
}

const struct catalog_entry *catalog_at(const struct catalog *c, size_t index)
{
	return &c->entries[index];
}

const struct resource *catalog_find(const struct catalog *c, struct str path)
{
	size_t at = (uintptr_t)map_get(&c->by_path, path);

	return at && !c->entries[at - 1].gone ? c->entries[at - 1].resource : NULL;
}

const struct resource *catalog_find_kind(
	const struct catalog *c, struct str api_version, struct str kind)
{
	struct str group, version;

	api_version_split(api_version, &group, &version);
	for (size_t i = 0; i < c->count; i++) {
		const struct catalog_entry *e = &c->entries[i];

		if (!e->gone && str_eq(e->resource->group, group) &&
			str_eq(e->resource->kind, kind))
			return e->resource;
	}
	return NULL;
}

struct str catalog_failures(const struct catalog *c, size_t *count)
{
	*count = c->failed_count;
	return buf_str(&c->failed);
}
