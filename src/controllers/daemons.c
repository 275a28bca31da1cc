/* One look at a DaemonSet, from the top. */
#include "daemons_round.h"

#include "rollout.h"

#define BURST           250 /* pods in one plan */
#define GENERATION_NOTE "deprecated.daemonset.template.generation"

/* ---- taking stock ---- */

/* Bound ones before those that wait, the older before the younger. */
static int by_age(const void *left, const void *right)
{
	const struct cJSON *a = *(struct cJSON *const *)left, *b = *(struct cJSON *const *)right;
	bool a_bound = tree_str(a, "spec.nodeName").len, b_bound = tree_str(b, "spec.nodeName").len;

	if (a_bound != b_bound)
		return a_bound ? -1 : 1;
	int order = str_cmp(tree_str(a, "metadata.creationTimestamp"),
		tree_str(b, "metadata.creationTimestamp"));
	return order ? order : str_cmp(tree_str(a, "metadata.name"), tree_str(b, "metadata.name"));
}

static void sort_pods(struct daemons *d)
{
	for (size_t i = 0; i < d->mine.count; i++) {
		struct daemons_place *place =
			map_get(&d->by_node, daemon_pod_node(d->mine.items[i]));

		trees_add(d->arena, place ? &place->pods : &d->homeless, d->mine.items[i]);
	}
	for (size_t i = 0; i < d->count; i++)
		trees_sort(&d->places[i].pods, by_age);
}

static void find_places(struct daemons *d)
{
	const struct trees *nodes = &d->view->nodes;

	d->places = arena_new(d->arena, (nodes->count + 1) * sizeof(*d->places));
	for (size_t i = 0; i < nodes->count; i++) {
		struct daemons_place *place = &d->places[d->count++];

		place->node = nodes->items[i];
		place->fit = daemon_fit(d->arena, d->view->set, place->node);
		map_set(&d->by_node, tree_str(place->node, "metadata.name"), place);
	}
}

bool daemons_is_updated(const struct daemons *d, const struct cJSON *pod)
{
	struct str wanted = json_str(
		json_get(json_path(d->view->set, "metadata.annotations"), STR(GENERATION_NOTE)));
	struct str has = json_str(
		json_get(json_path(pod, "metadata.labels"), STR("pod-template-generation")));

	return (wanted.len && str_eq(has, wanted)) || str_eq(revision_hash(pod), d->hash);
}

bool daemons_is_available(const struct daemons *d, const struct cJSON *pod)
{
	int64_t wait;
	bool available = pod_is_available(pod, d->min_ready, d->now, &wait);

	if (wait > 0)
		plan_requeue_after(d->plan, wait);
	return available;
}

/* ---- making and removing ---- */

void daemons_make_pod(struct daemons *d, const struct daemons_place *place)
{
	const struct daemons_view *v = d->view;

	if (d->made++ >= BURST)
		return;
	plan_create(d->plan, v->pods_resource,
		daemon_pod(d->arena, v->set, tree_str(place->node, "metadata.name"), d->hash));
	plan_event_naming(d->plan, v->set, "Normal", "SuccessfulCreate", STR("Created pod: "));
}

void daemons_remove_pod(struct daemons *d, const struct cJSON *pod)
{
	const struct daemons_view *v = d->view;

	if (d->removed++ >= BURST)
		return;
	plan_delete(d->plan, v->pods_resource, tree_str(pod, "metadata.namespace"),
		tree_str(pod, "metadata.name"), tree_str(pod, "metadata.uid"), NULL);
	plan_event_naming(d->plan, v->set, "Normal", "SuccessfulDelete", STR("Deleted pod: "));
}

static void tell(
	struct daemons *d, const struct daemons_place *place, const struct cJSON *pod, bool failed)
{
	plan_event(d->plan, d->view->set, failed ? "Warning" : "Normal",
		failed ? "FailedDaemonPod" : "SucceededDaemonPod",
		arena_print(d->arena,
			"Found %s daemon pod %.*s/%.*s on node %.*s, will try to %s it",
			failed ? "failed" : "succeeded", STRF(tree_str(pod, "metadata.namespace")),
			STRF(tree_str(pod, "metadata.name")),
			STRF(tree_str(place->node, "metadata.name")), failed ? "kill" : "delete"));
}

/* What has ended makes room for another one; what runs is left. */
static void remove_ended(
	struct daemons *d, const struct daemons_place *place, struct trees *running)
{
	for (size_t i = 0; i < place->pods.count; i++) {
		struct cJSON *pod = place->pods.items[i];
		bool failed = pod_phase_is(pod, "Failed");

		if (is_being_deleted(pod))
			continue;
		if (!pod_is_finished(pod)) {
			trees_add(d->arena, running, pod);
			continue;
		}
		int64_t wait = failed ? d->view->hold_back(d->view->ctx,
						tree_str(place->node, "metadata.name"), d->now)
				      : 0;
		if (wait > 0) {
			plan_requeue_after(d->plan, wait);
			continue;
		}
		tell(d, place, pod, failed);
		daemons_remove_pod(d, pod);
	}
}

int64_t daemons_limit(const struct daemons *d, const char *name, int64_t nodes)
{
	const struct cJSON *set = d->view->set;

	if (!str_eq_text(tree_str(set, "spec.updateStrategy.type"), "RollingUpdate"))
		return 0;
	return scaled_value(
		json_get(json_path(set, "spec.updateStrategy.rollingUpdate"), str_from(name)),
		nodes, true);
}

/* While a new one begins next to the old one, two may run. */
static void remove_surplus_surging(struct daemons *d, const struct trees *running)
{
	struct cJSON *fresh = NULL, *old = NULL;

	for (size_t i = 0; i < running->count; i++) {
		struct cJSON *pod = running->items[i];
		struct cJSON **kept = str_eq(revision_hash(pod), d->hash) ? &fresh : &old;

		if (*kept)
			daemons_remove_pod(d, pod);
		else
			*kept = pod;
	}
	if (fresh && old && (!pod_is_ready(old) || daemons_is_available(d, fresh)))
		daemons_remove_pod(d, old);
}

static void manage_place(struct daemons *d, const struct daemons_place *place, bool surges)
{
	struct trees running = {0};

	if (place->fit.runs && !place->pods.count) {
		daemons_make_pod(d, place);
	} else if (place->fit.stays) {
		remove_ended(d, place, &running);
		if (surges)
			remove_surplus_surging(d, &running);
		else
			for (size_t i = 1; i < running.count; i++)
				daemons_remove_pod(d, running.items[i]);
	} else {
		for (size_t i = 0; i < place->pods.count; i++)
			if (!is_being_deleted(place->pods.items[i]))
				daemons_remove_pod(d, place->pods.items[i]);
	}
}

static void manage(struct daemons *d)
{
	bool surges = daemons_limit(d, "maxSurge", (int64_t)d->count) > 0;

	for (size_t i = 0; i < d->count; i++)
		manage_place(d, &d->places[i], surges);
	/* Those that wait for a node that is not there; the others are for the pod collector. */
	for (size_t i = 0; i < d->homeless.count; i++)
		if (!tree_str(d->homeless.items[i], "spec.nodeName").len &&
			!is_being_deleted(d->homeless.items[i]))
			daemons_remove_pod(d, d->homeless.items[i]);
}

/* ---- status ---- */

static void plan_status(struct daemons *d)
{
	struct arena *a = d->arena;
	const struct cJSON *set = d->view->set;
	int64_t desired = 0, current = 0, stray = 0, ready = 0, updated = 0, available = 0;
	struct cJSON *fresh = json_copy(a, set);
	bool same = true;

	for (size_t i = 0; i < d->count; i++) {
		const struct daemons_place *place = &d->places[i];
		const struct cJSON *pod = place->pods.count ? place->pods.items[0] : NULL;

		desired += place->fit.runs || (place->fit.stays && pod);
		if (pod && !place->fit.runs && !place->fit.stays)
			stray++;
		if (!pod || (!place->fit.runs && !place->fit.stays))
			continue;
		current++;
		updated += daemons_is_updated(d, pod);
		ready += pod_is_ready(pod);
		available += pod_is_ready(pod) && daemons_is_available(d, pod);
	}
	const struct {
		const char *path;
		int64_t value;
	} numbers[] = {
		{"status.desiredNumberScheduled", desired},
		{"status.currentNumberScheduled", current},
		{"status.numberMisscheduled", stray},
		{"status.numberReady", ready},
		{"status.updatedNumberScheduled", updated},
		{"status.numberAvailable", available},
		{"status.numberUnavailable", desired - available},
		{"status.observedGeneration", tree_int(set, "metadata.generation", 0)},
	};
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		same &= tree_int(set, numbers[i].path, 0) == numbers[i].value;
		tree_set_int(a, fresh, numbers[i].path, numbers[i].value);
	}
	if (!same)
		plan_update_status(d->plan, d->view->sets, fresh);
}

/* ---- all of it ---- */

static void claim_pods(struct daemons *d)
{
	const struct daemons_view *v = d->view;
	struct selector selector = selector_of(d->arena, json_path(v->set, "spec.selector"));
	struct claim claim = {.owner = v->set,
		.owner_resource = v->sets,
		.resource = v->pods_resource,
		.selector = &selector};

	claim_all(d->plan, &claim, &v->pods, &d->mine);
}

static enum revision_made make_revision(struct daemons *d, struct revisions *r)
{
	const struct daemons_view *v = d->view;
	struct arena *a = d->arena;

	r->resource = v->revisions_resource;
	r->owner = v->set;
	revisions_read(d->plan, r, v->sets, &v->revisions);
	const struct revision_maker maker = {
		.hash = template_hash(a, json_path(v->set, "spec.template"),
			tree_int(v->set, "status.collisionCount", -1)),
		.annotations = json_path(v->set, "metadata.annotations"),
		.is_taken = v->is_taken,
		.ctx = v->ctx};
	d->hash = r->fresh ? revision_hash(r->fresh) : maker.hash;
	return revisions_make(d->plan, r, &maker);
}

static void hash_anew(struct daemons *d)
{
	struct cJSON *set = json_copy(d->arena, d->view->set);

	tree_set_int(d->arena, set, "status.collisionCount",
		tree_int(set, "status.collisionCount", 0) + 1);
	plan_update_status(d->plan, d->view->sets, set);
}

static void decide(struct daemons *d)
{
	struct revisions revisions = {0};
	enum revision_made made = make_revision(d, &revisions);

	if (made == REVISION_TAKEN) {
		hash_anew(d);
		return;
	}
	claim_pods(d);
	find_places(d);
	sort_pods(d);
	manage(d);
	/* One thing after the other: what was made or removed is seen before the next. */
	if (!d->made && !d->removed && made == REVISION_THERE) {
		daemons_roll(d);
		revisions_trim(d->plan, &revisions, &d->mine);
	}
	plan_status(d);
}

void daemons_plan(const struct daemons_view *v, int64_t now, struct plan *p)
{
	struct daemons *d = arena_new(p->arena, sizeof(*d));

	if (is_being_deleted(v->set))
		return;
	*d = (struct daemons){.view = v, .plan = p, .arena = p->arena, .now = now};
	d->min_ready = tree_int(v->set, "spec.minReadySeconds", 0);
	p->memo = (void *)v;
	map_init_borrowed(&d->by_node);
	decide(d);
	map_done(&d->by_node);
}

bool daemons_refused(void *ctx, struct plan *p, const struct plan_refusal *refusal, int64_t now)
{
	const struct daemons_view *v = p->memo;
	bool create = refusal->step->verb == PLAN_CREATE;

	(void)ctx;
	(void)now;
	if (create && refusal_is_namespace_going(refusal))
		return false;
	if (!v || refusal->step->resource != v->pods_resource ||
		(!create && refusal->step->verb != PLAN_DELETE))
		return true;
	plan_event(p, v->set, "Warning", create ? "FailedCreate" : "FailedDelete",
		arena_print(p->arena, "Error %s: %.*s", create ? "creating" : "deleting",
			STRF(refusal_text(refusal))));
	return true;
}
