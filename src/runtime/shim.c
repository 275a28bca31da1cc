/* The helper's start, and its children. */
#include "shim.h"
#include "seed.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/runtime_native.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTROL_FD 3
#define READY_FD   3
#define CONFIG_MAX (1 * MIB)

static void listen_again(struct shim *shim);

/* ---- what the sandbox is ---- */

static int write_file(const char *path, struct str value, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), failed = 0;

	if (fd < 0 || write(fd, value.at, value.len) < 0)
		failed = errno;
	if (fd >= 0)
		close(fd);
	return failed ? err_set_errno(err, failed, "%s", path) : 0;
}

static int read_file(const char *path, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd < 0)
		return err_set_errno(err, errno, "%s", path);
	for (char *at; (at = buf_reserve(out, 4 * KIB)) && (n = read(fd, at, 4 * KIB)) > 0;)
		buf_advance(out, (size_t)n);
	close(fd);
	return n == 0 ? 0 : err_set(err, ERR_IO, "cannot read %s", path);
}

static int raise_loopback(struct err *err)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), failed = 0;

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		failed = errno;
	if (fd >= 0)
		close(fd);
	return failed ? err_set_errno(err, failed, "raising the loopback") : 0;
}

/* "net.ipv4.conf.a/b.forwarding" is net/ipv4/conf/a.b/forwarding; what comes first divides. */
static int set_sysctl(struct arena *a, struct str name, struct str value, struct err *err)
{
	char *path = (char *)(uintptr_t)arena_print(a, "/proc/sys/%.*s", STRF(name)).at;

	char *at = path + strlen("/proc/sys/");
	if (at[strcspn(at, "./")] == '.')
		for (char *c = at; *c; c++)
			*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	if (strstr(at, ".."))
		return err_set(err, ERR_INVALID, "sysctl %.*s", STRF(name));
	return write_file(path, value, err);
}

static int set_names(const struct cJSON *config, struct err *err)
{
	struct str host = json_str(json_get(config, STR("hostname")));
	struct str domain = json_str(json_get(config, STR("domain")));

	if (host.len && sethostname(host.at, host.len))
		return err_set_errno(err, errno, "setting the host name");
	if (domain.len && setdomainname(domain.at, domain.len))
		return err_set_errno(err, errno, "setting the domain name");
	return 0;
}

static int become_sandbox(struct shim *shim, const struct cJSON *config, struct err *err)
{
	int code = cgroup_load(&shim->cgroups, err);

	write_file("/proc/self/oom_score_adj", STR("-998"), NULL);
	shim->cgroup = arena_str(&shim->arena, json_str(json_get(config, STR("cgroup"))));
	if (!code)
		code = cgroup_make(&shim->cgroups, shim->cgroup.at, err);
	if (!code)
		code = cgroup_join(&shim->cgroups, shim->cgroup.at, 0, err);
	if (!code && json_get(config, STR("users")))
		code = shim_take_users(shim, json_get(config, STR("users")), err);
	if (!code && json_bool(json_get(config, STR("ownNetwork")))) {
		code = set_names(config, err);
		if (!code)
			code = raise_loopback(err);
	}
	/* The kernel lets only the root of those users write what is theirs. */
	if (!code && shim->users >= 0 && seteuid(shim->users_first))
		code = err_set_errno(err, errno, "becoming the root of the pod");
	json_each (sysctl, json_get(config, STR("sysctls"))) {
		if (!code)
			code = set_sysctl(&shim->arena, json_key(sysctl), json_str(sysctl), err);
	}
	if (shim->users >= 0 && seteuid(0) && !code)
		code = err_set_errno(err, errno, "becoming root again");
	shim->own_pids = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (!code && shim->own_pids < 0)
		code = err_set_errno(err, errno, "/proc/self/ns/pid");
	return code;
}

/* ---- children ---- */

int shim_exit_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void shim_reap(struct shim *shim)
{
	int status;
	pid_t pid;

	/* As init we get the orphans of the pod, too: nobody asks for those. */
	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		list_each_safe (k, &shim->children) {
			struct shim_child *child = LIST_ENTRY(k, struct shim_child, in_shim);
			if (child->pid != pid)
				continue;
			link_remove(&child->in_shim);
			close(child->pidfd);
			child->pidfd = -1;
			child->ended(shim, child, status);
			break;
		}
	}
}

static void child_signalled(struct op *op, struct err *err)
{
	struct shim *shim = CONTAINER_OF(op, struct shim, child_signal);

	(void)err;
	/* Armed before reaping: what ends in between is seen by one of the two. */
	op_init(op, shim->scope, child_signalled, OP_NO_DEADLINE);
	signal_wait(shim->loop, op, SIGCHLD);
	shim_reap(shim);
}

/* ---- connections ---- */

static void accepted(struct op *op, struct err *err)
{
	struct shim *shim = CONTAINER_OF(op, struct shim, accepting);

	if (!err->code)
		shim_link_new(shim, TAKE(shim->accepted));
	listen_again(shim);
}

static void listen_again(struct shim *shim)
{
	op_init(&shim->accepting, shim->scope, accepted, OP_NO_DEADLINE);
	listener_accept(shim->listener, &shim->accepting, shim->scope, &shim->accepted);
}

static int open_door(struct shim *shim, const struct cJSON *config, struct err *err)
{
	struct str path = json_str(json_get(config, STR("socket")));
	struct address address = {0};

	if (path.len == 0 || path.len >= sizeof(address.path))
		return err_set(err, ERR_LIMIT, "%.*s: too long for a socket", STRF(path));
	memcpy(address.path, path.at, path.len);
	umask(077);
	return net_listen(shim->env, shim->scope, &address, 16, &shim->listener, err);
}

/* ---- main ---- */

static int start(struct shim *shim, const char *directory, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(CONFIG_MAX);
	struct json_options options = {.limits = {.max_bytes = CONFIG_MAX}};
	struct cJSON *config;

	if (chdir(directory))
		return err_set_errno(err, errno, "%s", directory);
	int code = read_file("shim.json", &text, err);
	if (!code)
		code = json_parse(&shim->arena, buf_str(&text), &options, &config, err);
	if (!code)
		code = become_sandbox(shim, config, err);
	return code ? code : open_door(shim, config, err);
}

/* Whoever started us waits for "ok", or for why not. */
static void report(struct str text)
{
	if (write(READY_FD, text.at, text.len) < 0) {
		/* Nobody is there any more; who comes later finds the socket. */
	}
	close(READY_FD);
}

/* ps shows what it is and whose, where the seed's command line has the same length. */
static void take_name(char **argv, const char *directory)
{
	if (strlen(argv[0]) == strlen("shim") && strlen(argv[1]) == strlen(directory)) {
		memcpy(argv[0], "shim", strlen("shim"));
		memcpy(argv[1], directory, strlen(directory));
	}
	prctl(PR_SET_NAME, "kube-pod", 0, 0, 0);
}

static int hold_pod(const char *directory)
{
	_cleanup_(err_done) struct err err = {0};
	struct shim shim = {.loop = loop_new(), .own_pids = -1, .users = -1};

	shim.env = env_new(shim.loop);
	shim.scope = loop_root(shim.loop);
	arena_init_lasting(&shim.arena);
	if (start(&shim, directory, &err)) {
		report(str_from(err_text(&err)));
		return 1;
	}
	listen_again(&shim);
	op_init(&shim.child_signal, shim.scope, child_signalled, OP_NO_DEADLINE);
	signal_wait(shim.loop, &shim.child_signal, SIGCHLD);
	/* Who comes now finds us: from here on we outlive whoever started us. */
	prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	report(STR("ok"));
	mem_give_back();
	/* What was ours to free is the kernel's once we leave: by `leave`, or killed. */
	return loop_run(shim.loop, &err) ? 1 : 0;
}

int runtime_seed_main(int argc, char **argv)
{
	struct seed_request request;

	if (argc != 2)
		return 2;
	prctl(PR_SET_NAME, "kube-seed", 0, 0, 0);
	if (!seed_serve(CONTROL_FD, READY_FD, &request))
		return 0;
	take_name(argv, request.directory);
	return hold_pod(request.directory);
}
