/* What the authenticators share. */
#ifndef KUBE_APISERVER_AUTHN_H
#define KUBE_APISERVER_AUTHN_H

#include "access.h"
#include "api_options.h"

#include <kube/map.h>

struct authn {
	struct api_server *server;
	struct arena arena; /* of the users of the token file */
	struct map tokens;  /* token → const struct api_user * */
	const struct api_user *anonymous;
};

/* Upstream's CSV: token,user,uid[,"group1,group2"]. ERR_BAD_REQUEST with the line. */
int token_file_parse(struct arena *a, struct str text, struct map *tokens, struct err *err);

/* A user, with system:authenticated among the groups. */
struct api_user *user_new(
	struct arena *a, struct str name, struct str uid, const struct str *groups, size_t count);

enum token_outcome { TOKEN_UNKNOWN, TOKEN_GOOD, TOKEN_BAD };
/* The user behind a bearer token, whoever issued it. */
enum token_outcome token_find(
	struct authn *a, struct arena *arena, struct str token, const struct api_user **user);

#endif
