/* RBAC: roles and bindings of the store, compiled; compiled again when one of them has changed. */
#ifndef KUBE_APISERVER_RBAC_H
#define KUBE_APISERVER_RBAC_H

#include "access.h"

struct rbac;

struct rbac *rbac_new(struct api_server *s);
void rbac_free(struct rbac *r);
/* *reason: what went wrong with bindings on the way ("RBAC: …"), empty when nothing did; of what
 * is allowed, when the query wants that explained, by which binding. */
bool rbac_allows(
	struct rbac *r, struct arena *arena, const struct access_query *q, struct str *reason);
/* Calls back for every rule (a PolicyRule tree) that the user has in the namespace. Answers what
 * went wrong with bindings; *grant (may be NULL): where the rule that was enough came from. */
typedef bool rbac_rule_fn(void *ctx, const struct cJSON *rule); /* true: enough */
struct rbac_grant {
	const struct cJSON *binding, *subject;
};
struct str rbac_each_rule(struct rbac *r, struct arena *arena, const struct api_user *user,
	struct str namespace, rbac_rule_fn *each, void *ctx, struct rbac_grant *grant);
/* The rules of one role, an array; NULL when there is none of that name. */
const struct cJSON *rbac_role_rules(
	struct rbac *r, struct arena *arena, bool cluster, struct str namespace, struct str name);
/* Of the server's authorizers; RBAC's rules are there in every mode. */
struct rbac *authz_rbac(struct authz *a);

/* ---- one rule, one binding: pure ---- */
/* Does the rule cover the query? */
bool rbac_rule_covers(const struct cJSON *rule, const struct access_query *q);
/* The subject by which the binding, of that namespace, names the user; NULL: it does not. */
const struct cJSON *rbac_binds(
	const struct cJSON *binding, const struct api_user *u, struct str namespace);
/* Upstream's account of who is allowed by what. */
struct str rbac_describe(struct arena *a, const struct rbac_grant *g);

#endif
