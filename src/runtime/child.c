/* The steps of a child, in their order. */
#include "child.h"

#include <kube/buf.h>
#include <kube/mount.h>
#include <kube/pty.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- what we are born with and must not keep ---- */

static void reset_signals(void)
{
	struct sigaction normal = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &normal, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Below what we have ourselves only with privilege; then it is as it is. */
static void set_oom_score(int64_t adj)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld", (long long)adj);
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, (size_t)n) != n) {
		/* see above */
	}
	close(fd);
}

/* ---- input and output ---- */

static int use_stdio(const struct child *c, struct err *err)
{
	for (int i = 0; i < 3; i++)
		if (dup2(c->stdio[i], i) < 0)
			return err_set_errno(err, errno, "descriptor %d", i);
	return 0;
}

/* /dev/console is the terminal, for programs that look for it there. */
static int bind_console(unsigned number, struct err *err)
{
	char name[64];
	int copy, root, place;

	snprintf(name, sizeof(name), "/dev/pts/%u", number);
	int code = mount_clone(name, false, &copy, err);
	if (code)
		return code;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	code = mount_place_open(root, "/dev/console", MOUNT_PLACE_FILE, &place, err);
	close(root);
	if (!code) {
		code = mount_attach(copy, place, err);
		close(place);
	}
	close(copy);
	return code;
}

/* A terminal of the container's own devices; the helper takes the other side from us. */
static int use_terminal(const struct child *c, struct err *err)
{
	struct pty pty;
	char text[32], byte;
	unsigned number = 0;
	int code = pty_open(&pty, "/dev/pts/ptmx", NULL, err);

	if (code)
		return code;
	int n = snprintf(text, sizeof(text), "T%d\n", pty.ours);
	if (write(c->report, text, (size_t)n) != n || read(c->go, &byte, 1) != 1)
		return err_set_errno(err, errno, "giving the terminal away");
	for (int i = 0; i < 3; i++)
		if (dup2(pty.theirs, i) < 0)
			return err_set_errno(err, errno, "descriptor %d", i);
	ioctl(pty.ours, TIOCGPTN, &number);
	pty_done(&pty);
	if (ioctl(0, TIOCSCTTY, 0))
		return err_set_errno(err, errno, "taking the terminal");
	return c->enter < 0 ? bind_console(number, err) : 0;
}

/* ---- the program ---- */

static struct str env_get(const struct spec_strs *env, struct str name)
{
	struct str key, value, found = {0};

	for (size_t i = 0; i < env->count; i++)
		if (str_cut(env->items[i], '=', &key, &value) && str_eq(key, name))
			found = value;
	return found;
}

/* Tries one file; 0 never comes back. */
static int try_file(const char *path, char **argv, char **envp)
{
	struct stat there;

	if (stat(path, &there))
		return errno;
	if (S_ISDIR(there.st_mode))
		return EISDIR;
	execve(path, argv, envp);
	return errno;
}

static int fail_program(struct err *err, int errnum, const char *name)
{
	if (errnum == ENOENT)
		return err_set(err, ERR_NOT_FOUND,
			"exec: \"%s\": stat %s: no such file or directory", name, name);
	_cleanup_(err_done) struct err why = {0};
	int code = err_set_errno(&why, errnum, "exec");
	return err_set(err, code, "exec: \"%s\": %s", name, err_text(&why) + strlen("exec: "));
}

int child_execute(struct arena *a, const struct child *c, struct err *err)
{
	const struct spec_strs *env = &c->spec->env;
	char **argv = arena_new(a, (c->args->count + 1) * sizeof(*argv));
	char **envp = arena_new(a, (env->count + 3) * sizeof(*envp));
	size_t n = 0;
	struct str directory, path = env_get(env, STR("PATH"));

	if (c->args->count == 0)
		return err_set(err, ERR_INVALID, "no command specified");
	for (size_t i = 0; i < c->args->count; i++)
		argv[i] = (char *)(uintptr_t)c->args->items[i].at;
	for (size_t i = 0; i < env->count; i++)
		envp[n++] = (char *)(uintptr_t)env->items[i].at;
	if (!env_get(env, STR("HOME")).len)
		envp[n++] = (char *)(uintptr_t)arena_print(a, "HOME=%.*s", STRF(child_home())).at;
	if (c->tty && !env_get(env, STR("TERM")).len)
		envp[n++] = (char *)(uintptr_t) "TERM=xterm";

	struct str name = c->args->items[0];
	if (memchr(name.at, '/', name.len))
		return fail_program(err, try_file(name.at, argv, envp), name.at);
	int worst = ENOENT;
	while (path.len && str_next(&path, ':', &directory)) {
		struct str file = arena_print(a, "%.*s/%s", STRF(directory), name.at);
		int failed = try_file(file.at, argv, envp);
		if (failed != ENOENT && failed != ENOTDIR && failed != EISDIR)
			worst = failed;
	}
	if (worst != ENOENT)
		return fail_program(err, worst, name.at);
	return err_set(
		err, ERR_NOT_FOUND, "exec: \"%s\": executable file not found in $PATH", name.at);
}

/* ---- from birth on ---- */

/* A directory that is missing is made, as every runtime does. */
static void make_directories(struct arena *a, struct str path)
{
	for (size_t i = 1; i <= path.len; i++)
		if (i == path.len || path.at[i] == '/')
			mkdir(arena_str(a, str_sub(path, 0, i)).at, 0755);
}

static int enter_namespaces(const struct child *c, struct arena *a, struct err *err)
{
	int code = 0;

	if (c->enter < 0)
		code = child_enter_root(a, c, err);
	else if (setns(c->enter, CLONE_NEWNS | CLONE_NEWCGROUP))
		code = err_set_errno(err, errno, "entering the container");
	return code || c->users < 0 ? code : child_enter_users(c, err);
}

static int live(const struct child *c, struct arena *a, struct err *err)
{
	const char *cwd = c->spec->cwd.len ? c->spec->cwd.at : "/";
	int code;

	reset_signals();
	/* Whoever is in there already may not look into us, who still are more than they. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setsid();
	set_oom_score(c->spec->oom_score_adj);
	code = cgroup_join(c->cgroups, c->spec->cgroup.at, 0, err);
	if (!code)
		code = enter_namespaces(c, a, err);
	if (!code)
		code = c->tty ? use_terminal(c, err) : use_stdio(c, err);
	if (code)
		return code;
	umask(022);
	if (c->enter < 0)
		make_directories(a, str_from(cwd));
	/* As root, and again as whoever it becomes: either may be kept out by the other's rules. */
	bool there = chdir(cwd) == 0;
	code = child_become(a, c, err);
	if (!code && !there && chdir(cwd))
		code = err_set_errno(err, errno, "chdir to cwd (\"%s\") set in config", cwd);
	if (code)
		return code;
	syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
	return child_execute(a, c, err);
}

static void live_and_die(const struct child *c)
{
	struct err err = {0};
	struct arena a;

	arena_init(&a);
	live(c, &a, &err);
	const char *why = err_text(&err);
	if (write(c->report, "E", 1) != 1 || write(c->report, why, strlen(why)) < 0) {
		/* Nobody is there to be told. */
	}
	_exit(128);
}

pid_t child_start(const struct child *c, bool pid_namespace, int *pidfd, struct err *err)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD | (c->enter < 0 ? CLONE_NEWNS : 0u) |
			 (pid_namespace ? CLONE_NEWPID : 0u),
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		live_and_die(c);
	if (pid < 0)
		return err_set_errno(err, errno, "starting a process");
	return pid;
}
