#include "eviction_manager.h"
#include "image_collector.h"
#include "node_agent.h"
#include "pod_levels.h"
#include "pod_worker.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/machine.h>
#include <kube/mem.h>
#include <kube/time.h>
#include <kube/work.h>

#define LOOK_EVERY   (10 * SEC)
#define LEAVES_EVERY SEC /* to see whether who was evicted has left */
#define LEAVES_MOST  (30 * SEC)
#define PURGES_EVERY (200 * MSEC)
#define PURGES_MOST  (10 * SEC)
#define WALK_SHARE   20 /* volumes are measured for at most one part in so many of the time */

/*
 *	LOOK ─▶ MEASURED ─▶ (disk: PURGED ─▶ SWEPT ─▶ MEASURED_AGAIN) ─▶ LEFT ─▶ LOOK
 */
enum manager_step {
	EVICT_LOOK,
	EVICT_MEASURED,
	EVICT_PURGED,
	EVICT_SWEPT,
	EVICT_MEASURED_AGAIN,
	EVICT_LEFT
};
static const char *const manager_steps[] = {
	"look", "measured", "purged", "swept", "measured again", "left"};

struct eviction_manager {
	struct kubelet *k;
	struct op op;
	struct task task;
	struct work work;
	struct machine machine; /* of it, what there is in all */
	struct arena arena;
	struct signal_level levels[SIGNALS];
	bool own_image_disk;
	bool looked; /* once at least: what has just begun knows of no pod what it uses */
	struct eviction_memory memory;
	const struct eviction_threshold *threshold; /* that something is done about */
	struct emptydir_levels volumes;
	struct arena volumes_arena;
	bool walk;
	int64_t walk_at; /* not before */
	char *leaving;   /* uid */
	int64_t until;
	struct image_sweep sweep;
};

/* ---- what there is, on a worker ---- */

static void set(
	struct eviction_manager *m, enum eviction_signal s, int64_t available, int64_t capacity)
{
	m->levels[s] = (struct signal_level){available, capacity, capacity > 0};
}

static void set_all(struct eviction_manager *m, const struct machine_free *f,
	const struct machine_space *images)
{
	const struct machine *all = &m->machine;

	set(m, SIGNAL_MEMORY, f->memory, all->memory);
	set(m, SIGNAL_NODEFS, f->disk, all->disk);
	set(m, SIGNAL_NODEFS_INODES, f->inodes, all->inodes);
	set(m, SIGNAL_IMAGEFS, images->free_bytes, images->bytes);
	set(m, SIGNAL_IMAGEFS_INODES, images->free_inodes, images->inodes);
	set(m, SIGNAL_PIDS, f->processes, all->processes);
}

static void measure_machine(struct eviction_manager *m)
{
	const struct kubelet_options *o = &m->k->options;
	struct machine_space images, node;
	struct machine_free f;

	if (machine_space(o->root_dir.at, &node)) { /* it may have grown */
		m->machine.disk = node.bytes;
		m->machine.inodes = node.inodes;
	}
	machine_measure(o->root_dir.at, &f);
	machine_space(o->image_dir.at, &images);
	m->own_image_disk = images.id != node.id;
	set_all(m, &f, &images);
}

static void use_said(struct eviction_manager *m, const struct machine_free *f)
{
	const struct machine_space images = {.bytes = m->machine.disk,
		.inodes = m->machine.inodes,
		.free_bytes = f->disk,
		.free_inodes = f->inodes};

	set_all(m, f, &images);
}

static void measure(struct work *w)
{
	struct eviction_manager *m = CONTAINER_OF(w, struct eviction_manager, work);
	const struct kubelet_options *o = &m->k->options;
	int64_t began = clock_mono();

	if (!o->machine)
		measure_machine(m);
	else if (o->machine_free)
		use_said(m, o->machine_free);
	if (m->walk)
		emptydir_levels_measure(&m->volumes, &w->cancelled);
	w->n = clock_mono() - began;
}

/* ---- looking ---- */

/* In a hurry volumes are measured whatever it costs. */
static void start_measuring(struct eviction_manager *m, int step, bool hurry)
{
	m->walk = hurry || loop_now(kubelet_loop(m->k)) >= m->walk_at;
	if (m->walk) {
		arena_done(&m->volumes_arena);
		arena_init(&m->volumes_arena);
		emptydir_levels_list(
			m->k, &m->volumes_arena, m->k->pressure[PRESSURE_DISK], &m->volumes);
	}
	work_start(&m->work, task_await(&m->task, step, OP_NO_DEADLINE), WORK_DISK, measure);
}

static void sleep_for(struct eviction_manager *m, int step, int64_t ns)
{
	timer_wait(task_await(&m->task, step, OP_NO_DEADLINE), loop_in(kubelet_loop(m->k), ns));
}

static void look_later(struct eviction_manager *m)
{
	sleep_for(m, EVICT_LOOK, LOOK_EVERY);
}

static void say(struct eviction_manager *m)
{
	const struct event_about about = {.kind = STR("Node"),
		.name = m->k->options.node_name,
		.uid = m->k->options.node_name};
	const char *resource = eviction_resource(m->threshold->signal);

	event_record(m->k->recorder, &about, STR("Warning"), STR("EvictionThresholdMet"),
		arena_print(&m->arena, "Attempting to reclaim %s", resource));
	log_warning(NULL, "the node is short of something", LOG_TEXT("resource", resource));
}

/* ---- pods that go ---- */

static void evict(struct eviction_manager *m, const struct pod_level *p, struct str message,
	int64_t grace, bool disrupted)
{
	struct str uid = tree_str(p->pod, "metadata.uid");
	struct pod_worker *w = map_get(&m->k->workers, uid);

	log_info("a pod is evicted", LOG_STR("pod", tree_str(p->pod, "metadata.name")),
		LOG_STR("namespace", tree_str(p->pod, "metadata.namespace")),
		LOG_STR("why", message));
	mem_free(m->leaving);
	m->leaving = str_dup(uid);
	m->until = loop_in(kubelet_loop(m->k), LEAVES_MOST);
	pod_worker_evict(
		w, &(const struct pod_eviction){.reason = "Evicted",
			   .disruption = disrupted ? arena_str(&m->arena, message).at : NULL,
			   .message = message,
			   .grace = grace});
}

static bool evict_excessive(struct eviction_manager *m)
{
	struct pod_level *pods;
	size_t count = pod_levels_gather(m->k, &m->arena, &m->volumes, &pods);
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		struct str why = eviction_excess(&m->arena, &pods[i]);

		if (why.len)
			evict(m, &pods[i], why, 1, false);
		any |= why.len > 0;
	}
	return any;
}

static bool evict_one(struct eviction_manager *m)
{
	struct pod_level *pods;
	size_t count = pod_levels_gather(m->k, &m->arena, &m->volumes, &pods);

	eviction_rank(pods, count, m->threshold->signal);
	for (size_t i = 0; i < count; i++)
		if (!pod_is_critical(pods[i].pod)) {
			evict(m, &pods[i],
				eviction_message(&m->arena, m->threshold, m->levels, &pods[i]),
				eviction_grace(&m->k->configuration, m->threshold, pods[i].pod),
				true);
			return true;
		}
	return false;
}

static bool has_left(const struct eviction_manager *m)
{
	const struct pod_worker *w = map_get(&m->k->workers, str_from(m->leaving));

	return !w || pod_worker_has_ended(w) || loop_now(kubelet_loop(m->k)) >= m->until;
}

static void evict_and_wait(struct eviction_manager *m)
{
	if (evict_one(m))
		sleep_for(m, EVICT_LEFT, LEAVES_EVERY);
	else
		look_later(m);
}

/* ---- what is freed before that ---- */

static bool can_free(const struct eviction_manager *m)
{
	enum eviction_signal s = m->threshold->signal;
	bool images = s == SIGNAL_IMAGEFS || s == SIGNAL_IMAGEFS_INODES;

	return eviction_is_about_disk(s) && (images || !m->own_image_disk);
}

/* Pods that have ended give up their containers; how many still have some. */
static size_t purge(struct eviction_manager *m)
{
	size_t left = 0;

	map_each (it, &m->k->workers) {
		struct pod_worker *w = it.value;
		struct pod_view view;

		if (!pod_worker_has_ended(w))
			continue;
		pod_worker_purge(w);
		pod_worker_view(w, &m->arena, &view);
		left += view.container_count > 0;
	}
	return left;
}

/* ---- the task ---- */

static void forget(struct eviction_manager *m)
{
	arena_done(&m->arena);
	arena_init(&m->arena);
}

static void measured(struct eviction_manager *m)
{
	struct kubelet *k = m->k;
	int64_t now = loop_now(kubelet_loop(k));

	if (m->walk)
		m->walk_at = now + m->task.wait.n * WALK_SHARE;
	m->threshold = eviction_look(&m->memory, &k->configuration, m->levels, now);
	memcpy(k->pressure, m->memory.pressure, sizeof(k->pressure));
	if (!m->looked) {
		m->looked = true;
		look_later(m);
	} else if (evict_excessive(m)) {
		sleep_for(m, EVICT_LEFT, LEAVES_EVERY);
	} else if (!m->threshold) {
		look_later(m);
	} else {
		say(m);
		if (!can_free(m)) {
			evict_and_wait(m);
			return;
		}
		m->until = loop_in(kubelet_loop(k), PURGES_MOST);
		purge(m);
		sleep_for(m, EVICT_PURGED, PURGES_EVERY);
	}
}

static void manager_run(struct task *t, struct err *err)
{
	struct eviction_manager *m = CONTAINER_OF(t, struct eviction_manager, task);
	struct kubelet *k = m->k;

	if (err->code == ERR_CANCELLED)
		return task_fail(t, err);
	err_done(err);
	forget(m);
	switch ((enum manager_step)t->step) {
	case EVICT_LOOK:
		start_measuring(m, EVICT_MEASURED, false);
		return;
	case EVICT_MEASURED:
		measured(m);
		return;
	case EVICT_PURGED:
		if (purge(m) && loop_now(kubelet_loop(k)) < m->until)
			sleep_for(m, EVICT_PURGED, PURGES_EVERY);
		else
			image_sweep_start(&m->sweep, task_await(t, EVICT_SWEPT, OP_NO_DEADLINE), k,
				INT64_MAX);
		return;
	case EVICT_SWEPT:
		start_measuring(m, EVICT_MEASURED_AGAIN, true);
		return;
	case EVICT_MEASURED_AGAIN:
		if (eviction_is_resolved(&k->configuration, m->levels))
			look_later(m);
		else
			evict_and_wait(m);
		return;
	case EVICT_LEFT:
		if (has_left(m))
			start_measuring(m, EVICT_MEASURED, false);
		else
			sleep_for(m, EVICT_LEFT, LEAVES_EVERY);
	}
}

static const struct task_kind manager_kind =
	TASK_KIND("eviction manager", manager_steps, manager_run);

static void over(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

struct eviction_manager *eviction_manager_new(struct kubelet *k)
{
	struct eviction_manager *m = mem_new(sizeof(*m));

	m->k = k;
	arena_init(&m->arena);
	arena_init(&m->volumes_arena);
	m->machine = *node_agent_machine(k->node);
	op_init(&m->op, &k->scope, over, OP_NO_DEADLINE);
	task_start(&m->task, &manager_kind, &m->op);
	return m;
}

void eviction_manager_free(struct eviction_manager *m)
{
	if (!m)
		return;
	mem_free(m->leaving);
	arena_done(&m->volumes_arena);
	arena_done(&m->arena);
	mem_free(m);
}
