/*
 * Tokens of old, which the cluster made by itself and nobody has used for long: they become invalid
 * first, and go when nobody has missed them for as long again. Pure.
 */
#ifndef KUBE_CONTROLLERS_LEGACY_TOKENS_H
#define KUBE_CONTROLLERS_LEGACY_TOKENS_H

#include "controllers.h"

/* Is it known for `period` who uses what? `map`: the ConfigMap that says since when, or NULL. */
bool legacy_tokens_tracked(const struct cJSON *map, int64_t period, int64_t now);
/* Does the pod (its spec) hold the Secret in any way? */
bool legacy_token_held(const struct cJSON *spec, struct str name);
/* One Secret; `account`: the ServiceAccount that it names, or NULL; `held`: by a pod. */
void legacy_token_judge(struct plan *p, const struct resource *secrets, const struct cJSON *secret,
	const struct cJSON *account, bool held, int64_t period, int64_t now);

#endif
