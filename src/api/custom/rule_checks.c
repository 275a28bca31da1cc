/* Rules of a definition, compiled when it is written, and what they may cost. */
#include "rule_checks.h"

#include "rule_programs.h"

#define REQUEST_MAX 3145728 /* bytes of JSON that upstream reckons with */

static uint64_t product(uint64_t a, uint64_t b)
{
	return b && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/* ---- how often there may be a value ---- */

/* How many there may be of what a schema holds; false: no limit is stated. */
static bool most_elements(const struct cJSON *s, uint64_t *most)
{
	struct str type = tree_str(s, "type");
	const char *limit = NULL;
	int64_t stated;

	*most = 1;
	if (str_eq_text(type, "array"))
		limit = "maxItems";
	else if (str_eq_text(type, "object") &&
		 json_type(json_get(s, STR("additionalProperties"))) != JSON_NULL)
		limit = "maxProperties";
	if (!limit)
		return true;
	if (!json_int(json_get(s, str_from(limit)), &stated))
		return false;
	*most = stated < 0 ? 0 : (uint64_t)stated;
	return true;
}

struct rule_scope rule_scope_below(const struct rule_scope *scope, const struct cJSON *s)
{
	struct rule_scope below = *scope;
	uint64_t most;

	below.within = true;
	below.unbounded |= !most_elements(s, &most);
	below.most = product(scope->most, most);
	return below;
}

/* ---- what it costs ---- */

static uint64_t cost_of(
	const struct rule_program *p, const struct cel_type *self, const struct rule_scope *scope)
{
	uint64_t cost = cel_estimate(p->rule).max;

	if (!scope->unbounded)
		return product(cost, scope->most);
	return product(cost, REQUEST_MAX / (cel_type_size(self) + 1));
}

static struct str cost_text(struct arena *a, const char *what, uint64_t cost, uint64_t limit)
{
	double factor = (double)cost / (double)limit;
	struct str times = factor > 100   ? STR("more than 100x")
			   : factor < 1.5 ? arena_print(a, "%fx", factor)
					  : arena_print(a, "%.1fx", factor);

	return arena_print(a,
		"%s exceeds budget by factor of %.*s (try simplifying the rule, or adding "
		"maxItems, maxProperties, and maxLength where arrays, maps, and strings are "
		"declared)",
		what, STRF(times));
}

/* The costliest stay, those that came first before others that cost the same. */
static void remember(struct rule_checks *r, struct str path, uint64_t cost)
{
	struct rule_cost found = {path, cost};

	if (cost < CEL_SCHEMA_LIMIT / 100)
		return;
	for (size_t i = 0; i < r->costly_count; i++)
		if (found.cost > r->costly[i].cost) {
			struct rule_cost less = r->costly[i];

			r->costly[i] = found;
			found = less;
		}
	if (r->costly_count < ARRAY_LEN(r->costly))
		r->costly[r->costly_count++] = found;
}

static void observe(struct rule_checks *r, const struct path *at, const char *what, uint64_t cost)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	struct arena *a = r->errors.arena;

	if (r->unchanged)
		return;
	if (cost > CEL_EXPRESSION_LIMIT)
		field_add(&r->errors, FIELD_FORBIDDEN, at,
			cost_text(a, what, cost, CEL_EXPRESSION_LIMIT));
	path_print(&text, at);
	r->total = cost > UINT64_MAX - r->total ? UINT64_MAX : r->total + cost;
	remember(r, arena_str(a, buf_str(&text)), cost);
}

void rule_checks_finish(struct rule_checks *r, struct field_errors *e, const struct path *at)
{
	for (size_t i = 0; i < r->errors.count; i++) {
		field_add(e, FIELD_INVALID, NULL, STR(""));
		e->items[e->count - 1] = r->errors.items[i];
	}
	if (r->total <= CEL_SCHEMA_LIMIT)
		return;
	for (size_t i = 0; i < r->costly_count; i++) {
		struct path here = PATH(NULL, r->costly[i].path.at);

		field_forbidden(e, &here,
			"contributed to estimated rule cost total exceeding cost limit for entire "
			"OpenAPIv3 schema");
	}
	field_add(e, FIELD_FORBIDDEN, at,
		cost_text(e->arena,
			"x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 "
			"schema",
			r->total, CEL_SCHEMA_LIMIT));
}

/* ---- one schema's ---- */

static struct cJSON *text_or_empty(struct arena *a, const struct cJSON *rule, const char *name)
{
	return json_new_str(a, tree_str(rule, name));
}

static struct cJSON *copy_or_null(struct arena *a, const struct cJSON *rule, const char *name)
{
	const struct cJSON *value = json_get(rule, str_from(name));

	return value ? json_copy(a, value) : json_new(a, JSON_NULL);
}

/* The rule as upstream prints it: by the names its fields have in Go. */
static struct cJSON *in_go(struct arena *a, const struct cJSON *rule)
{
	struct cJSON *o = json_new(a, JSON_OBJECT);

	json_set(a, o, STR("Rule"), text_or_empty(a, rule, "rule"));
	json_set(a, o, STR("Message"), text_or_empty(a, rule, "message"));
	json_set(a, o, STR("MessageExpression"), text_or_empty(a, rule, "messageExpression"));
	json_set(a, o, STR("Reason"), copy_or_null(a, rule, "reason"));
	json_set(a, o, STR("FieldPath"), text_or_empty(a, rule, "fieldPath"));
	json_set(a, o, STR("OptionalOldSelf"), copy_or_null(a, rule, "optionalOldSelf"));
	return o;
}

static void check_message(
	struct rule_checks *r, const struct path *at, const struct rule_program *p)
{
	struct path here = PATH(at, "messageExpression");
	struct arena *a = r->errors.arena;
	struct str why = rule_message_failure(a, p);

	if (why.len)
		field_invalid(&r->errors, &here, in_go(a, p->source), "%.*s", STRF(why));
	else if (p->message)
		observe(r, &here, "estimated messageExpression cost", cel_estimate(p->message).max);
}

static void check_old_self(struct rule_checks *r, const struct path *at,
	const struct rule_program *p, const struct rule_scope *scope)
{
	struct path rule = PATH(at, "rule"), optional = PATH(at, "optionalOldSelf");
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	const struct cJSON *given = json_get(p->source, STR("optionalOldSelf"));

	if (p->uses_old && scope->uncorrelated) {
		path_print(&text, scope->uncorrelated);
		field_invalid_str(&r->errors, &rule, tree_str(p->source, "rule"),
			"oldSelf cannot be used on the uncorrelatable portion of the schema "
			"within %.*s",
			STRF(buf_str(&text)));
	} else if (!p->uses_old && json_is(given, JSON_BOOL)) {
		field_invalid(&r->errors, &optional, given,
			"may not be set if oldSelf is not used in rule");
	}
}

static void check_one(struct rule_checks *r, const struct path *at, const struct rule_program *p,
	const struct cel_type *self, const struct rule_scope *scope)
{
	struct arena *a = r->errors.arena;
	struct path rule = PATH(at, "rule");
	struct str why = rule_failure(a, p);

	if (why.len)
		field_invalid(&r->errors, &rule, in_go(a, p->source), "%.*s", STRF(why));
	else if (p->rule)
		observe(r, &rule, "estimated rule cost", cost_of(p, self, scope));
	if (!why.len)
		check_message(r, at, p);
	check_old_self(r, at, p, scope);
}

void check_rule_programs(struct rule_checks *r, const struct path *at, const struct node *n,
	const struct rule_scope *scope)
{
	struct path list = PATH(at, "x-kubernetes-validations");
	const struct cel_type *self;
	struct cel_env *env;
	size_t i = 0;

	if (!n->rules)
		return;
	env = cel_env_new(0);
	self = cel_type_of_schema(env, n->source, !scope->within || n->embedded);
	if (!self)
		field_internal(&r->errors, &list,
			"internal error: failed to construct type information for "
			"x-kubernetes-validations rules: unable to convert structural schema to "
			"CEL declarations");
	json_each (rule, n->rules) {
		struct path here = PATH_INDEX(&list, i++);
		struct rule_program p;

		if (!self)
			break;
		rule_compile(&p, env, r->errors.arena, n, self, rule);
		check_one(r, &here, &p, self, scope);
		rule_program_done(&p);
	}
	cel_env_free(env);
}
