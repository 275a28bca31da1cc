/* The root CA in every namespace, for pods to know the API server by. */
#include "workload.h"

#define DESCRIPTION                                                                                \
	"Contains a CA bundle that can be used to verify the kube-apiserver when using internal "  \
	"endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "  \
	"guaranteed across distributions of Kubernetes clusters."

static const struct str map_name = STR_INIT("kube-root-ca.crt");
static const struct str annotation = STR_INIT("kubernetes.io/description");

static void set_contents(struct arena *a, struct cJSON *map, struct str ca)
{
	struct cJSON *data = json_new(a, JSON_OBJECT);
	struct cJSON *annotations = json_path(map, "metadata.annotations");

	json_set(a, data, STR("ca.crt"), json_new_str(a, ca));
	tree_set(a, map, "data", data);
	/* What others have noted there stays. */
	if (!annotations) {
		annotations = json_new(a, JSON_OBJECT);
		tree_set(a, map, "metadata.annotations", annotations);
	}
	json_set(a, annotations, annotation, json_new_str(a, STR(DESCRIPTION)));
}

static bool is_as_it_should(const struct cJSON *map, struct str ca)
{
	const struct cJSON *data = json_get(map, STR("data"));
	const struct cJSON *annotations = json_path(map, "metadata.annotations");

	return json_count(data) == 1 && str_eq(json_str(json_get(data, STR("ca.crt"))), ca) &&
	       json_str(json_get(annotations, annotation)).len;
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct arena *a = p->arena;
	struct str ca = usual_world(u)->options->root_ca;
	struct object *namespace = informer_get_key(usual_informer(u, "namespaces"), key);
	struct object *o = informer_get(usual_informer(u, "configmaps"), key, map_name);

	(void)now;
	if (!namespace || !str_eq(object_scan(namespace, "status.phase"), STR("Active")))
		return;
	struct cJSON *map = o ? object_lean_tree(a, o) : json_new(a, JSON_OBJECT);
	if (o && is_as_it_should(map, ca))
		return;
	if (o) {
		set_contents(a, map, ca);
		plan_update(p, usual_resource(u, "configmaps"), map);
		return;
	}
	tree_set_str(a, map, "apiVersion", STR("v1"));
	tree_set_str(a, map, "kind", STR("ConfigMap"));
	tree_set_str(a, map, "metadata.name", map_name);
	tree_set_str(a, map, "metadata.namespace", key);
	set_contents(a, map, ca);
	plan_create(p, usual_resource(u, "configmaps"), map);
}

static bool refused(void *ctx, struct plan *p, const struct plan_refusal *r, int64_t now)
{
	(void)ctx;
	(void)p;
	(void)now;
	return !refusal_is_namespace_going(r);
}

static void namespace_changed(struct usual *u, struct object *old, struct object *fresh)
{
	(void)old;
	if (fresh)
		usual_enqueue_object(u, fresh);
}

static void map_changed(struct usual *u, struct object *old, struct object *fresh)
{
	struct object *o = fresh ? fresh : old;

	if (str_eq(client_object_name(o), map_name))
		usual_enqueue(u, client_object_namespace(o));
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {{"", "v1", "namespaces", namespace_changed},
		{"", "v1", "configmaps", map_changed}, {0}};

	if (!w->options->root_ca.len)
		return NULL;
	return usual_new(w, k,
		&(struct usual_options){
			.sources = sources, .reconcile = reconcile, .refused = refused});
}

const struct controller_kind root_ca_kind = {.name = "root-ca-certificate-publisher-controller",
	.aliases = "root-ca-cert-publisher",
	.start = start};
