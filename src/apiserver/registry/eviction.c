/*
 * pods/eviction: a deletion that asks the pod's disruption budget first.
 *
 *	pod ──terminal, pending──────────────────────────────┐
 *	 └─ budgets ─ none, or not guarding an unhealthy one ┼→ condition → deletion
 *	       └─ one: take a disruption from its status ────┘
 */
#include "registry.h"

#include <kube/pods.h>
#include <kube/time.h>

#define DISRUPTED_MAX 2000
#define VIOLATES      "Cannot evict pod as it would violate the pod's disruption budget."

struct eviction {
	struct api_request *r;
	struct cJSON *body;
	const struct resource *pods, *budgets;
	struct cJSON *pod;
	struct cJSON *budget; /* NULL: none guards it */
	bool versioned;       /* the client named the version it means */
	bool past_budget; /* deletes what the budget does not count, if it stays as it was seen */
	struct direct_write write;
	struct deletion deletion;
	struct body_admission admission;
};

/* ---- refusals ---- */

static struct status *too_many(
	struct eviction *e, int seconds, const char *format, struct str name, struct str more)
{
	struct arena *a = e->r->arena;
	struct status *s = status_new(a, ERR_TOO_MANY_REQUESTS, VIOLATES);
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	buf_print(&text, format, STRF(name));
	buf_add_str(&text, more);
	s->has_details = true;
	s->retry_after = seconds;
	status_add_cause(a, s, STR("DisruptionBudget"), arena_str(a, buf_str(&text)), STR(""));
	return s;
}

static struct status *still_processed(struct eviction *e, struct str name)
{
	return too_many(e, 10, "The disruption budget %.*s", name,
		STR(" is still being processed by the server."));
}

static struct status *forbid_budget(struct eviction *e, struct str name, const char *why)
{
	struct status *s = status_for(e->r->arena, ERR_FORBIDDEN, e->budgets, name,
		"poddisruptionbudget.policy \"%.*s\" is forbidden: %s", STRF(name), why);

	s->kind = STR("poddisruptionbudget");
	return s;
}

/* ---- the end: the condition, then the deletion ---- */

static void deleted(struct deletion *d, struct status *failure)
{
	struct eviction *e = d->ctx;
	bool raced = failure && failure->code == 409 && e->past_budget && !e->versioned;

	object_unref(TAKE(d->result));
	if (raced) /* what was judged is not what stands there: the client may ask again */
		request_fail(e->r, still_processed(e, tree_str(e->budget, "metadata.name")));
	else if (failure)
		request_fail(e->r, failure);
	else
		registry_answer_success(e->r);
}

static void delete_pod(struct eviction *e)
{
	e->deletion = (struct deletion){.r = e->r,
		.namespace = e->r->namespace,
		.name = e->r->name,
		.admitted = true,
		.done = deleted,
		.ctx = e};
	deletion_start(&e->deletion);
}

static struct status *mark(struct direct_write *d, struct cJSON *pod)
{
	static const struct pod_condition evicted = {.type = "DisruptionTarget",
		.status = "True",
		.reason = "EvictionByEvictionAPI",
		.message = "Eviction API: evicting"};
	struct eviction *e = d->ctx;
	struct status *s = registry_check_preconditions(e->r, d->name, pod);

	if (s)
		return s;
	pod_set_condition(e->r->arena, pod, &evicted, e->r->now);
	return NULL;
}

static void marked(struct direct_write *d, struct status *failure)
{
	struct eviction *e = d->ctx;
	struct deletion refused = {.r = e->r, .ctx = e};

	if (failure) {
		deleted(&refused, failure);
		return;
	}
	e->r->options.has_precondition_version = false; /* it held until the mark */
	delete_pod(e);
}

static void evict(struct eviction *e)
{
	if (e->r->options.dry_run) {
		delete_pod(e);
		return;
	}
	e->write = (struct direct_write){.r = e->r,
		.hub = e->pods,
		.namespace = e->r->namespace,
		.name = e->r->name,
		.change = mark,
		.done = marked,
		.ctx = e};
	direct_write_start(&e->write);
}

/* ---- the budget ---- */

static struct status *no_disruptions(struct eviction *e, const struct cJSON *budget)
{
	struct str name = tree_str(budget, "metadata.name");

	json_each (condition, json_path(budget, "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), "DisruptionAllowed") &&
			str_eq_text(tree_str(condition, "status"), "False") &&
			str_eq_text(tree_str(condition, "reason"), "SyncFailed"))
			return too_many(e, 0, "The disruption budget %.*s", name,
				arena_print(e->r->arena,
					" does not allow evicting pods currently because it failed "
					"sync: %.*s",
					STRF(tree_str(condition, "message"))));
	return too_many(e, 0, "The disruption budget %.*s", name,
		arena_print(e->r->arena, " needs %lld healthy pods and has %lld currently",
			(long long)tree_int(budget, "status.desiredHealthy", 0),
			(long long)tree_int(budget, "status.currentHealthy", 0)));
}

static void say_exhausted(struct eviction *e, struct cJSON *budget)
{
	static const struct pod_condition none = {
		.type = "DisruptionAllowed", .status = "False", .reason = "InsufficientPods"};
	int64_t seen = tree_int(budget, "status.observedGeneration", 0);

	pod_set_condition(e->r->arena, budget, &none, e->r->now);
	json_each (condition, json_path(budget, "status.conditions"))
		if (seen && str_eq_text(tree_str(condition, "type"), none.type))
			tree_set_int(e->r->arena, condition, "observedGeneration", seen);
}

/* The disruption is counted before it happens, so that two at a time cannot both pass. */
static struct status *take_disruption(struct direct_write *d, struct cJSON *budget)
{
	struct eviction *e = d->ctx;
	struct arena *a = e->r->arena;
	struct str name = tree_str(budget, "metadata.name");
	int64_t allowed = tree_int(budget, "status.disruptionsAllowed", 0);
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	if (tree_int(budget, "status.observedGeneration", 0) <
		tree_int(budget, "metadata.generation", 0))
		return still_processed(e, name);
	if (allowed < 0)
		return forbid_budget(e, name, "pdb disruptions allowed is negative");
	if (json_count(json_path(budget, "status.disruptedPods")) > DISRUPTED_MAX)
		return forbid_budget(e, name,
			"DisruptedPods map too big - too many evictions not confirmed by PDB "
			"controller");
	if (!allowed)
		return no_disruptions(e, budget);
	tree_set_int(a, budget, "status.disruptionsAllowed", allowed - 1);
	if (allowed == 1)
		say_exhausted(e, budget);
	if (!json_path(budget, "status.disruptedPods"))
		tree_set(a, budget, "status.disruptedPods", json_new(a, JSON_OBJECT));
	time_print(&now, e->r->now / SEC * SEC);
	json_set(a, json_path(budget, "status.disruptedPods"), e->r->name,
		json_new_str(a, buf_str(&now)));
	return NULL;
}

static void taken(struct direct_write *d, struct status *failure)
{
	struct eviction *e = d->ctx;

	if (failure)
		request_fail(e->r, failure);
	else
		evict(e);
}

static bool guards(struct eviction *e, const struct cJSON *budget)
{
	struct selector s;

	return !label_selector_from(e->r->arena, json_path(budget, "spec.selector"), &s, NULL) &&
	       label_selector_matches(&s, json_path(e->pod, "metadata.labels"));
}

/* The budgets that select the pod; *first is one of them. */
static size_t find_budgets(struct eviction *e, struct cJSON **first)
{
	struct str prefix = arena_print(e->r->arena, "%.*s/", STRF(e->r->namespace));
	struct store_iter it = store_seek(server_bucket(e->r->server, e->budgets), prefix, STR(""));
	size_t count = 0;

	while (store_next(&it)) {
		struct cJSON *budget = object_tree(e->r->arena, it.object);

		if (!guards(e, budget))
			continue;
		if (!count++)
			*first = budget;
	}
	return count;
}

/* An unhealthy pod does not count in its budget: when may it go without asking? */
static bool is_free(const struct eviction *e)
{
	int64_t desired = tree_int(e->budget, "status.desiredHealthy", 0);

	if (pod_has_condition(e->pod, "Ready", "True"))
		return false;
	if (str_eq_text(tree_str(e->budget, "spec.unhealthyPodEvictionPolicy"), "AlwaysAllow"))
		return true;
	return desired > 0 && tree_int(e->budget, "status.currentHealthy", 0) >= desired;
}

/* Only the state that was judged may be deleted. */
static void pin_version(struct eviction *e)
{
	struct request_options *o = &e->r->options;

	if (e->versioned)
		return;
	o->has_precondition_version = true;
	o->precondition_version = tree_str(e->pod, "metadata.resourceVersion");
}

static void ask_budget(struct eviction *e)
{
	size_t count = find_budgets(e, &e->budget);

	if (count > 1) {
		struct status *s = status_new(e->r->arena, ERR_INTERNAL,
			"This pod has more than one PodDisruptionBudget, which the eviction "
			"subresource does not support.");

		s->reason = STR("");
		request_fail(e->r, s);
	} else if (!count) {
		evict(e);
	} else if (is_free(e)) {
		e->past_budget = true;
		pin_version(e);
		evict(e);
	} else {
		e->write = (struct direct_write){.r = e->r,
			.hub = e->budgets,
			.namespace = e->r->namespace,
			.name = tree_str(e->budget, "metadata.name"),
			.change = take_disruption,
			.done = taken,
			.ctx = e};
		direct_write_start(&e->write);
	}
}

/* ---- the pod ---- */

/* One that has ended, has not begun or is going already disrupts nothing. */
static bool disrupts_nothing(const struct cJSON *pod)
{
	static const char *const phases[] = {"Succeeded", "Failed", "Pending", NULL};

	for (size_t i = 0; phases[i]; i++)
		if (str_eq_text(tree_str(pod, "status.phase"), phases[i]))
			return true;
	return tree_has(pod, "metadata.deletionTimestamp");
}

static struct status *read_body(struct eviction *e)
{
	struct api_request *r = e->r;
	struct body_kind kind = body_of_subresource(r->sub);
	bool dry = r->options.dry_run;
	const struct cJSON *options;
	struct status *s = body_decode(r, &kind, &e->body);

	if (s && str_find(buf_str(&r->body), STR("policy/v1beta1")) >= 0) {
		kind.version = STR("v1beta1"); /* its group is gone, evictions in it are not */
		s = body_decode(r, &kind, &e->body);
	}
	if (!s && !str_eq(tree_str(e->body, "metadata.name"), r->name))
		s = status_new(r->arena, ERR_BAD_REQUEST,
			"name in URL does not match name in Eviction object");
	if (s)
		return s;
	options = json_get(e->body, STR("deleteOptions"));
	if (!options)
		return NULL;
	s = request_take_delete_options(r, options);
	r->options.dry_run |= dry;
	e->versioned = r->options.has_precondition_version;
	return s;
}

static void admitted(struct body_admission *b, struct status *no)
{
	struct eviction *e = b->ctx;
	struct api_request *r = e->r;
	struct object *found = registry_find(r);
	struct status *s = no;

	if (!s && !found)
		s = status_not_found(r->arena, r->resource, r->name);
	if (s) {
		request_fail(r, s);
		return;
	}
	e->pod = object_tree(r->arena, found);
	if (disrupts_nothing(e->pod))
		evict(e);
	else
		ask_budget(e);
}

void handle_eviction(struct api_request *r)
{
	struct eviction *e = arena_new(r->arena, sizeof(*e));
	struct status *s;

	e->r = r;
	e->pods = r->resource->hub;
	e->budgets = resource_find(STR("policy"), STR("v1"), STR("poddisruptionbudgets"));
	s = read_body(e);
	if (s) {
		request_fail(r, s);
		return;
	}
	e->admission = (struct body_admission){.next = admitted, .ctx = e};
	registry_admit_body(&e->admission, r, e->pods, r->name, e->body);
}
