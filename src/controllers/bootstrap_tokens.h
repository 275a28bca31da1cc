/* Tokens with which nodes join: what they sign, and when they end. Pure. */
#ifndef KUBE_CONTROLLERS_BOOTSTRAP_TOKENS_H
#define KUBE_CONTROLLERS_BOOTSTRAP_TOKENS_H

#include "controllers.h"

/*
 * Signs what the map says under `kubeconfig` by every token that may (secrets: an array of all
 * Secrets of kube-system); false: all signatures are as they should be.
 */
bool bootstrap_sign(struct arena *a, struct cJSON *map, struct cJSON *const *secrets, size_t count,
	int64_t now);
/* Deletes a token that has expired, or comes again when it will have. */
void bootstrap_clean(
	struct plan *p, const struct resource *secrets, const struct cJSON *secret, int64_t now);

#endif
