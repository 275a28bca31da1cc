/*
 * What others do to the store while it is open: another process changes the index; somebody lays
 * an archive into the directory of archives. An archive is tried once as it is: one that is being
 * written fails, and comes again when its writer has closed it.
 */
#include "image_store_private.h"

#include <dirent.h>
#include <errno.h>
#include <kube/file_watch.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <stdio.h>
#include <sys/stat.h>

#define ARCHIVES_MAX 1000

struct found_archive {
	char *path;
	char stamp[64]; /* size and time */
};

struct image_watch {
	struct store_job job; /* without a caller */
	struct file_watch *watch;
	bool archives; /* or the index */
	/* of archives */
	struct map tried; /* path → stamp on the heap */
	struct found_archive *found;
	size_t found_count, at;
	struct image_import import;
	struct arena arena;
};

enum watch_step { WATCH_LOOK, WATCH_LOOKED, WATCH_IMPORTED, WATCH_TOLD };
static const char *const watch_steps[] = {"look", "looked", "imported", "told"};

static void look_at_index(struct work *w)
{
	struct image_watch *i = CONTAINER_OF(w, struct image_watch, job.work);

	image_picture_load(&i->job.store->disk, &i->job.picture, &w->err);
}

static void look_at_archives(struct work *w)
{
	struct image_watch *i = CONTAINER_OF(w, struct image_watch, job.work);
	const char *place = i->job.store->drop;
	DIR *d = opendir(place);

	if (!d) {
		if (errno != ENOENT)
			err_set_errno(&w->err, errno, "reading %s", place);
		return;
	}
	i->found = mem_new(ARCHIVES_MAX * sizeof(i->found[0]));
	for (struct dirent *e; (e = readdir(d)) && i->found_count < ARCHIVES_MAX;) {
		struct found_archive *f = &i->found[i->found_count];
		struct stat st;
		if (!str_ends(str_from(e->d_name), STR(".tar")) ||
			fstatat(dirfd(d), e->d_name, &st, 0) || !S_ISREG(st.st_mode))
			continue;
		f->path = mem_print("%s/%s", place, e->d_name);
		snprintf(f->stamp, sizeof(f->stamp), "%lld.%lld.%ld", (long long)st.st_size,
			(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
		i->found_count++;
	}
	closedir(d);
}

static void forget_found(struct image_watch *i)
{
	for (size_t k = 0; k < i->found_count; k++)
		mem_free(i->found[k].path);
	mem_free(i->found);
	i->found = NULL;
	i->found_count = i->at = 0;
}

/* The next archive that was not tried as it is now; false: none is left. */
static bool import_next(struct image_watch *i)
{
	while (i->at < i->found_count) {
		struct found_archive *f = &i->found[i->at++];
		const char *before = map_get(&i->tried, str_from(f->path));
		if (before && strcmp(before, f->stamp) == 0)
			continue;
		mem_free(map_set(&i->tried, str_from(f->path), mem_copy_text(f->stamp)));
		arena_reset(&i->arena);
		i->import = (struct image_import){.path = f->path, .fd = -1, .arena = &i->arena};
		image_store_import(i->job.store,
			task_await(&i->job.task, WATCH_IMPORTED, OP_NO_DEADLINE), &i->import);
		return true;
	}
	return false;
}

static void say_imported(struct image_watch *i, const struct err *err)
{
	if (err->code) {
		log_warning(err, "cannot import images", LOG_TEXT("archive", i->import.path));
		return;
	}
	for (size_t k = 0; k < i->import.name_count; k++)
		log_info("image imported", LOG_STR("image", i->import.names[k]),
			LOG_TEXT("archive", i->import.path));
}

static void watch_run(struct task *t, struct err *err)
{
	struct image_watch *i = CONTAINER_OF(t, struct image_watch, job.task);
	struct image_store *s = i->job.store;

	if (scope_closing(&s->scope)) {
		err_done(err);
		err_set(err, ERR_CANCELLED, "cancelled");
		return task_fail(t, err);
	}
	switch ((enum watch_step)t->step) {
	case WATCH_TOLD:
	case WATCH_LOOK:
		forget_found(i);
		err_done(&i->job.work.err);
		work_start(&i->job.work, task_await(t, WATCH_LOOKED, OP_NO_DEADLINE), WORK_DISK,
			i->archives ? look_at_archives : look_at_index);
		return;
	case WATCH_IMPORTED:
		say_imported(i, err);
		break;
	case WATCH_LOOKED:
		if (err->code)
			log_warning(err, "cannot look at images", LOG_TEXT("store", s->disk.path));
		if (i->job.picture)
			image_store_show(s, TAKE(i->job.picture));
		break;
	}
	if (!import_next(i))
		file_watch_wait(i->watch, task_await(t, WATCH_TOLD, OP_NO_DEADLINE));
}

static const struct task_kind watch_kind = TASK_KIND("image watch", watch_steps, watch_run);

static void watch_done(struct op *op, struct err *err)
{
	struct image_watch *i = CONTAINER_OF(op, struct image_watch, job.op);

	(void)err;
	file_watch_close(i->watch);
	forget_found(i);
	map_each (it, &i->tried)
		mem_free(it.value);
	map_done(&i->tried);
	arena_done(&i->arena);
	image_picture_free(i->job.picture);
	err_done(&i->job.work.err);
	mem_free(i);
}

static void start_one(struct image_store *s, const char *path, bool archives)
{
	struct image_watch *i = mem_new(sizeof(*i));

	i->job.store = s;
	i->archives = archives;
	map_init(&i->tried);
	arena_init(&i->arena);
	i->watch = file_watch_new(s->env, &s->scope, path);
	op_init(&i->job.op, &s->scope, watch_done, OP_NO_DEADLINE);
	task_start(&i->job.task, &watch_kind, &i->job.op);
}

void image_watch_start(struct image_store *s)
{
	struct str index = arena_print(&s->arena, "%s/index.json", s->disk.path);

	start_one(s, index.at, false);
	if (s->drop[0])
		start_one(s, s->drop, true);
}
