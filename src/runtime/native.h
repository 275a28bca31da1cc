/*
 * native: the built-in runtime from the inside. native_start.c finds what was there before,
 * native_run.c and native_end.c begin and end sandboxes (their helpers come from native_seed.c),
 * native_container.c their containers, native_link.c speaks with the helpers, native_session.c has
 * exec, attach and connections, native_state.c what lies on disk, native_spec.c what a container is
 * to be.
 *
 * Whoever awaits something about a sandbox or container holds it (native_hold …): what is removed
 * meanwhile is `gone`, and freed by the last who lets go.
 */
#ifndef KUBE_RUNTIME_NATIVE_PRIVATE_H
#define KUBE_RUNTIME_NATIVE_PRIVATE_H

#include "spec.h"

#include <kube/cgroup.h>
#include <kube/json.h>
#include <kube/map.h>
#include <kube/runtime_native.h>
#include <kube/task.h>
#include <kube/work.h>

#define NATIVE_ID_LEN 64

/* Exit code of what ended with its helper, unseen. */
#define NATIVE_CODE_LOST 137

struct native {
	struct runtime runtime;
	struct env *env;
	struct scope scope;
	struct arena arena;
	struct str root, cgroup_root;
	const char *program;
	struct runtime_images *images;
	struct runtime_network *network;
	struct cgroups cgroups;
	struct omap sandboxes, containers; /* by id */
	struct list listeners, users;      /* users: sandboxes that have some, by the first */
	const struct sandbox **sandbox_list;
	const struct container **container_list;
	size_t busy; /* tasks under way */
	struct op *stopping;
	struct op closed;
	struct native_gauge *gauge;
	struct native_seed *seed;
	bool stopped;
};

/* What is said of a sandbox on disk, beside what everybody sees. */
struct native_sandbox {
	struct sandbox s;
	struct native *native;
	struct arena arena;
	struct str directory, socket, cgroup, cgroup_parent, log_directory, hostname;
	struct str shm; /* a mount of its own; empty: the node's */
	struct link in_users;
	uint32_t user_first, user_count; /* ids of the node that are the pod's own; 0: none */
	enum runtime_namespace network, pid, ipc;
	bool privileged;
	char netns[64];
	struct native_link *link;
	struct process *process; /* when it is our own child */
	struct op process_ended;
	pid_t helper;
	int pidfd; /* of it */
	struct list containers, sessions;
	struct op *link_waiting; /* told when the helper is gone */
	struct op relinking;
	int holds;
	bool busy;   /* being stopped or removed */
	bool ending; /* the helper's end is expected */
	bool ended;  /* nothing of it runs, nothing is mounted */
	bool listed, attached, gone;
};

struct native_container {
	struct container c;
	struct native *native;
	struct native_sandbox *sandbox;
	struct link in_sandbox;
	struct arena arena;
	struct str directory, cgroup, stop_signal, termination_path;
	struct str *mounted; /* ids of images that it mounts, besides the one it runs from */
	size_t mounted_count;
	struct list waiting; /* native_container_wait */
	struct container_usage usage;
	bool usage_known, busy, gone;
	int holds;
};

/* ---- native.c ---- */
static inline struct native *native_of(struct runtime *r)
{
	return CONTAINER_OF(r, struct native, runtime);
}
void native_changed(struct native *n, struct str sandbox, struct str container);
/* Behind task_start, of a task whose first step awaits: false: it was refused, and never ran. */
static inline bool native_begun(const struct task *t)
{
	return op_active(&t->wait);
}
/* A task begins, and ends: the runtime is not freed in between. */
void native_enter(struct native *n);
void native_leave(struct native *n);
struct native_sandbox *native_sandbox_find(struct native *n, struct str id, struct err *err);
struct native_container *native_container_find(struct native *n, struct str id, struct err *err);
struct native_sandbox *native_sandbox_new(struct native *n, struct str id);
struct native_container *native_container_new(struct native_sandbox *s, struct str id);
void native_sandbox_list(struct native_sandbox *s);
/* Out of the lists; freed when nobody holds it. */
void native_sandbox_forget(struct native_sandbox *s);
void native_container_forget(struct native_container *c);
void native_sandbox_hold(struct native_sandbox *s);
void native_sandbox_release(struct native_sandbox *s);
void native_container_hold(struct native_container *c);
void native_container_release(struct native_container *c);
/* 64 hex digits. */
struct str native_new_id(struct native *n, struct arena *a);

/* ---- native_users.c ---- */
/* The lowest ids that no other sandbox has. The sandbox has them until it is freed. */
void native_users_take(struct native_sandbox *s, uint32_t count);
/* What the record says it has. */
void native_users_know(struct native_sandbox *s);

/* ---- native_state.c ---- */
/* Sandboxes and containers as JSON; what is unknown is passed over. */
void native_sandbox_print(struct buf *out, const struct native_sandbox *s);
int native_sandbox_parse(struct native_sandbox *s, struct str text, struct err *err);
void native_container_print(struct buf *out, const struct native_container *c);
int native_container_parse(struct native_container *c, struct str text, struct err *err);
/* The helper's `started` and `exited`, and our own `failed`. */
void native_container_started(struct native_container *c, const struct cJSON *started);
void native_container_user(struct native_container *c, const struct cJSON *told);
void native_container_exited(struct native_container *c, const struct cJSON *exited);
void native_ips_print(struct buf *out, const struct native_sandbox *s);
void native_ips_parse(struct native_sandbox *s, struct str text);
struct runtime_pairs native_pairs(struct arena *a, struct runtime_pairs pairs);

/* ---- native_files.c: blocking; for work and the start ---- */
#define NATIVE_FILE_MAX (8 * MIB)
int native_write(const char *path, struct str text, struct err *err);
int native_read(const char *path, struct buf *out, struct err *err);
int native_make_dirs(const char *path, unsigned mode, struct err *err);
/* A directory with all below it, on its own file system only; what is not there is fine. */
int native_remove_tree(const char *path, struct err *err);
/* Calls back for each name, no dots. */
int native_each_name(const char *path, void (*name)(void *ctx, const char *name), void *ctx);

/* ---- native_link.c ---- */
/*
 * One question to a sandbox's helper. The memory is the asker's; request->answer is valid from
 * op's done until native_request_done.
 */
struct native_request {
	struct link in_link;
	int64_t id;
	struct op *op;
	struct native_link *link;
	struct arena arena;
	struct cJSON *answer;
};
void native_request_init(struct native_request *q);
void native_request_done(struct native_request *q);
/* body: `"do":"signal","signal":9`. ERR_NOT_FOUND: there is no helper. */
void native_ask(struct native_sandbox *s, struct native_request *q, struct op *op,
	const char *format, ...) KUBE_PRINTF(4, 5);
/* Says something, and throws the answer away. */
void native_say(struct native_sandbox *s, const char *format, ...) KUBE_PRINTF(2, 3);
/* Done when the helper has told how its containers are. */
void native_link_open(struct native_sandbox *s, struct op *op);
/* No event comes after it; what is asked ends with ERR_CLOSED. */
void native_link_close(struct native_sandbox *s);
/* Done when there is no link any more. */
void native_link_wait(struct native_sandbox *s, struct op *op);

/* ---- native_seed.c ---- */
struct native_birth {
	struct link in_seed;
	struct op *op;
	struct native_seed *seed;
	const char *directory; /* of the sandbox */
	int namespaces;
	int report; /* what the helper says goes there; stays the asker's */
	struct process **process;
};
/* Done when there is a helper, not yet when it is ready. birth is the asker's until then. */
void native_bear(struct native *n, struct op *op, struct native_birth *birth);
struct native_seed *native_seed_new(struct native *n);
/* When no birth is under way. */
void native_seed_end(struct native_seed *seed);
void native_seed_free(struct native_seed *seed);

/* ---- native_run.c, native_end.c ---- */
void native_run_sandbox(struct runtime *r, struct op *op, struct runtime_sandbox_run *run);
void native_stop_sandbox(struct runtime *r, struct op *op, struct str id);
void native_remove_sandbox(struct runtime *r, struct op *op, struct str id);
/*
 * Ends whatever there is of a sandbox: containers, helper, network, mounts, groups. Then it is
 * not ready; with `remove` there is nothing of it any more, and it is forgotten.
 */
void native_sandbox_end(struct native_sandbox *s, struct op *op, bool remove);
/* The helper has died, and everything in the pod with it. */
void native_sandbox_lost(struct native_sandbox *s);
/* The same without asking for more: nobody waits. */
void native_sandbox_discard(struct native_sandbox *s);
/* Our handle of the helper's process, given up: it lives on without us. */
void native_sandbox_let_go(struct native_sandbox *s);

/* ---- native_container.c, native_stop.c ---- */
void native_create_container(
	struct runtime *r, struct op *op, struct runtime_container_create *create);
void native_start_container(struct runtime *r, struct op *op, struct str id);
void native_stop_container(struct runtime *r, struct op *op, struct str id, int64_t grace);
void native_remove_container(struct runtime *r, struct op *op, struct str id);
void native_update_container(
	struct runtime *r, struct op *op, struct str id, const struct container_limits *limits);
void native_reopen_log(struct runtime *r, struct op *op, struct str id);
/* Done when it does not run (any more). */
void native_container_wait(struct native_container *c, struct op *op);
/* It has ended: those who wait are told, listeners too. */
void native_container_ended(struct native_container *c);

/* ---- native_spec.c ---- */
struct native_build {
	struct arena *arena;
	const struct native_sandbox *sandbox;
	const struct container_config *config;
	const struct image_root *image;
	struct runtime_images *images; /* of mounts */
	const struct cgroups *cgroups;
	struct str id, directory, cgroup, seccomp_directory, log_path;
	struct container_spec spec;
};
/*
 * Everything that needs no look at the node. Then, on a worker thread, what does: devices, mounts
 * whose source is missing, filters of system calls.
 */
int native_spec_plan(struct native_build *b, struct err *err);
int native_spec_settle(struct native_build *b, struct err *err);
/* The limits' members alone. */
void native_spec_limit(
	struct arena *a, struct container_spec *spec, const struct container_limits *limits);
void native_limits_of(
	const struct container_limits *limits, struct arena *a, struct cgroup_limits *out);

/* ---- native_session.c, native_exec.c ---- */
void native_exec(struct runtime *r, struct op *op, struct runtime_exec *exec);
void native_session_start(
	struct runtime *r, struct op *op, struct scope *scope, struct runtime_session *s);
void native_session_wait(struct runtime *r, struct op *op, struct runtime_session *s);
void native_session_resize(
	struct runtime *r, struct runtime_session *s, uint16_t width, uint16_t height);
void native_connect(struct runtime *r, struct op *op, struct scope *scope, struct str sandbox,
	uint16_t port, struct stream **stream);
/* From the link: a session's program has ended; or all of them, with the helper. */
void native_session_ended(struct native_sandbox *s, int64_t id, int32_t code);
void native_sessions_lost(struct native_sandbox *s);

/* ---- native_gauge.c: figures, taken on a worker thread now and then ---- */
struct native_gauge *native_gauge_new(struct native *n);
void native_gauge_free(struct native_gauge *g);
/* Soon, not only when its time comes. */
void native_gauge_hurry(struct native_gauge *g);
bool native_usage(struct runtime *r, struct str container, struct container_usage *usage);

#endif
