/* One look at a StatefulSet, from the top. */
#include "stateful.h"

struct slot {
	struct cJSON *pod; /* NULL: it has to be made */
	int64_t ordinal;
};

struct stateful {
	const struct stateful_view *view;
	struct plan *plan;
	struct arena *arena;
	int64_t now, min_ready, start, replicas, partition;
	bool one_by_one, rolls;
	struct trees mine, condemned; /* the highest ordinal first */
	struct slot *slots;
	struct cJSON *first_unhealthy;
	struct str current, update; /* names of revisions */
	struct cJSON *current_template;
	int64_t created, ready, available, on_current, on_update;
};

/* ---- pods ---- */

static bool is_on(const struct cJSON *pod, struct str revision)
{
	return str_eq(revision_hash(pod), revision);
}

static bool is_healthy(const struct cJSON *pod)
{
	return pod_phase_is(pod, "Running") && pod_is_ready(pod) && !is_being_deleted(pod);
}

static bool is_available(struct stateful *s, const struct cJSON *pod)
{
	int64_t wait;
	bool available =
		pod_phase_is(pod, "Running") && pod_is_available(pod, s->min_ready, s->now, &wait);

	if (!available && pod_phase_is(pod, "Running") && wait > 0)
		plan_requeue_after(s->plan, wait);
	return available;
}

static void count_pod(struct stateful *s, const struct cJSON *pod)
{
	s->created++;
	s->ready += pod_phase_is(pod, "Running") && pod_is_ready(pod);
	s->available += is_available(s, pod);
	if (is_being_deleted(pod))
		return;
	s->on_current += is_on(pod, s->current);
	s->on_update += is_on(pod, s->update);
}

static int highest_first(const void *left, const void *right)
{
	struct str a = tree_str(*(struct cJSON *const *)left, "metadata.name");
	struct str b = tree_str(*(struct cJSON *const *)right, "metadata.name");

	/* They differ in nothing but the number behind. */
	if (a.len != b.len)
		return a.len > b.len ? -1 : 1;
	return str_cmp(b, a);
}

static void sort_pods(struct stateful *s)
{
	s->slots = arena_new(s->arena, (size_t)(s->replicas + 1) * sizeof(*s->slots));
	for (int64_t i = 0; i < s->replicas; i++)
		s->slots[i].ordinal = s->start + i;
	for (size_t i = 0; i < s->mine.count; i++) {
		struct cJSON *pod = s->mine.items[i];
		int64_t ordinal = stateful_ordinal(s->view->set, pod);

		count_pod(s, pod);
		if (ordinal >= s->start && ordinal < s->start + s->replicas)
			s->slots[ordinal - s->start].pod = pod;
		else if (ordinal >= 0)
			trees_add(s->arena, &s->condemned, pod);
	}
	trees_sort(&s->condemned, highest_first);
	for (int64_t i = s->replicas - 1; i >= 0; i--)
		if (s->slots[i].pod && !is_healthy(s->slots[i].pod))
			s->first_unhealthy = s->slots[i].pod;
	for (size_t i = s->condemned.count; i-- > 0 && !s->first_unhealthy;)
		if (!is_healthy(s->condemned.items[i]))
			s->first_unhealthy = s->condemned.items[i];
}

/* ---- doing ---- */

static void tell(struct stateful *s, const char *reason, const char *verb, struct str name)
{
	plan_event(s->plan, s->view->set, "Normal", reason,
		arena_print(s->arena, "%s Pod %.*s in StatefulSet %.*s successful", verb,
			STRF(name), STRF(tree_str(s->view->set, "metadata.name"))));
}

static void remove_pod(struct stateful *s, const struct cJSON *pod)
{
	struct str name = tree_str(pod, "metadata.name");

	plan_delete(s->plan, s->view->pods_resource, tree_str(pod, "metadata.namespace"), name,
		tree_str(pod, "metadata.uid"), NULL);
	tell(s, "SuccessfulDelete", "Delete", name);
}

/* False: a claim of that name is on its way out; the pod has to wait for another one. */
static bool make_claims(struct stateful *s, int64_t ordinal, struct str pod)
{
	const struct stateful_view *v = s->view;
	struct arena *a = s->arena;

	json_each (t, json_path(v->set, "spec.volumeClaimTemplates")) {
		struct str name = stateful_claim_name(a, v->set, t, ordinal);
		const struct cJSON *had =
			v->find_claim(v->ctx, a, tree_str(v->set, "metadata.namespace"), name);

		if (had && is_being_deleted(had)) {
			plan_fail(s->plan, "claim %.*s is being deleted", STRF(name));
			return false;
		}
		if (had)
			continue;
		plan_create(s->plan, v->claims_resource, stateful_claim(a, v->set, t, ordinal));
		plan_event(s->plan, v->set, "Normal", "SuccessfulCreate",
			arena_print(a, "Create Claim %.*s Pod %.*s in StatefulSet %.*s success",
				STRF(name), STRF(pod), STRF(tree_str(v->set, "metadata.name"))));
	}
	return true;
}

/* Below the partition, and while an update goes on, the one before is made again. */
static bool wants_current(const struct stateful *s, int64_t ordinal)
{
	return s->rolls && s->current_template && ordinal < s->start + s->partition;
}

static void make_pod(struct stateful *s, int64_t ordinal)
{
	const struct stateful_view *v = s->view;
	bool current = wants_current(s, ordinal);
	struct cJSON *pod = stateful_pod(s->arena, v->set,
		current ? s->current_template : json_path(v->set, "spec.template"),
		current ? s->current : s->update, ordinal);
	struct str name = tree_str(pod, "metadata.name");

	if (!make_claims(s, ordinal, name))
		return;
	plan_create(s->plan, v->pods_resource, pod);
	tell(s, "SuccessfulCreate", "Create", name);
}

static void recreate(struct stateful *s, const struct cJSON *pod)
{
	bool failed = pod_phase_is(pod, "Failed");
	struct str name = tree_str(pod, "metadata.name");

	if (is_being_deleted(pod))
		return;
	plan_event(s->plan, s->view->set, failed ? "Warning" : "Normal",
		failed ? "RecreatingFailedPod" : "RecreatingTerminatedPod",
		arena_print(s->arena, "StatefulSet %.*s/%.*s is recreating %s Pod %.*s",
			STRF(tree_str(pod, "metadata.namespace")),
			STRF(tree_str(s->view->set, "metadata.name")),
			failed ? "failed" : "terminated", STRF(name)));
	remove_pod(s, pod);
}

/* False: what comes after it has to wait. */
static bool process_slot(struct stateful *s, const struct slot *slot)
{
	const struct cJSON *pod = slot->pod;

	if (!pod) {
		make_pod(s, slot->ordinal);
		return !s->one_by_one;
	}
	if (pod_is_finished(pod)) {
		recreate(s, pod);
		return false;
	}
	if (pod_phase_is(pod, "Pending") &&
		!make_claims(s, slot->ordinal, tree_str(pod, "metadata.name")))
		return false;
	return !s->one_by_one || (is_healthy(pod) && is_available(s, pod));
}

static bool process_condemned(struct stateful *s, const struct cJSON *pod)
{
	if (is_being_deleted(pod))
		return !s->one_by_one;
	if (s->one_by_one && pod != s->first_unhealthy &&
		!(is_healthy(pod) && is_available(s, pod)))
		return false;
	remove_pod(s, pod);
	return !s->one_by_one;
}

static void roll(struct stateful *s)
{
	for (int64_t i = s->replicas - 1; s->rolls && i >= s->partition; i--) {
		const struct cJSON *pod = s->slots[i].pod;

		if (!pod)
			return;
		if (!is_on(pod, s->update) && !is_being_deleted(pod)) {
			remove_pod(s, pod);
			s->on_current--;
			return;
		}
		if (!is_healthy(pod) || !is_available(s, pod))
			return;
	}
}

static void own_claims(struct stateful *s, const struct cJSON *pod, bool is_surplus)
{
	const struct stateful_view *v = s->view;
	struct arena *a = s->arena;
	struct str namespace = tree_str(v->set, "metadata.namespace");
	int64_t ordinal = stateful_ordinal(v->set, pod);

	json_each (t, json_path(v->set, "spec.volumeClaimTemplates")) {
		struct cJSON *claim = v->find_claim(
			v->ctx, a, namespace, stateful_claim_name(a, v->set, t, ordinal));
		struct cJSON *owners =
			claim ? stateful_claim_owners(a, v->set, claim, pod, is_surplus) : NULL;

		if (!owners)
			continue;
		struct cJSON *fresh = json_copy(a, claim);
		tree_set(a, fresh, "metadata.ownerReferences", owners);
		plan_update(s->plan, v->claims_resource, fresh);
	}
}

static void own_all_claims(struct stateful *s)
{
	for (int64_t i = 0; i < s->replicas; i++)
		if (s->slots[i].pod)
			own_claims(s, s->slots[i].pod, false);
	for (size_t i = 0; i < s->condemned.count; i++)
		own_claims(s, s->condemned.items[i], true);
}

static void act(struct stateful *s)
{
	if (is_being_deleted(s->view->set))
		return;
	own_all_claims(s);
	for (int64_t i = 0; i < s->replicas; i++)
		if (!process_slot(s, &s->slots[i]))
			return;
	for (size_t i = 0; i < s->condemned.count; i++)
		if (!process_condemned(s, s->condemned.items[i]))
			return;
	roll(s);
}

/* ---- status ---- */

static void plan_status(struct stateful *s)
{
	struct arena *a = s->arena;
	const struct cJSON *set = s->view->set;
	struct cJSON *fresh = json_copy(a, set);
	bool same = tree_has(set, "status.collisionCount");

	/* All are on the new one: it is the current one from now on. */
	if (s->rolls && s->on_update == s->replicas && s->created == s->replicas &&
		s->ready == s->replicas) {
		s->on_current = s->on_update;
		s->current = s->update;
	}
	const struct {
		const char *path;
		int64_t value;
	} numbers[] = {
		{"status.observedGeneration", tree_int(set, "metadata.generation", 0)},
		{"status.replicas", s->created},
		{"status.readyReplicas", s->ready},
		{"status.availableReplicas", s->available},
		{"status.currentReplicas", s->on_current},
		{"status.updatedReplicas", s->on_update},
		{"status.collisionCount", tree_int(set, "status.collisionCount", 0)},
	};
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		same &= tree_int(set, numbers[i].path, 0) == numbers[i].value;
		tree_set_int(a, fresh, numbers[i].path, numbers[i].value);
	}
	same &= str_eq(tree_str(set, "status.currentRevision"), s->current) &&
		str_eq(tree_str(set, "status.updateRevision"), s->update);
	tree_set_str(a, fresh, "status.currentRevision", s->current);
	tree_set_str(a, fresh, "status.updateRevision", s->update);
	if (!same)
		plan_update_status(s->plan, s->view->sets, fresh);
}

/* ---- all of it ---- */

/* As upstream's names of revisions: over the data's text, then the number of collisions. */
static struct str hash_of(struct arena *a, const struct cJSON *data, int64_t collisions)
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);
	uint32_t hash = 2166136261U;

	json_print(&text, data, JSON_SORTED);
	buf_add_i64(&text, collisions);
	for (size_t i = 0; i < text.len; i++)
		hash = hash * 16777619U ^ (unsigned char)text.at[i];
	struct str digits = arena_print(a, "%u", hash);
	char *safe = arena_alloc(a, digits.len + 1);
	for (size_t i = 0; i < digits.len; i++)
		safe[i] = letters[(unsigned char)digits.at[i] % (sizeof(letters) - 1)];
	safe[digits.len] = 0;
	return str_make(safe, digits.len);
}

static void hash_anew(struct stateful *s)
{
	struct cJSON *set = json_copy(s->arena, s->view->set);

	tree_set_int(s->arena, set, "status.collisionCount",
		tree_int(set, "status.collisionCount", 0) + 1);
	plan_update_status(s->plan, s->view->sets, set);
}

static enum revision_made read_revisions(struct stateful *s, struct revisions *r)
{
	const struct stateful_view *v = s->view;
	struct arena *a = s->arena;
	struct str current = tree_str(v->set, "status.currentRevision");

	*r = (struct revisions){.resource = v->revisions_resource, .owner = v->set};
	revisions_read(s->plan, r, v->sets, &v->revisions);
	const struct revision_maker maker = {
		.hash = hash_of(a, r->data, tree_int(v->set, "status.collisionCount", 0)),
		.annotations = json_path(v->set, "metadata.annotations"),
		.is_taken = v->is_taken,
		.ctx = v->ctx};
	s->update = r->fresh ? tree_str(r->fresh, "metadata.name")
			     : arena_print(a, "%.*s-%.*s", STRF(tree_str(v->set, "metadata.name")),
				       STRF(maker.hash));
	s->current = s->update;
	for (size_t i = 0; i < r->all.count; i++)
		if (current.len && str_eq(tree_str(r->all.items[i], "metadata.name"), current)) {
			s->current = current;
			s->current_template = json_copy(a, revision_template(r->all.items[i]));
		}
	if (s->current_template)
		tree_drop(s->current_template, "$patch");
	return revisions_make(s->plan, r, &maker);
}

static void claim_pods(struct stateful *s)
{
	const struct stateful_view *v = s->view;
	struct selector selector = selector_of(s->arena, json_path(v->set, "spec.selector"));
	struct claim claim = {.owner = v->set,
		.owner_resource = v->sets,
		.resource = v->pods_resource,
		.selector = &selector};
	struct trees named = {0};

	/* Only what bears a name of this set can be its pod. */
	for (size_t i = 0; i < v->pods.count; i++)
		if (stateful_ordinal(v->set, v->pods.items[i]) >= 0)
			trees_add(s->arena, &named, v->pods.items[i]);
	claim_all(s->plan, &claim, &named, &s->mine);
}

void stateful_plan(const struct stateful_view *v, int64_t now, struct plan *p)
{
	struct stateful *s = arena_new(p->arena, sizeof(*s));
	struct revisions revisions;

	*s = (struct stateful){.view = v, .plan = p, .arena = p->arena, .now = now};
	s->min_ready = tree_int(v->set, "spec.minReadySeconds", 0);
	s->start = tree_int(v->set, "spec.ordinals.start", 0);
	s->replicas = MAX(tree_int(v->set, "spec.replicas", 1), 0);
	s->partition = tree_int(v->set, "spec.updateStrategy.rollingUpdate.partition", 0);
	s->one_by_one = !str_eq_text(tree_str(v->set, "spec.podManagementPolicy"), "Parallel");
	s->rolls = !str_eq_text(tree_str(v->set, "spec.updateStrategy.type"), "OnDelete");
	p->memo = (void *)v;
	enum revision_made made = read_revisions(s, &revisions);
	if (made == REVISION_TAKEN) {
		hash_anew(s);
		return;
	}
	/* The collector takes the rest: what is written now is only in its way. */
	if (made == REVISION_LET_GO)
		return;
	claim_pods(s);
	sort_pods(s);
	act(s);
	plan_status(s);
	if (made == REVISION_THERE)
		revisions_trim(p, &revisions, &s->mine);
}

bool stateful_refused(void *ctx, struct plan *p, const struct plan_refusal *refusal, int64_t now)
{
	const struct stateful_view *v = p->memo;
	bool create = refusal->step->verb == PLAN_CREATE;

	(void)ctx;
	(void)now;
	if (create && refusal_is_namespace_going(refusal))
		return false;
	if (!v || refusal->step->resource != v->pods_resource ||
		(!create && refusal->step->verb != PLAN_DELETE))
		return true;
	plan_event(p, v->set, "Warning", create ? "FailedCreate" : "FailedDelete",
		arena_print(p->arena, "%s Pod %.*s in StatefulSet %.*s failed error: %.*s",
			create ? "Create" : "Delete", STRF(refusal->step->name),
			STRF(tree_str(v->set, "metadata.name")), STRF(refusal_text(refusal))));
	return true;
}
