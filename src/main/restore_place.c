#include "restore_place.h"

#include "backup_archive.h"

#include <kube/file_tree.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define PART      "restore.part"
#define NEW       "restore.new"
#define OLD       "restore.old"
#define IN        "restore.in"
#define ASIDE     "before-restore-"
#define ASIDE_MAX 100000

bool restore_is_name(const char *name)
{
	static const char *const names[] = {PART, NEW, OLD, IN};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strncmp(name, ASIDE, strlen(ASIDE)) == 0;
}

/* Directly below the data directory: what a backup may bring. */
static bool is_of_cluster(const char *name)
{
	static const char *const directories[] = {"state", "pki", "manifests"};

	for (size_t i = 0; i < ARRAY_LEN(directories); i++)
		if (strcmp(name, directories[i]) == 0)
			return true;
	return backup_has_path(str_from(name));
}

static int open_directory(const char *path, int *fd, struct err *err)
{
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? err_set_errno(err, errno, "%s", path) : 0;
}

static bool is_there(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int move(int from, const char *name, int to, const char *as, struct err *err)
{
	return renameat(from, name, to, as) ? err_set_errno(err, errno, "moving %s", name) : 0;
}

/* What was renamed in them is so on the disk, too. */
static int settle(int one, int other, struct err *err)
{
	return fsync(one) || fsync(other) ? err_set_errno(err, errno, "syncing a directory") : 0;
}

/* ---- before ---- */

static int find_one(void *ctx, int dir, const char *name, struct err *err)
{
	(void)dir;
	(void)err;
	*(bool *)ctx |= is_of_cluster(name);
	return 0;
}

int restore_has_cluster(const char *data_dir, bool *has, struct err *err)
{
	int dir, code = open_directory(data_dir, &dir, err);

	*has = false;
	if (code)
		return code;
	code = file_tree_each(dir, find_one, has, err);
	close(dir);
	return code;
}

static int find_mount(void *ctx, int dir, const char *name, struct err *err)
{
	if (!is_of_cluster(name) || !file_tree_is_mount(dir, name))
		return 0;
	return err_set(err, ERR_CONFLICT,
		"%s/%s is a mount, which cannot be put aside: unmount it first",
		*(const char *const *)ctx, name);
}

int restore_check_place(const char *data_dir, struct err *err)
{
	int dir, code = open_directory(data_dir, &dir, err);

	if (code)
		return code;
	code = file_tree_each(dir, find_mount, &data_dir, err);
	close(dir);
	return code;
}

int restore_open_part(const char *data_dir, int *fd, struct err *err)
{
	int dir, code = open_directory(data_dir, &dir, err);

	if (code)
		return code;
	code = file_tree_remove(dir, PART, NULL, err);
	if (!code)
		code = file_tree_make(dir, PART, 0700, fd, err);
	close(dir);
	return code;
}

int restore_choose(const char *data_dir, struct err *err)
{
	int dir, code = open_directory(data_dir, &dir, err);

	if (code)
		return code;
	if (syncfs(dir))
		code = err_set_errno(err, errno, "syncing %s", data_dir);
	if (!code)
		code = move(dir, PART, dir, NEW, err);
	if (!code)
		code = settle(dir, dir, err);
	close(dir);
	return code;
}

/* ---- going forward ---- */

struct moving {
	int to;
	bool all; /* else: what is a cluster's */
	bool some;
};

static int move_one(void *ctx, int dir, const char *name, struct err *err)
{
	struct moving *m = ctx;

	if (!m->all && !is_of_cluster(name))
		return 0;
	m->some = true;
	return move(dir, name, m->to, name, err);
}

/* A directory that is changed while it is read may leave names out: until there are none. */
static int move_each(int from, struct moving *m, struct err *err)
{
	int code = 0;

	for (m->some = true; !code && m->some;) {
		m->some = false;
		code = file_tree_each(from, move_one, m, err);
	}
	return code;
}

/* As long as restore.new stands there, all else that is a cluster's is the old one's. */
static int put_aside(int dir, struct err *err)
{
	struct moving m = {0};
	int code = file_tree_make(dir, OLD, 0700, &m.to, err);

	if (code)
		return code;
	code = move_each(dir, &m, err);
	if (!code)
		code = settle(m.to, dir, err);
	close(m.to);
	if (!code)
		code = move(dir, NEW, dir, IN, err);
	return code ? code : settle(dir, dir, err);
}

static int move_in(int dir, struct err *err)
{
	struct moving m = {.to = dir, .all = true};
	int from, code = file_tree_open(dir, IN, O_RDONLY | O_DIRECTORY, false, &from, err);

	if (code)
		return code;
	code = move_each(from, &m, err);
	if (!code)
		code = settle(from, dir, err);
	close(from);
	if (!code && unlinkat(dir, IN, AT_REMOVEDIR))
		code = err_set_errno(err, errno, IN);
	return code;
}

/* An empty one is nobody's; else it gets the next number. */
static int name_old(int dir, int *aside, struct err *err)
{
	char name[64];

	if (unlinkat(dir, OLD, AT_REMOVEDIR) == 0)
		return 0;
	for (int n = 1; n < ASIDE_MAX; n++) {
		snprintf(name, sizeof(name), ASIDE "%d", n);
		if (is_there(dir, name))
			continue;
		*aside = n;
		return move(dir, OLD, dir, name, err);
	}
	return err_set(err, ERR_CONFLICT, "too many of %s1, …: remove some", ASIDE);
}

int restore_finish(const char *data_dir, int *aside, struct err *err)
{
	int dir, number = 0, code = open_directory(data_dir, &dir, err);

	if (code)
		return code;
	if (is_there(dir, NEW))
		code = put_aside(dir, err);
	if (!code && is_there(dir, IN))
		code = move_in(dir, err);
	if (!code && is_there(dir, OLD))
		code = name_old(dir, &number, err);
	if (!code && number)
		code = settle(dir, dir, err);
	close(dir);
	if (aside)
		*aside = number;
	return code;
}
