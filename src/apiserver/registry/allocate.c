#include "address_objects.h"
#include "allocate_private.h"
#include "api_options.h"
#include "service_ranges.h"

#include <kube/map.h>
#include <kube/mem.h>
#include <kube/services.h>

#define TRIES    64 /* at random, before a walk from the start */
#define WALK_MAX 65536
#define LOW_MIN  16 /* addresses at the low end of a range, a sixteenth of it within these */
#define LOW_MAX  256

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
		count(&a->used, address_name(&scratch, json_str(ip)), by);
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
	_cleanup_(arena_done) struct arena scratch;

	arena_init(&scratch);
	struct str name = address_name(&scratch, ip);
	catch_up(a);
	return map_has(&a->used, name) || map_has(&a->reserved, name);
}

/* ---- one write's choice ---- */

bool choice_is_free(const struct choice *c, struct str name)
{
	return !map_has(&c->a->used, name) && !map_has(&c->a->reserved, name);
}

void choice_reserve(struct choice *c, struct str name)
{
	struct reservation *t = c->taken;

	if (t->count == t->room) {
		size_t room = t->room ? 2 * t->room : 8;
		struct str *names = arena_alloc(c->r->arena, room * sizeof(*names));

		if (t->count)
			memcpy(names, t->names, t->count * sizeof(*names));
		t->names = names;
		t->room = room;
	}
	t->names[t->count++] = arena_str(c->r->arena, name);
	map_set(&c->a->reserved, name, c);
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
	return choice_is_free(c, text) && !address_object_exists(c->r->server, c->r->arena, text);
}

static bool take_nth(struct choice *c, const struct cidr *range, uint64_t n, struct str *found)
{
	struct ip ip = nth(range, n);

	*found = ip_text(c->r->arena, &ip);
	if (!ip_is_free(c, *found))
		return false;
	choice_reserve(c, *found);
	return true;
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
	struct str name = address_name(c->r->arena, text);
	struct ip ip;

	if (!ip_parse(text, &ip))
		return;
	if (!in_range(ranges, &ip)) {
		field_invalid(&c->errors, &at, list,
			"failed to allocate IP %.*s: the provided network does not match the "
			"current range",
			STRF(text));
	} else if (!ip_is_free(c, name)) {
		field_invalid(&c->errors, &at, list,
			"failed to allocate IP %.*s: provided IP is already allocated", STRF(text));
	} else {
		choice_reserve(c, name);
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
	if (!c.errors.count)
		choice_take_ports(&c);
	if (!c.errors.count && service_needs_health_port(service))
		failure = choice_take_health_port(&c);
	if (c.errors.count || failure)
		allocate_release(c.a, taken);
	if (failure)
		return failure;
	return status_invalid(
		r->arena, STR(""), STR("Service"), tree_str(service, "metadata.name"), &c.errors);
}
