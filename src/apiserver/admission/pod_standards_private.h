/* What the checks of pod_standards.c share; they are in the files named after the levels. */
#ifndef KUBE_APISERVER_POD_STANDARDS_PRIVATE_H
#define KUBE_APISERVER_POD_STANDARDS_PRIVATE_H

#include "pod_standards.h"

#define STANDARDS_NAMES_MAX 256

struct names {
	struct str items[STANDARDS_NAMES_MAX];
	size_t count;
};

struct standard_check {
	struct arena *arena;
	const struct cJSON *metadata, *spec;
	int version;
	struct str detail; /* of the check that runs; empty: nothing is wrong */
	bool several;      /* its heading stands in the plural */
};
typedef void standard_check_fn(struct standard_check *c);

void standards_add(struct names *n, struct str name);
void standards_add_once(struct names *n, struct str name);
void standards_sort(struct names *n);
struct str standards_join(struct arena *a, const struct names *n, const char *quote);
const char *standards_plural(size_t count, const char *one, const char *several);
/* `container "c"`, `containers "c", "d"` */
struct str standards_containers(struct arena *a, const struct names *n);
/* `pod and container "c"`; empty when it is neither. */
struct str standards_setters(struct arena *a, bool pod, const struct names *n);

extern const char *const standards_lists[]; /* of containers, in upstream's order; ends with NULL */
#define each_container(c, check)                                                                   \
	for (const char *const *list_ = standards_lists; *list_; list_++)                          \
		json_each (c, json_get((check)->spec, str_from(*list_)))

struct str standards_name(const struct cJSON *container);
bool standards_windows(const struct standard_check *c);
/* Pods with users of their own may do what they like to those. */
bool standards_own_users(const struct standard_check *c);
bool standards_one_of(struct str text, const char *const *words);

/* ---- pod_standards_baseline.c ---- */
standard_check_fn standard_app_armor, standard_capabilities, standard_host_namespaces,
	standard_host_paths, standard_host_ports, standard_hosts, standard_privileged,
	standard_no_proc_mounts, standard_proc_mount, standard_selinux, standard_sysctls,
	standard_host_process;
/* Containers that add other capabilities than the good ones, and which; what is said of them. */
void standards_find_capabilities(const struct standard_check *c, const char *const *good,
	struct names *who, struct names *what);
struct str standards_must_not_include(
	struct arena *a, const struct names *who, const struct names *what);

/* ---- pod_standards_seccomp.c ---- */
standard_check_fn standard_seccomp, standard_seccomp_set;

/* ---- pod_standards_restricted.c ---- */
standard_check_fn standard_escalation, standard_dropped, standard_volumes, standard_non_root,
	standard_user;

#endif
