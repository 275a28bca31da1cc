/* What decisions cost: pods read, queued, decided about and placed, in clusters of some sizes. */
#include "scheduler/plugins.h"
#include "scheduler/queue.h"

#include <kube/mem.h>
#include <kube/time.h>

#include <stdio.h>
#include <time.h>

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SEC + t.tv_nsec;
}

static struct cJSON *parse(struct arena *a, const char *text)
{
	struct cJSON *tree = NULL;
	struct err err = {0};

	if (json_parse(a, str_from(text), NULL, &tree, &err))
		fprintf(stderr, "%s\n", err_text(&err));
	return tree;
}

static void add_nodes(struct cluster *c, int count)
{
	struct arena a;
	char text[512];

	arena_init(&a);
	for (int i = 0; i < count; i++) {
		snprintf(text, sizeof(text),
			"{\"metadata\":{\"name\":\"node-%d\",\"labels\":{\"kubernetes.io/"
			"hostname\":"
			"\"node-%d\",\"topology.kubernetes.io/zone\":\"z%d\"}},\"status\":{"
			"\"allocatable\":{\"cpu\":\"64\",\"memory\":\"256Gi\",\"pods\":\"250\"}}}",
			i, i, i % 3);
		cluster_set_node(c, node_facts_from_tree(parse(&a, text)));
		arena_reset(&a);
	}
	arena_done(&a);
}

static const char owned[] = ",\"x\":1";

static struct pod *make_pod(struct arena *a, int number, const char *spec)
{
	const char *owner =
		spec == owned ? "\"ownerReferences\":[{\"kind\":\"ReplicaSet\",\"name\":\"rs\","
				"\"uid\":\"u\",\"controller\":true}],"
			      : "";
	char text[1024];

	snprintf(text, sizeof(text),
		"{\"metadata\":{\"name\":\"p-%d\",\"namespace\":\"default\",\"uid\":\"uid-%d\",%s"
		"\"labels\":{\"app\":\"a%d\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
		"\"img:1\",\"resources\":{\"requests\":{\"cpu\":\"100m\",\"memory\":\"200Mi\"}}}]%"
		"s}"
		"}",
		number, number, owner, number % 100, spec);
	return pod_facts_from_tree(parse(a, text));
}

/* A ReplicaSet, which the pods of one bench belong to. */
static void shelve_owner(struct cluster *c)
{
	static const char text[] =
		"{\"kind\":\"ReplicaSet\",\"apiVersion\":\"apps/v1\",\"metadata\":{"
		"\"name\":\"rs\",\"namespace\":\"default\"},\"spec\":{\"selector\":{"
		"\"matchLabels\":{\"app\":\"a1\"}}}}";
	struct object *o = object_from_text(str_from(text), 1);

	cluster_shelve(c, SHELF_REPLICA_SETS, STR("default/rs"), o);
	object_unref(o);
}

static void bench(const char *name, int nodes, int pods, const char *spec)
{
	struct arena a;
	struct cluster cluster;
	struct profile profile;
	struct queue queue;
	struct queued *e;
	int placed = 0;

	arena_init(&a);
	cluster_init(&cluster, 1);
	profile_init(&profile, STR("default-scheduler"));
	queue_init(&queue, &(struct queue_options){0});
	add_nodes(&cluster, nodes);
	cluster_settle(&cluster);
	shelve_owner(&cluster);
	int64_t begin = now_ns();
	for (int i = 0; i < pods; i++) {
		struct pod *p = make_pod(&a, i, spec);

		queue_set(&queue, &cluster, &profile, p, i);
		pod_facts_unref(p);
		arena_reset(&a);
	}
	int64_t queued = now_ns();
	while ((e = queue_take(&queue, pods))) {
		struct cycle c = {
			.cluster = &cluster, .profile = e->profile, .pod = e->pod, .arena = &a};
		struct decision d;

		schedule(&c, &d);
		if (d.node) {
			cluster_place(&cluster, e->pod, d.node->facts->name, true);
			placed++;
		}
		queue_remove(&queue, e->pod->uid);
		arena_reset(&a);
	}
	int64_t done = now_ns();
	if (placed != pods)
		fprintf(stderr, "%s: only %d of %d were placed\n", name, placed, pods);
	printf("scheduler_%s_%d_nodes %.0f pods/s\n", name, nodes,
		pods / ((double)(done - queued) / SEC));
	printf("scheduler_%s_%d_nodes_with_reading %.0f pods/s\n", name, nodes,
		pods / ((double)(done - begin) / SEC));
	fflush(stdout);
	queue_done(&queue);
	cluster_done(&cluster);
	arena_done(&a);
}

int main(void)
{
	static const int sizes[] = {100, 1000, 5000};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		bench("simple", sizes[i], 20000, "");
	bench("owned", 1000, 20000, owned);
	bench("owned", 5000, 5000, owned);
	bench("node_affinity", 1000, 20000,
		",\"affinity\":{\"nodeAffinity\":{"
		"\"preferredDuringSchedulingIgnoredDuringExecution\":"
		"[{\"weight\":1,\"preference\":{\"matchExpressions\":[{\"key\":"
		"\"topology.kubernetes.io/zone\",\"operator\":\"In\",\"values\":[\"z1\"]}]}}]}}");
	return 0;
}
