/* What authn.c and token.c share beside authn.h. */
#ifndef KUBE_APISERVER_AUTHN_PRIVATE_H
#define KUBE_APISERVER_AUTHN_PRIVATE_H

#include "issuer.h"
#include "proxy_headers.h"
#include "remote_review.h"
#include "token_cache.h"
#include "watched_file.h"

struct authn {
	struct api_server *server;
	struct arena arena;    /* of the users of the token file */
	struct map tokens;     /* token → const struct api_user * */
	struct map signatures; /* SHA-256 of service account tokens that are rightly signed */
	struct map habits;     /* user name → how they last became somebody else: impersonate.c */
	const struct api_user *anonymous;
	struct proxy_headers *proxies;        /* NULL: nobody speaks for others */
	struct authn_configuration *settings; /* of the issuers */
	struct issuer **issuers;
	size_t issuer_count;
	struct other_issuers *others; /* distributed.c */
	struct watched_file *configuration;
	struct token_cache issued, hooked;
	struct remote_reviewer *hook; /* the token webhook; NULL: none */
	bool records_use;             /* legacy_use.c writes one */
};

/* A token that lives in this Secret was shown. */
void legacy_token_used(struct authn *a, const struct cJSON *secret);

#endif
