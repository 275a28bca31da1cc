#include "eviction_manager.h"
#include "image_collector.h"
#include "kubelet_private.h"
#include "log_rotation.h"
#include "node_agent.h"
#include "node_servers.h"
#include "node_shutdown.h"
#include "object_watches.h"
#include "own_certificates.h"
#include "pod_admission.h"
#include "pod_prepare.h"
#include "pod_worker.h"
#include "prober.h"
#include "pull_queue.h"
#include "pull_records.h"
#include "serving_certificate.h"
#include "static_pods.h"
#include "volume_stats.h"

#include <kube/api_codec.h>
#include <kube/http_client.h>
#include <kube/log.h>
#include <kube/mem.h>

struct env *kubelet_env(const struct kubelet *k)
{
	return k->base.env;
}

struct str kubelet_network_fault(const struct kubelet *k, struct arena *a)
{
	_cleanup_(err_done) struct err why = {0};

	if (!k->options.network_ready || k->options.network_ready(k->options.ctx, &why))
		return STR("");
	return arena_print(a,
		"container runtime network not ready: NetworkReady=false "
		"reason:NetworkPluginNotReady message:Network plugin returns error: %s",
		err_text(&why));
}

void kubelet_event(struct kubelet *k, const struct cJSON *pod, const struct cJSON *container,
	const char *type, const char *reason, struct str message)
{
	static const char *const lists[] = {"initContainers", "containers", "ephemeralContainers"};
	struct event_about about = event_about_object(pod);
	_cleanup_(buf_done) struct buf field = BUF_INIT(KIB);

	about.kind = STR("Pod");
	about.api_version = STR("v1");
	for (size_t i = 0; container && i < ARRAY_LEN(lists); i++)
		json_each (spec, json_get(json_get(pod, STR("spec")), str_from(lists[i])))
			if (str_eq(tree_str(spec, "name"), tree_str(container, "name")))
				buf_print(&field, "spec.%s{%.*s}", lists[i],
					STRF(tree_str(spec, "name")));
	about.field_path = buf_str(&field);
	event_record(k->recorder, &about, str_from(type), str_from(reason), message);
}

const struct cJSON *const *kubelet_services(
	struct kubelet *k, struct arena *a, struct str namespace, size_t *count)
{
	const struct cJSON **list;
	size_t most = 1;

	informer_each(it, informer_by(k->services, "namespace", namespace)) most++;
	list = arena_alloc(a, most * sizeof(*list));
	*count = 0;
	struct object *api = informer_get(k->services, STR("default"), STR("kubernetes"));
	if (api && !str_eq(namespace, STR("default")))
		list[(*count)++] = object_lean_tree(a, api);
	informer_each(it, informer_by(k->services, "namespace", namespace)) list[(*count)++] =
		object_lean_tree(a, it.object);
	return list;
}

/* ---- pods ---- */

static struct pod_worker *worker_of(struct kubelet *k, struct str uid)
{
	return map_get(&k->workers, uid);
}

static void take_pod(struct kubelet *k, struct object *object)
{
	struct pod_state *state = pod_state_new(object);
	struct str uid = tree_str(state->pod, "metadata.uid");
	struct pod_worker *w = worker_of(k, uid);

	if (pod_is_mirror(state->pod))
		mirrors_look(k->mirrors);
	else if (w)
		pod_worker_update(w, state, false);
	else if (uid.len)
		map_set(&k->workers, uid, pod_worker_new(k, state));
	pod_state_unref(state);
}

static void pod_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct kubelet *k = h->ctx;

	(void)initial;
	if (scope_closing(&k->scope))
		return;
	/* Deleted and made anew behind our back: another pod of the same name. */
	if (old && (!fresh || !str_eq(object_scan(old, "metadata.uid"),
				      object_scan(fresh, "metadata.uid")))) {
		struct pod_worker *w = worker_of(k, object_scan(old, "metadata.uid"));

		if (w)
			pod_worker_update(w, NULL, true);
		else
			mirrors_look(k->mirrors);
	}
	if (fresh)
		take_pod(k, fresh);
}

/*
 * Does it have its place here? What ran before this kubelet began does before it is looked at; what
 * has ended no more, though it may have to be cleared away: whoever comes instead is here already.
 */
static bool has_place(struct kubelet *k, const struct pod_worker *w)
{
	struct str phase = tree_str(w->state->pod, "status.phase");
	const struct sandbox *const *list;

	if (w->seen || w->life != LIFE_SYNC)
		return w->life < LIFE_LEAVING;
	if (str_eq(phase, STR("Succeeded")) || str_eq(phase, STR("Failed")))
		return false;
	size_t count = k->runtime->ops->sandboxes(k->runtime, &list);
	for (size_t i = 0; i < count; i++)
		if (list[i]->state == SANDBOX_READY && str_eq_text(list[i]->uid, w->uid))
			return true;
	return false;
}

bool kubelet_admits(struct kubelet *k, struct arena *a, const struct cJSON *pod,
	struct pod_victims *victims, struct str *reason, struct str *message)
{
	const struct cJSON **others = arena_alloc(a, (k->workers.count + 1) * sizeof(*others));
	struct pod_admission in = {.pod = pod,
		.others = others,
		.allocatable = k->facts.allocatable,
		.apparmor = k->facts.apparmor,
		.pressure = k->pressure,
		.node = node_agent_node(k->node, a),
		.unsafe_sysctls = {
			k->configuration.unsafe_sysctls, k->configuration.unsafe_sysctl_count}};

	map_each (it, &k->workers) {
		const struct pod_worker *w = it.value;

		if (w->state->pod != pod && has_place(k, w))
			others[in.other_count++] = w->state->pod;
	}
	if (k->shutting_down) {
		*reason = STR("NodeShutdown");
		*message = STR("Pod was rejected as the node is shutting down.");
		return false;
	}
	return pod_is_admitted(a, &in, victims, reason, message);
}

enum resize_answer kubelet_resizes(
	struct kubelet *k, struct arena *a, const struct pod_worker *w, struct str *message)
{
	const struct cJSON **others = arena_alloc(a, (k->workers.count + 1) * sizeof(*others));
	struct pod_admission in = {
		.pod = w->state->desired, .others = others, .allocatable = k->facts.allocatable};

	map_each (it, &k->workers) {
		const struct pod_worker *other = it.value;

		if (other != w && has_place(k, other))
			others[in.other_count++] = other->state->pod;
	}
	if (!pod_can_ever_fit(a, &in, message))
		return RESIZE_NEVER;
	return pod_fits(a, &in, message) ? RESIZE_FITS : RESIZE_LATER;
}

/* ---- what the runtime has ---- */

/* Of a pod that nobody knows: as much of it as the runtime remembers. */
static void adopt_orphan(struct kubelet *k, const struct sandbox *s)
{
	struct pod_state *state = pod_state_new(NULL);

	state->pod = state->desired = json_new(&state->arena, JSON_OBJECT);
	tree_set_str(&state->arena, state->pod, "metadata.name", s->name);
	tree_set_str(&state->arena, state->pod, "metadata.namespace", s->namespace);
	tree_set_str(&state->arena, state->pod, "metadata.uid", s->uid);
	tree_set(&state->arena, state->pod, "spec", json_new(&state->arena, JSON_OBJECT));
	log_info("ending a pod that nobody knows", LOG_STR("pod", s->name),
		LOG_STR("namespace", s->namespace), LOG_STR("uid", s->uid));
	map_set(&k->workers, s->uid, pod_worker_new(k, state));
	pod_state_unref(state);
}

static void find_orphans(struct kubelet *k)
{
	const struct sandbox *const *list;
	size_t count = k->runtime->ops->sandboxes(k->runtime, &list);

	for (size_t i = 0; i < count; i++)
		if (list[i]->uid.len && !worker_of(k, list[i]->uid))
			adopt_orphan(k, list[i]);
}

static void runtime_changed(struct runtime_listener *l, struct str sandbox, struct str container)
{
	struct kubelet *k = l->ctx;
	const struct sandbox *const *list;
	size_t count = k->runtime->ops->sandboxes(k->runtime, &list);

	(void)container;
	if (scope_closing(&k->scope))
		return;
	for (size_t i = 0; i < count; i++) {
		struct pod_worker *w =
			str_eq(list[i]->id, sandbox) ? worker_of(k, list[i]->uid) : NULL;

		if (w)
			pod_worker_wake(w);
	}
}

static bool is_known(void *ctx, struct str uid)
{
	return worker_of(ctx, uid) != NULL;
}

static void found_old_files(struct op *op, struct err *err)
{
	(void)op;
	if (err->code && err->code != ERR_CANCELLED)
		log_warning(err, "files of former pods stay");
}

static void find_old_files(struct kubelet *k)
{
	k->orphans = (struct volumes_orphans){.host = &k->volumes, .known = is_known, .ctx = k};
	op_init(&k->orphans_op, &k->scope, found_old_files, OP_NO_DEADLINE);
	volumes_orphans(&k->orphans, &k->orphans_op);
}

void kubelet_settle(struct kubelet *k)
{
	if (!k->serving || !static_pods_known(k->statics) || k->settled)
		return;
	k->settled = true;
	find_orphans(k);
	find_old_files(k);
	mirrors_look(k->mirrors);
}

static void synced(struct op *op, struct err *err)
{
	struct kubelet *k = CONTAINER_OF(op, struct kubelet, synced);

	if (err->code || scope_closing(&k->scope))
		return;
	k->serving = true;
	kubelet_settle(k);
}

/* ---- the part ---- */

/* The end of all is the end of the scope; this is only part of it. */
static void part_ended(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

static void closed(struct op *op, struct err *err)
{
	struct kubelet *k = CONTAINER_OF(op, struct kubelet, closed);

	(void)err;
	op_finish(k->stopping, 0);
}

static const struct op_kind stop_kind = {.name = "kubelet stop"};

static void stop(struct part *p, struct op *op)
{
	struct kubelet *k = CONTAINER_OF(p, struct kubelet, part);

	op_begin_always(op, &stop_kind, k);
	k->stopping = op;
	informer_remove_handler(k->pods, &k->on_pod);
	link_remove(&k->on_runtime.in_runtime);
	map_each (it, &k->workers)
		pod_worker_abandon(it.value);
	static_pods_stop(k->statics);
	op_init(&k->recorder_op, k->base.scope, part_ended, OP_NO_DEADLINE);
	event_recorder_stop(k->recorder, &k->recorder_op);
	op_init(&k->watches_op, k->base.scope, part_ended, OP_NO_DEADLINE);
	object_watches_stop(k->objects, &k->watches_op);
	node_servers_stop(k, part_ended);
	op_init(&k->knocker_op, k->base.scope, part_ended, OP_NO_DEADLINE);
	http_client_stop(k->knocker, &k->knocker_op);
	op_init(&k->closed, k->base.scope, closed, OP_NO_DEADLINE);
	scope_close(&k->scope, &k->closed);
}

static void free_part(struct part *p)
{
	struct kubelet *k = CONTAINER_OF(p, struct kubelet, part);

	map_each (it, &k->workers)
		pod_worker_free(it.value);
	map_done(&k->workers);
	eviction_manager_free(k->evictions);
	serving_certificate_free(k->certificate);
	own_certificates_free(k->own);
	node_shutdown_free(k->shutdown);
	image_collector_free(k->collector);
	pull_queue_free(k->pulls);
	pull_records_free(k->pulled);
	volume_stats_free(k->room);
	log_rotation_free(k->rotation);
	static_pods_free(k->statics);
	mirrors_free(k->mirrors);
	node_agent_free(k->node);
	pod_cgroups_close(k);
	object_watches_free(k->objects);
	event_recorder_free(k->recorder);
	http_client_free(k->knocker);
	node_servers_free(k);
	if (k->options.tls)
		tls_config_unref(k->options.tls);
	arena_done(&k->arena);
	mem_free(k);
}

static const struct part_ops part_ops = {.name = "kubelet", .stop = stop, .free = free_part};

static void copy_texts(struct arena *a, const struct str **list, size_t count)
{
	struct str *items = arena_alloc(a, (count + 1) * sizeof(*items));

	for (size_t i = 0; i < count; i++)
		items[i] = arena_str(a, (*list)[i]);
	*list = items;
}

static void take_configuration(struct kubelet *k)
{
	struct kubelet_options *o = &k->options;
	struct kubelet_configuration *c = &k->configuration;

	if (o->configuration)
		*c = *o->configuration;
	else if (kubelet_configuration_read(&k->arena, STR(""), c, NULL))
		assert(false);
	struct {
		struct str *option, configured;
	} texts[] = {{&o->manifests, c->static_pod_path}, {&o->resolv_conf, c->resolv_conf},
		{&o->dns_domain, c->cluster_domain},
		{&o->cgroup_root, str_eq(c->cgroup_root, STR("/")) ? STR("") : c->cgroup_root}};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!texts[i].option->len)
			*texts[i].option = texts[i].configured;
	if (!o->dns_server_count) {
		o->dns_servers = c->cluster_dns;
		o->dns_server_count = c->cluster_dns_count;
	}
	if (!o->node_taint_count) {
		o->node_taints = c->taints;
		o->node_taint_count = c->taint_count;
	}
	if (!o->max_pods)
		o->max_pods = (int)c->max_pods;
	if (!o->status_frequency)
		o->status_frequency = c->status_report;
	o->no_register |= !c->register_node;
}

static void copy_options(struct kubelet *k, const struct kubelet_options *from)
{
	struct kubelet_options *o = &k->options;
	struct str *texts[] = {&o->node_name, &o->hostname, &o->root_dir, &o->log_dir,
		&o->image_dir, &o->manifests, &o->system_bus, &o->cgroup_root, &o->resolv_conf,
		&o->dns_domain, &o->version, &o->client_certificate, &o->client_certificate_file};

	*o = *from;
	take_configuration(k);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = arena_str(&k->arena, *texts[i]);
	if (o->tls)
		tls_config_ref(o->tls);
	if (!o->image_dir.len)
		o->image_dir = o->root_dir;
	if (!o->hostname.len)
		o->hostname = o->node_name;
	if (!o->dns_domain.len)
		o->dns_domain = STR("cluster.local");
	if (!o->version.len)
		o->version = STR("v1.36.0");
	copy_texts(&k->arena, &o->dns_servers, o->dns_server_count);
	copy_texts(&k->arena, &o->node_labels, o->node_label_count);
	copy_texts(&k->arena, &o->node_taints, o->node_taint_count);
	o->node_ips = arena_copy(&k->arena, o->node_ips ? (const void *)o->node_ips : "",
		o->node_ip_count * sizeof(*o->node_ips));
}

static void open_informers(struct kubelet *k)
{
	const struct informer_index by_namespace = index_by_namespace();
	struct informer_options pods = {.client = k->base.client,
		.resource = resource_find(STR(""), STR("v1"), STR("pods")),
		.fields = arena_print(&k->arena, "spec.nodeName=%.*s", STRF(k->options.node_name))};
	struct informer_options services = {.client = k->base.client,
		.resource = resource_find(STR(""), STR("v1"), STR("services")),
		.indexes = &by_namespace,
		.index_count = 1};

	k->services = informers_get(k->base.informers, &services);
	k->pods = informers_get(k->base.informers, &pods);
	k->on_pod = (struct informer_handler){.changed = pod_changed, .ctx = k};
	informer_add_handler(k->pods, &k->on_pod);
	op_init(&k->synced, &k->scope, synced, OP_NO_DEADLINE);
	informer_wait_synced(k->pods, &k->synced);
}

/* Before its file system is looked at. */
static void make_root(struct kubelet *k)
{
	_cleanup_(err_done) struct err err = {0};

	if (disk_make_dirs(k->base.env->disk, k->options.root_dir.at, 0750, &err))
		log_error(&err, "there is no place for volumes");
}

static void read_resolver(struct kubelet *k)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	_cleanup_(err_done) struct err err = {0};

	if (!k->options.resolv_conf.len)
		return;
	if (disk_read_file(k->base.env->disk, k->options.resolv_conf.at, &text, &err))
		log_warning(&err, "pods that want the node's resolver have none");
	else
		resolver_parse(&k->arena, buf_str(&text), &k->resolver);
}

/* Nobody knows the certificates that containers have. */
static struct http_client *open_knocker(struct kubelet *k)
{
	const struct tls_client_options tls = {.insecure = true};
	struct http_client_options options = {.no_http2 = true, .name = "knocker"};
	_cleanup_(err_done) struct err err = {0};

	if (tls_config_new_client(&tls, &options.tls, &err))
		log_warning(&err, "no probes over https");
	struct http_client *c = http_client_new(k->base.env, &k->scope, &options);
	if (options.tls)
		tls_config_unref(options.tls);
	return c;
}

void kubelet_prepare_for_shutdown(struct part *part, bool near)
{
	struct kubelet *k = CONTAINER_OF(part, struct kubelet, part);

	if (k->shutdown)
		node_shutdown_told(k->shutdown, near);
}

struct part *kubelet_new(const struct component_base *base, struct runtime *runtime,
	const struct kubelet_options *options)
{
	struct kubelet *k = mem_new(sizeof(*k));

	k->part.ops = &part_ops;
	k->base = *base;
	k->runtime = runtime;
	arena_init(&k->arena);
	copy_options(k, options);
	map_init(&k->workers);
	scope_init(&k->scope, base->scope, "kubelet", NULL);
	k->recorder =
		event_recorder_new(base->client, &k->scope, STR("kubelet"), k->options.node_name);
	k->began = env_wall(base->env);
	k->knocker = open_knocker(k);
	k->objects = object_watches_new(base->client, &k->scope);
	k->volumes = (struct volumes_host){.env = base->env,
		.client = base->client,
		.root = k->options.root_dir,
		.node = &k->facts,
		.runtime = runtime};
	make_root(k);
	k->node = node_agent_new(k);
	pod_cgroups_open(k);
	read_resolver(k);
	k->mirrors = mirrors_new(k);
	open_informers(k);
	k->statics = static_pods_new(k);
	k->collector = image_collector_new(k);
	k->pulls = pull_queue_new(runtime, pull_queue_width(&k->configuration));
	k->pulled = pull_records_new(base->env, &k->scope, &k->configuration, k->options.root_dir);
	k->rotation = log_rotation_new(k);
	k->room = volume_stats_new(k);
	k->evictions = eviction_manager_new(k);
	node_servers_open(k);
	k->certificate = serving_certificate_new(k);
	k->own = own_certificates_new(k);
	k->shutdown = node_shutdown_new(k);
	k->on_runtime = (struct runtime_listener){.changed = runtime_changed, .ctx = k};
	runtime->ops->listen(runtime, &k->on_runtime);
	return &k->part;
}
