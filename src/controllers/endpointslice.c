/* The endpoint slices of services that select pods. */
#include "endpointslices.h"

#define MANAGER "endpointslice-controller.k8s.io"

static bool find_node(void *ctx, struct str name, struct str *zone)
{
	struct object *node = informer_get(usual_informer(ctx, "nodes"), STR(""), name);

	if (!node)
		return false;
	/* The dots of a label's name are no path. */
	struct str labels = object_labels(node), key = STR("\"topology.kubernetes.io/zone\":\"");
	ssize_t at = str_find(labels, key);
	if (at < 0)
		return true;
	struct str rest = str_skip(labels, (size_t)at + key.len);
	str_cut(rest, '"', zone, &rest);
	return true;
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct object *service = informer_get_key(usual_informer(u, "services"), key);
	struct trees pods = {0}, existing = {0};
	struct slices_change change;

	(void)now;
	if (!service) /* its slices are the garbage collector's */
		return;
	struct cJSON *tree = object_lean_tree(p->arena, service);
	if (!service_selects(tree))
		return;
	service_find_pods(u, p->arena, tree, &pods);
	slices_find(u, p->arena, key, MANAGER, &existing);
	slices_of_service(p->arena,
		&(struct slices_in){.service = tree,
			.pods = &pods,
			.existing = &existing,
			.node = find_node,
			.ctx = u},
		&change);
	slices_write(p, usual_resource(u, "endpointslices"), &change);
}

static void slice_changed(struct usual *u, struct object *old, struct object *fresh)
{
	slices_enqueue_service(u, old, fresh, MANAGER);
}

/* A node that comes, goes or moves to another zone: the services of its pods. */
static void node_changed(struct usual *u, struct object *old, struct object *fresh)
{
	struct object *node = fresh ? fresh : old;

	if (old && fresh && str_eq(object_labels(old), object_labels(fresh)))
		return;
	informer_each(it,
		informer_by(usual_informer(u, "pods"), "spec.nodeName", client_object_name(node)))
		service_pod_changed(u, NULL, it.object);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {{"", "v1", "services", service_changed},
		{"", "v1", "pods", service_pod_changed}, {"", "v1", "nodes", node_changed},
		{"discovery.k8s.io", "v1", "endpointslices", slice_changed}, {0}};

	return usual_new(w, k,
		&(struct usual_options){.recorder = "endpoint-slice-controller",
			.sources = sources,
			.reconcile = reconcile});
}

const struct controller_kind endpointslice_kind = {
	.name = "endpointslice-controller", .aliases = "endpointslice", .start = start};
