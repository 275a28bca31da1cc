/* The part: informers say which services are to be looked at again; sync.c does it. */
#include "proxy_private.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <stdlib.h>

#define MIN_SYNC      (20 * MSEC)
#define SERVICE_NAME  "kubernetes.io/service-name"
#define TRIGGER_TIME  "endpoints.kubernetes.io/last-change-trigger-time"
#define LEAVING_TAINT "ToBeDeletedByClusterAutoscaler"

/* ---- what changes ---- */

static void service_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct object *o = fresh ? fresh : old;
	struct proxy *p = h->ctx;

	(void)initial;
	p->metrics.service_changes++;
	p->metrics.services_pending++;
	proxy_mark(p, client_object_namespace(o), client_object_name(o));
}

/* Only its labels are read: a slice may be large, and many may come in one turn of the loop. */
static void mark_slice(struct proxy *p, const struct object *o)
{
	_cleanup_(arena_done) struct arena a;
	struct cJSON *labels = NULL;

	arena_init(&a);
	if (!object_labels(o).len || json_parse(&a, object_labels(o), NULL, &labels, NULL))
		return;
	struct str name = json_str(json_get(labels, STR(SERVICE_NAME)));
	if (name.len)
		proxy_mark(p, client_object_namespace(o), name);
}

/* When that happened which the slice now says; 0: it does not say. */
static int64_t trigger_time(const struct object *o)
{
	struct str text = object_scan(o, "metadata.annotations");
	_cleanup_(arena_done) struct arena a;
	struct cJSON *annotations = NULL;
	int64_t at = 0;

	arena_init(&a);
	if (!text.len || json_parse(&a, text, NULL, &annotations, NULL))
		return 0;
	struct str said = json_str(json_get(annotations, STR(TRIGGER_TIME)));
	return said.len && !time_parse(said, &at, NULL) ? at : 0;
}

static void slice_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct proxy *p = h->ctx;
	int64_t at = fresh && !initial ? trigger_time(fresh) : 0;

	p->metrics.endpoint_changes++;
	p->metrics.endpoints_pending++;
	if (at && p->trigger_count < TRIGGERS_MAX && !(old && trigger_time(old) == at))
		p->triggers[p->trigger_count++] = at;
	if (old)
		mark_slice(p, old);
	if (fresh)
		mark_slice(p, fresh);
}

/* ---- the node ---- */

/* Its first internal address, or else its first external one, and the first of the other family. */
static size_t read_ips(const struct cJSON *node, struct ip ips[NODE_IPS_MAX])
{
	static const char *const types[] = {"InternalIP", "ExternalIP"};
	size_t count = 0;
	struct ip ip;

	for (size_t t = 0; t < ARRAY_LEN(types); t++)
		json_each (item, json_path(node, "status.addresses"))
			if (str_eq_text(json_str(json_get(item, STR("type"))), types[t]) &&
				ip_parse(json_str(json_get(item, STR("address"))), &ip) &&
				!ip_is_loopback(&ip) &&
				(!count || (count == 1 && ips[0].len != ip.len)))
				ips[count++] = ip;
	return count;
}

static void take_ips(struct proxy *p, const struct cJSON *node)
{
	struct ip ips[NODE_IPS_MAX] = {0};
	size_t count = read_ips(node, ips);

	if (count == p->ip_count && memcmp(ips, p->ips, sizeof(ips)) == 0)
		return;
	memcpy(p->ips, ips, sizeof(ips));
	p->ip_count = count;
	p->ips_changed = true;
	proxy_mark_all(p); /* balancers may be for it or not */
	if (p->ports && !p->table.nodeport_address_count)
		service_ports_set_addresses(p->ports, p->ips, p->ip_count);
	proxy_wake(p, 0);
}

static bool is_leaving(const struct cJSON *node)
{
	if (json_path(node, "metadata.deletionTimestamp"))
		return true;
	json_each (taint, json_path(node, "spec.taints"))
		if (str_eq_text(json_str(json_get(taint, STR("key"))), LEAVING_TAINT))
			return true;
	return false;
}

static void node_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	_cleanup_(arena_done) struct arena a;
	struct proxy *p = h->ctx;

	(void)old;
	(void)initial;
	arena_init(&a);
	p->health.node_leaving = true;
	if (!fresh) /* its addresses are still this machine's */
		return;
	const struct cJSON *node = object_lean_tree(&a, fresh);
	struct str zone = json_str(
		json_get(json_path(node, "metadata.labels"), STR("topology.kubernetes.io/zone")));
	p->health.node_leaving = is_leaving(node);
	take_ips(p, node);
	if (str_eq(zone, p->node.zone))
		return;
	p->node.zone = arena_str(&p->arena, zone);
	proxy_mark_all(p);
}

/* "namespace/service" of a slice */
static void service_of_slice(const struct informer_index *index, const struct cJSON *slice,
	informer_emit_fn *emit, void *ctx)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(KIB);
	const struct cJSON *meta = json_get(slice, STR("metadata"));
	struct str name = json_str(json_get(json_get(meta, STR("labels")), STR(SERVICE_NAME)));

	(void)index;
	buf_print(&key, "%.*s/%.*s", STRF(json_str(json_get(meta, STR("namespace")))), STRF(name));
	if (name.len)
		emit(ctx, buf_str(&key));
}

/* ---- life ---- */

static void on_synced(struct op *op, struct err *err)
{
	struct proxy *p = CONTAINER_OF(op, struct proxy, synced);

	if (err->code)
		return;
	p->known = true;
	if (p->print_only)
		return;
	p->serving = true;
	p->reload = true;
	proxy_wake(p, 0);
	proxy_watch_table(p);
}

static void all_closed(struct op *op, struct err *err)
{
	struct proxy *p = CONTAINER_OF(op, struct proxy, closed);

	(void)err;
	op_finish(p->stopping, 0);
}

static void recorder_stopped(struct op *op, struct err *err)
{
	struct proxy *p = CONTAINER_OF(op, struct proxy, closed);

	(void)err;
	op_init(&p->closed, p->base.scope, all_closed, OP_NO_DEADLINE);
	scope_close(&p->scope, &p->closed);
}

static void proxy_stop(struct part *part, struct op *op)
{
	static const struct op_kind kind = {.name = "proxy stop"};
	struct proxy *p = CONTAINER_OF(part, struct proxy, part);

	op_begin_always(op, &kind, p);
	p->stopping = op;
	p->serving = false;
	informer_remove_handler(p->services, &p->on_service);
	informer_remove_handler(p->slices, &p->on_slice);
	if (p->nodes)
		informer_remove_handler(p->nodes, &p->on_node);
	op_init(&p->closed, p->base.scope, recorder_stopped, OP_NO_DEADLINE);
	event_recorder_stop(p->recorder, &p->closed);
}

static void proxy_free(struct part *part)
{
	struct proxy *p = CONTAINER_OF(part, struct proxy, part);

	map_done(&p->dirty);
	ruleset_done(&p->ruleset);
	known_slices_done(&p->known_slices);
	proxy_sync_done(p);
	nft_link_close(&p->link);
	arena_done(&p->sync.arena);
	service_ports_free(p->ports);
	status_server_free(p->status);
	event_recorder_free(p->recorder);
	arena_done(&p->arena);
	mem_free(p);
}

static struct informer *follow(struct proxy *p, const struct informer_options *options,
	const char *group, const char *resource, struct informer_handler *h,
	informer_changed_fn *changed)
{
	struct informer_options o = *options;

	o.client = p->base.client;
	o.resource = resource_find(str_from(group), STR("v1"), str_from(resource));
	struct informer *i = informers_get(p->base.informers, &o);
	*h = (struct informer_handler){.changed = changed, .ctx = p};
	informer_add_handler(i, h);
	return i;
}

static void copy_options(struct proxy *p, const struct proxy_options *o)
{
	struct arena *a = &p->arena;

	p->print_only = o->print_only;
	p->min_sync = o->min_sync ? o->min_sync : MIN_SYNC;
	p->node = (struct proxy_node){.name = arena_str(a, o->node_name),
		.pod_cidrs = arena_copy(a, o->pod_cidrs, o->pod_cidr_count * sizeof(*o->pod_cidrs)),
		.pod_cidr_count = o->pod_cidr_count,
		.masquerade_all = o->masquerade_all};
	p->table = (struct base_options){
		.nodeport_addresses = arena_copy(a, o->nodeport_addresses,
			o->nodeport_address_count * sizeof(*o->nodeport_addresses)),
		.nodeport_address_count = o->nodeport_address_count};
}

/* The settings, as upstream names them. */
static struct str config_text(struct arena *a, const struct proxy_options *o)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * KIB);

	buf_add_text(&text, "{\"kubeproxy.config.k8s.io\":{\"BindAddress\":\"0.0.0.0\","
			    "\"HealthzBindAddress\":\"");
	address_print(&text, &o->healthz);
	buf_add_text(&text, "\",\"MetricsBindAddress\":\"");
	address_print(&text, &o->metrics);
	buf_add_text(&text, "\",\"HostnameOverride\":");
	json_print_str(&text, o->node_name);
	buf_add_text(&text, ",\"Mode\":\"nftables\",\"NFTables\":{\"MasqueradeBit\":14,");
	buf_print(&text, "\"MasqueradeAll\":%s},\"DetectLocalMode\":\"ClusterCIDR\",",
		o->masquerade_all ? "true" : "false");
	buf_add_text(&text, "\"DetectLocal\":{\"ClusterCIDRs\":[");
	for (size_t i = 0; i < o->pod_cidr_count; i++) {
		buf_add_text(&text, i ? ",\"" : "\"");
		cidr_print(&text, &o->pod_cidrs[i]);
		buf_add_char(&text, '"');
	}
	buf_add_text(&text, "]},\"NodePortAddresses\":[");
	for (size_t i = 0; i < o->nodeport_address_count; i++) {
		buf_add_text(&text, i ? ",\"" : "\"");
		cidr_print(&text, &o->nodeport_addresses[i]);
		buf_add_char(&text, '"');
	}
	buf_add_text(&text, o->nodeport_address_count ? "]," : "\"primary\"],");
	buf_add_text(&text, "\"MinSyncPeriod\":\"");
	duration_print(&text, o->min_sync ? o->min_sync : MIN_SYNC);
	buf_add_text(&text, "\"}}");
	return arena_str(a, buf_str(&text));
}

static void tell(struct proxy *p, const struct proxy_options *o)
{
	const struct status_options options = {.healthz = o->healthz,
		.metrics = o->metrics,
		.health = &p->health,
		.counted = &p->metrics,
		.config = config_text(&p->arena, o)};

	proxy_metrics_init(&p->metrics, &p->arena);
	p->recorder =
		event_recorder_new(p->base.client, &p->scope, STR("kube-proxy"), p->node.name);
	p->ports = service_ports_new(&p->base, &p->scope, &p->health, p->recorder, p->node.name);
	p->status = status_server_new(&p->base, &p->scope, &options);
}

struct part *proxy_new(const struct component_base *base, const struct proxy_options *o)
{
	static const struct part_ops ops = {
		.name = "proxy", .stop = proxy_stop, .free = proxy_free};
	static const struct informer_index by_service = {
		.name = "service", .keys = service_of_slice};
	struct proxy *p = mem_new(sizeof(*p));

	p->part.ops = &ops;
	p->base = *base;
	arena_init(&p->arena);
	arena_init(&p->sync.arena);
	map_init(&p->dirty);
	ruleset_init(&p->ruleset);
	known_slices_init(&p->known_slices);
	copy_options(p, o);
	scope_init(&p->scope, base->scope, "proxy", NULL);
	tell(p, o);
	p->services = follow(
		p, &(struct informer_options){0}, "", "services", &p->on_service, service_changed);
	p->slices = follow(p, &(struct informer_options){.indexes = &by_service, .index_count = 1},
		"discovery.k8s.io", "endpointslices", &p->on_slice, slice_changed);
	if (p->node.name.len)
		p->nodes = follow(p,
			&(struct informer_options){
				.fields = arena_print(
					&p->arena, "metadata.name=%.*s", STRF(p->node.name))},
			"", "nodes", &p->on_node, node_changed);
	op_init(&p->synced, &p->scope, on_synced, OP_NO_DEADLINE);
	informers_wait_synced(base->informers, &p->synced);
	return &p->part;
}

bool proxy_synced(const struct part *part)
{
	const struct proxy *p = CONTAINER_OF((struct part *)(uintptr_t)part, struct proxy, part);

	if (p->print_only)
		return p->known;
	return p->serving && !p->reload && !p->ips_changed && !p->dirty.count && !p->sending &&
	       !p->collecting && !p->failing;
}

struct address proxy_healthz_address(const struct part *part)
{
	return status_server_healthz(
		CONTAINER_OF((struct part *)(uintptr_t)part, struct proxy, part)->status);
}

struct address proxy_metrics_address(const struct part *part)
{
	return status_server_metrics(
		CONTAINER_OF((struct part *)(uintptr_t)part, struct proxy, part)->status);
}
