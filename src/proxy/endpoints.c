#include "endpoints.h"

#include <stdlib.h>

static int by_place(const void *a, const void *b)
{
	const struct endpoint *x = a, *y = b;
	int order = ip_cmp(&x->ip, &y->ip);

	return order ? order : (int)x->port - (int)y->port;
}

/* ---- reading ---- */

/* A condition that is not said is as that of an endpoint in good order. */
static bool condition(const struct cJSON *item, const char *name, bool unsaid)
{
	const struct cJSON *c = json_get(json_get(item, STR("conditions")), str_from(name));

	return json_is(c, JSON_BOOL) ? json_bool(c) : unsaid;
}

static bool names(const struct cJSON *hints, struct str name)
{
	json_each (hint, hints)
		if (name.len && str_eq(json_str(json_get(hint, STR("name"))), name))
			return true;
	return false;
}

static bool read_endpoint(
	const struct proxy_node *node, const struct cJSON *item, struct slice_endpoint *e)
{
	const struct cJSON *hints = json_get(item, STR("hints")),
			   *for_nodes = json_get(hints, STR("forNodes")),
			   *for_zones = json_get(hints, STR("forZones"));
	bool ready = condition(item, "ready", true);

	e->is = (struct endpoint_state){.ready = ready,
		.serving = condition(item, "serving", true),
		.terminating = condition(item, "terminating", false),
		.local = node->name.len &&
			 str_eq(json_str(json_get(item, STR("nodeName"))), node->name),
		.node_hinted = json_count(for_nodes) > 0,
		.zone_hinted = json_count(for_zones) > 0,
		.for_node = names(for_nodes, node->name),
		.for_zone = names(for_zones, node->zone)};
	/* the others of an endpoint's addresses mean nothing */
	return ip_parse(json_str(json_first(json_get(item, STR("addresses")))), &e->ip);
}

static struct slice_port read_port(struct arena *a, const struct cJSON *port)
{
	struct str protocol = json_str(json_get(port, STR("protocol")));
	int64_t n = 0;

	if (!json_int(json_get(port, STR("port")), &n) || n < 1 || n > UINT16_MAX)
		n = 0;
	return (struct slice_port){.name = arena_str(a, json_str(json_get(port, STR("name")))),
		.protocol = protocol.len ? arena_str(a, protocol) : STR("TCP"),
		.port = (uint16_t)n};
}

bool proxy_leaves(const struct cJSON *object)
{
	const struct cJSON *labels = json_get(json_get(object, STR("metadata")), STR("labels"));

	return json_get(labels, STR("service.kubernetes.io/service-proxy-name")) ||
	       json_get(labels, STR("service.kubernetes.io/headless"));
}

const struct slice *slice_read(
	struct arena *a, const struct proxy_node *node, const struct cJSON *slice)
{
	const struct cJSON *ports = json_get(slice, STR("ports")),
			   *endpoints = json_get(slice, STR("endpoints"));
	struct str type = json_str(json_get(slice, STR("addressType")));
	struct slice *s = arena_new(a, sizeof(*s));

	s->ip_len = str_eq_text(type, "IPv4") ? 4 : str_eq_text(type, "IPv6") ? 16 : 0;
	if (proxy_leaves(slice))
		return s;
	s->ports = arena_alloc(a, json_count(ports) * sizeof(*s->ports));
	s->endpoints = arena_alloc(a, json_count(endpoints) * sizeof(*s->endpoints));
	json_each (port, ports)
		s->ports[s->port_count++] = read_port(a, port);
	json_each (item, endpoints) {
		struct slice_endpoint *e = &s->endpoints[s->endpoint_count];

		if (read_endpoint(node, item, e) && e->ip.len == s->ip_len)
			s->endpoint_count++;
	}
	return s;
}

static uint16_t find_port(const struct slice *s, struct str name, struct str protocol)
{
	for (size_t i = 0; i < s->port_count; i++)
		if (str_eq(s->ports[i].name, name) && str_eq(s->ports[i].protocol, protocol))
			return s->ports[i].port;
	return 0;
}

/* ---- collecting ---- */

/* Slices may say an endpoint twice while it moves from one to the other: what is better counts. */
static void drop_doubles(struct endpoints *all)
{
	size_t kept = 0;

	if (all->count)
		qsort(all->items, all->count, sizeof(*all->items), by_place);
	for (size_t i = 0; i < all->count; i++) {
		struct endpoint *e = &all->items[i];

		if (kept && !by_place(&all->items[kept - 1], e)) {
			if (e->is.ready && !all->items[kept - 1].is.ready)
				all->items[kept - 1] = *e;
		} else {
			all->items[kept++] = *e;
		}
	}
	all->count = kept;
	for (size_t i = 0; i < kept; i++)
		all->items[i].nth = (uint32_t)i;
}

struct endpoints endpoints_collect(struct arena *a, const struct slice *const *slices,
	size_t slice_count, bool v6, struct str port_name, struct str protocol)
{
	struct endpoints found = {0};
	size_t room = 0;

	for (size_t i = 0; i < slice_count; i++)
		room += slices[i]->endpoint_count;
	found.items = arena_alloc(a, (room + 1) * sizeof(*found.items));
	for (size_t i = 0; i < slice_count; i++) {
		const struct slice *s = slices[i];
		uint16_t port = find_port(s, port_name, protocol);

		if (!port || s->ip_len != (v6 ? 16 : 4))
			continue;
		for (size_t n = 0; n < s->endpoint_count; n++)
			found.items[found.count++] = (struct endpoint){
				.ip = s->endpoints[n].ip, .is = s->endpoints[n].is, .port = port};
	}
	drop_doubles(&found);
	return found;
}

/* ---- choosing ---- */

typedef bool choice_fn(const struct endpoint *e);

static bool is_ready(const struct endpoint *e)
{
	return e->is.ready;
}
static bool is_ending(const struct endpoint *e)
{
	return e->is.serving && e->is.terminating;
}
static bool is_ready_here(const struct endpoint *e)
{
	return e->is.local && e->is.ready;
}
static bool is_ending_here(const struct endpoint *e)
{
	return e->is.local && is_ending(e);
}
static bool is_for_node(const struct endpoint *e)
{
	return e->is.for_node;
}
static bool is_for_zone(const struct endpoint *e)
{
	return e->is.for_zone;
}

static struct endpoints choose(struct arena *a, const struct endpoints *all, choice_fn *fits)
{
	struct endpoints chosen = {
		.items = arena_alloc(a, (all->count + 1) * sizeof(*chosen.items))};

	for (size_t i = 0; i < all->count; i++)
		if (fits(&all->items[i]))
			chosen.items[chosen.count++] = all->items[i];
	return chosen;
}

/* Hints count when every endpoint has one: else some would never be chosen by anybody. */
static struct endpoints nearest(struct arena *a, const struct endpoints *ready)
{
	bool nodes = true, zones = true;
	struct endpoints near = {0};

	for (size_t i = 0; i < ready->count; i++) {
		nodes &= ready->items[i].is.node_hinted;
		zones &= ready->items[i].is.zone_hinted;
	}
	if (nodes)
		near = choose(a, ready, is_for_node);
	if (!near.count && zones)
		near = choose(a, ready, is_for_zone);
	return near.count ? near : *ready;
}

struct endpoints endpoints_of_cluster(struct arena *a, const struct endpoints *all)
{
	struct endpoints ready = choose(a, all, is_ready);

	return ready.count ? nearest(a, &ready) : choose(a, all, is_ending);
}

struct endpoints endpoints_of_node(struct arena *a, const struct endpoints *all)
{
	struct endpoints ready = choose(a, all, is_ready_here);

	return ready.count ? ready : choose(a, all, is_ending_here);
}
