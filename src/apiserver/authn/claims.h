/*
 * Claims of tokens that issuers elsewhere have signed: are they for us and now, and who is that?
 * Pure; the errors are upstream's.
 */
#ifndef KUBE_APISERVER_CLAIMS_H
#define KUBE_APISERVER_CLAIMS_H

#include "configuration.h"
#include "request.h"

/* `["a" "b"]`, as Go prints a list of texts. */
struct str claims_quote_all(struct arena *a, const struct str *items, size_t count);

struct jwt;
/* Issuer, audience, times, algorithm: all but the signature. */
int claims_check(struct arena *a, const struct issuer_settings *s, const struct jwt *jwt,
	int64_t now, struct err *err);
/* The user whom the claims describe, by the issuer's mappings and rules. */
int claims_user(struct arena *a, const struct issuer_settings *s, const struct cJSON *claims,
	struct api_user **user, struct err *err);

#endif
