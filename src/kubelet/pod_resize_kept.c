/* What is remembered of a pod's resizes, in memory and on disk. */
#include "pod_resize.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/mem.h>

/* ---- on disk ---- */

static char *directory_of(const struct pod_worker *w)
{
	return mem_print("%.*s/pods/%s", STRF(w->k->options.root_dir), w->uid);
}

static void save_on_worker(struct work *w)
{
	struct pod_resize *r = CONTAINER_OF(w, struct pod_resize, work);
	char *path = mem_print("%s/resources.json", r->directory);

	if (!disk_make_dirs(r->disk, r->directory, 0750, &w->err))
		disk_write_file(r->disk, path, str_from(r->text), 0600, &w->err);
	mem_free(path);
}

static void saved(struct op *op, struct err *err)
{
	struct pod_worker *w = CONTAINER_OF(op, struct pod_worker, resize.saving);

	mem_free(TAKE(w->resize.text));
	mem_free(TAKE(w->resize.directory));
	if (err->code && err->code != ERR_CANCELLED)
		log_warning(err, "what a pod was resized to cannot be kept",
			LOG_STR("pod", w->status.name), LOG_STR("namespace", w->status.namespace));
	if (w->resize.save_again && !w->freed)
		pod_resize_save(w);
	pod_worker_wake(w);
}

void pod_resize_save(struct pod_worker *w)
{
	struct pod_resize *r = &w->resize;
	struct arena a;

	r->save_again = op_active(&r->saving);
	if (r->save_again)
		return;
	arena_init(&a);
	struct cJSON *whole = json_new(&a, JSON_OBJECT),
		     *allocation = resize_parse(&a, r->allocation);
	struct cJSON *done = resize_parse(&a, r->done);
	if (allocation)
		json_set(&a, whole, STR("allocated"), allocation);
	if (done)
		json_set(&a, whole, STR("done"), done);
	tree_set_int(&a, whole, "generation", r->told.generation);
	json_set(&a, whole, STR("settled"), json_new_bool(&a, !r->unsettled));
	r->text = resize_print(whole);
	r->directory = directory_of(w);
	r->disk = kubelet_env(w->k)->disk;
	arena_done(&a);
	op_init(&r->saving, &w->k->scope, saved, OP_NO_DEADLINE);
	work_start(&r->work, &r->saving, WORK_DISK, save_on_worker);
}

struct cJSON *pod_resize_load(const struct pod_worker *w, struct arena *a)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(RESIZE_TEXT_MAX);
	char *directory = directory_of(w), *path = mem_print("%s/resources.json", directory);
	int code = disk_read_file(kubelet_env(w->k)->disk, path, &text, NULL);

	mem_free(directory);
	mem_free(path);
	return code ? NULL : resize_parse(a, buf_text(&text));
}

/* ---- what containers have ---- */

/* A container that nobody has resized has what it began with. */
const struct cJSON *pod_resize_first(struct arena *a, const struct container *c)
{
	struct str text = pair_get(&c->annotations, STR(ANNOTATION_RESOURCES));

	return text.len ? resize_parse(a, arena_str(a, text).at) : NULL;
}

static struct cJSON *actual(const struct pod_worker *w, struct arena *a, const struct pod_view *v)
{
	struct cJSON *all = json_new(a, JSON_OBJECT), *done = resize_parse(a, w->resize.done);

	const struct cJSON *whole = json_get(done, RESIZE_WHOLE);
	if (!w->resize.allocation)
		return all;
	if (whole)
		json_set(a, all, RESIZE_WHOLE, json_copy(a, json_get(whole, STR("resources"))));
	for (size_t i = v->container_count; i > 0; i--) {
		const struct container *c = v->containers[i - 1];
		const struct cJSON *entry = json_get(done, c->name);
		const struct cJSON *has = str_eq(tree_str(entry, "id"), c->id)
						  ? json_get(entry, STR("resources"))
						  : pod_resize_first(a, c);

		if (c->state == CONTAINER_RUNNING && has)
			json_set(a, all, c->name, json_copy(a, has));
	}
	return all;
}

void pod_resize_view(const struct pod_worker *w, struct arena *a, struct pod_view *v)
{
	v->actual = actual(w, a, v);
	v->unsure = resize_parse(a, w->resize.unsure);
	v->unsettled = w->resize.unsettled;
}

static void note(
	struct pod_worker *w, struct str name, struct str id, const struct cJSON *resources)
{
	struct arena a;

	arena_init(&a);
	struct cJSON *done = resize_parse(&a, w->resize.done), *entry = json_new(&a, JSON_OBJECT);
	if (!done)
		done = json_new(&a, JSON_OBJECT);
	tree_set_str(&a, entry, "id", id);
	json_set(&a, entry, STR("resources"),
		resources ? json_copy(&a, resources) : json_new(&a, JSON_OBJECT));
	json_set(&a, done, name, entry);
	mem_free(w->resize.done);
	w->resize.done = resize_print(done);
	arena_done(&a);
}

static void be_sure_of(struct pod_resize *r, struct str id)
{
	struct arena a;

	if (!r->unsure)
		return;
	arena_init(&a);
	struct cJSON *ids = resize_parse(&a, r->unsure);
	json_remove(ids, json_get(ids, id));
	mem_free(r->unsure);
	r->unsure = resize_print(ids);
	arena_done(&a);
}

void pod_resize_note(struct pod_worker *w, const struct container *c, const struct cJSON *resources)
{
	note(w, c->name, c->id, resources);
	be_sure_of(&w->resize, c->id);
}

void pod_resize_note_whole(struct pod_worker *w, const struct cJSON *resources)
{
	note(w, RESIZE_WHOLE, STR(""), resources);
}

void pod_resize_settle(struct pod_worker *w, const struct pod_view *v)
{
	struct pod_view settled = *v;

	settled.unsettled = false;
	if (resize_is_due(&settled))
		return; /* another one was allocated meanwhile */
	w->resize.unsettled = false;
	mem_free(TAKE(w->resize.unsure));
}
