/*
 * policies: what ValidatingAdmissionPolicy and MutatingAdmissionPolicy share. Policies and their
 * bindings that stand in the store are read and compiled once and kept while they stand there
 * (policy_source.c); which of them a review is for is decided as for webhooks (policy_choose.c);
 * parameters are looked up (policy_params.c), expressions evaluated (activation.h).
 */
#ifndef KUBE_APISERVER_ADMISSION_POLICIES_H
#define KUBE_APISERVER_ADMISSION_POLICIES_H

#include "activation.h"

/* ---- policies ---- */

/* Which requests: of a policy (matchConstraints) or of a binding (matchResources). */
struct policy_match {
	struct hook hook;            /* rules, selectors, policy */
	const struct cJSON *exclude; /* rules */
};

/* One of validations: whether, and what is said if not. Or of auditAnnotations: key and value. */
struct policy_rule {
	struct admission_expression expression, message;
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
	struct vocabulary words;
	struct match_conditions conditions;
	struct policy_rule *validations, *annotations, *mutations;
	size_t validation_count, annotation_count, mutation_count;
	struct policy_binding *bindings;
	size_t binding_count;
};

struct policy_set {
	size_t refs;
	struct arena arena;
	struct policy *policies;
	size_t count;
};

struct policy_sources;
struct policy_sources *policy_sources_new(struct api_server *s);
void policy_sources_free(struct policy_sources *p); /* NULL is fine */
/* A reference; NULL when there is none. */
struct policy_set *policy_set_take(struct policy_sources *p, bool mutating);
void policy_set_unref(struct policy_set *set); /* NULL is fine */
struct policy_sources *admission_policies(struct admission *a);

/* ---- which ---- */

/* What a binding's paramRef names: trees; one NULL when there are no parameters at all. */
struct policy_params {
	const struct cJSON **items;
	size_t count;
};
int policy_params_find(struct hook_subject *s, const struct resource *kind,
	const struct policy_binding *b, struct policy_params *params, struct err *err);
/* What its parameters are; NULL: it has none. Fails when there is no such kind. */
int policy_param_kind(struct hook_subject *s, const struct policy *p, const struct resource **kind,
	struct err *err);

/* A policy that is for the review, by one binding, with one parameter; or why it cannot be used. */
struct policy_use {
	const struct policy *policy;
	const struct policy_binding *binding; /* NULL: the policy itself cannot be used */
	struct hook_view view;                /* of the policy */
	const struct cJSON *param;            /* NULL: none */
	struct str fault;                     /* `failed to configure …`; empty: none */
};
struct policy_uses {
	struct policy_use *items; /* in the order of policies, then bindings */
	size_t count;
};
void policy_choose(struct hook_subject *s, const struct policy_set *set, struct policy_uses *uses);
/* Do its match conditions hold? As match_conditions_hold. */
bool policy_conditions_hold(struct activation *a, const struct policy_use *u, struct str *why);

/* ---- what came of it ---- */

/* What metrics call it, by the sentence: "compile_error", … */
const char *policy_fault_name(struct str sentence);

#endif
