#include "static_pods.h"
#include "pod_worker.h"

#include <kube/api_codec.h>
#include <kube/file_watch.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/work.h>
#include <kube/yaml.h>

#define FILE_MOST  (1 * MIB)
#define FILES_MOST 256

struct manifest {
	struct str name, text;
	struct pod_state *state; /* NULL: it is no pod */
};

enum static_step { STATIC_READ, STATIC_HAVE, STATIC_CHANGED };
static const char *const static_steps[] = {"read", "have", "changed"};

struct static_pods {
	struct kubelet *k;
	struct file_watch *watch;
	struct op op;
	struct task task;
	struct work work;
	struct arena arena;
	struct manifest *items;
	size_t count;
	bool known;
};

bool static_pods_known(const struct static_pods *s)
{
	return !s || s->known;
}

/* ---- on a worker ---- */

static int note_name(void *ctx, const char *name)
{
	struct static_pods *s = ctx;

	if (name[0] != '.' && s->count < FILES_MOST)
		s->items[s->count++].name = arena_str(&s->arena, str_from(name));
	return 0;
}

/* What cannot be read is as if it were empty: no pod, and that is told. */
static void read_all(struct work *w)
{
	struct static_pods *s = CONTAINER_OF(w, struct static_pods, work);
	struct disk *disk = kubelet_env(s->k)->disk;
	const char *top = s->k->options.manifests.at;

	if (disk->ops->list(disk, top, note_name, s, &w->err) == ERR_NOT_FOUND)
		err_done(&w->err);
	for (size_t i = 0; i < s->count; i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MOST);
		struct str path = arena_print(&s->arena, "%s/%s", top, s->items[i].name.at);

		if (!disk_read_file(disk, path.at, &text, NULL))
			s->items[i].text = arena_str(&s->arena, buf_str(&text));
	}
}

/* ---- what follows ---- */

static void parse(struct static_pods *s, struct manifest *m)
{
	struct kubelet *k = s->k;
	struct pod_state *state = pod_state_new(NULL);
	_cleanup_(err_done) struct err err = {0};

	if (!yaml_read_any(&state->arena, m->text, NULL, &state->pod, &err) &&
		!static_pod_make(&state->arena, k->options.node_name,
			arena_print(
				&s->arena, "%.*s/%.*s", STRF(k->options.manifests), STRF(m->name)),
			state->pod, env_wall(kubelet_env(k)), &err)) {
		state->desired = state->pod;
		m->state = state;
		return;
	}
	log_error(&err, "a manifest of a static pod cannot be used", LOG_STR("file", m->name));
	pod_state_unref(state);
}

static bool is_wanted(const struct static_pods *s, struct str uid)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->items[i].state &&
			str_eq(tree_str(s->items[i].state->pod, "metadata.uid"), uid))
			return true;
	return false;
}

static bool name_is_taken(const struct static_pods *s, const struct cJSON *pod)
{
	map_each (it, &s->k->workers) {
		const struct cJSON *other = pod_worker_pod(it.value);

		if (pod_is_static(other) &&
			str_eq(tree_str(other, "metadata.name"), tree_str(pod, "metadata.name")) &&
			str_eq(tree_str(other, "metadata.namespace"),
				tree_str(pod, "metadata.namespace")))
			return true;
	}
	return false;
}

void static_pods_look(struct static_pods *s)
{
	if (!s || scope_closing(&s->k->scope))
		return;
	map_each (it, &s->k->workers) {
		struct pod_worker *w = it.value;

		if (pod_is_static(pod_worker_pod(w)) && !w->gone && !is_wanted(s, it.key))
			pod_worker_update(w, NULL, true);
	}
	for (size_t i = 0; i < s->count; i++) {
		struct pod_state *state = s->items[i].state;

		if (state && !name_is_taken(s, state->pod))
			map_set(&s->k->workers, tree_str(state->pod, "metadata.uid"),
				pod_worker_new(s->k, state));
	}
	mirrors_look(s->k->mirrors);
}

static void forget(struct static_pods *s)
{
	for (size_t i = 0; i < s->count; i++)
		pod_state_unref(s->items[i].state);
	s->count = 0;
	arena_done(&s->arena);
	arena_init(&s->arena);
	s->items = arena_new(&s->arena, FILES_MOST * sizeof(*s->items));
}

static void static_run(struct task *t, struct err *err)
{
	struct static_pods *s = CONTAINER_OF(t, struct static_pods, task);

	if (err->code == ERR_CANCELLED)
		return task_fail(t, err);
	switch ((enum static_step)t->step) {
	case STATIC_CHANGED:
	case STATIC_READ:
		forget(s);
		work_start(
			&s->work, task_await(t, STATIC_HAVE, OP_NO_DEADLINE), WORK_DISK, read_all);
		return;
	case STATIC_HAVE:
		if (err->code)
			log_error(err, "manifests of static pods cannot be read");
		for (size_t i = 0; i < s->count; i++)
			parse(s, &s->items[i]);
		if (!err->code)
			static_pods_look(s);
		err_done(err);
		s->known = true;
		kubelet_settle(s->k);
		file_watch_wait(s->watch, task_await(t, STATIC_CHANGED, OP_NO_DEADLINE));
	}
}

static const struct task_kind static_kind = TASK_KIND("static pods", static_steps, static_run);

static void over(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

struct static_pods *static_pods_new(struct kubelet *k)
{
	struct static_pods *s;

	if (!k->options.manifests.len)
		return NULL;
	s = mem_new(sizeof(*s));
	s->k = k;
	arena_init(&s->arena);
	s->watch = file_watch_new(kubelet_env(k), &k->scope, k->options.manifests.at);
	op_init(&s->op, &k->scope, over, OP_NO_DEADLINE);
	task_start(&s->task, &static_kind, &s->op);
	return s;
}

void static_pods_stop(struct static_pods *s)
{
	if (s)
		file_watch_close(TAKE(s->watch));
}

void static_pods_free(struct static_pods *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		pod_state_unref(s->items[i].state);
	arena_done(&s->arena);
	mem_free(s);
}
