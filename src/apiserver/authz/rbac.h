/* RBAC: roles and bindings of the store, compiled; compiled again when one of them has changed. */
#ifndef KUBE_APISERVER_RBAC_H
#define KUBE_APISERVER_RBAC_H

#include "access.h"

struct rbac;

struct rbac *rbac_new(struct api_server *s);
void rbac_free(struct rbac *r);
/* *reason: what went wrong with bindings on the way ("RBAC: …"), empty when nothing did. */
bool rbac_allows(
	struct rbac *r, struct arena *arena, const struct access_query *q, struct str *reason);
/* Calls back for every rule (a PolicyRule tree) that the user has in the namespace. */
typedef bool rbac_rule_fn(void *ctx, const struct cJSON *rule); /* true: enough */
void rbac_each_rule(struct rbac *r, struct arena *arena, const struct api_user *user,
	struct str namespace, rbac_rule_fn *each, void *ctx, struct str *reason);
/* Of the server's authorizers; RBAC's rules are there in every mode. */
struct rbac *authz_rbac(struct authz *a);
/* Does the rule cover the query? */
bool rbac_rule_covers(const struct cJSON *rule, const struct access_query *q);

#endif
