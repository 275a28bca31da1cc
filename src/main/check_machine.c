/* What pods need of the kernel and of root. */
#include "check.h"

#include <kube/cgroup.h>
#include <kube/nft.h>
#include <kube/time.h>

#include <errno.h>
#include <stdio.h>
#include <sys/timex.h>
#include <unistd.h>

#define WATCHERS_WANTED 128

static void check_root(struct check *c)
{
	if (geteuid() == 0)
		check_say(c, FINE, "root", NULL, "we are root");
	else
		check_say(c, FAILURE, "root", "begin with sudo", "only root can run pods");
}

static void check_namespaces(struct check *c)
{
	static const char *const kinds[] = {"mnt", "net", "pid", "ipc", "uts", "cgroup"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (access(arena_print(&c->arena, "/proc/self/ns/%s", kinds[i]).at, F_OK)) {
			check_say(c, FAILURE, "namespaces", "take a kernel that has them",
				"this kernel has none of kind %s", kinds[i]);
			return;
		}
	check_say(c, FINE, "namespaces", NULL, "all that pods need");
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
		check_say(c, WARNING, "cgroups", "mount them: mount -t cgroup2 none /sys/fs/cgroup",
			"%s: pods go without limits", err_text(&err));
	for (size_t i = 0; i < ARRAY_LEN(wanted) && !err.code; i++)
		if (!cgroup_tree_of(&groups, wanted[i].which)) {
			missing++;
			check_say(c, WARNING, "cgroups",
				arena_print(&c->arena,
					"mount it, or let the kernel have it (cgroup_enable=%s)",
					wanted[i].name)
					.at,
				"the controller %s is not mounted: %s", wanted[i].name,
				wanted[i].without);
		}
	if (!missing && !err.code)
		check_say(c, FINE, "cgroups", NULL, groups.unified ? "version 2" : "version 1");
	cgroup_done(&groups);
}

static void check_nftables(struct check *c)
{
	_cleanup_(err_done) struct err err = {0};
	struct nft_batch batch = {.table = "kube-check", .arena = &c->arena};

	/* Made and removed in one transaction: nobody sees it. */
	nft_batch_add(&batch, (struct nft_change){.kind = NFT_ADD_TABLE});
	nft_batch_add(&batch, (struct nft_change){.kind = NFT_DELETE_TABLE});
	if (nft_send(&batch, &err))
		check_say(c, FAILURE, "nftables", "load it: modprobe nf_tables",
			"services need it: %s", err_text(&err));
	else
		check_say(c, FINE, "nftables", NULL, "rules can be set");
}

static void check_seccomp(struct check *c)
{
	if (access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0)
		check_say(c, FINE, "seccomp", NULL, "calls of containers can be filtered");
	else
		check_say(c, WARNING, "seccomp", "take a kernel with CONFIG_SECCOMP_FILTER",
			"this kernel cannot filter what containers call");
}

/* The server turns it on where it may. */
static void check_forwarding(struct check *c)
{
	static const char path[] = "/proc/sys/net/ipv4/ip_forward";
	const char *text = check_read(c, path);

	if (!text)
		check_say(c, FAILURE, "forwarding", "mount /proc whole", "%s cannot be read", path);
	else if (text[0] == '1')
		check_say(c, FINE, "forwarding", NULL, "packets go from link to link");
	else if (access(path, W_OK) == 0)
		check_say(c, FINE, "forwarding", NULL, "off; the server turns it on");
	else
		check_say(c, FAILURE, "forwarding",
			"let it be on beforehand: sysctl -w net.ipv4.ip_forward=1",
			"it is off, and cannot be turned on from here: pods would reach nobody");
}

static void check_watchers(struct check *c)
{
	const char *text = check_read(c, "/proc/sys/fs/inotify/max_user_instances");
	int64_t most = 0;

	if (!text || !str_to_i64(str_trim(str_from(text)), &most))
		check_say(c, WARNING, "inotify", "mount /proc whole", "its limits cannot be read");
	else if (most < WATCHERS_WANTED)
		check_say(c, WARNING, "inotify",
			"allow more: sysctl -w fs.inotify.max_user_instances=8192",
			"%lld instances are few", (long long)most);
	else
		check_say(c, FINE, "inotify", NULL, "%lld instances", (long long)most);
}

static void check_resolver(struct check *c)
{
	const char *text = check_read(c, "/etc/resolv.conf");

	if (text && strstr(text, "nameserver"))
		check_say(c, FINE, "resolv.conf", NULL, "it names a server");
	else
		check_say(c, WARNING, "resolv.conf", "name a server in /etc/resolv.conf",
			"it names no server: pods find no names but the cluster's");
}

/* ---- the time: certificates and tokens are worth what it is worth ---- */

static void check_clock(struct check *c)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
	struct disk *disk = c->env->disk;
	struct timex kept = {0};
	int64_t now = env_wall(c->env);
	int64_t newest = disk->ops->changed(
		disk, arena_print(&c->arena, "%s/state/state.db", c->dir).at, NULL);
	const char *wrong = check_time(now, newest > 0 ? newest : 0);

	time_print(&text, now);
	if (wrong)
		check_say(c, FAILURE, "clock",
			"set it right: certificates and tokens count by it (date -s, or a time "
			"service)",
			"it says %s: %s", buf_text(&text), wrong);
	else if (adjtimex(&kept) == TIME_ERROR || (kept.status & STA_UNSYNC))
		check_say(c, WARNING, "clock", "let systemd-timesyncd, chrony or ntpd keep it",
			"it says %s, and nobody keeps it right", buf_text(&text));
	else
		check_say(c, FINE, "clock", NULL, "%s, kept right", buf_text(&text));
}

void check_machine(struct check *c)
{
	check_root(c);
	check_namespaces(c);
	check_cgroups(c);
	check_nftables(c);
	check_seccomp(c);
	check_forwarding(c);
	check_watchers(c);
	check_resolver(c);
	check_clock(c);
}
