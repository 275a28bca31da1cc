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
	char id[37];     /* the claim "jti" */
	struct buf claims, token;
};
void token_issue(
	struct authn *a, struct op *op, struct token_issue *i, const struct token_claims *claims);
void token_issue_done(struct token_issue *i);
/* ---- bearer tokens ---- */
enum token_outcome { TOKEN_UNKNOWN, TOKEN_GOOD, TOKEN_BAD, TOKEN_WAIT };
struct token_question {
	struct arena *arena;
	struct api_request *request; /* who can wait for others' answers; NULL: nobody */
	struct str token;
	const struct str *audiences; /* none: the API's own */
	size_t audience_count;
};
struct token_found {
	const struct api_user *user;
	struct str *audiences; /* of those asked for, which it is good for */
	size_t audience_count;
	bool known; /* from earlier: nobody had to be asked, and no signature verified */
};
/* The user behind any token. TOKEN_BAD: *err says why; TOKEN_WAIT: ask again after authn_wait. */
enum token_outcome token_review(struct authn *a, const struct token_question *q,
	struct token_found *found, struct err *err);
/* As access_wait and access_wait_again. */
void authn_wait(struct api_request *r, struct op *op);
void authn_wait_again(struct api_request *r, stage_fn *again);
/* A user as an object says it: username, and uid, groups, extra where there are any. */
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
	/*
	 * On whose way it is asked: the request that can wait for an answer that others give. NULL:
	 * nobody can, and what would have to be waited for is an error.
	 */
	struct api_request *request;
};
/*
 * ACCESS_WAIT: the answer is not here yet. Whoever asked undoes what it has begun and waits with
 * access_wait; then all is asked once more, and this question has its answer. To those who only
 * look whether it is ACCESS_ALLOW it is a no until then.
 */
enum access_decision { ACCESS_NO_OPINION, ACCESS_ALLOW, ACCESS_DENY, ACCESS_WAIT };
struct access_answer {
	enum access_decision decision;
	struct str reason; /* the authorizers' words: empty, or `RBAC: …` */
	struct str error;  /* what went wrong on the way; empty: nothing */
};

int authz_new(struct api_server *s, struct authz **authz, struct err *err);
void authz_free(struct authz *a);
/* What it says lives in the arena. */
void authz_decide(struct authz *a, struct arena *arena, const struct access_query *q,
	struct access_answer *answer);
enum access_decision authz_ask(
	struct authz *a, struct arena *arena, const struct access_query *q, struct str *reason);

/* Is there an authorizer that may have to be waited for? */
bool authz_may_wait(const struct authz *a);

/* The rules that somebody has in a namespace, as far as the authorizers can tell. */
struct access_rules {
	struct cJSON *resources, *paths; /* arrays in the arena */
	bool incomplete;
	struct str fault;
};
void authz_list_rules(struct authz *a, struct arena *arena, const struct api_user *user,
	struct str namespace, struct access_rules *rules);

/* Has a question of the request been answered with ACCESS_WAIT since the last access_wait? */
bool access_is_pending(const struct api_request *r);
/* Done when that question can be asked again. Fails only when it is cancelled or too late. */
void access_wait(struct api_request *r, struct op *op);
/* The same by the request's own op; then `again`. */
void access_wait_again(struct api_request *r, stage_fn *again);
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
