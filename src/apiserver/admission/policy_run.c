/* The variables that expressions of policies see, made when first asked for, and their cost. */
#include "access.h"
#include "policies.h"

#include <kube/api_codec.h>

enum {
	OBJECT,
	OLD_OBJECT,
	REQUEST,
	NAMESPACE_OBJECT,
	AUTHORIZER,
	REQUEST_RESOURCE,
	PARAMS,
	VARIABLES
};

/* ---- who may what ---- */

static void check_access(
	void *ctx, struct arena *a, const struct cel_check *check, struct cel_decision *decision)
{
	const struct admission_review *review = ctx;
	struct access_query q = {.user = review->user,
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
		.label_selector = check->label_selector,
		.explain = true};
	struct access_answer answer;
	struct str groups[3];
	struct api_user account = {.groups = groups, .group_count = 3};

	if (check->account.len) {
		account.name = arena_print(a, "system:serviceaccount:%.*s:%.*s",
			STRF(check->account_namespace), STRF(check->account));
		groups[0] = STR("system:serviceaccounts");
		groups[1] = arena_print(
			a, "system:serviceaccounts:%.*s", STRF(check->account_namespace));
		groups[2] = STR("system:authenticated");
		q.user = &account;
	}
	authz_decide(review->server->authz, a, &q, &answer);
	decision->allowed = answer.decision == ACCESS_ALLOW;
	decision->reason = answer.reason;
	decision->error = answer.error;
}

static struct cel_value request_resource(struct policy_run *run)
{
	const struct hook_subject *s = run->subject;
	struct cel_check check = {.is_resource = true,
		.group = s->resource->group,
		.resource = s->resource->plural,
		.subresource = s->subresource,
		.namespace = s->namespace,
		.name = s->name};

	return cel_resource_check(s->arena, &run->authorizer, &check);
}

/* ---- variables ---- */

static struct cel_value get_request(void *ctx, struct arena *a, struct str name)
{
	struct policy_run *run = ctx;

	(void)a;
	(void)name;
	return cel_json(hook_request_shown(run->subject, run->view), &cel_dyn);
}

/* What expressions are shown of a namespace: kind, owners and managers are not. */
static struct cJSON *namespace_shown(struct arena *a, const struct cJSON *namespace)
{
	static const char *const hidden[] = {"ownerReferences", "managedFields", "selfLink", NULL};
	struct cJSON *shown, *metadata;

	if (!namespace)
		return NULL;
	shown = json_copy(a, namespace);
	metadata = json_get(shown, STR("metadata"));
	json_remove(shown, json_get(shown, STR("apiVersion")));
	json_remove(shown, json_get(shown, STR("kind")));
	for (size_t i = 0; metadata && hidden[i]; i++)
		json_remove(metadata, json_get(metadata, str_from(hidden[i])));
	return shown;
}

static struct cel_value get_namespace(void *ctx, struct arena *a, struct str name)
{
	struct policy_run *run = ctx;
	const struct hook_subject *s = run->subject;

	(void)name;
	if (!s->namespace.len || str_eq_text(s->resource->plural, "namespaces"))
		return cel_json(NULL, &cel_dyn);
	return cel_json(namespace_shown(a, server_read(s->review->server, a, "", "namespaces",
						   STR(""), s->namespace)),
		&cel_dyn);
}

/* Its cost counts for the expression that asks for it. */
static struct cel_value run_program(struct policy_run *run, const struct policy_expression *e)
{
	struct cel_run cel = {.arena = run->subject->arena,
		.variables = run->variables,
		.variable_count = POLICY_VARIABLES};
	struct cel_value v = cel_eval(e->program, &cel);

	run->is_spent |= cel.cost > run->left;
	run->left -= MIN(cel.cost, run->left);
	return v;
}

static struct cel_value compute_variable(struct policy_run *run, const struct policy_variable *v)
{
	struct arena *a = run->subject->arena;
	struct cel_failure failure = cel_failure(v->expression.program);
	struct cel_value value;

	if (failure.kind)
		return cel_error(a, "composited variable \"%.*s\" fails to compile: %.*s",
			STRF(v->name), STRF(failure.text));
	value = run_program(run, &v->expression);
	return value.kind == CEL_ERROR
		       ? cel_error(a, "composited variable \"%.*s\" fails to evaluate: %.*s",
				 STRF(v->name), STRF(value.str))
		       : value;
}

static struct cel_value get_variable(void *ctx, struct arena *a, struct str name)
{
	struct policy_run *run = ctx;
	const struct policy *p = run->policy;
	struct policy_computed *computed = &run->computed[run->for_message];

	/* Of two with one name the later one counts. */
	for (size_t i = p->variable_count; i-- > 0;) {
		if (!str_eq(p->variables[i].name, name))
			continue;
		if (!computed->is_done[i]) {
			computed->is_done[i] = true;
			computed->values[i] = cel_error(a,
				"composited variable \"%.*s\" fails to "
				"evaluate: it speaks of itself",
				STRF(name));
			computed->values[i] = compute_variable(run, &p->variables[i]);
		}
		return computed->values[i];
	}
	return cel_error(a, "no such key: %.*s", STRF(name));
}

void policy_run_see(struct policy_run *run, const struct cJSON *object)
{
	run->object = object;
	run->variables[OBJECT] = cel_json(object, &cel_dyn);
	for (size_t i = 0; i < ARRAY_LEN(run->computed); i++)
		memset(run->computed[i].is_done, 0, run->policy->variable_count * sizeof(bool));
}

void policy_run_init(struct policy_run *run, struct hook_subject *s, const struct hook_view *view,
	const struct policy *policy, const struct cJSON *params, struct status **no)
{
	const struct admission_review *review = s->review;
	struct cJSON *object = NULL, *old = NULL;

	*run = (struct policy_run){.subject = s,
		.view = view,
		.policy = policy,
		.params = params,
		.left = CEL_RUNTIME_BUDGET};
	*no = hook_show(s, view, review->object, &object);
	if (!*no)
		*no = hook_show(s, view, review->old, &old);
	run->old = old;
	for (size_t i = 0; i < ARRAY_LEN(run->computed); i++) {
		struct policy_computed *c = &run->computed[i];

		c->values = arena_new(s->arena, (policy->variable_count + 1) * sizeof(*c->values));
		c->is_done = arena_new(s->arena, policy->variable_count + 1);
	}
	run->lazy = (struct cel_lazy){run, get_variable};
	run->request_lazy = (struct cel_lazy){run, get_request};
	run->namespace_lazy = (struct cel_lazy){run, get_namespace};
	run->authorizer = (struct cel_authorizer){(void *)(uintptr_t)review, check_access};
	policy_run_see(run, object);
	run->variables[OLD_OBJECT] = cel_json(old, &cel_dyn);
	run->variables[REQUEST] = cel_lazy(&run->request_lazy);
	run->variables[NAMESPACE_OBJECT] = cel_lazy(&run->namespace_lazy);
	run->variables[AUTHORIZER] = cel_authorizer(&run->authorizer);
	run->variables[REQUEST_RESOURCE] = request_resource(run);
	run->variables[PARAMS] = cel_json(params, &cel_dyn);
	run->variables[VARIABLES] = cel_lazy_object(&run->lazy, policy->variables_type);
}

/* ---- evaluating ---- */

static struct cel_value failed(
	struct arena *a, const struct policy_expression *e, struct cel_value v)
{
	if (v.held == CEL_OVER_LIMIT)
		return cel_error(a,
			"expression '%.*s' resulted in error: operation cancelled: actual cost "
			"limit exceeded",
			STRF(e->text));
	return cel_error(
		a, "expression '%.*s' resulted in error: %.*s", STRF(e->text), STRF(v.str));
}

struct cel_value policy_evaluate(struct policy_run *run, const struct policy_expression *e)
{
	struct arena *a = run->subject->arena;
	struct cel_failure failure = cel_failure(e->program);
	struct cel_value v;

	if (failure.kind)
		return cel_error(a, "compilation error: %.*s", STRF(failure.text));
	v = run_program(run, e);
	if (run->is_spent)
		return cel_error(a, "validation failed due to running out of cost budget, no "
				    "further validation rules will be run");
	return v.kind == CEL_ERROR ? failed(a, e, v) : v;
}

struct cel_value policy_evaluate_message(struct policy_run *run, const struct policy_expression *e)
{
	struct cel_value nobody =
				 cel_error(run->subject->arena, "no such attribute(s): authorizer"),
			 was[] = {run->variables[AUTHORIZER], run->variables[REQUEST_RESOURCE]}, v;

	run->for_message = true;
	run->variables[AUTHORIZER] = run->variables[REQUEST_RESOURCE] = nobody;
	v = policy_evaluate(run, e);
	run->variables[AUTHORIZER] = was[0];
	run->variables[REQUEST_RESOURCE] = was[1];
	run->for_message = false;
	return v;
}

bool policy_conditions_hold(struct policy_run *run, struct str *error)
{
	_cleanup_(buf_done) struct buf all = BUF_INIT(64 * KIB);
	struct arena *a = run->subject->arena;
	size_t errors = 0;

	*error = STR("");
	for (size_t i = 0; i < run->policy->condition_count; i++) {
		struct cel_value v = policy_evaluate(run, &run->policy->conditions[i].expression);

		if (v.kind == CEL_ERROR)
			buf_print(&all, "%s%.*s", errors++ ? ", " : "", STRF(v.str));
		else if (v.kind == CEL_BOOL && !v.b)
			return false;
	}
	if (errors > 1)
		*error = arena_print(a, "[%.*s]", STRF(buf_str(&all)));
	else if (errors)
		*error = arena_str(a, buf_str(&all));
	return true;
}
