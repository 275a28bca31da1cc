#include "pod_worker.h"
#include "pod_preempt.h"
#include "pod_prepare.h"
#include "pod_resize.h"
#include "pod_status.h"
#include "podsync_parts.h"
#include "prober.h"
#include "static_pods.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/pods.h>
#include <kube/time.h>

/* While there is no network for it. */
#define LOOK_SOON (50 * MSEC)

/* ---- states ---- */

struct pod_state *pod_state_new(struct object *object)
{
	struct pod_state *s = mem_new(sizeof(*s));

	s->refs = 1;
	arena_init_lasting(&s->arena);
	if (object) {
		s->object = object_ref(object);
		s->pod = s->desired = object_lean_tree(&s->arena, object);
	}
	return s;
}

struct pod_state *pod_state_ref(struct pod_state *s)
{
	s->refs++;
	return s;
}

void pod_state_unref(struct pod_state *s)
{
	if (!s || --s->refs)
		return;
	object_unref(s->object);
	arena_done(&s->arena);
	mem_free(s);
}

/* ---- notes ---- */

struct container_note *pod_worker_note(struct pod_worker *w, struct str name)
{
	for (size_t i = 0; i < w->note_count; i++)
		if (str_eq(w->notes[i]->name, name))
			return w->notes[i];
	struct container_note *note = mem_new(sizeof(*note));
	note->name = str_make(str_dup(name), name.len);
	w->notes = mem_resize(w->notes, (w->note_count + 1) * sizeof(struct container_note *));
	w->notes[w->note_count++] = note;
	return note;
}

static void set_text(struct str *to, struct str text)
{
	struct str copy = text.len ? str_make(str_dup(text), text.len) : (struct str){0};

	mem_free((void *)to->at);
	*to = copy;
}

void pod_worker_obstacle(
	struct pod_worker *w, struct str name, const char *reason, struct str message)
{
	struct container_note *note = pod_worker_note(w, name);

	set_text(&note->reason, str_from(reason));
	set_text(&note->message, message);
	if (!note->reason.len)
		note->retry_at = 0;
}

static void free_notes(struct pod_worker *w)
{
	for (size_t i = 0; i < w->note_count; i++) {
		set_text(&w->notes[i]->name, STR(""));
		set_text(&w->notes[i]->id, STR(""));
		set_text(&w->notes[i]->reason, STR(""));
		set_text(&w->notes[i]->message, STR(""));
		set_text(&w->notes[i]->pull_error, STR(""));
		mem_free(w->notes[i]);
	}
	mem_free(w->notes);
}

/* ---- observing ---- */

static void view_runtime(struct pod_worker *w, struct arena *a, struct pod_view *v)
{
	struct runtime *r = w->k->runtime;
	const struct sandbox *const *sandboxes;
	size_t count = r->ops->sandboxes(r, &sandboxes), found = 0;
	const struct sandbox **mine = arena_alloc(a, (count + 1) * sizeof(*mine));

	for (size_t i = 0; i < count; i++)
		if (str_eq_text(sandboxes[i]->uid, w->uid))
			mine[found++] = sandboxes[i];
	pod_view_sort_sandboxes(mine, found);
	v->sandboxes = mine;
	v->sandbox_count = found;

	const struct container *const *containers;
	count = r->ops->containers(r, &containers);
	const struct container **all = arena_alloc(a, (count + 1) * sizeof(*all));
	found = 0;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < v->sandbox_count; k++)
			if (str_eq(containers[i]->sandbox, v->sandboxes[k]->id))
				all[found++] = containers[i];
	pod_view_sort_containers(all, found);
	v->containers = all;
	v->container_count = found;
}

void pod_worker_view(struct pod_worker *w, struct arena *a, struct pod_view *view)
{
	struct container_note *notes = arena_alloc(a, (w->note_count + 1) * sizeof(*notes));

	for (size_t i = 0; i < w->note_count; i++)
		notes[i] = *w->notes[i];
	*view = (struct pod_view){.pod = w->state->pod,
		.notes = notes,
		.note_count = w->note_count,
		.now = env_wall(kubelet_env(w->k))};
	view_runtime(w, a, view);
	pod_resize_view(w, a, view);
}

/* Nobody asks for it: the runtime alone knows of it. */
static bool is_orphan(const struct pod_state *s)
{
	return !s->object && !pod_is_static(s->pod);
}

struct str pod_worker_ip(struct pod_worker *w, struct arena *a)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	struct pod_view view;

	pod_worker_view(w, a, &view);
	const struct sandbox *s = pod_view_sandbox(&view);
	if (tree_true(view.pod, "spec.hostNetwork")) {
		if (w->k->facts.ip_count)
			ip_print(&text, &w->k->facts.ips[0]);
	} else if (s && s->ip_count) {
		ip_print(&text, &s->ips[0]);
	}
	return arena_str(a, buf_str(&text));
}

struct cJSON *pod_worker_seen(struct pod_worker *w, struct arena *a)
{
	if (is_orphan(w->state))
		return NULL;
	struct cJSON *pod = json_copy(a, w->state->pod);
	struct cJSON *status = status_writer_wanted(&w->status, a);
	if (status)
		json_set(a, pod, STR("status"), status);
	return pod;
}

/* ---- the beginning of the end ---- */

static void begin_end(struct pod_worker *w, int64_t grace, int64_t now)
{
	if (w->life == LIFE_SYNC) {
		w->life = LIFE_ENDING;
		w->ending_since = now;
		w->ending_grace = grace;
	} else if (grace < w->ending_grace) {
		w->ending_grace = grace; /* it may be made shorter, never longer */
	} else {
		return;
	}
	w->pause_until = 0;
	pod_batch_hurry(w, grace);
}

static int64_t own_grace(const struct pod_worker *w)
{
	return tree_int(w->state->pod, "spec.terminationGracePeriodSeconds", 30);
}

static void fail_pod(struct pod_worker *w, const char *reason, const char *message, int64_t grace)
{
	w->end_phase = "Failed";
	w->end_reason = reason;
	mem_free(w->end_message);
	w->end_message = mem_copy_text(message);
	begin_end(w, grace * SEC, env_wall(kubelet_env(w->k)));
}

static void look_for_end(struct pod_worker *w, const struct pod_view *v)
{
	int64_t spec = tree_int(v->pod, "spec.terminationGracePeriodSeconds", 30);
	int64_t deadline = pod_deadline(v->pod);
	struct str phase = tree_str(v->pod, "status.phase");

	if (pod_is_deleted(v->pod))
		begin_end(w, tree_int(v->pod, "metadata.deletionGracePeriodSeconds", spec) * SEC,
			v->now);
	else if (w->gone)
		begin_end(w, spec * SEC, v->now);
	else if (w->life == LIFE_SYNC &&
		 (str_eq(phase, STR("Succeeded")) || str_eq(phase, STR("Failed"))))
		begin_end(w, spec * SEC, v->now); /* before this kubelet began, or by others */
	else if (w->life == LIFE_SYNC && deadline && v->now >= deadline) {
		fail_pod(w, "DeadlineExceeded",
			"Pod was active on the node longer than the specified deadline", spec);
		kubelet_event(
			w->k, v->pod, NULL, "Normal", "DeadlineExceeded", str_from(w->end_message));
	}
}

static void reject(struct pod_worker *w, struct arena *a, struct str reason, struct str message)
{
	kubelet_event(w->k, w->state->pod, NULL, "Warning", arena_str(a, reason).at, message);
	fail_pod(w, mem_copy_text(arena_str(a, reason).at),
		arena_print(a, "Pod was rejected: %.*s", STRF(message)).at, own_grace(w));
	w->rejected = true;
}

/* Once, before anything of it runs; what the last kubelet has begun goes on. */
static void admit(struct pod_worker *w, struct arena *a, const struct pod_view *v)
{
	struct pod_victims victims = {0};
	struct str reason, message;

	if (w->seen || w->life != LIFE_SYNC)
		return;
	w->seen = true;
	if (!is_orphan(w->state))
		pod_resize_begin(w, v);
	if (is_orphan(w->state) || v->sandbox_count)
		return;
	if (kubelet_admits(w->k, a, w->state->pod, &victims, &reason, &message))
		pod_preempt(w, &victims);
	else
		reject(w, a, reason, message);
}

/* ---- what is to be done ---- */

static void note_waits(struct pod_worker *w, const struct pod_actions *actions)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < actions->wait_count; i++) {
		const struct pod_wait *wait = &actions->waits[i];
		struct container_note *note = pod_worker_note(w, wait->name);
		static const char *const lists[] = {
			"spec.containers", "spec.initContainers", "spec.ephemeralContainers"};

		if (str_eq(note->reason, STR("CrashLoopBackOff")) &&
			str_eq(note->message, wait->message))
			continue;
		pod_worker_obstacle(w, wait->name, "CrashLoopBackOff", wait->message);
		for (size_t k = 0; k < ARRAY_LEN(lists); k++)
			json_each (container, json_path(w->state->pod, lists[k]))
				if (str_eq(tree_str(container, "name"), wait->name))
					kubelet_event(w->k, w->state->pod, container, "Warning",
						"BackOff",
						arena_print(&a,
							"Back-off restarting failed "
							"container %.*s in pod %.*s",
							STRF(wait->name),
							STRF(pod_title(&a, w->state->pod))));
	}
}

static bool is_for_ever(const struct pod_worker *w)
{
	return w->gone || is_orphan(w->state);
}

/* Nothing of it is begun while there is no network for it. */
static bool lacks_network(struct pod_worker *w, struct arena *a)
{
	struct str fault = tree_true(w->state->pod, "spec.hostNetwork")
				   ? STR("")
				   : kubelet_network_fault(w->k, a);

	if (fault.len && !w->told_network)
		kubelet_event(w->k, w->state->pod, NULL, "Warning", "NetworkNotReady",
			arena_print(a, "network is not ready: %.*s", STRF(fault)));
	w->told_network = fault.len > 0;
	return fault.len > 0;
}

/* The next batch, and until when there is nothing else to do. */
static void decide(struct pod_worker *w, struct arena *a, const struct pod_view *v,
	struct pod_actions *actions)
{
	*actions = (struct pod_actions){0};
	if (w->life == LIFE_SYNC && !object_hold_ready(w->hold))
		return;
	if (w->life == LIFE_SYNC && !pod_has_room(w)) {
		actions->wake = v->now + LOOK_SOON;
		return;
	}
	if (w->life == LIFE_SYNC) {
		podsync(a, v, actions);
		note_waits(w, actions);
		if (!pod_is_prepared(w))
			actions->count = 0;
		if (actions->count && actions->items[0].kind != POD_KILL_CONTAINER &&
			lacks_network(w, a)) {
			actions->count = 0;
			podsync_earliest(&actions->wake, v->now + LOOK_SOON);
		}
		if (actions->count && actions->items[0].kind == POD_RESIZE &&
			!pod_resize_is_idle(w))
			actions->count = 0; /* first it is written down */
		podsync_earliest(&actions->wake, pod_prepare_next(w));
		podsync_earliest(&actions->wake, pod_resize_next(w));
		if (actions->finished)
			begin_end(w, own_grace(w) * SEC, v->now);
	}
	if (w->life == LIFE_ENDING) {
		struct pod_ending ending = {w->ending_grace, w->ending_since};

		podsync_end(a, v, &ending, actions);
		if (actions->finished && !w->batch)
			w->life = LIFE_LEAVING;
	}
	if (w->life == LIFE_LEAVING && !w->batch)
		pod_leave(w);
	if (w->life == LIFE_ENDED && (is_for_ever(w) || w->purged))
		podsync_purge(a, v, actions);
	else if (!actions->count)
		podsync_collect(a, v, actions);
	if (actions->count && time_waits(w->pause_until, MINUTE, v->now)) {
		actions->count = 0;
		podsync_earliest(&actions->wake, w->pause_until);
	}
}

/* ---- what is told ---- */

static void publish(struct pod_worker *w, struct arena *a)
{
	const struct cJSON *before = status_writer_wanted(&w->status, a);
	struct pod_view view;
	struct pod_status_input in = {.view = &view,
		.old = before ? before : json_get(w->state->pod, STR("status")),
		.host_ips = w->k->facts.ips,
		.host_ip_count = w->k->facts.ip_count,
		.runtime = w->k->runtime->ops->name,
		.terminal = w->life >= LIFE_LEAVING,
		.rejected = w->rejected,
		.phase = str_from(w->end_phase),
		.reason = str_from(w->end_reason),
		.message = str_from(w->end_message),
		.resize = &w->resize.told,
		.disruption = str_from(w->disruption)};

	if (is_for_ever(w))
		return;
	pod_worker_view(w, a, &view);
	if (!w->purged) /* what was told stays true */
		status_writer_want(&w->status, pod_status_make(a, &in));
	if (w->life == LIFE_ENDED && pod_is_deleted(w->state->pod))
		status_writer_remove(&w->status);
}

/* ---- the worker ---- */

static void looked(struct op *op, struct err *err);

static void sleep_until(struct pod_worker *w, int64_t wall)
{
	int64_t ns = wall ? MAX(wall - env_wall(kubelet_env(w->k)), MSEC) : 0;

	op_init(&w->idle, &w->k->scope, looked, OP_NO_DEADLINE);
	timer_wait(&w->idle, wall ? loop_in(kubelet_loop(w->k), ns) : OP_NO_DEADLINE);
}

static bool is_over(struct pod_worker *w, const struct pod_view *v)
{
	bool gone = w->life == LIFE_ENDED && is_for_ever(w) && !w->batch && !v->sandbox_count &&
		    !v->container_count && status_writer_is_idle(&w->status) &&
		    pod_resize_is_idle(w);

	if (gone && !w->buried)
		pod_bury(w);
	return gone && w->buried;
}

static void leave(struct pod_worker *w)
{
	struct kubelet *k = w->k;

	map_remove(&k->workers, str_from(w->uid));
	pod_worker_free(w);
	pod_resizes_retry(k);
	static_pods_look(k->statics);
}

static void looked(struct op *op, struct err *err)
{
	struct pod_worker *w = CONTAINER_OF(op, struct pod_worker, idle);
	_cleanup_(arena_done) struct arena a;
	struct pod_actions actions;
	struct pod_view view;

	(void)err; /* waking is cancelling the wait */
	arena_init(&a);
	if (w->freed || scope_closing(&w->k->scope))
		return;
	pod_worker_view(w, &a, &view);
	look_for_end(w, &view);
	admit(w, &a, &view);
	pod_worker_view(w, &a, &view); /* both may make another state */
	pod_resize_look(w, &a, &view);
	pod_worker_view(w, &a, &view);
	probers_sync(w, &view);
	pod_worker_view(w, &a, &view); /* with its verdicts */
	pod_prepare(w);
	publish(w, &a);
	decide(w, &a, &view, &actions);
	publish(w, &a);
	if (is_over(w, &view)) {
		leave(w);
		return;
	}
	if (actions.count && !w->batch)
		pod_batch_start(w, &actions);
	sleep_until(w, w->batch ? pod_deadline(w->state->pod) : actions.wake);
}

void pod_worker_wake(struct pod_worker *w)
{
	if (op_active(&w->idle))
		op_cancel(&w->idle);
}

static void wrote(struct status_writer *status)
{
	pod_worker_wake(CONTAINER_OF(status, struct pod_worker, status));
}

/* What could not be made for want of something is tried again at once. */
static void try_again(struct pod_worker *w)
{
	for (size_t i = 0; i < w->note_count; i++)
		if (str_eq(w->notes[i]->reason, STR("CreateContainerConfigError")))
			w->notes[i]->retry_at = 0;
}

static void source_changed(void *ctx)
{
	struct pod_worker *w = ctx;

	try_again(w);
	pod_volumes_touch(w->volumes);
	pod_worker_wake(w);
}

struct pod_worker *pod_worker_new(struct kubelet *k, struct pod_state *state)
{
	struct pod_worker *w = mem_new(sizeof(*w));

	w->k = k;
	w->uid = str_dup(tree_str(state->pod, "metadata.uid"));
	w->state = pod_state_ref(state);
	w->gone = is_orphan(state);
	status_writer_init(&w->status, k->base.client, &k->scope,
		str_from(str_dup(tree_str(state->pod, "metadata.namespace"))),
		str_from(str_dup(tree_str(state->pod, "metadata.name"))), str_from(w->uid), wrote);
	if (state->object)
		status_writer_heard(
			&w->status, json_get(state->pod, STR("status")), state->object->revision);
	w->status.held = pod_is_static(state->pod) && !state->object;
	list_init(&w->probers);
	w->volumes = pod_volumes_new(&k->volumes, str_from(w->uid));
	if (!w->gone)
		object_watches_hold(k->objects, &w->hold, state->pod, source_changed, w);
	sleep_until(w, 1);
	return w;
}

/* Did somebody change more than its status? */
static bool is_edited(const struct cJSON *old, const struct cJSON *fresh)
{
	static const char *const members[] = {
		"metadata.generation", "metadata.annotations", "metadata.labels"};

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (!json_equal(json_path(old, members[i]), json_path(fresh, members[i])))
			return true;
	return false;
}

void pod_worker_update(struct pod_worker *w, struct pod_state *state, bool gone)
{
	w->gone |= gone;
	if (state) {
		if (is_edited(w->state->desired, state->desired))
			try_again(w);
		pod_state_unref(w->state);
		w->state = pod_state_ref(state);
		pod_resize_apply(w, state);
		if (state->object)
			status_writer_heard(&w->status, json_get(state->pod, STR("status")),
				state->object->revision);
		if (!w->gone)
			object_watches_hold(w->k->objects, &w->hold, state->pod, source_changed, w);
		pod_volumes_touch(w->volumes);
	}
	if (w->gone) {
		object_watches_drop(w->k->objects, &w->hold);
		status_writer_stop(&w->status);
	}
	pod_worker_wake(w);
}

void pod_worker_bind(struct pod_worker *w, const struct cJSON *mirror, int64_t revision)
{
	struct str uid = tree_str(mirror, "metadata.uid");

	if (mirror && w->mirror_uid && str_eq_text(uid, w->mirror_uid)) {
		status_writer_heard(&w->status, json_get(mirror, STR("status")), revision);
		return;
	}
	char *old = w->mirror_uid;
	w->mirror_uid = mirror ? str_dup(uid) : NULL;
	status_writer_move(&w->status, str_from(w->mirror_uid));
	mem_free(old);
	if (mirror)
		status_writer_heard(&w->status, json_get(mirror, STR("status")), revision);
	pod_worker_wake(w);
}

void pod_worker_evict(struct pod_worker *w, const struct pod_eviction *why)
{
	struct arena a;

	if (w->life != LIFE_SYNC)
		return;
	arena_init(&a);
	if (!why->silent)
		kubelet_event(w->k, w->state->pod, NULL, "Warning", why->reason, why->message);
	mem_free(w->disruption);
	w->disruption = why->disruption ? mem_copy_text(why->disruption) : NULL;
	fail_pod(w, why->reason, arena_str(&a, why->message).at,
		why->grace < 0 ? own_grace(w) : why->grace);
	pod_worker_wake(w);
	arena_done(&a);
}

bool pod_worker_has_ended(const struct pod_worker *w)
{
	return w->life == LIFE_ENDED && !w->batch;
}

void pod_worker_purge(struct pod_worker *w)
{
	if (w->life != LIFE_ENDED || w->purged)
		return;
	w->purged = true;
	pod_worker_wake(w);
}

void pod_worker_abandon(struct pod_worker *w)
{
	w->freed = true;
	probers_stop(w);
	object_watches_drop(w->k->objects, &w->hold);
	status_writer_stop(&w->status);
	pod_batch_cancel(w);
	op_cancel(&w->around);
	pod_resize_abandon(w);
	op_cancel(&w->idle);
}

void pod_worker_free(struct pod_worker *w)
{
	assert(!w->batch && !op_active(&w->idle) && !op_active(&w->around));
	probers_stop(w);
	pod_volumes_free(w->volumes);
	object_watches_drop(w->k->objects, &w->hold);
	mem_free((void *)w->status.namespace.at);
	mem_free((void *)w->status.name.at);
	status_writer_done(&w->status);
	free_notes(w);
	pod_state_unref(w->state);
	if (w->rejected)
		mem_free((void *)w->end_reason);
	mem_free(w->end_message);
	mem_free(w->disruption);
	pod_preemption_done(w);
	pod_resize_done(w);
	mem_free(w->mirror_uid);
	mem_free(w->uid);
	mem_free(w);
}
