/*
 * Claims of devices. Allocation is not here yet: a pod with such claims is turned away with that
 * reason. What the plugin says after others have rejected a pod is part of upstream's messages.
 */
#include "plugins.h"

static struct verdict pre_filter(struct cycle *c, void **state)
{
	*state = (void *)c->pod; /* it has been asked */
	if (!c->pod->device_claims)
		return (struct verdict){.code = VERDICT_SKIP};
	return VERDICT_OF(VERDICT_UNRESOLVABLE,
		"resource claims cannot be allocated by this version of the scheduler");
}

static struct verdict post_filter(struct cycle *c, void *state, struct decision *d)
{
	(void)c;
	(void)d;
	/* Upstream misses the state that a pre-filter before its own has kept it from making. */
	if (!state)
		return VERDICT_OF(VERDICT_FAILED, "not found");
	return VERDICT_OF(VERDICT_REJECTED, "no new claims to deallocate");
}

const struct plugin plugin_dynamic_resources = {
	.name = "DynamicResources",
	.weight = 2,
	.pre_filter = pre_filter,
	.post_filter = post_filter,
};
