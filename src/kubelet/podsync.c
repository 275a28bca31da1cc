#include "podsync_parts.h"
#include "resize.h"

#include <kube/api_codec.h>
#include <kube/time.h>

/* Upstream's least time for a container to leave by itself. */
#define GRACE_LEAST (2 * SEC)
/* One that does not live that long is not followed by the next at once. */
#define SANDBOX_LEAST (10 * SEC)
/* What is in a container's way is looked for again after this long at most. */
#define RETRY_MOST (5 * MINUTE)

struct pod_action *pod_action_add(
	struct arena *a, struct pod_actions *out, enum pod_action_kind kind)
{
	ARENA_ROOM(a, out->items, out->count, out->cap, 8);
	out->items[out->count] = (struct pod_action){.kind = kind};
	return &out->items[out->count++];
}

void podsync_earliest(int64_t *wake, int64_t at)
{
	if (at && (!*wake || at < *wake))
		*wake = at;
}

/* ---- starting ---- */

static void add_wait(struct arena *a, const struct pod_view *v, struct str name, int64_t delay,
	int64_t until, struct pod_actions *out)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	ARENA_ROOM(a, out->waits, out->wait_count, out->wait_cap, 4);
	duration_print(&text, delay);
	out->waits[out->wait_count++] = (struct pod_wait){.name = name,
		.until = until,
		.message = arena_print(a, "back-off %s restarting failed container=%.*s pod=%.*s",
			buf_text(&text), STRF(name), STRF(pod_title(a, v->pod)))};
	podsync_earliest(&out->wake, until);
}

/* What was noted or the API last said of it, when the runtime has nothing any more. */
static uint32_t remembered_attempt(const struct pod_view *v, struct str name)
{
	const struct container_note *note = pod_view_note(v, name);
	uint32_t noted = note ? note->next : 0;
	static const char *const lists[] = {"status.containerStatuses",
		"status.initContainerStatuses", "status.ephemeralContainerStatuses"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (status, json_path(v->pod, lists[i]))
			if (str_eq(tree_str(status, "name"), name))
				return MAX(
					noted, (uint32_t)tree_int(status, "restartCount", 0) +
						       (tree_str(status, "containerID").len > 0));
	return noted;
}

void podsync_start(struct arena *a, const struct pod_view *v, const struct cJSON *container,
	enum container_role role, struct pod_actions *out)
{
	struct str name = tree_str(container, "name");
	const struct container *last = pod_view_container(v, name);
	const struct container_note *note = pod_view_note(v, name);
	int64_t since = last && last->state == CONTAINER_EXITED ? last->finished
			: !last && note                         ? note->ended
								: 0;
	int64_t until = note && since ? back_off_until(&note->restart, since, v->now) : 0;

	if (note && time_waits(note->retry_at, RETRY_MOST, v->now)) {
		podsync_earliest(&out->wake, note->retry_at);
		return;
	}
	if (until) {
		add_wait(a, v, name, note->restart.delay, until, out);
		return;
	}
	struct pod_action *action = pod_action_add(a, out, POD_START_CONTAINER);
	action->container = container;
	action->role = role;
	action->attempt = last ? last->attempt + 1 : remembered_attempt(v, name);
	action->since = since;
}

/* ---- killing ---- */

int64_t container_grace(const struct cJSON *pod, const struct cJSON *container, const char *probe)
{
	int64_t seconds = tree_int(pod, "spec.terminationGracePeriodSeconds", 30);

	if (probe && container)
		seconds = tree_int(json_get(container, str_from(probe)),
			"terminationGracePeriodSeconds", seconds);
	return MAX(seconds * SEC, GRACE_LEAST);
}

void podsync_kill(struct arena *a, const struct pod_view *v, const struct container *c,
	const struct cJSON *container, const char *probe, struct str message,
	struct pod_actions *out)
{
	struct pod_action *action = pod_action_add(a, out, POD_KILL_CONTAINER);

	action->id = c->id;
	action->container = container;
	action->grace = container_grace(v->pod, container, probe);
	action->message = message;
}

/* ---- a new sandbox ---- */

static bool succeeded(const struct pod_view *v, const struct cJSON *container)
{
	const struct container *c = pod_view_container(v, tree_str(container, "name"));

	return c && c->state == CONTAINER_EXITED && c->exit_code == 0;
}

static bool ever_ran_any(const struct pod_view *v)
{
	json_each (container, json_path(v->pod, "spec.containers"))
		if (pod_view_container(v, tree_str(container, "name")))
			return true;
	return false;
}

/* Is there something for a new sandbox to hold? */
static bool wants_sandbox(const struct pod_view *v, uint32_t attempt)
{
	struct str policy = tree_str(v->pod, "spec.restartPolicy");

	if (str_eq(policy, STR("Never")) && attempt && v->container_count)
		return false;
	if (!ever_ran_any(v))
		return true;
	json_each (container, json_path(v->pod, "spec.containers"))
		if (!succeeded(v, container) || !str_eq(policy, STR("OnFailure")))
			return true;
	return false;
}

static void replace_sandbox(struct arena *a, const struct pod_view *v, struct pod_actions *out)
{
	uint32_t attempt = v->sandbox_count ? v->sandboxes[0]->attempt + 1 : 0;

	/* What stands of the old one goes first; then we look again. */
	for (size_t i = 0; i < v->container_count; i++)
		if (v->containers[i]->state == CONTAINER_RUNNING)
			podsync_kill(a, v, v->containers[i], NULL, NULL, STR(""), out);
	for (size_t i = 0; i < v->sandbox_count && !out->count; i++)
		if (v->sandboxes[i]->state == SANDBOX_READY)
			pod_action_add(a, out, POD_STOP_SANDBOX)->id = v->sandboxes[i]->id;
	if (out->count)
		return;
	if (!wants_sandbox(v, attempt)) {
		out->finished = true;
		return;
	}
	int64_t next = attempt ? v->sandboxes[0]->created + SANDBOX_LEAST : 0;
	if (time_waits(next, SANDBOX_LEAST + SEC, v->now)) {
		podsync_earliest(&out->wake, next);
		return;
	}
	pod_action_add(a, out, POD_RUN_SANDBOX)->attempt = attempt;
}

/* ---- main containers ---- */

/* Why a running one has to go, or an empty text; *probe: whose grace it gets. */
static struct str fault_of(struct arena *a, const struct pod_view *v, const struct container *c,
	const struct cJSON *container, const char **probe)
{
	*probe = NULL;
	if (!str_eq(pair_get(&c->annotations, STR(ANNOTATION_HASH)), container_hash(a, container)))
		return arena_print(a, "Container %.*s definition changed", STRF(c->name));
	if (pod_view_verdict(v, c, PROBE_LIVENESS) == VERDICT_FAILURE) {
		*probe = "livenessProbe";
		return arena_print(a, "Container %.*s failed liveness probe", STRF(c->name));
	}
	if (pod_view_verdict(v, c, PROBE_STARTUP) == VERDICT_FAILURE) {
		*probe = "startupProbe";
		return arena_print(a, "Container %.*s failed startup probe", STRF(c->name));
	}
	return STR("");
}

/* The number of containers that run and are to. */
static size_t sync_main(struct arena *a, const struct pod_view *v, struct pod_actions *out)
{
	size_t kept = 0;

	json_each (container, json_path(v->pod, "spec.containers")) {
		struct str name = tree_str(container, "name");
		const struct container *c = pod_view_container(v, name);
		const char *probe;

		if (!c || c->state != CONTAINER_RUNNING) {
			if (container_is_due(v, container)) {
				podsync_start(a, v, container, ROLE_APP, out);
				kept++;
			}
			continue;
		}
		struct str fault = fault_of(a, v, c, container, &probe);
		kept++;
		if (!fault.len)
			continue;
		/* What is killed has failed, whatever code it leaves with. */
		if (!probe || container_restarts(v->pod, container, 137))
			fault = arena_print(a, "%.*s, will be restarted", STRF(fault));
		podsync_kill(a, v, c, container, probe, fault, out);
	}
	return kept;
}

/* Ephemeral containers are started once and never again. */
static void sync_ephemeral(struct arena *a, const struct pod_view *v, struct pod_actions *out)
{
	json_each (container, json_path(v->pod, "spec.ephemeralContainers"))
		if (!pod_view_container(v, tree_str(container, "name")))
			podsync_start(a, v, container, ROLE_EPHEMERAL, out);
}

/* Kills go before starts: who is to be started again is found stopped at the next look. */
static void kills_only(struct pod_actions *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->count; i++)
		if (out->items[i].kind != POD_START_CONTAINER)
			out->items[kept++] = out->items[i];
	if (kept)
		out->count = kept;
}

/* What cannot be changed in a running container is changed by another one. */
static void sync_resize(struct arena *a, const struct pod_view *v, struct pod_actions *out)
{
	static const char *const lists[] = {"spec.initContainers", "spec.containers"};

	if (!resize_is_due(v))
		return;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(v->pod, lists[i])) {
			const struct container *c =
				pod_view_container(v, tree_str(container, "name"));
			const struct cJSON *has = c ? resize_actual(v, c) : NULL;

			if (has && resize_restarts(container, has))
				podsync_kill(a, v, c, container, NULL,
					arena_print(a, "Container %.*s resize requires restart",
						STRF(c->name)),
					out);
		}
	if (!out->count)
		pod_action_add(a, out, POD_RESIZE);
}

void podsync(struct arena *a, const struct pod_view *v, struct pod_actions *out)
{
	const struct sandbox *in = pod_view_sandbox(v);
	bool kill_pod = false;

	*out = (struct pod_actions){.wake = pod_deadline(v->pod)};
	if (podsync_restart_all(a, v, out))
		return;
	if (!in) {
		replace_sandbox(a, v, out);
		return;
	}
	sync_ephemeral(a, v, out);
	if (podsync_init(a, v, in, out, &kill_pod) && !sync_main(a, v, out))
		out->finished = true;
	if (kill_pod)
		out->finished = out->failed = true;
	if (out->finished)
		out->count = 0;
	else if (!out->count)
		sync_resize(a, v, out);
	kills_only(out);
}

int64_t pod_deadline(const struct cJSON *pod)
{
	int64_t seconds = tree_int(pod, "spec.activeDeadlineSeconds", 0), start;

	if (!seconds || time_parse(tree_str(pod, "status.startTime"), &start, NULL))
		return 0;
	return start + seconds * SEC;
}
