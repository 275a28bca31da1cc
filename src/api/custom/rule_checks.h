/* x-kubernetes-validations, checked when their definition is written. */
#ifndef KUBE_API_CUSTOM_RULE_CHECKS_H
#define KUBE_API_CUSTOM_RULE_CHECKS_H

#include "structural.h"

/* What is known of the values that a schema within another one is for. */
struct rule_scope {
	bool within;                     /* not the root */
	bool unbounded;                  /* some list or map around states no limit */
	uint64_t most;                   /* else: that many there may be */
	const struct path *uncorrelated; /* the list whose items have no old ones; NULL: none */
};

struct rule_cost {
	struct str path;
	uint64_t cost;
};

/* Of one version's schema: its errors come behind those of all other kinds. */
struct rule_checks {
	struct field_errors errors;
	bool unchanged; /* the schema is as it was: its rules may cost what they do */
	uint64_t total;
	struct rule_cost costly[4]; /* the costliest first */
	size_t costly_count;
};

struct rule_scope rule_scope_below(const struct rule_scope *scope, const struct cJSON *s);
void check_rule_programs(struct rule_checks *r, const struct path *at, const struct node *n,
	const struct rule_scope *scope);
void rule_checks_finish(struct rule_checks *r, struct field_errors *e, const struct path *at);

#endif
