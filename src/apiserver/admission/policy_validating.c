/*
 * ValidatingAdmissionPolicy: every policy that is bound to a review judges it; what their bindings
 * want done is done with what they find. The first denial is what the client hears.
 */
#include "audit.h"
#include "plugins.h"
#include "policies.h"

#define MESSAGE_MAX (5 * 1024)

/* One review on its way through the policies. */
struct judging {
	struct hook_subject subject;
	struct cJSON *failures; /* for the audit log */
	struct cJSON *notes;    /* annotations: key → values */
	struct status *denial;  /* the first */
};

/* ---- denials ---- */

static int code_of(struct str reason)
{
	return str_eq_text(reason, "Forbidden")               ? 403
	       : str_eq_text(reason, "Unauthorized")          ? 401
	       : str_eq_text(reason, "RequestEntityTooLarge") ? 413
							      : 422;
}

static void deny(struct judging *j, const struct policy *p, const struct policy_binding *b,
	struct str reason, struct str why)
{
	struct arena *a = j->subject.arena;
	struct str message;

	if (j->denial)
		return;
	if (b)
		message = arena_print(a,
			"ValidatingAdmissionPolicy '%.*s' with binding '%.*s' denied request: %.*s",
			STRF(p->name), STRF(b->name), STRF(why));
	else
		message = arena_print(a, "ValidatingAdmissionPolicy '%.*s' denied request: %.*s",
			STRF(p->name), STRF(why));
	j->denial = admission_forbidden(j->subject.review, "%.*s", STRF(message));
	j->denial->reason = reason.len ? reason : STR("Invalid");
	j->denial->code = code_of(j->denial->reason);
	status_add_cause(a, j->denial, STR(""), message, STR(""));
}

/* A policy or binding that cannot be applied. */
static void misconfigured(struct judging *j, const struct policy *p, const struct policy_binding *b,
	const char *what, struct str why)
{
	if (!p->fails_open)
		deny(j, p, b, STR(""),
			arena_print(
				j->subject.arena, "failed to configure %s: %.*s", what, STRF(why)));
}

/* ---- findings ---- */

static bool wants(const struct policy_binding *b, const char *action)
{
	json_each (item, b->actions)
		if (str_eq_text(json_str(item), action))
			return true;
	return false;
}

static void note_failure(struct judging *j, const struct policy *p, const struct policy_binding *b,
	size_t index, struct str message)
{
	struct arena *a = j->subject.arena;
	struct cJSON *f = json_new(a, JSON_OBJECT);

	json_add(a, f, STR("message"), json_new_str(a, message));
	json_add(a, f, STR("policy"), json_new_str(a, p->name));
	json_add(a, f, STR("binding"), json_new_str(a, b->name));
	json_add(a, f, STR("expressionIndex"), json_new_int(a, (int64_t)index));
	json_add(a, f, STR("validationActions"), json_copy(a, b->actions));
	json_append(j->failures, f);
}

static void found(struct judging *j, const struct policy *p, const struct policy_binding *b,
	size_t index, struct str reason, struct str message)
{
	struct arena *a = j->subject.arena;

	if (wants(b, "Deny"))
		deny(j, p, b, reason, message);
	if (wants(b, "Audit"))
		note_failure(j, p, b, index, message);
	if (wants(b, "Warn"))
		request_warn(j->subject.review->request,
			arena_print(a,
				"Validation failed for ValidatingAdmissionPolicy '%.*s' with "
				"binding '%.*s': %.*s",
				STRF(p->name), STRF(b->name), STRF(message)));
}

/* ---- one policy with one parameter ---- */

static struct str message_of(struct policy_run *run, const struct policy_rule *rule)
{
	struct str text = {0};

	if (rule->message.program) {
		struct cel_value v = policy_evaluate_message(run, &rule->message);

		if (v.kind == CEL_STRING)
			text = str_trim(v.str);
		if (text.len > MESSAGE_MAX || str_find_char(text, '\n') >= 0)
			text = STR("");
	}
	if (!text.len)
		text = str_trim(tree_str(rule->tree, "message"));
	if (!text.len)
		text = arena_print(run->subject->arena, "failed expression: %.*s",
			STRF(str_trim(rule->expression.text)));
	return text;
}

static void check_rules(struct judging *j, struct policy_run *run, const struct policy_binding *b)
{
	const struct policy *p = run->policy;

	for (size_t i = 0; i < p->validation_count; i++) {
		const struct policy_rule *rule = &p->validations[i];
		struct cel_value v = policy_evaluate(run, &rule->expression);

		if (v.kind == CEL_ERROR && !p->fails_open)
			found(j, p, b, i, STR(""), v.str);
		else if (v.kind != CEL_ERROR && !(v.kind == CEL_BOOL && v.b))
			found(j, p, b, i, tree_str(rule->tree, "reason"), message_of(run, rule));
	}
}

static void take_notes(struct judging *j, struct policy_run *run, const struct policy_binding *b)
{
	const struct policy *p = run->policy;
	struct arena *a = run->subject->arena;

	for (size_t i = 0; i < p->annotation_count; i++) {
		const struct policy_rule *rule = &p->annotations[i];
		struct cel_value v = policy_evaluate(run, &rule->expression);
		struct str key = arena_print(
			a, "%.*s/%.*s", STRF(p->name), STRF(tree_str(rule->tree, "key")));
		struct cJSON *values = json_get(j->notes, key);

		if (v.kind == CEL_ERROR && !p->fails_open)
			deny(j, p, b, STR(""), v.str);
		if (v.kind != CEL_STRING || !str_trim(v.str).len)
			continue;
		if (!values) {
			json_set(a, j->notes, key, json_new(a, JSON_ARRAY));
			values = json_get(j->notes, key);
		}
		json_append(values, json_new_str(a, str_trim(v.str)));
	}
}

static void judge(struct judging *j, const struct policy *p, const struct policy_binding *b,
	const struct hook_view *view, const struct cJSON *params)
{
	struct policy_run run;
	struct status *no;
	struct str error;

	policy_run_init(&run, &j->subject, view, p, params, &no);
	if (no) {
		deny(j, p, b, STR(""), no->message);
		return;
	}
	if (!policy_conditions_hold(&run, &error))
		return;
	if (error.len) {
		if (!p->fails_open)
			found(j, p, b, 0, STR(""), error);
		return;
	}
	check_rules(j, &run, b);
	take_notes(j, &run, b);
}

/* ---- all of them ---- */

static void apply_binding(struct judging *j, const struct policy *p, const struct policy_binding *b,
	const struct hook_view *view)
{
	_cleanup_(err_done) struct err err = {0};
	struct policy_params params;
	struct hook_view bound;
	struct status *no;

	if (!policy_matches(&j->subject, &b->match, &bound, &no))
		return;
	if (no) {
		misconfigured(j, p, b, "binding", no->message);
		return;
	}
	if (policy_params_find(&j->subject, p, b, &params, &err)) {
		misconfigured(
			j, p, b, "binding", arena_str(j->subject.arena, str_from(err_text(&err))));
		return;
	}
	for (size_t i = 0; i < params.count; i++)
		judge(j, p, b, view, params.items[i]);
}

static void apply_policy(struct judging *j, const struct policy *p)
{
	struct hook_view view;
	struct status *no;

	if (!policy_matches(&j->subject, &p->match, &view, &no))
		return;
	if (no) {
		misconfigured(j, p, NULL, "policy", no->message);
		return;
	}
	for (size_t i = 0; i < p->binding_count; i++)
		apply_binding(j, p, &p->bindings[i], &view);
}

/* Values of several bindings stand together, each once. */
static void annotate(struct judging *j)
{
	struct api_request *r = j->subject.review->request;

	if (json_count(j->failures)) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);

		json_print(&text, j->failures, JSON_COMPACT);
		audit_annotate(
			r, "validation.policy.admission.k8s.io/validation_failure", buf_str(&text));
	}
	json_each (note, j->notes) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
		const struct cJSON *first = json_first(note);
		size_t n = 0;

		json_each (value, note) {
			bool known = false;

			for (const struct cJSON *other = first; other != value;
				other = json_next(other))
				known |= str_eq(json_str(other), json_str(value));
			if (!known)
				buf_print(&text, "%s%.*s", n++ ? ", " : "", STRF(json_str(value)));
		}
		audit_annotate(r, json_key(note).at, buf_str(&text));
	}
}

struct status *validate_policies(struct admission_review *review)
{
	struct policy_set *set =
		policy_set_take(admission_policies(review->server->admission), false);
	struct judging j = {0};

	if (!set)
		return NULL;
	if (review->request) {
		hook_subject_init(&j.subject, review);
		j.failures = json_new(review->arena, JSON_ARRAY);
		j.notes = json_new(review->arena, JSON_OBJECT);
		for (size_t i = 0; i < set->count && !hook_subject_is_exempt(&j.subject); i++)
			apply_policy(&j, &set->policies[i]);
		annotate(&j);
	}
	policy_set_unref(set);
	return j.denial;
}
