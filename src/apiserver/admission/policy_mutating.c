/*
 * MutatingAdmissionPolicy: policies that are bound to a review change its object, one after the
 * other, each mutation on what the one before has made of it.
 */
#include "plugins.h"
#include "policies.h"

#include <kube/api_codec.h>
#include <kube/patch.h>

struct changing {
	struct hook_subject subject;
	struct status *denial;
	bool changed;
};

/* What was called in the first round and wants to be called again. */
struct called {
	const struct called *next;
	struct str key;
};

static void deny(
	struct changing *c, const struct policy *p, const struct policy_binding *b, struct str why)
{
	struct arena *a = c->subject.arena;
	struct str message;

	if (c->denial || p->fails_open)
		return;
	message =
		b ? arena_print(a, "policy '%.*s' with binding '%.*s' denied request: %.*s",
			    STRF(p->name), STRF(b->name), STRF(why))
		  : arena_print(a, "policy '%.*s' denied request: %.*s", STRF(p->name), STRF(why));
	c->denial = admission_forbidden(c->subject.review, "%.*s", STRF(message));
	c->denial->message = message;
	c->denial->reason = STR("Invalid");
	status_add_cause(a, c->denial, STR(""), message, STR(""));
}

/* ---- one mutation ---- */

static int apply_configuration(
	struct policy_run *run, const struct cJSON *config, struct cJSON **out, struct err *err)
{
	const struct hook_subject *s = run->subject;
	const struct schema *schema = s->body ? s->body->schema : run->view->resource->schema;
	struct cJSON *whole = json_copy(s->arena, config);

	tree_set(s->arena, whole, "kind", json_copy(s->arena, json_get(run->object, STR("kind"))));
	tree_set(s->arena, whole, "apiVersion",
		json_copy(s->arena, json_get(run->object, STR("apiVersion"))));
	return patch_configuration(s->arena, schema, run->object, whole, out, err);
}

static int apply_patch_of(
	struct policy_run *run, const struct cJSON *patch, struct cJSON **out, struct err *err)
{
	int code = patch_json(run->subject->arena, run->object, patch, NULL, out, err);

	if (code != ERR_UNTRUE)
		return code;
	*out = json_copy(run->subject->arena, run->object); /* it is not meant for this one */
	return 0;
}

static int apply_mutation(struct policy_run *run, const struct policy_rule *rule,
	struct cJSON **out, struct str *why, struct err *err)
{
	struct arena *a = run->subject->arena;
	struct cel_value v = policy_evaluate(run, &rule->expression);
	bool patches = json_get(rule->tree, STR("jsonPatch"));
	struct cJSON *json;
	int code;

	if (v.kind == CEL_ERROR) {
		*why = v.str;
		return ERR_INVALID;
	}
	json = cel_to_json(a, v, why);
	if (!json)
		return ERR_INVALID;
	code = patches ? apply_patch_of(run, json, out, err)
		       : apply_configuration(run, json, out, err);
	if (code)
		*why = arena_print(a, "%s%s",
			patches ? "JSON Patch: " : "error applying patch: ", err_text(err));
	return code;
}

/* ---- one policy with one parameter ---- */

static void mutate(struct changing *c, struct policy_run *run, const struct policy_binding *b)
{
	const struct policy *p = run->policy;
	const struct cJSON *before = run->object;
	struct cJSON *hub;
	bool same;

	for (size_t i = 0; i < p->mutation_count && !c->denial; i++) {
		_cleanup_(err_done) struct err err = {0};
		struct cJSON *changed = NULL;
		struct str why = {0};

		if (apply_mutation(run, &p->mutations[i], &changed, &why, &err))
			deny(c, p, b, why);
		else
			policy_run_see(run, changed);
	}
	if (c->denial || run->object == before)
		return;
	_cleanup_(err_done) struct err err = {0};
	if (hook_take(&c->subject, run->view, run->object, &hub, &same, &err)) {
		deny(c, p, b, arena_str(c->subject.arena, str_from(err_text(&err))));
		return;
	}
	if (!same) {
		c->subject.review->object = hub;
		c->changed = true;
	}
}

static void apply(struct changing *c, const struct policy *p, const struct policy_binding *b,
	const struct hook_view *view, const struct cJSON *params)
{
	struct policy_run run;
	struct status *no;
	struct str error;

	policy_run_init(&run, &c->subject, view, p, params, &no);
	if (no) {
		deny(c, p, b, no->message);
		return;
	}
	if (!policy_conditions_hold(&run, &error))
		return;
	if (error.len)
		deny(c, p, b, error);
	else if (run.object)
		mutate(c, &run, b);
}

/* ---- rounds ---- */

static bool was_called(const struct admission_review *review, struct str key)
{
	for (const struct called *c = review->policies; c; c = c->next)
		if (str_eq(c->key, key))
			return true;
	return false;
}

static void note_call(struct admission_review *review, struct str key)
{
	struct called *c = arena_new(review->arena, sizeof(*c));

	*c = (struct called){review->policies, key};
	review->policies = c;
}

static void apply_all(struct changing *c, const struct policy *p, const struct policy_binding *b,
	const struct hook_view *view, const struct policy_params *params)
{
	struct admission_review *review = c->subject.review;

	for (size_t i = 0; i < params->count && !c->denial; i++) {
		struct str key = arena_print(review->arena, "%.*s/%.*s/%.*s/%.*s", STRF(p->name),
			STRF(b->name), STRF(tree_str(params->items[i], "metadata.namespace")),
			STRF(tree_str(params->items[i], "metadata.name")));

		if (review->second && !was_called(review, key))
			continue;
		apply(c, p, b, view, params->items[i]);
		if (!review->second && p->reinvoked)
			note_call(review, key);
	}
}

/* ---- all of them ---- */

static void apply_binding(struct changing *c, const struct policy *p,
	const struct policy_binding *b, const struct hook_view *view)
{
	_cleanup_(err_done) struct err err = {0};
	struct arena *a = c->subject.arena;
	struct policy_params params;
	struct hook_view bound;
	struct status *no;

	if (!policy_matches(&c->subject, &b->match, &bound, &no))
		return;
	if (no)
		deny(c, p, b,
			arena_print(a, "failed to configure binding: %.*s", STRF(no->message)));
	else if (policy_params_find(&c->subject, p, b, &params, &err))
		deny(c, p, b, arena_print(a, "failed to configure binding: %s", err_text(&err)));
	else
		apply_all(c, p, b, view, &params);
}

static void apply_policy(struct changing *c, const struct policy *p)
{
	struct hook_view view;
	struct status *no;

	if (!policy_matches(&c->subject, &p->match, &view, &no))
		return;
	if (no) {
		deny(c, p, NULL,
			arena_print(c->subject.arena, "failed to configure policy: %.*s",
				STRF(no->message)));
		return;
	}
	for (size_t i = 0; i < p->binding_count && !c->denial; i++)
		apply_binding(c, p, &p->bindings[i], &view);
}

struct status *mutate_by_policies(struct admission_review *review)
{
	struct policy_set *set =
		policy_set_take(admission_policies(review->server->admission), true);
	struct changing c = {0};

	if (!set)
		return NULL;
	if (review->request && review->object) {
		hook_subject_init(&c.subject, review);
		for (size_t i = 0;
			i < set->count && !c.denial && !hook_subject_is_exempt(&c.subject); i++)
			apply_policy(&c, &set->policies[i]);
		review->again |= c.changed;
	}
	policy_set_unref(set);
	return c.denial;
}
