#include "first_objects.h"
#include "api_options.h"
#include "pki.h"

#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/time.h>

#define OBJECTS_MAX 128

struct first_objects;
struct first_write {
	struct own_write write;
	struct op op;
	struct first_objects *all;
};

struct first_objects {
	struct api_server *server;
	struct arena arena;
	struct op *op;
	struct first_write writes[OBJECTS_MAX];
	size_t count, left;
	int64_t written;
	struct err err; /* the first */
	struct str now;
};

/* ---- collecting ---- */

static struct own_write *add(struct first_objects *f, const char *group, const char *version,
	const char *plural, struct str json)
{
	const struct resource *r =
		resource_find(str_from(group), str_from(version), str_from(plural));
	struct own_write *w = &f->writes[f->count].write;

	assert(r && f->count < OBJECTS_MAX);
	f->count++;
	w->resource = r->hub;
	int code = json_parse(&f->arena, json, NULL, &w->object, NULL);
	assert(!code); /* the texts are ours */
	(void)code;
	w->only_create = true;
	return w;
}

static void add_namespaces(struct first_objects *f)
{
	static const char *const names[] = {
		"default", "kube-system", "kube-public", "kube-node-lease"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		add(f, "", "v1", "namespaces",
			arena_print(&f->arena,
				"{\"metadata\":{\"name\":\"%s\",\"labels\":{"
				"\"kubernetes.io/metadata.name\":\"%s\"}},"
				"\"spec\":{\"finalizers\":[\"kubernetes\"]},"
				"\"status\":{\"phase\":\"Active\"}}",
				names[i], names[i]));
}

static void add_priority_classes(struct first_objects *f)
{
	add(f, "scheduling.k8s.io", "v1", "priorityclasses",
		STR("{\"metadata\":{\"name\":\"system-node-critical\"},\"value\":2000001000,"
		    "\"description\":\"Used for system critical pods that must not be moved from "
		    "their current node.\"}"));
	add(f, "scheduling.k8s.io", "v1", "priorityclasses",
		STR("{\"metadata\":{\"name\":\"system-cluster-critical\"},\"value\":2000000000,"
		    "\"description\":\"Used for system critical pods that must run in the "
		    "cluster, but can be moved to another node if necessary.\"}"));
}

static void add_config_maps(struct first_objects *f)
{
	struct pki *pki = f->server->pki;
	_cleanup_(buf_done) struct buf pem = BUF_INIT(MIB), text = BUF_INIT(2 * MIB);

	for (size_t i = 0; i < pki->client_roots.count; i++)
		cert_print_pem(pki->client_roots.items[i], &pem);
	buf_add_text(&text,
		"{\"metadata\":{\"name\":\"extension-apiserver-authentication\",\"namespace\":"
		"\"kube-system\"},\"data\":{\"client-ca-file\":");
	json_print_str(&text, buf_str(&pem));
	buf_add_text(&text, "}}");
	add(f, "", "v1", "configmaps", buf_str(&text))->only_create = false;
	add(f, "", "v1", "configmaps",
		arena_print(&f->arena,
			"{\"metadata\":{\"name\":"
			"\"kube-apiserver-legacy-service-account-token-tracking\","
			"\"namespace\":\"kube-system\"},\"data\":{\"since\":\"%.*s\"}}",
			STRF(str_sub(f->now, 0, 10))));
}

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

/* The cluster's own service: how pods reach this server. */
static void add_kubernetes_service(struct first_objects *f, uint16_t port)
{
	const struct api_options *o = f->server->options;
	struct ip first = cidr_first(&o->services[0]);
	struct str service = print_ip(&f->arena, &first);
	struct str here = print_ip(&f->arena, &f->server->advertise);

	add(f, "", "v1", "services",
		arena_print(&f->arena,
			"{\"metadata\":{\"name\":\"kubernetes\",\"namespace\":\"default\","
			"\"labels\":{\"component\":\"apiserver\",\"provider\":\"kubernetes\"}},"
			"\"spec\":{\"ports\":[{\"name\":\"https\",\"protocol\":\"TCP\","
			"\"port\":443,\"targetPort\":%d}],\"clusterIP\":\"%.*s\","
			"\"clusterIPs\":[\"%.*s\"],\"type\":\"ClusterIP\",\"sessionAffinity\":"
			"\"None\",\"ipFamilies\":[\"%s\"],\"ipFamilyPolicy\":\"SingleStack\","
			"\"internalTrafficPolicy\":\"Cluster\"},\"status\":{\"loadBalancer\":{}}}",
			port, STRF(service), STRF(service), family(&first)));
	add(f, "", "v1", "endpoints",
		arena_print(&f->arena,
			"{\"metadata\":{\"name\":\"kubernetes\",\"namespace\":\"default\","
			"\"labels\":{\"endpointslice.kubernetes.io/skip-mirror\":\"true\"}},"
			"\"subsets\":[{\"addresses\":[{\"ip\":\"%.*s\"}],\"ports\":[{\"name\":"
			"\"https\",\"port\":%d,\"protocol\":\"TCP\"}]}]}",
			STRF(here), port))
		->only_create = false;
	add(f, "discovery.k8s.io", "v1", "endpointslices",
		arena_print(&f->arena,
			"{\"metadata\":{\"name\":\"kubernetes\",\"namespace\":\"default\","
			"\"labels\":{\"kubernetes.io/service-name\":\"kubernetes\"}},"
			"\"addressType\":\"%s\",\"endpoints\":[{\"addresses\":[\"%.*s\"],"
			"\"conditions\":{\"ready\":true}}],\"ports\":[{\"name\":\"https\","
			"\"protocol\":\"TCP\",\"port\":%d}]}",
			family(&f->server->advertise), STRF(here), port))
		->only_create = false;
	add(f, "networking.k8s.io", "v1", "ipaddresses",
		arena_print(&f->arena,
			"{\"metadata\":{\"name\":\"%.*s\",\"labels\":{"
			"\"ipaddress.kubernetes.io/ip-family\":\"%s\","
			"\"ipaddress.kubernetes.io/managed-by\":\"ipallocator.k8s.io\"}},"
			"\"spec\":{\"parentRef\":{\"resource\":\"services\",\"namespace\":"
			"\"default\",\"name\":\"kubernetes\"}}}",
			STRF(service), family(&first)));
}

static void add_service_cidr(struct first_objects *f)
{
	const struct api_options *o = f->server->options;
	_cleanup_(buf_done) struct buf cidrs = BUF_INIT(KIB);

	for (size_t i = 0; i < o->service_cidr_count; i++) {
		buf_add_text(&cidrs, i ? ",\"" : "\"");
		cidr_print(&cidrs, &o->services[i]);
		buf_add_char(&cidrs, '"');
	}
	add(f, "networking.k8s.io", "v1", "servicecidrs",
		arena_print(&f->arena,
			"{\"metadata\":{\"name\":\"kubernetes\"},\"spec\":{\"cidrs\":[%.*s]},"
			"\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
			"\"lastTransitionTime\":\"%.*s\",\"reason\":\"\",\"message\":"
			"\"Kubernetes default Service CIDR is ready\"}]}}",
			STRF(buf_str(&cidrs)), STRF(f->now)));
}

static void add_flows(struct first_objects *f)
{
	struct str text;

	for (size_t i = 0; (text = first_priority_level(&f->arena, i)).len; i++)
		add(f, "flowcontrol.apiserver.k8s.io", "v1", "prioritylevelconfigurations", text);
	for (size_t i = 0; (text = first_flow_schema(&f->arena, i, f->now)).len; i++)
		add(f, "flowcontrol.apiserver.k8s.io", "v1", "flowschemas", text);
}

static void add_api_services(struct first_objects *f)
{
	struct str text;
	size_t index = 0;

	while ((text = first_api_service(f->server, &f->arena, &index, f->now)).len)
		add(f, "apiregistration.k8s.io", "v1", "apiservices", text);
}

/* ---- writing, all at once: one wait for the disk ---- */

static void first_cancel(struct op *op)
{
	struct first_objects *f = op->ctx;

	for (size_t i = 0; i < f->count; i++)
		op_cancel(&f->writes[i].op);
}

static const struct op_kind first_kind = {.name = "first objects", .cancel = first_cancel};

static void one_written(struct op *op, struct err *err)
{
	struct first_write *w = CONTAINER_OF(op, struct first_write, op);
	struct first_objects *f = w->all;
	struct op *whole = f->op;
	int64_t n;

	if (err->code && !f->err.code)
		err_move(&f->err, err);
	f->written += op->n;
	if (--f->left)
		return;
	n = f->written;
	struct err first = TAKE(f->err);
	arena_done(&f->arena);
	mem_free(f);
	if (first.code)
		op_fail(whole, &first);
	else
		op_finish(whole, n);
}

void first_objects_write(struct api_server *s, struct op *op, uint16_t port)
{
	struct first_objects *f;
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	if (!op_begin(op, &first_kind, NULL))
		return;
	f = mem_new(sizeof(*f));
	op->ctx = f;
	f->server = s;
	f->op = op;
	arena_init(&f->arena);
	time_print(&now, env_wall(s->env) / SEC * SEC);
	f->now = arena_str(&f->arena, buf_str(&now));
	add_namespaces(f);
	add_priority_classes(f);
	add_config_maps(f);
	add_kubernetes_service(f, port);
	add_service_cidr(f);
	add_flows(f);
	add_api_services(f);
	f->left = f->count;
	for (size_t i = 0; i < f->count; i++) {
		struct first_write *w = &f->writes[i];

		w->all = f;
		op_init(&w->op, op->scope, one_written, OP_NO_DEADLINE);
		server_write(s, &w->op, &w->write);
	}
}
