/* As many pods as are wanted: what ReplicaSets and ReplicationControllers have in common. */
#include "replicas.h"

#define BURST 500 /* pods in one plan */

/* What the status is made from, now or after a refusal. */
struct replicas_counts {
	const struct replicas_view *view;
	struct trees active;
	int64_t labelled, ready, available, terminating;
	int64_t wanted;
};

/* ---- status ---- */

static int64_t count_labelled(struct arena *a, const struct cJSON *owner, const struct trees *pods)
{
	const struct cJSON *labels = json_path(owner, "spec.template.metadata.labels");
	struct selector s = selector_of(a, labels);
	int64_t count = 0;

	/* A template without labels matches all. */
	for (size_t i = 0; i < pods->count; i++)
		count += !json_count(labels) || selector_matches(&s, pods->items[i]);
	return count;
}

static void count_pods(struct plan *p, struct replicas_counts *c, int64_t now)
{
	int64_t min_ready = tree_int(c->view->owner, "spec.minReadySeconds", 0), wait;

	c->labelled = count_labelled(p->arena, c->view->owner, &c->active);
	for (size_t i = 0; i < c->active.count; i++) {
		const struct cJSON *pod = c->active.items[i];

		c->ready += pod_is_ready(pod);
		c->available += pod_is_available(pod, min_ready, now, &wait);
		if (wait > 0)
			plan_requeue_after(p, wait);
	}
}

/* Only the first failure is told; it stays until all goes well. */
static struct cJSON *conditions_after(struct arena *a, const struct replicas_counts *c,
	const struct plan_refusal *refusal, int64_t now)
{
	const struct cJSON *old = json_path(c->view->owner, "status.conditions");
	struct cJSON *conditions = json_new(a, JSON_ARRAY);
	bool failing = condition_find(old, "ReplicaFailure") != NULL;

	json_each (condition, old)
		if (refusal || !str_eq_text(tree_str(condition, "type"), "ReplicaFailure"))
			json_append(conditions, json_copy(a, condition));
	if (!refusal || failing)
		return conditions;
	struct cJSON *condition = json_new(a, JSON_OBJECT);
	bool few = (int64_t)c->active.count < c->wanted;
	bool many = (int64_t)c->active.count > c->wanted;
	tree_set_str(a, condition, "type", STR("ReplicaFailure"));
	tree_set_str(a, condition, "status", STR("True"));
	tree_set_str(a, condition, "lastTransitionTime", time_text(a, now));
	tree_set_str(a, condition, "reason",
		few    ? STR("FailedCreate")
		: many ? STR("FailedDelete")
		       : STR(""));
	tree_set_str(a, condition, "message", refusal_text(refusal));
	json_append(conditions, condition);
	return conditions;
}

static void plan_status(struct plan *p, const struct replicas_counts *c,
	const struct plan_refusal *refusal, int64_t now)
{
	struct arena *a = p->arena;
	const struct cJSON *owner = c->view->owner;
	struct cJSON *conditions = conditions_after(a, c, refusal, now);
	const struct cJSON *had = json_path(owner, "status.conditions");
	const struct {
		const char *path;
		int64_t value;
	} numbers[] = {
		{"status.replicas", (int64_t)c->active.count},
		{"status.fullyLabeledReplicas", c->labelled},
		{"status.readyReplicas", c->ready},
		{"status.availableReplicas", c->available},
		{"status.terminatingReplicas", c->terminating},
		{"status.observedGeneration", tree_int(owner, "metadata.generation", 0)},
	};
	bool same = json_count(conditions) == json_count(had) &&
		    (!json_count(had) || json_equal(conditions, had));
	struct cJSON *fresh = json_copy(a, owner);

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		bool told = !str_ends(str_from(numbers[i].path), STR("terminatingReplicas"));

		if (!told && !c->view->kind->counts_terminating)
			continue;
		/* A zero that is a pointer must have been written once. */
		same &= tree_int(owner, numbers[i].path, told ? 0 : -1) == numbers[i].value;
		tree_set_int(a, fresh, numbers[i].path, numbers[i].value);
	}
	if (same)
		return;
	tree_set(a, fresh, "status.conditions", json_count(conditions) ? conditions : NULL);
	plan_update_status(p, c->view->resource, fresh);
}

bool replicas_refused(void *ctx, struct plan *p, const struct plan_refusal *refusal, int64_t now)
{
	const struct replicas_counts *c = p->memo;
	const struct plan_step *s = refusal->step;
	bool create = s->verb == PLAN_CREATE;
	struct str text = refusal_text(refusal);

	(void)ctx;
	if (!c || s->resource != c->view->pods_resource || (!create && s->verb != PLAN_DELETE))
		return true;
	if (create && refusal_is_namespace_going(refusal))
		return false;
	plan_event(p, c->view->owner, "Warning", create ? "FailedCreate" : "FailedDelete",
		arena_print(
			p->arena, "Error %s: %.*s", create ? "creating" : "deleting", STRF(text)));
	plan_status(p, c, refusal, now);
	return true;
}

/* ---- too few, too many ---- */

static void add_pods(struct plan *p, const struct replicas_view *v, int64_t count)
{
	const struct cJSON *template = json_path(v->owner, "spec.template");

	for (int64_t i = 0; i < MIN(count, BURST); i++) {
		plan_create(p, v->pods_resource, pod_from_template(p->arena, v->owner, template));
		plan_event_naming(p, v->owner, "Normal", "SuccessfulCreate", STR("Created pod: "));
	}
}

static void remove_pods(struct plan *p, const struct replicas_counts *c, int64_t count, int64_t now)
{
	const struct replicas_view *v = c->view;
	struct trees order = {0};

	for (size_t i = 0; i < c->active.count; i++)
		trees_add(p->arena, &order, c->active.items[i]);
	if (count < (int64_t)order.count)
		sort_for_deletion(p->arena, &order, &v->related, now);
	for (int64_t i = 0; i < MIN(count, BURST); i++) {
		const struct cJSON *pod = order.items[i];

		plan_delete(p, v->pods_resource, tree_str(pod, "metadata.namespace"),
			tree_str(pod, "metadata.name"), tree_str(pod, "metadata.uid"), NULL);
		plan_event_naming(p, v->owner, "Normal", "SuccessfulDelete", STR("Deleted pod: "));
	}
}

void replicas_plan(const struct replicas_view *v, int64_t now, struct plan *p)
{
	struct arena *a = p->arena;
	struct replicas_counts *c = arena_new(a, sizeof(*c));
	struct selector selector = selector_of(a, json_path(v->owner, "spec.selector"));
	struct claim claim = {.owner = v->owner,
		.owner_resource = v->resource,
		.resource = v->pods_resource,
		.selector = &selector};
	struct trees running = {0}, ending = {0}, ended = {0};

	for (size_t i = 0; i < v->pods.count; i++)
		if (pod_is_active(v->pods.items[i]))
			trees_add(a, &running, v->pods.items[i]);
		else if (pod_is_terminating(v->pods.items[i]))
			trees_add(a, &ending, v->pods.items[i]);
	c->view = v;
	c->wanted = tree_int(v->owner, "spec.replicas", 1);
	claim_all(p, &claim, &running, &c->active);
	if (v->kind->counts_terminating)
		claim_all(p, &claim, &ending, &ended);
	c->terminating = (int64_t)ended.count;
	p->memo = c;
	int64_t missing = c->wanted - (int64_t)c->active.count;
	if (is_being_deleted(v->owner))
		missing = 0;
	if (missing > 0)
		add_pods(p, v, missing);
	else if (missing < 0)
		remove_pods(p, c, -missing, now);
	count_pods(p, c, now);
	plan_status(p, c, NULL, now);
}

/* ---- from the caches ---- */

/* Those of all ReplicaSets with the same controller: one Deployment's. */
static void gather_related(struct arena *a, struct replicas_view *v, const struct informer *sets,
	const struct informer *pods)
{
	const struct cJSON *parent = controller_of(v->owner);

	if (!parent)
		return;
	informer_each(it, informer_by(sets, "claim", tree_str(parent, "uid"))) informer_each(
		pod, informer_by(pods, "claim", object_scan(it.object, "metadata.uid")))
		trees_add(a, &v->related, object_lean_tree(a, pod.object));
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	const struct replicas_kind *kind = usual_ctx(u);
	const struct informer *sets = usual_informer(u, kind->claim.owners);
	const struct informer *pods = usual_informer(u, "pods");
	struct object *o = informer_get_key(sets, key);
	struct replicas_view *v = arena_new(p->arena, sizeof(*v));

	if (!o)
		return;
	*v = (struct replicas_view){.kind = kind,
		.resource = usual_resource(u, kind->claim.owners),
		.pods_resource = usual_resource(u, "pods"),
		.owner = object_lean_tree(p->arena, o)};
	trees_claimable(p->arena, &v->pods, pods, tree_str(v->owner, "metadata.namespace"),
		tree_str(v->owner, "metadata.uid"));
	if ((int64_t)v->pods.count > tree_int(v->owner, "spec.replicas", 1))
		gather_related(p->arena, v, sets, pods);
	replicas_plan(v, now, p);
}

/* ---- life ---- */

void replicas_changed(struct usual *u, struct object *old, struct object *fresh)
{
	usual_enqueue_object(u, fresh ? fresh : old);
}

void replicas_pod_changed(struct usual *u, struct object *old, struct object *fresh)
{
	const struct replicas_kind *kind = usual_ctx(u);

	claim_changed(u, &kind->claim, old, fresh);
}

struct part *replicas_start(const struct controllers_world *w, const struct controller_kind *k)
{
	const struct replicas_kind *rules = k->rules;

	return usual_new(w, k,
		&(struct usual_options){.recorder = rules->recorder,
			.sources = rules->sources,
			.reconcile = reconcile,
			.refused = replicas_refused,
			.ctx = (void *)rules});
}
