/*
 * process: a child process on a real loop. It is started on a worker thread (WORK_DISK), by a
 * vfork that costs the same however big we are; it is waited for, signalled and reaped through its
 * pidfd, never by number; what it writes and reads are streams.
 *
 *	const char *argv[] = {"mount", "-a", NULL};
 *	const struct process_fd fds[] = {{.number = 1, .kind = PROCESS_FD_WRITES}};
 *	struct process_options options = {.argv = argv, .fds = fds, .fd_count = 1};
 *	process_start(op, &c->scope, &options, &c->process);
 *	…
 *	c->out = process_take_stream(c->process, 1);
 *	stream_read(c->out, …) … until the end
 *	process_wait(c->process, op);
 *	process_close(c->process);
 *
 * A child has the descriptors it was given and no others (0, 1 and 2 are /dev/null where nothing
 * else was said), no signal blocked, none ignored. The order of its steps is that of the members
 * below.
 *
 * It belongs to a scope, which does not become empty before it is closed and reaped. A scope that
 * closes kills its processes; their owner closes them when its ops come back cancelled.
 */
#ifndef KUBE_PROCESS_H
#define KUBE_PROCESS_H

#include <kube/stream.h>

#include <signal.h>

struct process;

#define PROCESS_FDS_MAX   64
#define PROCESS_ENTER_MAX 8

enum process_fd_kind {
	PROCESS_FD_NULL,   /* /dev/null */
	PROCESS_FD_GIVEN,  /* a copy of our descriptor `fd`, which stays ours */
	PROCESS_FD_SAME,   /* what the child has at `fd`, said earlier in the list */
	PROCESS_FD_READS,  /* a pipe that we write; its end is told by stream_close */
	PROCESS_FD_WRITES, /* a pipe that we read */
};

struct process_fd {
	int number; /* in the child; each once */
	enum process_fd_kind kind;
	int fd;
};

/* A namespace to enter: a descriptor of one, or a pidfd whose process's are meant. */
struct process_enter {
	int fd;
	int kinds; /* CLONE_NEWNS, CLONE_NEWNET, …: which; of a pidfd several */
};

enum process_group { PROCESS_GROUP_OURS, PROCESS_GROUP_NEW, PROCESS_SESSION_NEW };

/* What is zero is not asked for. Everything that it points to stays until process_start is done. */
struct process_options {
	const char *path;        /* NULL: argv[0] */
	const char *const *argv; /* NULL at the end. A name without slash is looked for in PATH */
	const char *const *env;  /* the whole environment; NULL: ours */
	const char *const *env_more; /* "NAME=value", replacing what has that name; may be NULL */

	/* A directory of the cgroup tree (v2: born in it; v1: goes there first); 0: none. */
	int cgroup;
	struct process_enter enter[PROCESS_ENTER_MAX]; /* in this order */
	size_t enter_count;
	int namespaces; /* new ones: CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | … */
	/* Of a new user namespace: lines "inside outside count". */
	const char *uid_map, *gid_map;
	enum process_group group;
	const struct process_fd *fds;
	size_t fd_count;
	bool terminal; /* descriptor 0 becomes the terminal of its session, which must be new */
	const char *directory;
	bool set_ids; /* uid, gid and groups below (of a new user namespace: as inside) */
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t group_count;
	bool no_new_privileges;
	/* Sent to it when the loop is freed or we die, in whatever way. */
	int death_signal;
	const sigset_t *blocked; /* NULL: none */
};

/*
 * Done when the program runs; *process is set on success only. A failure names the step that
 * failed, by its errno; then nothing is left of the child. ERR_UNSUPPORTED on virtual loops.
 */
void process_start(struct op *op, struct scope *scope, const struct process_options *options,
	struct process **process);
/*
 * A child that something else made for us (with CLONE_PARENT), from now on as one that we have
 * started; takes the pidfd. leads: it has made itself the leader of a group or session.
 */
struct process *process_adopt(struct scope *scope, pid_t pid, int pidfd, bool leads);
/* Our end of the pipe at that number, now the caller's; NULL: taken already, or no pipe. */
struct stream *process_take_stream(struct process *p, int number);

/* Done when it has ended: op->n is its exit code, or minus the signal. One wait at a time. */
void process_wait(struct process *p, struct op *op);
bool process_over(const struct process *p);
/* ERR_NOT_FOUND when it has ended. */
int process_signal(struct process *p, int signum, struct err *err);
/* The same to its whole group: only of one that was started as leader of a group or session. */
int process_signal_group(struct process *p, int signum, struct err *err);

/* For logs and /proc; and the pidfd, borrowed, -1 when it has ended. */
pid_t process_pid(const struct process *p);
int process_fd(const struct process *p);

/*
 * Kills it (with its group, where it leads one) unless it has ended, closes the streams not taken;
 * the rest happens by itself. A wait ends with ERR_CANCELLED. NULL is fine.
 */
void process_close(struct process *p);
/* The same without killing: it goes on without us, and is reaped by whoever is there by then. */
void process_leave(struct process *p);

#endif
