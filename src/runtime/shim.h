/*
 * shim: the helper of one pod. It listens on a unix socket where the runtime connects, asks and
 * is told; the wire is lines of JSON, {"id":1,"do":"start",…} answered by {"id":1,…} or
 * {"id":1,"error":"…","code":"NOT_FOUND"}, and events {"exited":…}, {"session":…}.
 *
 * Descriptors (of exec, attach, port connections) are not sent: an answer names the helper's own
 * numbers, the runtime copies them from the process (pidfd_getfd) and says that they are taken.
 *
 * The helper has one loop, one thread, and ends by leaving: what it holds is the kernel's.
 */
#ifndef KUBE_RUNTIME_SHIM_H
#define KUBE_RUNTIME_SHIM_H

#include "child.h"
#include "log_lines.h"
#include "spec.h"

#include <kube/env.h>
#include <kube/json.h>

#define SHIM_LINE_MAX  (4 * MIB)
#define SHIM_QUEUE_MAX (16 * MIB)

struct shim {
	struct env *env;
	struct loop *loop;
	struct scope *scope;
	struct arena arena;
	struct cgroups cgroups;
	struct str cgroup; /* our own */
	struct listener *listener;
	struct op accepting, child_signal;
	struct stream *accepted;
	struct list links, containers, children, sessions;
	int own_pids; /* our own process namespace */
	int users;    /* the pod's user namespace; -1: the node's */
	uint32_t users_first;
	bool leaving;
};

/*
 * The pod gets users of its own, and with them a network, names and message queues that belong to
 * those: {"first":65536,"count":65536} says which ids of the node they are.
 */
int shim_take_users(struct shim *shim, const struct cJSON *users, struct err *err);

/* ---- processes ---- */
struct shim_child {
	struct link in_shim;
	pid_t pid;
	int pidfd;
	/* wait(2)'s status. The pidfd is closed afterwards. */
	void (*ended)(struct shim *shim, struct shim_child *child, int status);
};

/*
 * Starts, and tells when the program runs or why it does not. One at a time for each struct, whose
 * memory is the caller's until `told`.
 */
struct shim_start {
	struct shim *shim;
	struct shim_child *child;
	struct scope scope;
	struct op op, closed;
	struct stream *report;
	struct buf said;
	size_t read; /* of it */
	int go;
	int master; /* of its terminal; -1: none */
	int64_t uid, gid;
	size_t groups_at, groups_len; /* in what was said */
	struct str groups;            /* "1000,2000"; while it is told */
	struct err err;
	void (*told)(struct shim_start *start); /* err says how it went */
};
void shim_start_child(struct shim_start *start, const struct child *what, int pid_namespace_of,
	bool new_pid_namespace);
void shim_reap(struct shim *shim);

/* ---- links: connections of the runtime ---- */
struct shim_link {
	struct link in_shim;
	struct shim *shim;
	struct scope scope;
	struct stream *stream;
	struct outbox *out;
	struct op reading, closed;
	struct buf in;
	bool closing;
};
void shim_link_new(struct shim *shim, struct stream *stream);
/* The link may have ended meanwhile (NULL): then nothing happens. */
void shim_answer(struct shim_link *link, int64_t id, const char *format, ...) KUBE_PRINTF(3, 4);
void shim_refuse(struct shim_link *link, int64_t id, const struct err *err);
void shim_tell_all(struct shim *shim, const char *format, ...) KUBE_PRINTF(2, 3);
/* The link if it is still there. */
struct shim_link *shim_link_living(struct shim *shim, const struct shim_link *link);

/* ---- containers ---- */
struct shim_output { /* one of a container's two streams */
	struct shim_container *container;
	struct stream *stream;
	struct op op;
	struct buf in;
	struct log_lines lines;
	bool is_err;
};

struct shim_container {
	struct link in_shim;
	struct shim *shim;
	struct str id, directory;
	struct arena arena;
	struct container_spec spec;
	struct str filter;
	struct shim_child child;
	struct shim_start start;
	struct shim_link *asker;
	int64_t asker_id;
	int input; /* write end of stdin, or the terminal; -1 */
	int log;
	struct shim_output out, err;
	struct op drained; /* a timer: output may be held open by others */
	struct list sessions;
	struct str log_path;
	int status;
	int64_t started, finished, oom_kills;
	bool running, ended, recorded, forgotten;
};
void shim_container_start(
	struct shim *shim, struct shim_link *link, int64_t id, const struct cJSON *request);
struct shim_container *shim_container_find(struct shim *shim, struct str id);
/* A snapshot for a new link: what has started and ended. */
void shim_containers_tell(struct shim *shim, struct shim_link *link);
int shim_container_signal(struct shim_container *c, int signum, struct err *err);
int shim_container_forget(struct shim *shim, struct str id, struct err *err);
void shim_container_ended(struct shim_container *c);
void shim_record(struct shim_container *c, const char *name, const char *format, ...)
	KUBE_PRINTF(3, 4);

/* ---- output ---- */
void shim_output_init(struct shim_output *o, struct shim_container *c, bool is_err);
void shim_output_begin(struct shim_output *o, int fd);
void shim_output_end(struct shim_output *o);
int shim_log_open(struct shim_container *c, struct err *err);

/* ---- sessions: exec and attach ---- */
void shim_exec(struct shim *shim, struct shim_link *link, int64_t id, const struct cJSON *request);
void shim_attach(
	struct shim *shim, struct shim_link *link, int64_t id, const struct cJSON *request);
void shim_session_taken(struct shim *shim, struct shim_link *link, int64_t session);
void shim_session_kill(struct shim *shim, struct shim_link *link, int64_t session);
/* The link is going: its programs are ended, its attachments cut. */
void shim_sessions_leave(struct shim *shim, struct shim_link *link);
/* What a container wrote, to all that are attached. */
void shim_sessions_feed(struct shim_container *c, bool is_err, struct str bytes);
/* The container has ended. */
void shim_sessions_end(struct shim_container *c, int exit_code);
void shim_connect(
	struct shim *shim, struct shim_link *link, int64_t id, const struct cJSON *request);
int shim_exit_code(int status);

#endif
