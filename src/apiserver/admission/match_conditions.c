/* Match conditions of webhooks and policies: one that says no decides, whatever is wrong with
 * others. */
#include "activation.h"
#include "metrics.h"

#include <kube/api_codec.h>
#include <kube/map.h>
#include <kube/time.h>

/* Upstream's: a quarter of what policies may cost. */
#define BUDGET 2500000

void match_conditions_compile(
	struct match_conditions *c, struct vocabulary *v, struct arena *a, const struct cJSON *list)
{
	*c = (struct match_conditions){
		.items = arena_new(a, (json_count(list) + 1) * sizeof(*c->items))};
	json_each (condition, list)
		c->items[c->count++] =
			vocabulary_compile(v, tree_str(condition, "expression"), &cel_bool);
}

void match_conditions_done(struct match_conditions *c)
{
	for (size_t i = 0; i < c->count; i++)
		cel_program_free(c->items[i].program);
}

/* ---- what went wrong ---- */

/* Each sentence once; several in brackets. */
static struct str join_errors(struct arena *a, const struct cel_value *values, size_t count)
{
	_cleanup_(buf_done) struct buf all = BUF_INIT(MIB);
	struct map told;

	map_init(&told);
	for (size_t i = 0; i < count; i++) {
		if (values[i].kind != CEL_ERROR || map_has(&told, values[i].str))
			continue;
		map_set(&told, values[i].str, &told);
		buf_print(&all, "%s%.*s", all.len ? ", " : "", STRF(values[i].str));
	}
	size_t errors = told.count;
	map_done(&told);
	return arena_print(a, errors > 1 ? "[%.*s]" : "%.*s", STRF(buf_str(&all)));
}

/* ---- counting ---- */

static struct str labels_of(const struct activation *a, const struct match_owner *owner)
{
	return arena_print(a->subject->arena,
		"kind=\"%s\",name=\"%.*s\",operation=\"%s\",type=\"%s\"", owner->kind,
		STRF(owner->name), a->subject->operation, owner->type);
}

static void count_errors(
	struct metrics *m, struct str labels, const struct cel_value *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (values[i].kind == CEL_ERROR)
			++*metrics_number(m, METRIC_CONDITION_ERRORS, labels);
}

/* ---- evaluating ---- */

/* How many before the one that says no; all: none does. */
static size_t first_no(const struct cel_value *values, size_t count)
{
	size_t i = 0;

	while (i < count && !(values[i].kind == CEL_BOOL && !values[i].b))
		i++;
	return i;
}

/* What is said when that costs too much, and then nothing else counts; or empty. */
static struct str evaluate_all(
	struct activation *a, const struct match_conditions *c, struct cel_value *values)
{
	activation_begin(a, BUDGET, SEES_AUTHORIZER);
	for (size_t i = 0; i < c->count; i++) {
		values[i] = activation_evaluate(a, &c->items[i]);
		if (a->spent)
			return values[i].str;
	}
	return STR("");
}

bool match_conditions_hold(struct activation *a, const struct match_conditions *c,
	const struct match_owner *owner, struct str *why)
{
	struct arena *arena = a->subject->arena;
	struct metrics *m = a->subject->review->server->metrics;
	struct cel_value *values = arena_new(arena, (c->count + 1) * sizeof(*values));
	int64_t began = clock_mono();
	struct str labels;
	size_t told;

	*why = STR("");
	if (!c->count)
		return true;
	*why = evaluate_all(a, c, values);
	if (activation_waits(a->subject->review))
		return true;
	labels = labels_of(a, owner);
	if (!a->rehearses)
		metrics_observe(m, METRIC_CONDITIONS, labels, (double)(clock_mono() - began) / SEC);
	if (!why->len) {
		told = first_no(values, c->count);
		if (!a->rehearses)
			count_errors(m, labels, values, told);
		if (told < c->count)
			return false;
		*why = join_errors(arena, values, told);
	}
	if (!why->len || !owner->fails_open)
		return true;
	*why = STR("");
	return false;
}
