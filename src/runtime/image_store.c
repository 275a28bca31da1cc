#include "image_store_private.h"

#include "image_import.h"

#include <kube/log.h>
#include <kube/mem.h>

/* ---- jobs ---- */

static void job_done(struct op *op, struct err *err)
{
	struct store_job *job = CONTAINER_OF(op, struct store_job, op);
	struct op *caller = job->caller;
	int64_t n = op->n;

	if (job->end)
		job->end(job);
	image_picture_free(job->picture);
	err_done(&job->work.err);
	mem_free(job);
	err->code ? op_fail(caller, err) : op_finish(caller, n);
}

void store_job_cancel(struct op *caller)
{
	struct store_job *job = caller->ctx;

	op_cancel(&job->op);
}

void *store_job_new(
	struct image_store *s, struct op *caller, const struct op_kind *kind, size_t size)
{
	struct store_job *job = mem_new(size);

	if (!op_begin(caller, kind, job)) {
		mem_free(job);
		return NULL;
	}
	job->store = s;
	job->caller = caller;
	return job;
}

void store_job_run(struct store_job *job, const struct task_kind *kind)
{
	op_init(&job->op, &job->store->scope, job_done, OP_NO_DEADLINE);
	task_start(&job->task, kind, &job->op);
}

/* ---- what there is ---- */

static struct image_store *store_of(struct runtime_images *i)
{
	return CONTAINER_OF(i, struct image_store, images);
}

void image_store_show(struct image_store *s, struct image_picture *picture)
{
	if (s->picture && picture->generation <= s->picture->generation) {
		image_picture_free(picture);
		return;
	}
	for (size_t i = 0; s->picture && i < s->picture->count; i++) {
		const struct image *old = &s->picture->records[i].image;
		struct image_record *r = map_get(&picture->by_name, old->id);
		if (r)
			r->image.last_used = MAX(r->image.last_used, old->last_used);
	}
	for (size_t i = 0; i < picture->damaged.count; i++)
		log_warning(NULL, "image is damaged and not used",
			LOG_STR("image", picture->damaged.items[i]));
	image_picture_free(s->picture);
	s->picture = picture;
}

struct image_record *image_store_record(struct image_store *s, struct str reference)
{
	return image_picture_find(s->picture, reference);
}

static size_t list_images(struct runtime_images *i, const struct image *const **list)
{
	struct image_store *s = store_of(i);

	*list = s->picture->images;
	return s->picture->count;
}

static const struct image *find_image(struct runtime_images *i, struct str reference)
{
	struct image_record *r = image_store_record(store_of(i), reference);

	return r ? &r->image : NULL;
}

static bool image_root_of(struct runtime_images *i, struct str id, struct image_root *root)
{
	struct image_store *s = store_of(i);
	struct image_record *r = image_store_record(s, id);

	if (!r)
		return false;
	r->image.last_used = env_wall(s->env);
	*root = (struct image_root){.lowers = r->lowers.items,
		.lower_count = r->lowers.count,
		.env = r->config.env.items,
		.env_count = r->config.env.count,
		.entrypoint = r->config.entrypoint.items,
		.entrypoint_count = r->config.entrypoint.count,
		.command = r->config.command.items,
		.command_count = r->config.command.count,
		.user = r->config.user,
		.working_dir = r->config.working_dir,
		.stop_signal = r->config.stop_signal,
		.reference = r->reference};
	return true;
}

void image_store_usage(struct image_store *s, struct image_usage *usage)
{
	struct map seen;

	*usage = (struct image_usage){0};
	map_init_borrowed(&seen);
	for (size_t i = 0; i < s->picture->count; i++) {
		const struct image_record *r = &s->picture->records[i];
		for (size_t k = 0; k < r->layers.count; k++) {
			if (map_has(&seen, r->layers.items[k]))
				continue;
			map_set(&seen, r->layers.items[k], NULL);
			usage->bytes += r->layer_bytes[k];
			usage->layers++;
		}
	}
	map_done(&seen);
}

/* ---- import ---- */

struct import_job {
	struct store_job job;
	struct image_import_job import;
	struct image_import *asked;
};

enum import_step { IMPORT_READ, IMPORT_SHOW };
static const char *const import_steps[] = {"read", "show"};

static void import_work(struct work *w)
{
	struct import_job *i = CONTAINER_OF(w, struct import_job, job.work);

	i->import.stopped = &w->cancelled;
	if (!image_import_run(&i->import, &w->err))
		image_picture_load(&i->job.store->disk, &i->job.picture, &w->err);
}

static void import_run(struct task *t, struct err *err)
{
	struct import_job *i = CONTAINER_OF(t, struct import_job, job.task);

	switch ((enum import_step)t->step) {
	case IMPORT_READ:
		work_start(&i->job.work, task_await(t, IMPORT_SHOW, OP_NO_DEADLINE), WORK_DISK,
			import_work);
		return;
	case IMPORT_SHOW:
		if (err->code)
			return task_fail(t, err);
		image_store_show(i->job.store, TAKE(i->job.picture));
		i->asked->names = i->import.names;
		i->asked->name_count = i->import.name_count;
		return task_finish(t, (int64_t)i->import.name_count);
	}
}

static const struct op_kind import_op = {.name = "image import", .cancel = store_job_cancel};
static const struct task_kind import_kind = TASK_KIND("import", import_steps, import_run);

void image_store_import(struct image_store *s, struct op *op, struct image_import *import)
{
	struct import_job *i = store_job_new(s, op, &import_op, sizeof(*i));

	if (!i)
		return;
	i->asked = import;
	i->import = (struct image_import_job){.disk = &s->disk,
		.limits = s->limits,
		.path = import->path,
		.fd = import->fd,
		.name = import->name,
		.now = env_wall(s->env),
		.arena = import->arena};
	store_job_run(&i->job, &import_kind);
}

/* ---- remove ---- */

struct remove_job {
	struct store_job job;
	struct arena arena;
	struct str id, name, asked; /* name empty: all of it */
};

enum remove_step { REMOVE_BEGIN, REMOVE_SHOW };
static const char *const remove_steps[] = {"begin", "show"};

static void remove_work(struct work *w)
{
	struct remove_job *r = CONTAINER_OF(w, struct remove_job, job.work);
	const struct image_disk *d = &r->job.store->disk;
	bool gone = false;
	int failed = image_index_remove(d, r->id, r->name, &gone, &w->err);

	if (!failed && gone)
		failed = image_index_sweep(d, &w->err);
	if (!failed)
		image_picture_load(d, &r->job.picture, &w->err);
}

static void remove_run(struct task *t, struct err *err)
{
	struct remove_job *r = CONTAINER_OF(t, struct remove_job, job.task);

	switch ((enum remove_step)t->step) {
	case REMOVE_BEGIN:
		if (r->id.len == 0) {
			err_set(err, ERR_NOT_FOUND, "image \"%.*s\" not found", STRF(r->asked));
			return task_fail(t, err);
		}
		work_start(&r->job.work, task_await(t, REMOVE_SHOW, OP_NO_DEADLINE), WORK_DISK,
			remove_work);
		return;
	case REMOVE_SHOW:
		if (err->code)
			return task_fail(t, err);
		image_store_show(r->job.store, TAKE(r->job.picture));
		return task_finish(t, 0);
	}
}

static void remove_end(struct store_job *job)
{
	arena_done(&CONTAINER_OF(job, struct remove_job, job)->arena);
}

static const struct op_kind remove_op = {.name = "image remove", .cancel = store_job_cancel};
static const struct task_kind remove_kind = TASK_KIND("remove", remove_steps, remove_run);

static void start_remove(struct image_store *s, struct op *op, struct str reference, bool by_name)
{
	struct remove_job *r = store_job_new(s, op, &remove_op, sizeof(*r));
	struct image_record *record = image_store_record(s, reference);
	struct image_reference ref;

	if (!r)
		return;
	arena_init(&r->arena);
	r->job.end = remove_end;
	r->asked = arena_str(&r->arena, reference);
	if (record)
		r->id = arena_str(&r->arena, record->image.id);
	bool is_id = record && (str_eq(reference, record->image.id) ||
				       str_eq(reference, image_digest_hex(record->image.id)));
	if (by_name && !is_id && image_reference_parse(&r->arena, reference, &ref, NULL) == 0) {
		image_reference_default_tag(&ref);
		if (ref.digest.len == 0)
			r->name = image_reference_print(&r->arena, &ref);
	}
	store_job_run(&r->job, &remove_kind);
}

static void remove_image(struct runtime_images *i, struct op *op, struct str id)
{
	start_remove(store_of(i), op, id, false);
}

void image_store_remove(struct image_store *s, struct op *op, struct str reference)
{
	start_remove(s, op, reference, true);
}

static void pull_image(struct runtime_images *i, struct op *op, struct runtime_pull *pull)
{
	image_store_pull(store_of(i), op, pull);
}

/* ---- begin and end ---- */

struct open_task {
	struct op *caller;
	struct op op;
	struct work work;
	struct scope *scope;
	struct image_store *store, **result;
	char *root;
};

static void open_work(struct work *w)
{
	struct open_task *o = CONTAINER_OF(w, struct open_task, work);
	_cleanup_(err_done) struct err why = {0};
	struct image_store *s = o->store;

	if (image_disk_open(o->root, &s->disk, &w->err))
		return;
	if (image_index_sweep(&s->disk, &why))
		log_warning(&why, "cannot clean up after images", LOG_TEXT("root", s->disk.path));
	image_picture_load(&s->disk, &s->picture, &w->err);
}

static void start_store(struct image_store *s, struct scope *scope)
{
	image_store_show(s, TAKE(s->picture));
	scope_init(&s->scope, scope, "images", NULL);
	s->parent = scope;
	s->images = (struct runtime_images){.pull = pull_image,
		.remove = remove_image,
		.list = list_images,
		.find = find_image,
		.root = image_root_of};
	image_watch_start(s);
}

static void open_done(struct op *op, struct err *err)
{
	struct open_task *o = CONTAINER_OF(op, struct open_task, op);
	struct op *caller = o->caller;

	if (!err->code) {
		start_store(o->store, o->scope);
		*o->result = TAKE(o->store);
	}
	image_store_free(o->store);
	err_done(&o->work.err);
	mem_free(o->root);
	mem_free(o);
	err->code ? op_fail(caller, err) : op_finish(caller, 0);
}

static void open_cancel(struct op *caller)
{
	op_cancel(&((struct open_task *)caller->ctx)->op);
}

static const struct op_kind open_op = {.name = "image store open", .cancel = open_cancel};

static struct image_store *store_new(struct env *env, const struct image_store_options *o)
{
	struct image_store *s = mem_new(sizeof(*s));

	s->env = env;
	s->disk.root = -1;
	s->limits = o->limits;
	image_limits_fill(&s->limits);
	s->parallel = o->parallel ? o->parallel : 3;
	s->retries = o->retries ? MAX(o->retries, 0) : 5;
	list_init(&s->pulls);
	arena_init(&s->arena);
	s->authorities = o->authorities ? arena_text(&s->arena, o->authorities) : NULL;
	s->drop = o->drop ? arena_text(&s->arena, o->drop)
			  : (char *)arena_print(&s->arena, "%s/images.d", o->root).at;
	image_registries_copy(s, o->registries, o->registry_count);
	return s;
}

void image_store_open(struct env *env, struct op *op, struct scope *scope,
	const struct image_store_options *options, struct image_store **store)
{
	struct open_task *o = mem_new(sizeof(*o));

	if (!op_begin(op, &open_op, o)) {
		mem_free(o);
		return;
	}
	o->caller = op;
	o->scope = scope;
	o->result = store;
	o->root = mem_copy_text(options->root);
	o->store = store_new(env, options);
	op_init(&o->op, scope, open_done, OP_NO_DEADLINE);
	work_start(&o->work, &o->op, WORK_DISK, open_work);
}

enum stop_step { STOP_JOBS, STOP_CLIENT, STOP_DONE };
static const char *const stop_steps[] = {"jobs", "client", "done"};

static void stop_run(struct task *t, struct err *err)
{
	struct image_store *s = CONTAINER_OF(t, struct image_store, stopping);

	(void)err;
	switch ((enum stop_step)t->step) {
	case STOP_JOBS:
		scope_close(&s->scope, task_await(t, STOP_CLIENT, OP_NO_DEADLINE));
		return;
	case STOP_CLIENT:
		if (s->http) {
			http_client_stop(s->http, task_await(t, STOP_DONE, OP_NO_DEADLINE));
			return;
		}
		break;
	case STOP_DONE:
		http_client_free(TAKE(s->http));
		break;
	}
	task_finish(t, 0);
}

static const struct task_kind stop_kind = TASK_KIND("image store stop", stop_steps, stop_run);

void image_store_stop(struct image_store *s, struct op *op)
{
	struct err none = {0};

	s->stopping = (struct task){.op = op, .kind = &stop_kind};
	op_begin_always(op, &stop_kind.op, &s->stopping);
	stop_run(&s->stopping, &none);
}

void image_store_free(struct image_store *s)
{
	if (!s)
		return;
	image_picture_free(s->picture);
	image_disk_close(&s->disk);
	arena_done(&s->arena);
	mem_free(s->pull_states);
	mem_free(s);
}

struct runtime_images *image_store_images(struct image_store *s)
{
	return &s->images;
}
