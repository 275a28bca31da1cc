/*
 * policies: what ValidatingAdmissionPolicy and MutatingAdmissionPolicy share. Policies and their
 * bindings that stand in the store are read and compiled once and kept while they stand there
 * (policy_source.c); which of them a review is for is decided as for webhooks (policy_match.c);
 * parameters are looked up (policy_params.c), expressions evaluated (policy_run.c).
 */
#ifndef KUBE_APISERVER_ADMISSION_POLICIES_H
#define KUBE_APISERVER_ADMISSION_POLICIES_H

#include "hooks.h"

#include <kube/cel.h>

/* ---- policies ---- */

/* Which requests: of a policy (matchConstraints) or of a binding (matchResources). */
struct policy_match {
	struct hook hook;            /* rules, selectors, policy */
	const struct cJSON *exclude; /* rules */
};

struct policy_expression {
	struct cel_program *program; /* NULL: there is none */
	struct str text;
};
struct policy_variable {
	struct str name;
	struct policy_expression expression;
};
/* One of validations: whether, and what is said if not. Or of auditAnnotations: key and value. */
struct policy_rule {
	struct policy_expression expression, message;
	const struct cJSON *tree;
};

struct policy_binding {
	struct str name;
	struct policy_match match;
	const struct cJSON *param_ref, *actions;
};

struct policy {
	struct str name;
	struct policy_match match;
	const struct cJSON *param_kind;
	bool fails_open; /* failurePolicy Ignore */
	bool reinvoked;  /* reinvocationPolicy IfNeeded */
	struct cel_env *env;
	struct policy_variable *variables;
	const struct cel_type *variables_type;
	struct policy_rule *conditions, *validations, *annotations, *mutations;
	size_t variable_count, condition_count, validation_count, annotation_count, mutation_count;
	struct policy_binding *bindings;
	size_t binding_count;
};

struct policy_set {
	size_t refs;
	struct arena arena;
	struct policy *policies;
	size_t count;
	struct object **seen; /* policies and bindings: references */
	size_t seen_count;
};

struct policy_sources;
struct policy_sources *policy_sources_new(struct api_server *s);
void policy_sources_free(struct policy_sources *p); /* NULL is fine */
/* A reference; NULL when there is none. */
struct policy_set *policy_set_take(struct policy_sources *p, bool mutating);
void policy_set_unref(struct policy_set *set); /* NULL is fine */
struct policy_sources *admission_policies(struct admission *a);

/* ---- which ---- */

/* false: it is not for that. *no: it may be, and that cannot be decided. */
bool policy_matches(struct hook_subject *s, const struct policy_match *m, struct hook_view *view,
	struct status **no);

/* What a binding's paramRef names: trees; one NULL when there are no parameters at all. */
struct policy_params {
	const struct cJSON **items;
	size_t count;
};
int policy_params_find(struct hook_subject *s, const struct policy *p,
	const struct policy_binding *b, struct policy_params *params, struct err *err);

/* ---- evaluating ---- */

enum { POLICY_VARIABLES = 7 + 1 }; /* those of cel_env_for_admission, then `variables` */

/* What a policy's variables are, as far as they were asked for. */
struct policy_computed {
	struct cel_value *values;
	bool *is_done;
};

/* One policy over one review with one parameter. */
struct policy_run {
	struct hook_subject *subject;
	const struct hook_view *view;
	const struct policy *policy;
	const struct cJSON *object, *old, *params;
	/* private */
	struct cel_value variables[POLICY_VARIABLES];
	struct policy_computed computed[2]; /* of validations, and of their messages */
	bool for_message, is_spent;
	struct cel_lazy lazy, request_lazy, namespace_lazy;
	struct cel_authorizer authorizer;
	uint64_t left; /* of the budget */
};
/* *no: the object cannot be shown. */
void policy_run_init(struct policy_run *run, struct hook_subject *s, const struct hook_view *view,
	const struct policy *policy, const struct cJSON *params, struct status **no);
/* The object anew, after it was changed. */
void policy_run_see(struct policy_run *run, const struct cJSON *object);
/* The value, or an error with the whole sentence: `expression '…' resulted in error: …`. */
struct cel_value policy_evaluate(struct policy_run *run, const struct policy_expression *e);
/* The same of a message: it may not ask who may do what, nor may the variables it speaks of. */
struct cel_value policy_evaluate_message(struct policy_run *run, const struct policy_expression *e);
/* Do its match conditions hold? `error`: empty, or why that cannot be said. */
bool policy_conditions_hold(struct policy_run *run, struct str *error);

#endif
