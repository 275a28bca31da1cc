/* Service account tokens: what can be said about them in this version. */
#include "authn.h"
#include "respond.h"

static void not_yet(struct api_request *r, const char *what)
{
	request_fail(r, status_new(r->arena, ERR_UNSUPPORTED,
				"%s is not contained in this version yet", what));
}

const struct api_user *token_review(struct authn *a, struct arena *arena, struct str token,
	const struct str *audiences, size_t audience_count, struct str **found, size_t *found_count,
	struct err *err)
{
	const struct api_user *user = NULL;

	(void)audiences;
	(void)audience_count;
	(void)found;
	(void)found_count;
	if (token_find(a, arena, token, &user) == TOKEN_GOOD)
		return user;
	err_set(err, ERR_UNAUTHORIZED, "[invalid bearer token, token lookup failed]");
	return NULL;
}

void create_token_request(struct api_request *r)
{
	not_yet(r, "the token subresource");
}

void serve_jwks(struct api_request *r)
{
	not_yet(r, "the key set of service account tokens");
}

void serve_openid_configuration(struct api_request *r)
{
	not_yet(r, "OpenID discovery");
}
