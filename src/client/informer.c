#include "cache.h"
#include "reflector.h"

#include <kube/mem.h>

/* Somebody who waits for the cache to get somewhere. */
struct waiter {
	struct link in_informer;
	struct informer *informer;
	struct op *op;
	bool for_sync;
	int64_t revision;
	char *key, *uid; /* of an object that is to go */
};

struct informer {
	struct reflector reflector;
	struct scope scope;
	struct arena arena;
	struct cache cache;
	struct omap fresh; /* key → struct cache_entry: the new state while it comes */
	struct list handlers, waiters;
	struct op running;
	bool synced, telling;
};

static struct informer *informer_of(struct reflector *r)
{
	return CONTAINER_OF(r, struct informer, reflector);
}

/* ---- telling ---- */

static void tell(struct informer *i, struct object *old, struct object *fresh)
{
	assert(!i->telling);
	i->telling = true;
	list_each_safe (k, &i->handlers) {
		struct informer_handler *h = LIST_ENTRY(k, struct informer_handler, in_informer);

		h->changed(h, old, fresh, !i->synced);
	}
	i->telling = false;
}

static bool is_gone(const struct informer *i, const struct waiter *w)
{
	const struct cache_entry *e = cache_get(&i->cache, str_from(w->key));

	return !e || !str_eq_text(object_scan(e->object, "metadata.uid"), w->uid);
}

static bool has_come(const struct informer *i, const struct waiter *w)
{
	if (!i->synced)
		return false;
	if (w->key)
		return is_gone(i, w);
	return w->for_sync || i->reflector.revision >= w->revision;
}

static void waiter_free(struct waiter *w)
{
	link_remove(&w->in_informer);
	mem_free(w->key);
	mem_free(w->uid);
	mem_free(w);
}

static void wake_waiters(struct informer *i)
{
	list_each_safe (k, &i->waiters) {
		struct waiter *w = LIST_ENTRY(k, struct waiter, in_informer);

		if (!has_come(i, w))
			continue;
		op_finish(w->op, 0);
		waiter_free(w);
	}
}

/* ---- what the reflector says ---- */

static void drop_fresh(struct informer *i)
{
	omap_each (it, &i->fresh)
		cache_entry_free(it.value);
	omap_done(&i->fresh);
	omap_init(&i->fresh);
}

static void put(struct informer *i, struct cache_entry *e)
{
	struct cache_entry *old = cache_put(&i->cache, e);

	tell(i, old ? old->object : NULL, e->object);
	cache_entry_free(old);
}

static void drop(struct informer *i, struct str key, struct object *last)
{
	struct cache_entry *old = cache_remove(&i->cache, key);

	if (!old)
		return;
	tell(i, last ? last : old->object, NULL);
	cache_entry_free(old);
}

static void list_begins(struct reflector *r)
{
	drop_fresh(informer_of(r));
}

static void list_item(struct reflector *r, struct object *o, const struct cJSON *tree)
{
	struct informer *i = informer_of(r);
	struct cache_entry *e = cache_entry_new(&i->cache, o, tree);

	cache_entry_free(omap_set(&i->fresh, e->key, e));
}

/* What the new state does not have has been deleted while we did not look. */
static void drop_missing(struct informer *i)
{
	size_t count = 0;
	struct str *keys = mem_alloc((i->cache.entries.count + 1) * sizeof(*keys));

	omap_each (it, &i->cache.entries)
		if (!omap_has(&i->fresh, it.key))
			keys[count++] = ((struct cache_entry *)it.value)->key;
	for (size_t k = 0; k < count; k++)
		drop(i, keys[k], NULL);
	mem_free(keys);
}

static void list_ends(struct reflector *r)
{
	struct informer *i = informer_of(r);

	drop_missing(i);
	omap_each (it, &i->fresh) {
		struct cache_entry *e = it.value;
		const struct cache_entry *old = cache_get(&i->cache, e->key);

		if (old && old->object->revision == e->object->revision)
			cache_entry_free(e);
		else
			put(i, e);
	}
	omap_done(&i->fresh);
	omap_init(&i->fresh);
	i->synced = true;
}

static void event(struct reflector *r, enum client_event_type type, struct object *o,
	const struct cJSON *tree)
{
	struct informer *i = informer_of(r);
	struct cache_entry *e = cache_entry_new(&i->cache, o, tree);

	if (type != CLIENT_DELETED) {
		put(i, e);
		return;
	}
	drop(i, e->key, o);
	cache_entry_free(e);
}

static void advanced(struct reflector *r)
{
	wake_waiters(informer_of(r));
}

static const struct reflector_events events = {
	.begin = list_begins,
	.item = list_item,
	.end = list_ends,
	.event = event,
	.advanced = advanced,
};

/* ---- life ---- */

static void run(struct informer *i);

static void ended(struct op *op, struct err *err)
{
	struct informer *i = CONTAINER_OF(op, struct informer, running);

	(void)err;
	if (!scope_closing(&i->scope))
		run(i); /* it never ends by itself, but may be refused its beginning */
}

static void run(struct informer *i)
{
	op_init(&i->running, &i->scope, ended, OP_NO_DEADLINE);
	reflector_start(&i->reflector, &i->running);
}

struct informer *informer_new(struct scope *parent, const struct informer_options *options)
{
	struct informer *i = mem_new(sizeof(*i));
	struct reflector *r = &i->reflector;

	arena_init(&i->arena);
	list_init(&i->handlers);
	list_init(&i->waiters);
	omap_init(&i->fresh);
	cache_init(&i->cache, options->indexes, options->index_count);
	scope_init(&i->scope, parent, "informer", NULL);
	r->events = &events;
	r->client = options->client;
	r->resource = options->resource;
	r->namespace = arena_str(&i->arena, options->namespace);
	r->labels = arena_str(&i->arena, options->labels);
	r->fields = arena_str(&i->arena, options->fields);
	r->no_watch_list = options->no_watch_list;
	run(i);
	return i;
}

void informer_stop(struct informer *i, struct op *op)
{
	list_each_safe (k, &i->waiters) {
		struct waiter *w = LIST_ENTRY(k, struct waiter, in_informer);

		op_fail_with(w->op, ERR_CLOSED, "the informer has ended");
		waiter_free(w);
	}
	scope_close(&i->scope, op);
}

void informer_free(struct informer *i)
{
	if (!i)
		return;
	drop_fresh(i);
	omap_done(&i->fresh);
	cache_done(&i->cache);
	arena_done(&i->arena);
	mem_free(i);
}

/* ---- handlers ---- */

void informer_add_handler(struct informer *i, struct informer_handler *h)
{
	assert(!i->telling);
	i->telling = true;
	omap_each (it, &i->cache.entries)
		h->changed(h, NULL, ((struct cache_entry *)it.value)->object, true);
	i->telling = false;
	list_push(&i->handlers, &h->in_informer);
}

void informer_remove_handler(struct informer *i, struct informer_handler *h)
{
	(void)i;
	link_remove(&h->in_informer);
}

/* ---- waiting ---- */

static void waiter_cancel(struct op *op)
{
	struct waiter *w = op->ctx;

	waiter_free(w);
	op_fail_cancelled(op);
}

static void wait_for(struct informer *i, struct op *op, struct waiter want)
{
	static const struct op_kind kind = {.name = "informer", .cancel = waiter_cancel};
	struct waiter *w = mem_copy(&want, sizeof(want));

	if (!op_begin(op, &kind, w)) {
		waiter_free(w);
		return;
	}
	w->informer = i;
	w->op = op;
	if (scope_closing(&i->scope))
		op_fail_with(op, ERR_CLOSED, "the informer has ended");
	else if (has_come(i, w))
		op_finish(op, 0);
	else {
		list_push(&i->waiters, &w->in_informer);
		return;
	}
	waiter_free(w);
}

void informer_wait_synced(struct informer *i, struct op *op)
{
	wait_for(i, op, (struct waiter){.for_sync = true});
}

void informer_wait_revision(struct informer *i, struct op *op, int64_t revision)
{
	wait_for(i, op, (struct waiter){.revision = revision});
}

void informer_wait_gone(struct informer *i, struct op *op, struct str key, struct str uid)
{
	wait_for(i, op, (struct waiter){.key = str_dup(key), .uid = str_dup(uid)});
}

void informer_hurry(struct informer *i)
{
	reflector_hurry(&i->reflector);
}

bool informer_synced(const struct informer *i)
{
	return i->synced;
}

int64_t informer_revision(const struct informer *i)
{
	return i->reflector.revision;
}

const struct resource *informer_resource(const struct informer *i)
{
	return i->reflector.resource;
}

bool informer_covers(const struct informer *i, struct str namespace)
{
	return !i->reflector.namespace.len || str_eq(i->reflector.namespace, namespace);
}

/* ---- looking ---- */

size_t informer_count(const struct informer *i)
{
	return i->cache.entries.count;
}

struct object *informer_get_key(const struct informer *i, struct str key)
{
	const struct cache_entry *e = cache_get(&i->cache, key);

	return e ? e->object : NULL;
}

struct object *informer_get(const struct informer *i, struct str namespace, struct str name)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(KIB);

	if (namespace.len) {
		buf_add_str(&key, namespace);
		buf_add_char(&key, '/');
	}
	buf_add_str(&key, name);
	return informer_get_key(i, buf_str(&key));
}

struct informer_iter informer_all(const struct informer *i)
{
	return (struct informer_iter){.entries = &i->cache.entries};
}

struct informer_iter informer_by(const struct informer *i, const char *index, struct str key)
{
	return (struct informer_iter){.entries = cache_find(&i->cache, index, key)};
}

bool informer_next(struct informer_iter *it)
{
	if (!it->entries || !omap_next(it->entries, &it->at))
		return false;
	it->object = ((struct cache_entry *)it->at.value)->object;
	return true;
}

void informer_stats(const struct informer *i, struct informer_stats *stats)
{
	const struct reflector *r = &i->reflector;

	*stats = (struct informer_stats){.lists = r->lists,
		.watches = r->watches,
		.events = r->event_count,
		.failures = r->failures,
		.objects = i->cache.entries.count};
}
