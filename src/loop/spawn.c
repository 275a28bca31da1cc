/*
 * The child shares our memory and our stack until it executes (CLONE_VM | CLONE_VFORK): so it
 * makes system calls and nothing else, and our thread stands still meanwhile. Its descriptors and
 * its signal dispositions are copies. The C library's setuid and its like are not for it: they
 * would tell our other threads to do the same.
 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transport.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

/* Memory that is shared with a half-made process confuses them. */
#if defined(__SANITIZE_THREAD__)
#define SHARES_MEMORY 0
#elif defined(__x86_64__) || defined(__aarch64__)
#define SHARES_MEMORY (CLONE_VM | CLONE_VFORK)
#else
#define SHARES_MEMORY 0
#endif
#define IN_CHILD __attribute__((noinline, no_sanitize("address", "undefined", "thread")))

enum spawn_step {
	STEP_CGROUP,
	STEP_ENTER,
	STEP_GROUP,
	STEP_DESCRIPTORS,
	STEP_TERMINAL,
	STEP_DIRECTORY,
	STEP_IDS,
	STEP_PRIVILEGES,
	STEP_DEATH,
	STEP_SIGNALS,
	STEP_EXEC,
};

struct spawn_report {
	int32_t errnum, step;
};

/* ---- the child: system calls, each step reported by the errno that ended it ---- */

static IN_CHILD _Noreturn void child_fail(int report, enum spawn_step step)
{
	struct spawn_report r = {.errnum = errno, .step = step};
	ssize_t told = write(report, &r, sizeof(r));
	(void)told; /* nobody is there to hear it */
	_exit(127);
}

/*
 * Handlers of ours must not run in here, and what we ignore (SIGPIPE) is not for programs to
 * inherit. Everything is still blocked.
 */
static IN_CHILD void child_reset_signals(void)
{
	struct sigaction plain = {.sa_handler = SIG_DFL};
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &plain, NULL);
}

static IN_CHILD bool child_join(int cgroup)
{
	int fd = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	bool joined = fd >= 0 && write(fd, "0", 1) == 1;
	if (fd >= 0)
		close(fd);
	return joined;
}

/* The namespace of pids was entered by our thread: who enters one is not moved, his children are.
 */
static IN_CHILD bool child_enter(const struct process_options *o)
{
	for (size_t i = 0; i < o->enter_count; i++) {
		int kinds = o->enter[i].kinds & ~CLONE_NEWPID;
		if (kinds && setns(o->enter[i].fd, kinds))
			return false;
	}
	return true;
}

static IN_CHILD bool child_await_maps(int go)
{
	char none;
	return read(go, &none, 1) == 0;
}

static IN_CHILD bool child_set_group(enum process_group group)
{
	switch (group) {
	case PROCESS_GROUP_NEW:
		return setpgid(0, 0) == 0;
	case PROCESS_SESSION_NEW:
		return setsid() >= 0;
	case PROCESS_GROUP_OURS:
		break;
	}
	return true;
}

static IN_CHILD void child_mark_all(void)
{
	struct rlimit limit;
	if (syscall(SYS_close_range, 0U, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	/* Kernels before 5.11. Ours are marked from birth; these were there before us. */
	int max = getrlimit(RLIMIT_NOFILE, &limit) ? 1024 : (int)MIN(limit.rlim_cur, 65536UL);
	for (int fd = 0; fd < max; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/*
 * Out of the way of all numbers that are wanted first: the list may exchange two. Gives where the
 * report goes from now on.
 */
static IN_CHILD int child_arrange(const struct spawn *s)
{
	int moved[PROCESS_FDS_MAX], above = 3;
	for (size_t i = 0; i < s->fd_count; i++)
		above = MAX(above, s->fds[i].to + 1);
	int report = fcntl(s->report[1], F_DUPFD_CLOEXEC, above);
	if (report < 0)
		child_fail(s->report[1], STEP_DESCRIPTORS);
	for (size_t i = 0; i < s->fd_count; i++) {
		moved[i] = fcntl(s->fds[i].from, F_DUPFD_CLOEXEC, above);
		if (moved[i] < 0)
			child_fail(report, STEP_DESCRIPTORS);
	}
	child_mark_all();
	for (size_t i = 0; i < s->fd_count; i++)
		if (dup2(moved[i], s->fds[i].to) < 0)
			child_fail(report, STEP_DESCRIPTORS);
	return report;
}

static IN_CHILD bool child_set_ids(const struct process_options *o)
{
	return syscall(SYS_setgroups, o->group_count, o->groups) == 0 &&
	       syscall(SYS_setresgid, o->gid, o->gid, o->gid) == 0 &&
	       syscall(SYS_setresuid, o->uid, o->uid, o->uid) == 0;
}

/* Who dies before the kernel knows whom to tell has closed the other end of the report. */
static IN_CHILD bool child_bind_life(int signum, int report)
{
	struct pollfd parent = {.fd = report, .events = POLLOUT};
	if (prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0))
		return false;
	if (poll(&parent, 1, 0) == 1 && (parent.revents & POLLERR))
		_exit(127);
	return true;
}

/* As execvp looks for a program: a file that may not be executed counts when there is no other. */
static IN_CHILD void child_exec(const struct spawn *s)
{
	int refused = 0;
	errno = ENOENT;
	for (const char *const *file = s->files; *file; file++) {
		execve(*file, (char *const *)s->argv, (char *const *)s->env);
		if (errno == EACCES)
			refused = errno;
		else if (errno != ENOENT && errno != ENOTDIR)
			return;
	}
	if (refused)
		errno = refused;
}

static IN_CHILD _Noreturn void child_run(const struct spawn *s)
{
	const struct process_options *o = s->options;
	sigset_t none;
	int report = s->report[1];
	close(s->report[0]);
	if (s->go[1] >= 0)
		close(s->go[1]);
	child_reset_signals();
	if (s->joins && !child_join(o->cgroup))
		child_fail(report, STEP_CGROUP);
	if (!child_enter(o))
		child_fail(report, STEP_ENTER);
	if (s->go[0] >= 0 && !child_await_maps(s->go[0]))
		_exit(127);
	if (!child_set_group(o->group))
		child_fail(report, STEP_GROUP);
	report = child_arrange(s);
	if (o->terminal && ioctl(0, TIOCSCTTY, 0))
		child_fail(report, STEP_TERMINAL);
	if (o->directory && chdir(o->directory))
		child_fail(report, STEP_DIRECTORY);
	if (o->set_ids && !child_set_ids(o))
		child_fail(report, STEP_IDS);
	if (o->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		child_fail(report, STEP_PRIVILEGES);
	/* After the ids: changing these forgets it. */
	if (o->death_signal && !child_bind_life(o->death_signal, report))
		child_fail(report, STEP_DEATH);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, o->blocked ? o->blocked : &none, NULL))
		child_fail(report, STEP_SIGNALS);
	child_exec(s);
	child_fail(report, STEP_EXEC);
}

/* ---- the clone ---- */

/*
 * In line, so that the child never returns from a function whose frame our thread still needs:
 * what it calls lies below on the stack that both have.
 */
static inline __attribute__((always_inline)) long clone_call(
	long number, long first, long second, long third)
{
#if defined(__x86_64__)
	long result;
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(number), "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = first;
	register long x1 __asm__("x1") = second;
	register long x2 __asm__("x2") = third;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;
	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory", "cc");
	return x0;
#else
	long result = syscall(number, first, second, third, 0, 0);
	return result < 0 ? -errno : result;
#endif
}

static IN_CHILD long clone_new(struct spawn *s, struct clone_args *args)
{
	long pid = clone_call(SYS_clone3, (long)args, sizeof(*args), 0);
	if (pid == 0)
		child_run(s);
	return pid;
}

static IN_CHILD long clone_old(struct spawn *s, unsigned long flags)
{
	long pid = clone_call(SYS_clone, (long)flags, 0, (long)&s->pidfd);
	if (pid == 0)
		child_run(s);
	return pid;
}

/*
 * Newest first. Filters of system calls answer the new one with ENOSYS, some with EPERM; old
 * kernels know no CLONE_INTO_CGROUP (E2BIG), and cgroups of the first version refuse it (EBADF).
 */
static long clone_any(struct spawn *s)
{
	const struct process_options *o = s->options;
	bool maps = o->uid_map || o->gid_map;
	/* Our thread has something to do before the child may go on. */
	unsigned long flags = CLONE_PIDFD | (unsigned long)o->namespaces;
	flags |= maps ? 0 : SHARES_MEMORY;
	struct clone_args args = {
		.flags = flags, .pidfd = (uint64_t)(uintptr_t)&s->pidfd, .exit_signal = SIGCHLD};
	if (o->cgroup > 0) {
		struct clone_args into = args;
		into.flags |= CLONE_INTO_CGROUP;
		into.cgroup = (uint64_t)o->cgroup;
		long pid = clone_new(s, &into);
		if (pid >= 0 || pid == -EAGAIN || pid == -ENOMEM)
			return pid;
		s->joins = true;
	}
	long pid = clone_new(s, &args);
	if (pid == -ENOSYS || pid == -EPERM)
		pid = clone_old(s, flags | SIGCHLD);
	return pid;
}

/* ---- before and after ---- */

static int write_proc(pid_t pid, const char *file, const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	ssize_t n = write(fd, text, strlen(text));
	int failed = n < 0 ? errno : 0;
	close(fd);
	return failed;
}

/* It waits for us, unreaped: its number is its own. */
static int map_ids(const struct spawn *s, struct err *err)
{
	const struct process_options *o = s->options;
	int failed = o->uid_map ? write_proc(s->pid, "uid_map", o->uid_map) : 0;
	if (failed)
		return err_set_errno(err, failed, "mapping users");
	failed = o->gid_map ? write_proc(s->pid, "gid_map", o->gid_map) : 0;
	/* Who may not map any group may map his own, once nobody can drop groups in there. */
	if (failed == EPERM && !write_proc(s->pid, "setgroups", "deny"))
		failed = write_proc(s->pid, "gid_map", o->gid_map);
	return failed ? err_set_errno(err, failed, "mapping groups") : 0;
}

static const char *step_text(int step)
{
	static const char *const texts[] = {
		[STEP_CGROUP] = "joining the cgroup",
		[STEP_ENTER] = "entering a namespace",
		[STEP_GROUP] = "making a process group",
		[STEP_DESCRIPTORS] = "arranging descriptors",
		[STEP_TERMINAL] = "taking the terminal",
		[STEP_DIRECTORY] = "chdir",
		[STEP_IDS] = "setting user and groups",
		[STEP_PRIVILEGES] = "giving up privileges",
		[STEP_DEATH] = "asking for the death signal",
		[STEP_SIGNALS] = "setting the signal mask",
		[STEP_EXEC] = "exec",
	};
	return step >= 0 && (size_t)step < ARRAY_LEN(texts) ? texts[step] : "starting";
}

static int tell_report(const struct spawn *s, const struct spawn_report *r, struct err *err)
{
	const struct process_options *o = s->options;
	const char *file = o->path ? o->path : o->argv[0];
	if (r->step == STEP_EXEC)
		return err_set_errno(err, r->errnum, "exec %s", file);
	if (r->step == STEP_DIRECTORY)
		return err_set_errno(err, r->errnum, "chdir %s", o->directory);
	return err_set_errno(err, r->errnum, "%s for %s", step_text(r->step), file);
}

/* The end of it without a word is the program's beginning. */
static int hear(const struct spawn *s, struct err *err)
{
	struct spawn_report r;
	ssize_t n;
	do
		n = read(s->report[0], &r, sizeof(r));
	while (n < 0 && errno == EINTR);
	return n == sizeof(r) ? tell_report(s, &r, err) : 0;
}

static void bury(struct spawn *s)
{
	siginfo_t info;
	kill(s->pid, SIGKILL); /* unreaped: the number is its own */
	while (waitid(P_PIDFD, (id_t)s->pidfd, &info, WEXITED | __WALL) && errno == EINTR)
		;
	close(s->pidfd);
	s->pidfd = -1;
}

static int raise_child(struct spawn *s, struct err *err)
{
	/* All of them: the library's own, too, which it would leave out. */
	uint64_t all = ~0ULL, before = 0;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
	long pid = clone_any(s);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
	fd_close(&s->report[1]);
	fd_close(&s->go[0]);
	if (pid < 0)
		return err_set_errno(err, (int)-pid, "clone");
	s->pid = (pid_t)pid;
	int code = s->go[1] >= 0 ? map_ids(s, err) : 0;
	if (!code) {
		fd_close(&s->go[1]);
		code = hear(s, err);
	}
	if (code)
		bury(s);
	return code;
}

/*
 * Our thread stands with one foot in the other namespace while it clones, then comes back: one
 * that could not would bear every later child there.
 */
static int raise_elsewhere(struct spawn *s, const struct process_enter *pids, struct err *err)
{
	int home = open("/proc/thread-self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return err_set_errno(err, errno, "opening the namespace of pids");
	if (setns(pids->fd, CLONE_NEWPID)) {
		err_set_errno(err, errno, "entering a namespace of pids");
		close(home);
		return err->code;
	}
	int code = raise_child(s, err);
	int failed = setns(home, CLONE_NEWPID);
	assert(!failed);
	close(home);
	return code;
}

int spawn_run(struct spawn *s, struct err *err)
{
	const struct process_options *o = s->options;
	const struct process_enter *pids = NULL;
	int code = 0;
	s->pidfd = s->report[0] = s->report[1] = s->go[0] = s->go[1] = -1;
	for (size_t i = 0; i < o->enter_count; i++)
		if (o->enter[i].kinds & CLONE_NEWPID)
			pids = &o->enter[i];
	if (pipe2(s->report, O_CLOEXEC) || ((o->uid_map || o->gid_map) && pipe2(s->go, O_CLOEXEC)))
		code = err_set_errno(err, errno, "pipe");
	if (!code)
		code = pids ? raise_elsewhere(s, pids, err) : raise_child(s, err);
	for (int i = 0; i < 2; i++) {
		fd_close(&s->report[i]);
		fd_close(&s->go[i]);
	}
	return code;
}
