/* Where a service is: as kube-apiserver asks for it, by its cluster IP or by an endpoint. */
#include "backends.h"

#include <kube/api_codec.h>

static bool has_port(const struct cJSON *service, int64_t port)
{
	json_each (p, json_path(service, "spec.ports"))
		if (tree_int(p, "port", 0) == port)
			return true;
	return false;
}

static int no_port(struct err *err, int64_t port, struct str name)
{
	return err_set(err, ERR_UNAVAILABLE, "no service port %lld found for service \"%.*s\"",
		(long long)port, STRF(name));
}

static int by_cluster_ip(
	const struct cJSON *service, struct str name, struct backend_place *place, struct err *err)
{
	struct str ip = tree_str(service, "spec.clusterIP");

	if (str_eq_text(ip, "None"))
		return err_set(
			err, ERR_UNAVAILABLE, "cannot route to service with ClusterIP \"None\"");
	if (!has_port(service, place->port))
		return no_port(err, place->port, name);
	if (!ip_parse(ip, &place->ip))
		return err_set(err, ERR_UNAVAILABLE, "lookup %.*s: no such host", STRF(ip));
	return 0;
}

/* ---- endpoints ---- */

/* What the slice's ports call the service's port. */
static struct str port_name(const struct cJSON *service, int64_t port)
{
	json_each (p, json_path(service, "spec.ports"))
		if (tree_int(p, "port", 0) == port)
			return tree_str(p, "name");
	return STR("");
}

static const struct cJSON *port_in(const struct cJSON *slice, struct str name)
{
	json_each (p, json_get(slice, STR("ports")))
		if (str_eq(tree_str(p, "name"), name))
			return p;
	return NULL;
}

bool service_endpoint_is_ready(const struct cJSON *endpoint)
{
	const struct cJSON *ready = json_path(endpoint, "conditions.ready");

	return !ready || json_type(ready) == JSON_NULL || json_bool(ready);
}

static void choose_of(struct api_server *s, struct arena *a, struct endpoint_choice *c,
	const struct cJSON *slice, const struct cJSON *port)
{
	json_each (endpoint, json_get(slice, STR("endpoints"))) {
		struct str address = json_str(json_first(json_get(endpoint, STR("addresses"))));
		uint32_t random;
		struct ip ip;

		if (!service_endpoint_is_ready(endpoint) || !ip_parse(address, &ip) ||
			(c->fits && !c->fits(c->ctx, endpoint, address)))
			continue;
		env_random(s->env, &random, sizeof(random));
		if (random % ++c->seen == 0) {
			c->ip = ip;
			c->address = arena_str(a, address);
			c->port = tree_int(port, "port", 0);
		}
	}
}

struct service_slices service_slices_seek(
	struct api_server *s, struct arena *a, struct str namespace, struct str service)
{
	const struct resource *slices =
		resource_find(STR("discovery.k8s.io"), STR("v1"), STR("endpointslices"));
	struct str prefix = arena_print(a, "%.*s/", STRF(namespace));

	return (struct service_slices){
		.it = store_seek(server_bucket(s, slices), prefix, STR("")), .service = service};
}

const struct cJSON *service_slices_next(struct service_slices *s, struct arena *a)
{
	while (store_next(&s->it)) {
		const struct cJSON *slice;

		if (str_find(object_labels(s->it.object), s->service) < 0)
			continue; /* another's: it need not be read */
		slice = object_lean_tree(a, s->it.object);
		if (str_eq(json_str(json_get(json_path(slice, "metadata.labels"),
				   STR("kubernetes.io/service-name"))),
			    s->service))
			return slice;
	}
	return NULL;
}

void backend_choose(struct api_server *s, struct arena *a, struct endpoint_choice *c)
{
	struct service_slices slices = service_slices_seek(s, a, c->namespace, c->service);
	const struct cJSON *slice, *port;

	while ((slice = service_slices_next(&slices, a))) {
		c->slices++;
		if ((port = port_in(slice, c->port_name)))
			choose_of(s, a, c, slice, port);
	}
}

static int by_endpoint(struct api_server *s, struct arena *a, const struct cJSON *service,
	struct str namespace, struct str name, struct backend_place *place, struct err *err)
{
	struct endpoint_choice c = {.namespace = namespace,
		.service = name,
		.port_name = port_name(service, place->port)};

	if (!has_port(service, place->port))
		return no_port(err, place->port, name);
	backend_choose(s, a, &c);
	if (!c.seen)
		return err_set(err, ERR_UNAVAILABLE, "no endpoints available for service \"%.*s\"",
			STRF(name));
	place->ip = c.ip;
	place->port = c.port;
	return 0;
}

/* ---- */

int backend_resolve(struct api_server *s, struct arena *a, struct str namespace, struct str name,
	int64_t port, bool endpoints, struct backend_place *place, struct err *err)
{
	const struct cJSON *service;
	struct str type;

	*place = (struct backend_place){.port = port};
	if (str_eq_text(namespace, "default") && str_eq_text(name, "kubernetes") && port == 443) {
		place->ip = ip_v4(127, 0, 0, 1); /* this server itself */
		place->port = s->port;
		return 0;
	}
	service = server_read(s, a, "", "services", namespace, name);
	if (!service)
		return err_set(err, ERR_NOT_FOUND, "service \"%.*s\" not found", STRF(name));
	type = tree_str(service, "spec.type");
	if (str_eq_text(type, "ExternalName") && !endpoints) {
		place->name = tree_str(service, "spec.externalName");
		return 0;
	}
	if (!str_eq_text(type, "ClusterIP") && !str_eq_text(type, "NodePort") &&
		!str_eq_text(type, "LoadBalancer"))
		return err_set(
			err, ERR_UNAVAILABLE, "unsupported service type \"%.*s\"", STRF(type));
	return endpoints ? by_endpoint(s, a, service, namespace, name, place, err)
			 : by_cluster_ip(service, name, place, err);
}
