/* Names on the simulator's disks: as they are, and as they were at their directory's last sync. */
#include "sim_disk.h"

#include <kube/arena.h>
#include <kube/mem.h>

struct sim_inode *sim_inode_new(bool is_dir)
{
	struct sim_inode *n = mem_new(sizeof(*n));

	n->is_dir = is_dir;
	buf_init(&n->live, SIM_FILE_MAX);
	buf_init(&n->durable, SIM_FILE_MAX);
	return n;
}

void sim_inode_unref(struct sim_inode *n)
{
	if (!n || --n->refs)
		return;
	buf_done(&n->live);
	buf_done(&n->durable);
	mem_free(n);
}

void sim_name_set(struct omap *tree, struct str path, struct sim_inode *n)
{
	struct sim_inode *old;

	if (n) {
		n->refs++;
		old = omap_set(tree, path, n);
	} else {
		old = omap_remove(tree, path);
	}
	sim_inode_unref(old);
}

struct str sim_trim_path(const char *path)
{
	struct str s = str_from(path);

	while (s.len > 1 && s.at[s.len - 1] == '/')
		s.len--;
	return s;
}

struct str sim_parent_of(struct str path)
{
	struct str dir, base;

	str_cut_last(path, '/', &dir, &base);
	if (dir.len)
		return dir;
	return path.len && path.at[0] == '/' ? STR("/") : STR(".");
}

static bool is_root(struct str path)
{
	return str_eq(path, STR("/")) || str_eq(path, STR("."));
}

bool sim_has_dir(struct sim_disk *d, struct str path)
{
	struct sim_inode *n = omap_get(&d->live, path);

	return is_root(path) || (n && n->is_dir);
}

/* ---- what a disk is asked about names ---- */

static bool is_below(struct str path, struct str dir)
{
	return path.len > dir.len && str_starts(path, dir) && path.at[dir.len] == '/';
}

static bool dir_is_empty(struct sim_disk *d, struct str dir)
{
	omap_each (it, &d->live)
		if (is_below(it.key, dir))
			return false;
	return true;
}

int sim_disk_rename(struct disk *base, const char *from, const char *to, struct err *err)
{
	struct sim_disk *d = sim_disk_of(base);
	struct sim_inode *n = omap_get(&d->live, sim_trim_path(from));
	int code = sim_disk_call(d, "rename", err);

	if (code)
		return code;
	if (!n || !sim_has_dir(d, sim_parent_of(sim_trim_path(to))))
		return err_set(err, ERR_NOT_FOUND, "rename %s: no such file or directory", from);
	if (n->is_dir)
		return err_set(
			err, ERR_UNSUPPORTED, "rename %s: directories stay where they are", from);
	if (str_eq(sim_trim_path(from), sim_trim_path(to)))
		return 0;
	sim_name_set(&d->live, sim_trim_path(to), n);
	sim_name_set(&d->live, sim_trim_path(from), NULL);
	return 0;
}

int sim_disk_remove(struct disk *base, const char *path, struct err *err)
{
	struct sim_disk *d = sim_disk_of(base);
	struct str name = sim_trim_path(path);
	struct sim_inode *n = omap_get(&d->live, name);
	int code = sim_disk_call(d, "remove", err);

	if (code)
		return code;
	if (!n)
		return err_set(err, ERR_NOT_FOUND, "remove %s: no such file or directory", path);
	if (n->is_dir && !dir_is_empty(d, name))
		return err_set(err, ERR_CONFLICT, "remove %s: directory not empty", path);
	sim_name_set(&d->live, name, NULL);
	return 0;
}

int64_t sim_disk_changed(struct disk *base, const char *path, struct err *err)
{
	struct sim_disk *d = sim_disk_of(base);
	struct sim_inode *n = omap_get(&d->live, sim_trim_path(path));
	int code = sim_disk_call(d, "changed", err);

	if (code)
		return code;
	if (!n)
		return err_set(err, ERR_NOT_FOUND, "stat %s: no such file or directory", path);
	return n->changed;
}

int sim_disk_mkdir(struct disk *base, const char *path, unsigned mode, struct err *err)
{
	struct sim_disk *d = sim_disk_of(base);
	struct str name = sim_trim_path(path);
	int code = sim_disk_call(d, "mkdir", err);

	(void)mode;
	if (code)
		return code;
	if (is_root(name) || omap_has(&d->live, name))
		return err_set(err, ERR_ALREADY_EXISTS, "mkdir %s: file exists", path);
	if (!sim_has_dir(d, sim_parent_of(name)))
		return err_set(err, ERR_NOT_FOUND, "mkdir %s: no such file or directory", path);
	sim_name_set(&d->live, name, sim_inode_new(true));
	return 0;
}

/* Copies the names directly in `dir` from one tree to the other, and drops those gone. */
static void copy_names(struct omap *to, const struct omap *from, struct str dir)
{
	struct arena a;
	struct str gone[64];
	size_t count;

	arena_init(&a);
	do { /* an omap may not change while it is walked: a batch at a time */
		count = 0;
		omap_each (it, to)
			if (count < ARRAY_LEN(gone) && str_eq(sim_parent_of(it.key), dir) &&
				!omap_has(from, it.key))
				gone[count++] = arena_str(&a, it.key);
		for (size_t i = 0; i < count; i++)
			sim_name_set(to, gone[i], NULL);
	} while (count == ARRAY_LEN(gone));
	omap_each (it, from)
		if (str_eq(sim_parent_of(it.key), dir))
			sim_name_set(to, it.key, it.value);
	arena_done(&a);
}

int sim_disk_sync_dir(struct disk *base, const char *path, struct err *err)
{
	struct sim_disk *d = sim_disk_of(base);
	int code = sim_disk_call(d, "sync_dir", err);

	if (code)
		return code;
	if (!sim_has_dir(d, sim_trim_path(path)))
		return err_set(err, ERR_NOT_FOUND, "open %s: no such file or directory", path);
	copy_names(&d->durable, &d->live, sim_trim_path(path));
	return 0;
}

int sim_disk_list(struct disk *base, const char *path, int (*name)(void *ctx, const char *name),
	void *ctx, struct err *err)
{
	struct sim_disk *d = sim_disk_of(base);
	struct str dir = sim_trim_path(path);
	int code = sim_disk_call(d, "list", err);

	if (code)
		return code;
	if (!sim_has_dir(d, dir))
		return err_set(err, ERR_NOT_FOUND, "open %s: no such file or directory", path);
	omap_each (it, &d->live) {
		struct str head, last;
		if (!str_eq(sim_parent_of(it.key), dir))
			continue;
		if (!str_cut_last(it.key, '/', &head, &last))
			last = it.key;
		_cleanup_(mem_done) char *text = str_dup(last);
		code = name(ctx, text);
		if (code)
			return code;
	}
	return 0;
}
