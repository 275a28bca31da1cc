/*
 * env: what a program takes from the world: clocks, randomness, disk, transport. The real one
 * is the machine's; the simulator (sim.h) makes virtual ones, one a host, all on one virtual
 * loop and from one seed. Components get an env and never ask the machine directly.
 */
#ifndef KUBE_ENV_H
#define KUBE_ENV_H

#include <kube/loop.h>
#include <kube/stream.h>

struct env;
struct listener;
struct disk;

/*
 * The implementation's side, with the same rules as stream_ops: the op has begun and stands in
 * l->accepting, the implementation takes it out.
 */
struct listener_ops {
	void (*accept)(
		struct listener *l, struct op *op, struct scope *scope, struct stream **stream);
	void (*cancel)(struct listener *l, struct op *op);
	void (*close)(struct listener *l);
};

struct listener {
	const struct listener_ops *ops;
	struct scope *scope;
	struct op *accepting;
	struct address address; /* with the port that was really taken */
};

struct addresses { /* what a name resolved to; freed with mem_free(items) */
	struct ip *items;
	size_t count;
};

/* `connect` and `resolve` call op_begin themselves, with kinds of their own. */
struct transport_ops {
	void (*connect)(struct env *env, struct op *op, struct scope *scope,
		const struct address *to, struct stream **stream);
	int (*listen)(struct env *env, struct scope *scope, const struct address *at, int backlog,
		struct listener **listener, struct err *err);
	void (*resolve)(struct env *env, struct op *op, struct str host, struct addresses *found);
	void (*own)(struct env *env, struct addresses *found);
};

struct env {
	struct loop *loop;
	int64_t (*wall)(struct env *env); /* monotonic time is the loop's: loop_now */
	void (*random)(struct env *env, void *at, size_t len);
	const struct transport_ops *transport;
	struct disk *disk;
	const char *host; /* a name for logs */
};

struct env *env_new(struct loop *loop); /* the machine's */
void env_free(struct env *env);

static inline int64_t env_wall(struct env *env)
{
	return env->wall(env);
}
static inline void env_random(struct env *env, void *at, size_t len)
{
	env->random(env, at, len);
}

/* ---- transport ---- */
/* The stream will belong to `scope`; *stream is set on success only. */
void net_connect(struct env *env, struct op *op, struct scope *scope, const struct address *to,
	struct stream **stream);
/* A unix path that is a dead socket is replaced; a living one is ERR_ADDRESS. */
int net_listen(struct env *env, struct scope *scope, const struct address *at, int backlog,
	struct listener **listener, struct err *err);
/* One accept at a time. Out of descriptors: waits and tries again, never fails for that. */
void listener_accept(
	struct listener *l, struct op *op, struct scope *scope, struct stream **stream);
void listener_close(struct listener *l); /* as stream_close; NULL is fine */
/* A literal address answers without asking anybody. */
void net_resolve(struct env *env, struct op *op, struct str host, struct addresses *found);
/* The host's own addresses, loopback too, of interfaces that are up; none when nobody knows. */
void net_own_addresses(struct env *env, struct addresses *found);
/*
 * A stream over a descriptor that is already open (pipe, socket, terminal); takes the descriptor,
 * makes it non-blocking. NULL, and the descriptor stays the caller's, when it is nothing that can
 * be waited for (a regular file, /dev/null).
 */
struct stream *stream_from_fd(struct loop *loop, struct scope *scope, int fd);

/* ---- signals (real loops only) ---- */
/* Finishes with n = the signal's number, once it arrives. */
void signal_wait(struct loop *loop, struct op *op, int signum);

/* ---- disk: synchronous calls, to be made from work (WORK_DISK), or at start ---- */
struct disk_ops {
	/* flags as open(2): O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND. A handle >= 0. */
	int (*open)(struct disk *d, const char *path, int flags, unsigned mode, struct err *err);
	void (*close)(struct disk *d, int handle);
	ssize_t (*read)(
		struct disk *d, int handle, void *at, size_t len, int64_t offset, struct err *err);
	ssize_t (*write)(struct disk *d, int handle, const void *at, size_t len, int64_t offset,
		struct err *err);
	int (*sync)(struct disk *d, int handle, struct err *err);
	int64_t (*size)(struct disk *d, int handle, struct err *err);
	int (*truncate)(struct disk *d, int handle, int64_t size, struct err *err);
	int (*rename)(struct disk *d, const char *from, const char *to, struct err *err);
	int (*remove)(
		struct disk *d, const char *path, struct err *err); /* file or empty directory */
	/* When it was last written, in wall ns. Opens nothing: locks on the file stay. */
	int64_t (*changed)(struct disk *d, const char *path, struct err *err);
	int (*mkdir)(struct disk *d, const char *path, unsigned mode, struct err *err);
	int (*sync_dir)(struct disk *d, const char *path, struct err *err);
	/* Calls back for each name in no order; non-zero stops. */
	int (*list)(struct disk *d, const char *path, int (*name)(void *ctx, const char *name),
		void *ctx, struct err *err);
};
struct disk {
	const struct disk_ops *ops;
	bool is_machine; /* its paths are the machine's: libraries may open them by themselves */
};

/* Whole files. Reading stops with ERR_TOO_LARGE above *out's ceiling. */
int disk_read_file(struct disk *d, const char *path, struct buf *out, struct err *err);
/* Temporary name, write, fsync, rename, fsync of the directory: old or new, never half. */
int disk_write_file(
	struct disk *d, const char *path, struct str bytes, unsigned mode, struct err *err);
int disk_make_dirs(struct disk *d, const char *path, unsigned mode, struct err *err);

#endif
