/* The parts of the type checker, which call each other as expressions are made of each other. */
#ifndef KUBE_CEL_CHECKER_H
#define KUBE_CEL_CHECKER_H

#include "unify.h"

/* Finds the type of an expression and of all within; problems are in the program. */
void check_expr(struct checker *c, struct expr *e);
void check_call(struct checker *c, struct expr *e);
void check_list(struct checker *c, struct expr *e);
void check_map(struct checker *c, struct expr *e);
void check_struct(struct checker *c, struct expr *e);

/* A variable of a loop, of the env, or a type's name; what is found is written into e. */
bool checker_look_up(struct checker *c, struct expr *e, struct str name);
/* The type of a field of a type; `checker_select_type` looks into optional ones, too. */
const struct cel_type *checker_field_type(
	struct checker *c, const struct expr *e, const struct cel_type *of, struct str name);
const struct cel_type *checker_select_type(
	struct checker *c, struct expr *e, struct expr *target, struct str name, bool optional);

/* ---- problems ---- */
struct str checker_shown(struct checker *c, const struct cel_type *t);
void checker_mismatch(struct checker *c, const struct expr *e, const struct cel_type *wanted,
	const struct cel_type *found);
void checker_undeclared(struct checker *c, struct expr *e, struct str name);
/* Unless the expression is of that type. */
void checker_want(struct checker *c, const struct expr *e, const struct cel_type *type);

#endif
