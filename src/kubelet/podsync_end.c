/* Ends of pods, and what is left behind. */
#include "podsync_parts.h"

#include <kube/api_codec.h>
#include <kube/map.h>
#include <kube/time.h>

#define GRACE_LEAST (2 * SEC)

static const struct cJSON *spec_in(const struct cJSON *list, struct str name)
{
	json_each (container, list)
		if (str_eq(tree_str(container, "name"), name))
			return container;
	return NULL;
}

static const struct cJSON *spec_of(const struct pod_view *v, struct str name, bool *sidecar)
{
	const struct cJSON *init = spec_in(json_path(v->pod, "spec.initContainers"), name);
	const struct cJSON *other = spec_in(json_path(v->pod, "spec.containers"), name);

	*sidecar = init && container_is_sidecar(init);
	if (init || other)
		return init ? init : other;
	return spec_in(json_path(v->pod, "spec.ephemeralContainers"), name);
}

static void end_one(struct arena *a, const struct container *c, const struct cJSON *container,
	int64_t grace, struct pod_actions *out)
{
	struct pod_action *action = pod_action_add(a, out, POD_KILL_CONTAINER);

	action->id = c->id;
	action->container = container;
	action->grace = grace;
	action->message = arena_print(a, "Stopping container %.*s", STRF(c->name));
}

static bool lives(const struct container *c)
{
	return c->state == CONTAINER_RUNNING || c->state == CONTAINER_UNKNOWN;
}

static void end_main(
	struct arena *a, const struct pod_view *v, int64_t grace, struct pod_actions *out)
{
	for (size_t i = 0; i < v->container_count; i++) {
		bool sidecar;
		const struct cJSON *container = spec_of(v, v->containers[i]->name, &sidecar);

		if (lives(v->containers[i]) && !sidecar)
			end_one(a, v->containers[i], container, grace, out);
	}
}

/* The last sidecar that still runs; those before it may serve it to its end. */
static void end_last_sidecar(
	struct arena *a, const struct pod_view *v, int64_t grace, struct pod_actions *out)
{
	const struct cJSON *list = json_path(v->pod, "spec.initContainers");

	for (size_t i = json_count(list); i > 0; i--) {
		const struct cJSON *container = json_at(list, i - 1);
		const struct container *c = pod_view_container(v, tree_str(container, "name"));

		if (!c || !lives(c))
			continue;
		end_one(a, c, container, grace, out);
		return;
	}
}

void podsync_end(struct arena *a, const struct pod_view *v, const struct pod_ending *ending,
	struct pod_actions *out)
{
	/* A grace of nothing is meant: nobody waits, no hook runs. */
	int64_t left = ending->grace - (v->now - ending->since);
	int64_t grace = ending->grace ? MAX(MIN(left, ending->grace), GRACE_LEAST) : 0;

	*out = (struct pod_actions){0};
	end_main(a, v, grace, out);
	if (!out->count)
		end_last_sidecar(a, v, grace, out);
	for (size_t i = 0; i < v->sandbox_count && !out->count; i++)
		if (v->sandboxes[i]->state == SANDBOX_READY)
			pod_action_add(a, out, POD_STOP_SANDBOX)->id = v->sandboxes[i]->id;
	out->finished = !out->count;
}

/* ---- what is left behind ---- */

static bool sandbox_is_used(const struct pod_view *v, const struct sandbox *s)
{
	for (size_t i = 0; i < v->container_count; i++)
		if (str_eq(v->containers[i]->sandbox, s->id))
			return true;
	return false;
}

/*
 * Of each name the newest stays, and the newest dead one behind it: its logs and its state are
 * still asked for. Old sandboxes go with the last of their containers.
 */
void podsync_collect(struct arena *a, const struct pod_view *v, struct pod_actions *out)
{
	for (size_t i = 0; i < v->container_count; i++) {
		const struct container *c = v->containers[i];
		size_t newer = 0, newer_dead = 0;

		for (size_t k = 0; k < v->container_count; k++) {
			const struct container *other = v->containers[k];

			if (!str_eq(other->name, c->name) || other->attempt <= c->attempt)
				continue;
			newer++;
			newer_dead += !lives(other);
		}
		if (newer && newer_dead && !lives(c))
			pod_action_add(a, out, POD_REMOVE_CONTAINER)->id = c->id;
	}
	for (size_t i = 1; i < v->sandbox_count; i++)
		if (v->sandboxes[i]->state != SANDBOX_READY && !sandbox_is_used(v, v->sandboxes[i]))
			pod_action_add(a, out, POD_REMOVE_SANDBOX)->id = v->sandboxes[i]->id;
}

void podsync_purge(struct arena *a, const struct pod_view *v, struct pod_actions *out)
{
	*out = (struct pod_actions){0};
	for (size_t i = 0; i < v->container_count; i++)
		pod_action_add(a, out, POD_REMOVE_CONTAINER)->id = v->containers[i]->id;
	/* One whose container could not be removed stays with it. */
	for (size_t i = 0; i < v->sandbox_count && !v->container_count; i++)
		pod_action_add(a, out, POD_REMOVE_SANDBOX)->id = v->sandboxes[i]->id;
}
