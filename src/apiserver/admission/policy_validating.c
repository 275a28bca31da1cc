/*
 * ValidatingAdmissionPolicy: every policy that is bound to a review judges it; what their bindings
 * want done is done with what they find. The first denial is what the client hears.
 */
#include "audit.h"
#include "metrics.h"
#include "plugins.h"
#include "policies.h"

#include <kube/time.h>

#define MESSAGE_MAX    (5 * KIB)
#define ANNOTATION_MAX (10 * KIB)

/* What one rule of a policy found. */
struct finding {
	bool denies, failed;        /* failed and not denied: the policy ignores it */
	struct str reason, message; /* reason empty: Invalid */
	int64_t spent;
};

/* One review on its way through the policies. */
struct judging {
	struct hook_subject subject;
	struct activation seen;       /* as the policy sees it */
	const struct policy *seen_by; /* that one */
	const struct policy_use *use;
	struct cJSON *notes;   /* annotations: key → values */
	struct status *denial; /* the first */
	bool rehearses;        /* only to learn what has to be asked of authorizers */
};

/* ---- denials ---- */

static int code_of(struct str reason)
{
	return str_eq_text(reason, "Forbidden")               ? 403
	       : str_eq_text(reason, "Unauthorized")          ? 401
	       : str_eq_text(reason, "RequestEntityTooLarge") ? 413
							      : 422;
}

static void deny(struct judging *j, struct str reason, struct str why)
{
	const struct policy_use *u = j->use;
	struct arena *a = j->subject.arena;
	struct str message;

	if (j->denial)
		return;
	if (u->binding)
		message = arena_print(a,
			"ValidatingAdmissionPolicy '%.*s' with binding '%.*s' denied request: %.*s",
			STRF(u->policy->name), STRF(u->binding->name), STRF(why));
	else
		message = arena_print(a, "ValidatingAdmissionPolicy '%.*s' denied request: %.*s",
			STRF(u->policy->name), STRF(why));
	j->denial = admission_forbidden(j->subject.review, "%.*s", STRF(message));
	j->denial->reason = reason.len ? reason : STR("Invalid");
	j->denial->code = code_of(j->denial->reason);
	status_add_cause(a, j->denial, STR(""), message, STR(""));
}

/* ---- what is done with findings ---- */

static void count(struct judging *j, const struct finding *f, const char *action)
{
	struct metrics *m = j->subject.review->server->metrics;
	if (j->rehearses)
		return;
	struct str labels = arena_print(j->subject.arena,
		"enforcement_action=\"%s\",error_type=\"%s\",policy=\"%.*s\",policy_binding=\"%.*"
		"s\"",
		action, policy_fault_name(f->message), STRF(j->use->policy->name),
		STRF(j->use->binding->name));

	++*metrics_number(m, METRIC_VALIDATING_CHECKS, labels);
	metrics_observe(m, METRIC_VALIDATING_CHECK_DURATION, labels, (double)f->spent / SEC);
}

/* A list of one: of several failures the log keeps the first. */
static void note_failure(struct judging *j, size_t index, struct str message)
{
	struct arena *a = j->subject.arena;
	struct cJSON *list = json_new(a, JSON_ARRAY), *f = json_new(a, JSON_OBJECT);
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);

	json_add(a, f, STR("message"), json_new_str(a, message));
	json_add(a, f, STR("policy"), json_new_str(a, j->use->policy->name));
	json_add(a, f, STR("binding"), json_new_str(a, j->use->binding->name));
	json_add(a, f, STR("expressionIndex"), json_new_int(a, (int64_t)index));
	json_add(a, f, STR("validationActions"), json_copy(a, j->use->binding->actions));
	json_append(list, f);
	json_print(&text, list, JSON_COMPACT);
	audit_annotate(j->subject.review->request,
		"validation.policy.admission.k8s.io/validation_failure", buf_str(&text));
}

static void act(struct judging *j, struct str action, size_t index, const struct finding *f)
{
	if (str_eq_text(action, "Deny")) {
		deny(j, f->reason, f->message);
		count(j, f, "deny");
	} else if (str_eq_text(action, "Audit")) {
		note_failure(j, index, f->message);
		count(j, f, "audit");
	} else if (str_eq_text(action, "Warn")) {
		request_warn(j->subject.review->request,
			arena_print(j->subject.arena,
				"Validation failed for ValidatingAdmissionPolicy '%.*s' with "
				"binding '%.*s': %.*s",
				STRF(j->use->policy->name), STRF(j->use->binding->name),
				STRF(f->message)));
		count(j, f, "warn");
	}
}

static void act_on(struct judging *j, const struct finding *findings, size_t found)
{
	for (size_t i = 0; i < found && !j->rehearses; i++) {
		const struct finding *f = &findings[i];

		if (f->denies)
			json_each (action, j->use->binding->actions)
				act(j, json_str(action), i, f);
		else if (f->failed)
			count(j, f, "allow");
	}
}

/* ---- one policy with one parameter ---- */

static struct finding failure(struct judging *j, struct str why)
{
	return (struct finding){
		.denies = !j->use->policy->fails_open, .failed = true, .message = why};
}

/* Of what cannot be judged at all. */
static void act_on_failure(struct judging *j, struct str why)
{
	struct finding f = failure(j, why);

	act_on(j, &f, 1);
}

/* As the policy words it: by its expression, by its text, by what failed. */
static struct str message_of(
	struct judging *j, const struct policy_rule *rule, struct cel_value worded)
{
	struct str text = {0};

	if (worded.kind == CEL_STRING)
		text = str_trim(worded.str);
	if (text.len > MESSAGE_MAX || str_find_char(text, '\n') >= 0)
		text = STR("");
	if (!text.len)
		text = str_trim(tree_str(rule->tree, "message"));
	if (!text.len)
		text = arena_print(j->subject.arena, "failed expression: %.*s",
			STRF(str_trim(rule->expression.text)));
	return text;
}

/* Values of all rules' expressions, or of their messages; false: *why, it costs too much. */
static bool evaluate_rules(
	struct judging *j, bool messages, struct cel_value *values, int64_t *spent, struct str *why)
{
	const struct policy *p = j->use->policy;

	for (size_t i = 0; i < p->validation_count; i++) {
		const struct policy_rule *rule = &p->validations[i];
		int64_t began = clock_mono();

		if (messages && !rule->message.program)
			continue;
		values[i] = activation_evaluate(
			&j->seen, messages ? &rule->message : &rule->expression);
		spent[i] += clock_mono() - began;
		if (!j->seen.spent)
			continue;
		*why = values[i].str;
		return false;
	}
	return true;
}

/* Messages are worded before it is known whether anybody needs them, and that has to be paid. */
static bool find(struct judging *j, struct finding *findings)
{
	const struct policy *p = j->use->policy;
	struct arena *a = j->subject.arena;
	struct cel_value *values = arena_new(a, (p->validation_count + 1) * sizeof(*values));
	struct cel_value *worded = arena_new(a, (p->validation_count + 1) * sizeof(*worded));
	int64_t *spent = arena_new(a, (p->validation_count + 1) * sizeof(*spent));
	struct str why = STR("");

	activation_begin(&j->seen, CEL_RUNTIME_BUDGET, SEES_NAMESPACE | SEES_AUTHORIZER);
	if (!evaluate_rules(j, false, values, spent, &why)) {
		act_on_failure(j, why);
		return false;
	}
	activation_begin(&j->seen, j->seen.budget, SEES_NAMESPACE);
	if (!evaluate_rules(j, true, worded, spent, &why))
		why = arena_print(a, "failed messageExpression: %.*s", STRF(why));
	for (size_t i = 0; i < p->validation_count; i++) {
		const struct policy_rule *rule = &p->validations[i];

		if (values[i].kind == CEL_ERROR)
			findings[i] = failure(j, values[i].str);
		else if (why.len)
			findings[i] = failure(j, why);
		else if (!(values[i].kind == CEL_BOOL && values[i].b))
			findings[i] = (struct finding){.denies = true,
				.reason = tree_str(rule->tree, "reason"),
				.message = message_of(j, rule, worded[i])};
		findings[i].spent = spent[i];
	}
	return true;
}

/* ---- annotations ---- */

static void note(struct judging *j, const struct policy_rule *rule, struct str value)
{
	struct arena *a = j->subject.arena;
	struct str key = arena_print(
		a, "%.*s/%.*s", STRF(j->use->policy->name), STRF(tree_str(rule->tree, "key")));
	struct cJSON *values = json_get(j->notes, key);

	value = str_sub(value, 0, ANNOTATION_MAX);
	if (!values) {
		json_set(a, j->notes, key, json_new(a, JSON_ARRAY));
		values = json_get(j->notes, key);
	}
	json_each (had, values)
		if (str_eq(json_str(had), value))
			return;
	json_append(values, json_new_str(a, value));
}

static void take_note(struct judging *j, const struct policy_rule *rule, struct cel_value v)
{
	struct finding f = failure(j, v.str);

	if (v.kind == CEL_STRING && str_trim(v.str).len) {
		note(j, rule, str_trim(v.str));
	} else if (v.kind == CEL_ERROR && f.denies) {
		deny(j, STR(""), v.str); /* whatever the binding wants done with denials */
		count(j, &f, "deny");
	}
}

static void judge(struct judging *j)
{
	const struct policy *p = j->use->policy;
	struct arena *a = j->subject.arena;
	struct finding *findings = arena_new(a, (p->validation_count + 1) * sizeof(*findings));
	struct cel_value *values = arena_new(a, (p->annotation_count + 1) * sizeof(*values));
	struct str error;

	j->seen.params = j->use->param;
	if (!policy_conditions_hold(&j->seen, j->use, &error))
		return;
	if (error.len) {
		act_on_failure(j, error);
		return;
	}
	if (!find(j, findings))
		return;
	activation_begin(&j->seen, CEL_RUNTIME_BUDGET, SEES_NAMESPACE);
	for (size_t i = 0; i < p->annotation_count; i++) {
		values[i] = activation_evaluate(&j->seen, &p->annotations[i].expression);
		if (j->seen.spent) { /* then nothing else was found either */
			act_on_failure(j, values[i].str);
			return;
		}
	}
	act_on(j, findings, p->validation_count);
	for (size_t i = 0; i < p->annotation_count; i++)
		take_note(j, &p->annotations[i], values[i]);
}

/* ---- all of them ---- */

static void misconfigured(struct judging *j, struct str why)
{
	if (!j->use->policy->fails_open)
		deny(j, STR(""), why);
}

/* false: it cannot. */
static bool can_see(struct judging *j)
{
	struct policy_use itself = {.policy = j->use->policy};
	struct status *no;

	if (j->seen_by == j->use->policy)
		return true;
	activation_init(&j->seen, &j->subject, &j->use->view, &j->use->policy->words, &no);
	if (no) {
		j->use = &itself;
		misconfigured(j, arena_print(j->subject.arena,
					 "failed to configure policy: failed to convert object "
					 "version: %.*s",
					 STRF(no->message)));
		return false;
	}
	j->seen_by = j->use->policy;
	j->seen.rehearses = j->rehearses;
	return true;
}

/* Values of several bindings stand together. */
static void annotate(struct judging *j)
{
	json_each (note, j->notes) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(16 * MIB);

		json_each (value, note)
			buf_print(&text, "%s%.*s", text.len ? ", " : "", STRF(json_str(value)));
		audit_annotate(j->subject.review->request, json_key(note).at, buf_str(&text));
	}
}

static void judge_all(struct judging *j, const struct policy_set *set)
{
	struct policy_uses uses;

	policy_choose(&j->subject, set, &uses);
	if (!uses.count)
		return;
	j->notes = json_new(j->subject.arena, JSON_OBJECT);
	for (size_t i = 0; i < uses.count; i++) {
		j->use = &uses.items[i];
		if (j->use->fault.len)
			misconfigured(j, j->use->fault);
		else if (can_see(j))
			judge(j);
	}
	if (!j->rehearses)
		annotate(j);
}

static struct status *judge_review(
	struct admission_review *review, const struct policy_set *set, bool rehearses)
{
	struct judging j = {.rehearses = rehearses};

	hook_subject_init(&j.subject, review);
	if (!hook_subject_is_exempt(&j.subject) && !hook_subject_is_review(&j.subject))
		judge_all(&j, set);
	return j.denial;
}

/* Where authorizers may have to be waited for, nothing is told before all have answered. */
struct status *validate_policies(struct admission_review *review)
{
	struct policy_set *set =
		policy_set_take(admission_policies(review->server->admission), false);
	struct status *no = NULL;

	if (!set)
		return NULL;
	if (review->request) {
		if (authz_may_wait(review->server->authz))
			judge_review(review, set, true);
		if (!activation_waits(review))
			no = judge_review(review, set, false);
	}
	policy_set_unref(set);
	return no;
}
