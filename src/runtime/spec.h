/*
 * spec: a container as its pod's helper is to make it: everything decided, nothing left to look
 * up but names in the image's own files. The runtime writes it as JSON beside the container, the
 * helper reads it, perhaps one of an older or newer version: what is not known is passed over.
 */
#ifndef KUBE_RUNTIME_SPEC_H
#define KUBE_RUNTIME_SPEC_H

#include <kube/arena.h>
#include <kube/err.h>

#define SPEC_MAX (4 * MIB)

struct spec_strs {
	struct str *items; /* NUL-terminated */
	size_t count;
};
struct spec_ints {
	int64_t *items;
	size_t count;
};

struct spec_mount {
	struct str type; /* "bind", "image", or a file system's */
	struct str source, target;
	struct spec_strs
		lowers;         /* of an image, the topmost first; source: a part of it, or empty */
	struct str data;        /* of a file system: "mode=755,size=64m" */
	int64_t attributes;     /* enum mount_attribute bits */
	int64_t propagation;    /* enum mount_propagation */
	bool recursive_changes; /* the attributes count for what is mounted below, too */
	bool optional;          /* may fail */
};

struct spec_device {
	struct str path, type, access; /* type: "c", "b"; path empty: only allowed, not made */
	int64_t major, minor;          /* -1: any */
	int64_t mode, uid, gid;
};

struct spec_hugepages {
	struct str size;
	int64_t limit;
};

struct container_spec {
	struct str id, cgroup;
	struct str cwd;
	struct str user;              /* "name", "name:group", "1000:1000": as an image says it */
	struct str root, upper, work; /* root: an empty directory to mount on */
	struct spec_strs lowers;      /* the topmost first */
	struct spec_strs args, env;
	struct spec_ints groups; /* supplemental, beside the user's own */
	struct spec_strs masked, read_only_paths;
	struct str log_path;
	struct str seccomp; /* a file of instructions; empty: none */
	struct str apparmor;
	struct str pid_target; /* another container of the pod, whose processes are seen */
	int64_t uid, gid;      /* -1: the user's */
	int64_t capabilities;
	int64_t oom_score_adj;
	int64_t cpu_period, cpu_quota, cpu_shares, memory, swap, pids;
	struct str cpuset_cpus, cpuset_mems;
	bool kill_together; /* out of memory */
	bool tty, stdin, stdin_once;
	bool own_pid;       /* a process namespace of its own */
	bool strict_groups; /* the image's groups do not count */
	bool read_only_root, no_new_privs;
	struct spec_mount *mounts;
	size_t mount_count;
	struct spec_device *devices;
	size_t device_count;
	struct spec_hugepages *hugepages;
	size_t hugepage_count;
};

struct buf;
void spec_print(struct buf *out, const struct container_spec *spec);
int spec_parse(struct arena *a, struct str text, struct container_spec *spec, struct err *err);

#endif
