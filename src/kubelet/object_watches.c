#include "object_watches.h"

#include <kube/api_codec.h>
#include <kube/informer.h>
#include <kube/list.h>
#include <kube/mem.h>

/* One object by its name. */
struct watched {
	struct link in_all;
	struct object_watches *all;
	const struct resource *resource;
	struct str namespace, name;
	char *text; /* holds them */
	struct informer *informer;
	struct informer_handler handler;
	struct list holds; /* struct held */
	size_t count;
	struct op stopped;
};

/* A pod's interest in it. */
struct held {
	struct link in_watched;
	struct watched *watched;
	struct object_hold *hold;
};

struct object_hold {
	struct held *items;
	size_t count;
	object_changed_fn *changed;
	void *ctx;
};

struct object_watches {
	struct client *client;
	struct scope scope;
	struct list watched;
};

struct object_watches *object_watches_new(struct client *c, struct scope *parent)
{
	struct object_watches *w = mem_new(sizeof(*w));

	w->client = c;
	scope_init(&w->scope, parent, "object watches", NULL);
	list_init(&w->watched);
	return w;
}

void object_watches_stop(struct object_watches *w, struct op *op)
{
	scope_close(&w->scope, op);
}

void object_watches_free(struct object_watches *w)
{
	if (!w)
		return;
	assert(list_empty(&w->watched));
	mem_free(w);
}

/* ---- one object ---- */

static void tell(struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct watched *x = h->ctx;

	(void)old;
	(void)fresh;
	(void)initial;
	list_each_safe (k, &x->holds) {
		struct object_hold *hold = LIST_ENTRY(k, struct held, in_watched)->hold;

		hold->changed(hold->ctx);
	}
}

/* An object that is not there tells nothing: that this is known is worth telling. */
static void synced(struct op *op, struct err *err)
{
	struct watched *x = CONTAINER_OF(op, struct watched, stopped);

	if (!err->code)
		tell(&x->handler, NULL, NULL, true);
}

static struct watched *find(struct object_watches *w, const struct resource *resource,
	struct str namespace, struct str name)
{
	list_each (k, &w->watched) {
		struct watched *x = LIST_ENTRY(k, struct watched, in_all);

		if (x->resource == resource && x->count && str_eq(x->name, name) &&
			str_eq(x->namespace, namespace))
			return x;
	}
	return NULL;
}

static struct watched *watch(struct object_watches *w, const struct resource *resource,
	struct str namespace, struct str name)
{
	struct watched *x = mem_new(sizeof(*x));
	char *selector = mem_print("metadata.name=%.*s", STRF(name));

	x->all = w;
	x->resource = resource;
	x->text = mem_print("%.*s%.*s", STRF(namespace), STRF(name));
	x->namespace = str_make(x->text, namespace.len);
	x->name = str_make(x->text + namespace.len, name.len);
	list_init(&x->holds);
	x->informer = informer_new(&w->scope, &(struct informer_options){.client = w->client,
						      .resource = resource,
						      .namespace = namespace,
						      .fields = str_from(selector)});
	mem_free(selector);
	x->handler = (struct informer_handler){.changed = tell, .ctx = x};
	informer_add_handler(x->informer, &x->handler);
	op_init(&x->stopped, &w->scope, synced, OP_NO_DEADLINE);
	informer_wait_synced(x->informer, &x->stopped);
	list_push(&w->watched, &x->in_all);
	return x;
}

static void forgotten(struct op *op, struct err *err)
{
	struct watched *x = CONTAINER_OF(op, struct watched, stopped);

	(void)err;
	link_remove(&x->in_all);
	informer_free(x->informer);
	mem_free(x->text);
	mem_free(x);
}

static void end_watch(struct watched *x)
{
	op_init(&x->stopped, x->all->scope.parent, forgotten, OP_NO_DEADLINE);
	informer_stop(x->informer, &x->stopped);
}

static void wait_is_over(struct op *op, struct err *err)
{
	(void)err;
	end_watch(CONTAINER_OF(op, struct watched, stopped));
}

static void forget(struct watched *x)
{
	informer_remove_handler(x->informer, &x->handler);
	if (op_active(&x->stopped)) {
		/* It still waits for its first list. */
		x->stopped.done = wait_is_over;
		op_cancel(&x->stopped);
	} else {
		end_watch(x);
	}
}

/* ---- what a pod names ---- */

struct wish {
	const struct resource *resource;
	struct str name;
};
struct wishes {
	struct wish *items;
	size_t count, cap;
};

static void add_wish(struct wishes *w, const struct resource *resource, struct str name)
{
	if (!name.len)
		return;
	for (size_t i = 0; i < w->count; i++)
		if (w->items[i].resource == resource && str_eq(w->items[i].name, name))
			return;
	if (w->count == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 8;
		w->items = mem_resize(w->items, w->cap * sizeof(*w->items));
	}
	w->items[w->count++] = (struct wish){resource, name};
}

static void add_container(struct wishes *w, const struct cJSON *container)
{
	json_each (from, json_get(container, STR("envFrom"))) {
		add_wish(w, resource_config_maps(), tree_str(from, "configMapRef.name"));
		add_wish(w, resource_secrets(), tree_str(from, "secretRef.name"));
	}
	json_each (entry, json_get(container, STR("env"))) {
		add_wish(w, resource_config_maps(),
			tree_str(entry, "valueFrom.configMapKeyRef.name"));
		add_wish(w, resource_secrets(), tree_str(entry, "valueFrom.secretKeyRef.name"));
	}
}

static void add_pod(struct wishes *w, const struct cJSON *pod)
{
	static const char *const lists[] = {
		"spec.containers", "spec.initContainers", "spec.ephemeralContainers"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(pod, lists[i]))
			add_container(w, container);
	json_each (volume, json_path(pod, "spec.volumes")) {
		add_wish(w, resource_config_maps(), tree_str(volume, "configMap.name"));
		add_wish(w, resource_secrets(), tree_str(volume, "secret.secretName"));
		json_each (source, json_path(volume, "projected.sources")) {
			add_wish(w, resource_config_maps(), tree_str(source, "configMap.name"));
			add_wish(w, resource_secrets(), tree_str(source, "secret.name"));
		}
	}
	json_each (secret, json_path(pod, "spec.imagePullSecrets"))
		add_wish(w, resource_secrets(), tree_str(secret, "name"));
}

/* ---- holds ---- */

static void drop_items(struct held *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct watched *x = items[i].watched;

		link_remove(&items[i].in_watched);
		if (--x->count == 0)
			forget(x);
	}
	mem_free(items);
}

void object_watches_hold(struct object_watches *w, struct object_hold **hold,
	const struct cJSON *pod, object_changed_fn *changed, void *ctx)
{
	struct str namespace = tree_str(pod, "metadata.namespace");
	struct wishes wishes = {0};

	if (!*hold)
		*hold = mem_new(sizeof(**hold));
	struct object_hold *h = *hold;
	struct held *old = h->items;
	size_t old_count = h->count;
	add_pod(&wishes, pod);
	h->changed = changed;
	h->ctx = ctx;
	h->count = wishes.count;
	h->items = wishes.count ? mem_new(wishes.count * sizeof(*h->items)) : NULL;
	for (size_t i = 0; i < wishes.count; i++) {
		struct watched *x =
			find(w, wishes.items[i].resource, namespace, wishes.items[i].name);

		if (!x)
			x = watch(w, wishes.items[i].resource, namespace, wishes.items[i].name);
		x->count++;
		h->items[i] = (struct held){.watched = x, .hold = h};
		list_push(&x->holds, &h->items[i].in_watched);
	}
	/* After the new ones are held: who is in both is not watched anew. */
	drop_items(old, old_count);
	mem_free(wishes.items);
}

void object_watches_drop(struct object_watches *w, struct object_hold **hold)
{
	(void)w;
	if (!*hold)
		return;
	drop_items((*hold)->items, (*hold)->count);
	mem_free(TAKE(*hold));
}

bool object_hold_ready(const struct object_hold *hold)
{
	for (size_t i = 0; hold && i < hold->count; i++)
		if (!informer_synced(hold->items[i].watched->informer))
			return false;
	return true;
}

enum source_state object_hold_get(const struct object_hold *hold, struct arena *a,
	const struct resource *resource, struct str name, const struct cJSON **object)
{
	for (size_t i = 0; hold && i < hold->count; i++) {
		struct watched *x = hold->items[i].watched;

		if (x->resource != resource || !str_eq(x->name, name))
			continue;
		struct object *o = informer_get(x->informer, x->namespace, name);
		if (o) {
			*object = object_lean_tree(a, o);
			return SOURCE_FOUND;
		}
		return informer_synced(x->informer) ? SOURCE_MISSING : SOURCE_NOT_YET;
	}
	return SOURCE_MISSING;
}
