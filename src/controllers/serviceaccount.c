/* Every namespace has a service account named "default". */
#include "workload.h"

static const struct str account_name = STR_INIT("default");

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct object *namespace = informer_get_key(usual_informer(u, "namespaces"), key);

	(void)now;
	if (!namespace || !str_eq(object_scan(namespace, "status.phase"), STR("Active")))
		return;
	if (informer_get(usual_informer(u, "serviceaccounts"), key, account_name))
		return;
	struct cJSON *account = json_new(p->arena, JSON_OBJECT);
	tree_set_str(p->arena, account, "apiVersion", STR("v1"));
	tree_set_str(p->arena, account, "kind", STR("ServiceAccount"));
	tree_set_str(p->arena, account, "metadata.name", account_name);
	tree_set_str(p->arena, account, "metadata.namespace", key);
	plan_create(p, usual_resource(u, "serviceaccounts"), account);
}

/* The namespace may have begun to go in the meantime. */
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

static void account_changed(struct usual *u, struct object *old, struct object *fresh)
{
	if (!fresh && str_eq(client_object_name(old), account_name))
		usual_enqueue(u, client_object_namespace(old));
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {{"", "v1", "namespaces", namespace_changed},
		{"", "v1", "serviceaccounts", account_changed}, {0}};

	return usual_new(w, k,
		&(struct usual_options){
			.sources = sources, .reconcile = reconcile, .refused = refused});
}

const struct controller_kind serviceaccount_kind = {
	.name = "serviceaccount-controller", .aliases = "serviceaccount", .start = start};
