/* service-cidr: ranges of service addresses are ready, and stay as long as Services need them. */
#include "service_cidrs.h"

static void read_all(struct usual *u, struct arena *a, const char *plural, struct trees *all)
{
	informer_each(it, informer_all(usual_informer(u, plural)))
		trees_add(a, all, object_lean_tree(a, it.object));
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct object *o = informer_get_key(usual_informer(u, "servicecidrs"), key);
	struct trees all = {0}, addresses = {0};

	if (!o)
		return;
	struct service_cidr_view v = {.resource = usual_resource(u, "servicecidrs"),
		.cidr = object_lean_tree(p->arena, o),
		.all = &all,
		.addresses = &addresses,
		.now = now};
	if (is_being_deleted(v.cidr)) {
		read_all(u, p->arena, "servicecidrs", &all);
		read_all(u, p->arena, "ipaddresses", &addresses);
	}
	service_cidr_plan(&v, p);
}

/* It may have gone meanwhile; and who looks at it is told that it is not said to be ready. */
static bool refused(void *ctx, struct plan *p, const struct plan_refusal *refusal, int64_t now)
{
	struct usual *u = ctx;
	const struct plan_step *s = refusal->step;
	struct object *o = informer_get_key(usual_informer(u, "servicecidrs"), s->name);

	(void)now;
	if (s->verb == PLAN_APPLY_STATUS && o &&
		str_eq_text(tree_str(s->body, "status.conditions.0.status"), "True"))
		plan_event(p, object_lean_tree(p->arena, o), "Warning",
			"KubernetesServiceCIDRError",
			STR("The ServiceCIDR Status can not be set to Ready=True"));
	return s->verb == PLAN_APPLY_STATUS || refusal->err->code != ERR_NOT_FOUND;
}

/* ---- who is looked at again ---- */

static void cidr_changed(struct usual *u, struct object *old, struct object *fresh)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	usual_enqueue_object(u, fresh ? fresh : old);
	if (old)
		return;
	/* A new one may let others go. */
	const struct cJSON *tree = object_lean_tree(&a, fresh);
	informer_each(it, informer_all(usual_informer(u, "servicecidrs")))
	{
		if (service_cidrs_overlap(tree, object_lean_tree(&a, it.object)))
			usual_enqueue_object(u, it.object);
	}
}

/* One that comes may hold them back, one that goes may let them go. */
static void address_changed(struct usual *u, struct object *old, struct object *fresh)
{
	_cleanup_(arena_done) struct arena a;
	const struct cJSON *tree;

	arena_init(&a);
	if (old && fresh)
		return;
	tree = object_lean_tree(&a, fresh ? fresh : old);
	if (!service_cidr_address_counts(tree))
		return;
	informer_each(it, informer_all(usual_informer(u, "servicecidrs")))
	{
		if (service_cidr_has(
			    object_lean_tree(&a, it.object), tree_str(tree, "metadata.name")))
			usual_enqueue_object(u, it.object);
	}
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"networking.k8s.io", "v1", "servicecidrs", cidr_changed},
		{"networking.k8s.io", "v1", "ipaddresses", address_changed},
		{0},
	};

	return usual_new(w, k,
		&(struct usual_options){.recorder = "service-cidr-controller",
			.sources = sources,
			.reconcile = reconcile,
			.refused = refused});
}

const struct controller_kind servicecidr_kind = {
	.name = "service-cidr-controller",
	.start = start,
};
