/*
 * disk_vfs: SQLite on an env's disk, so that the store lives in the simulator too, on disks that
 * fail, fill up and forget. The machine's own disk needs none: SQLite knows it better.
 */
#ifndef KUBE_STORE_DISK_VFS_H
#define KUBE_STORE_DISK_VFS_H

#include <kube/env.h>

struct disk_vfs;

/* NULL for the machine's disk. One process only may have a file open: there are no locks. */
struct disk_vfs *disk_vfs_new(struct disk *disk);
void disk_vfs_free(struct disk_vfs *v);              /* every file is closed */
const char *disk_vfs_name(const struct disk_vfs *v); /* for sqlite3_open_v2; of NULL NULL */

#endif
