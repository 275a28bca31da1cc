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
	const struct proxy_node *node, const struct cJSON *item, uint16_t port, struct endpoint *e)
{
	const struct cJSON *hints = json_get(item, STR("hints")),
			   *for_nodes = json_get(hints, STR("forNodes")),
			   *for_zones = json_get(hints, STR("forZones"));

	*e = (struct endpoint){.port = port,
		.ready = condition(item, "ready", true),
		.terminating = condition(item, "terminating", false),
		.local = node->name.len &&
			 str_eq(json_str(json_get(item, STR("nodeName"))), node->name),
		.node_hinted = json_count(for_nodes) > 0,
		.zone_hinted = json_count(for_zones) > 0,
		.for_node = names(for_nodes, node->name),
		.for_zone = names(for_zones, node->zone)};
	e->serving = condition(item, "serving", e->ready);
	/* the others of an endpoint's addresses mean nothing */
	return ip_parse(json_str(json_first(json_get(item, STR("addresses")))), &e->ip);
}

static bool find_port(
	const struct cJSON *slice, struct str name, struct str protocol, uint16_t *number)
{
	int64_t n = 0;

	json_each (port, json_get(slice, STR("ports"))) {
		struct str is = json_str(json_get(port, STR("protocol")));

		if (!str_eq(json_str(json_get(port, STR("name"))), name) ||
			!str_eq(is.len ? is : STR("TCP"), protocol))
			continue;
		if (!json_int(json_get(port, STR("port")), &n) || n < 1 || n > UINT16_MAX)
			return false;
		*number = (uint16_t)n;
		return true;
	}
	return false;
}

/* Slices may say an endpoint twice while it moves from one to the other: what is better counts. */
static void drop_doubles(struct endpoints *all)
{
	size_t kept = 0;

	if (all->count)
		qsort(all->items, all->count, sizeof(*all->items), by_place);
	for (size_t i = 0; i < all->count; i++) {
		struct endpoint *e = &all->items[i];

		if (kept && !by_place(&all->items[kept - 1], e)) {
			if (e->ready && !all->items[kept - 1].ready)
				all->items[kept - 1] = *e;
		} else {
			all->items[kept++] = *e;
		}
	}
	all->count = kept;
	for (size_t i = 0; i < kept; i++)
		all->items[i].nth = (uint32_t)i;
}

struct endpoints endpoints_collect(struct arena *a, const struct proxy_node *node,
	const struct cJSON *const *slices, size_t slice_count, bool v6, struct str port_name,
	struct str protocol)
{
	struct endpoints found = {0};
	size_t room = 0;
	uint16_t port;

	for (size_t i = 0; i < slice_count; i++)
		room += json_count(json_get(slices[i], STR("endpoints")));
	found.items = arena_alloc(a, (room + 1) * sizeof(*found.items));
	for (size_t i = 0; i < slice_count; i++) {
		struct str type = json_str(json_get(slices[i], STR("addressType")));

		if (!str_eq_text(type, v6 ? "IPv6" : "IPv4") ||
			!find_port(slices[i], port_name, protocol, &port))
			continue;
		json_each (item, json_get(slices[i], STR("endpoints"))) {
			struct endpoint *e = &found.items[found.count];

			if (read_endpoint(node, item, port, e) && e->ip.len == (v6 ? 16 : 4))
				found.count++;
		}
	}
	drop_doubles(&found);
	return found;
}

/* ---- choosing ---- */

typedef bool choice_fn(const struct endpoint *e);

static bool is_ready(const struct endpoint *e)
{
	return e->ready;
}
static bool is_ending(const struct endpoint *e)
{
	return e->serving && e->terminating;
}
static bool is_ready_here(const struct endpoint *e)
{
	return e->local && e->ready;
}
static bool is_ending_here(const struct endpoint *e)
{
	return e->local && is_ending(e);
}
static bool is_for_node(const struct endpoint *e)
{
	return e->for_node;
}
static bool is_for_zone(const struct endpoint *e)
{
	return e->for_zone;
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
		nodes &= ready->items[i].node_hinted;
		zones &= ready->items[i].zone_hinted;
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
