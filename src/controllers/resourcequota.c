/*
 * resourcequota: what the objects of a namespace use of its quotas, counted from the caches.
 *
 * Admission charges for what is made, and writes status.used itself, before the object is there. So
 * nothing is counted because something was made: that could only be seen too early. What goes or
 * gets cheaper is counted, and all of it from time to time, for what was charged and never made.
 */
#include "catalog.h"

#include <kube/quota.h>

#define PAUSE   (100 * MSEC) /* objects go in heaps */
#define RECOUNT (5 * MINUTE)
#define AGAIN   SEC /* after a count that differed */

/* ---- what calls for counting ---- */

static bool same_at(const struct object *old, const struct object *fresh, const char *dotted)
{
	return str_eq(object_scan(old, dotted), object_scan(fresh, dotted));
}

static void quota_changed(struct usual *u, struct object *old, struct object *fresh)
{
	if (fresh && (!old || !same_at(old, fresh, "spec") ||
			     !str_eq(object_scan(fresh, "spec.hard"),
				     object_scan(fresh, "status.hard"))))
		usual_enqueue_object(u, fresh);
}

/* A pod that is: what it has, and so what it costs, shows in its status. */
static bool is_resized(const struct object *o)
{
	return o && str_find(object_scan(o, "status.conditions"), STR("\"PodResize")) >= 0;
}

static void counted_changed(struct usual *u, struct object *old, struct object *fresh)
{
	static const char *const costs[] = {"spec", "status.phase", "metadata.deletionTimestamp"};
	struct informer *quotas = usual_informer(u, "resourcequotas");
	bool same = fresh != NULL;

	for (size_t i = 0; i < ARRAY_LEN(costs) && same && old; i++)
		same = same_at(old, fresh, costs[i]);
	if (same && !is_resized(old) && !is_resized(fresh))
		return;
	_cleanup_(arena_done) struct arena a;
	arena_init(&a);
	informer_each(
		it, informer_by(quotas, "namespace", client_object_namespace(fresh ? fresh : old)))
		usual_enqueue_after(u, client_object_key(&a, it.object), PAUSE);
}

/* What is served no more is watched no more. All is counted: there may be less, or more. */
static void served_changed(struct usual *u)
{
	const struct catalog *catalog = usual_world(u)->catalog;
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < catalog_count(catalog); i++)
		if (catalog_at(catalog, i)->gone)
			usual_watch_no_more(u, catalog_at(catalog, i)->resource);
	informer_each(it, informer_all(usual_informer(u, "resourcequotas")))
		usual_enqueue_after(u, client_object_key(&a, it.object), PAUSE);
}

/* ---- counting ---- */

struct count {
	struct usual *usual;
	struct plan *plan;
	struct arena *arena;
	int64_t now;
	const struct cJSON *spec;
	struct cJSON *used;
};

/* The quota's names that objects of this resource count for, at zero. */
static struct cJSON *names_of(const struct count *c, const struct resource *r)
{
	struct cJSON *names = json_new(c->arena, JSON_OBJECT);

	json_each (limit, json_get(c->spec, STR("hard")))
		if (quota_concerns(r, json_key(limit)))
			json_add(
				c->arena, names, json_key(limit), json_new_str(c->arena, STR("0")));
	return names;
}

/* Who is to be gone at some time is counted again then. */
static void wait_for_end(struct count *c, const struct resource *r, const struct cJSON *object)
{
	int64_t until;

	if (str_eq_text(r->plural, "pods") && !quota_pod_over(object, c->now, &until) && until > 0)
		plan_requeue_after(c->plan, until + SEC - c->now);
}

static struct cJSON *count_objects(
	struct count *c, const struct resource *r, const struct informer *i, struct str namespace)
{
	struct cJSON *names = names_of(c, r), *sum = names;
	bool reads = quota_reads(r);

	informer_each(it, informer_by(i, "namespace", namespace))
	{
		struct cJSON *object = reads ? object_tree(c->arena, it.object) : NULL;

		if (!quota_in_scope(r, object, c->spec))
			continue;
		if (reads)
			wait_for_end(c, r, object);
		sum = amounts_add(c->arena, sum,
			amounts_of(c->arena, quota_usage(c->arena, r, object, c->now), names));
	}
	return sum;
}

/* Of what is served no more there is none. */
static void count_gone(struct count *c, const struct catalog *catalog)
{
	for (size_t i = 0; i < catalog_count(catalog); i++)
		if (catalog_at(catalog, i)->gone)
			json_each (zero, names_of(c, catalog_at(catalog, i)->resource))
				json_set(c->arena, c->used, json_key(zero),
					json_copy(c->arena, zero));
}

/* False: not all caches are complete. */
static bool count_all(struct count *c, struct str namespace)
{
	const struct catalog *catalog = usual_world(c->usual)->catalog;

	if (!catalog_known(catalog))
		return false;
	count_gone(c, catalog);
	for (size_t i = 0; i < catalog_count(catalog); i++) {
		const struct catalog_entry *e = catalog_at(catalog, i);
		const struct resource *r = e->resource;
		struct informer *informer;

		if (e->gone || !r->namespaced || !(e->verbs & VERB_WATCH) ||
			!json_count(names_of(c, r)))
			continue;
		informer = usual_watch_also(c->usual, r, counted_changed);
		if (!informer_synced(informer))
			return false;
		json_each (amount, count_objects(c, r, informer, namespace))
			json_set(c->arena, c->used, json_key(amount), json_copy(c->arena, amount));
	}
	return true;
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct object *o = informer_get_key(usual_informer(u, "resourcequotas"), key);
	struct count c = {.usual = u, .plan = p, .arena = p->arena, .now = now};

	if (!o)
		return;
	struct cJSON *quota = object_tree(p->arena, o);
	c.spec = json_get(quota, STR("spec"));
	const struct cJSON *hard = json_get(c.spec, STR("hard"));
	/* What nobody counts stays as it was. */
	c.used = amounts_of(p->arena, json_path(quota, "status.used"), hard);
	if (!count_all(&c, client_object_namespace(o))) {
		plan_fail(p, "the objects to count are not known yet");
		return;
	}
	plan_requeue_after(p, RECOUNT);
	if (json_equal(hard, json_path(quota, "status.hard")) &&
		json_equal(c.used, json_path(quota, "status.used")))
		return;
	struct cJSON *fresh = json_copy(p->arena, quota);
	tree_set(p->arena, fresh, "status.hard",
		hard ? json_copy(p->arena, hard) : json_new(p->arena, JSON_OBJECT));
	tree_set(p->arena, fresh, "status.used", c.used);
	plan_update_status(p, usual_resource(u, "resourcequotas"), fresh);
	/* What was charged a moment ago, the caches may not have had yet. */
	plan_requeue_after(p, AGAIN);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"", "v1", "resourcequotas", quota_changed},
		{0},
	};

	return usual_new(w, k,
		&(struct usual_options){
			.sources = sources, .reconcile = reconcile, .served = served_changed});
}

const struct controller_kind resourcequota_kind = {
	.name = "resourcequota-controller",
	.aliases = "resourcequota",
	.start = start,
};
