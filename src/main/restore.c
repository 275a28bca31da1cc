/*
 * kube restore: a cluster from a backup. Nothing is touched before all of the backup has been seen
 * and found right; then it takes the place of what is there as a whole (restore_place.h). What
 * belongs to the node (images, pods that run, their network) stays where it is.
 */
#include "backup_archive.h"
#include "commands.h"
#include "restore_place.h"
#include "server_lock.h"
#include "server_stop.h"

#include <kube/env.h>
#include <kube/file_tree.h>
#include <kube/flags.h>
#include <kube/store.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct restore {
	/* flags */
	struct str data_dir;
	bool force, help;
	/* running */
	struct arena arena;
	struct env *env;
	const char *dir, *path;
	int in;
	struct backup_summary seen;
	int part, file; /* restore.part, and what is being written in it */
	int64_t behind, revision;
};

static const char usage[] = "Usage:\n"
			    "  kube restore FILE           where no cluster is\n"
			    "  kube restore --force FILE   the one that is there is put aside\n\n"
			    "The server must not run. It begins as it was when the backup was "
			    "made; pods that still run\n"
			    "here and were there then are met again, others end or begin anew.\n\n"
			    "Flags:\n";

/* ---- reading the backup ---- */

static int read_in(void *ctx, void *at, size_t len, size_t *n, struct err *err)
{
	struct restore *r = ctx;
	ssize_t got;

	do
		got = read(r->in, at, len);
	while (got < 0 && errno == EINTR);
	*n = got > 0 ? (size_t)got : 0;
	return got < 0 ? err_set_errno(err, errno, "reading it") : 0;
}

static int verify(struct restore *r, struct err *err)
{
	r->in = open(r->path, O_RDONLY | O_CLOEXEC);
	if (r->in < 0)
		return err_set_errno(err, errno, "%s", r->path);
	int code = backup_read(read_in, r, NULL, &r->seen, err);
	return code ? err_wrap(err, code, "%s", r->path) : 0;
}

/* ---- writing what is in it ---- */

static int take_begin(void *ctx, struct str path, uint32_t mode, int64_t size, struct err *err)
{
	struct restore *r = ctx;
	struct str dir, name = path;
	int below = r->part, code = 0;

	(void)size;
	if (str_cut_last(path, '/', &dir, &name))
		code = file_tree_make(r->part, arena_str(&r->arena, dir).at, 0700, &below, err);
	if (code)
		return code;
	r->file = openat(below, arena_str(&r->arena, name).at,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode | 0600);
	if (r->file < 0)
		code = err_set_errno(err, errno, "writing %.*s", STRF(path));
	if (below != r->part)
		close(below);
	return code;
}

static int take_bytes(void *ctx, struct str bytes, struct err *err)
{
	struct restore *r = ctx;

	while (bytes.len) {
		ssize_t n = write(r->file, bytes.at, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, errno, "writing");
		bytes = str_skip(bytes, (size_t)n);
	}
	return 0;
}

static int take_end(void *ctx, struct err *err)
{
	struct restore *r = ctx;

	(void)err;
	close(r->file);
	r->file = -1;
	return 0;
}

/* The file may have been written to since it was seen: what was taken must be the same. */
static int unpack(struct restore *r, struct err *err)
{
	const struct backup_taker taker = {take_begin, take_bytes, take_end, r};
	struct backup_summary again;
	int code;

	if (lseek(r->in, 0, SEEK_SET))
		return err_set_errno(err, errno, "%s", r->path);
	code = backup_read(read_in, r, &taker, &again, err);
	if (r->file >= 0)
		close(r->file);
	r->file = -1;
	if (!code && memcmp(again.digest, r->seen.digest, sizeof(again.digest)) != 0)
		code = err_set(err, ERR_CONFLICT, "it has changed while it was read");
	return code ? err_wrap(err, code, "%s", r->path) : 0;
}

/* ---- the place ---- */

/* No server begins while we have its lock. What stands in it is for whoever uninstalls. */
static int take_lock(struct restore *r, struct err *err)
{
	struct server_trace trace;
	int code = server_lock_read(&r->arena, r->dir, &trace, err);

	if (!code)
		code = server_lock_take(r->dir, &trace, err);
	return code ? code : restore_finish(r->dir, NULL, err);
}

/* Those who have seen what the cluster here has done since must not meet its revisions again. */
static int look_at_old(struct restore *r, struct err *err)
{
	_cleanup_(err_done) struct err why = {0};
	bool has;
	int code = restore_has_cluster(r->dir, &has, err);

	if (code || !has)
		return code;
	if (!r->force)
		return err_set(err, ERR_ALREADY_EXISTS,
			"%s holds a cluster already: --force puts it aside", r->dir);
	code = store_offline_revision(
		r->env->disk, arena_print(&r->arena, "%s/state", r->dir).at, &r->behind, &why);
	if (code == ERR_REFUSED)
		return err_set(err, ERR_CONFLICT, "an API server runs on %s: end it first", r->dir);
	if (code && code != ERR_NOT_FOUND)
		fprintf(stderr, "kube restore: how far it had counted cannot be read: %s\n",
			err_text(&why));
	return restore_check_place(r->dir, err);
}

static int stage(struct restore *r, struct err *err)
{
	const char *state = arena_print(&r->arena, "%s/restore.part/state", r->dir).at;
	int code = restore_open_part(r->dir, &r->part, err);

	if (code)
		return code;
	code = unpack(r, err);
	close(r->part);
	if (!code)
		code = store_offline_renew(r->env->disk, state, r->behind, &r->revision, err);
	return code ? err_wrap(err, code, "nothing was changed") : 0;
}

static int put_in_place(struct restore *r, struct err *err)
{
	int aside, code = look_at_old(r, err);

	if (!code)
		code = stage(r, err);
	if (!code)
		code = restore_choose(r->dir, err);
	if (!code)
		code = restore_finish(r->dir, &aside, err);
	if (code)
		return code;
	printf("%s: %zu files of %s; revisions go on behind %lld\n", r->dir, r->seen.files, r->path,
		(long long)r->revision);
	if (aside)
		printf("what was there is in %s/before-restore-%d\n", r->dir, aside);
	return 0;
}

static int restore(struct restore *r, struct str path, struct err *err)
{
	int code;

	r->dir = server_stop_directory(&r->arena, r->data_dir);
	r->path = arena_str(&r->arena, path).at;
	code = verify(r, err);
	if (!code)
		code = take_lock(r, err);
	if (!code) {
		struct loop *loop = loop_new();

		r->env = env_new(loop);
		code = put_in_place(r, err);
		env_free(r->env);
		loop_free(loop);
	}
	if (r->in >= 0)
		close(r->in);
	return code;
}

int restore_run(int argc, char **argv)
{
	_cleanup_(err_done) struct err err = {0};
	_cleanup_(buf_done) struct buf help = BUF_INIT(MIB);
	struct restore r = {.in = -1, .file = -1};
	struct flag_list words;
	struct flag flags[] = {
		FLAG_STRING("data-dir", &r.data_dir, "/var/lib/kube", "DIRECTORY",
			"Where the server will have what it keeps."),
		FLAG_BOOL("force", &r.force, "false",
			"Put aside the cluster that is there, as before-restore-N."),
		FLAG_BOOL("help", &r.help, "false", "Print this."),
		FLAG_END,
	};

	arena_init(&r.arena);
	flags_init(flags, &r.arena);
	int code = flags_parse(flags, &r.arena, argc - 1, argv + 1, &words, &err);
	if (!code && r.help) {
		flags_print_help(flags, &help);
		printf("%s%s", usage, buf_text(&help));
	} else if (!code) {
		code = words.count == 1 ? restore(&r, words.items[0], &err)
					: err_set(&err, ERR_USAGE, "name one backup");
	}
	if (code)
		fprintf(stderr, "kube restore: %s\n", err_text(&err));
	arena_done(&r.arena);
	return code != 0;
}
