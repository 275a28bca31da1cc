/* What the authenticators share. */
#ifndef KUBE_APISERVER_AUTHN_H
#define KUBE_APISERVER_AUTHN_H

#include "access.h"
#include "api_options.h"

#include <kube/map.h>

struct authn {
	struct api_server *server;
	struct arena arena;    /* of the users of the token file */
	struct map tokens;     /* token → const struct api_user * */
	struct map signatures; /* SHA-256 of service account tokens that are rightly signed */
	struct map habits;     /* user name → how they last became somebody else: impersonate.c */
	const struct api_user *anonymous;
};

/* Upstream's CSV: token,user,uid[,"group1,group2"]. ERR_BAD_REQUEST with the line. */
int token_file_parse(struct arena *a, struct str text, struct map *tokens, struct err *err);

/* A user, with system:authenticated among the groups. */
struct api_user *user_new(
	struct arena *a, struct str name, struct str uid, const struct str *groups, size_t count);

enum token_outcome { TOKEN_UNKNOWN, TOKEN_GOOD, TOKEN_BAD };
struct token_found {
	const struct api_user *user;
	struct str *audiences; /* of those asked for, which it is good for */
	size_t audience_count;
};
/*
 * The user behind a bearer token, whoever issued it, for one of these audiences (none: the API's
 * own). *err: why it is not good, as TokenReviews say it.
 */
enum token_outcome token_find(struct authn *a, struct arena *arena, struct str token,
	const struct str *audiences, size_t audience_count, struct token_found *found,
	struct err *err);
/* The same for tokens of service accounts alone; TOKEN_UNKNOWN when it is none of them. */
enum token_outcome account_token_find(struct authn *a, struct arena *arena, struct str token,
	const struct str *audiences, size_t audience_count, struct token_found *found,
	struct err *err);
/* The same for the tokens with which nodes join; false when it is none that is good. */
bool bootstrap_token_find(
	struct authn *a, struct arena *arena, struct str token, const struct api_user **user);
/* Those of `has` that are wanted. */
void token_intersect(struct arena *a, const struct str *has, size_t has_count,
	const struct str *wanted, size_t wanted_count, struct token_found *found);

#endif
