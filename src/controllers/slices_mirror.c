/*
 * Slices as a mirror of Endpoints that were written by hand: one slice for each set of ports and
 * address family.
 */
#include "slices.h"

#include <kube/api_codec.h>
#include <kube/ip.h>
#include <kube/map.h>

#define MANAGER      "endpointslicemirroring-controller.k8s.io"
#define TRIGGER_TIME "endpoints.kubernetes.io/last-change-trigger-time"
#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

struct reflection {
	struct str key; /* family and ports */
	struct str type;
	struct cJSON *ports, *endpoints;
	size_t count;
	struct map by_key; /* endpoints that are in it */
};

struct mirroring {
	struct arena *a;
	const struct cJSON *endpoints;
	struct reflection *reflections;
	size_t count, cap;
};

static struct cJSON *ports_of(struct arena *a, const struct cJSON *subset)
{
	struct cJSON *ports = json_new(a, JSON_ARRAY);

	json_each (from, json_get(subset, STR("ports"))) {
		struct cJSON *port = json_new(a, JSON_OBJECT);
		struct str app = tree_str(from, "appProtocol");

		json_set(a, port, STR("name"), json_new_str(a, tree_str(from, "name")));
		json_set(a, port, STR("protocol"), json_new_str(a, tree_str(from, "protocol")));
		json_set(a, port, STR("port"), json_new_int(a, tree_int(from, "port", 0)));
		if (app.len)
			json_set(a, port, STR("appProtocol"), json_new_str(a, app));
		json_append(ports, port);
	}
	return ports;
}

static struct reflection *reflection_of(
	struct mirroring *m, const struct cJSON *subset, struct str type)
{
	struct cJSON *ports = ports_of(m->a, subset);
	struct str key =
		arena_print(m->a, "%.*s %.*s", STRF(type), STRF(slice_ports_key(m->a, ports)));

	for (size_t i = 0; i < m->count; i++) {
		if (str_eq(m->reflections[i].key, key))
			return &m->reflections[i];
	}
	ARENA_ROOM(m->a, m->reflections, m->count, m->cap, 4);
	struct reflection *r = &m->reflections[m->count++];
	*r = (struct reflection){
		.key = key, .type = type, .ports = ports, .endpoints = json_new(m->a, JSON_ARRAY)};
	map_init_borrowed(&r->by_key);
	return r;
}

static struct cJSON *endpoint_of(struct arena *a, const struct cJSON *address, bool ready)
{
	struct cJSON *endpoint = json_new(a, JSON_OBJECT), *addresses = json_new(a, JSON_ARRAY);
	struct str hostname = tree_str(address, "hostname"), node = tree_str(address, "nodeName");
	const struct cJSON *target = json_get(address, STR("targetRef"));

	json_append(addresses, json_new_str(a, tree_str(address, "ip")));
	json_set(a, endpoint, STR("addresses"), addresses);
	tree_set(a, endpoint, "conditions.ready", json_new_bool(a, ready));
	if (hostname.len)
		json_set(a, endpoint, STR("hostname"), json_new_str(a, hostname));
	if (target)
		json_set(a, endpoint, STR("targetRef"), json_copy(a, target));
	if (node.len)
		json_set(a, endpoint, STR("nodeName"), json_new_str(a, node));
	return endpoint;
}

/* Of what it was told before, the last counts. false: no address. */
static bool reflect(
	struct mirroring *m, const struct cJSON *subset, const struct cJSON *address, bool ready)
{
	struct ip ip;

	if (!ip_parse(tree_str(address, "ip"), &ip))
		return false;
	struct reflection *r = reflection_of(m, subset, ip.len == 16 ? STR("IPv6") : STR("IPv4"));
	struct cJSON *endpoint = endpoint_of(m->a, address, ready);
	struct str key = slice_endpoint_key(m->a, endpoint);
	if (map_has(&r->by_key, key) || r->count >= MIRROR_MAX_ADDRESSES)
		return true;
	map_set(&r->by_key, key, endpoint);
	json_append(r->endpoints, endpoint);
	r->count++;
	return true;
}

static void reflect_subset(
	struct mirroring *m, const struct cJSON *subset, struct mirror_notes *notes)
{
	const struct cJSON *lists[] = {
		json_get(subset, STR("addresses")), json_get(subset, STR("notReadyAddresses"))};
	size_t added = 0, invalid = 0;

	for (int i = 0; i < 2; i++) {
		json_each (address, lists[i]) {
			if (added >= MIRROR_MAX_ADDRESSES)
				break;
			if (reflect(m, subset, address, i == 0))
				added++;
			else
				invalid++;
		}
	}
	notes->skipped += invalid;
	notes->too_many += json_count(lists[0]) + json_count(lists[1]) - added - invalid;
}

/* ---- what a slice copies from the Endpoints' metadata ---- */

static struct cJSON *labels_for(struct mirroring *m)
{
	const struct cJSON *own = json_path(m->endpoints, "metadata.labels");
	struct cJSON *labels = own ? json_copy(m->a, own) : json_new(m->a, JSON_OBJECT);

	json_set(m->a, labels, STR(SLICE_SERVICE_LABEL),
		json_new_str(m->a, tree_str(m->endpoints, "metadata.name")));
	json_set(m->a, labels, STR(SLICE_MANAGER_LABEL), json_new_str(m->a, STR(MANAGER)));
	return labels;
}

static struct cJSON *annotations_for(struct mirroring *m)
{
	struct cJSON *annotations = json_new(m->a, JSON_OBJECT);

	json_each (from, json_path(m->endpoints, "metadata.annotations")) {
		if (!str_eq_text(json_key(from), TRIGGER_TIME) &&
			!str_eq_text(json_key(from), LAST_APPLIED))
			json_set(m->a, annotations, json_key(from), json_copy(m->a, from));
	}
	return json_count(annotations) ? annotations : NULL;
}

static struct cJSON *new_slice(struct mirroring *m, struct reflection *r)
{
	struct arena *a = m->a;
	struct cJSON *slice = json_new(a, JSON_OBJECT);

	tree_set_str(a, slice, "apiVersion", STR("discovery.k8s.io/v1"));
	tree_set_str(a, slice, "kind", STR("EndpointSlice"));
	tree_set_str(a, slice, "metadata.generateName",
		slice_prefix(a, tree_str(m->endpoints, "metadata.name")));
	tree_set_str(a, slice, "metadata.namespace", tree_str(m->endpoints, "metadata.namespace"));
	tree_set_str(a, slice, "addressType", r->type);
	slice_set_owner(a, slice, m->endpoints);
	return slice;
}

/* ---- against what is there ---- */

static bool same_endpoints(
	struct mirroring *m, const struct reflection *r, const struct cJSON *slice)
{
	const struct cJSON *there = json_get(slice, STR("endpoints"));

	if (json_count(there) != r->count)
		return false;
	json_each (endpoint, there) {
		if (!json_equal(map_get(&r->by_key, slice_endpoint_key(m->a, endpoint)), endpoint))
			return false;
	}
	return true;
}

static struct str key_of_slice(struct arena *a, const struct cJSON *slice)
{
	return arena_print(a, "%.*s %.*s", STRF(tree_str(slice, "addressType")),
		STRF(slice_ports_key(a, json_get(slice, STR("ports")))));
}

/* The first slice of its kind is kept in step, others go; what no reflection wants goes as well. */
static void settle(struct mirroring *m, struct reflection *r, const struct trees *existing,
	const struct str *keys, bool *taken, struct slices_change *change)
{
	struct cJSON *slice = NULL, *labels = labels_for(m), *annotations = annotations_for(m);

	for (size_t i = 0; i < existing->count && !slice; i++) {
		if (!str_eq(keys[i], r->key))
			continue;
		slice = existing->items[i];
		taken[i] = true;
	}
	if (slice && same_endpoints(m, r, slice) &&
		json_equal(json_path(slice, "metadata.labels"), labels) &&
		json_equal(json_path(slice, "metadata.annotations"), annotations))
		return;
	if (slice) {
		trees_add(m->a, &change->update, slice);
	} else {
		slice = new_slice(m, r);
		trees_add(m->a, &change->create, slice);
	}
	tree_set(m->a, slice, "metadata.labels", labels);
	tree_set(m->a, slice, "metadata.annotations", annotations);
	json_set(m->a, slice, STR("endpoints"), r->endpoints);
	json_set(m->a, slice, STR("ports"), r->ports);
}

void slices_mirror(struct arena *a, const struct cJSON *endpoints, const struct trees *existing,
	struct slices_change *change, struct mirror_notes *notes)
{
	struct mirroring m = {.a = a, .endpoints = endpoints};
	struct str *keys = arena_new(a, (existing->count + 1) * sizeof(*keys));
	bool *taken = arena_new(a, existing->count + 1);

	*change = (struct slices_change){0};
	*notes = (struct mirror_notes){0};
	json_each (subset, json_get(endpoints, STR("subsets")))
		reflect_subset(&m, subset, notes);
	for (size_t i = 0; i < existing->count; i++)
		keys[i] = key_of_slice(a, existing->items[i]);
	for (size_t i = 0; i < m.count; i++) {
		settle(&m, &m.reflections[i], existing, keys, taken, change);
		map_done(&m.reflections[i].by_key);
	}
	for (size_t i = 0; i < existing->count; i++) {
		if (!taken[i])
			trees_add(a, &change->remove, existing->items[i]);
	}
}
