#include "pod_prepare.h"

#include <kube/api_codec.h>
#include <kube/mem.h>

static enum source_state get_source(void *ctx, struct arena *a, const struct resource *resource,
	struct str name, const struct cJSON **object)
{
	struct pod_worker *w = ctx;

	return object_hold_get(w->hold, a, resource, name, object);
}

static void tell_problems(struct pod_worker *w)
{
	size_t count;
	const struct str *problems = pod_volumes_problems(w->volumes, &count);

	for (size_t i = 0; i < count; i++)
		kubelet_event(w->k, w->preparing->pod, NULL, "Warning", "FailedMount", problems[i]);
}

static void prepared(struct op *op, struct err *err)
{
	struct pod_worker *w = CONTAINER_OF(op, struct pod_worker, around);

	if (err->code && err->code != ERR_CANCELLED)
		tell_problems(w);
	pod_state_unref(TAKE(w->preparing));
	pod_worker_wake(w);
}

void pod_prepare(struct pod_worker *w)
{
	if (w->life != LIFE_SYNC || !object_hold_ready(w->hold) || op_active(&w->around) ||
		!pod_volumes_due(w->volumes, env_wall(kubelet_env(w->k))))
		return;
	w->preparing = pod_state_ref(w->state);
	w->sources = (struct sources){get_source, w};
	op_init(&w->around, &w->k->scope, prepared, OP_NO_DEADLINE);
	pod_volumes_prepare(w->volumes, &w->around, w->preparing->pod, &w->sources);
}

bool pod_is_prepared(const struct pod_worker *w)
{
	return pod_volumes_ready(w->volumes);
}

int64_t pod_prepare_next(const struct pod_worker *w)
{
	int64_t at = pod_volumes_next(w->volumes);

	/* What is under way wakes the worker by itself. */
	return op_active(&w->around) || at == OP_NO_DEADLINE ? 0 : MAX(at, 1);
}
