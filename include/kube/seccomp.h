/*
 * seccomp: filters of system calls. A filter is compiled once into the kernel's instructions,
 * which can be kept in a file, and loaded by the process that is about to execute.
 */
#ifndef KUBE_SECCOMP_H
#define KUBE_SECCOMP_H

#include <kube/buf.h>
#include <kube/err.h>

#define SECCOMP_FILTER_MAX (256 * KIB)

/* RuntimeDefault: what every runtime lets pass, more for some capabilities. */
int seccomp_filter_default(uint64_t capabilities, struct buf *filter, struct err *err);
/* A profile as Docker and OCI write it (Localhost). */
int seccomp_filter_profile(
	struct str json, uint64_t capabilities, struct buf *filter, struct err *err);
/* Without no_new_privs it takes CAP_SYS_ADMIN. Only for a process with one thread. */
int seccomp_filter_load(struct str filter, struct err *err);

#endif
