/* Which endpoints a service's pods are, and by which ports they belong together. */
#include "slices_private.h"

#include <kube/api_codec.h>
#include <kube/names.h>

#include <stdlib.h>

/* ---- keys ---- */

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

struct str slice_ports_key(struct arena *a, const struct cJSON *ports)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(1 * MIB);
	size_t count = json_count(ports), n = 0;
	struct str *texts = arena_alloc(a, (count + 1) * sizeof(*texts));

	json_each (port, ports) {
		texts[n++] = arena_print(a, "%.*s/%.*s/%lld/%.*s,", STRF(tree_str(port, "name")),
			STRF(tree_str(port, "protocol")), (long long)tree_int(port, "port", -1),
			STRF(tree_str(port, "appProtocol")));
	}
	qsort(texts, n, sizeof(*texts), by_text);
	for (size_t i = 0; i < n; i++)
		buf_add_str(&key, texts[i]);
	return arena_str(a, buf_str(&key));
}

struct str slice_endpoint_key(struct arena *a, const struct cJSON *endpoint)
{
	const struct cJSON *addresses = json_get(endpoint, STR("addresses"));

	return arena_print(a, "%.*s|%.*s|%.*s/%.*s", STRF(json_str(json_first(addresses))),
		STRF(tree_str(endpoint, "nodeName")),
		STRF(tree_str(endpoint, "targetRef.namespace")),
		STRF(tree_str(endpoint, "targetRef.name")));
}

struct str slice_prefix(struct arena *a, struct str name)
{
	return arena_print(a, "%.*s-", STRF(name));
}

void slice_set_owner(struct arena *a, struct cJSON *slice, const struct cJSON *owner)
{
	struct cJSON *refs = json_new(a, JSON_ARRAY);

	json_append(refs, controller_ref(a, owner));
	tree_set(a, slice, "metadata.ownerReferences", refs);
}

/* ---- what is wanted ---- */

static struct cJSON *ports_of_pod(struct slicing *s, const struct cJSON *pod)
{
	struct arena *a = s->a;
	struct cJSON *ports = json_new(a, JSON_ARRAY);

	json_each (service_port, json_path(s->in->service, "spec.ports")) {
		int64_t number = pod_port_of(pod, service_port);
		struct str app = tree_str(service_port, "appProtocol");

		if (!number)
			continue;
		struct cJSON *port = json_new(a, JSON_OBJECT);
		json_set(a, port, STR("name"), json_new_str(a, tree_str(service_port, "name")));
		json_set(a, port, STR("protocol"),
			json_new_str(a, tree_str(service_port, "protocol")));
		json_set(a, port, STR("port"), json_new_int(a, number));
		if (app.len)
			json_set(a, port, STR("appProtocol"), json_new_str(a, app));
		json_append(ports, port);
	}
	return ports;
}

static struct group *group_of(struct slicing *s, struct cJSON *ports)
{
	struct str key = slice_ports_key(s->a, ports);

	for (size_t i = 0; i < s->group_count; i++) {
		if (str_eq(s->groups[i].key, key))
			return &s->groups[i];
	}
	ARENA_ROOM(s->a, s->groups, s->group_count, s->group_cap, 4);
	struct group *g = &s->groups[s->group_count++];
	*g = (struct group){.key = key, .ports = ports};
	map_init_borrowed(&g->by_key);
	return g;
}

static struct cJSON *conditions_of(struct slicing *s, const struct cJSON *pod)
{
	struct arena *a = s->a;
	bool serving = pod_is_ready(pod), leaving = tree_has(pod, "metadata.deletionTimestamp");
	bool publish = tree_true(s->in->service, "spec.publishNotReadyAddresses");
	struct cJSON *conditions = json_new(a, JSON_OBJECT);

	json_set(a, conditions, STR("ready"), json_new_bool(a, publish || (serving && !leaving)));
	json_set(a, conditions, STR("serving"), json_new_bool(a, serving));
	json_set(a, conditions, STR("terminating"), json_new_bool(a, leaving));
	return conditions;
}

static void add_hint(struct arena *a, struct cJSON *hints, struct str list, struct str name)
{
	struct cJSON *items = json_new(a, JSON_ARRAY), *item = json_new(a, JSON_OBJECT);

	if (!name.len)
		return;
	json_set(a, item, STR("name"), json_new_str(a, name));
	json_append(items, item);
	json_set(a, hints, list, items);
}

/* The annotations of old; where they stand, the field counts no more. */
static bool has_topology_mode(const struct cJSON *service)
{
	const struct cJSON *all = json_path(service, "metadata.annotations"),
			   *mode = json_get(all, STR("service.kubernetes.io/topology-aware-hints"));

	if (!mode)
		mode = json_get(all, STR("service.kubernetes.io/topology-mode"));
	return str_eq_text(json_str(mode), "Auto") || str_eq_text(json_str(mode), "auto");
}

/*
 * From where the endpoint is to be preferred, as spec.trafficDistribution asks: nobody looks at
 * those that are not ready.
 */
static struct cJSON *hints_for(
	struct slicing *s, const struct cJSON *conditions, struct str zone, struct str node)
{
	struct str how = tree_str(s->in->service, "spec.trafficDistribution");
	struct cJSON *hints = json_new(s->a, JSON_OBJECT);

	if (!how.len || !tree_true(conditions, "ready") || has_topology_mode(s->in->service))
		return NULL;
	add_hint(s->a, hints, STR("forZones"), zone);
	if (str_eq(how, STR("PreferSameNode")))
		add_hint(s->a, hints, STR("forNodes"), node);
	return json_count(hints) ? hints : NULL;
}

static struct cJSON *endpoint_of_pod(
	struct slicing *s, const struct cJSON *pod, struct cJSON *addresses, struct str zone)
{
	struct arena *a = s->a;
	struct cJSON *endpoint = json_new(a, JSON_OBJECT);
	struct str hostname = pod_hostname_for(pod, s->in->service);
	struct str node = tree_str(pod, "spec.nodeName");
	struct cJSON *conditions = conditions_of(s, pod),
		     *hints = hints_for(s, conditions, zone, node);

	json_set(a, endpoint, STR("addresses"), addresses);
	json_set(a, endpoint, STR("conditions"), conditions);
	if (hostname.len)
		json_set(a, endpoint, STR("hostname"), json_new_str(a, hostname));
	json_set(a, endpoint, STR("targetRef"), pod_target_ref(a, pod));
	if (node.len)
		json_set(a, endpoint, STR("nodeName"), json_new_str(a, node));
	if (zone.len)
		json_set(a, endpoint, STR("zone"), json_new_str(a, zone));
	if (hints)
		json_set(a, endpoint, STR("hints"), hints);
	return endpoint;
}

static struct cJSON *addresses_of_pod(struct slicing *s, const struct cJSON *pod)
{
	struct cJSON *addresses = json_new(s->a, JSON_ARRAY);

	json_each (entry, json_path(pod, "status.podIPs")) {
		struct str ip = tree_str(entry, "ip");

		if (ip.len && ip_text_is_v6(ip) == s->v6)
			json_append(addresses, json_new_str(s->a, ip));
	}
	return addresses;
}

static void want(
	struct slicing *s, struct group *g, struct cJSON *endpoint, const struct cJSON *pod)
{
	struct str key = slice_endpoint_key(s->a, endpoint);

	if (map_has(&g->by_key, key))
		return;
	ARENA_ROOM(s->a, g->wanted, g->count, g->cap, 16);
	g->wanted[g->count++] = (struct wanted){.endpoint = endpoint, .pod = pod};
	g->left++;
	map_set(&g->by_key, key, (void *)(uintptr_t)g->count); /* index + 1 */
}

void slices_find_wanted(struct slicing *s)
{
	const struct slices_in *in = s->in;
	bool publish = tree_true(in->service, "spec.publishNotReadyAddresses");

	for (size_t i = 0; i < in->pods->count; i++) {
		const struct cJSON *pod = in->pods->items[i];
		struct str zone = {0};

		if (!pod_counts_as_endpoint(pod, true))
			continue;
		/* A pod without ports is in a group, too: the slice without ports. */
		struct group *g = group_of(s, ports_of_pod(s, pod));
		if (!in->node(in->ctx, tree_str(pod, "spec.nodeName"), &zone) && !publish) {
			s->out->nodes_missing = true;
			continue;
		}
		struct cJSON *addresses = addresses_of_pod(s, pod);
		if (json_count(addresses))
			want(s, g, endpoint_of_pod(s, pod, addresses, zone), pod);
	}
}
