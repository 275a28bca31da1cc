#include "match.h"

#include <kube/api_codec.h>

struct labels labels_from(struct arena *a, const struct cJSON *map)
{
	struct labels l = {0};
	size_t count = json_count(map);

	if (!count)
		return l;
	l.items = arena_new(a, count * sizeof(*l.items));
	json_each (value, map)
		l.items[l.count++] = (struct label){
			arena_str(a, json_key(value)), arena_str(a, json_str(value))};
	return l;
}

const struct str *labels_get(const struct labels *labels, struct str key)
{
	for (size_t i = 0; i < labels->count; i++)
		if (str_eq(labels->items[i].key, key))
			return &labels->items[i].value;
	return NULL;
}

bool labels_equal(const struct labels *a, const struct labels *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct str *other = labels_get(b, a->items[i].key);

		if (!other || !str_eq(*other, a->items[i].value))
			return false;
	}
	return true;
}

static bool among(const struct str *values, size_t count, struct str value)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(values[i], value))
			return true;
	return false;
}

/* One rule for selectors of pods and demands on nodes. */
static bool demand_holds(enum selector_op op, const struct str *values, size_t count,
	int64_t number, const struct str *value)
{
	int64_t is;

	switch (op) {
	case SEL_EQ:
	case SEL_IN:
		return value && among(values, count, *value);
	case SEL_NOT_EQ:
	case SEL_NOT_IN:
		return !value || !among(values, count, *value);
	case SEL_EXISTS:
		return value;
	case SEL_NOT_EXISTS:
		return !value;
	case SEL_GT:
		return value && str_to_i64(*value, &is) && is > number;
	case SEL_LT:
		return value && str_to_i64(*value, &is) && is < number;
	}
	return false;
}

bool labels_match(const struct selector *s, const struct labels *labels)
{
	if (s->nothing)
		return false;
	for (size_t i = 0; i < s->count; i++) {
		const struct selector_term *t = &s->terms[i];

		if (!demand_holds(
			    t->op, t->values, t->count, t->number, labels_get(labels, t->key)))
			return false;
	}
	return true;
}

/* ---- demands on nodes ---- */

static bool op_from(struct str text, enum selector_op *op)
{
	static const struct {
		const char *text;
		enum selector_op op;
	} names[] = {{"In", SEL_IN}, {"NotIn", SEL_NOT_IN}, {"Exists", SEL_EXISTS},
		{"DoesNotExist", SEL_NOT_EXISTS}, {"Gt", SEL_GT}, {"Lt", SEL_LT}};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!str_eq_text(text, names[i].text))
			continue;
		*op = names[i].op;
		return true;
	}
	return false;
}

static struct node_demand demand_from(struct arena *a, const struct cJSON *tree)
{
	const struct cJSON *values = json_get(tree, STR("values"));
	struct node_demand d = {.key = arena_str(a, tree_str(tree, "key"))};

	d.broken = !op_from(tree_str(tree, "operator"), &d.op);
	d.values = arena_new(a, (json_count(values) + 1) * sizeof(*d.values));
	json_each (value, values)
		d.values[d.count++] = arena_str(a, json_str(value));
	if (d.op == SEL_GT || d.op == SEL_LT)
		d.broken |= d.count != 1 || !str_to_i64(d.values[0], &d.number);
	return d;
}

static struct node_demand *demands_from(struct arena *a, const struct cJSON *list, size_t *count)
{
	struct node_demand *demands = arena_new(a, (json_count(list) + 1) * sizeof(*demands));

	json_each (item, list)
		demands[(*count)++] = demand_from(a, item);
	return demands;
}

struct node_term node_term_from(struct arena *a, const struct cJSON *term)
{
	struct node_term t = {0};

	t.labels = demands_from(a, json_get(term, STR("matchExpressions")), &t.label_count);
	t.fields = demands_from(a, json_get(term, STR("matchFields")), &t.field_count);
	return t;
}

bool node_term_matches(const struct node_term *t, const struct labels *labels, struct str name)
{
	if (!t->label_count && !t->field_count)
		return false;
	for (size_t i = 0; i < t->label_count; i++) {
		const struct node_demand *d = &t->labels[i];

		if (d->broken || !demand_holds(d->op, d->values, d->count, d->number,
					 labels_get(labels, d->key)))
			return false;
	}
	for (size_t i = 0; i < t->field_count; i++) {
		const struct node_demand *d = &t->fields[i];
		bool is_name = str_eq_text(d->key, "metadata.name");

		if (d->broken || !demand_holds(d->op, d->values, d->count, d->number,
					 is_name ? &name : NULL))
			return false;
	}
	return true;
}

struct node_selector node_selector_from(struct arena *a, const struct cJSON *selector)
{
	const struct cJSON *terms = json_get(selector, STR("nodeSelectorTerms"));
	struct node_selector s = {0};

	s.terms = arena_new(a, (json_count(terms) + 1) * sizeof(*s.terms));
	json_each (term, terms)
		s.terms[s.count++] = node_term_from(a, term);
	return s;
}

bool node_selector_matches(
	const struct node_selector *s, const struct labels *labels, struct str name)
{
	for (size_t i = 0; i < s->count; i++)
		if (node_term_matches(&s->terms[i], labels, name))
			return true;
	return false;
}

/* ---- taints ---- */

enum taint_effect taint_effect_from(struct str text)
{
	if (str_eq_text(text, "NoSchedule"))
		return TAINT_NO_SCHEDULE;
	if (str_eq_text(text, "PreferNoSchedule"))
		return TAINT_PREFER_NO_SCHEDULE;
	return str_eq_text(text, "NoExecute") ? TAINT_NO_EXECUTE : TAINT_NONE;
}

bool toleration_covers(const struct toleration *t, const struct taint *taint)
{
	int64_t is, limit;

	if (t->effect != TAINT_NONE && t->effect != taint->effect)
		return false;
	if (t->key.len && !str_eq(t->key, taint->key))
		return false;
	if (t->exists)
		return true;
	if (t->less_greater)
		return str_to_i64(taint->value, &is) && str_to_i64(t->value, &limit) &&
		       (t->less_greater < 0 ? is < limit : is > limit);
	return t->key.len && str_eq(t->value, taint->value);
}

bool tolerations_cover(const struct toleration *t, size_t count, const struct taint *taint)
{
	for (size_t i = 0; i < count; i++)
		if (toleration_covers(&t[i], taint))
			return true;
	return false;
}
