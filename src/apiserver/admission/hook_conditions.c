/*
 * matchConditions: expressions over the request that say whether a hook is asked at all. They are
 * compiled with the configuration and evaluated in the hook's version of the object.
 */
#include "access.h"
#include "hooks.h"

#include <kube/cel.h>
#include <kube/mem.h>

/* Upstream's: a quarter of what policies may cost. */
#define BUDGET 2500000

enum { VAR_OBJECT, VAR_OLD, VAR_REQUEST, VAR_AUTHORIZER, VAR_RESOURCE, VARS };

struct hook_programs {
	struct cel_env *env;
	struct cel_program **items;
	size_t count;
};

/* ---- compiling ---- */

struct hook_programs *hook_programs_new(size_t count)
{
	struct hook_programs *p = mem_new(sizeof(*p));

	p->env = cel_env_new(0);
	p->items = mem_new((count + 1) * sizeof(*p->items));
	cel_declare(p->env, STR("object"), &cel_dyn);
	cel_declare(p->env, STR("oldObject"), &cel_dyn);
	cel_declare(p->env, STR("request"), &cel_dyn);
	cel_declare(p->env, STR("authorizer"), &cel_authorizer_type);
	cel_declare(p->env, STR("authorizer.requestResource"), &cel_resource_check_type);
	return p;
}

void hook_programs_free(struct hook_programs *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++)
		cel_program_free(p->items[i]);
	mem_free(p->items);
	cel_env_free(p->env);
	mem_free(p);
}

void hook_programs_add(struct hook_programs *p, struct hook *h)
{
	h->programs = p->items + p->count;
	json_each (condition, h->conditions)
		p->items[p->count++] =
			cel_compile(p->env, tree_str(condition, "expression"), &cel_bool);
}

/* ---- authorizer ---- */

/* The one who asks, or a service account. */
static const struct api_user *asker(
	struct hook_subject *s, struct arena *a, const struct cel_check *check)
{
	struct api_user *u;

	if (!check->account.len)
		return s->review->user;
	u = arena_new(a, sizeof(*u));
	u->name = arena_print(a, "system:serviceaccount:%.*s:%.*s", STRF(check->account_namespace),
		STRF(check->account));
	u->groups = arena_new(a, 3 * sizeof(*u->groups));
	u->groups[0] = STR("system:serviceaccounts");
	u->groups[1] =
		arena_print(a, "system:serviceaccounts:%.*s", STRF(check->account_namespace));
	u->groups[2] = STR("system:authenticated");
	u->group_count = 3;
	return u;
}

static void authorize(
	void *ctx, struct arena *a, const struct cel_check *check, struct cel_decision *decision)
{
	struct hook_subject *s = ctx;
	struct access_query q = {.user = asker(s, a, check),
		.verb = check->verb,
		.is_resource = check->is_resource,
		.group = check->group,
		.version = STR("*"),
		.resource = check->resource,
		.subresource = check->subresource,
		.namespace = check->namespace,
		.name = check->name,
		.path = check->path,
		.field_selector = check->field_selector,
		.label_selector = check->label_selector};

	decision->allowed =
		authz_ask(s->review->server->authz, a, &q, &decision->reason) == ACCESS_ALLOW;
	decision->error = STR("");
}

/* ---- evaluating ---- */

static struct status *make_variables(struct hook_subject *s, const struct hook_view *view,
	struct cel_authorizer *authorizer, struct cel_value vars[VARS])
{
	struct cJSON *object, *old;
	struct status *no = hook_show(s, view, s->review->object, &object);
	struct cel_check check = {.is_resource = true,
		.group = s->resource->group,
		.resource = s->resource->plural,
		.subresource = s->subresource,
		.namespace = s->namespace,
		.name = s->name};

	if (!no)
		no = hook_show(s, view, s->review->old, &old);
	if (no)
		return no;
	vars[VAR_OBJECT] = cel_json(object, &cel_dyn);
	vars[VAR_OLD] = cel_json(old, &cel_dyn);
	vars[VAR_REQUEST] = cel_json(hook_request_shown(s, view), &cel_dyn);
	vars[VAR_AUTHORIZER] = cel_authorizer(authorizer);
	vars[VAR_RESOURCE] = cel_resource_check(s->arena, authorizer, &check);
	return NULL;
}

/* The words of what went wrong, or empty: *holds is the answer then. */
static struct str evaluate(struct hook_subject *s, const struct cel_program *p,
	const struct cel_value vars[VARS], uint64_t *left, bool *holds)
{
	struct cel_failure failure = cel_failure(p);
	struct cel_run run = {.arena = s->arena, .variables = vars, .variable_count = VARS};
	struct cel_value v;

	*holds = true;
	if (failure.kind != CEL_COMPILED)
		return arena_print(s->arena, "compilation error: compilation failed: %.*s",
			STRF(failure.text));
	v = cel_eval(p, &run);
	if (run.cost > *left)
		return STR("validation failed due to running out of cost budget, no further "
			   "validation rules will be run");
	*left -= run.cost;
	if (v.kind == CEL_ERROR)
		return arena_print(s->arena, "expression '%.*s' resulted in error: %.*s",
			STRF(cel_program_text(p)), STRF(v.str));
	*holds = v.kind == CEL_BOOL && v.b;
	return STR("");
}

/* One that says no decides, whatever is wrong with others. */
bool hook_conditions_hold(struct hook_subject *s, const struct hook_view *view, struct status **no)
{
	const struct hook *h = view->hook;
	size_t count = json_count(h->conditions), wrong = 0;
	struct cel_authorizer authorizer = {.ctx = s, .check = authorize};
	struct cel_value vars[VARS];
	uint64_t left = BUDGET;
	_cleanup_(buf_done) struct buf why = BUF_INIT(MIB);

	if (*no || !count)
		return true;
	*no = make_variables(s, view, &authorizer, vars);
	if (*no)
		return true;
	for (size_t i = 0; i < count; i++) {
		bool holds;
		struct str text = evaluate(s, h->programs[i], vars, &left, &holds);

		if (!text.len && !holds)
			return false;
		if (text.len)
			buf_print(&why, "%s%.*s", wrong++ ? ", " : "", STRF(text));
	}
	if (!wrong)
		return true;
	if (h->fails_open)
		return false;
	*no = admission_forbidden(s->review, wrong > 1 ? "[%.*s]" : "%.*s", STRF(buf_str(&why)));
	return true;
}
