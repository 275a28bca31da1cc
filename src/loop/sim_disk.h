/*
 * The simulator's disks from within: the tree of names (sim_disk_names.c), and what files hold,
 * what fails and what a power cut leaves (sim_disk.c).
 */
#ifndef KUBE_LOOP_SIM_DISK_H
#define KUBE_LOOP_SIM_DISK_H

#include "sim_world.h"

#define SIM_FILE_MAX (256 * MIB)

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

static inline struct sim_disk *sim_disk_of(struct disk *d)
{
	return (struct sim_disk *)d;
}

struct sim_inode *sim_inode_new(bool is_dir); /* no references yet */
void sim_inode_unref(struct sim_inode *n);    /* NULL is fine */
/* n: takes a reference; NULL: the name goes. */
void sim_name_set(struct omap *tree, struct str path, struct sim_inode *n);
struct str sim_trim_path(const char *path); /* without slashes at its end */
struct str sim_parent_of(struct str path);
bool sim_has_dir(struct sim_disk *d, struct str path);

/* What stands before each of the disk's operations: it may fail here. */
int sim_disk_call(struct sim_disk *d, const char *what, struct err *err);

/* Operations on names. */
int sim_disk_rename(struct disk *base, const char *from, const char *to, struct err *err);
int sim_disk_remove(struct disk *base, const char *path, struct err *err);
int64_t sim_disk_changed(struct disk *base, const char *path, struct err *err);
int sim_disk_mkdir(struct disk *base, const char *path, unsigned mode, struct err *err);
int sim_disk_sync_dir(struct disk *base, const char *path, struct err *err);
int sim_disk_list(struct disk *base, const char *path, int (*name)(void *ctx, const char *name),
	void *ctx, struct err *err);

#endif
