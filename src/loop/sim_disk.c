/*
 * A disk in memory that forgets as real ones may: what a file holds survives a crash as it was at
 * its last sync, and its name only if the directory was synced after it was given.
 */
#include "sim_disk.h"

#include <kube/mem.h>

#include <fcntl.h>

#define SECTOR ((size_t)512)

/* ---- faults ---- */

int sim_disk_call(struct sim_disk *d, const char *what, struct err *err)
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
	struct sim_disk *d = sim_disk_of(base);
	struct str name = sim_trim_path(path);
	struct sim_inode *n = omap_get(&d->live, name);
	int code = sim_disk_call(d, "open", err);

	(void)mode;
	if (code)
		return code;
	if (n && (flags & O_CREAT) && (flags & O_EXCL))
		return err_set(err, ERR_ALREADY_EXISTS, "open %s: file exists", path);
	if (!n && !(flags & O_CREAT))
		return err_set(err, ERR_NOT_FOUND, "open %s: no such file or directory", path);
	if (!n && !sim_has_dir(d, sim_parent_of(name)))
		return err_set(err, ERR_NOT_FOUND, "open %s: no such file or directory", path);
	if (n && n->is_dir && (flags & O_ACCMODE) != O_RDONLY)
		return err_set(err, ERR_INVALID, "open %s: is a directory", path);
	if (n && !n->is_dir && (flags & O_DIRECTORY))
		return err_set(err, ERR_INVALID, "open %s: not a directory", path);
	if (!n) {
		n = sim_inode_new(false);
		sim_name_set(&d->live, name, n);
	} else if (flags & O_TRUNC) {
		buf_cut(&n->live, 0);
	}
	return handle_new(d, n, flags);
}

static void disk_close(struct disk *base, int handle)
{
	struct sim_disk *d = sim_disk_of(base);

	assert(handle >= 0 && (size_t)handle < d->handle_count);
	sim_inode_unref(TAKE(d->handles[handle].inode));
}

static ssize_t disk_read(
	struct disk *base, int handle, void *at, size_t len, int64_t offset, struct err *err)
{
	struct sim_disk *d = sim_disk_of(base);
	struct sim_handle *h = handle_at(d, handle, err);
	int code = h ? sim_disk_call(d, "read", err) : ERR_IO;

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
	struct sim_disk *d = sim_disk_of(base);
	struct sim_handle *h = handle_at(d, handle, err);
	int code = h ? sim_disk_call(d, "write", err) : ERR_IO;

	if (code)
		return code;
	struct buf *b = &h->inode->live;
	size_t from = h->append ? b->len : (size_t)offset, to = from + len;
	assert(h->writable);
	int64_t grows = to > b->len ? (int64_t)(to - b->len) : 0;
	if (d->limit >= 0 && used_bytes(d) + grows > d->limit)
		return err_set(err, ERR_NO_SPACE, "write: no space left on device");
	if (to > SIM_FILE_MAX)
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
	struct sim_disk *d = sim_disk_of(base);
	struct sim_handle *h = handle_at(d, handle, err);
	int code = h ? sim_disk_call(d, "sync", err) : ERR_IO;

	if (code)
		return code;
	buf_cut(&h->inode->durable, 0);
	buf_add_str(&h->inode->durable, buf_str(&h->inode->live));
	return 0;
}

static int64_t disk_size(struct disk *base, int handle, struct err *err)
{
	struct sim_handle *h = handle_at(sim_disk_of(base), handle, err);

	return h ? (int64_t)h->inode->live.len : ERR_IO;
}

static int disk_truncate(struct disk *base, int handle, int64_t size, struct err *err)
{
	struct sim_disk *d = sim_disk_of(base);
	struct sim_handle *h = handle_at(d, handle, err);
	int code = h ? sim_disk_call(d, "truncate", err) : ERR_IO;

	if (code)
		return code;
	if (size < 0 || (uint64_t)size > SIM_FILE_MAX)
		return err_set(err, ERR_INVALID, "truncate: invalid argument");
	if ((uint64_t)size < h->inode->live.len)
		buf_cut(&h->inode->live, (size_t)size);
	fill_to(&h->inode->live, (size_t)size);
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
		.rename = sim_disk_rename,
		.remove = sim_disk_remove,
		.changed = sim_disk_changed,
		.mkdir = sim_disk_mkdir,
		.sync_dir = sim_disk_sync_dir,
		.list = sim_disk_list,
	};

	*d = (struct sim_disk){.base.ops = &ops, .sim = sim, .limit = -1};
	omap_init(&d->live);
	omap_init(&d->durable);
}

static void drop_names(struct omap *tree)
{
	omap_each (it, tree)
		sim_inode_unref(it.value);
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
		sim_name_set(&d->live, it.key, n);
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
		sim_inode_unref(d->handles[i].inode);
	mem_free(d->handles);
	drop_names(&d->live);
	drop_names(&d->durable);
	omap_done(&d->live);
	omap_done(&d->durable);
}
