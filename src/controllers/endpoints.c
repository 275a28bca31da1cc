/*
 * Endpoints: the addresses of the pods behind a service, in the form that has been deprecated in
 * favour of slices but is still served to those who read it.
 */
#include "endpoints.h"

#include "service_watch.h"

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct object *service = informer_get_key(usual_informer(u, "services"), key);
	struct object *current = informer_get_key(usual_informer(u, "endpoints"), key);
	const struct resource *r = usual_resource(u, "endpoints");
	struct trees pods = {0};
	struct str namespace, name;

	(void)now;
	key_split(key, &namespace, &name);
	if (!service) {
		if (current)
			plan_delete(
				p, r, namespace, name, object_scan(current, "metadata.uid"), NULL);
		return;
	}
	struct cJSON *tree = object_lean_tree(p->arena, service);
	if (!service_selects(tree))
		return;
	service_find_pods(u, p->arena, tree, &pods);
	struct cJSON *made = endpoints_of_service(
		p->arena, tree, &pods, current ? object_lean_tree(p->arena, current) : NULL);
	if (!made)
		return;
	if (current)
		plan_update(p, r, made);
	else if (!tree_has(tree, "metadata.deletionTimestamp"))
		plan_create(p, r, made);
}

/* Somebody else's change of them is undone; those that a lost service has left go. */
static void endpoints_changed(struct usual *u, struct object *old, struct object *fresh)
{
	struct object *o = fresh ? fresh : old;
	struct str annotations = object_scan(o, "metadata.annotations");

	if (str_find(annotations, STR("control-plane.alpha.kubernetes.io/leader")) >= 0)
		return;
	if (!informer_get(usual_informer(u, "services"), client_object_namespace(o),
		    client_object_name(o)) &&
		str_find(object_labels(o), STR("endpoint-controller")) < 0)
		return;
	usual_enqueue_object(u, o);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {{"", "v1", "services", service_changed},
		{"", "v1", "pods", service_pod_changed}, {"", "v1", "endpoints", endpoints_changed},
		{0}};

	return usual_new(w, k,
		&(struct usual_options){.recorder = "endpoint-controller",
			.sources = sources,
			.reconcile = reconcile});
}

const struct controller_kind endpoints_kind = {
	.name = "endpoints-controller", .aliases = "endpoint", .start = start};
