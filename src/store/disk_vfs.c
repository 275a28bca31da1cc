#include "disk_vfs.h"

#include <kube/mem.h>

#include <fcntl.h>
#include <sqlite3.h>

#define SECTOR   512
#define NAME_LEN 32

struct disk_vfs {
	sqlite3_vfs vfs; /* first */
	sqlite3_vfs *machine;
	struct disk *disk;
	char name[NAME_LEN];
};

struct vfs_file {
	sqlite3_file base; /* first */
	struct disk *disk;
	int handle;
	char *path;      /* as opened */
	bool unsettled;  /* made by us: its name is not on disk yet */
	bool dies_early; /* removed once it is closed */
};

static struct disk *disk_of(sqlite3_vfs *v)
{
	return ((struct disk_vfs *)v)->disk;
}

static int result_of(int code, int otherwise)
{
	return !code ? SQLITE_OK : code == ERR_NO_SPACE ? SQLITE_FULL : otherwise;
}

/* ---- an open file ---- */

static int file_close(sqlite3_file *base)
{
	struct vfs_file *f = (struct vfs_file *)base;

	f->disk->ops->close(f->disk, f->handle);
	if (f->dies_early)
		f->disk->ops->remove(f->disk, f->path, NULL);
	mem_free(f->path);
	return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *at, int len, sqlite3_int64 offset)
{
	struct vfs_file *f = (struct vfs_file *)base;
	ssize_t got = f->disk->ops->read(f->disk, f->handle, at, (size_t)len, offset, NULL);

	if (got < 0)
		return SQLITE_IOERR_READ;
	if (got == len)
		return SQLITE_OK;
	memset((char *)at + got, 0, (size_t)(len - got));
	return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *base, const void *at, int len, sqlite3_int64 offset)
{
	struct vfs_file *f = (struct vfs_file *)base;
	ssize_t done = f->disk->ops->write(f->disk, f->handle, at, (size_t)len, offset, NULL);

	return result_of(done < 0 ? (int)done : 0, SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	struct vfs_file *f = (struct vfs_file *)base;

	return result_of(
		f->disk->ops->truncate(f->disk, f->handle, size, NULL), SQLITE_IOERR_TRUNCATE);
}

static int sync_parent(struct disk *disk, const char *path)
{
	struct str dir, base;

	str_cut_last(str_from(path), '/', &dir, &base);
	_cleanup_(mem_done) char *text = str_dup(dir.len ? dir : STR("/"));
	return result_of(disk->ops->sync_dir(disk, text, NULL), SQLITE_IOERR_DIR_FSYNC);
}

static int file_sync(sqlite3_file *base, int flags)
{
	struct vfs_file *f = (struct vfs_file *)base;
	int code = result_of(f->disk->ops->sync(f->disk, f->handle, NULL), SQLITE_IOERR_FSYNC);

	(void)flags;
	if (code || !f->unsettled)
		return code;
	code = sync_parent(f->disk, f->path);
	f->unsettled = code != SQLITE_OK;
	return code;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
	struct vfs_file *f = (struct vfs_file *)base;

	*size = f->disk->ops->size(f->disk, f->handle, NULL);
	return *size < 0 ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

static int file_lock(sqlite3_file *base, int level)
{
	(void)base, (void)level;
	return SQLITE_OK;
}

static int file_reserved(sqlite3_file *base, int *reserved)
{
	(void)base;
	*reserved = 0;
	return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int what, void *argument)
{
	(void)base, (void)what, (void)argument;
	return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *base)
{
	(void)base;
	return SECTOR;
}

/* A torn write leaves each sector old or new. */
static int file_character(sqlite3_file *base)
{
	(void)base;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* Version 1: no shared memory; a WAL that one connection has alone needs none. */
static const sqlite3_io_methods file_methods = {
	.iVersion = 1,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_lock,
	.xCheckReservedLock = file_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_character,
};

/* ---- names ---- */

/* 1 or 0; a disk that cannot tell has not said no. */
static int exists(struct disk *disk, const char *path)
{
	int handle = disk->ops->open(disk, path, O_RDONLY, 0, NULL);

	if (handle >= 0)
		disk->ops->close(disk, handle);
	return handle >= 0 ? 1 : handle == ERR_NOT_FOUND ? 0 : handle;
}

static int vfs_open(sqlite3_vfs *v, const char *path, sqlite3_file *base, int flags, int *given)
{
	struct vfs_file *f = (struct vfs_file *)base;
	struct disk *disk = disk_of(v);
	int how = flags & SQLITE_OPEN_READONLY ? O_RDONLY : O_RDWR;

	*f = (struct vfs_file){.disk = disk};
	if (!path) /* temporary files are kept in memory: nobody asks for one */
		return SQLITE_CANTOPEN;
	/* Even if it is there: whoever made it may not have come to sync its directory. */
	f->unsettled = flags & SQLITE_OPEN_CREATE;
	if (flags & SQLITE_OPEN_CREATE)
		how |= O_CREAT;
	f->handle = disk->ops->open(disk, path, how, 0600, NULL);
	if (f->handle < 0)
		return result_of(f->handle, SQLITE_CANTOPEN);
	f->path = mem_copy_text(path);
	f->dies_early = flags & SQLITE_OPEN_DELETEONCLOSE;
	f->base.pMethods = &file_methods;
	if (given)
		*given = flags;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *v, const char *path, int sync)
{
	int code = disk_of(v)->ops->remove(disk_of(v), path, NULL);

	if (code == ERR_NOT_FOUND)
		return SQLITE_IOERR_DELETE_NOENT;
	if (code)
		return SQLITE_IOERR_DELETE;
	return sync ? sync_parent(disk_of(v), path) : SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *v, const char *path, int flags, int *found)
{
	int there = exists(disk_of(v), path);

	(void)flags;
	*found = there == 1;
	return there < 0 ? SQLITE_IOERR_ACCESS : SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *v, const char *path, int len, char *out)
{
	(void)v;
	sqlite3_snprintf(len, out, "%s", path);
	return SQLITE_OK;
}

/* ---- what is the machine's ---- */

static int vfs_random(sqlite3_vfs *v, int len, char *out)
{
	sqlite3_vfs *machine = ((struct disk_vfs *)v)->machine;

	return machine->xRandomness(machine, len, out);
}

static int vfs_sleep(sqlite3_vfs *v, int us)
{
	(void)v;
	return us;
}

static int vfs_time(sqlite3_vfs *v, double *julian)
{
	sqlite3_vfs *machine = ((struct disk_vfs *)v)->machine;

	return machine->xCurrentTime(machine, julian);
}

static int vfs_last_error(sqlite3_vfs *v, int len, char *out)
{
	(void)v, (void)len, (void)out;
	return 0;
}

/* ---- life ---- */

struct disk_vfs *disk_vfs_new(struct disk *disk)
{
	if (disk->is_machine)
		return NULL;
	struct disk_vfs *v = mem_new(sizeof(*v));
	v->disk = disk;
	v->machine = sqlite3_vfs_find(NULL);
	sqlite3_snprintf(sizeof(v->name), v->name, "disk-%p", (void *)v);
	v->vfs = (sqlite3_vfs){
		.iVersion = 1,
		.szOsFile = sizeof(struct vfs_file),
		.mxPathname = 512,
		.zName = v->name,
		.xOpen = vfs_open,
		.xDelete = vfs_delete,
		.xAccess = vfs_access,
		.xFullPathname = vfs_full_path,
		.xRandomness = vfs_random,
		.xSleep = vfs_sleep,
		.xCurrentTime = vfs_time,
		.xGetLastError = vfs_last_error,
	};
	sqlite3_vfs_register(&v->vfs, 0);
	return v;
}

void disk_vfs_free(struct disk_vfs *v)
{
	if (!v)
		return;
	sqlite3_vfs_unregister(&v->vfs);
	mem_free(v);
}

const char *disk_vfs_name(const struct disk_vfs *v)
{
	return v ? v->name : NULL;
}
