/* Which policies a review is for, by which bindings and with which parameters. */
#include "policies.h"

#include <kube/api_codec.h>

/* Without rules it is for every review. */
static bool matches(struct hook_subject *s, const struct policy_match *m, struct hook_view *view,
	struct status **no)
{
	struct status *unknown;

	*no = NULL;
	if (!hook_selects(s, &m->hook, &unknown) || hook_match_rules(s, m->exclude, m->hook.exact))
		return false;
	*view = (struct hook_view){.hook = &m->hook, .resource = s->resource};
	if (json_count(m->hook.rules))
		view->resource = hook_match_rules(s, m->hook.rules, m->hook.exact);
	if (!view->resource)
		return false;
	*no = unknown;
	return true;
}

static struct policy_use *add(struct arena *a, struct policy_uses *uses, struct policy_use use)
{
	if (!(uses->count & (uses->count - 1))) { /* at 0, 1, 2, 4, … there is no room for more */
		struct policy_use *grown =
			arena_alloc(a, MAX(2 * uses->count, (size_t)1) * sizeof(*grown));

		if (uses->count)
			memcpy(grown, uses->items, uses->count * sizeof(*grown));
		uses->items = grown;
	}
	uses->items[uses->count] = use;
	return &uses->items[uses->count++];
}

static void add_fault(struct hook_subject *s, struct policy_uses *uses, struct policy_use use,
	const char *what, struct str why)
{
	use.fault = arena_print(s->arena, "failed to configure %s: %.*s", what, STRF(why));
	add(s->arena, uses, use);
}

static void choose_binding(struct hook_subject *s, struct policy_uses *uses, struct policy_use use,
	const struct resource *kind)
{
	_cleanup_(err_done) struct err err = {0};
	struct policy_params params;
	struct hook_view bound;
	struct status *no;

	if (!matches(s, &use.binding->match, &bound, &no))
		return;
	if (no) {
		add_fault(s, uses, use, "binding", no->message);
		return;
	}
	if (policy_params_find(s, kind, use.binding, &params, &err)) {
		add_fault(s, uses, use, "binding", arena_str(s->arena, str_from(err_text(&err))));
		return;
	}
	for (size_t i = 0; i < params.count; i++) {
		use.param = params.items[i];
		add(s->arena, uses, use);
	}
}

static void choose_policy(struct hook_subject *s, struct policy_uses *uses, const struct policy *p)
{
	_cleanup_(err_done) struct err err = {0};
	struct policy_use use = {.policy = p};
	const struct resource *kind;
	struct status *no;

	if (!matches(s, &p->match, &use.view, &no))
		return;
	if (no || policy_param_kind(s, p, &kind, &err)) {
		add_fault(s, uses, use, "policy",
			no ? no->message : arena_str(s->arena, str_from(err_text(&err))));
		return;
	}
	for (size_t k = 0; k < p->binding_count; k++) {
		use.binding = &p->bindings[k];
		choose_binding(s, uses, use, kind);
	}
}

void policy_choose(struct hook_subject *s, const struct policy_set *set, struct policy_uses *uses)
{
	*uses = (struct policy_uses){0};
	for (size_t i = 0; i < set->count; i++)
		choose_policy(s, uses, &set->policies[i]);
}

bool policy_conditions_hold(struct activation *a, const struct policy_use *u, struct str *why)
{
	struct match_owner owner = {u->policy->name, "policy", "validate", u->policy->fails_open};

	return match_conditions_hold(a, &u->policy->conditions, &owner, why);
}

const char *policy_fault_name(struct str sentence)
{
	if (str_starts(sentence, STR("compilation")))
		return "compile_error";
	if (str_starts(sentence, STR("validation failed due to running out of cost budget")))
		return "out_of_budget";
	return "invalid_error";
}
