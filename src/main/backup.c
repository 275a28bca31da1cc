/*
 * kube backup: what a cluster needs to come back, in one file. The store comes from the server
 * that has it open, which goes on, or from the disk; the rest are files that change as a whole.
 */
#include "backup_archive.h"
#include "backup_fetch.h"
#include "commands.h"
#include "process.h"
#include "server_stop.h"

#include <kube/codec.h>
#include <kube/file_tree.h>
#include <kube/flags.h>
#include <kube/store.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

struct backup {
	/* flags */
	struct str data_dir, kubeconfig;
	bool help;
	/* running */
	struct arena arena;
	struct env *env;
	const char *dir, *path, *part;
	int out;
	int64_t written;
	struct backup_writer writer;
	struct str below; /* the directory that is being read, below `dir` */
};

static const char usage[] =
	"Usage:\n"
	"  kube backup FILE      the cluster of a data directory, while its server runs or not\n\n"
	"The file holds keys: whoever has it has the cluster. sha256sum can check what tar takes\n"
	"out of it; kube restore makes a cluster of it.\n\n"
	"Flags:\n";

/* ---- the file ---- */

static int write_out(void *ctx, struct str bytes, struct err *err)
{
	struct backup *b = ctx;

	b->written += (int64_t)bytes.len;
	while (bytes.len) {
		ssize_t n = write(b->out, bytes.at, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, errno, "%s", b->part);
		bytes = str_skip(bytes, (size_t)n);
	}
	return 0;
}

/* Of two that make the same one at once, the second is refused. */
static int open_out(struct backup *b, struct err *err)
{
	b->out = open(b->part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (b->out < 0)
		return err_set_errno(err, errno, "%s", b->part);
	if (flock(b->out, LOCK_EX | LOCK_NB))
		return err_set(err, ERR_CONFLICT, "%s: another backup is being written", b->part);
	if (fchmod(b->out, 0600) || ftruncate(b->out, 0))
		return err_set_errno(err, errno, "%s", b->part);
	return 0;
}

static int sync_directory_of(struct backup *b, struct err *err)
{
	struct str dir, name;
	int code = 0;

	if (!str_cut_last(str_from(b->path), '/', &dir, &name))
		dir = STR(".");
	int fd = open(
		dir.len ? arena_str(&b->arena, dir).at : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		code = err_set_errno(err, errno, "%.*s", STRF(dir));
	if (fd >= 0)
		close(fd);
	return code;
}

static int keep_out(struct backup *b, struct err *err)
{
	if (fsync(b->out) || rename(b->part, b->path))
		return err_set_errno(err, errno, "%s", b->path);
	return sync_directory_of(b, err);
}

/* ---- the store ---- */

static int store_begin(void *ctx, int64_t size, struct err *err)
{
	struct backup *b = ctx;

	return backup_write_file(&b->writer, STR(BACKUP_STORE), 0600, size, err);
}

static int store_bytes(void *ctx, struct str bytes, struct err *err)
{
	return backup_write_bytes(&((struct backup *)ctx)->writer, bytes, err);
}

/* All bytes of a descriptor, as an entry. */
static int add_descriptor(
	struct backup *b, int fd, struct str path, uint32_t mode, int64_t size, struct err *err)
{
	char piece[64 * KIB];
	ssize_t n = 1;
	int code = backup_write_file(&b->writer, path, mode, size, err);

	while (!code && n > 0) {
		n = read(fd, piece, sizeof(piece));
		if (n < 0)
			code = err_set_errno(err, errno, "%.*s", STRF(path));
		else
			code = backup_write_bytes(&b->writer, str_make(piece, (size_t)n), err);
	}
	return code ? code : backup_write_file_end(&b->writer, err);
}

static int store_from_disk(struct backup *b, const char *copy, struct err *err)
{
	const char *state = arena_print(&b->arena, "%s/state", b->dir).at;
	struct stat st;
	int code = store_offline_copy(b->env->disk, state, copy, err);

	if (code)
		return code;
	int fd = open(copy, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	unlink(copy);
	if (fd < 0 || fstat(fd, &st))
		code = err_set_errno(err, errno, "%s", copy);
	else
		code = add_descriptor(b, fd, STR(BACKUP_STORE), 0600, st.st_size, err);
	if (fd >= 0)
		close(fd);
	return code;
}

static int store_from_server(struct backup *b, struct err *err)
{
	const struct backup_fetch_taker taker = {store_begin, store_bytes, b};
	struct process_line line = {.kubeconfig = b->kubeconfig};
	struct client_config config = {0};

	if (!line.kubeconfig.len)
		line.kubeconfig = arena_print(&b->arena, "%s/admin.kubeconfig", b->dir);
	int code = process_server(&b->arena, &line, &config, err);
	if (!code)
		code = backup_fetch(b->env, &config, &taker, err);
	if (code)
		return err_wrap(err, code, "a server uses %s, and its copy did not come", b->dir);
	return backup_write_file_end(&b->writer, err);
}

/* Whether a server has it open is what opening it says: nothing else could know it for sure. */
static int add_store(struct backup *b, struct err *err)
{
	_cleanup_(err_done) struct err why = {0};
	const char *copy = arena_print(&b->arena, "%s.store", b->part).at;
	int code = store_from_disk(b, copy, &why);

	if (code == ERR_REFUSED)
		return store_from_server(b, err);
	if (code == ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND, "%s holds no cluster", b->dir);
	return err_move(err, &why);
}

/* ---- the files beside it ---- */

static int add_names(struct backup *b, int dir, struct err *err);

/* A link is taken for what it leads to, but for directories: they could lead round in a circle. */
static int add_name(void *ctx, int dir, const char *name, struct err *err)
{
	struct backup *b = ctx;
	struct str below = b->below;
	struct str path = below.len ? arena_print(&b->arena, "%.*s/%s", STRF(below), name)
				    : arena_print(&b->arena, "%s", name);
	struct stat st;
	int code = 0;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : err_set_errno(err, errno, "%.*s", STRF(path));
	bool is_dir = S_ISDIR(st.st_mode);
	bool is_ours = below.len || str_eq_text(path, "pki") || str_eq_text(path, "manifests") ||
		       (!is_dir && backup_has_path(path));
	if (!is_ours || (!is_dir && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)))
		return 0;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st)) {
		code = err_set_errno(err, errno, "%.*s", STRF(path));
	} else if (is_dir) {
		b->below = path;
		code = add_names(b, fd, err);
		b->below = below;
	} else if (S_ISREG(st.st_mode)) {
		code = add_descriptor(b, fd, path, st.st_mode & 0777, st.st_size, err);
	}
	if (fd >= 0)
		close(fd);
	return code;
}

static int add_names(struct backup *b, int dir, struct err *err)
{
	return file_tree_each(dir, add_name, b, err);
}

static int add_files(struct backup *b, struct err *err)
{
	int fd = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set_errno(err, errno, "%s", b->dir);
	int code = add_names(b, fd, err);
	close(fd);
	return code;
}

/* ---- all of it ---- */

static int write_all(struct backup *b, struct err *err)
{
	int code = backup_write_begin(&b->writer, err);

	if (!code)
		code = add_store(b, err);
	if (!code)
		code = add_files(b, err);
	if (!code)
		code = backup_write_end(&b->writer, err);
	if (!code)
		code = keep_out(b, err);
	backup_write_done(&b->writer);
	return code;
}

static int make_backup(struct backup *b, struct str path, struct err *err)
{
	b->dir = server_stop_directory(&b->arena, b->data_dir);
	b->path = arena_str(&b->arena, path).at;
	b->part = arena_print(&b->arena, "%s.part", b->path).at;
	b->writer = (struct backup_writer){.write = write_out, .ctx = b};
	int code = open_out(b, err);
	if (!code) {
		struct loop *loop = loop_new();

		b->env = env_new(loop);
		code = write_all(b, err);
		loop_shutdown(loop);
		loop_run(loop, NULL);
		env_free(b->env);
		loop_free(loop);
		if (code)
			unlink(b->part);
	}
	if (b->out >= 0)
		close(b->out);
	if (!code)
		printf("%s: %zu files, %lld KiB\n", b->path, b->writer.count,
			(long long)((b->written + 1023) / 1024));
	return code;
}

int backup_run(int argc, char **argv)
{
	_cleanup_(err_done) struct err err = {0};
	_cleanup_(buf_done) struct buf help = BUF_INIT(MIB);
	struct backup b = {.out = -1};
	struct flag_list words;
	struct flag flags[] = {
		FLAG_STRING("data-dir", &b.data_dir, "/var/lib/kube", "DIRECTORY",
			"Where the server keeps what it has."),
		FLAG_STRING("kubeconfig", &b.kubeconfig, "", "FILE",
			"How to reach the server that runs there; without it, "
			"admin.kubeconfig in the data directory."),
		FLAG_BOOL("help", &b.help, "false", "Print this."),
		FLAG_END,
	};

	arena_init(&b.arena);
	flags_init(flags, &b.arena);
	int code = flags_parse(flags, &b.arena, argc - 1, argv + 1, &words, &err);
	if (!code && b.help) {
		flags_print_help(flags, &help);
		printf("%s%s", usage, buf_text(&help));
	} else if (!code) {
		code = words.count == 1 ? make_backup(&b, words.items[0], &err)
					: err_set(&err, ERR_USAGE, "name one file to write");
	}
	if (code)
		fprintf(stderr, "kube backup: %s\n", err_text(&err));
	arena_done(&b.arena);
	return code != 0;
}
