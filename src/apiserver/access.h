/*
 * Who asks and may they: authn/ and authz/ behind two small interfaces.
 */
#ifndef KUBE_APISERVER_ACCESS_H
#define KUBE_APISERVER_ACCESS_H

#include "request.h"

#include <kube/work.h>

/* ---- authentication ---- */
int authn_new(struct api_server *s, struct authn **authn, struct err *err);
void authn_free(struct authn *a);

/* ---- service account tokens ---- */
struct token_ref {
	struct str name, uid; /* name empty: not bound to such */
};
struct token_claims {
	struct str namespace;
	struct token_ref account, pod, secret, node;
	const struct str *audiences;
	size_t audience_count;
	int64_t issued, expires, warn_after; /* seconds since 1970; warn_after 0: none */
};
/* A token under way: signed on a worker thread, in `token` when op is done. */
struct token_issue {
	struct work work;
	struct key *key; /* borrowed from the server's */
	struct buf claims, token;
};
void token_issue(
	struct authn *a, struct op *op, struct token_issue *i, const struct token_claims *claims);
void token_issue_done(struct token_issue *i);
/* The user behind any bearer token, for TokenReview. NULL with *err. audiences may be empty: the
 * API's own. */
const struct api_user *token_review(struct authn *a, struct arena *arena, struct str token,
	const struct str *audiences, size_t audience_count, struct str **found, size_t *found_count,
	struct err *err);
/* A user as an object says it: username, uid, groups, extra. */
struct cJSON *access_user_tree(struct arena *a, const struct api_user *u);
/* /openid/v1/jwks and /.well-known/openid-configuration. */
stage_fn serve_jwks, serve_openid_configuration;

/* Is this user a node? *name: which, empty when it does not say. */
bool node_identity(const struct api_user *user, struct str *name);

/* ---- authorization ---- */
struct access_query {
	const struct api_user *user;
	struct str verb;
	bool is_resource;
	struct str group, version, resource, subresource, namespace, name;
	struct str path;                           /* when it is no resource */
	struct str field_selector, label_selector; /* as given, of list, watch, deletecollection */
	bool explain;                              /* reviews: the reason also of what is allowed */
};
enum access_decision { ACCESS_NO_OPINION, ACCESS_ALLOW, ACCESS_DENY };

int authz_new(struct api_server *s, struct authz **authz, struct err *err);
void authz_free(struct authz *a);
/* *reason: the authorizers' words (empty, or `RBAC: …`), in the arena. */
enum access_decision authz_ask(
	struct authz *a, struct arena *arena, const struct access_query *q, struct str *reason);
/* 403 as upstream words it: `User "x" cannot get resource …`. */
struct status *access_forbidden(
	struct arena *arena, const struct access_query *q, struct str reason);
/* Writes every bootstrap role and binding that is missing or lacks a rule. */
void authz_bootstrap(struct api_server *s, struct op *op);
/* The rules of a bootstrap ClusterRole, an array in the arena. */
struct cJSON *authz_bootstrap_rules(struct arena *a, const char *cluster_role);
/*
 * RBAC's guard over writes of roles and bindings: nobody hands out what they do not have, unless
 * they may `escalate` or `bind`. Other resources pass. old: NULL on create. NULL: yes.
 */
struct status *rbac_check_write(struct api_request *r, const struct resource *hub,
	const struct cJSON *object, const struct cJSON *old);
/* The query of a request as it stands, for its user. */
struct access_query access_query_of(const struct api_request *r);

/* ---- review resources (virtual): authz/reviews.c, authn/reviews.c ---- */
stage_fn review_token, review_self_subject, review_subject_access, review_self_access,
	review_local_access, review_self_rules, create_token_request;

#endif
