/*
 * A pod that begins anew as a whole: a container has left in a way for which its rules say
 * RestartAllContainers. All that runs is killed at once, without hooks, and what has ended is
 * removed, those who asked for it last: as long as they are there, whoever looks knows what is
 * under way, a kubelet that has only just begun, too. Then the pod is as if nothing had run in
 * its sandbox yet.
 */
#include "podsync_parts.h"

#include <kube/api_codec.h>

static const char *const lists[] = {"spec.initContainers", "spec.containers"};

bool container_restarts_all(const struct cJSON *container, int32_t exit_code)
{
	const struct cJSON *rule = container_rule(container, exit_code);

	return str_eq(tree_str(rule, "action"), STR("RestartAllContainers"));
}

bool pod_may_restart_all(const struct cJSON *pod)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(pod, lists[i]))
			json_each (rule, json_get(container, STR("restartPolicyRules")))
				if (str_eq(tree_str(rule, "action"), STR("RestartAllContainers")))
					return true;
	return false;
}

/* The one of that name that asks for it; NULL: it does not. */
static const struct container *asking(const struct pod_view *v, const struct cJSON *container)
{
	const struct container *c = pod_view_container(v, tree_str(container, "name"));

	if (!c || c->state != CONTAINER_EXITED || !container_restarts_all(container, c->exit_code))
		return NULL;
	return c;
}

bool pod_restarts_all(const struct pod_view *v)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(v->pod, lists[i]))
			if (asking(v, container))
				return !pod_is_deleted(v->pod);
	return false;
}

static const struct cJSON *spec_of(const struct pod_view *v, struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(v->pod, lists[i]))
			if (str_eq(tree_str(container, "name"), name))
				return container;
	return NULL;
}

static void kill_all(struct arena *a, const struct pod_view *v, struct pod_actions *out)
{
	for (size_t i = 0; i < v->container_count; i++) {
		const struct container *c = v->containers[i];

		if (c->state != CONTAINER_RUNNING && c->state != CONTAINER_UNKNOWN)
			continue;
		struct pod_action *action = pod_action_add(a, out, POD_KILL_CONTAINER);
		action->id = c->id;
		action->container = spec_of(v, c->name);
		action->message = arena_print(
			a, "Container %.*s restarts with all of its pod", STRF(c->name));
	}
}

/* Ephemeral containers stay: they run once. */
static void remove_all(
	struct arena *a, const struct pod_view *v, bool who_asks, struct pod_actions *out)
{
	for (size_t i = 0; i < v->container_count; i++) {
		const struct container *c = v->containers[i];
		const struct cJSON *container = spec_of(v, c->name);

		if (!container || (asking(v, container) == c) != who_asks)
			continue;
		struct pod_action *action = pod_action_add(a, out, POD_REMOVE_CONTAINER);
		action->id = c->id;
		action->container = container;
		action->since = who_asks ? c->finished : 0;
	}
}

bool podsync_restart_all(struct arena *a, const struct pod_view *v, struct pod_actions *out)
{
	if (!pod_restarts_all(v))
		return false;
	kill_all(a, v, out);
	if (!out->count)
		remove_all(a, v, false, out);
	if (!out->count)
		remove_all(a, v, true, out);
	return true;
}
