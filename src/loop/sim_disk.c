/*
 * A disk in memory that forgets as real ones may: what a file holds survives a crash as it was at
 * its last sync, and its name only if the directory was synced after it was given.
 */
#include <kube/arena.h>
#include <kube/mem.h>

#include <fcntl.h>

#include "sim_world.h"

#define FILE_MAX (256 * MIB)
#define SECTOR   ((size_t)512)

struct sim_inode {
	int refs; /* names in both trees, and open handles */
	bool is_dir;
	struct buf live, durable;
	int64_t changed;
};

struct sim_handle {
	struct sim_inode *inode; /* NULL: free */
	bool append, writable, dead;
};

static struct sim_disk *disk_of(struct disk *d)
{
	return (struct sim_disk *)d;
}

/* ---- inodes and names ---- */

static struct sim_inode *inode_new(bool is_dir)
{
	struct sim_inode *n = mem_new(sizeof(*n));

	n->is_dir = is_dir;
	buf_init(&n->live, FILE_MAX);
	buf_init(&n->durable, FILE_MAX);
	return n;
}

static void inode_unref(struct sim_inode *n)
{
	if (!n || --n->refs)
		return;
	buf_done(&n->live);
	buf_done(&n->durable);
	mem_free(n);
}

static void name_set(struct omap *tree, struct str path, struct sim_inode *n)
{
	struct sim_inode *old;

	if (n) {
		n->refs++;
		old = omap_set(tree, path, n);
	} else {
		old = omap_remove(tree, path);
	}
	inode_unref(old);
}

static struct str trim_path(const char *path)
{
	struct str s = str_from(path);

	while (s.len > 1 && s.at[s.len - 1] == '/')
		s.len--;
	return s;
}

static struct str parent_of(struct str path)
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

static bool has_dir(struct sim_disk *d, struct str path)
{
	struct sim_inode *n = omap_get(&d->live, path);

	return is_root(path) || (n && n->is_dir);
}

/* ---- faults ---- */

static int call(struct sim_disk *d, const char *what, struct err *err)
{
	if (d->cut_in && --d->cut_in == 0) {
		sim_disk_crash(d);
		d->dark = true;
	}
	if (d->dark)
		return err_set(err, ERR_IO, "%s: the machine has no power", what);
	if (d->fail_in && --d->fail_in == 0)
		return err_set(err, d->fail_code, "%s: injected", what);
	if (sim_chance(d->sim, d->sim->faults.disk_error))
		return err_set(err, ERR_IO, "%s: input/output error", what);
	sim_note(d->sim, what, 0, 0);
	return 0;
}

static int64_t used_bytes(const struct sim_disk *d)
{
	int64_t sum = 0;

	omap_each (it, &d->live)
		sum += (int64_t)((struct sim_inode *)it.value)->live.len;
	return sum;
}

static struct sim_handle *handle_at(struct sim_disk *d, int handle, struct err *err)
{
	assert(handle >= 0 && (size_t)handle < d->handle_count && d->handles[handle].inode);
	if (!d->handles[handle].dead)
		return &d->handles[handle];
	err_set(err, ERR_IO, "the machine has lost its power since this was opened");
	return NULL;
}

/* ---- files ---- */

static int handle_new(struct sim_disk *d, struct sim_inode *n, int flags)
{
	size_t i = 0;

	while (i < d->handle_count && d->handles[i].inode)
		i++;
	if (i == d->handle_count) {
		d->handle_count = i ? 2 * i : 8;
		d->handles = mem_resize(d->handles, d->handle_count * sizeof(*d->handles));
		memset(d->handles + i, 0, (d->handle_count - i) * sizeof(*d->handles));
	}
	n->refs++;
	d->handles[i] = (struct sim_handle){.inode = n,
		.append = flags & O_APPEND,
		.writable = (flags & O_ACCMODE) != O_RDONLY};
	return (int)i;
}

static int disk_open(struct disk *base, const char *path, int flags, unsigned mode, struct err *err)
{
	struct sim_disk *d = disk_of(base);
	struct str name = trim_path(path);
	struct sim_inode *n = omap_get(&d->live, name);
	int code = call(d, "open", err);

	(void)mode;
	if (code)
		return code;
	if (n && (flags & O_CREAT) && (flags & O_EXCL))
		return err_set(err, ERR_ALREADY_EXISTS, "open %s: file exists", path);
	if (!n && !(flags & O_CREAT))
		return err_set(err, ERR_NOT_FOUND, "open %s: no such file or directory", path);
	if (!n && !has_dir(d, parent_of(name)))
		return err_set(err, ERR_NOT_FOUND, "open %s: no such file or directory", path);
	if (n && n->is_dir && (flags & O_ACCMODE) != O_RDONLY)
		return err_set(err, ERR_INVALID, "open %s: is a directory", path);
	if (n && !n->is_dir && (flags & O_DIRECTORY))
		return err_set(err, ERR_INVALID, "open %s: not a directory", path);
	if (!n) {
		n = inode_new(false);
		name_set(&d->live, name, n);
	} else if (flags & O_TRUNC) {
		buf_cut(&n->live, 0);
	}
	return handle_new(d, n, flags);
}

static void disk_close(struct disk *base, int handle)
{
	struct sim_disk *d = disk_of(base);

	assert(handle >= 0 && (size_t)handle < d->handle_count);
	inode_unref(TAKE(d->handles[handle].inode));
}

static ssize_t disk_read(
	struct disk *base, int handle, void *at, size_t len, int64_t offset, struct err *err)
{
	struct sim_disk *d = disk_of(base);
	struct sim_handle *h = handle_at(d, handle, err);
	int code = h ? call(d, "read", err) : ERR_IO;

	if (code)
		return code;
	struct str rest = str_skip(buf_str(&h->inode->live), (size_t)offset);
	size_t n = MIN(rest.len, len);
	if (n)
		memcpy(at, rest.at, n);
	return (ssize_t)n;
}

static void fill_to(struct buf *b, size_t size)
{
	static const char zeros[4096];

	while (b->len < size && !buf_over(b))
		buf_add(b, zeros, MIN(sizeof(zeros), size - b->len));
}

static ssize_t disk_write(
	struct disk *base, int handle, const void *at, size_t len, int64_t offset, struct err *err)
{
	struct sim_disk *d = disk_of(base);
	struct sim_handle *h = handle_at(d, handle, err);
	int code = h ? call(d, "write", err) : ERR_IO;

	if (code)
		return code;
	struct buf *b = &h->inode->live;
	size_t from = h->append ? b->len : (size_t)offset, to = from + len;
	assert(h->writable);
	int64_t grows = to > b->len ? (int64_t)(to - b->len) : 0;
	if (d->limit >= 0 && used_bytes(d) + grows > d->limit)
		return err_set(err, ERR_NO_SPACE, "write: no space left on device");
	if (to > FILE_MAX)
		return err_set(err, ERR_TOO_LARGE, "write: file too large");
	fill_to(b, to);
	if (len)
		memcpy(b->at + from, at, len);
	d->written = MAX(loop_now(d->sim->loop), d->written + 1);
	h->inode->changed = d->written;
	return (ssize_t)len;
}

static int disk_sync(struct disk *base, int handle, struct err *err)
{
	struct sim_disk *d = disk_of(base);
	struct sim_handle *h = handle_at(d, handle, err);
	int code = h ? call(d, "sync", err) : ERR_IO;

	if (code)
		return code;
	buf_cut(&h->inode->durable, 0);
	buf_add_str(&h->inode->durable, buf_str(&h->inode->live));
	return 0;
}

static int64_t disk_size(struct disk *base, int handle, struct err *err)
{
	struct sim_handle *h = handle_at(disk_of(base), handle, err);

	return h ? (int64_t)h->inode->live.len : ERR_IO;
}

static int disk_truncate(struct disk *base, int handle, int64_t size, struct err *err)
{
	struct sim_disk *d = disk_of(base);
	struct sim_handle *h = handle_at(d, handle, err);
	int code = h ? call(d, "truncate", err) : ERR_IO;

	if (code)
		return code;
	if (size < 0 || (uint64_t)size > FILE_MAX)
		return err_set(err, ERR_INVALID, "truncate: invalid argument");
	if ((uint64_t)size < h->inode->live.len)
		buf_cut(&h->inode->live, (size_t)size);
	fill_to(&h->inode->live, (size_t)size);
	return 0;
}

/* ---- names ---- */

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

static int disk_rename(struct disk *base, const char *from, const char *to, struct err *err)
{
	struct sim_disk *d = disk_of(base);
	struct sim_inode *n = omap_get(&d->live, trim_path(from));
	int code = call(d, "rename", err);

	if (code)
		return code;
	if (!n || !has_dir(d, parent_of(trim_path(to))))
		return err_set(err, ERR_NOT_FOUND, "rename %s: no such file or directory", from);
	if (n->is_dir)
		return err_set(
			err, ERR_UNSUPPORTED, "rename %s: directories stay where they are", from);
	if (str_eq(trim_path(from), trim_path(to)))
		return 0;
	name_set(&d->live, trim_path(to), n);
	name_set(&d->live, trim_path(from), NULL);
	return 0;
}

static int disk_remove(struct disk *base, const char *path, struct err *err)
{
	struct sim_disk *d = disk_of(base);
	struct str name = trim_path(path);
	struct sim_inode *n = omap_get(&d->live, name);
	int code = call(d, "remove", err);

	if (code)
		return code;
	if (!n)
		return err_set(err, ERR_NOT_FOUND, "remove %s: no such file or directory", path);
	if (n->is_dir && !dir_is_empty(d, name))
		return err_set(err, ERR_CONFLICT, "remove %s: directory not empty", path);
	name_set(&d->live, name, NULL);
	return 0;
}

static int64_t disk_changed(struct disk *base, const char *path, struct err *err)
{
	struct sim_disk *d = disk_of(base);
	struct sim_inode *n = omap_get(&d->live, trim_path(path));
	int code = call(d, "changed", err);

	if (code)
		return code;
	if (!n)
		return err_set(err, ERR_NOT_FOUND, "stat %s: no such file or directory", path);
	return n->changed;
}

static int disk_mkdir(struct disk *base, const char *path, unsigned mode, struct err *err)
{
	struct sim_disk *d = disk_of(base);
	struct str name = trim_path(path);
	int code = call(d, "mkdir", err);

	(void)mode;
	if (code)
		return code;
	if (is_root(name) || omap_has(&d->live, name))
		return err_set(err, ERR_ALREADY_EXISTS, "mkdir %s: file exists", path);
	if (!has_dir(d, parent_of(name)))
		return err_set(err, ERR_NOT_FOUND, "mkdir %s: no such file or directory", path);
	name_set(&d->live, name, inode_new(true));
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
			if (count < ARRAY_LEN(gone) && str_eq(parent_of(it.key), dir) &&
				!omap_has(from, it.key))
				gone[count++] = arena_str(&a, it.key);
		for (size_t i = 0; i < count; i++)
			name_set(to, gone[i], NULL);
	} while (count == ARRAY_LEN(gone));
	omap_each (it, from)
		if (str_eq(parent_of(it.key), dir))
			name_set(to, it.key, it.value);
	arena_done(&a);
}

static int disk_sync_dir(struct disk *base, const char *path, struct err *err)
{
	struct sim_disk *d = disk_of(base);
	int code = call(d, "sync_dir", err);

	if (code)
		return code;
	if (!has_dir(d, trim_path(path)))
		return err_set(err, ERR_NOT_FOUND, "open %s: no such file or directory", path);
	copy_names(&d->durable, &d->live, trim_path(path));
	return 0;
}

static int disk_list(struct disk *base, const char *path, int (*name)(void *ctx, const char *name),
	void *ctx, struct err *err)
{
	struct sim_disk *d = disk_of(base);
	struct str dir = trim_path(path);
	int code = call(d, "list", err);

	if (code)
		return code;
	if (!has_dir(d, dir))
		return err_set(err, ERR_NOT_FOUND, "open %s: no such file or directory", path);
	omap_each (it, &d->live) {
		struct str head, last;
		if (!str_eq(parent_of(it.key), dir))
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

/* ---- life ---- */

void sim_disk_init(struct sim_disk *d, struct sim *sim)
{
	static const struct disk_ops ops = {
		.open = disk_open,
		.close = disk_close,
		.read = disk_read,
		.write = disk_write,
		.sync = disk_sync,
		.size = disk_size,
		.truncate = disk_truncate,
		.rename = disk_rename,
		.remove = disk_remove,
		.changed = disk_changed,
		.mkdir = disk_mkdir,
		.sync_dir = disk_sync_dir,
		.list = disk_list,
	};

	*d = (struct sim_disk){.base.ops = &ops, .sim = sim, .limit = -1};
	omap_init(&d->live);
	omap_init(&d->durable);
}

static void drop_names(struct omap *tree)
{
	omap_each (it, tree)
		inode_unref(it.value);
	omap_done(tree);
	omap_init(tree);
}

/*
 * What was written since the last sync reached the disk by sectors, in any order or not at all:
 * each one is as it was, or as it was to be.
 */
static void tear(struct sim_disk *d, struct sim_inode *n)
{
	struct str live = buf_str(&n->live);

	for (size_t at = 0; at < live.len; at += SECTOR) {
		size_t len = MIN(SECTOR, live.len - at);
		bool same = at + len <= n->durable.len &&
			    memcmp(n->durable.at + at, live.at + at, len) == 0;

		if (same || !sim_chance(d->sim, d->sim->faults.torn))
			continue;
		fill_to(&n->durable, at + len);
		memcpy(n->durable.at + at, live.at + at, len);
	}
}

void sim_disk_crash(struct sim_disk *d)
{
	drop_names(&d->live);
	omap_each (it, &d->durable) {
		struct sim_inode *n = it.value;

		if (d->sim->faults.torn > 0)
			tear(d, n);
		name_set(&d->live, it.key, n);
		buf_cut(&n->live, 0);
		buf_add_str(&n->live, buf_str(&n->durable));
	}
	for (size_t i = 0; i < d->handle_count; i++)
		d->handles[i].dead = true;
	d->cut_in = 0;
	d->dark = false;
}

void sim_disk_done(struct sim_disk *d)
{
	for (size_t i = 0; i < d->handle_count; i++)
		inode_unref(d->handles[i].inode);
	mem_free(d->handles);
	drop_names(&d->live);
	drop_names(&d->durable);
	omap_done(&d->live);
	omap_done(&d->durable);
}
