/*
 * Evaluating the rules of a schema for every write, in upstream's order and within upstream's
 * limits for each write as a whole.
 */
#include "rule_set.h"

#include <kube/strategy.h>

/* ---- what was as bad before ---- */

enum known { NOT_KNOWN, EQUAL, UNEQUAL };

/* A value and what it was, or the nearest around it of which that is known. */
struct past {
	struct correlated here; /* old NULL: not known */
	struct past *nearest;
	enum known equal;
};

static bool is_as_before(struct past *p)
{
	if (!p->here.old)
		return p->nearest && p->nearest->here.old && is_as_before(p->nearest);
	if (p->equal == NOT_KNOWN)
		p->equal = correlated_equal(&p->here) ? EQUAL : UNEQUAL;
	return p->equal == EQUAL;
}

static struct past past_member(struct past *p, struct str name)
{
	if (!p->here.old)
		return *p;
	if (!p->nearest && is_identity(name) && !str_eq_text(name, "metadata"))
		return (struct past){0};
	return (struct past){.here = correlated_member(&p->here, name), .nearest = p};
}

/* ---- evaluating ---- */

struct walk {
	struct field_errors *errors;
	struct change *warn;
	uint64_t budget;
	bool over; /* nothing more is evaluated */
};

struct place {
	const struct ruled *ruled;
	const struct path *at;
	const struct cJSON *value, *old;
	struct past *past;
};

static struct str name_of(const struct rule_program *p)
{
	struct str message = tree_str(p->source, "message");

	return str_trim(message.len ? message : tree_str(p->source, "rule"));
}

/* The error as upstream words what is not a value's own fault: with its type. */
static void fail(struct walk *w, const struct place *at, struct str detail)
{
	const struct path nowhere = PATH(NULL, "<nil>");

	field_invalid_str(
		w->errors, at->at ? at->at : &nowhere, at->ruled->node->type, "%.*s", STRF(detail));
}

static void stop(struct walk *w, const struct place *at, struct str detail)
{
	fail(w, at, detail);
	w->over = true;
}

static struct cel_value evaluate(const struct place *at, const struct rule_program *p,
	const struct cel_program *program, bool optional, struct cel_run *run)
{
	struct cel_value variables[2] = {cel_json(at->value, at->ruled->type)};

	(void)p;
	run->variables = variables;
	run->variable_count = 1;
	if (at->ruled->uses_old && (at->old || optional)) {
		if (at->old)
			variables[1] = cel_json(at->old, at->ruled->type);
		if (optional)
			variables[1] = at->old ? cel_some(run->arena, variables[1]) : cel_none;
		run->variable_count = 2;
	}
	return cel_eval(program, run);
}

#define NO_BUDGET                                                                                  \
	"validation failed due to running out of cost budget, no further validation rules will "   \
	"be run"
#define CUT_OFF "operation cancelled: actual cost limit exceeded"

static void report_error(
	struct walk *w, const struct place *at, const struct rule_program *p, struct str why)
{
	struct arena *a = w->errors->arena;
	struct str name = name_of(p);

	if (str_starts(why, STR("no such overload")))
		fail(w, at,
			arena_print(a,
				"'%.*s': call arguments did not match a supported operator, "
				"function or macro signature for rule: %.*s",
				STRF(why), STRF(name)));
	else if (str_starts(why, STR(CUT_OFF)))
		stop(w, at,
			arena_print(a,
				"'%.*s': no further validation rules will be run due to call cost "
				"exceeds limit for rule: %.*s",
				STRF(why), STRF(name)));
	else
		fail(w, at, arena_print(a, "%.*s evaluating rule: %.*s", STRF(why), STRF(name)));
}

/* An error for what the rule is there to tell, or a warning when that is not new. */
static void report(struct walk *w, const struct place *at, const struct rule_program *p,
	struct field_errors *one)
{
	const struct field_error *found = &one->items[0];

	if (!p->uses_old && is_as_before(at->past)) {
		if (w->warn)
			change_warn(w->warn, "%.*s: %.*s", STRF(found->path), STRF(found->body));
		return;
	}
	field_add(w->errors, found->reason, NULL, STR(""));
	w->errors->items[w->errors->count - 1] = *found;
}

#define MESSAGE_MAX (5 * KIB)

/* What the messageExpression says; empty: nothing that can be used, or *why says why all ends. */
static struct str evaluate_message(struct walk *w, const struct place *at,
	const struct rule_program *p, struct arena *a, struct str *why)
{
	struct cel_run run = {.arena = a};
	struct cel_value v;
	struct str text;

	*why = STR("");
	if (!p->message || cel_failure(p->message).kind)
		return STR("");
	v = evaluate(at, p, p->message, false, &run);
	if (run.cost > w->budget) {
		*why = STR("messageExpression evaluation failed due to running out of cost budget, "
			   "no further validation rules will be run");
		return STR("");
	}
	if (v.kind == CEL_ERROR && str_starts(v.str, STR(CUT_OFF))) {
		struct str source = tree_str(p->source, "messageExpression");

		*why = arena_print(a,
			"no further validation rules will be run due to call cost exceeds limit "
			"for messageExpression: %.*s",
			STRF(field_quote(a, source)));
		return STR("");
	}
	w->budget -= run.cost;
	if (v.kind != CEL_STRING)
		return STR("");
	text = str_trim(v.str);
	if (text.len > MESSAGE_MAX || str_find_char(text, '\n') >= 0)
		return STR("");
	return text;
}

static enum field_reason reason_of(const struct rule_program *p)
{
	struct str reason = tree_str(p->source, "reason");

	return str_eq_text(reason, "FieldValueForbidden")   ? FIELD_FORBIDDEN
	       : str_eq_text(reason, "FieldValueRequired")  ? FIELD_REQUIRED_VALUE
	       : str_eq_text(reason, "FieldValueDuplicate") ? FIELD_DUPLICATE
							    : FIELD_INVALID;
}

static void report_broken(struct walk *w, const struct place *at, const struct rule_program *p)
{
	_cleanup_(arena_done) struct arena a;
	struct field_errors one = {.arena = w->errors->arena};
	struct path nowhere = PATH(NULL, "<nil>"), below = PATH(at->at, p->place.at);
	const struct path *where = p->place.len ? &below : at->at ? at->at : &nowhere;
	bool whole = json_is(at->value, JSON_OBJECT) || json_is(at->value, JSON_ARRAY);
	enum field_reason reason = reason_of(p);
	struct str why, detail;

	arena_init(&a);
	detail = evaluate_message(w, at, p, &a, &why);
	if (why.len) {
		field_invalid_str(&one, where, at->ruled->node->type, "%.*s", STRF(why));
		report(w, at, p, &one);
		w->over = true;
		return;
	}
	if (!detail.len)
		detail = tree_str(p->source, "message").len
				 ? name_of(p)
				 : arena_print(&a, "failed rule: %.*s", STRF(name_of(p)));
	if (reason == FIELD_DUPLICATE)
		field_add(&one, reason, where, whole ? STR("") : go_shown(one.arena, at->value));
	else if (reason == FIELD_INVALID && !whole)
		field_invalid_raw(
			&one, where, go_shown(one.arena, at->value), "%.*s", STRF(detail));
	else
		field_add(&one, reason, where, detail);
	report(w, at, p, &one);
}

static void check_rule(struct walk *w, const struct place *at, const struct rule_program *p)
{
	_cleanup_(arena_done) struct arena a;
	struct cel_run run = {.arena = &a};
	struct cel_value v;

	arena_init(&a);
	struct str failure = rule_failure(&a, p);
	if (failure.len) {
		fail(w, at, arena_print(&a, "rule compile error: %.*s", STRF(failure)));
		return;
	}
	if (!p->rule || (p->uses_old && !at->old && !p->optional_old))
		return;
	v = evaluate(at, p, p->rule, p->optional_old, &run);
	if (run.cost > w->budget) {
		stop(w, at, STR(NO_BUDGET));
		return;
	}
	w->budget -= run.cost;
	if (v.kind == CEL_ERROR)
		report_error(w, at, p, v.str);
	else if (v.kind != CEL_BOOL || !v.b)
		report_broken(w, at, p);
}

/* ---- the walk ---- */

static void visit(struct walk *w, struct place at);

static void visit_items(struct walk *w, const struct place *at)
{
	_cleanup_(old_items_done) struct old_items old = {0};
	struct correlated list = {.node = at->ruled->node, .now = at->value, .old = at->old};
	size_t i = 0;

	json_each (item, at->value) {
		struct path here = PATH_INDEX(at->at, i++);
		struct correlated before = correlated_item(&list, &old, item);
		struct past past = *at->past;

		if (at->past->here.old)
			past = (struct past){.here = before, .nearest = at->past};
		visit(w, (struct place){at->ruled->items, &here, item, before.old, &past});
		if (w->over)
			return;
	}
}

static const struct ruled *find_member(const struct ruled *r, struct str name)
{
	size_t low = 0, high = r->member_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = str_cmp(r->members[mid].name, name);

		if (!order)
			return r->members[mid].ruled;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static void visit_members(struct walk *w, const struct place *at, bool rest)
{
	json_each (member, at->value) {
		struct str name = json_key(member);
		const struct ruled *r = rest ? at->ruled->rest : find_member(at->ruled, name);
		struct path named = PATH(at->at, name.at), keyed = PATH_KEY(at->at, name);
		struct past past;

		if (!r)
			continue;
		past = past_member(at->past, name);
		visit(w, (struct place){r, rest ? &keyed : &named, member,
				 json_is(at->old, JSON_OBJECT) ? json_get(at->old, name) : NULL,
				 &past});
		if (w->over)
			return;
	}
}

static void visit(struct walk *w, struct place at)
{
	const struct ruled *r = at.ruled;

	if (json_type(at.value) == JSON_NULL)
		return;
	if (json_type(at.old) == JSON_NULL)
		at.old = NULL;
	if (r->rule_count && !w->budget)
		stop(w, &at, STR(NO_BUDGET));
	for (size_t i = 0; i < r->rule_count && !w->over; i++)
		check_rule(w, &at, &r->rules[i]);
	if (!w->over && r->items && json_is(at.value, JSON_ARRAY))
		visit_items(w, &at);
	if (!w->over && r->rest && json_is(at.value, JSON_OBJECT))
		visit_members(w, &at, true);
	if (!w->over && r->member_count && json_is(at.value, JSON_OBJECT))
		visit_members(w, &at, false);
}

void rule_set_check(const struct rule_set *s, struct field_errors *e, const struct path *at,
	const struct cJSON *value, const struct cJSON *old, const struct correlated *before,
	struct change *warn)
{
	struct walk w = {.errors = e, .warn = warn, .budget = CEL_RUNTIME_BUDGET};
	struct past past = {0};

	if (before)
		past.here = *before;
	if (s && s->root)
		visit(&w, (struct place){s->root, at, value, old, &past});
}
