/* What a pod network knows outlives it; what belongs to nobody goes. */
#include "loop_pods.h"
#include "loop_torture.h"

#include <kube/mem.h>
#include <kube/route.h>
#include <kube/time.h>

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct runtime_port web[] = {
	{.protocol = IPPROTO_TCP, .host_port = 8080, .container_port = 80}};

/* Everything the node has: links, addresses, routes, neighbours, rules, files. */
static void picture(const struct node *n, char *out, size_t size)
{
	char command[512];

	snprintf(command, sizeof(command),
		"ip -o link | sed 's/^[0-9]*: //' | cut -d' ' -f1 | sort; ip -o addr | awk '{print "
		"$2,$4}' | sort; ip route; ip -6 route | grep -v '^fe80'; ip neigh | grep -c "
		"PERMANENT; nft list ruleset; ls -R %s/addresses; ls /proc/self/fd | wc -l",
		n->directory);
	netns_test_shell(-1, out, size, command);
}

static bool has_link(const char *name)
{
	struct route_link link;
	struct route *r;

	EXPECT_INT(route_open(&r, -1, NULL), 0);
	int code = route_find_link(r, name, &link, NULL);
	route_close(r);
	return code == 0;
}

static bool answers(const struct node_pod *p, const char *to, uint16_t port)
{
	int fd = netns_test_socket(p->netns, SOCK_STREAM, p->text[0], 80);
	int failed = netns_test_echo(-1, SOCK_STREAM, to, port, fd, NULL);

	close(fd);
	return failed == 0;
}

static void restart(void)
{
	struct node_pod a, b;
	struct err err = {0};
	struct node n;

	node_pod_make(&a, 1);
	node_pod_make(&b, 2);
	a.sandbox.ports = (struct runtime_ports){web, 1};
	node_begin(&n);
	REQUIRE_OK(node_attach(&n, &a, &err), &err);
	node_stop(&n);
	/* Nobody is there, and the pod goes on. */
	EXPECT(answers(&a, NODE_OWN4, 8080));
	REQUIRE(node_start(&n, &err));
	EXPECT(pod_network_ready(n.network, &err));
	EXPECT(answers(&a, NODE_OWN4, 8080));
	EXPECT_INT(pod_network_count(n.network), 2);
	/* The runtime finds it, with or without what it knew. */
	a.sandbox.ports = (struct runtime_ports){0};
	REQUIRE_OK(node_attach(&n, &a, &err), &err);
	EXPECT_TEXT(a.text[0], "10.42.0.2");
	EXPECT(answers(&a, NODE_OWN4, 8080));
	a.ip_count = 0;
	REQUIRE_OK(node_attach(&n, &a, &err), &err);
	EXPECT_TEXT(a.text[0], "10.42.0.2");
	EXPECT_TEXT(a.text[1], "fd42::2");
	REQUIRE_OK(node_attach(&n, &b, &err), &err);
	EXPECT_TEXT(b.text[0], "10.42.0.3");
	/* Addresses it never had are not believed. */
	EXPECT(ip_parse(STR("10.42.0.99"), &b.ips[0]));
	EXPECT_INT(node_attach(&n, &b, &err), ERR_CONFLICT);
	err_done(&err);
	node_end(&n);
	node_pod_end(&a);
	node_pod_end(&b);
}

TEST(pods_keep_addresses_and_host_ports_over_a_restart)
{
	netns_test_run(restart);
}

static void lost_link(void)
{
	struct node_pod a;
	struct err err = {0};
	struct node n;
	char out[64];

	node_pod_make(&a, 1);
	node_begin(&n);
	REQUIRE_OK(node_attach(&n, &a, &err), &err);
	netns_test_shell(-1, out, sizeof(out), "ip link del kube00000001000");
	EXPECT_INT(netns_test_echo(-1, SOCK_STREAM, a.text[0], 80, -1, NULL), EHOSTUNREACH);
	REQUIRE_OK(node_attach(&n, &a, &err), &err);
	EXPECT(answers(&a, a.text[0], 80));
	/* Half made: nobody had come to write on it whose it is. */
	netns_test_shell(-1, out, sizeof(out), "ip link set kube00000001000 alias '' down");
	REQUIRE_OK(node_attach(&n, &a, &err), &err);
	EXPECT(answers(&a, a.text[0], 80));
	netns_test_shell(-1, out, sizeof(out), "ip link set kube00000001000 alias foreign");
	EXPECT_INT(node_attach(&n, &a, &err), ERR_CONFLICT);
	EXPECT_TEXT(err_text(&err), "link kube00000001000 belongs to sandbox foreign");
	err_done(&err);
	node_end(&n);
	node_pod_end(&a);
}

TEST(a_cable_that_is_lost_or_half_made_is_made_again)
{
	netns_test_run(lost_link);
}

static void orphans(void)
{
	struct node_pod a, b;
	struct node_pod *const known[] = {&b};
	struct err err = {0};
	struct node n;
	char out[64];

	node_pod_make(&a, 1);
	node_pod_make(&b, 2);
	a.sandbox.ports = b.sandbox.ports = (struct runtime_ports){web, 1};
	node_begin(&n);
	/* Links of others, of other kinds, and of a name that is nearly ours. */
	netns_test_shell(
		-1, out, sizeof(out), "ip link add kube0 type veth peer name kubexyzxyzxyzxy");
	netns_test_shell(-1, out, sizeof(out),
		"ip link add kube0123456789a type veth peer name kube0123456789b");
	REQUIRE_OK(node_attach(&n, &b, &err), &err);
	REQUIRE_OK(node_attach(&n, &a, &err), &err);
	EXPECT(answers(&a, NODE_OWN4, 8080)); /* the later has it */
	node_stop(&n);
	REQUIRE(node_start(&n, &err));
	REQUIRE_OK(node_attach(&n, &b, &err), &err);
	REQUIRE_OK(node_keep(&n, known, 1, &err), &err);
	EXPECT_INT(pod_network_count(n.network), 2);
	EXPECT(!has_link("kube00000001000"));
	EXPECT(!has_link("kube0123456789a"));
	EXPECT(has_link("kube0"));
	EXPECT(has_link("kube00000002000"));
	EXPECT(answers(&b, NODE_OWN4, 8080));
	node_stop(&n);
	REQUIRE(node_start(&n, &err));
	EXPECT_INT(pod_network_count(n.network), 2);
	node_end(&n);
	node_pod_end(&a);
	node_pod_end(&b);
}

TEST(cables_addresses_and_host_ports_of_lost_sandboxes_are_taken_away)
{
	netns_test_run(orphans);
}

static void addresses_in_turn(void)
{
	struct node_pod p;
	struct err err = {0};
	struct node n;
	char wanted[32];

	node_pod_make(&p, 1);
	node_begin(&n);
	REQUIRE_OK(node_set_cidrs(&n, "10.42.1.0/29", NULL, &err), &err);
	/* Five addresses; each comes again only after all others, over restarts, too. */
	for (int i = 0; i < 12; i++) {
		p.ip_count = 0;
		REQUIRE_OK(node_attach(&n, &p, &err), &err);
		REQUIRE(p.ip_count == 1);
		snprintf(wanted, sizeof(wanted), "10.42.1.%d", 2 + i % 5);
		EXPECT_TEXT(p.text[0], wanted);
		REQUIRE_OK(node_detach(&n, &p, &err), &err);
		if (i % 3 == 2) {
			node_stop(&n);
			REQUIRE(node_start(&n, &err));
		}
	}
	struct node_pod many[6];
	for (int i = 0; i < 6; i++)
		node_pod_make(&many[i], 10 + i);
	for (int i = 0; i < 5; i++)
		EXPECT_OK(node_attach(&n, &many[i], &err), &err);
	EXPECT_INT(node_attach(&n, &many[5], &err), ERR_LIMIT);
	EXPECT_TEXT(
		err_text(&err), "no address is left in pod CIDR 10.42.1.0/29: all 5 are in use");
	err_done(&err);
	EXPECT_INT(node_set_cidrs(&n, "10.42.0.0/24", "fd42::/64", &err), ERR_CONFLICT);
	EXPECT(strstr(err_text(&err),
		"the node's pod CIDRs have changed to 10.42.0.0/24, fd42::/64, but a pod here has "
		"10.42.1."));
	err_done(&err);
	EXPECT(pod_network_ready(n.network, NULL));
	for (int i = 0; i < 5; i++)
		EXPECT_OK(node_detach(&n, &many[i], &err), &err);
	EXPECT_OK(node_set_cidrs(&n, "10.42.0.0/24", "fd42::/64", &err), &err);
	EXPECT_INT(node_set_cidrs(&n, "10.42.0.0/24", "10.43.0.0/24", &err), ERR_INVALID);
	err_done(&err);
	EXPECT_INT(node_set_cidrs(&n, "10.42.0.0/31", NULL, &err), ERR_INVALID);
	err_done(&err);
	for (int i = 0; i < 6; i++)
		node_pod_end(&many[i]);
	node_end(&n);
	node_pod_end(&p);
}

TEST(addresses_come_in_turn_and_of_one_set_of_cidrs)
{
	netns_test_run(addresses_in_turn);
}

static void no_cidrs(void)
{
	struct pod_network_options options = {.cluster_cidr_count = 0};
	struct node_pod p;
	struct err err = {0};
	char out[64];
	struct node n;

	node_pod_make(&p, 1);
	node_begin(&n);
	node_stop(&n);
	snprintf(out, sizeof(out), "%s/other", n.directory);
	options.directory = out;
	REQUIRE_OK(pod_network_new(n.t.env, n.t.root, &options, &n.network, &err), &err);
	EXPECT(!pod_network_ready(n.network, NULL));
	EXPECT_INT(node_attach(&n, &p, &err), ERR_UNAVAILABLE);
	EXPECT_TEXT(err_text(&err), "the pod network is not ready: the node has no pod CIDR yet");
	err_done(&err);
	REQUIRE_OK(node_set_cidrs(&n, "10.42.0.0/24", NULL, &err), &err);
	EXPECT_OK(node_attach(&n, &p, &err), &err);
	p.sandbox.netns = "/proc/self/ns/nothing";
	p.sandbox.id = STR("other");
	p.ip_count = 0;
	EXPECT_INT(node_attach(&n, &p, &err), ERR_NOT_FOUND);
	err_done(&err);
	EXPECT_INT(pod_network_count(n.network), 1);
	node_end(&n);
	node_pod_end(&p);
}

TEST(no_pod_is_connected_before_the_node_has_a_cidr)
{
	netns_test_run(no_cidrs);
}

/* ---- a disk that is full ---- */

static void full_disk(void)
{
	static char before[64 * KIB], after[64 * KIB];
	const struct rlimit none = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
	struct rlimit usual;
	struct node_pod p;
	struct err err = {0};
	struct node n;

	node_pod_make(&p, 1);
	node_begin(&n);
	picture(&n, before, sizeof(before));
	/* No file can be written any more. */
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &usual);
	setrlimit(RLIMIT_FSIZE, &none);
	EXPECT_INT(node_attach(&n, &p, &err), ERR_TOO_LARGE);
	EXPECT(strstr(err_text(&err), "addresses/10.42.0.2") != NULL);
	err_done(&err);
	setrlimit(RLIMIT_FSIZE, &usual);
	picture(&n, after, sizeof(after));
	EXPECT_TEXT(after, before);
	EXPECT_INT(pod_network_count(n.network), 0);
	EXPECT_OK(node_attach(&n, &p, &err), &err);
	EXPECT_TEXT(p.text[0], "10.42.0.3");
	node_end(&n);
	node_pod_end(&p);
}

TEST(a_pod_whose_address_cannot_be_noted_is_not_connected)
{
	netns_test_run(full_disk);
}

/* ---- the node's own way out ---- */

static void router_heard(void)
{
	struct err err = {0};
	char out[64];
	struct node n;

	node_begin(&n);
	netns_test_shell(-1, out, sizeof(out),
		"echo 0 >/proc/sys/net/ipv6/conf/all/forwarding; "
		"echo 1 >/proc/sys/net/ipv6/conf/uplink/accept_ra; "
		"echo 0 >/proc/sys/net/ipv6/conf/lo/accept_ra");
	EXPECT_OK(node_set_cidrs(&n, "10.42.1.0/24", "fd42:1::/64", &err), &err);
	netns_test_shell(-1, out, sizeof(out),
		"cd /proc/sys/net; cat ipv6/conf/all/forwarding ipv6/conf/uplink/accept_ra "
		"ipv6/conf/lo/accept_ra ipv4/ip_forward");
	EXPECT_TEXT(out, "1\n2\n0\n1\n");
	/* The routes of before have gone. */
	netns_test_shell(-1, out, sizeof(out),
		"ip route show type unreachable; ip -6 route show type unreachable | "
		"awk '{print $2}'");
	EXPECT_TEXT(out, "unreachable 10.42.1.0/24 proto 107 metric 1048576 \nfd42:1::/64\n");
	node_end(&n);
}

TEST(a_node_that_forwards_still_hears_its_router)
{
	netns_test_run(router_heard);
}

/* ---- nothing is left ---- */

static void hundred_rounds(void)
{
	static char before[64 * KIB], after[64 * KIB];
	struct err err = {0};
	struct node_pod p;
	struct node n;

	node_begin(&n);
	for (int i = 0; i < 105; i++) {
		node_pod_make(&p, i);
		p.sandbox.ports = (struct runtime_ports){web, (size_t)i % 2};
		REQUIRE_OK(node_attach(&n, &p, &err), &err);
		/* Every third loses its namespace first. */
		if (i % 3 == 0)
			node_pod_end(&p);
		REQUIRE_OK(node_detach(&n, &p, &err), &err);
		if (i % 3)
			node_pod_end(&p);
		if (i == 4)
			picture(&n, before, sizeof(before));
	}
	picture(&n, after, sizeof(after));
	EXPECT_TEXT(after, before);
	EXPECT(strstr(before, "kube-pods") != NULL);
	EXPECT(strstr(before, "unreachable 10.42.0.0/24") != NULL);
	node_stop(&n);
	REQUIRE_OK(pod_network_clear(&err), &err);
	netns_test_shell(-1, after, sizeof(after),
		"ip route | grep -c 10.42; ip -6 route | grep -c fd42; nft list tables; "
		"ip -o link | grep -c kube; true");
	EXPECT_TEXT(after, "0\n0\n0\n");
	node_end(&n);
}

TEST(a_hundred_rounds_leave_nothing_behind)
{
	netns_test_run(hundred_rounds);
}

static void pause_for(struct node *n, int64_t ns)
{
	struct told told = {0};

	timer_wait(told_op(&told, n->t.root, OP_NO_DEADLINE), loop_in(n->t.loop, ns));
	loop_test_run_until(&n->t, &told.done);
	told_done(&told);
}

static void flushed(void)
{
	struct err err = {0};
	struct node_pod p;
	char out[64];
	struct node n;
	bool open = false;

	node_pod_make(&p, 1);
	p.sandbox.ports = (struct runtime_ports){web, 1};
	node_begin(&n);
	REQUIRE_OK(node_attach(&n, &p, &err), &err);
	netns_test_shell(-1, out, sizeof(out), "nft flush ruleset");
	EXPECT(!answers(&p, NODE_OWN4, 8080));
	for (int i = 0; i < 100 && !open; i++) {
		pause_for(&n, 200 * MSEC);
		open = answers(&p, NODE_OWN4, 8080);
	}
	EXPECT(open);
	node_end(&n);
	node_pod_end(&p);
}

TEST(rules_that_somebody_has_flushed_come_again)
{
	netns_test_run(flushed);
}

/* ---- every await fails once, and is cancelled once ---- */

enum life_step { LIFE_SET, LIFE_ATTACH, LIFE_AGAIN, LIFE_DETACH, LIFE_KEEP, LIFE_STOP, LIFE_OVER };

struct life {
	struct pod_network *network;
	struct node_pod pod;
	struct op op;
	struct loop_test *t;
	enum life_step step;
	char directory[64];
};

static void live_on(struct op *op, struct err *err);

static struct op *next(struct life *l)
{
	op_init(&l->op, l->t->root, live_on, OP_NO_DEADLINE);
	return &l->op;
}

static void live(struct life *l)
{
	struct runtime_network *r = pod_network_runtime(l->network);
	struct cidr cidr;

	EXPECT(cidr_parse(STR("10.42.0.0/24"), &cidr));
	switch (l->step++) {
	case LIFE_SET:
		pod_network_set_cidrs(l->network, next(l), &cidr, 1);
		break;
	case LIFE_ATTACH:
	case LIFE_AGAIN:
		r->attach(r, next(l), &l->pod.sandbox, l->pod.ips, &l->pod.ip_count);
		break;
	case LIFE_DETACH:
		r->detach(r, next(l), &l->pod.sandbox);
		break;
	case LIFE_KEEP:
		pod_network_keep(l->network, next(l), NULL, 0);
		break;
	case LIFE_STOP:
		pod_network_stop(l->network, next(l));
		break;
	case LIFE_OVER:
		pod_network_free(l->network);
		l->network = NULL;
		break;
	}
}

static void live_on(struct op *op, struct err *err)
{
	struct life *l = CONTAINER_OF(op, struct life, op);

	/* What was refused has left nothing; what had been there is still there. */
	if (l->step == LIFE_ATTACH + 1) {
		EXPECT_INT(pod_network_count(l->network), err->code ? 0 : 1);
		EXPECT_INT(has_link("kube00000001000"), !err->code);
	}
	if (l->step == LIFE_DETACH + 1 && !err->code) {
		EXPECT_INT(pod_network_count(l->network), 0);
		EXPECT(!has_link("kube00000001000"));
	}
	live(l);
}

static void begin_life(struct loop_test *t, void *ctx)
{
	struct pod_network_options options = {0};
	struct life *l = ctx;
	struct err err = {0};

	options.directory = l->directory;
	l->t = t;
	l->step = LIFE_SET;
	l->pod.ip_count = 0;
	REQUIRE_OK(pod_network_new(t->env, t->root, &options, &l->network, &err), &err);
	/* Refused when it is the first to fail, and then all else goes on. */
	pod_network_start(l->network, next(l));
}

static void end_life(struct loop_test *t, void *ctx)
{
	struct life *l = ctx;
	struct err err = {0};

	(void)t;
	EXPECT(l->network == NULL);
	EXPECT_OK(pod_network_clear(&err), &err);
}

static void tortured(void)
{
	struct life l = {0};
	char out[128];

	strcpy(l.directory, "/tmp/kube-pods.XXXXXX");
	EXPECT(mkdtemp(l.directory) != NULL);
	node_pod_make(&l.pod, 1);
	l.pod.sandbox.ports = (struct runtime_ports){web, 1};
	int rounds = loop_torture_run(LOOP_TEST_REAL, begin_life, end_life, &l);
	EXPECT(rounds > 20);
	snprintf(out, sizeof(out), "rm -r %s", l.directory);
	netns_test_shell(-1, out, sizeof(out), out);
	node_pod_end(&l.pod);
}

TEST(every_await_may_fail_or_be_cancelled)
{
	netns_test_run(tortured);
}
