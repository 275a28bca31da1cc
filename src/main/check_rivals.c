/* Who else wants what a cluster needs: ports, other clusters, firewalls. */
#include "check.h"

#include <kube/file_tree.h>
#include <kube/nft.h>
#include <kube/pod_network.h>
#include <kube/proxy.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define SAID_MAX 5 /* of one kind */

/* ---- ports ---- */

/* A port that nobody has can be had by us, for a moment; the address need not be there yet. */
static bool is_taken(int type, uint32_t ip, uint16_t port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(ip)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return false;
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
	bool taken = bind(fd, (struct sockaddr *)&at, sizeof(at)) && errno == EADDRINUSE;
	/* Two may share an address as long as nobody listens. */
	if (!taken && type == SOCK_STREAM)
		taken = listen(fd, 1) && errno == EADDRINUSE;
	close(fd);
	return taken;
}

static void check_port(struct check *c, uint16_t port, const char *who)
{
	const char *name = arena_print(&c->arena, "port %u", port).at;

	if (is_taken(SOCK_STREAM, INADDR_ANY, port))
		check_say(c, FAILURE, name,
			arena_print(&c->arena, "end whoever has it: ss -ltnp 'sport = %u' says who",
				port)
				.at,
			"taken, and %s needs it", who);
	else
		check_say(c, FINE, name, NULL, "free for %s", who);
}

/* Servers of names take it on every address, if nobody tells them where. */
static void check_dns_port(struct check *c)
{
	const uint32_t ip = 10u << 24 | 43u << 16 | 10; /* 10.43.0.10 */

	if (is_taken(SOCK_DGRAM, ip, 53) || is_taken(SOCK_STREAM, ip, 53))
		check_say(c, FAILURE, "port 53",
			"let the other server have addresses of its own only (dnsmasq: "
			"bind-interfaces; BIND: listen-on), or begin with --disable dns",
			"taken on every address, and the cluster's DNS needs it at 10.43.0.10");
	else
		check_say(c, FINE, "port 53", NULL, "free for the cluster's DNS");
}

/* ---- others of our kind ---- */

struct rivals {
	struct check *check;
	char self[4096]; /* our executable */
	size_t said;
};

static int see_process(void *ctx, int dir, const char *name, struct err *err)
{
	struct rivals *r = ctx;
	struct check *c = r->check;
	char exe[4096];
	uint64_t pid;

	(void)dir;
	(void)err;
	if (!str_to_u64(str_from(name), &pid))
		return 0;
	const char *comm = check_read(c, arena_print(&c->arena, "/proc/%s/comm", name).at);
	if (!comm || !check_is_rival(str_trim(str_from(comm))))
		return 0;
	ssize_t n = readlink(arena_print(&c->arena, "/proc/%s/exe", name).at, exe, sizeof(exe) - 1);
	if (n > 0 && strcmp((exe[n] = 0, exe), r->self) == 0)
		return 0;
	if (r->said++ < SAID_MAX)
		check_say(c, WARNING, "others",
			"end it, and let it not begin again (systemctl disable --now): two would "
			"undo each other's rules and mounts",
			"process %s is %.*s, of another cluster or runtime", name,
			STRF(str_trim(str_from(comm))));
	return 0;
}

static void check_others(struct check *c)
{
	struct rivals r = {.check = c};
	int dir = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || readlink("/proc/self/exe", r.self, sizeof(r.self) - 1) < 0)
		check_say(c, WARNING, "others", "mount /proc whole", "/proc cannot be read");
	else if (file_tree_each(dir, see_process, &r, NULL) == 0 && !r.said)
		check_say(c, FINE, "others", NULL, "no other cluster runs here");
	if (dir >= 0)
		close(dir);
}

/* ---- rules ---- */

struct firewall {
	struct check *check;
	bool foreign; /* tables with our names */
	size_t drops;
};

static bool is_ours(const char *table)
{
	return strcmp(table, POD_NETWORK_TABLE) == 0 || strcmp(table, PROXY_TABLE) == 0;
}

static void see_chain(void *ctx, const struct nft_base *base)
{
	struct firewall *f = ctx;

	if (is_ours(base->table)) {
		f->foreign = true;
		return;
	}
	if (base->place != NFT_FORWARD || !base->drops || strcmp(base->family, "bridge") == 0 ||
		f->drops++ >= SAID_MAX)
		return;
	check_say(f->check, WARNING, "firewall",
		arena_print(&f->check->arena,
			"let pods through: nft insert rule %s '%s' '%s' ip saddr 10.42.0.0/16 "
			"accept, and the same with daddr",
			base->family, base->table, base->chain)
			.at,
		"the chain %s of table %s %s drops what it does not know on its way from link to "
		"link",
		base->chain, base->family, base->table);
}

/* A server that was killed leaves its rules, and finds them again: only without one they are new.
 */
static void check_rules(struct check *c)
{
	_cleanup_(err_done) struct err err = {0};
	struct firewall f = {.check = c};

	if (nft_each_base(see_chain, &f, &err)) {
		check_say(c, WARNING, "firewall", "look as root", "rules cannot be listed: %s",
			err_text(&err));
		return;
	}
	if (f.foreign && access(arena_print(&c->arena, "%s/server.lock", c->dir).at, F_OK))
		check_say(c, WARNING, "tables",
			"one cluster a machine: kube stop --pods, or kube uninstall, with the "
			"--data-dir of the other",
			"tables named as ours (" POD_NETWORK_TABLE ", " PROXY_TABLE
			") are there, of a cluster in another data directory");
	if (!f.drops)
		check_say(c, FINE, "firewall", NULL, "nothing drops what goes from link to link");
}

void check_rivals(struct check *c)
{
	if (!c->server) {
		check_port(c, 6443, "the API server");
		check_port(c, 10250, "the node's server");
		check_dns_port(c);
	}
	check_others(c);
	check_rules(c);
}
