/*
 * Slices as a function of a service, its pods and the slices that are there. An endpoint stays in
 * the slice it is in; what is new fills slices that change anyway, then one that has room, then
 * new ones: a change of few endpoints is a write of few slices.
 */
#include "slices_private.h"

#include <kube/api_codec.h>
#include <kube/names.h>

#include <stdlib.h>

#define HEADLESS_LABEL "service.kubernetes.io/headless"
#define TRIGGER_TIME   "endpoints.kubernetes.io/last-change-trigger-time"
#define MANAGER        "endpointslice-controller.k8s.io"

/* ---- labels and new slices ---- */

static bool is_reserved(struct str label)
{
	return str_eq_text(label, SLICE_SERVICE_LABEL) || str_eq_text(label, SLICE_MANAGER_LABEL) ||
	       str_eq_text(label, HEADLESS_LABEL);
}

static struct cJSON *labels_for(struct slicing *s)
{
	struct arena *a = s->a;
	const struct cJSON *service = s->in->service;
	struct cJSON *labels = json_new(a, JSON_OBJECT);

	json_each (label, json_path(service, "metadata.labels")) {
		if (!is_reserved(json_key(label)))
			json_set(a, labels, json_key(label), json_copy(a, label));
	}
	if (!service_has_address(service))
		json_set(a, labels, STR(HEADLESS_LABEL), json_new_str(a, STR("")));
	json_set(a, labels, STR(SLICE_SERVICE_LABEL),
		json_new_str(a, tree_str(service, "metadata.name")));
	json_set(a, labels, STR(SLICE_MANAGER_LABEL), json_new_str(a, STR(MANAGER)));
	return labels;
}

static struct cJSON *new_slice(struct slicing *s, struct cJSON *ports)
{
	struct arena *a = s->a;
	const struct cJSON *service = s->in->service;
	struct cJSON *slice = json_new(a, JSON_OBJECT);

	tree_set_str(a, slice, "apiVersion", STR("discovery.k8s.io/v1"));
	tree_set_str(a, slice, "kind", STR("EndpointSlice"));
	tree_set_str(a, slice, "metadata.generateName",
		slice_prefix(a, tree_str(service, "metadata.name")));
	tree_set_str(a, slice, "metadata.namespace", tree_str(service, "metadata.namespace"));
	tree_set(a, slice, "metadata.labels", labels_for(s));
	slice_set_owner(a, slice, service);
	tree_set_str(a, slice, "addressType", s->v6 ? STR("IPv6") : STR("IPv4"));
	json_set(a, slice, STR("endpoints"), json_new(a, JSON_ARRAY));
	json_set(a, slice, STR("ports"), ports);
	return slice;
}

/* ---- from what is there to what is wanted ---- */

static size_t slice_size(const struct cJSON *slice)
{
	return json_count(json_get(slice, STR("endpoints")));
}

/*
 * The cause of what changes, by the clock of the pods' kubelets: the first that has come, or has
 * become ready or not. Gone pods leave no time.
 */
static void note_trigger(struct slicing *s, const struct wanted *w, const struct cJSON *before)
{
	int64_t since;

	if (before &&
		json_equal(json_path(before, "conditions"), json_path(w->endpoint, "conditions")))
		return;
	if (pod_readiness_since(w->pod, &since))
		s->trigger = s->trigger ? MIN(s->trigger, since) : since;
}

static struct wanted *find_in_group(
	struct slicing *s, struct group *g, const struct cJSON *endpoint)
{
	uintptr_t at = (uintptr_t)map_get(&g->by_key, slice_endpoint_key(s->a, endpoint));

	return at && !g->wanted[at - 1].placed ? &g->wanted[at - 1] : NULL;
}

/* Keeps what is wanted of one slice; drops and replaces the rest. */
static void settle_slice(struct slicing *s, struct group *g, struct standing *at)
{
	struct cJSON *kept = json_new(s->a, JSON_ARRAY);
	struct cJSON *labels = labels_for(s);
	bool changed = false;

	json_each (endpoint, json_get(at->slice, STR("endpoints"))) {
		struct wanted *w = find_in_group(s, g, endpoint);

		if (!w) {
			changed = true;
			continue;
		}
		if (!json_equal(endpoint, w->endpoint)) {
			note_trigger(s, w, endpoint);
			changed = true;
		}
		w->placed = true;
		g->left--;
		json_append(kept, w->endpoint);
	}
	if (changed && !json_count(kept)) {
		at->remove = true;
		return;
	}
	if (!json_equal(json_path(at->slice, "metadata.labels"), labels)) {
		tree_set(s->a, at->slice, "metadata.labels", labels);
		changed = true;
	}
	json_set(s->a, at->slice, STR("endpoints"), kept);
	at->update = changed;
}

static void fill(struct slicing *s, struct group *g, struct cJSON *slice)
{
	struct cJSON *endpoints = json_get(slice, STR("endpoints"));
	size_t size = json_count(endpoints);

	for (size_t i = 0; i < g->count && size < SLICE_MAX_ENDPOINTS; i++) {
		struct wanted *w = &g->wanted[i];

		if (w->placed)
			continue;
		w->placed = true;
		g->left--;
		size++;
		note_trigger(s, w, NULL);
		json_append(endpoints, w->endpoint);
	}
}

/* The fullest one of those that change anyway and have room. */
static struct standing *changing_with_room(struct slicing *s, const struct group *g)
{
	struct standing *best = NULL;

	for (size_t i = 0; i < s->standing_count; i++) {
		struct standing *at = &s->standing[i];

		if (!at->update || at->foreign || !str_eq(at->key, g->key) ||
			slice_size(at->slice) >= SLICE_MAX_ENDPOINTS)
			continue;
		if (!best || slice_size(at->slice) > slice_size(best->slice))
			best = at;
	}
	return best;
}

/* Of those that do not change the one that all the rest fits into most closely. */
static struct standing *still_with_room(struct slicing *s, const struct group *g)
{
	struct standing *best = NULL;

	for (size_t i = 0; i < s->standing_count; i++) {
		struct standing *at = &s->standing[i];

		if (at->update || at->remove || at->foreign || !str_eq(at->key, g->key) ||
			slice_size(at->slice) + g->left > SLICE_MAX_ENDPOINTS)
			continue;
		if (!best || slice_size(at->slice) > slice_size(best->slice))
			best = at;
	}
	return best;
}

static void settle_group(struct slicing *s, struct group *g)
{
	struct standing *at;

	for (size_t i = 0; i < s->standing_count; i++) {
		if (!s->standing[i].foreign && str_eq(s->standing[i].key, g->key))
			settle_slice(s, g, &s->standing[i]);
	}
	while (g->left && (at = changing_with_room(s, g)))
		fill(s, g, at->slice);
	while (g->left) {
		at = g->left < SLICE_MAX_ENDPOINTS ? still_with_room(s, g) : NULL;
		struct cJSON *slice = at ? at->slice : new_slice(s, json_copy(s->a, g->ports));

		if (at)
			at->update = true;
		else
			trees_add(s->a, &s->fresh, slice);
		fill(s, g, slice);
	}
}

/* ---- the writes ---- */

/* Is this the slice that says that there is nothing? */
static bool is_placeholder(struct slicing *s, const struct standing *at)
{
	return !at->foreign && !slice_size(at->slice) && !at->key.len &&
	       json_equal(json_path(at->slice, "metadata.labels"), labels_for(s));
}

static void keep_one(struct slicing *s)
{
	size_t removed = 0;
	struct standing *last = NULL;

	for (size_t i = 0; i < s->standing_count; i++) {
		if (s->standing[i].remove) {
			removed++;
			last = &s->standing[i];
		}
	}
	if (removed < s->standing_count || s->fresh.count)
		return;
	if (removed == 1 && is_placeholder(s, last))
		last->remove = false;
	else
		trees_add(s->a, &s->fresh, new_slice(s, json_new(s->a, JSON_ARRAY)));
}

static void set_trigger(struct slicing *s, struct cJSON *slice, struct str time)
{
	struct cJSON *annotations = json_path(slice, "metadata.annotations");
	struct cJSON *old = json_get(annotations, STR(TRIGGER_TIME));

	if (time.len) {
		if (!annotations) {
			annotations = json_new(s->a, JSON_OBJECT);
			tree_set(s->a, slice, "metadata.annotations", annotations);
		}
		json_set(s->a, annotations, STR(TRIGGER_TIME), json_new_str(s->a, time));
	} else if (old) {
		json_remove(annotations, old);
	}
}

/* A slice to be made takes the place of one that would go: its name, its age. */
static void take_place(struct slicing *s, struct cJSON *fresh, struct standing *of)
{
	struct cJSON *slice = of->slice;
	struct cJSON *endpoints = json_get(fresh, STR("endpoints"));
	struct cJSON *ports = json_get(fresh, STR("ports"));

	json_remove(fresh, endpoints);
	json_remove(fresh, ports);
	json_set(s->a, slice, STR("endpoints"), endpoints);
	json_set(s->a, slice, STR("ports"), ports);
	tree_set(s->a, slice, "metadata.labels", labels_for(s));
	of->remove = false;
	of->update = true;
}

static void emit(struct slicing *s, bool first_sync)
{
	struct str time = s->trigger ? time_text(s->a, s->trigger) : STR("");

	if (first_sync)
		time = tree_str(s->in->service, "metadata.creationTimestamp");

	for (size_t i = 0; i < s->standing_count && s->fresh.count; i++) {
		struct standing *at = &s->standing[i];

		if (at->remove && !at->foreign)
			take_place(s, s->fresh.items[--s->fresh.count], at);
	}
	for (size_t i = 0; i < s->fresh.count; i++) {
		set_trigger(s, s->fresh.items[i], time);
		if (!tree_has(s->in->service, "metadata.deletionTimestamp"))
			trees_add(s->a, &s->out->create, s->fresh.items[i]);
	}
	for (size_t i = 0; i < s->standing_count; i++) {
		struct standing *at = &s->standing[i];

		if (at->remove) {
			trees_add(s->a, &s->out->remove, at->slice);
		} else if (at->update) {
			set_trigger(s, at->slice, time);
			trees_add(s->a, &s->out->update, at->slice);
		}
	}
}

/* ---- one address family after the other ---- */

static bool is_owned(const struct cJSON *slice, const struct cJSON *service)
{
	struct str uid = tree_str(service, "metadata.uid");

	json_each (ref, json_path(slice, "metadata.ownerReferences")) {
		if (str_eq(tree_str(ref, "uid"), uid))
			return true;
	}
	return false;
}

static void find_standing(struct slicing *s)
{
	const struct trees *all = s->in->existing;
	struct str type = s->v6 ? STR("IPv6") : STR("IPv4");

	s->standing = arena_new(s->a, (all->count + 1) * sizeof(*s->standing));
	for (size_t i = 0; i < all->count; i++) {
		struct cJSON *slice = all->items[i];

		if (!str_eq(tree_str(slice, "addressType"), type))
			continue;
		s->standing[s->standing_count++] = (struct standing){.slice = slice,
			.key = slice_ports_key(s->a, json_get(slice, STR("ports"))),
			.foreign = !is_owned(slice, s->in->service)};
	}
}

static void slice_family(
	struct arena *a, const struct slices_in *in, bool v6, struct slices_change *out)
{
	struct slicing s = {.a = a, .in = in, .out = out, .v6 = v6};

	find_standing(&s);
	slices_find_wanted(&s);
	/* Goes, unless its group says otherwise. */
	for (size_t i = 0; i < s.standing_count; i++) {
		struct standing *at = &s.standing[i];

		at->remove = true;
		for (size_t g = 0; g < s.group_count && !at->foreign; g++)
			at->remove &= !str_eq(at->key, s.groups[g].key);
	}
	for (size_t g = 0; g < s.group_count; g++) {
		settle_group(&s, &s.groups[g]);
		map_done(&s.groups[g].by_key);
	}
	keep_one(&s);
	emit(&s, !in->existing->count);
}

void slices_of_service(struct arena *a, const struct slices_in *in, struct slices_change *change)
{
	bool v6[2], served[2] = {false, false};
	size_t count = service_ip_families(in->service, v6);

	*change = (struct slices_change){0};
	for (size_t i = 0; i < count; i++) {
		served[v6[i]] = true;
		slice_family(a, in, v6[i], change);
	}
	for (size_t i = 0; i < in->existing->count; i++) {
		struct cJSON *slice = in->existing->items[i];

		if (!served[str_eq(tree_str(slice, "addressType"), STR("IPv6"))])
			trees_add(a, &change->remove, slice);
	}
}
