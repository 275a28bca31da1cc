/*
 * machine: what the kernel and the files of this machine say of it. Calls block for microseconds.
 */
#ifndef KUBE_MACHINE_H
#define KUBE_MACHINE_H

#include <kube/arena.h>

struct machine_hugepages {
	int64_t size, total; /* bytes, pages */
};

struct machine {
	int64_t cpus;
	int64_t memory, swap; /* bytes */
	int64_t disk, inodes; /* of the file system that was asked about */
	int64_t processes;    /* that there may be */
	struct machine_hugepages hugepages[4];
	size_t hugepage_count;
	struct str machine_id, system_uuid, boot_id;
	struct str kernel, os_image;
	struct str architecture; /* as Go names it: "amd64" */
	bool apparmor;           /* the kernel enforces its profiles */
};

/* What nobody says is 0 or empty. The directory: whose file system counts. */
void machine_read(struct arena *a, const char *directory, struct machine *m);

/*
 * Of the file system that a directory is on, or will be on when it is made. false: nobody knows,
 * and all of it is 0.
 */
struct machine_space {
	int64_t bytes, inodes, free_bytes, free_inodes;
	uint64_t id; /* two of the same one are the same file system */
};
bool machine_space(const char *directory, struct machine_space *s);

/* How many processes and threads there may be, and are. false: nobody knows. */
bool machine_processes(int64_t *most, int64_t *now);

/* What of it is free at the moment. */
struct machine_free {
	int64_t memory, disk, inodes, processes;
};
void machine_measure(const char *directory, struct machine_free *f);

#endif
