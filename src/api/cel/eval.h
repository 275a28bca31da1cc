/* An evaluation under way. */
#ifndef KUBE_CEL_EVAL_H
#define KUBE_CEL_EVAL_H

#include "value.h"

struct lookup;

struct evaluation {
	struct arena *arena;
	const struct cel_program *program;
	const struct cel_run *run;
	struct cel_value *locals;
	uint64_t cost, limit;
	uint64_t steps;
	size_t memory; /* of the arena, when it began */
	int depth;
	bool over;
	struct lookup *lookups; /* tables of the keys of large JSON objects */
	size_t lookup_count;
};

/* The one under way on this thread: whose tables json_find uses. NULL: none. */
extern _Thread_local struct evaluation *evaluation_running;

struct cel_value eval_expr(struct evaluation *ev, const struct expr *e);
struct cel_value eval_ident(struct evaluation *ev, const struct expr *e);
struct cel_value eval_select(struct evaluation *ev, const struct expr *e);
struct cel_value eval_optional_select(struct evaluation *ev, const struct expr *e); /* x.?name */
/*
 * A branch of a conditional, or a key: upstream follows a name with its fields there without
 * counting the name.
 */
struct cel_value eval_part(struct evaluation *ev, const struct expr *e);
/* A name, or fields and elements of something. */
bool expr_is_attribute(const struct expr *e);
void eval_spend(struct evaluation *ev, uint64_t cost);
/* By which rule a call costs, once its parts are worked out; what it costs, by upstream's table. */
uint8_t cost_rule(const struct expr *call);
uint64_t call_cost(const struct call *c, struct cel_value result);

#endif
