/*
 * An issuer of tokens elsewhere: found out about when it begins (and again and again until that
 * works), its keys fetched whenever a token comes that none of those known has signed.
 */
#ifndef KUBE_APISERVER_ISSUER_H
#define KUBE_APISERVER_ISSUER_H

#include "claims.h"

#include <kube/env.h>

struct issuer;

/* Settings are borrowed until issuer_drop. It lives in the scope until it has ended. */
struct issuer *issuer_new(
	struct env *env, struct scope *scope, const struct issuer_settings *settings);
/* Who waits is told; it ends and frees itself. */
void issuer_drop(struct issuer *i);
uint64_t issuer_serial(const struct issuer *i); /* no two have the same */
bool issuer_is_known(const struct issuer *i);   /* it has been found out about */
const struct issuer_settings *issuer_settings(const struct issuer *i);

enum issuer_verdict {
	ISSUER_GOOD,
	ISSUER_BAD,  /* *err */
	ISSUER_WAIT, /* its keys should be fetched: issuer_refresh */
};
/* refreshed: they have been fetched for this very token already. */
enum issuer_verdict issuer_verify(
	struct issuer *i, struct arena *a, const struct jwt *jwt, bool refreshed, struct err *err);
/* Done when the keys have been fetched, or could not be: all who wait share one fetch. */
struct issuer_waiter {
	struct link in_issuer;
	struct op *op;
};
void issuer_refresh(struct issuer *i, struct issuer_waiter *w, struct op *op);

/* What an issuer publishes: ERR_SYNTAX, ERR_INVALID. */
int issuer_read_discovery(
	struct arena *a, struct str text, struct str issuer, struct str *keys_url, struct err *err);
struct issuer_key {
	struct str id;
	struct key *key;
};
/* Keys of kinds that sign no tokens are left out. Each is the caller's. */
int issuer_read_keys(
	struct arena *a, struct str text, struct issuer_key **keys, size_t *count, struct err *err);

#endif
