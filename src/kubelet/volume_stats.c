#include "volume_stats.h"
#include "pod_worker.h"

#include <kube/api_codec.h>
#include <kube/file_tree.h>
#include <kube/mem.h>
#include <kube/metric.h>
#include <kube/task.h>
#include <kube/time.h>
#include <kube/work.h>

#include <sys/stat.h>
#include <sys/statvfs.h>

#define LOOK_EVERY (10 * SEC) /* whether there are pods that were not measured yet */

enum stats_step { STATS_LOOK, STATS_MEASURED };
static const char *const stats_steps[] = {"look", "measured"};

/* What is known of a pod. */
struct pod_stats {
	struct arena arena;
	struct str namespace;
	struct volume_figure *items;
	size_t count;
	int64_t looked; /* loop time */
};

/* One volume on its way through a worker. */
struct measuring {
	struct volume_site site;
	struct volume_figure figure;
};
struct measured_pod {
	struct str uid, namespace;
	struct measuring *volumes;
	size_t count;
};

struct volume_stats {
	struct kubelet *k;
	struct op op;
	struct task task;
	struct work work;
	struct arena arena;
	struct measured_pod *pods;
	size_t count;
	int64_t wall;
	struct map known; /* uid → struct pod_stats * */
};

/* ---- on a worker ---- */

void volume_measure(struct volume_figure *f, const char *path, bool counted, int64_t wall,
	const _Atomic(bool) *stop)
{
	struct file_tree_usage u;
	struct statvfs fs;
	struct stat top;

	f->at = 0;
	if (statvfs(path, &fs) || stat(path, &top))
		return;
	f->at = wall;
	f->capacity = (int64_t)(fs.f_blocks * fs.f_frsize);
	f->available = (int64_t)(fs.f_bavail * fs.f_frsize);
	f->used = (int64_t)((fs.f_blocks - fs.f_bfree) * fs.f_frsize);
	f->inodes = (int64_t)fs.f_files;
	f->inodes_free = (int64_t)fs.f_ffree;
	f->inodes_used = (int64_t)(fs.f_files - fs.f_ffree);
	if (!counted)
		return;
	file_tree_measure(path, stop, &u);
	f->used = u.bytes + (int64_t)top.st_blocks * 512;
	f->inodes_used = u.inodes + 1;
}

static void measure(struct work *w)
{
	struct volume_stats *s = CONTAINER_OF(w, struct volume_stats, work);

	for (size_t i = 0; i < s->count; i++)
		for (size_t k = 0; k < s->pods[i].count && !work_cancelled(w); k++) {
			struct measuring *m = &s->pods[i].volumes[k];

			volume_measure(&m->figure, m->site.path.at, m->site.counted, s->wall,
				&w->cancelled);
		}
}

/* ---- on the loop ---- */

static bool is_due(const struct volume_stats *s, const struct pod_worker *w)
{
	const struct pod_stats *p = map_get(&s->known, str_from(w->uid));
	int64_t now = loop_now(kubelet_loop(s->k));

	if (w->life != LIFE_SYNC || !w->volumes || !pod_volumes_ready(w->volumes))
		return false;
	return !p || now - p->looked >= s->k->configuration.volume_stats_period;
}

static void add_pod(struct volume_stats *s, const struct pod_worker *w)
{
	struct measured_pod *p = &s->pods[s->count];
	const struct cJSON *pod = w->state->pod;
	struct volume_site *sites;

	p->count = pod_volumes_sites(w->volumes, &s->arena, pod, &sites);
	if (!p->count)
		return;
	p->uid = arena_str(&s->arena, str_from(w->uid));
	p->namespace = arena_str(&s->arena, tree_str(pod, "metadata.namespace"));
	p->volumes = arena_new(&s->arena, p->count * sizeof(*p->volumes));
	for (size_t i = 0; i < p->count; i++)
		p->volumes[i] = (struct measuring){.site = sites[i],
			.figure = {.name = sites[i].name,
				.claim = sites[i].claim,
				.of_pod = sites[i].of_pod}};
	s->count++;
}

static void stats_free(struct pod_stats *p)
{
	arena_done(&p->arena);
	mem_free(p);
}

/* Pods that are gone are forgotten. */
static void forget(struct volume_stats *s)
{
	struct str *gone = arena_alloc(&s->arena, (s->known.count + 1) * sizeof(*gone));
	size_t count = 0;

	map_each (it, &s->known)
		if (!map_get(&s->k->workers, it.key))
			gone[count++] = arena_str(&s->arena, it.key);
	for (size_t i = 0; i < count; i++)
		stats_free(map_remove(&s->known, gone[i]));
}

static void list_due(struct volume_stats *s)
{
	arena_done(&s->arena);
	arena_init(&s->arena);
	forget(s);
	s->pods = arena_new(&s->arena, (s->k->workers.count + 1) * sizeof(*s->pods));
	s->count = 0;
	s->wall = env_wall(kubelet_env(s->k));
	map_each (it, &s->k->workers)
		if (is_due(s, it.value))
			add_pod(s, it.value);
}

static void keep(struct volume_stats *s, const struct measured_pod *m)
{
	struct pod_stats *p = mem_new(sizeof(*p)), *old;

	arena_init(&p->arena);
	p->looked = loop_now(kubelet_loop(s->k));
	p->namespace = arena_str(&p->arena, m->namespace);
	p->items = arena_new(&p->arena, m->count * sizeof(*p->items));
	for (size_t i = 0; i < m->count; i++) {
		struct volume_figure *f = &p->items[p->count];

		*f = m->volumes[i].figure;
		f->name = arena_str(&p->arena, f->name);
		f->claim = arena_str(&p->arena, f->claim);
		p->count += f->at != 0;
	}
	old = map_set(&s->known, m->uid, p);
	if (old)
		stats_free(old);
}

static void stats_run(struct task *t, struct err *err)
{
	struct volume_stats *s = CONTAINER_OF(t, struct volume_stats, task);

	if (err->code)
		return task_fail(t, err);
	switch ((enum stats_step)t->step) {
	case STATS_LOOK:
		list_due(s);
		if (s->count) {
			work_start(&s->work, task_await(t, STATS_MEASURED, OP_NO_DEADLINE),
				WORK_DISK, measure);
			return;
		}
		/* fallthrough */
	case STATS_MEASURED:
		for (size_t i = 0; i < s->count; i++)
			keep(s, &s->pods[i]);
		s->count = 0;
		timer_wait(task_await(t, STATS_LOOK, OP_NO_DEADLINE),
			loop_in(op_loop(t->op),
				MIN(LOOK_EVERY, s->k->configuration.volume_stats_period)));
	}
}

static const struct task_kind stats_kind = TASK_KIND("volume stats", stats_steps, stats_run);

static void over(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

struct volume_stats *volume_stats_new(struct kubelet *k)
{
	struct volume_stats *s;

	if (k->configuration.volume_stats_period <= 0)
		return NULL;
	s = mem_new(sizeof(*s));
	s->k = k;
	map_init(&s->known);
	arena_init(&s->arena);
	op_init(&s->op, &k->scope, over, OP_NO_DEADLINE);
	task_start(&s->task, &stats_kind, &s->op);
	return s;
}

void volume_stats_free(struct volume_stats *s)
{
	if (!s)
		return;
	map_each (it, &s->known)
		stats_free(it.value);
	map_done(&s->known);
	arena_done(&s->arena);
	mem_free(s);
}

/* ---- being asked ---- */

struct volume_figures volume_stats_of(const struct volume_stats *s, struct str uid)
{
	const struct pod_stats *p = s ? map_get(&s->known, uid) : NULL;

	return p ? (struct volume_figures){p->items, p->count} : (struct volume_figures){0};
}

static const struct {
	const char *name, *help;
	size_t offset;
} of_claims[] = {
#define AT(member) offsetof(struct volume_figure, member)
	{"kubelet_volume_stats_available_bytes", "[ALPHA] Number of available bytes in the volume",
		AT(available)},
	{"kubelet_volume_stats_capacity_bytes", "[ALPHA] Capacity in bytes of the volume",
		AT(capacity)},
	{"kubelet_volume_stats_inodes", "[ALPHA] Maximum number of inodes in the volume",
		AT(inodes)},
	{"kubelet_volume_stats_inodes_free", "[ALPHA] Number of free inodes in the volume",
		AT(inodes_free)},
	{"kubelet_volume_stats_inodes_used", "[ALPHA] Number of used inodes in the volume",
		AT(inodes_used)},
	{"kubelet_volume_stats_used_bytes", "[ALPHA] Number of used bytes in the volume", AT(used)},
#undef AT
};

struct told_claim {
	struct str namespace, name;
	const struct volume_figure *figure;
};

/* Each claim once, however many pods have it. */
static size_t list_claims(
	const struct volume_stats *s, struct arena *a, const struct told_claim **claims)
{
	struct told_claim *list;
	size_t count = 0, most = 0;

	map_each (it, &s->known)
		most += ((const struct pod_stats *)it.value)->count;
	list = arena_alloc(a, (most + 1) * sizeof(*list));
	map_each (it, &s->known) {
		const struct pod_stats *p = it.value;

		for (size_t i = 0; i < p->count; i++) {
			struct told_claim c = {p->namespace, p->items[i].claim, &p->items[i]};
			size_t k = 0;

			while (k < count && !(str_eq(list[k].namespace, c.namespace) &&
						    str_eq(list[k].name, c.name)))
				k++;
			if (c.name.len && k == count)
				list[count++] = c;
		}
	}
	*claims = list;
	return count;
}

void volume_stats_print(const struct volume_stats *s, struct buf *out)
{
	_cleanup_(arena_done) struct arena a;
	const struct told_claim *claims;
	size_t count;

	arena_init(&a);
	count = s ? list_claims(s, &a, &claims) : 0;
	for (size_t m = 0; count && m < ARRAY_LEN(of_claims); m++) {
		metric_head(out, of_claims[m].name, "gauge", of_claims[m].help);
		for (size_t i = 0; i < count; i++) {
			const char *value = (const char *)claims[i].figure + of_claims[m].offset;

			metric_print(out, of_claims[m].name,
				arena_print(&a, "namespace=\"%.*s\",persistentvolumeclaim=\"%.*s\"",
					STRF(claims[i].namespace), STRF(claims[i].name)),
				(double)*(const int64_t *)(const void *)value);
		}
	}
}
