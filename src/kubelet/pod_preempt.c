#include "pod_preempt.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

/* Upstream's wait for a pod to be killed: half as long again as it may take, and at least that. */
#define WAIT_LEAST (10 * SEC)

static int64_t wait_of(const struct cJSON *pod)
{
	int64_t grace = tree_int(pod, "spec.terminationGracePeriodSeconds", 30) * SEC;

	return MAX(grace + grace / 2, WAIT_LEAST);
}

void pod_preempt(struct pod_worker *w, const struct pod_victims *victims)
{
	static const struct pod_eviction why = {.reason = "Preempting",
		.message = STR_INIT(PREEMPTED),
		.disruption = PREEMPTED_BECAUSE,
		.grace = -1};
	int64_t wait = 0;

	w->victims = mem_new((victims->count + 1) * sizeof(*w->victims));
	for (size_t i = 0; i < victims->count; i++) {
		struct str uid = tree_str(victims->pods[i], "metadata.uid");
		struct pod_worker *victim = map_get(&w->k->workers, uid);

		if (!victim)
			continue;
		log_info("a pod makes room for a critical one", LOG_STR("pod", victim->status.name),
			LOG_STR("namespace", victim->status.namespace),
			LOG_STR("for", w->status.name));
		w->victims[w->victim_count++] = str_dup(uid);
		wait = MAX(wait, wait_of(victims->pods[i]));
		pod_worker_evict(victim, &why);
	}
	w->victims_until = env_wall(kubelet_env(w->k)) + wait;
}

bool pod_has_room(struct pod_worker *w)
{
	bool late = env_wall(kubelet_env(w->k)) >= w->victims_until;

	for (size_t i = 0; i < w->victim_count && !late; i++) {
		const struct pod_worker *victim = map_get(&w->k->workers, str_from(w->victims[i]));

		if (victim && victim->life < LIFE_LEAVING)
			return false;
	}
	pod_preemption_done(w);
	return true;
}

void pod_preemption_done(struct pod_worker *w)
{
	for (size_t i = 0; i < w->victim_count; i++)
		mem_free(w->victims[i]);
	w->victim_count = 0;
	mem_free(TAKE(w->victims));
}
