/* The variables that expressions of admission see, made when first asked for, and their cost. */
#include "activation.h"
#include "access.h"

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

bool activation_waits(const struct admission_review *review)
{
	return review->request && access_is_pending(review->request);
}

/* The one who asks, or a service account. */
static const struct api_user *asker(
	const struct admission_review *review, struct arena *a, const struct cel_check *check)
{
	struct api_user *u;

	if (!check->account.len)
		return review->user;
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
	const struct admission_review *review = ctx;
	struct access_query q = {.user = asker(review, a, check),
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
		.explain = true,
		.request = review->request};
	struct access_answer answer;

	authz_decide(review->server->authz, a, &q, &answer);
	decision->allowed = answer.decision == ACCESS_ALLOW;
	decision->reason = answer.reason;
	decision->error =
		answer.decision == ACCESS_WAIT ? STR("nobody has answered yet") : answer.error;
}

static struct cel_value request_resource(struct activation *a)
{
	const struct hook_subject *s = a->subject;
	struct cel_check check = {.is_resource = true,
		.group = s->resource->group,
		.resource = s->resource->plural,
		.subresource = s->subresource,
		.namespace = s->namespace,
		.name = s->name};

	return cel_resource_check(s->arena, &a->authorizer, &check);
}

/* ---- variables ---- */

static struct cel_value get_request(void *ctx, struct arena *arena, struct str name)
{
	struct activation *a = ctx;

	(void)arena;
	(void)name;
	return cel_json(hook_request_shown(a->subject, a->view), &cel_dyn);
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

static struct cel_value get_namespace(void *ctx, struct arena *arena, struct str name)
{
	struct activation *a = ctx;
	const struct hook_subject *s = a->subject;

	(void)name;
	if (!s->namespace.len || str_eq_text(s->resource->plural, "namespaces"))
		return cel_json(NULL, &cel_dyn);
	return cel_json(namespace_shown(arena, server_read(s->review->server, arena, "",
						       "namespaces", STR(""), s->namespace)),
		&cel_dyn);
}

static struct str why_of(struct cel_value v)
{
	return v.held == CEL_OVER_LIMIT ? STR("operation cancelled: actual cost limit exceeded")
					: v.str;
}

/* What it costs is paid by the expression that asked for it. */
static struct cel_value compute(struct activation *a, const struct admission_variable *v)
{
	struct arena *arena = a->subject->arena;
	struct cel_run run = {
		.arena = arena, .variables = a->seen, .variable_count = SEEN_VARIABLES};
	struct str fault = admission_expression_fault(arena, &v->expression);
	struct cel_value value;

	if (fault.len)
		return cel_error(arena, "composited variable \"%.*s\" fails to compile: %.*s",
			STRF(v->name), STRF(fault));
	value = cel_eval(v->expression.program, &run);
	a->computing += run.cost;
	if (value.kind != CEL_ERROR)
		return value;
	return cel_error(arena, "composited variable \"%.*s\" fails to evaluate: %.*s",
		STRF(v->name), STRF(why_of(value)));
}

static struct cel_value get_variable(void *ctx, struct arena *arena, struct str name)
{
	struct activation *a = ctx;
	const struct vocabulary *words = a->words;

	/* Of two with one name the later one counts; that may speak of itself as of the first. */
	for (size_t i = words->variable_count; i-- > 0;) {
		if (!str_eq(words->variables[i].name, name))
			continue;
		if (!a->is_computed[i]) {
			a->is_computed[i] = true;
			a->computed[i] = cel_error(arena,
				"composited variable \"%.*s\" fails to evaluate: it speaks of "
				"itself",
				STRF(name));
			a->computed[i] = compute(a, &words->variables[i]);
		}
		return a->computed[i];
	}
	return cel_error(arena, "no such key: %.*s", STRF(name));
}

/* ---- before evaluating ---- */

void activation_see(struct activation *a, const struct cJSON *object)
{
	a->object = object;
	a->seen[OBJECT] = cel_json(object, &cel_dyn);
}

void activation_init(struct activation *a, struct hook_subject *s, const struct hook_view *view,
	const struct vocabulary *words, struct status **no)
{
	const struct admission_review *review = s->review;
	struct cJSON *object = NULL, *old = NULL;

	*a = (struct activation){.subject = s, .view = view, .words = words};
	*no = hook_show(s, view, review->object, &object);
	if (!*no)
		*no = hook_show(s, view, review->old, &old);
	a->old = old;
	a->computed = arena_new(s->arena, (words->variable_count + 1) * sizeof(*a->computed));
	a->is_computed = arena_new(s->arena, words->variable_count + 1);
	a->lazy = (struct cel_lazy){a, get_variable};
	a->request_lazy = (struct cel_lazy){a, get_request};
	a->namespace_lazy = (struct cel_lazy){a, get_namespace};
	a->authorizer = (struct cel_authorizer){(void *)(uintptr_t)review, authorize};
	activation_see(a, object);
}

void activation_begin(struct activation *a, uint64_t budget, enum activation_sees sees)
{
	bool asks = sees & SEES_AUTHORIZER;
	struct cel_value nobody = cel_error(a->subject->arena, "no such attribute(s): authorizer");

	a->budget = budget;
	a->spent = false;
	a->computing = 0;
	memset(a->is_computed, 0, a->words->variable_count * sizeof(bool));
	a->seen[OLD_OBJECT] = cel_json(a->old, &cel_dyn);
	a->seen[REQUEST] = cel_lazy(&a->request_lazy);
	a->seen[NAMESPACE_OBJECT] =
		sees & SEES_NAMESPACE ? cel_lazy(&a->namespace_lazy) : cel_json(NULL, &cel_dyn);
	a->seen[AUTHORIZER] = asks ? cel_authorizer(&a->authorizer) : nobody;
	a->seen[REQUEST_RESOURCE] = asks ? request_resource(a) : nobody;
	a->seen[PARAMS] = cel_json(a->params, &cel_dyn);
	if (a->words->variables_type)
		a->seen[VARIABLES] = cel_lazy_object(&a->lazy, a->words->variables_type);
}

/* ---- evaluating ---- */

/* false: it was too much. */
static bool pay(struct activation *a, uint64_t cost)
{
	if (cost > a->budget)
		a->spent = true;
	a->budget = a->spent ? 0 : a->budget - cost;
	return !a->spent;
}

struct cel_value activation_evaluate(struct activation *a, const struct admission_expression *e)
{
	struct arena *arena = a->subject->arena;
	struct str fault = admission_expression_fault(arena, e);
	struct cel_run run = {
		.arena = arena, .variables = a->seen, .variable_count = SEEN_VARIABLES};
	struct cel_value v;
	uint64_t computing;

	if (fault.len)
		return cel_error(arena, "compilation error: %.*s", STRF(fault));
	v = cel_eval(e->program, &run);
	computing = a->computing;
	a->computing = 0;
	if (!pay(a, computing) || !pay(a, run.cost))
		return cel_error(arena, "validation failed due to running out of cost budget, no "
					"further validation rules will be run");
	if (v.kind != CEL_ERROR)
		return v;
	return cel_error(
		arena, "expression '%.*s' resulted in error: %.*s", STRF(e->text), STRF(why_of(v)));
}
