/*
 * registry_auth: how a registry says what it wants to see (WWW-Authenticate), and what is asked of
 * the server that gives tokens. Pure. Slices live in the arena.
 */
#ifndef RUNTIME_REGISTRY_AUTH_H
#define RUNTIME_REGISTRY_AUTH_H

#include <kube/arena.h>
#include <kube/err.h>
#include <kube/runtime.h>

struct registry_challenge {
	bool bearer, basic; /* bearer goes first where both are offered */
	struct str realm, service, scope;
	struct str error; /* why what was shown did not do: "insufficient_scope" */
};

/* One header's value; adds to what others said. What cannot be read is passed over. */
void registry_challenge_read(struct arena *a, struct registry_challenge *c, struct str value);

/* The URL to GET for a token; scope: used where the challenge names none. ERR_INVALID: realm. */
int registry_token_url(struct arena *a, const struct registry_challenge *c, struct str scope,
	struct str *url, struct err *err);
/* The form to POST with an identity token. */
struct str registry_token_form(struct arena *a, const struct registry_challenge *c,
	struct str scope, struct str identity_token);
/* {"token": …} or {"access_token": …} */
int registry_token_parse(struct arena *a, struct str text, struct str *token, struct err *err);

struct str registry_basic(struct arena *a, const struct image_auth *auth); /* "Basic …" */

#endif
