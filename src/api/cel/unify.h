/* Types that stand for others while an expression is checked. */
#ifndef KUBE_CEL_UNIFY_H
#define KUBE_CEL_UNIFY_H

#include "program.h"

struct scope {
	struct scope *outer;
	struct str name;
	const struct cel_type *type;
	int slot;
};

/* What a parameter stands for; written down, so that a failed attempt can be undone. */
struct undo {
	uint32_t param;
	const struct cel_type *was;
};

struct checker {
	struct cel_program *program;
	struct arena *arena;
	const struct cel_type **bound; /* by the parameter's number */
	uint32_t param_count, param_cap;
	struct undo *undo;
	size_t undo_count, undo_cap;
	struct scope *scope;
	int slots;
	int depth;
};

/* Room for one element more behind `count`. */
void *type_grow(struct arena *a, void *at, size_t count, size_t *cap, size_t size);

void params_room(struct checker *c);
const struct cel_type *param_new(struct checker *c);
/* With parameters replaced by what they stand for; `final`: the unbound ones are dyn. */
const struct cel_type *type_resolve(struct checker *c, const struct cel_type *t, bool final);

bool type_is_dyn(const struct cel_type *t);
bool type_is_dyn_or_error(const struct cel_type *t);
bool type_less_specific(const struct cel_type *a, const struct cel_type *b);
/* All of them or, with everything as it was, none. */
bool types_assign(struct checker *c, const struct cel_type *const *from,
	const struct cel_type *const *to, size_t count);
bool type_assign(struct checker *c, const struct cel_type *from, const struct cel_type *to);

#endif
