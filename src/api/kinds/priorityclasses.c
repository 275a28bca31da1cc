/* PriorityClass */
#include "rules.h"

#define SYSTEM_PREFIX "system-"
#define VALUE_MAX     1000000000 /* of those that users define */

static const struct {
	const char *name;
	int64_t value;
} known[] = {
	{"system-node-critical", 2000001000},
	{"system-cluster-critical", 2000000000},
};

/* Why this is none of the classes that every cluster has; empty: it is one. */
static struct str fault(struct arena *a, const struct cJSON *class)
{
	struct str name = tree_str(class, "metadata.name");

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!str_eq_text(name, known[i].name))
			continue;
		if (tree_int(class, "value", 0) != known[i].value)
			return arena_print(a, "value of %.*s PriorityClass must be %lld",
				STRF(name), (long long)known[i].value);
		if (tree_true(class, "globalDefault"))
			return arena_print(
				a, "globalDefault of %.*s PriorityClass must be false", STRF(name));
		return STR("");
	}
	return arena_print(a, "%.*s is not a known system priority class", STRF(name));
}

static void validate(struct change *c, struct field_errors *e)
{
	static const char *const policies[] = {"PreemptLowerPriority", "Never", NULL};
	struct path meta = PATH(NULL, "metadata"), name = PATH(&meta, "name");
	struct path value = PATH(NULL, "value");

	if (str_starts(tree_str(c->object, "metadata.name"), STR(SYSTEM_PREFIX))) {
		struct str why = fault(c->arena, c->object);

		if (why.len)
			field_forbidden(e, &name,
				"priority class names with '" SYSTEM_PREFIX
				"' prefix are reserved for system use only. error: %.*s",
				STRF(why));
	} else if (tree_int(c->object, "value", 0) > VALUE_MAX) {
		field_forbidden(e, &value, "maximum allowed value of a user defined priority is %d",
			VALUE_MAX);
	}
	rule_choice(e, NULL, c->object, "preemptionPolicy", policies);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path value = PATH(NULL, "value");

	if (tree_int(c->object, "value", 0) != tree_int(c->old, "value", 0))
		field_forbidden(e, &value, "may not be changed in an update.");
	rule_immutable(e, NULL, c->object, c->old, "preemptionPolicy");
}

const struct strategy strategy_priorityclasses = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.validate = validate,
	.validate_update = validate_update,
};
