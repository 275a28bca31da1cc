/* kube check: is this machine fit for a cluster? One line each, and what can be done about it. */
#include "commands.h"
#include "server_lock.h"
#include "server_stop.h"

#include <kube/buf.h>
#include <kube/cgroup.h>
#include <kube/env.h>
#include <kube/flags.h>
#include <kube/nft.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SPACE_NEEDED    ((int64_t)(500 * MIB))
#define SPACE_WANTED    ((int64_t)(4096 * MIB))
#define WATCHERS_WANTED 128

enum verdict { FINE, WARNING, FAILURE };

struct check {
	/* flags */
	struct str data_dir;
	bool help;
	/* running */
	struct arena arena;
	struct env *env;
	const char *dir;
	pid_t server; /* 0: none */
	size_t counts[FAILURE + 1];
};

KUBE_PRINTF(4, 5)
static void say(struct check *c, enum verdict verdict, const char *what, const char *format, ...)
{
	static const char *const words[] = {"ok", "warning", "failure"};
	va_list args;

	c->counts[verdict]++;
	printf("%-8s %-12s ", words[verdict], what);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

/* NULL: it cannot be read. */
static const char *read_text(struct check *c, const char *path)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);

	if (disk_read_file(c->env->disk, path, &text, NULL))
		return NULL;
	return arena_str(&c->arena, buf_str(&text)).at;
}

/* ---- one function a line ---- */

static void check_root(struct check *c)
{
	if (geteuid() == 0)
		say(c, FINE, "root", "we are root");
	else
		say(c, FAILURE, "root", "only root can run pods: begin with sudo");
}

static void check_server(struct check *c)
{
	_cleanup_(err_done) struct err err = {0};

	if (server_lock_holder(c->dir, &c->server, &err))
		say(c, WARNING, "server", "%s", err_text(&err));
	else if (c->server)
		say(c, FINE, "server", "process %d runs on %s", (int)c->server, c->dir);
	else
		say(c, FINE, "server", "none runs on %s yet", c->dir);
}

static void check_namespaces(struct check *c)
{
	static const char *const kinds[] = {"mnt", "net", "pid", "ipc", "uts", "cgroup"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (access(arena_print(&c->arena, "/proc/self/ns/%s", kinds[i]).at, F_OK)) {
			say(c, FAILURE, "namespaces", "this kernel has none of kind %s", kinds[i]);
			return;
		}
	say(c, FINE, "namespaces", "all that pods need");
}

static void check_cgroups(struct check *c)
{
	static const struct {
		enum cgroup_controller which;
		const char *name, *without;
	} wanted[] = {{CGROUP_CPU, "cpu", "shares and limits of processors do not count"},
		{CGROUP_MEMORY, "memory", "limits of memory do not count"},
		{CGROUP_PIDS, "pids", "limits of processes do not count"},
		{CGROUP_CPUSET, "cpuset", "pods cannot be kept on processors"}};
	_cleanup_(err_done) struct err err = {0};
	struct cgroups groups;
	size_t missing = 0;

	if (cgroup_load(&groups, &err))
		say(c, WARNING, "cgroups", "%s: pods go without limits", err_text(&err));
	for (size_t i = 0; i < ARRAY_LEN(wanted) && !err.code; i++)
		if (!cgroup_tree_of(&groups, wanted[i].which)) {
			missing++;
			say(c, WARNING, "cgroups", "the controller %s is not mounted: %s",
				wanted[i].name, wanted[i].without);
		}
	if (!missing && !err.code)
		say(c, FINE, "cgroups", groups.unified ? "version 2" : "version 1");
	cgroup_done(&groups);
}

static void check_overlay(struct check *c)
{
	const char *types = read_text(c, "/proc/filesystems");

	if (types && strstr(types, "\toverlay\n"))
		say(c, FINE, "overlayfs", "this kernel has it");
	else
		say(c, WARNING, "overlayfs",
			"not loaded, and images cannot do without: modprobe overlay");
}

static void check_nftables(struct check *c)
{
	_cleanup_(err_done) struct err err = {0};
	struct nft_batch batch = {.table = "kube-check", .arena = &c->arena};

	/* Made and removed in one transaction: nobody sees it. */
	nft_batch_add(&batch, (struct nft_change){.kind = NFT_ADD_TABLE});
	nft_batch_add(&batch, (struct nft_change){.kind = NFT_DELETE_TABLE});
	if (nft_send(&batch, &err))
		say(c, FAILURE, "nftables", "%s: services need it (modprobe nf_tables)",
			err_text(&err));
	else
		say(c, FINE, "nftables", "rules can be set");
}

static void check_seccomp(struct check *c)
{
	if (access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0)
		say(c, FINE, "seccomp", "calls of containers can be filtered");
	else
		say(c, WARNING, "seccomp", "this kernel cannot filter what containers call");
}

/* A port that nobody has can be had by us, for a moment. */
static void check_port(struct check *c, uint16_t port, const char *who)
{
	const char *name = arena_print(&c->arena, "port %u", port).at;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	bool taken = bind(fd, (struct sockaddr *)&at, sizeof(at)) && errno == EADDRINUSE;
	close(fd);
	if (!taken)
		say(c, FINE, name, "free for %s", who);
	else
		say(c, FAILURE, name, "taken, and %s needs it: ss -ltnp 'sport = %u' says by whom",
			who, port);
}

/* Of the directory, or the nearest above it that is there. */
static void check_space(struct check *c)
{
	struct str path = str_from(c->dir), head, name;
	struct statvfs fs;

	while (statvfs(path.len ? arena_str(&c->arena, path).at : "/", &fs)) {
		if (errno != ENOENT || !path.len || !str_cut_last(path, '/', &head, &name)) {
			say(c, WARNING, "disk", "nothing is known of %s", c->dir);
			return;
		}
		path = head;
	}
	int64_t space = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	say(c,
		space < SPACE_NEEDED   ? FAILURE
		: space < SPACE_WANTED ? WARNING
				       : FINE,
		"disk", "%lld MiB are free for %s%s", (long long)(space / MIB), c->dir,
		space < SPACE_WANTED ? ": make room, or choose another --data-dir" : "");
}

static void check_watchers(struct check *c)
{
	const char *text = read_text(c, "/proc/sys/fs/inotify/max_user_instances");
	int64_t most = 0;

	if (!text || !str_to_i64(str_trim(str_from(text)), &most))
		say(c, WARNING, "inotify", "its limits cannot be read");
	else if (most < WATCHERS_WANTED)
		say(c, WARNING, "inotify",
			"%lld instances are few: sysctl fs.inotify.max_user_instances=8192",
			(long long)most);
	else
		say(c, FINE, "inotify", "%lld instances", (long long)most);
}

static void check_resolver(struct check *c)
{
	const char *text = read_text(c, "/etc/resolv.conf");

	if (text && strstr(text, "nameserver"))
		say(c, FINE, "resolv.conf", "it names a server");
	else
		say(c, WARNING, "resolv.conf",
			"/etc/resolv.conf names no server: pods find no names but the cluster's");
}

static void check_all(struct check *c)
{
	check_root(c);
	check_server(c);
	check_namespaces(c);
	check_cgroups(c);
	check_overlay(c);
	check_nftables(c);
	check_seccomp(c);
	if (!c->server) {
		check_port(c, 6443, "the API server");
		check_port(c, 10250, "the node's server");
	}
	check_space(c);
	check_watchers(c);
	check_resolver(c);
}

int check_run(int argc, char **argv)
{
	_cleanup_(err_done) struct err err = {0};
	_cleanup_(buf_done) struct buf help = BUF_INIT(MIB);
	struct check c = {0};
	struct flag flags[] = {
		FLAG_STRING("data-dir", &c.data_dir, "/var/lib/kube", "DIRECTORY",
			"Where the server keeps what it has, or would."),
		FLAG_BOOL("help", &c.help, "false", "Print this."),
		FLAG_END,
	};

	arena_init(&c.arena);
	flags_init(flags, &c.arena);
	int code = flags_parse(flags, &c.arena, argc - 1, argv + 1, NULL, &err);
	if (code) {
		fprintf(stderr, "kube check: %s\n", err_text(&err));
	} else if (c.help) {
		flags_print_help(flags, &help);
		printf("Usage:\n  kube check [flags]    fails when something must be mended\n\n"
		       "Flags:\n%s",
			buf_text(&help));
	} else {
		struct loop *loop = loop_new();
		c.env = env_new(loop);
		c.dir = server_stop_directory(&c.arena, c.data_dir);
		check_all(&c);
		env_free(c.env);
		loop_free(loop);
	}
	arena_done(&c.arena);
	return code || c.counts[FAILURE];
}
