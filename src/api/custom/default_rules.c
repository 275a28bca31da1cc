/* Defaults must be what their schemas ask for, and nothing those do not know. */
#include "checks.h"
#include "definition_schemas.h"
#include "rule_programs.h"
#include "type.h"
#include "value.h"

/* What a default within metadata is part of, up to the object that has that metadata. */
struct within {
	const struct within *up;
	struct str name;          /* no pointer: an item */
	const struct node *whole; /* of the outermost: the object's schema */
};

struct checking {
	struct field_errors *errors;
	const struct schema_demands *demands;
};

static void check(struct checking *c, const struct path *at, const struct node *n,
	const struct within *in, bool inside_meta);

/* The value as the only thing in a whole object. */
static struct cJSON *surround(
	struct arena *a, const struct within *in, struct cJSON *value, const struct node **whole)
{
	for (; in->up; in = in->up) {
		struct cJSON *outer = json_new(a, in->name.at ? JSON_OBJECT : JSON_ARRAY);

		if (in->name.at)
			json_set(a, outer, in->name, value);
		else
			json_append(outer, value);
		value = outer;
	}
	*whole = in->whole;
	if (!json_get(value, STR("apiVersion")))
		json_set(a, value, STR("apiVersion"), json_new_str(a, STR("validation/v1")));
	if (!json_get(value, STR("kind")))
		json_set(a, value, STR("kind"), json_new_str(a, STR("Validation")));
	return value;
}

static void check_value(struct checking *c, const struct path *at, const struct node *n)
{
	_cleanup_(findings_done) struct findings f;
	struct rule_set *rules;

	findings_init(&f, c->errors->arena);
	value_check(&f, n, n->standard, NULL, NULL);
	findings_report(&f, at, c->errors);
	if (f.count)
		return;
	rules = rule_set_new(n, n->embedded);
	rule_set_check(rules, c->errors, at, n->standard, n->standard, NULL, NULL);
	rule_set_free(rules);
}

static void check_in_meta(
	struct checking *c, const struct path *at, const struct node *n, const struct within *in)
{
	struct arena *a = c->errors->arena;
	struct field_errors found = {.arena = a};
	const struct node *whole;
	struct cJSON *object = surround(a, in, json_copy(a, n->standard), &whole);
	struct node root = *whole;

	root.embedded = true;
	custom_coerce(&found, NULL, &root, object, NULL);
	if (!found.count)
		check_embedded(&found, &root, object, NULL);
	if (found.count)
		field_invalid(c->errors, at, n->standard, "must result in valid metadata: %.*s",
			STRF(field_errors_text(a, &found)));
	else
		check_value(c, at, n);
}

static void check_default(
	struct checking *c, const struct path *at, const struct node *n, const struct within *in)
{
	struct arena *a = c->errors->arena;
	size_t before;

	(void)in;
	if (c->demands->pruned_defaults) {
		struct cJSON *pruned = json_copy(a, n->standard);

		custom_prune(a, n, n->embedded, pruned, NULL);
		if (!json_equal(pruned, n->standard))
			field_invalid(c->errors, at, n->standard, "must not have unknown fields");
	}
	before = c->errors->count;
	custom_coerce(c->errors, at, n, json_copy(a, n->standard), NULL);
	if (c->errors->count == before)
		check_embedded(c->errors, n, n->standard, at);
	if (c->errors->count == before)
		check_value(c, at, n);
}

static void check_below(struct checking *c, const struct path *at, const struct node *n,
	const struct within *in, bool inside_meta)
{
	struct path items = PATH(at, "items"), properties = PATH(at, "properties");
	struct within item = {.up = in};

	if (n->items)
		check(c, &items, n->items, &item, inside_meta);
	for (size_t i = 0; i < n->property_count; i++) {
		struct str name = n->properties[i].name;
		struct path here = PATH_KEY(&properties, name);
		struct within member = {.up = in, .name = name};

		check(c, &here, n->properties[i].node, &member,
			inside_meta || (in->whole == n && is_identity(name)));
	}
}

static void check(struct checking *c, const struct path *at, const struct node *n,
	const struct within *in, bool inside_meta)
{
	struct path here = PATH(at, "default");
	struct within whole = {.whole = n};

	if (n->embedded) {
		in = &whole;
		inside_meta = false;
	}
	if (n->standard && inside_meta)
		check_in_meta(c, &here, n, in);
	else if (n->standard)
		check_default(c, &here, n, in);
	check_below(c, at, n, in, inside_meta);
}

/* Those of additionalProperties are never used. */
void check_schema_defaults(struct field_errors *e, const struct path *at, const struct node *root,
	const struct schema_demands *d)
{
	struct checking c = {.errors = e, .demands = d};
	struct within whole = {.whole = root};

	check(&c, at, root, &whole, false);
}
