/*
 * MutatingAdmissionPolicy: policies that are bound to a review change its object, one after the
 * other, each mutation on what the one before has made of it. Who is bound is decided before the
 * first changes anything; all that fails is told together.
 */
#include "metrics.h"
#include "plugins.h"
#include "policies.h"
#include "reinvocation.h"

#include <kube/api_codec.h>
#include <kube/patch.h>
#include <kube/time.h>

struct changing {
	struct hook_subject subject;
	struct reinvocation *again;
	const struct policy_use *use;
	struct activation seen;
	struct status *denial;
	struct status *broken; /* nothing is told but this */
	bool rehearses;        /* only to learn what has to be asked of authorizers */
};

/* ---- what fails ---- */

static void add_failure(struct changing *c, const char *reason, struct str why)
{
	const struct policy_use *u = c->use;
	struct arena *a = c->subject.arena;
	struct str message;

	if (u->policy->fails_open)
		return;
	if (u->binding)
		message = arena_print(a, "policy '%.*s' with binding '%.*s' denied request: %.*s",
			STRF(u->policy->name), STRF(u->binding->name), STRF(why));
	else
		message = arena_print(
			a, "policy '%.*s' denied request: %.*s", STRF(u->policy->name), STRF(why));
	if (!c->denial) {
		c->denial = admission_forbidden(c->subject.review, "%.*s", STRF(message));
		c->denial->message = message;
		c->denial->reason = str_from(reason);
	}
	status_add_cause(a, c->denial, STR(""), message, STR(""));
}

static void count(struct changing *c, int64_t spent, const char *what)
{
	struct metrics *m = c->subject.review->server->metrics;
	if (c->rehearses)
		return;
	struct str labels = arena_print(c->subject.arena,
		"error_type=\"%s\",policy=\"%.*s\",policy_binding=\"%.*s\"", what,
		STRF(c->use->policy->name), STRF(c->use->binding->name));

	++*metrics_number(m, METRIC_MUTATING_CHECKS, labels);
	metrics_observe(m, METRIC_MUTATING_CHECK_DURATION, labels, (double)spent / SEC);
}

/* ---- one mutation ---- */

static int apply_configuration(
	struct changing *c, const struct cJSON *config, struct cJSON **out, struct str *why)
{
	const struct hook_subject *s = &c->subject;
	const struct schema *schema = s->body ? s->body->schema : c->use->view.resource->schema;
	const struct cJSON *object = c->seen.object;
	struct cJSON *whole = json_copy(s->arena, config);
	_cleanup_(err_done) struct err err = {0};
	int code;

	tree_set(s->arena, whole, "kind", json_copy(s->arena, json_get(object, STR("kind"))));
	tree_set(s->arena, whole, "apiVersion",
		json_copy(s->arena, json_get(object, STR("apiVersion"))));
	code = patch_configuration(s->arena, schema, object, whole, out, &err);
	if (code)
		*why = arena_print(s->arena, "error applying patch: %s", err_text(&err));
	return code;
}

static int apply_patch_of(
	struct changing *c, const struct cJSON *patch, struct cJSON **out, struct str *why)
{
	struct arena *a = c->subject.arena;
	_cleanup_(err_done) struct err err = {0};
	int code = patch_json(a, c->seen.object, patch, NULL, out, &err);

	if (code == ERR_UNTRUE) { /* it is not meant for this one */
		*out = json_copy(a, c->seen.object);
		return 0;
	}
	if (code)
		*why = arena_print(a, "JSON Patch: %s", err_text(&err));
	return code;
}

/* What the expression yields; NULL: *why. */
static struct cJSON *evaluate(
	struct changing *c, const struct admission_expression *e, struct str *why)
{
	struct arena *a = c->subject.arena;
	struct cel_value v;

	*why = admission_expression_fault(a, e);
	if (why->len)
		return NULL;
	activation_begin(&c->seen, CEL_RUNTIME_BUDGET, SEES_NAMESPACE | SEES_AUTHORIZER);
	v = activation_evaluate(&c->seen, e);
	if (v.kind != CEL_ERROR)
		return cel_to_json(a, v, why);
	*why = v.str;
	return NULL;
}

/* Decoded and completed, as the next one sees it. What a JSON patch made of it has to be sound. */
static int take(struct changing *c, const struct cJSON *made, bool strict, struct str *why)
{
	struct hook_subject *s = &c->subject;
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *hub, *shown;
	struct status *no;
	bool same;
	int code = hook_take(s, &c->use->view, made, strict, &hub, &same, &err);

	if (code && strict)
		c->broken = status_internal(s->arena, "%s", err_text(&err));
	if (code) {
		*why = arena_str(s->arena, str_from(err_text(&err)));
		return code;
	}
	if (same)
		return 0;
	no = hook_show(s, &c->use->view, hub, &shown);
	if (no) {
		c->broken = no;
		return ERR_INTERNAL;
	}
	s->review->object = hub;
	activation_see(&c->seen, shown);
	return 0;
}

static void mutate(struct changing *c, const struct policy_rule *rule)
{
	bool patches = json_get(rule->tree, STR("jsonPatch"));
	int64_t began = clock_mono();
	struct str why = STR("");
	struct cJSON *json = evaluate(c, &rule->expression, &why), *made = NULL;
	int code = ERR_INVALID;

	if (json)
		code = patches ? apply_patch_of(c, json, &made, &why)
			       : apply_configuration(c, json, &made, &why);
	if (!code)
		code = take(c, made, patches, &why);
	count(c, clock_mono() - began, code ? policy_fault_name(why) : "no_error");
	if (code && !c->broken)
		add_failure(c, "Invalid", why);
}

/* ---- one policy with one parameter ---- */

static struct str key_of(const struct changing *c)
{
	const struct policy_use *u = c->use;

	return arena_print(c->subject.arena, "%.*s/%.*s/%.*s/%.*s", STRF(u->policy->name),
		STRF(u->binding->name), STRF(tree_str(u->param, "metadata.namespace")),
		STRF(tree_str(u->param, "metadata.name")));
}

/* false: the object cannot be shown to it. */
static bool can_see(struct changing *c)
{
	struct policy_use itself = {.policy = c->use->policy};
	struct status *no;

	activation_init(&c->seen, &c->subject, &c->use->view, &itself.policy->words, &no);
	c->seen.rehearses = c->rehearses;
	if (!no)
		return true;
	c->use = &itself;
	add_failure(c, "Forbidden",
		arena_print(
			c->subject.arena, "failed to configure policy: %.*s", STRF(no->message)));
	return false;
}

static void call(struct changing *c)
{
	const struct policy *p = c->use->policy;
	struct str key = key_of(c), error;

	if (!can_see(c))
		return;
	c->seen.params = c->use->param;
	if (!policy_conditions_hold(&c->seen, c->use, &error))
		return;
	if (error.len) {
		add_failure(c, "Invalid", error);
		return;
	}
	if (!reinvocation_calls(c->again, key))
		return;
	for (size_t i = 0; i < p->mutation_count && !c->broken; i++)
		mutate(c, &p->mutations[i]);
	if (p->reinvoked && !c->rehearses)
		reinvocation_note(c->again, key);
}

/* ---- all of them ---- */

static void call_all(struct changing *c, const struct policy_set *set)
{
	struct admission_review *review = c->subject.review;
	const struct cJSON *before = review->object;
	struct policy_uses uses;

	policy_choose(&c->subject, set, &uses);
	if (!uses.count)
		return;
	c->again = reinvocation_enter(review, &review->policies);
	for (size_t i = 0; i < uses.count; i++) {
		c->use = &uses.items[i];
		if (c->use->fault.len)
			add_failure(c, "Forbidden", c->use->fault);
	}
	for (size_t i = 0; i < uses.count && !c->broken; i++) {
		c->use = &uses.items[i];
		if (!c->use->fault.len)
			call(c);
	}
	if (c->rehearses)
		return;
	/* unlike with webhooks, also the last who changed something is due then */
	if (review->object != before)
		reinvocation_changed(c->again);
	reinvocation_leave(c->again);
}

static struct status *change_review(
	struct admission_review *review, const struct policy_set *set, bool rehearses)
{
	struct changing c = {.rehearses = rehearses};
	struct cJSON *object = review->object;

	hook_subject_init(&c.subject, review);
	if (!hook_subject_is_exempt(&c.subject) && !hook_subject_is_review(&c.subject))
		call_all(&c, set);
	if (rehearses)
		review->object = object; /* nobody has changed that one */
	return c.broken ? c.broken : c.denial;
}

/* Where authorizers may have to be waited for, nothing is changed before all have answered. */
struct status *mutate_by_policies(struct admission_review *review)
{
	struct policy_set *set =
		policy_set_take(admission_policies(review->server->admission), true);
	struct status *no = NULL;

	if (!set)
		return NULL;
	if (review->request && review->object) {
		if (authz_may_wait(review->server->authz))
			change_review(review, set, true);
		if (!activation_waits(review))
			no = change_review(review, set, false);
	}
	policy_set_unref(set);
	return no;
}
