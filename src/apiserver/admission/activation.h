/*
 * activation: what expressions of admission see of one review, and what evaluating them costs.
 * Policies have it, and the conditions by which policies and webhooks say whom they are for.
 */
#ifndef KUBE_APISERVER_ADMISSION_ACTIVATION_H
#define KUBE_APISERVER_ADMISSION_ACTIVATION_H

#include "hooks.h"

#include <kube/cel.h>

/* ---- compiled once ---- */

struct admission_expression {
	struct cel_program *program; /* NULL: there is none */
	struct str text;
};
struct admission_variable {
	struct str name;
	struct admission_expression expression;
};
/* The words that expressions are written in, with the variables of their policy. */
struct vocabulary {
	struct cel_env *env; /* NULL: nothing was compiled */
	struct admission_variable *variables;
	size_t variable_count;
	const struct cel_type *variables_type; /* NULL: of webhooks, which have none */
};
void vocabulary_init(struct vocabulary *v, unsigned with, bool params); /* CEL_WITH_… */
void vocabulary_done(struct vocabulary *v); /* when its expressions are gone */
/* Each knows those before it. */
void vocabulary_take_variables(struct vocabulary *v, struct arena *a, const struct cJSON *list);
/* wanted NULL: of any type. An expression that does not compile is one, and fails. */
struct admission_expression vocabulary_compile(
	struct vocabulary *v, struct str text, const struct cel_type *wanted);

/* ---- evaluated for one review ---- */

enum { SEEN_VARIABLES = 7 + 1 }; /* those of cel_env_for_admission, then `variables` */

enum activation_sees { SEES_NAMESPACE = 1, SEES_AUTHORIZER = 2 };

struct activation {
	struct hook_subject *subject;
	const struct hook_view *view;
	const struct vocabulary *words;
	const struct cJSON *object, *old, *params;
	bool rehearses;  /* nothing is counted */
	bool spent;      /* the budget is: the last error says so, and nothing more is evaluated */
	uint64_t budget; /* what is left of it */
	/* private */
	struct cel_value seen[SEEN_VARIABLES], *computed;
	bool *is_computed;
	uint64_t computing; /* what variables have cost that are not paid yet */
	struct cel_lazy lazy, request_lazy, namespace_lazy;
	struct cel_authorizer authorizer;
};
/* *no: the object cannot be shown. */
void activation_init(struct activation *a, struct hook_subject *s, const struct hook_view *view,
	const struct vocabulary *words, struct status **no);
/* The object anew, after it was changed. */
void activation_see(struct activation *a, const struct cJSON *object);
/* Before each group of expressions that share a budget and their variables' values. */
void activation_begin(struct activation *a, uint64_t budget, enum activation_sees sees);
/*
 * Has an expression asked an authorizer who answers later? Then whatever came of it is nothing:
 * the plugin undoes what it has begun, waits (the walk over the chain does, where it has told
 * nothing yet), and begins again.
 */
bool activation_waits(const struct admission_review *review);
/* The value, or an error with the whole sentence: `expression '…' resulted in error: …`. */
struct cel_value activation_evaluate(struct activation *a, const struct admission_expression *e);
/* Why an expression does not compile, with the words before it; empty: it does. */
struct str admission_expression_fault(struct arena *a, const struct admission_expression *e);

/* ---- match conditions ---- */

struct match_conditions {
	struct admission_expression *items;
	size_t count;
};
/* Whose they are, as metrics name it. */
struct match_owner {
	struct str name;
	const char *kind, *type; /* "webhook", "policy"; "admit", "validating", "validate" */
	bool fails_open;
};
void match_conditions_compile(struct match_conditions *c, struct vocabulary *v, struct arena *a,
	const struct cJSON *list);
void match_conditions_done(struct match_conditions *c);
/* *why: it cannot be said whether they hold, and that is a failure; else it is empty. */
bool match_conditions_hold(struct activation *a, const struct match_conditions *c,
	const struct match_owner *owner, struct str *why);

#endif
