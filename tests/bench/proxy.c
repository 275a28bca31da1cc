/*
 * What a Service costs the proxy: compiling it, telling the kernel of it, and what all of it takes
 * with many. Alone in a network namespace. Bytes are those of the batches on the wire.
 */
#include "name_list.h"
#include "netns_test.h"

#include "proxy/known_slices.h"
#include "proxy/ruleset.h"

#include <kube/json.h>
#include <kube/mem.h>
#include <kube/proxy.h>
#include <kube/time.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHANGES = 200, FEW_CHANGES = 20, SLICE = 100 };

struct bench {
	struct arena kept; /* texts of the services */
	struct proxy_node node;
	struct cidr pods;
	struct ruleset ruleset;
	struct known_slices known_slices;
	struct nft_link link;
	struct str *services;
	int count, endpoints;
	bool sticky; /* they remember their clients */
	char name[32];
	double before; /* KiB */
};

static struct str service_text(struct bench *b, int i)
{
	return arena_print(&b->kept,
		"{\"metadata\":{\"namespace\":\"load\",\"name\":\"service-%d\"},\"spec\":{\"type\":"
		"\"ClusterIP\",\"clusterIPs\":[\"10.43.%d.%d\"],\"ports\":[{\"name\":\"http\","
		"\"port\":80,\"protocol\":\"TCP\"}]%s}}",
		i, i / 250, i % 250 + 1, b->sticky ? ",\"sessionAffinity\":\"ClientIP\"" : "");
}

/* Endpoints `from` to `to` of a service; the last of all is another in each `version`. */
static struct object *make_slice(struct bench *b, int service, int from, int to, int version)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);

	buf_add_text(&out, "{\"metadata\":{\"name\":\"slice\"},\"addressType\":\"IPv4\",\"ports\":["
			   "{\"name\":\"http\",\"port\":8080,"
			   "\"protocol\":\"TCP\"}],\"endpoints\":[");
	for (int n = from; n < to; n++) {
		int at = n + service * 7 + (n == b->endpoints - 1 ? version : 0);

		buf_print(&out,
			"%s{\"addresses\":[\"10.%d.%d.%d\"],\"conditions\":{\"ready\":true,"
			"\"serving\":true,\"terminating\":false},\"nodeName\":\"node-%d\","
			"\"targetRef\":{\"kind\":\"Pod\",\"namespace\":\"load\",\"name\":\"pod-%d\""
			"}}",
			n > from ? "," : "", 64 + at / 62500, at / 250 % 250, at % 250 + 1, n % 100,
			at);
	}
	buf_add_text(&out, "]}");
	return object_from_text(buf_str(&out),
		1 + service + 100000LL * (from + (to == b->endpoints ? 10000 * version : 0)));
}

static const struct cJSON *parse(struct arena *a, struct str text)
{
	struct cJSON *tree = NULL;

	EXPECT_INT(json_parse(a, text, NULL, &tree, NULL), 0);
	return tree;
}

/* As the proxy does with a key: from the objects to the batch. What it took. */
static int64_t compile(struct bench *b, struct nft_batch *batch, int service, int version)
{
	_cleanup_(arena_done) struct arena trees;
	struct arena *a = batch->arena;
	size_t count = (size_t)(b->endpoints + SLICE - 1) / SLICE;
	struct str key = arena_print(a, "load/service-%d", service);

	arena_init(&trees);
	struct compiled *fresh = arena_alloc(a, sizeof(*fresh));
	struct object **objects = arena_alloc(&trees, count * sizeof(*objects));
	for (size_t i = 0; i < count; i++)
		objects[i] = make_slice(b, service, (int)i * SLICE,
			MIN((int)(i + 1) * SLICE, b->endpoints), version);
	int64_t start = clock_mono();
	const struct slice *const *slices =
		known_slices_read(&b->known_slices, &trees, &b->node, key, objects, count);
	compile_service(a, &b->node, parse(&trees, b->services[service]), slices, count, fresh);
	ruleset_change(&b->ruleset, batch, key, fresh);
	int64_t took = clock_mono() - start;
	for (size_t i = 0; i < count; i++)
		object_unref(objects[i]);
	return took;
}

static int64_t send_batch(struct bench *b, struct nft_batch *batch)
{
	struct err err = {0};
	int64_t start = clock_mono();

	EXPECT_OK(nft_link_send(&b->link, batch, &err), &err);
	return clock_mono() - start;
}

static int64_t settle_and_send(struct bench *b, struct nft_batch *batch)
{
	ruleset_settle(&b->ruleset, batch);
	return send_batch(b, batch);
}

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void report(const struct bench *b, const char *what, int64_t *took, int count)
{
	qsort(took, (size_t)count, sizeof(*took), by_size);
	printf("proxy_%s_%s_p50 %.3f ms\n", what, b->name, (double)took[count / 2] / MSEC);
	printf("proxy_%s_%s_p99 %.3f ms\n", what, b->name,
		(double)took[count - 1 - count / 100] / MSEC);
}

static double in_use(void)
{
	return (double)(mallinfo2().uordblks + mallinfo2().hblkhd) / KIB;
}

static void all_of_them(struct bench *b)
{
	const struct base_options everywhere = {.node = &b->node};
	struct arena a;
	int64_t took = 0;

	arena_init(&a);
	struct nft_batch batch = {.table = PROXY_TABLE, .arena = &a};
	ruleset_restart(&b->ruleset, &batch, &everywhere);
	for (int i = 0; i < b->count; i++)
		took += compile(b, &batch, i, 0);
	printf("proxy_sync_compile_%s %.2f ms\n", b->name, (double)took / MSEC);
	printf("proxy_sync_kernel_%s %.2f ms\n", b->name,
		(double)settle_and_send(b, &batch) / MSEC);
	printf("proxy_sync_wire_%s %zu B\n", b->name, batch.sent);
	printf("proxy_sync_memory_%s %.0f KiB\n", b->name, in_use() - b->before);
	arena_done(&a);
	printf("proxy_kept_memory_%s %.0f KiB\n", b->name, in_use() - b->before);
}

/* One endpoint comes and another goes, again and again. */
static void one_by_one(struct bench *b, int changes)
{
	int64_t compiled[CHANGES], kernel[CHANGES];
	size_t bytes = 0;

	for (int n = 0; n < changes; n++) {
		struct arena a;

		arena_init(&a);
		struct nft_batch batch = {.table = PROXY_TABLE, .arena = &a};
		compiled[n] = compile(b, &batch, n * 7 % b->count, 1 + n / b->count);
		kernel[n] = compiled[n] + settle_and_send(b, &batch);
		bytes += batch.sent;
		arena_done(&a);
		usleep(20000); /* as the proxy waits: a batch begins when the last is cleared away
				*/
	}
	report(b, "change_compile", compiled, changes);
	report(b, "change_to_kernel", kernel, changes);
	printf("proxy_change_wire_%s %zu B\n", b->name, bytes / (size_t)changes);
}

/* A service comes that was not there, and goes again. */
static void come_and_go(struct bench *b, int changes)
{
	int64_t came[CHANGES], gone[CHANGES];

	for (int n = 0; n < changes; n++)
		for (int go = 0; go < 2; go++) {
			struct arena a;

			arena_init(&a);
			struct nft_batch batch = {.table = PROXY_TABLE, .arena = &a};
			if (go) {
				ruleset_change(&b->ruleset, &batch,
					arena_print(&a, "load/service-%d", b->count), NULL);
				gone[n] = settle_and_send(b, &batch);
			} else {
				came[n] = compile(b, &batch, b->count, n);
				came[n] += settle_and_send(b, &batch);
			}
			arena_done(&a);
			usleep(20000);
		}
	report(b, "added", came, changes);
	report(b, "removed", gone, changes);
}

/* The proxy is started again: the table stands. */
static void all_of_them_again(struct bench *b)
{
	const struct base_options everywhere = {.node = &b->node};
	struct arena a;
	struct err err = {0};

	arena_init(&a);
	struct nft_batch batch = {.table = PROXY_TABLE, .arena = &a};
	struct name_list chains = {.arena = &a};
	EXPECT_OK(nft_each_chain(PROXY_TABLE, name_list_add, &chains, &err), &err);
	ruleset_restart_over(&b->ruleset, &batch, &everywhere, chains.items, chains.count);
	for (int i = 0; i < b->count; i++)
		compile(b, &batch, i, 0);
	printf("proxy_again_kernel_%s %.2f ms\n", b->name,
		(double)settle_and_send(b, &batch) / MSEC);
	arena_done(&a);
}

static void bench_of(int count, int endpoints, bool sticky, int changes)
{
	struct bench *b = mem_new(sizeof(*b));
	struct err err = {0};

	arena_init(&b->kept);
	EXPECT(cidr_parse(STR("10.64.0.0/10"), &b->pods));
	b->node = (struct proxy_node){
		.name = STR_INIT("node-1"), .pod_cidrs = &b->pods, .pod_cidr_count = 1};
	b->count = count;
	b->endpoints = endpoints;
	b->sticky = sticky;
	snprintf(b->name, sizeof(b->name), "%dx%d%s", count, endpoints, sticky ? "_sticky" : "");
	b->services = arena_alloc(&b->kept, ((size_t)count + 1) * sizeof(*b->services));
	for (int i = 0; i <= count; i++)
		b->services[i] = service_text(b, i);
	ruleset_init(&b->ruleset);
	known_slices_init(&b->known_slices);
	b->before = in_use();
	all_of_them(b);
	one_by_one(b, changes);
	come_and_go(b, changes);
	all_of_them_again(b);
	nft_link_close(&b->link);
	EXPECT_OK(proxy_clean_up(&err), &err);
	ruleset_done(&b->ruleset);
	known_slices_done(&b->known_slices);
	arena_done(&b->kept);
	mem_free(b);
}

#define BENCH(name, count, endpoints, sticky, changes)                                             \
	static void name(void)                                                                     \
	{                                                                                          \
		bench_of(count, endpoints, sticky, changes);                                       \
	}                                                                                          \
	TEST(bench_proxy_##name)                                                                   \
	{                                                                                          \
		netns_test_run(name);                                                              \
	}

BENCH(few_services, 10, 10, false, CHANGES)
BENCH(many_services, 1000, 10, false, CHANGES)
BENCH(single_endpoints, 10000, 1, false, FEW_CHANGES)
BENCH(very_many_services, 10000, 3, false, FEW_CHANGES)
BENCH(very_many_with_affinity, 10000, 3, true, FEW_CHANGES)
BENCH(a_large_service, 1, 5000, false, FEW_CHANGES)
