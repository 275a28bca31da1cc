/*
 * How fast pods are connected and disconnected, alone and twenty at once, with and without host
 * ports; in a namespace of its own.
 */
#include "loop_pods.h"

#include <kube/mem.h>
#include <kube/time.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum { PODS = 100, AT_ONCE = 20 };

static const struct runtime_port web[] = {
	{.protocol = IPPROTO_TCP, .host_port = 8080, .container_port = 80}};

struct bench {
	struct node node;
	struct node_pod pods[PODS];
	struct told told[PODS];
	int64_t took[PODS];
};

static void start_one(struct bench *b, int i, bool attach)
{
	struct runtime_network *r = pod_network_runtime(b->node.network);
	struct node_pod *p = &b->pods[i];
	struct op *op = told_op(&b->told[i], b->node.t.root, OP_NO_DEADLINE);

	if (attach)
		r->attach(r, op, &p->sandbox, p->ips, &p->ip_count);
	else
		r->detach(r, op, &p->sandbox);
}

static void await_one(struct bench *b, int i)
{
	loop_test_run_until(&b->node.t, &b->told[i].done);
	EXPECT_OK(b->told[i].err.code, &b->told[i].err);
	told_done(&b->told[i]);
	b->told[i] = (struct told){0};
}

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* `at_once` of them are under way at any time. */
static void round_of(struct bench *b, const char *name, bool attach, int at_once)
{
	int64_t start = clock_mono();

	for (int i = 0; i < PODS; i += at_once) {
		int64_t begun = clock_mono();

		for (int k = 0; k < at_once; k++)
			start_one(b, i + k, attach);
		for (int k = 0; k < at_once; k++) {
			await_one(b, i + k);
			b->took[i + k] = clock_mono() - begun;
		}
	}
	double all = (double)(clock_mono() - start);
	qsort(b->took, PODS, sizeof(b->took[0]), by_size);
	printf("podnet_%s_x%d %.0f pods/s\n", name, at_once, PODS / (all / SEC));
	printf("podnet_%s_x%d_p50 %.2f ms\n", name, at_once, (double)b->took[PODS / 2] / MSEC);
	printf("podnet_%s_x%d_p99 %.2f ms\n", name, at_once,
		(double)b->took[PODS - 1 - PODS / 100] / MSEC);
}

static void bench_at(struct bench *b, int at_once, size_t ports)
{
	for (int i = 0; i < PODS; i++) {
		node_pod_make(&b->pods[i], i);
		b->pods[i].sandbox.ports = (struct runtime_ports){web, ports};
	}
	round_of(b, ports ? "attach_port" : "attach", true, at_once);
	round_of(b, ports ? "detach_port" : "detach", false, at_once);
	for (int i = 0; i < PODS; i++)
		node_pod_end(&b->pods[i]);
}

static void bench(void)
{
	struct bench *b = mem_new(sizeof(*b));

	node_begin(&b->node);
	bench_at(b, 1, 0);
	bench_at(b, AT_ONCE, 0);
	bench_at(b, 1, 1);
	bench_at(b, AT_ONCE, 1);
	node_end(&b->node);
	mem_free(b);
}

TEST(bench_podnet)
{
	netns_test_run(bench);
}
