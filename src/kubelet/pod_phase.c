#include "pod_status_parts.h"

#include <kube/api_codec.h>

struct tally {
	int unknown, running, waiting, stopped, succeeded;
	int pending_init, pending_sidecars, failed_init, failed_for_good;
};

static bool ended(const struct cJSON *status, const char *path, bool *well)
{
	const struct cJSON *t = json_path(status, path);

	*well = t && tree_int(t, "exitCode", 1) == 0;
	return t != NULL;
}

static void count_init(const struct cJSON *pod, const struct cJSON *container,
	const struct cJSON *status, struct tally *t)
{
	bool well;

	if (ended(status, "state.terminated", &well)) {
		int32_t code = (int32_t)tree_int(status, "state.terminated.exitCode", 1);

		t->failed_init += !well;
		t->failed_for_good += !well && !container_restarts(pod, container, code);
	} else if (tree_has(status, "state.waiting") &&
		   ended(status, "lastState.terminated", &well)) {
		t->failed_init += !well;
	} else {
		t->pending_init++;
	}
}

static void count_sidecar(const struct cJSON *status, struct tally *t)
{
	bool well;

	if (tree_has(status, "state.running")) {
		t->pending_sidecars += !tree_true(status, "started");
		t->running++;
	} else if (tree_has(status, "state.waiting")) {
		if (!ended(status, "lastState.terminated", &well)) {
			t->pending_sidecars++;
			t->waiting++;
		}
	} else if (!tree_has(status, "state.terminated")) {
		t->pending_sidecars++;
		t->unknown++;
	}
}

static void count_main(const struct cJSON *status, struct tally *t)
{
	bool well;

	if (tree_has(status, "state.running")) {
		t->running++;
	} else if (ended(status, "state.terminated", &well)) {
		t->stopped++;
		t->succeeded += well;
	} else if (tree_has(status, "state.waiting")) {
		if (ended(status, "lastState.terminated", &well))
			t->stopped++;
		else
			t->waiting++;
	} else {
		t->unknown++;
	}
}

bool any_main_started(const struct cJSON *pod, const struct cJSON *status)
{
	json_each (container, json_path(pod, "spec.containers")) {
		const struct cJSON *entry = status_entry(status, tree_str(container, "name"));

		if (tree_has(entry, "state.running") || tree_has(entry, "state.terminated") ||
			tree_has(entry, "lastState.terminated"))
			return true;
	}
	return false;
}

struct cJSON *status_entry(const struct cJSON *status, struct str name)
{
	static const char *const lists[] = {"initContainerStatuses", "containerStatuses"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (entry, json_get(status, str_from(lists[i])))
			if (str_eq(tree_str(entry, "name"), name))
				return entry;
	return NULL;
}

/* All main containers have ended. */
static const char *phase_of_ended(
	const struct cJSON *pod, const struct cJSON *status, const struct tally *t, bool terminal)
{
	bool again = false;

	if (terminal && !pod_is_static(pod))
		return t->stopped == t->succeeded ? "Succeeded" : "Failed";
	json_each (container, json_path(pod, "spec.containers")) {
		const struct cJSON *entry = status_entry(status, tree_str(container, "name"));

		/* Waiting behind an end: it is on its way back. */
		again |= !tree_has(entry, "state.terminated") ||
			 container_restarts(pod, container,
				 (int32_t)tree_int(entry, "state.terminated.exitCode", 0));
	}
	if (again)
		return "Running";
	return t->stopped == t->succeeded ? "Succeeded" : "Failed";
}

const char *pod_phase(const struct pod_status_input *in, const struct cJSON *status)
{
	const struct cJSON *pod = in->view->pod;
	struct tally t = {0};

	json_each (container, json_path(pod, "spec.initContainers")) {
		const struct cJSON *entry = status_entry(status, tree_str(container, "name"));

		if (container_is_sidecar(container))
			count_sidecar(entry, &t);
		else
			count_init(pod, container, entry, &t);
	}
	json_each (container, json_path(pod, "spec.containers"))
		count_main(status_entry(status, tree_str(container, "name")), &t);
	bool begun = any_main_started(pod, status);

	if (pod_restarts_all(in->view) && !in->terminal)
		return begun ? "Running" : "Pending";
	if (t.failed_for_good && !begun)
		return "Failed";
	if ((t.pending_init || t.pending_sidecars) && !begun)
		return "Pending";
	if (t.waiting)
		return "Pending";
	if (t.running && !t.unknown && (begun || !t.failed_init))
		return "Running";
	if (!t.running && t.stopped && !t.unknown)
		return phase_of_ended(pod, status, &t, in->terminal);
	return "Pending";
}
