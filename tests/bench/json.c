/*
 * Parsing and printing a pod of about 10 KiB, beside plain cJSON on the same text in the same
 * run. Making and freeing the memory counts on both sides. Rounds alternate, the median counts,
 * and it is CPU time that is measured: on a busy machine the longer rounds of the slower one
 * would otherwise be interrupted more often.
 */
#include <kube/json.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 41, PER_ROUND = 100 };

static void add_container(struct buf *b, int i)
{
	buf_print(b,
		"{\"name\":\"worker-%d\",\"image\":\"registry.example.com/team/worker:v1.%d.0\","
		"\"args\":[\"--listen=:80%02d\",\"--log-level=info\",\"--config=/etc/worker/"
		"config.yaml\"],"
		"\"ports\":[{\"name\":\"http\",\"containerPort\":80%02d,\"protocol\":\"TCP\"}],"
		"\"env\":["
		"{\"name\":\"POD_NAME\",\"valueFrom\":{\"fieldRef\":{\"apiVersion\":\"v1\","
		"\"fieldPath\":\"metadata.name\"}}},{\"name\":\"GREETING\",\"value\":\"caf\xc3\xa9 "
		"\\\"open\\\"\"},"
		"{\"name\":\"DATABASE_URL\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"database\","
		"\"key\":\"url\",\"optional\":false}}}],\"resources\":{\"limits\":{\"cpu\":"
		"\"500m\","
		"\"memory\":\"256Mi\"},\"requests\":{\"cpu\":\"100m\",\"memory\":\"128Mi\"}},"
		"\"volumeMounts\":[{\"name\":\"config\",\"readOnly\":true,\"mountPath\":\"/etc/"
		"worker\"},"
		"{\"name\":\"kube-api-access-x7k2p\",\"readOnly\":true,"
		"\"mountPath\":\"/var/run/secrets/kubernetes.io/serviceaccount\"}],"
		"\"livenessProbe\":{\"httpGet\":{\"path\":\"/"
		"healthz\",\"port\":80%02d,\"scheme\":\"HTTP\"},"
		"\"initialDelaySeconds\":5,\"timeoutSeconds\":1,\"periodSeconds\":10,"
		"\"successThreshold\":1,"
		"\"failureThreshold\":3},\"terminationMessagePath\":\"/dev/termination-log\","
		"\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":\"IfNotPresent\"}",
		i, i, i, i, i);
}

static void add_status(struct buf *b, int i)
{
	buf_print(b,
		"{\"name\":\"worker-%d\",\"state\":{\"running\":{\"startedAt\":\"2024-03-01T10:00:"
		"0%dZ\"}},"
		"\"lastState\":{},\"ready\":true,\"restartCount\":%d,"
		"\"image\":\"registry.example.com/team/"
		"worker:v1.%d.0\",\"imageID\":\"registry.example.com/"
		"team/"
		"worker@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\","
		"\"containerID\":\"containerd://"
		"60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f55%d\","
		"\"started\":true}",
		i, i, i, i, i);
}

static void add_managed_fields(struct buf *b)
{
	buf_add_text(b,
		"\"managedFields\":[{\"manager\":\"kubelet\",\"operation\":\"Update\","
		"\"apiVersion\":\"v1\","
		"\"time\":\"2024-03-01T10:00:05Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:"
		"status\":{"
		"\"f:conditions\":{\"k:{\\\"type\\\":\\\"ContainersReady\\\"}\":{\".\":{},"
		"\"f:lastProbeTime\":{},\"f:lastTransitionTime\":{},\"f:status\":{},\"f:type\":{}},"
		"\"k:{\\\"type\\\":\\\"Initialized\\\"}\":{\".\":{},\"f:lastProbeTime\":{},"
		"\"f:lastTransitionTime\":{},\"f:status\":{},\"f:type\":{}}},\"f:"
		"containerStatuses\":{},"
		"\"f:hostIP\":{},\"f:phase\":{},\"f:podIP\":{},\"f:startTime\":{}}}}]");
}

static void add_pod(struct buf *b)
{
	enum { CONTAINERS = 6 };
	buf_add_text(b,
		"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"worker-"
		"6d4cf56db6-x7k2p\","
		"\"generateName\":\"worker-6d4cf56db6-\",\"namespace\":\"production\","
		"\"uid\":\"7b5a3c1e-2f64-4e0a-9d43-8c1a5f0b6e27\",\"resourceVersion\":\"184467\","
		"\"generation\":1,\"creationTimestamp\":\"2024-03-01T10:00:00Z\",\"labels\":{"
		"\"app.kubernetes.io/name\":\"worker\",\"app.kubernetes.io/part-of\":\"shop\","
		"\"pod-template-hash\":\"6d4cf56db6\"},\"annotations\":{\"prometheus.io/"
		"scrape\":\"true\"},"
		"\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\","
		"\"name\":\"worker-6d4cf56db6\",\"uid\":\"0c9e2d7f-6a15-4b38-a0f1-3d2c4b5a6978\","
		"\"controller\":true,\"blockOwnerDeletion\":true}],");
	add_managed_fields(b);
	buf_add_text(b,
		"},\"spec\":{\"volumes\":[{\"name\":\"config\",\"configMap\":{\"name\":\"worker\","
		"\"defaultMode\":420}}],\"containers\":[");
	for (int i = 0; i < CONTAINERS; i++) {
		buf_add_text(b, i ? "," : "");
		add_container(b, i);
	}
	buf_add_text(b,
		"],\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30,"
		"\"dnsPolicy\":\"ClusterFirst\",\"nodeName\":\"node-3\",\"tolerations\":[{\"key\":"
		"\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\",\"effect\":\"NoExecute\","
		"\"tolerationSeconds\":300}],\"priority\":0,\"enableServiceLinks\":true},"
		"\"status\":{"
		"\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
		"\"lastProbeTime\":null,\"lastTransitionTime\":\"2024-03-01T10:00:05Z\"}],"
		"\"hostIP\":\"10.0.0.3\",\"podIP\":\"10.244.3.17\",\"startTime\":\"2024-03-01T10:"
		"00:00Z\","
		"\"containerStatuses\":[");
	for (int i = 0; i < CONTAINERS; i++) {
		buf_add_text(b, i ? "," : "");
		add_status(b, i);
	}
	buf_add_text(b, "],\"qosClass\":\"Burstable\"}}");
}

/* ---- what is measured ---- */

static struct buf pod = BUF_INIT(MIB);
static struct cJSON *tree, *plain_tree;

static void parse(void)
{
	struct arena a = {0};
	struct cJSON *root;
	if (json_parse(&a, buf_str(&pod), NULL, &root, NULL) != 0)
		abort();
	arena_done(&a);
}

static void plain_parse(void)
{
	cJSON *root = cJSON_Parse(buf_text(&pod));
	if (!root)
		abort();
	cJSON_Delete(root);
}

static void print(void)
{
	struct buf out = BUF_INIT(MIB);
	json_print(&out, tree, JSON_COMPACT);
	if (buf_over(&out))
		abort();
	buf_done(&out);
}

static void plain_print(void)
{
	free(cJSON_PrintUnformatted(plain_tree));
}

static void plain_print_buffered(void)
{
	free(cJSON_PrintBuffered(plain_tree, 16 * 1024, false));
}

static void equal(void)
{
	if (!json_equal(tree, tree->next))
		abort();
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* MB/s of two functions, in turns. */
static void measure(void (*first)(void), void (*second)(void), double speeds[2])
{
	static double times[2][ROUNDS];
	void (*run[])(void) = {first, second};
	for (int round = 0; round < ROUNDS; round++) {
		for (int k = 0; k < 2; k++) {
			double start = now();
			for (int i = 0; i < PER_ROUND; i++)
				run[k]();
			times[k][round] = now() - start;
		}
	}
	for (int k = 0; k < 2; k++) {
		qsort(times[k], ROUNDS, sizeof(double), compare);
		speeds[k] = (double)pod.len * PER_ROUND / times[k][ROUNDS / 2] / 1e6;
	}
}

int main(void)
{
	struct arena a = {0};
	struct err err = {0};
	double parse_speeds[2], print_speeds[2], buffered_speeds[2], other[2];
	add_pod(&pod);
	if (json_parse(&a, buf_str(&pod), NULL, &tree, &err) != 0) {
		fprintf(stderr, "%s\n", err_text(&err));
		return 1;
	}
	plain_tree = cJSON_Parse(buf_text(&pod));
	printf("json_pod_size %zu B\n", pod.len);

	measure(parse, plain_parse, parse_speeds);
	printf("json_parse_mb_s %.0f MB/s\n", parse_speeds[0]);
	printf("cjson_parse_mb_s %.0f MB/s\n", parse_speeds[1]);
	printf("json_parse_ratio %.2f x\n", parse_speeds[0] / parse_speeds[1]);

	/* Against whichever of cJSON's two ways is the faster one. */
	measure(print, plain_print, print_speeds);
	measure(print, plain_print_buffered, buffered_speeds);
	double *best = print_speeds[1] > buffered_speeds[1] ? print_speeds : buffered_speeds;
	printf("json_print_mb_s %.0f MB/s\n", best[0]);
	printf("cjson_print_mb_s %.0f MB/s\n", best[1]);
	printf("json_print_ratio %.2f x\n", best[0] / best[1]);

	tree->next = json_copy(&a, tree);
	measure(equal, equal, other);
	tree->next = NULL;
	printf("json_equal_mb_s %.0f MB/s\n", other[0]);

	cJSON_Delete(plain_tree);
	arena_done(&a);
	buf_done(&pod);
	return 0;
}
