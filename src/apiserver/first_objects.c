#include "first_objects.h"
#include "api_options.h"
#include "first_batch.h"
#include "first_rules.h"
#include "pki.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <kube/time.h>

#define AUTOMANAGED "kube-aggregator.kubernetes.io/automanaged"

struct first_objects {
	struct api_server *server;
	const struct first_options *options;
	struct first_batch *batch;
	struct arena *arena;
	struct str now;
};

/* ---- collecting ---- */

static const struct resource *find(const char *group, const char *plural)
{
	return resource_find(str_from(group), STR("v1"), str_from(plural));
}

/* It is left alone where it is. */
static struct own_write *add(
	struct first_objects *f, const char *group, const char *plural, struct str json)
{
	struct cJSON *object;
	struct own_write *w;
	int code = json_parse(f->arena, json, NULL, &object, NULL);

	assert(!code); /* the texts are ours */
	(void)code;
	w = first_batch_add(f->batch, find(group, plural), object);
	w->only_create = true;
	return w;
}

/* Where it is, the rule decides; without one it is replaced. */
static void add_kept(struct first_objects *f, const char *group, const char *plural,
	struct str json, own_merge_fn *rule)
{
	struct own_write *w = add(f, group, plural, json);

	w->only_create = false;
	w->merge = rule;
}

static const struct cJSON *standing(
	struct first_objects *f, const char *group, const char *plural, struct str key)
{
	struct object *o = store_get(server_bucket(f->server, find(group, plural)->hub), key);

	return o ? object_lean_tree(f->arena, o) : NULL;
}

static void add_namespaces(struct first_objects *f)
{
	static const char *const names[] = {
		"default", "kube-system", "kube-public", "kube-node-lease"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		add(f, "", "namespaces",
			arena_print(f->arena,
				"{\"metadata\":{\"name\":\"%s\",\"labels\":{"
				"\"kubernetes.io/metadata.name\":\"%s\"}},"
				"\"spec\":{\"finalizers\":[\"kubernetes\"]},"
				"\"status\":{\"phase\":\"Active\"}}",
				names[i], names[i]));
}

static void add_priority_classes(struct first_objects *f)
{
	add(f, "scheduling.k8s.io", "priorityclasses",
		STR("{\"metadata\":{\"name\":\"system-node-critical\"},\"value\":2000001000,"
		    "\"description\":\"Used for system critical pods that must not be moved from "
		    "their current node.\"}"));
	add(f, "scheduling.k8s.io", "priorityclasses",
		STR("{\"metadata\":{\"name\":\"system-cluster-critical\"},\"value\":2000000000,"
		    "\"description\":\"Used for system critical pods that must run in the "
		    "cluster, but can be moved to another node if necessary.\"}"));
}

static void add_names(struct buf *out, const char *key, const struct flag_list *names)
{
	_cleanup_(buf_done) struct buf list = BUF_INIT(64 * KIB);

	buf_add_char(&list, '[');
	for (size_t i = 0; i < names->count; i++) {
		if (i)
			buf_add_char(&list, ',');
		json_print_str(&list, names->items[i]);
	}
	buf_add_char(&list, ']');
	buf_print(out, ",\"requestheader-%s\":", key);
	json_print_str(out, buf_str(&list));
}

/* Nobody said with which certificate we speak for others: it is one of our own. */
static void add_own_proxy(struct api_server *s, struct buf *out)
{
	static const char *const lists[][2] = {{"allowed-names", "[\"front-proxy-client\"]"},
		{"extra-headers-prefix", "[\"X-Remote-Extra-\"]"},
		{"group-headers", "[\"X-Remote-Group\"]"}, {"uid-headers", "[\"X-Remote-Uid\"]"},
		{"username-headers", "[\"X-Remote-User\"]"}};
	_cleanup_(buf_done) struct buf pem = BUF_INIT(MIB);
	_cleanup_(err_done) struct err err = {0};
	const struct certs *roots;

	if (s->options->proxy_client_certificate.len || pki_front_proxy_roots(s, &roots, &err))
		return;
	cert_print_pem(roots->items[0], &pem);
	buf_add_text(out, ",\"requestheader-client-ca-file\":");
	json_print_str(out, buf_str(&pem));
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		buf_print(out, ",\"requestheader-%s\":", lists[i][0]);
		json_print_str(out, str_from(lists[i][1]));
	}
}

/* Whom servers behind this one are to believe when it speaks for others. */
static void add_proxies(struct api_server *s, struct buf *out)
{
	const struct api_options *o = s->options;
	_cleanup_(buf_done) struct buf pem = BUF_INIT(MIB);

	if (!o->proxy_ca_file.len) {
		add_own_proxy(s, out);
		return;
	}
	if (disk_read_file(s->env->disk, arena_str(&s->arena, o->proxy_ca_file).at, &pem, NULL))
		return;
	buf_add_text(out, ",\"requestheader-client-ca-file\":");
	json_print_str(out, buf_str(&pem));
	add_names(out, "allowed-names", &o->proxy_names);
	add_names(out, "extra-headers-prefix", &o->proxy_extra_prefixes);
	add_names(out, "group-headers", &o->proxy_group_headers);
	add_names(out, "uid-headers", &o->proxy_uid_headers);
	add_names(out, "username-headers", &o->proxy_username_headers);
}

static void add_config_maps(struct first_objects *f)
{
	struct pki *pki = f->server->pki;
	_cleanup_(buf_done) struct buf pem = BUF_INIT(MIB), text = BUF_INIT(2 * MIB);

	for (size_t i = 0; i < pki->client_roots.count; i++)
		cert_print_pem(pki->client_roots.items[i], &pem);
	buf_add_text(&text,
		"{\"metadata\":{\"name\":\"extension-apiserver-authentication\",\"namespace\":"
		"\"kube-system\"}");
	if (pem.len) {
		buf_add_text(&text, ",\"data\":{\"client-ca-file\":");
		json_print_str(&text, buf_str(&pem));
		add_proxies(f->server, &text);
		buf_add_char(&text, '}');
	}
	buf_add_char(&text, '}');
	add_kept(f, "", "configmaps", buf_str(&text), first_keep_authorities);
	if (f->options->no_since)
		return;
	add_kept(f, "", "configmaps",
		arena_print(f->arena,
			"{\"metadata\":{\"name\":"
			"\"kube-apiserver-legacy-service-account-token-tracking\","
			"\"namespace\":\"kube-system\"},\"data\":{\"since\":\"%.*s\"}}",
			STRF(str_sub(f->now, 0, 10))),
		first_keep_since);
}

/* ---- default/kubernetes: how pods reach this server ---- */

static struct str print_ip(struct arena *a, const struct ip *ip)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64);

	ip_print(&out, ip);
	return arena_str(a, buf_str(&out));
}

static const char *family(const struct ip *ip)
{
	return ip->len == 4 ? "IPv4" : "IPv6";
}

/* Its address may have become somebody else's while it was away: then it has to wait. */
static bool may_add_service(struct first_objects *f, struct str address)
{
	const struct cJSON *owner = json_path(
		standing(f, "networking.k8s.io", "ipaddresses", address), "spec.parentRef");

	return !f->options->no_service &&
	       (!owner || (str_eq_text(tree_str(owner, "namespace"), "default") &&
				  str_eq_text(tree_str(owner, "name"), "kubernetes")));
}

static void add_service(struct first_objects *f)
{
	struct ip first = cidr_first(&f->server->options->services[0]);
	struct str address = print_ip(f->arena, &first);

	if (!may_add_service(f, address))
		return;
	add(f, "", "services",
		arena_print(f->arena,
			"{\"metadata\":{\"name\":\"kubernetes\",\"namespace\":\"default\","
			"\"labels\":{\"component\":\"apiserver\",\"provider\":\"kubernetes\"}},"
			"\"spec\":{\"ports\":[{\"name\":\"https\",\"protocol\":\"TCP\","
			"\"port\":443,\"targetPort\":%d}],\"clusterIP\":\"%.*s\","
			"\"clusterIPs\":[\"%.*s\"],\"type\":\"ClusterIP\",\"sessionAffinity\":"
			"\"None\",\"ipFamilies\":[\"%s\"],\"ipFamilyPolicy\":\"SingleStack\","
			"\"internalTrafficPolicy\":\"Cluster\"},\"status\":{\"loadBalancer\":{}}}",
			f->options->port, STRF(address), STRF(address), family(&first)));
	add(f, "networking.k8s.io", "ipaddresses",
		arena_print(f->arena,
			"{\"metadata\":{\"name\":\"%.*s\",\"labels\":{"
			"\"ipaddress.kubernetes.io/ip-family\":\"%s\","
			"\"ipaddress.kubernetes.io/managed-by\":\"ipallocator.k8s.io\"}},"
			"\"spec\":{\"parentRef\":{\"resource\":\"services\",\"namespace\":"
			"\"default\",\"name\":\"kubernetes\"}}}",
			STRF(address), family(&first)));
}

/* The slice has the ports of the Endpoints, people's too, where they are kept. */
static struct str slice_ports(struct first_objects *f)
{
	const struct cJSON *subsets =
		json_path(standing(f, "", "endpoints", STR("default/kubernetes")), "subsets");
	_cleanup_(buf_done) struct buf ports = BUF_INIT(MIB);

	if (!f->options->running || json_count(subsets) != 1)
		return arena_print(f->arena,
			"[{\"name\":\"https\",\"protocol\":\"TCP\",\"port\":%d}]",
			f->options->port);
	if (tree_has(json_first(subsets), "ports"))
		json_print(&ports, json_path(json_first(subsets), "ports"), JSON_COMPACT);
	else
		buf_add_text(&ports, "[]");
	return arena_str(f->arena, buf_str(&ports));
}

static void add_endpoints(struct first_objects *f)
{
	struct str here = print_ip(f->arena, &f->server->advertise), ports = slice_ports(f);
	bool running = f->options->running;

	add_kept(f, "", "endpoints",
		arena_print(f->arena,
			"{\"metadata\":{\"name\":\"kubernetes\",\"namespace\":\"default\","
			"\"labels\":{\"endpointslice.kubernetes.io/skip-mirror\":\"true\"}},"
			"\"subsets\":[{\"addresses\":[{\"ip\":\"%.*s\"}],\"ports\":[{\"name\":"
			"\"https\",\"port\":%d,\"protocol\":\"TCP\"}]}]}",
			STRF(here), f->options->port),
		running ? first_keep_endpoints : NULL);
	add_kept(f, "discovery.k8s.io", "endpointslices",
		arena_print(f->arena,
			"{\"metadata\":{\"name\":\"kubernetes\",\"namespace\":\"default\","
			"\"labels\":{\"kubernetes.io/service-name\":\"kubernetes\"}},"
			"\"addressType\":\"%s\",\"endpoints\":[{\"addresses\":[\"%.*s\"],"
			"\"conditions\":{\"ready\":true}}],\"ports\":%.*s}",
			family(&f->server->advertise), STRF(here), STRF(ports)),
		running ? first_keep_slice : NULL);
}

/* The administrator's to decide: the flag, or the object. */
static void compare_service_cidr(struct first_objects *f, const struct cJSON *ours)
{
	const struct cJSON *there =
		standing(f, "networking.k8s.io", "servicecidrs", STR("kubernetes"));
	const struct cJSON *list = json_path(there, "spec.cidrs");

	if (there && !json_equal(list, ours) &&
		!(json_count(list) == 1 && json_equal(json_first(list), json_first(ours))))
		log_warning(NULL,
			"the default ServiceCIDR is not of the ranges of "
			"--service-cluster-ip-range; "
			"it stays as it is",
			LOG_STR("first", json_str(json_first(list))));
}

static void add_service_cidr(struct first_objects *f)
{
	const struct api_options *o = f->server->options;
	_cleanup_(buf_done) struct buf cidrs = BUF_INIT(KIB);
	struct cJSON *list = json_new(f->arena, JSON_ARRAY);

	for (size_t i = 0; i < o->service_cidr_count; i++) {
		buf_clear(&cidrs);
		cidr_print(&cidrs, &o->services[i]);
		json_append(list, json_new_str(f->arena, buf_str(&cidrs)));
	}
	if (!f->options->running)
		compare_service_cidr(f, list);
	buf_clear(&cidrs);
	json_print(&cidrs, list, JSON_COMPACT);
	add_kept(f, "networking.k8s.io", "servicecidrs",
		arena_print(f->arena,
			"{\"metadata\":{\"name\":\"kubernetes\"},\"spec\":{\"cidrs\":%.*s},"
			"\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
			"\"lastTransitionTime\":\"%.*s\",\"reason\":\"\",\"message\":"
			"\"Kubernetes default Service CIDR is ready\"}]}}",
			STRF(buf_str(&cidrs)), STRF(f->now)),
		first_keep_service_cidr);
}

/* ---- fairness ---- */

/* Those that an older server made and this one does not know; what people keep, stays. */
static void remove_old_flows(struct first_objects *f, const char *plural, const struct map *known)
{
	const struct resource *r = find("flowcontrol.apiserver.k8s.io", plural);
	struct store_iter it = store_seek(server_bucket(f->server, r->hub), STR(""), STR(""));

	while (store_next(&it)) {
		const struct cJSON *tree = object_lean_tree(f->arena, it.object);

		if (first_flow_updates(tree) == 1 && !map_has(known, it.key) &&
			!tree_has(tree, "metadata.finalizers"))
			first_batch_remove(f->batch, r, it.object);
	}
}

static void add_flow(
	struct first_objects *f, const char *plural, struct str text, struct map *known)
{
	struct cJSON *object = NULL;

	if (json_parse(f->arena, text, NULL, &object, NULL))
		return;
	map_set(known, tree_str(object, "metadata.name"), f);
	add_kept(f, "flowcontrol.apiserver.k8s.io", plural, text,
		first_flow_is_mandatory(tree_str(object, "metadata.name"))
			? first_keep_mandatory_flow
			: first_keep_suggested_flow);
}

static void add_flows(struct first_objects *f)
{
	struct map levels = {0}, schemas = {0};
	struct str text;

	for (size_t i = 0; (text = first_priority_level(f->arena, i)).len; i++)
		add_flow(f, "prioritylevelconfigurations", text, &levels);
	for (size_t i = 0; (text = first_flow_schema(f->arena, i, f->now)).len; i++)
		add_flow(f, "flowschemas", text, &schemas);
	remove_old_flows(f, "prioritylevelconfigurations", &levels);
	remove_old_flows(f, "flowschemas", &schemas);
	map_done(&levels);
	map_done(&schemas);
}

/* ---- what is served: looked at when the server starts ---- */

/* Of versions that are not switched on any more. */
static void remove_old_api_services(struct first_objects *f, const struct map *known)
{
	const struct resource *r = find("apiregistration.k8s.io", "apiservices");
	struct store_iter it = store_seek(server_bucket(f->server, r->hub), STR(""), STR(""));

	while (store_next(&it)) {
		const struct cJSON *tree = object_lean_tree(f->arena, it.object);

		if (str_eq_text(json_str(json_get(
					json_path(tree, "metadata.labels"), STR(AUTOMANAGED))),
			    "onstart") &&
			!map_has(known, it.key) && !tree_has(tree, "metadata.finalizers"))
			first_batch_remove(f->batch, r, it.object);
	}
}

static void add_api_services(struct first_objects *f)
{
	struct map known = {0};
	struct str text;
	size_t index = 0;

	while ((text = first_api_service(f->server, f->arena, &index, f->now)).len) {
		struct cJSON *object = NULL;

		if (!json_parse(f->arena, text, NULL, &object, NULL))
			map_set(&known, tree_str(object, "metadata.name"), f);
		add_kept(f, "apiregistration.k8s.io", "apiservices", text, first_keep_api_service);
	}
	remove_old_api_services(f, &known);
	map_done(&known);
}

void first_objects_write(struct api_server *s, struct op *op, const struct first_options *options)
{
	struct first_objects f = {.server = s, .options = options};
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	f.batch = first_batch_new(s);
	f.arena = first_batch_arena(f.batch);
	time_print(&now, env_wall(s->env) / SEC * SEC);
	f.now = arena_str(f.arena, buf_str(&now));
	add_namespaces(&f);
	if (!options->running)
		add_priority_classes(&f);
	add_config_maps(&f);
	add_service(&f);
	add_endpoints(&f);
	add_service_cidr(&f);
	add_flows(&f);
	if (!options->running)
		add_api_services(&f);
	first_batch_run(f.batch, op);
}
