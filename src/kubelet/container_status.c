#include "pod_status_parts.h"

#include <kube/api_codec.h>
#include <kube/time.h>

#include <stdlib.h>

#define LOST       "ContainerStatusUnknown"
#define RESTARTING "RestartingAllContainers"

static const char *const lists[] = {
	[ROLE_INIT] = "spec.initContainers",
	[ROLE_SIDECAR] = "spec.initContainers",
	[ROLE_APP] = "spec.containers",
	[ROLE_EPHEMERAL] = "spec.ephemeralContainers",
};
static const char *const status_lists[] = {
	[ROLE_INIT] = "initContainerStatuses",
	[ROLE_SIDECAR] = "initContainerStatuses",
	[ROLE_APP] = "containerStatuses",
	[ROLE_EPHEMERAL] = "ephemeralContainerStatuses",
};

struct str status_time(struct arena *a, int64_t ns)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	time_print(&text, ns / SEC * SEC);
	return arena_str(a, buf_str(&text));
}

static const struct cJSON *entry_in(const struct cJSON *list, struct str name)
{
	json_each (entry, list)
		if (str_eq(tree_str(entry, "name"), name))
			return entry;
	return NULL;
}

/* ---- states ---- */

/* As the API prints a time that there is none of. */
static void set_null(struct arena *a, struct cJSON *object, const char *name)
{
	json_set(a, object, str_from(name), json_new(a, JSON_NULL));
}

static struct cJSON *terminated_unseen(struct arena *a, const char *reason, const char *message)
{
	struct cJSON *t = json_new(a, JSON_OBJECT);

	tree_set_int(a, t, "exitCode", 137);
	tree_set_str(a, t, "reason", str_from(reason));
	tree_set_str(a, t, "message", str_from(message));
	set_null(a, t, "startedAt");
	set_null(a, t, "finishedAt");
	return t;
}

static struct cJSON *terminated_lost(struct arena *a, const char *message)
{
	return terminated_unseen(a, LOST, message);
}

static void set_waiting(
	struct arena *a, struct cJSON *status, struct str reason, struct str message)
{
	struct cJSON *state = json_new(a, JSON_OBJECT), *waiting = json_new(a, JSON_OBJECT);

	if (reason.len)
		tree_set_str(a, waiting, "reason", reason);
	if (message.len)
		tree_set_str(a, waiting, "message", message);
	json_set(a, state, STR("waiting"), waiting);
	json_set(a, status, STR("state"), state);
}

static struct str runtime_id(
	struct arena *a, const struct pod_status_input *in, const struct container *c)
{
	return arena_print(a, "%s://%.*s", in->runtime, STRF(c->id));
}

static struct cJSON *state_exited(
	struct arena *a, const struct pod_status_input *in, const struct container *c)
{
	struct cJSON *t = json_new(a, JSON_OBJECT);
	struct str reason = c->reason;

	if (!reason.len)
		reason = c->exit_code ? STR("Error") : STR("Completed");
	tree_set_int(a, t, "exitCode", c->exit_code);
	tree_set_str(a, t, "reason", reason);
	if (c->message.len)
		tree_set_str(a, t, "message", c->message);
	/* Of what never ran upstream says the beginning of time. */
	tree_set_str(a, t, "startedAt", status_time(a, c->started));
	tree_set_str(a, t, "finishedAt", status_time(a, c->finished));
	tree_set_str(a, t, "containerID", runtime_id(a, in, c));
	return t;
}

static struct cJSON *state_of(struct arena *a, const struct pod_status_input *in,
	const struct container *c, const struct cJSON *old)
{
	struct cJSON *state = json_new(a, JSON_OBJECT);

	if (c->state == CONTAINER_RUNNING)
		tree_set_str(a, state, "running.startedAt", status_time(a, c->started));
	else if (c->state == CONTAINER_EXITED)
		json_set(a, state, STR("terminated"), state_exited(a, in, c));
	else if (c->state == CONTAINER_UNKNOWN && tree_has(old, "state.running"))
		json_set(a, state, STR("terminated"),
			terminated_lost(a, "The container could not be located when the pod was "
					   "terminated"));
	else
		json_set(a, state, STR("waiting"), json_new(a, JSON_OBJECT));
	return state;
}

/* ---- one container ---- */

static void set_mounts(struct arena *a, const struct cJSON *container, struct cJSON *status)
{
	struct cJSON *mounts = json_new(a, JSON_ARRAY);

	json_each (mount, json_get(container, STR("volumeMounts"))) {
		struct cJSON *one = json_new(a, JSON_OBJECT);

		tree_set_str(a, one, "name", tree_str(mount, "name"));
		tree_set_str(a, one, "mountPath", tree_str(mount, "mountPath"));
		if (tree_true(mount, "readOnly")) {
			struct str recursive = tree_str(mount, "recursiveReadOnly");

			json_set(a, one, STR("readOnly"), json_new_bool(a, true));
			/* Our mounts are read-only all the way down whenever it is asked. */
			tree_set_str(a, one, "recursiveReadOnly",
				str_eq(recursive, STR("Enabled")) ||
						str_eq(recursive, STR("IfPossible"))
					? STR("Enabled")
					: STR("Disabled"));
		}
		json_append(mounts, one);
	}
	if (json_count(mounts))
		json_set(a, status, STR("volumeMounts"), mounts);
}

/* What it is allocated, and what it has. */
static void set_resources(struct arena *a, const struct pod_view *v, const struct cJSON *container,
	const struct container *c, struct cJSON *status)
{
	const struct cJSON *resources = json_get(container, STR("resources"));
	const struct cJSON *requests = json_path(resources, "requests");
	const struct cJSON *actual = c ? resize_actual(v, c) : NULL;

	if (json_count(requests))
		json_set(a, status, STR("allocatedResources"), json_copy(a, requests));
	if (actual && !resources_match(actual, resources))
		resources = actual;
	if (resources)
		json_set(a, status, STR("resources"), json_copy(a, resources));
}

/* Before anything of it has been seen. */
static struct cJSON *blank(
	struct arena *a, const struct cJSON *container, bool initializing, const struct cJSON *old)
{
	struct cJSON *status = json_new(a, JSON_OBJECT);

	tree_set_str(a, status, "name", tree_str(container, "name"));
	set_waiting(a, status, initializing ? STR("PodInitializing") : STR("ContainerCreating"),
		STR(""));
	json_set(a, status, STR("lastState"), json_new(a, JSON_OBJECT));
	json_set(a, status, STR("ready"), json_new_bool(a, false));
	tree_set_int(a, status, "restartCount", tree_int(old, "restartCount", 0));
	tree_set_str(a, status, "image", tree_str(container, "image"));
	tree_set_str(a, status, "imageID", STR(""));
	if (json_count(json_get(old, STR("lastState"))))
		json_set(
			a, status, STR("lastState"), json_copy(a, json_get(old, STR("lastState"))));
	return status;
}

/* It ran, and the runtime knows nothing of it: it is not as if it had never been. */
static void note_lost(
	struct arena *a, const struct pod_view *v, const struct cJSON *old, struct cJSON *status)
{
	if (!tree_has(old, "state.running") || tree_has(status, "lastState.terminated"))
		return;
	tree_set(a, status, "lastState.terminated",
		terminated_lost(a, "The container could not be located when the pod was deleted.  "
				   "The container used to be Running"));
	if (!pod_is_deleted(v->pod))
		tree_set_int(a, status, "restartCount", tree_int(old, "restartCount", 0) + 1);
}

/* Removed, as all of its pod begins anew; the first time it is told so it counts. */
static void note_removed(struct arena *a, const struct cJSON *old, struct cJSON *status)
{
	static const char message[] =
		"The container is removed because RestartAllContainers in place";
	bool ended = tree_has(old, "state.running") || tree_has(old, "state.terminated");

	if (!ended && !str_eq(tree_str(old, "state.waiting.reason"), STR(RESTARTING)))
		return;
	set_waiting(a, status, STR(RESTARTING), str_from(message));
	if (!ended)
		return;
	tree_set(a, status, "lastState.terminated", terminated_unseen(a, RESTARTING, message));
	tree_set_int(a, status, "restartCount", tree_int(old, "restartCount", 0) + 1);
}

/* Who asked for it is removed last: then only what was told before says what went on. */
static bool is_restarting(const struct pod_status_input *in)
{
	json_each (condition, json_get(in->old, STR("conditions")))
		if (str_eq(tree_str(condition, "type"), STR("AllContainersRestarting")))
			return str_eq(tree_str(condition, "status"), STR("True")) ||
			       pod_restarts_all(in->view);
	return pod_restarts_all(in->view);
}

/* What there was before: the runtime's second newest, or what the last status said. */
static void set_last_state(struct arena *a, const struct pod_status_input *in,
	const struct container *newest, const struct cJSON *old, struct cJSON *status)
{
	const struct pod_view *v = in->view;
	const struct container *before = NULL;
	struct cJSON *last = json_new(a, JSON_OBJECT);

	for (size_t i = 0; i < v->container_count; i++) {
		const struct container *c = v->containers[i];

		if (str_eq(c->name, newest->name) && c->attempt < newest->attempt &&
			(!before || c->attempt > before->attempt))
			before = c;
	}
	if (before && before->state == CONTAINER_EXITED)
		json_set(a, last, STR("terminated"), state_exited(a, in, before));
	else if (tree_int(old, "restartCount", -1) == newest->attempt &&
		 tree_has(old, "lastState.terminated"))
		last = json_copy(a, json_get(old, STR("lastState")));
	json_set(a, status, STR("lastState"), last);
}

/* Whoever it ran as it is said to have run as afterwards, too. */
static void set_user(struct arena *a, const struct container *c, struct cJSON *status)
{
	struct cJSON *groups = json_new(a, JSON_ARRAY);

	tree_set_int(a, status, "user.linux.uid", c->uid);
	tree_set_int(a, status, "user.linux.gid", c->gid);
	for (size_t i = 0; i < c->group_count; i++)
		json_append(groups, json_new_int(a, c->groups[i]));
	if (c->group_count)
		tree_set(a, status, "user.linux.supplementalGroups", groups);
}

static void set_seen(struct arena *a, const struct pod_status_input *in, const struct container *c,
	const struct cJSON *old, struct cJSON *status)
{
	json_set(a, status, STR("state"), state_of(a, in, c, old));
	set_last_state(a, in, c, old, status);
	tree_set_int(a, status, "restartCount", c->attempt);
	struct str name = pair_get(&c->annotations, STR(ANNOTATION_IMAGE));
	if (name.len || c->image.len)
		tree_set_str(a, status, "image", name.len ? name : c->image);
	tree_set_str(a, status, "imageID", c->image_ref);
	tree_set_str(a, status, "containerID", runtime_id(a, in, c));
	if (c->uid >= 0)
		set_user(a, c, status);
}

/* What keeps it from running, when it should. */
static void set_obstacle(struct arena *a, const struct pod_view *v, const struct cJSON *container,
	enum container_role role, struct cJSON *status)
{
	struct str name = tree_str(container, "name");
	const struct container *c = pod_view_container(v, name);
	const struct container_note *note = pod_view_note(v, name);

	if (role == ROLE_INIT && !container_is_sidecar(container) && c &&
		c->state == CONTAINER_EXITED && c->exit_code == 0)
		return;
	if (!note || !note->reason.len || !container_is_due(v, container))
		return;
	const struct cJSON *ended = json_path(status, "state.terminated");
	if (ended)
		tree_set(a, status, "lastState.terminated", json_copy(a, ended));
	set_waiting(a, status, note->reason, note->message);
}

/* ---- started and ready ---- */

static bool is_started(const struct pod_view *v, const struct cJSON *container,
	const struct container *c, const struct cJSON *status)
{
	if (!c || !tree_has(status, "state.running"))
		return false;
	return !container_has_probe(container, PROBE_STARTUP) ||
	       pod_view_verdict(v, c, PROBE_STARTUP) == VERDICT_SUCCESS;
}

static void set_ready(struct arena *a, const struct pod_view *v, const struct cJSON *container,
	enum container_role role, struct cJSON *status)
{
	const struct container *c = pod_view_container(v, tree_str(container, "name"));
	bool started = is_started(v, container, c, status), ready;

	if (role == ROLE_INIT && !container_is_sidecar(container))
		ready = tree_has(status, "state.terminated") &&
			tree_int(status, "state.terminated.exitCode", 1) == 0;
	else
		ready = started &&
			(!container_has_probe(container, PROBE_READINESS) ||
				pod_view_verdict(v, c, PROBE_READINESS) == VERDICT_SUCCESS);
	json_set(a, status, STR("ready"), json_new_bool(a, ready && role != ROLE_EPHEMERAL));
	if (role != ROLE_EPHEMERAL)
		json_set(a, status, STR("started"), json_new_bool(a, started));
}

/* ---- lists ---- */

static struct cJSON *one_status(struct arena *a, const struct pod_status_input *in,
	const struct cJSON *container, enum container_role role, const struct cJSON *old)
{
	const struct pod_view *v = in->view;
	const struct container *c = pod_view_container(v, tree_str(container, "name"));
	bool init = role == ROLE_INIT, removed = !c && role != ROLE_EPHEMERAL && is_restarting(in);
	struct cJSON *status;

	/* What has done its work stays as it was, when the runtime forgets it. */
	if (!c && init && !removed && tree_has(old, "state.terminated"))
		return json_copy(a, old);
	status = blank(a, container,
		role != ROLE_EPHEMERAL && json_count(json_path(v->pod, "spec.initContainers")) > 0,
		old);
	set_mounts(a, container, status);
	if (c)
		set_seen(a, in, c, old, status);
	else if (removed)
		note_removed(a, old, status);
	else
		note_lost(a, v, old, status);
	set_obstacle(a, v, container, role, status);
	if (role != ROLE_EPHEMERAL)
		set_resources(a, v, container, c, status);
	set_ready(a, v, container, role, status);
	return status;
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(tree_str(*(const struct cJSON *const *)a, "name"),
		tree_str(*(const struct cJSON *const *)b, "name"));
}

struct cJSON *container_statuses(
	struct arena *a, const struct pod_status_input *in, enum container_role role)
{
	const struct cJSON *list = json_path(in->view->pod, lists[role]);
	const struct cJSON *old = json_get(in->old, str_from(status_lists[role]));
	size_t count = json_count(list), at = 0;
	struct cJSON *out = json_new(a, JSON_ARRAY);

	if (!count)
		return out;
	struct cJSON **all = arena_alloc(a, count * sizeof(struct cJSON *));
	json_each (container, list)
		all[at++] = one_status(
			a, in, container, role, entry_in(old, tree_str(container, "name")));
	if (role != ROLE_INIT)
		qsort(all, count, sizeof(struct cJSON *), by_name);
	for (size_t i = 0; i < count; i++)
		json_append(out, all[i]);
	return out;
}

/* ---- the end ---- */

static void end_list(struct arena *a, struct cJSON *list, size_t count)
{
	json_each (status, list) {
		if (!count--)
			return;
		if (tree_has(status, "state.terminated"))
			continue;
		struct cJSON *state = json_new(a, JSON_OBJECT);
		json_set(a, state, STR("terminated"),
			terminated_lost(a, "The container could not be located when the pod was "
					   "terminated"));
		json_set(a, status, STR("state"), state);
		json_set(a, status, STR("ready"), json_new_bool(a, false));
		json_set(a, status, STR("started"), json_new_bool(a, false));
	}
}

static bool ever_began(const struct cJSON *status)
{
	return tree_true(status, "started") || tree_has(status, "state.terminated") ||
	       tree_has(status, "state.running") || tree_has(status, "lastState.terminated");
}

void container_statuses_end(struct arena *a, const struct pod_view *v, struct cJSON *status)
{
	struct cJSON *init = json_get(status, STR("initContainerStatuses"));
	struct cJSON *main = json_get(status, STR("containerStatuses"));
	size_t begun = 0, at = 0;
	bool initialized = json_count(json_path(v->pod, "spec.initContainers")) == 0;

	json_each (entry, main)
		initialized |= ever_began(entry);
	json_each (entry, init) {
		at++;
		if (ever_began(entry))
			begun = at;
	}
	/* Without init containers those that never began are lost only if one of them did. */
	if (initialized && (begun || any_main_started(v->pod, status)))
		end_list(a, main, json_count(main));
	end_list(a, init, begun);
}
