#include "zone.h"

#include <kube/api_codec.h>
#include <kube/mem.h>

/* ---- what names an address has ---- */

struct zone_reverse {
	struct link in_list;
	const void *owner; /* a slice or a service */
	char *name;
};

static struct str ip_text(struct buf *text, const struct ip *ip)
{
	buf_clear(text);
	ip_print(text, ip);
	return buf_str(text);
}

static void remember_name(struct zone *z, const struct ip *ip, const void *owner, struct str name)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	struct str key = ip_text(&text, ip);
	struct list *list = map_get(&z->names_of, key);
	struct zone_reverse *r = mem_new(sizeof(*r));

	if (!list) {
		list = mem_new(sizeof(*list));
		list_init(list);
		map_set(&z->names_of, key, list);
	}
	r->owner = owner;
	r->name = str_dup(name);
	list_push(list, &r->in_list);
}

static void forget_name(struct zone *z, const struct ip *ip, const void *owner)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	struct str key = ip_text(&text, ip);
	struct list *list = map_get(&z->names_of, key);

	if (!list)
		return;
	list_each_safe (link, list) {
		struct zone_reverse *r = CONTAINER_OF(link, struct zone_reverse, in_list);

		if (r->owner != owner)
			continue;
		link_remove(&r->in_list);
		mem_free(r->name);
		mem_free(r);
	}
	if (list_empty(list))
		mem_free(map_remove(&z->names_of, key));
}

void zone_names_of(const struct zone *z, const struct ip *ip, zone_name_fn *each, void *ctx)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	struct list *list = map_get(&z->names_of, ip_text(&text, ip));

	if (list)
		list_each (link, list)
			each(ctx, str_from(CONTAINER_OF(link, struct zone_reverse, in_list)->name));
}

/* ---- reading ---- */

static struct str key_of(struct arena *a, struct str namespace, struct str name)
{
	return arena_print(a, "%.*s/%.*s", STRF(namespace), STRF(name));
}

static size_t read_ports(struct arena *a, const struct cJSON *list, struct zone_port **ports)
{
	size_t count = 0;

	*ports = arena_alloc(a, (json_count(list) + 1) * sizeof(**ports));
	json_each (item, list) {
		struct str protocol = tree_str(item, "protocol");

		(*ports)[count++] = (struct zone_port){.name = dns_lower(a, tree_str(item, "name")),
			.protocol = protocol.len ? dns_lower(a, protocol) : STR("tcp"),
			.number = (uint16_t)tree_int(item, "port", 0)};
	}
	return count;
}

/* ---- services ---- */

static struct zone_service *service_at(struct zone *z, struct str namespace, struct str name)
{
	_cleanup_(arena_done) struct arena a;
	struct zone_service *s;

	arena_init(&a);
	struct str key = key_of(&a, namespace, name);
	s = map_get(&z->services, key);
	if (s)
		return s;
	s = mem_new(sizeof(*s));
	s->name = str_make(str_dup(name), name.len);
	s->namespace = str_make(str_dup(namespace), namespace.len);
	arena_init(&s->arena);
	list_init(&s->slices);
	map_set(&z->services, key, s);
	return s;
}

static void forget_service(struct zone *z, struct zone_service *s)
{
	for (size_t i = 0; i < s->ip_count; i++)
		forget_name(z, &s->ips[i], s);
	arena_done(&s->arena);
	arena_init(&s->arena);
	s->there = s->headless = false;
	s->ip_count = s->port_count = 0;
	s->external = (struct str){0};
}

static void service_free(struct zone_service *s)
{
	mem_free((char *)(uintptr_t)s->name.at);
	mem_free((char *)(uintptr_t)s->namespace.at);
	arena_done(&s->arena);
	mem_free(s);
}

/* Gone when neither the Service nor a slice of it is left. */
static void let_go(struct zone *z, struct zone_service *s)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	if (s->there || !list_empty(&s->slices))
		return;
	map_remove(&z->services, key_of(&a, s->namespace, s->name));
	service_free(s);
}

static void take_addresses(struct zone *z, struct zone_service *s, const struct cJSON *tree)
{
	const struct cJSON *list = json_path(tree, "spec.clusterIPs");
	struct str one = tree_str(tree, "spec.clusterIP");
	struct str name =
		arena_print(&s->arena, "%.*s.%.*s.svc", STRF(s->name), STRF(s->namespace));

	s->headless = str_eq_text(one, "None");
	json_each (item, list)
		if (s->ip_count < ARRAY_LEN(s->ips) &&
			ip_parse(json_str(item), &s->ips[s->ip_count]))
			s->ip_count++;
	if (!s->ip_count && ip_parse(one, &s->ips[0]))
		s->ip_count = 1;
	for (size_t i = 0; i < s->ip_count; i++)
		remember_name(z, &s->ips[i], s, name);
}

/* A dot at its end says that nothing follows: no other name has one here. */
static struct str external_name(struct arena *a, const struct cJSON *tree)
{
	struct str name = tree_str(tree, "spec.externalName");

	if (str_ends(name, STR(".")))
		name.len--;
	return dns_lower(a, name);
}

void zone_put_service(struct zone *z, const struct cJSON *tree)
{
	struct str namespace = tree_str(tree, "metadata.namespace");
	struct str name = tree_str(tree, "metadata.name");
	struct zone_service *s = service_at(z, namespace, name);

	forget_service(z, s);
	s->there = true;
	s->port_count = read_ports(&s->arena, json_path(tree, "spec.ports"), &s->ports);
	if (str_eq_text(tree_str(tree, "spec.type"), "ExternalName"))
		s->external = external_name(&s->arena, tree);
	else
		take_addresses(z, s, tree);
}

void zone_drop_service(struct zone *z, struct str namespace, struct str name)
{
	struct zone_service *s = service_at(z, namespace, name);

	forget_service(z, s);
	let_go(z, s);
}

struct zone_service *zone_service(const struct zone *z, struct str namespace, struct str name)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	struct zone_service *s = map_get(&z->services, key_of(&a, namespace, name));
	return s && s->there ? s : NULL;
}

/* ---- slices ---- */

static void slice_free(struct zone *z, struct zone_slice *slice)
{
	for (size_t i = 0; i < slice->endpoint_count; i++)
		forget_name(z, &slice->endpoints[i].ip, slice);
	link_remove(&slice->in_service);
	arena_done(&slice->arena);
	mem_free(slice);
}

static struct str dashed(struct arena *a, const struct ip *ip)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	struct str name = arena_str(a, ip_text(&text, ip));

	for (size_t i = 0; i < name.len; i++)
		if (name.at[i] == '.' || name.at[i] == ':')
			((char *)(uintptr_t)name.at)[i] = '-';
	return name;
}

static void read_endpoints(struct zone_slice *slice, const struct cJSON *list)
{
	struct arena *a = &slice->arena;
	size_t room = 0;

	json_each (endpoint, list)
		room += json_count(json_get(endpoint, STR("addresses")));
	slice->endpoints = arena_alloc(a, (room + 1) * sizeof(*slice->endpoints));
	json_each (endpoint, list) {
		const struct cJSON *ready = json_path(endpoint, "conditions.ready");
		struct str hostname = tree_str(endpoint, "hostname");

		if (json_is(ready, JSON_BOOL) && !json_bool(ready))
			continue;
		json_each (address, json_get(endpoint, STR("addresses"))) {
			struct zone_endpoint *e = &slice->endpoints[slice->endpoint_count];

			if (!ip_parse(json_str(address), &e->ip))
				continue;
			e->name = hostname.len ? dns_lower(a, hostname) : dashed(a, &e->ip);
			slice->endpoint_count++;
		}
	}
}

void zone_drop_slice(struct zone *z, struct str namespace, struct str name)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	struct zone_slice *slice = map_remove(&z->slices, key_of(&a, namespace, name));
	if (!slice)
		return;
	struct zone_service *s = slice->service;
	slice_free(z, slice);
	let_go(z, s);
}

void zone_put_slice(struct zone *z, const struct cJSON *tree)
{
	struct str namespace = tree_str(tree, "metadata.namespace");
	struct str service = json_str(
		json_get(json_path(tree, "metadata.labels"), STR("kubernetes.io/service-name")));
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	zone_drop_slice(z, namespace, tree_str(tree, "metadata.name"));
	if (!service.len)
		return;
	struct zone_slice *slice = mem_new(sizeof(*slice));
	arena_init(&slice->arena);
	slice->port_count = read_ports(&slice->arena, json_get(tree, STR("ports")), &slice->ports);
	read_endpoints(slice, json_get(tree, STR("endpoints")));
	slice->service = service_at(z, namespace, service);
	list_push(&slice->service->slices, &slice->in_service);
	for (size_t i = 0; i < slice->endpoint_count; i++)
		remember_name(z, &slice->endpoints[i].ip, slice,
			arena_print(&a, "%.*s.%.*s.%.*s.svc", STRF(slice->endpoints[i].name),
				STRF(service), STRF(namespace)));
	map_set(&z->slices, key_of(&a, namespace, tree_str(tree, "metadata.name")), slice);
}

/* ---- namespaces, life ---- */

void zone_put_namespace(struct zone *z, struct str name)
{
	map_set(&z->namespaces, name, z);
}

void zone_drop_namespace(struct zone *z, struct str name)
{
	map_remove(&z->namespaces, name);
}

void zone_init(struct zone *z, struct str domain, uint32_t ttl)
{
	*z = (struct zone){.domain = str_make(str_dup(domain), domain.len), .ttl = ttl};
	map_init(&z->services);
	map_init(&z->slices);
	map_init(&z->namespaces);
	map_init(&z->names_of);
}

void zone_done(struct zone *z)
{
	map_each (it, &z->slices)
		slice_free(z, it.value);
	map_each (it, &z->services) {
		struct zone_service *s = it.value;

		forget_service(z, s);
		service_free(s);
	}
	map_done(&z->slices);
	map_done(&z->services);
	map_done(&z->namespaces);
	map_done(&z->names_of);
	mem_free((char *)(uintptr_t)z->domain.at);
}
