/*
 * Services and the IPAddresses made for them are held against one another, node ports against their
 * range: what can be put right is, and people are told, in the words of upstream's repair loops.
 */
#include "address_private.h"
#include "api_options.h"

#include <kube/api_codec.h>
#include <kube/hash.h>
#include <kube/ip.h>
#include <kube/map.h>
#include <kube/time.h>

#define FRESH (10 * SEC) /* a Service's addresses come right behind it */

struct repair {
	struct api_server *server;
	struct address_work *work;
	struct map ports; /* of the Services seen so far */
	int64_t now;      /* wall */
};

/* ---- telling ---- */

/* The same is not told twice while the first is still there to be read. */
static struct str event_name(struct arena *a, const struct cJSON *about, struct str note)
{
	unsigned char digest[32];
	struct sha256 h;
	uint64_t number = 0;

	sha256_init(&h);
	sha256_add(&h, tree_str(about, "metadata.uid"));
	sha256_add(&h, note);
	sha256_end(&h, digest);
	for (size_t i = 0; i < sizeof(number); i++)
		number = number << 8 | digest[i];
	return arena_print(a, "%.*s.%016llx", STRF(tree_str(about, "metadata.name")),
		(unsigned long long)number);
}

struct told {
	const char *kind, *api_version; /* of what it is about */
	const char *component, *reason, *action;
};

static void tell(struct repair *r, const struct told *t, const struct cJSON *about, struct str note)
{
	static const char *const copied[] = {"name", "namespace", "uid", "resourceVersion"};
	struct arena *a = &r->work->arena;
	struct cJSON *event = json_new(a, JSON_OBJECT);
	struct str space = tree_str(about, "metadata.namespace");
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	time_print_micro(&now, r->now);
	tree_set_str(a, event, "metadata.name", event_name(a, about, note));
	tree_set_str(a, event, "metadata.namespace", space.len ? space : STR("default"));
	tree_set_str(a, event, "involvedObject.kind", str_from(t->kind));
	tree_set_str(a, event, "involvedObject.apiVersion", str_from(t->api_version));
	for (size_t i = 0; i < ARRAY_LEN(copied); i++) {
		struct str from = arena_print(a, "metadata.%s", copied[i]);
		struct str to = arena_print(a, "involvedObject.%s", copied[i]);

		if (tree_str(about, from.at).len)
			tree_set_str(a, event, to.at, tree_str(about, from.at));
	}
	tree_set_str(a, event, "reason", str_from(t->reason));
	tree_set_str(a, event, "action", str_from(t->action));
	tree_set_str(a, event, "message", note);
	tree_set_str(a, event, "type", STR("Warning"));
	tree_set_str(a, event, "eventTime", buf_str(&now));
	tree_set_str(a, event, "reportingComponent", str_from(t->component));
	tree_set_str(a, event, "reportingInstance", str_from(t->component));
	address_add_step(r->work)->write =
		(struct own_write){.resource = resource_find(STR(""), STR("v1"), STR("events")),
			.object = event,
			.only_create = true};
}

static void tell_service(
	struct repair *r, const char *reason, const struct cJSON *service, struct str note)
{
	tell(r,
		&(struct told){"Service", "v1", "ipallocator-repair-controller", reason,
			"ClusterIPAllocation"},
		service, note);
}

/* ---- addresses of Services ---- */

/* Of any range that there is, whether or not it gives addresses now. */
static bool is_in_range(struct repair *r, const struct ip *ip)
{
	const struct resource *cidrs =
		resource_find(STR("networking.k8s.io"), STR("v1"), STR("servicecidrs"));
	struct store_iter it = store_seek(server_bucket(r->server, cidrs), STR(""), STR(""));
	const struct api_options *o = r->server->options;
	struct cidr range;

	for (size_t i = 0; i < o->service_cidr_count; i++)
		if (cidr_has(&o->services[i], ip))
			return true;
	while (store_next(&it))
		json_each (
			item, json_path(object_lean_tree(&r->work->arena, it.object), "spec.cidrs"))
			if (cidr_parse(json_str(item), &range) && cidr_has(&range, ip))
				return true;
	return false;
}

/* A client may be waiting for its answer still. */
static bool is_fresh(const struct repair *r, const struct cJSON *object)
{
	int64_t made;

	return r->server->ready &&
	       !time_parse(tree_str(object, "metadata.creationTimestamp"), &made, NULL) &&
	       r->now - made < FRESH;
}

static const struct cJSON *parent_of(struct repair *r, const struct cJSON *address)
{
	return server_read(r->server, &r->work->arena, "", "services",
		tree_str(address, "spec.parentRef.namespace"),
		tree_str(address, "spec.parentRef.name"));
}

static bool is_of_services(const struct cJSON *address)
{
	return !tree_str(address, "spec.parentRef.group").len &&
	       str_eq_text(tree_str(address, "spec.parentRef.resource"), "services");
}

static struct str label_of(const struct cJSON *address, const char *name)
{
	return json_str(json_get(json_path(address, "metadata.labels"), str_from(name)));
}

static bool is_managed(const struct cJSON *address)
{
	return str_eq_text(label_of(address, "ipaddress.kubernetes.io/managed-by"), MANAGER);
}

static void check_object(struct repair *r, const struct cJSON *service, struct str text,
	const char *family, const struct cJSON *address)
{
	struct arena *a = &r->work->arena;
	struct str space = tree_str(service, "metadata.namespace");
	struct str name = tree_str(service, "metadata.name");
	const struct cJSON *parent = is_of_services(address) ? parent_of(r, address) : NULL;
	bool ours = parent && str_eq(tree_str(parent, "metadata.namespace"), space) &&
		    str_eq(tree_str(parent, "metadata.name"), name);

	if (!parent) {
		tell_service(r, "ClusterIPNotAllocated", service,
			arena_print(a,
				"the ClusterIP [%s]: %.*s for Service %.*s/%.*s has a wrong "
				"reference; repairing",
				family, STRF(text), STRF(space), STRF(name)));
		address_replace_object(r->work, service, text);
		return;
	}
	if (!ours && address_is_of(parent, text))
		tell_service(r, "ClusterIPAlreadyAllocated", service,
			arena_print(a,
				"Cluster IP [%s]:%.*s was assigned to multiple services; please "
				"recreate service",
				family, STRF(text)));
	if (ours && (!is_managed(address) ||
			    !str_eq_text(label_of(address, "ipaddress.kubernetes.io/ip-family"),
				    family)))
		address_replace_object(r->work, service, text);
}

static void check_address(struct repair *r, const struct cJSON *service, struct str text)
{
	struct arena *a = &r->work->arena;
	const struct cJSON *address;
	const char *family;
	struct ip ip;

	if (!ip_parse(text, &ip)) {
		tell_service(r, "ClusterIPNotValid", service,
			arena_print(a, "Cluster IP %.*s is not a valid IP; please recreate Service",
				STRF(text)));
		return;
	}
	family = ip.len == 16 ? "IPv6" : "IPv4";
	address = server_read(
		r->server, a, "networking.k8s.io", "ipaddresses", STR(""), address_name(a, text));
	if (!is_in_range(r, &ip)) {
		tell_service(r, "ClusterIPOutOfRange", service,
			arena_print(a,
				"Cluster IP [%s]: %.*s is not within any configured Service CIDR; "
				"please recreate service",
				family, STRF(text)));
	} else if (!address) {
		if (!is_fresh(r, service))
			tell_service(r, "ClusterIPNotAllocated", service,
				arena_print(a, "Cluster IP [%s]: %.*s is not allocated; repairing",
					family, STRF(text)));
		address_add_object(r->work, service, text);
	} else {
		check_object(r, service, text, family, address);
	}
}

/* ---- node ports ---- */

static void tell_port(
	struct repair *r, const char *reason, const struct cJSON *service, struct str note)
{
	tell(r,
		&(struct told){"Service", "v1", "portallocator-repair-controller", reason,
			"PortAllocation"},
		service, note);
}

static void check_port(struct repair *r, const struct cJSON *service, int64_t port)
{
	const struct api_options *o = r->server->options;
	struct arena *a = &r->work->arena;
	struct str name = arena_print(a, "%lld", (long long)port);
	const struct cJSON *other = map_get(&r->ports, name);

	if (!port || other == service)
		return;
	if (port < o->node_port_first || port > o->node_port_last)
		tell_port(r, "PortOutOfRange", service,
			arena_print(a,
				"Port %lld is not within the port range %u-%u; please recreate "
				"service",
				(long long)port, o->node_port_first, o->node_port_last));
	else if (other)
		tell_port(r, "PortAlreadyAllocated", service,
			arena_print(a,
				"Port %lld was assigned to multiple services; please recreate "
				"service",
				(long long)port));
	else
		map_set(&r->ports, name, (void *)(uintptr_t)service);
}

static void check_service(struct repair *r, const struct cJSON *service)
{
	struct str ip = tree_str(service, "spec.clusterIP");

	json_each (port, json_path(service, "spec.ports"))
		check_port(r, service, tree_int(port, "nodePort", 0));
	check_port(r, service, tree_int(service, "spec.healthCheckNodePort", 0));
	if (!ip.len || str_eq_text(ip, "None") ||
		str_eq_text(tree_str(service, "spec.type"), "ExternalName"))
		return;
	json_each (text, json_path(service, "spec.clusterIPs"))
		check_address(r, service, json_str(text));
}

/* ---- addresses without Services ---- */

static void tell_address(
	struct repair *r, const char *reason, const struct cJSON *address, struct str note)
{
	tell(r,
		&(struct told){"IPAddress", "networking.k8s.io/v1", "ipallocator-repair-controller",
			reason, "IPAddressAllocation"},
		address, note);
}

/* What somebody else has made is not ours to remove. */
static void check_orphan(struct repair *r, const struct cJSON *address)
{
	struct arena *a = &r->work->arena;
	struct str name = tree_str(address, "metadata.name");
	struct str of =
		arena_print(a, "%.*s/%.*s", STRF(tree_str(address, "spec.parentRef.namespace")),
			STRF(tree_str(address, "spec.parentRef.name")));
	const struct cJSON *parent = is_of_services(address) ? parent_of(r, address) : NULL;

	if (!is_managed(address) || (parent && address_is_of(parent, name)))
		return;
	if (parent)
		tell_address(r, "IPAddressWrongReference", address,
			arena_print(a,
				"IPAddress: %.*s for Service %.*s has a wrong reference; cleaning "
				"up",
				STRF(name), STRF(of)));
	else if (is_of_services(address) && !r->server->ready)
		tell_address(r, "IPAddressNotAllocated", address,
			arena_print(a,
				"IPAddress: %.*s for Service %.*s appears to have leaked: cleaning "
				"up",
				STRF(name), STRF(of)));
	address_add_removal(r->work, name);
}

static bool is_used(struct repair *r, struct str ip)
{
	struct store_iter it = store_seek(
		server_bucket(r->server, resource_find(STR(""), STR("v1"), STR("services"))),
		STR(""), STR(""));

	while (store_next(&it))
		if (address_is_of(object_lean_tree(&r->work->arena, it.object), ip))
			return true;
	return false;
}

/* ---- all of them ---- */

static void check_services(struct repair *r)
{
	const struct resource *services = resource_find(STR(""), STR("v1"), STR("services"));
	struct store_iter it = store_seek(server_bucket(r->server, services), STR(""), STR(""));

	while (store_next(&it))
		check_service(r, object_tree(&r->work->arena, it.object));
}

static void check_orphans(struct repair *r)
{
	struct store_iter it =
		store_seek(server_bucket(r->server, address_resource()), STR(""), STR(""));

	while (store_next(&it)) {
		const struct cJSON *address = object_tree(&r->work->arena, it.object);

		if (!is_of_services(address) && is_used(r, tree_str(address, "metadata.name")))
			continue; /* it has been replaced */
		check_orphan(r, address);
	}
}

void address_objects_repair(struct api_server *s, struct op *op)
{
	struct repair r = {.server = s, .now = env_wall(s->env), .work = address_work_new(s, op)};

	if (!r.work)
		return;
	map_init(&r.ports);
	check_services(&r);
	check_orphans(&r);
	map_done(&r.ports);
	address_work_run(r.work);
}
