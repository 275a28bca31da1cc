#include "loop_pods.h"

#include <kube/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void shell(int netns, const char *command)
{
	char out[1024];

	netns_test_shell(netns, out, sizeof(out), command);
}

/* Neighbours know each other: the kernel may take a second to see that a new cable is there. */
static void make_uplink(struct node *n)
{
	char command[512];

	n->world = netns_test_new();
	snprintf(command, sizeof(command),
		"ip link set lo up && ip link add uplink address 0a:00:00:00:07:02 mtu 1450 type "
		"veth peer name node address 0a:00:00:00:07:01 mtu 1450 netns /proc/%d/fd/%d",
		getpid(), n->world);
	shell(-1, command);
	shell(n->world, "ip link set lo up && ip link set node up");
	shell(-1, "ip link set uplink up && ip addr add 192.168.7.2/24 dev uplink && "
		  "ip addr add fd07::2/64 dev uplink nodad && "
		  "ip neigh add 192.168.7.1 lladdr 0a:00:00:00:07:01 dev uplink && "
		  "ip neigh add fd07::1 lladdr 0a:00:00:00:07:01 dev uplink && "
		  "ip route add default via 192.168.7.1 && ip -6 route add default via fd07::1");
	shell(n->world, "ip addr add 192.168.7.1/24 dev node && "
			"ip addr add fd07::1/64 dev node nodad && "
			"ip neigh add 192.168.7.2 lladdr 0a:00:00:00:07:02 dev node && "
			"ip neigh add fd07::2 lladdr 0a:00:00:00:07:02 dev node");
}

bool node_start(struct node *n, struct err *err)
{
	struct pod_network_options options = {
		.directory = n->directory, .cluster_cidr_count = 2, .check_every = 100 * MSEC};
	struct told told = {0};

	EXPECT(cidr_parse(STR("10.42.0.0/16"), &options.cluster_cidrs[0]));
	EXPECT(cidr_parse(STR("fd42::/48"), &options.cluster_cidrs[1]));
	if (pod_network_new(n->t.env, n->t.root, &options, &n->network, err))
		return false;
	pod_network_start(n->network, told_op(&told, n->t.root, OP_NO_DEADLINE));
	loop_test_run_until(&n->t, &told.done);
	bool well = EXPECT_OK(told.err.code, &told.err);
	told_done(&told);
	return well;
}

void node_begin(struct node *n)
{
	struct err err = {0};

	*n = (struct node){0};
	make_uplink(n);
	strcpy(n->directory, "/tmp/kube-pods.XXXXXX");
	EXPECT(mkdtemp(n->directory) != NULL);
	loop_test_init(&n->t, LOOP_TEST_REAL);
	if (!node_start(n, &err))
		test_fail(__FILE__, __LINE__, "start: %s", err_text(&err));
	EXPECT_OK(node_set_cidrs(n, "10.42.0.0/24", "fd42::/64", &err), &err);
}

void node_stop(struct node *n)
{
	struct told told = {0};

	pod_network_stop(n->network, told_op(&told, n->t.root, OP_NO_DEADLINE));
	loop_test_run_until(&n->t, &told.done);
	told_done(&told);
	pod_network_free(n->network);
	n->network = NULL;
}

void node_end(struct node *n)
{
	char command[128];

	if (n->network)
		node_stop(n);
	loop_test_done(&n->t);
	close(n->world);
	snprintf(command, sizeof(command), "rm -rf %s", n->directory);
	shell(-1, command);
}

static int wait_told(struct node *n, struct told *told, struct err *err)
{
	loop_test_run_until(&n->t, &told->done);
	int code = told->err.code;
	err_move(err, &told->err);
	told_done(told);
	return code;
}

int node_set_cidrs(struct node *n, const char *first, const char *second, struct err *err)
{
	struct told told = {0};
	struct cidr cidrs[2];
	size_t count = second ? 2 : 1;

	EXPECT(cidr_parse(str_from(first), &cidrs[0]));
	if (second)
		EXPECT(cidr_parse(str_from(second), &cidrs[1]));
	pod_network_set_cidrs(n->network, told_op(&told, n->t.root, OP_NO_DEADLINE), cidrs, count);
	return wait_told(n, &told, err);
}

int node_keep(struct node *n, struct node_pod *const *pods, size_t count, struct err *err)
{
	struct told told = {0};
	struct str ids[64];

	EXPECT(count <= ARRAY_LEN(ids));
	for (size_t i = 0; i < count; i++)
		ids[i] = pods[i]->sandbox.id;
	pod_network_keep(n->network, told_op(&told, n->t.root, OP_NO_DEADLINE), ids, count);
	return wait_told(n, &told, err);
}

void node_pod_make(struct node_pod *p, int number)
{
	*p = (struct node_pod){0};
	snprintf(p->id, sizeof(p->id), "%08x%056d", (unsigned)number, number);
	p->netns = netns_test_new();
	snprintf(p->path, sizeof(p->path), "/proc/self/fd/%d", p->netns);
	p->sandbox = (struct sandbox){.id = str_from(p->id), .netns = p->path};
}

void node_pod_end(struct node_pod *p)
{
	close(p->netns);
}

int node_attach(struct node *n, struct node_pod *p, struct err *err)
{
	struct runtime_network *r = pod_network_runtime(n->network);
	struct told told = {0};

	r->attach(r, told_op(&told, n->t.root, OP_NO_DEADLINE), &p->sandbox, p->ips, &p->ip_count);
	int code = wait_told(n, &told, err);
	for (size_t i = 0; i < p->ip_count; i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(64);

		ip_print(&text, &p->ips[i]);
		snprintf(p->text[i], sizeof(p->text[i]), "%s", buf_text(&text));
	}
	return code;
}

int node_detach(struct node *n, struct node_pod *p, struct err *err)
{
	struct runtime_network *r = pod_network_runtime(n->network);
	struct told told = {0};

	r->detach(r, told_op(&told, n->t.root, OP_NO_DEADLINE), &p->sandbox);
	return wait_told(n, &told, err);
}
