/*
 * When services of other servers are looked at: when something of them has changed, and every half
 * minute. Several at once, for who hangs holds up nobody else.
 */
#include "aggregate_private.h"

#include <kube/api_codec.h>
#include <kube/time.h>

#define CHECK_EVERY (30 * SEC)
#define CHECKS_MAX  8

static struct object *standing_service(struct aggregate *a, const struct remote *m)
{
	_cleanup_(arena_done) struct arena scratch;
	const struct resource *r = resource_find(STR(""), STR("v1"), STR("services"));

	arena_init(&scratch);
	return store_get(server_bucket(a->server, r),
		server_key(&scratch, r, m->target.service.namespace, m->target.service.name));
}

/*
 * Whatever is made or changed has the highest revision of all, and what goes is one less: so count
 * and highest revision of a service's slices tell whether they are the same still.
 */
static bool slices_changed(struct aggregate *a, struct remote *m)
{
	_cleanup_(arena_done) struct arena scratch;
	const struct resource *r =
		resource_find(STR("discovery.k8s.io"), STR("v1"), STR("endpointslices"));
	uint64_t changes = store_changes(server_bucket(a->server, r));
	struct service_slices slices;
	int64_t newest = 0;
	size_t count = 0;

	arena_init(&scratch);
	if (changes == m->slice_changes)
		return false;
	slices = service_slices_seek(
		a->server, &scratch, m->target.service.namespace, m->target.service.name);
	for (; service_slices_next(&slices, &scratch); count++)
		newest = MAX(newest, slices.it.object->revision);
	bool same = count == m->slice_count && newest == m->slices_newest;
	m->slice_changes = changes;
	m->slice_count = count;
	m->slices_newest = newest;
	return !same;
}

static bool is_due(struct aggregate *a, struct remote *m)
{
	bool moved = slices_changed(a, m);

	return moved || !m->checked ||
	       loop_now(a->server->env->loop) - m->checked_at >= CHECK_EVERY ||
	       standing_service(a, m) != m->service;
}

static void hold(struct object **place, struct object *o)
{
	struct object *old = *place;

	*place = o ? object_ref(o) : NULL;
	object_unref(old);
}

static void begin(struct aggregate *a, struct remote *m)
{
	m->checked = true;
	m->checked_at = loop_now(a->server->env->loop);
	hold(&m->service, standing_service(a, m));
	aggregate_check_start(a, m);
}

void aggregate_check_due(struct aggregate *a)
{
	if (scope_closing(&a->server->scope))
		return;
	list_each (l, &a->all) {
		struct remote *m = LIST_ENTRY(l, struct remote, in_all);

		if (a->checks == CHECKS_MAX)
			return;
		if (!m->checking && is_due(a, m))
			begin(a, m);
	}
}
