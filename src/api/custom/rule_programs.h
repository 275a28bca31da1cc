/* x-kubernetes-validations, compiled. */
#ifndef KUBE_API_CUSTOM_RULE_PROGRAMS_H
#define KUBE_API_CUSTOM_RULE_PROGRAMS_H

#include "value.h"

#include <kube/cel.h>

struct change;

/* ---- one of them ---- */
struct rule_program {
	const struct cJSON *source;
	struct str place; /* fieldPath as errors have it; empty: the value itself */
	bool optional_old, uses_old;
	struct cel_program *rule; /* NULL: it says nothing */
	struct cel_program
		*message; /* of its messageExpression; NULL: none, or it came to nothing */
};

/* `n` is the schema it stands in, `self` what values of that are to CEL. */
void rule_compile(struct rule_program *p, struct cel_env *env, struct arena *a,
	const struct node *n, const struct cel_type *self, const struct cJSON *rule);
void rule_program_done(struct rule_program *p);
/* Why it cannot be used; empty: it can. */
struct str rule_failure(struct arena *a, const struct rule_program *p);
struct str rule_message_failure(struct arena *a, const struct rule_program *p);

/* ---- those of a schema and all within ---- */
struct rule_set;
/* NULL: there are none. `root` must outlive it. */
struct rule_set *rule_set_new(const struct node *root, bool resource);
void rule_set_free(struct rule_set *s); /* NULL is fine */
/*
 * Evaluates them for a value that its schema allows. `old` may be NULL. Values that were as bad
 * `before` (NULL: nothing is known of before) only make warnings.
 */
void rule_set_check(const struct rule_set *s, struct field_errors *e, const struct path *at,
	const struct cJSON *value, const struct cJSON *old, const struct correlated *before,
	struct change *warn);

#endif
