/*
 * One object after the other, by server-side apply; what cannot be applied now (its namespace or
 * its kind may come later) is tried again, later each time. A file that has not changed is left
 * alone.
 */
#include "addons.h"

#include <kube/file_watch.h>
#include <kube/hash.h>
#include <kube/log.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>
#include <kube/work.h>
#include <kube/yaml.h>

#include <stdlib.h>

#define FILE_MAX    (16 * MIB)
#define FILES_MAX   4096
#define RETRY_FIRST (500 * MSEC)
#define RETRY_LONG  (60 * SEC)
#define MANAGER     "kube-server"

enum addons_step { ADDONS_READ, ADDONS_NEXT, ADDONS_APPLIED, ADDONS_WAIT };
static const char *const addons_steps[] = {"read", "next", "applied", "wait"};

struct addon_file {
	char *name;
	char *text;
};

struct addons {
	struct part part; /* first */
	struct component_base base;
	char *own, *directory;
	struct scope scope;
	struct file_watch *watch;
	struct task task;
	struct op over, closed, *stopping;
	struct op *own_awaited;
	bool own_tried;

	struct work reading;
	struct addon_file *files; /* as read; the first is our own */
	size_t file_count;
	struct map applied; /* file → its digest, when all of it was applied */

	struct arena arena; /* of one round */
	struct cJSON **objects;
	size_t object_count, next;
	size_t file; /* at hand */
	bool failed, any_failed;
	int64_t retry_in;
	struct client_request request;
};

/* ---- reading, on a worker ---- */

static int take_name(void *ctx, const char *name)
{
	struct addons *d = ctx;
	struct str n = str_from(name);

	if (n.at[0] == '.' || d->file_count == FILES_MAX ||
		!(str_ends(n, STR(".yaml")) || str_ends(n, STR(".yml")) ||
			str_ends(n, STR(".json"))))
		return 0;
	d->files = mem_resize(d->files, (d->file_count + 1) * sizeof(*d->files));
	d->files[d->file_count++] = (struct addon_file){.name = str_dup(n)};
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct addon_file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void read_work(struct work *w)
{
	struct addons *d = CONTAINER_OF(w, struct addons, reading);
	_cleanup_(arena_done) struct arena a;
	struct disk *disk = d->base.env->disk;

	arena_init(&a);
	if (!d->directory[0])
		return;
	disk->ops->list(disk, d->directory, take_name, d, NULL);
	if (d->file_count > 1)
		qsort(d->files + 1, d->file_count - 1, sizeof(*d->files), by_name);
	for (size_t i = 1; i < d->file_count; i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);
		_cleanup_(err_done) struct err err = {0};
		const char *path = arena_print(&a, "%s/%s", d->directory, d->files[i].name).at;

		if (disk_read_file(disk, path, &text, &err))
			log_warning(&err, "a manifest cannot be read", LOG_TEXT("file", path));
		else
			d->files[i].text = str_dup(buf_str(&text));
	}
}

static void forget_files(struct addons *d)
{
	for (size_t i = 0; i < d->file_count; i++) {
		mem_free(d->files[i].name);
		mem_free(d->files[i].text);
	}
	mem_free(d->files);
	d->files = NULL;
	d->file_count = 0;
}

static void read_all(struct addons *d, struct op *op)
{
	forget_files(d);
	d->files = mem_new(sizeof(*d->files));
	d->files[0] =
		(struct addon_file){.name = str_dup(STR("")), .text = str_dup(str_from(d->own))};
	d->file_count = 1;
	d->file = 0;
	d->any_failed = false;
	work_start(&d->reading, op, WORK_DISK, read_work);
}

/* ---- one file ---- */

static int take_object(void *ctx, struct cJSON *root, int line, struct err *err)
{
	struct addons *d = ctx;
	struct cJSON **grown;

	(void)line;
	if (str_eq_text(json_str(json_get(root, STR("kind"))), "List")) {
		json_each (item, json_get(root, STR("items")))
			if (take_object(ctx, item, line, err))
				return err->code;
		return 0;
	}
	grown = arena_alloc(&d->arena, (d->object_count + 1) * sizeof(struct cJSON *));
	if (d->object_count)
		memcpy(grown, d->objects, d->object_count * sizeof(struct cJSON *));
	grown[d->object_count++] = root;
	d->objects = grown;
	return 0;
}

static struct str digest_of(struct arena *a, const struct addon_file *f)
{
	unsigned char digest[32];

	sha256_of(str_from(f->text), digest);
	return arena_str(a, str_make((const char *)digest, sizeof(digest)));
}

/* The next file that is to be applied, its objects read; false: none is left. */
static bool next_file(struct addons *d)
{
	for (; d->file < d->file_count; d->file++) {
		struct addon_file *f = &d->files[d->file];
		_cleanup_(err_done) struct err err = {0};

		arena_done(&d->arena);
		d->objects = NULL;
		d->object_count = d->next = 0;
		d->failed = false;
		if (!f->text || !f->text[0])
			continue;
		const char *known = map_get(&d->applied, str_from(f->name));
		struct str digest = digest_of(&d->arena, f);
		if (known && memcmp(known, digest.at, digest.len) == 0)
			continue;
		if (!yaml_read_all(&d->arena, str_from(f->text), NULL, take_object, d, &err))
			return true;
		log_error(&err, "a manifest cannot be read", LOG_TEXT("file", f->name));
		mem_free(map_set(&d->applied, str_from(f->name), str_dup(digest)));
	}
	return false;
}

static void file_over(struct addons *d)
{
	struct addon_file *f = &d->files[d->file];

	d->any_failed |= d->failed;
	if (!d->failed) {
		mem_free(map_set(&d->applied, str_from(f->name), str_dup(digest_of(&d->arena, f))));
		if (f->name[0])
			log_info("applied a manifest", LOG_TEXT("file", f->name));
	}
	d->file++;
}

/* ---- one object ---- */

static bool prepare(struct addons *d, const struct cJSON *object)
{
	struct str group, version, namespace = json_str(json_path(object, "metadata.namespace")),
				   kind = json_str(json_get(object, STR("kind")));

	api_version_split(json_str(json_get(object, STR("apiVersion"))), &group, &version);
	const struct resource *r = resource_find_kind(group, version, kind);
	if (!r) {
		log_error(NULL, "a manifest is of an unknown kind",
			LOG_TEXT("file", d->files[d->file].name), LOG_STR("kind", kind));
		return false;
	}
	if (r->namespaced && !namespace.len)
	namespace = STR("default");
	client_request_init(&d->request, CLIENT_APPLY, r, r->namespaced ? namespace : STR(""),
		json_str(json_path(object, "metadata.name")));
	d->request.body = object;
	d->request.field_manager = STR(MANAGER);
	d->request.force = true;
	return true;
}

static void own_over(struct addons *d)
{
	d->own_tried = true;
	if (d->own_awaited)
		op_finish(TAKE(d->own_awaited), 0);
}

static void apply_next(struct addons *d)
{
	struct task *t = &d->task;

	for (;;) {
		if (d->file > 0)
			own_over(d);
		if (d->next == d->object_count) {
			if (d->object_count)
				file_over(d);
			if (!next_file(d))
				break;
			continue;
		}
		if (prepare(d, d->objects[d->next])) {
			client_send(d->base.client,
				task_await(t, ADDONS_APPLIED, loop_in(d->scope.loop, 60 * SEC)),
				&d->request);
			return;
		}
		d->failed = true;
		d->next++;
	}
	own_over(d);
	forget_files(d);
	d->retry_in = d->any_failed ? MIN(MAX(2 * d->retry_in, RETRY_FIRST), RETRY_LONG) : 0;
	struct op *wait = task_await(
		t, ADDONS_WAIT, d->retry_in ? loop_in(d->scope.loop, d->retry_in) : OP_NO_DEADLINE);
	if (d->watch)
		file_watch_wait(d->watch, wait);
	else
		timer_wait(wait, d->retry_in ? loop_in(d->scope.loop, d->retry_in) : INT64_MAX);
}

static void addons_run(struct task *t, struct err *err)
{
	struct addons *d = CONTAINER_OF(t, struct addons, task);

	if (err->code == ERR_CANCELLED) {
		if (t->step == ADDONS_APPLIED)
			client_request_done(&d->request);
		task_fail(t, err);
		return;
	}
	switch ((enum addons_step)t->step) {
	case ADDONS_READ:
		read_all(d, task_await(t, ADDONS_NEXT, OP_NO_DEADLINE));
		return;
	case ADDONS_APPLIED:
		if (err->code) {
			d->failed = true;
			log_warning(err, "a manifest's object was not applied",
				LOG_TEXT("file", d->files[d->file].name));
		}
		client_request_done(&d->request);
		d->next++;
		/* fallthrough */
	case ADDONS_NEXT:
		apply_next(d);
		return;
	case ADDONS_WAIT:
		read_all(d, task_await(t, ADDONS_NEXT, OP_NO_DEADLINE));
		return;
	}
}

static void own_cancel(struct op *op)
{
	struct addons *d = op->ctx;

	d->own_awaited = NULL;
	op_fail_cancelled(op);
}

void addons_await_own(struct part *p, struct op *op)
{
	static const struct op_kind kind = {.name = "own manifest", .cancel = own_cancel};
	struct addons *d = CONTAINER_OF(p, struct addons, part);

	if (!op_begin(op, &kind, d))
		return;
	d->own_awaited = op;
	if (d->own_tried)
		own_over(d);
}

/* ---- life ---- */

static void task_over(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

static void all_closed(struct op *op, struct err *err)
{
	struct addons *d = CONTAINER_OF(op, struct addons, closed);

	(void)err;
	op_finish(d->stopping, 0);
}

static void addons_stop(struct part *p, struct op *op)
{
	static const struct op_kind kind = {.name = "addons stop"};
	struct addons *d = CONTAINER_OF(p, struct addons, part);

	op_begin_always(op, &kind, d);
	d->stopping = op;
	file_watch_close(TAKE(d->watch));
	op_init(&d->closed, d->base.scope, all_closed, OP_NO_DEADLINE);
	scope_close(&d->scope, &d->closed);
}

static void addons_free(struct part *p)
{
	struct addons *d = CONTAINER_OF(p, struct addons, part);

	forget_files(d);
	map_each (it, &d->applied)
		mem_free(it.value);
	map_done(&d->applied);
	arena_done(&d->arena);
	mem_free(d->own);
	mem_free(d->directory);
	mem_free(d);
}

struct part *addons_new(const struct component_base *base, struct str own, struct str directory)
{
	static const struct part_ops ops = {
		.name = "addons", .stop = addons_stop, .free = addons_free};
	static const struct task_kind kind = TASK_KIND("addons", addons_steps, addons_run);
	struct addons *d = mem_new(sizeof(*d));

	d->part.ops = &ops;
	d->base = *base;
	d->own = str_dup(own);
	d->directory = str_dup(directory);
	map_init(&d->applied);
	arena_init(&d->arena);
	scope_init(&d->scope, base->scope, "addons", NULL);
	if (directory.len)
		d->watch = file_watch_new(base->env, &d->scope, d->directory);
	op_init(&d->over, &d->scope, task_over, OP_NO_DEADLINE);
	task_start(&d->task, &kind, &d->over);
	return &d->part;
}
