/* What the authenticators share. */
#ifndef KUBE_APISERVER_AUTHN_H
#define KUBE_APISERVER_AUTHN_H

#include "access.h"
#include "api_options.h"

#include <kube/map.h>

/* Upstream's CSV: token,user,uid[,"group1,group2"]. ERR_BAD_REQUEST with the line. */
int token_file_parse(struct arena *a, struct str text, struct map *tokens, struct err *err);

/* A user, with system:authenticated among the groups, but for nobody. */
struct api_user *user_new(
	struct arena *a, struct str name, struct str uid, const struct str *groups, size_t count);

/*
 * The user behind a bearer token, whoever issued it. *err: why it is not good, as TokenReviews say
 * it. TOKEN_WAIT: see authn_wait.
 */
enum token_outcome token_find(struct authn *a, const struct token_question *q,
	struct token_found *found, struct err *err);
/* The same for tokens of service accounts alone; TOKEN_UNKNOWN when it is none of them. */
enum token_outcome account_token_find(struct authn *a, const struct token_question *q,
	struct token_found *found, struct err *err);
/* The same for the tokens with which nodes join; false when it is none that is good. */
bool bootstrap_token_find(
	struct authn *a, struct arena *arena, struct str token, const struct api_user **user);
/* Those of `has` that are wanted. */
void token_intersect(struct arena *a, const struct str *has, size_t has_count,
	const struct str *wanted, size_t wanted_count, struct token_found *found);

#endif
