#include "pod_levels.h"
#include "pod_worker.h"

#include <kube/api_codec.h>
#include <kube/file_tree.h>

static bool runs(const struct pod_worker *w)
{
	return w->life == LIFE_SYNC && w->seen && tree_has(w->state->pod, "metadata.name");
}

/* ---- volumes ---- */

static void list_volumes(
	struct kubelet *k, struct arena *a, const struct pod_worker *w, struct emptydir_levels *out)
{
	const struct cJSON *volumes = json_path(w->state->pod, "spec.volumes");
	struct emptydir_level *more;
	struct str uid = arena_str(a, str_from(w->uid));

	if (!json_count(volumes))
		return;
	more = arena_alloc(a, (out->count + json_count(volumes)) * sizeof(*more));
	if (out->count)
		memcpy(more, out->items, out->count * sizeof(*more));
	out->items = more;
	json_each (volume, volumes) {
		struct str name = arena_str(a, tree_str(volume, "name"));

		if (!tree_has(volume, "emptyDir"))
			continue;
		more[out->count++] = (struct emptydir_level){.uid = uid,
			.path = arena_print(a,
				"%.*s/pods/%.*s/volumes/kubernetes.io~empty-dir/%.*s",
				STRF(k->options.root_dir), STRF(uid), STRF(name)),
			.level = {
				.name = name, .on_disk = !tree_str(volume, "emptyDir.medium").len}};
	}
}

void emptydir_levels_list(struct kubelet *k, struct arena *a, bool all, struct emptydir_levels *out)
{
	*out = (struct emptydir_levels){0};
	map_each (it, &k->workers) {
		const struct pod_worker *w = it.value;

		if (runs(w) && (all || pod_has_disk_limits(a, w->state->pod)))
			list_volumes(k, a, w, out);
	}
}

void emptydir_levels_measure(struct emptydir_levels *l, const _Atomic(bool) *stop)
{
	for (size_t i = 0; i < l->count && !*stop; i++) {
		struct file_tree_usage u;

		file_tree_measure(l->items[i].path.at, stop, &u);
		l->items[i].level.bytes = u.bytes;
		l->items[i].inodes = u.inodes;
	}
}

static void add_volumes(struct arena *a, const struct pod_worker *w,
	const struct emptydir_levels *volumes, struct pod_level *p)
{
	struct volume_level *list = arena_alloc(a, (volumes->count + 1) * sizeof(*list));

	for (size_t i = 0; i < volumes->count; i++) {
		const struct emptydir_level *v = &volumes->items[i];

		if (!str_eq_text(v->uid, w->uid))
			continue;
		list[p->volume_count++] = v->level;
		if (!v->level.on_disk)
			continue;
		p->disk += v->level.bytes;
		p->inodes += v->inodes;
	}
	p->volumes = list;
}

/* ---- containers ---- */

static void add_containers(
	struct kubelet *k, struct arena *a, struct pod_worker *w, struct pod_level *p)
{
	struct pod_view view;

	pod_worker_view(w, a, &view);
	struct container_level *list = arena_alloc(a, (view.container_count + 1) * sizeof(*list));
	for (size_t i = 0; i < view.container_count; i++) {
		const struct container *c = view.containers[i];
		struct container_usage u;

		if (c->state != CONTAINER_RUNNING || !k->runtime->ops->usage(k->runtime, c->id, &u))
			continue;
		list[p->container_count++] = (struct container_level){.name = c->name,
			.memory = u.memory_working_set,
			.disk = u.writable_bytes + u.log_bytes};
		p->known = true;
		p->memory += u.memory_working_set;
		p->disk += u.writable_bytes + u.log_bytes;
		p->inodes += u.writable_inodes;
		p->processes += u.pids;
	}
	p->containers = list;
}

size_t pod_levels_gather(struct kubelet *k, struct arena *a, const struct emptydir_levels *volumes,
	struct pod_level **levels)
{
	struct pod_level *list = arena_new(a, (k->workers.count + 1) * sizeof(*list));
	size_t count = 0;

	map_each (it, &k->workers) {
		struct pod_worker *w = it.value;
		struct pod_level *p = &list[count];

		if (!runs(w))
			continue;
		count++;
		p->pod = w->state->pod;
		add_containers(k, a, w, p);
		add_volumes(a, w, volumes, p);
	}
	*levels = list;
	return count;
}
