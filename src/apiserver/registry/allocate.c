#include "allocate.h"
#include "address_objects.h"
#include "api_options.h"
#include "service_ranges.h"

#include <kube/map.h>
#include <kube/mem.h>
#include <kube/services.h>

#define TRIES    64 /* at random, before a walk from the start */
#define WALK_MAX 65536
#define LOW_MIN  16 /* addresses at the low end of a range, a sixteenth of it within these */
#define LOW_MAX  256

#define LOW_PORTS_MAX 128 /* the same for node ports: a thirty-second */

struct allocators {
	struct api_server *server;
	struct map used;     /* of stored services: name → count, as a number */
	struct map reserved; /* of writes in flight */
	struct watch watch;
	bool watching;
};

struct allocators *allocators_new(struct api_server *s)
{
	struct allocators *a = mem_new(sizeof(*a));

	a->server = s;
	map_init(&a->used);
	map_init(&a->reserved);
	return a;
}

void allocators_free(struct allocators *a)
{
	if (!a)
		return;
	watch_done(&a->watch);
	map_done(&a->used);
	map_done(&a->reserved);
	mem_free(a);
}

/* ---- what is taken ---- */

static void count(struct map *m, struct str name, intptr_t by)
{
	intptr_t now = (intptr_t)map_get(m, name) + by;

	if (now > 0)
		map_set(m, name, (void *)now);
	else
		map_remove(m, name);
}

static void count_service(struct allocators *a, const struct object *o, intptr_t by)
{
	_cleanup_(arena_done) struct arena scratch;

	arena_init(&scratch);
	struct cJSON *tree = object_tree(&scratch, o);
	json_each (ip, json_path(tree, "spec.clusterIPs"))
		count(&a->used, json_str(ip), by);
	json_each (port, json_path(tree, "spec.ports"))
		if (tree_int(port, "nodePort", 0))
			count(&a->used,
				arena_print(
					&scratch, "%lld", (long long)tree_int(port, "nodePort", 0)),
				by);
	if (tree_int(tree, "spec.healthCheckNodePort", 0))
		count(&a->used,
			arena_print(&scratch, "%lld",
				(long long)tree_int(tree, "spec.healthCheckNodePort", 0)),
			by);
}

static void no_wake(struct watch *w)
{
	(void)w;
}

static void read_all(struct allocators *a, struct bucket *b)
{
	struct store_iter it = store_seek(b, STR(""), STR(""));

	map_done(&a->used);
	map_init(&a->used);
	while (store_next(&it))
		count_service(a, it.object, 1);
	watch_done(&a->watch);
	a->watching = !watch_init(&a->watch, b, store_revision(a->server->store), no_wake, NULL);
}

static void catch_up(struct allocators *a)
{
	struct bucket *b =
		server_bucket(a->server, resource_find(STR(""), STR("v1"), STR("services")));
	struct store_change change;
	int found = a->watching ? 1 : -1;

	while (found > 0 && (found = watch_next(&a->watch, &change, NULL)) > 0) {
		if (change.old)
			count_service(a, change.old, -1);
		if (change.type != CHANGE_DELETED)
			count_service(a, change.object, 1);
	}
	if (found < 0) /* history has gone past, or nothing was read yet */
		read_all(a, b);
}

bool allocate_has(struct allocators *a, struct str ip)
{
	catch_up(a);
	return map_has(&a->used, ip) || map_has(&a->reserved, ip);
}

/* ---- one write's choice ---- */

struct choice {
	struct api_request *r;
	struct allocators *a;
	struct cJSON *service;
	const struct cJSON *old;
	struct reservation *taken;
	struct field_errors errors;
};

static bool is_free(const struct choice *c, struct str name)
{
	return !map_has(&c->a->used, name) && !map_has(&c->a->reserved, name);
}

static bool reserve(struct choice *c, struct str name)
{
	if (c->taken->count == ARRAY_LEN(c->taken->names))
		return false;
	c->taken->names[c->taken->count++] = arena_str(c->r->arena, name);
	map_set(&c->a->reserved, name, c);
	return true;
}

void allocate_release(struct allocators *a, struct reservation *taken)
{
	for (size_t i = 0; i < taken->count; i++)
		map_remove(&a->reserved, taken->names[i]);
	taken->count = 0;
}

/* ---- addresses ---- */

static struct ip nth(const struct cidr *range, uint64_t n)
{
	struct ip ip = range->ip;

	for (int i = ip.len - 1; i >= 0 && n; i--) {
		n += ip.bytes[i];
		ip.bytes[i] = (uint8_t)n;
		n >>= 8;
	}
	return ip;
}

static uint64_t range_size(const struct cidr *range)
{
	unsigned bits = range->ip.len * 8u - range->bits;

	return bits >= 32 ? UINT32_MAX : (uint64_t)1 << bits;
}

static struct str ip_text(struct arena *a, const struct ip *ip)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	ip_print(&text, ip);
	return arena_str(a, buf_str(&text));
}

/* Neither had by a Service, nor promised to one, nor claimed by an IPAddress of somebody's. */
static bool ip_is_free(struct choice *c, struct str text)
{
	return is_free(c, text) && !address_object_exists(c->r->server, c->r->arena, text);
}

static bool take_nth(struct choice *c, const struct cidr *range, uint64_t n, struct str *found)
{
	struct ip ip = nth(range, n);

	*found = ip_text(c->r->arena, &ip);
	return ip_is_free(c, *found) && reserve(c, *found);
}

/*
 * Not the network's own address, nor IPv4's broadcast; not from the low end, as long as there are
 * others: those are for people who choose by themselves.
 */
static bool any_ip(struct choice *c, const struct cidr *range, struct str *found)
{
	uint64_t size = range_size(range), last = range->ip.len == 4 ? size - 1 : size, random;
	uint64_t low = size / 16 > LOW_MAX ? LOW_MAX : size / 16 < LOW_MIN ? LOW_MIN : size / 16;

	if (last < 2)
		return false;
	if (low + 1 >= last)
		low = 0;
	for (uint64_t i = 0; i < TRIES; i++) {
		env_random(c->r->server->env, &random, sizeof(random));
		if (take_nth(c, range, low + 1 + random % (last - low - 1), found))
			return true;
	}
	for (uint64_t i = 0; i < last - 1 && i < WALK_MAX; i++)
		if (take_nth(c, range, 1 + (low + i) % (last - 1), found))
			return true;
	return false;
}

static bool any_of(struct choice *c, const struct service_ranges *ranges, struct str *found)
{
	for (size_t i = 0; i < ranges->count; i++)
		if (any_ip(c, &ranges->items[i], found))
			return true;
	return false;
}

static bool in_range(const struct service_ranges *ranges, const struct ip *ip)
{
	for (size_t i = 0; i < ranges->count; i++)
		if (cidr_has(&ranges->items[i], ip))
			return true;
	return false;
}

static void named_ip(struct choice *c, struct str text, const struct service_ranges *ranges)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "clusterIPs");
	const struct cJSON *list = json_path(c->service, "spec.clusterIPs");
	struct ip ip;

	if (!ip_parse(text, &ip))
		return;
	if (!in_range(ranges, &ip)) {
		field_invalid(&c->errors, &at, list,
			"failed to allocate IP %.*s: the provided network does not match the "
			"current range",
			STRF(text));
	} else if (!ip_is_free(c, text)) {
		field_invalid(&c->errors, &at, list,
			"failed to allocate IP %.*s: provided IP is already allocated", STRF(text));
	} else {
		reserve(c, text);
	}
}

static void choose_ips(struct choice *c)
{
	struct arena *a = c->r->arena;
	struct cJSON *list = json_new(a, JSON_ARRAY);
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "clusterIPs");
	size_t i = 0;

	json_each (family, json_path(c->service, "spec.ipFamilies")) {
		bool v6 = str_eq_text(json_str(family), "IPv6");
		struct str given = json_str(json_at(json_path(c->service, "spec.clusterIPs"), i));
		struct str was = json_str(json_at(json_path(c->old, "spec.clusterIPs"), i++));

		if (!given.len || !str_eq(given, was)) {
			struct service_ranges ranges = service_ranges_of(c->r->server, a, v6);

			if (given.len)
				named_ip(c, given, &ranges);
			else if (!any_of(c, &ranges, &given))
				field_internal(&c->errors, &at,
					"failed to allocate a serviceIP: range is full");
		}
		json_append(list, json_new_str(a, given));
	}
	if (c->errors.count)
		return;
	tree_set_str(a, c->service, "spec.clusterIP", json_str(json_first(list)));
	tree_set(a, c->service, "spec.clusterIPs", list);
}

/* ---- ports ---- */

static struct str number(struct choice *c, int64_t port)
{
	return arena_print(c->r->arena, "%lld", (long long)port);
}

/* The low end of the range is for people who choose by themselves, as long as there are others. */
static uint32_t low_ports(uint32_t size)
{
	uint32_t low = size / 32 > LOW_PORTS_MAX ? LOW_PORTS_MAX : size / 32;

	if (low < LOW_MIN)
		low = LOW_MIN;
	return size > low ? low : 0;
}

static bool any_port(struct choice *c, int64_t *port)
{
	const struct api_options *o = c->r->server->options;
	uint32_t size = (uint32_t)(o->node_port_last - o->node_port_first + 1), random;
	uint32_t low = low_ports(size);

	for (uint32_t i = 0; i < TRIES + size; i++) {
		env_random(c->r->server->env, &random, sizeof(random));
		*port = o->node_port_first +
			(i < TRIES ? low + random % (size - low) : (low + i - TRIES) % size);
		if (is_free(c, number(c, *port)))
			return reserve(c, number(c, *port));
	}
	return false;
}

static bool old_has_port(const struct choice *c, int64_t port)
{
	json_each (was, json_path(c->old, "spec.ports"))
		if (tree_int(was, "nodePort", 0) == port)
			return true;
	return tree_int(c->old, "spec.healthCheckNodePort", 0) == port;
}

static bool taken_here(const struct choice *c, struct str name)
{
	for (size_t i = 0; i < c->taken->count; i++)
		if (str_eq(c->taken->names[i], name))
			return true;
	return false;
}

/* Before this port of the service; one protocol has a number once. */
static bool repeated(const struct choice *c, const struct cJSON *port)
{
	json_each (other, json_path(c->service, "spec.ports")) {
		if (other == port)
			return false;
		if (tree_int(other, "nodePort", 0) == tree_int(port, "nodePort", 0) &&
			str_eq(tree_str(other, "protocol"), tree_str(port, "protocol")))
			return true;
	}
	return false;
}

static void named_port(
	struct choice *c, const struct path *at, const struct cJSON *port_of, int64_t port)
{
	const struct api_options *o = c->r->server->options;
	struct str name = number(c, port);

	if (!old_has_port(c, port) && port_of && repeated(c, port_of)) {
		field_invalid_int(&c->errors, at, port, "provided port is already allocated");
		return;
	}
	if (old_has_port(c, port) || taken_here(c, name)) /* TCP and UDP of one service share */
		return;
	if (port < o->node_port_first || port > o->node_port_last)
		field_invalid_int(&c->errors, at, port,
			"provided port is not in the valid range. The range of valid ports is "
			"%u-%u",
			o->node_port_first, o->node_port_last);
	else if (!is_free(c, name))
		field_invalid_int(&c->errors, at, port, "provided port is already allocated");
	else
		reserve(c, name);
}

static void choose_ports(struct choice *c)
{
	struct path spec = PATH(NULL, "spec"), ports = PATH(&spec, "ports");
	size_t i = 0;

	json_each (port, json_path(c->service, "spec.ports")) {
		struct path item = PATH_INDEX(&ports, i++), at = PATH(&item, "nodePort");

		if (tree_int(port, "nodePort", 0))
			named_port(c, &at, port, tree_int(port, "nodePort", 0));
	}
	i = 0;
	json_each (port, json_path(c->service, "spec.ports")) {
		struct path item = PATH_INDEX(&ports, i++), at = PATH(&item, "nodePort");
		int64_t chosen;

		if (c->errors.count || tree_int(port, "nodePort", 0))
			continue;
		if (!any_port(c, &chosen))
			field_internal(
				&c->errors, &at, "failed to allocate a nodePort: range is full");
		else
			tree_set_int(c->r->arena, port, "nodePort", chosen);
	}
}

/* Upstream hides what is wrong with a wished-for port in an error of its own. */
static struct status *choose_health_port(struct choice *c)
{
	const struct api_options *o = c->r->server->options;
	int64_t port = tree_int(c->service, "spec.healthCheckNodePort", 0);
	const char *why = NULL;

	if (!port && !any_port(c, &port))
		return status_internal(c->r->arena, "failed to allocate a HealthCheck NodePort %s",
			"range is full");
	if (!tree_int(c->service, "spec.healthCheckNodePort", 0)) {
		tree_set_int(c->r->arena, c->service, "spec.healthCheckNodePort", port);
		return NULL;
	}
	if (old_has_port(c, port))
		return NULL;
	if (port < o->node_port_first || port > o->node_port_last)
		why = arena_print(c->r->arena,
			"provided port is not in the valid range. The range of valid ports is "
			"%u-%u",
			o->node_port_first, o->node_port_last)
			      .at;
	else if (!is_free(c, number(c, port)) || !reserve(c, number(c, port)))
		why = "provided port is already allocated";
	if (!why)
		return NULL;
	return status_internal(c->r->arena,
		"failed to allocate requested HealthCheck NodePort %lld: %s", (long long)port, why);
}

/* ---- all of it ---- */

static struct service_families families_of(const struct api_options *o)
{
	struct service_families f = {.count = o->service_cidr_count};

	for (size_t i = 0; i < f.count; i++)
		f.v6[i] = o->services[i].ip.len == 16;
	return f;
}

struct status *allocate_service(struct api_request *r, struct cJSON *service,
	const struct cJSON *old, struct reservation *taken)
{
	struct choice c = {.r = r,
		.a = r->server->allocators,
		.service = service,
		.old = old,
		.taken = taken,
		.errors = {.arena = r->arena}};
	struct service_families families = families_of(r->server->options);
	struct status *failure = NULL;

	catch_up(c.a);
	if (old)
		service_keep_allocated(r->arena, service, old);
	service_normalize(r->arena, service, old);
	if (old)
		service_drop_for_type(r->arena, service, old);
	service_choose_families(r->arena, service, old, &families, &c.errors);
	if (!c.errors.count && service_needs_cluster_ip(service))
		choose_ips(&c);
	if (!c.errors.count && service_needs_node_ports(service))
		choose_ports(&c);
	if (!c.errors.count && service_needs_health_port(service))
		failure = choose_health_port(&c);
	if (c.errors.count || failure)
		allocate_release(c.a, taken);
	if (failure)
		return failure;
	return status_invalid(
		r->arena, STR(""), STR("Service"), tree_str(service, "metadata.name"), &c.errors);
}
