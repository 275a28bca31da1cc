/* yaml_read_mb_s and yaml_write_mb_s on a manifest of a pod as it is found in clusters, 10 KiB. */
#include <kube/time.h>
#include <kube/yaml.h>

#include <stdio.h>

static void print_manifest(struct buf *out)
{
	buf_add_text(out, "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web-7d4b9c6f5-x2x9k\n"
			  "  namespace: production\n  labels:\n    app.kubernetes.io/name: web\n"
			  "    pod-template-hash: 7d4b9c6f5\n  annotations:\n"
			  "    checksum/config: 0a1b2c3d4e5f60718293a4b5c6d7e8f9\n"
			  "    description: |\n      Serves the pages.\n      Ask the web team.\n"
			  "spec:\n  nodeName: node-3\n  containers:\n");
	for (int i = 0; out->len < 10 * KIB; i++) {
		buf_print(out,
			"  - name: container-%d\n    image: registry.example.com/team/web:1.%d.0\n",
			i, i);
		buf_add_text(out,
			"    imagePullPolicy: IfNotPresent\n    args: [\"--port=8080\", '-v', "
			"\"2\"]\n"
			"    ports:\n    - containerPort: 8080\n      name: http\n"
			"      protocol: TCP\n    env:\n    - name: POD_IP\n      valueFrom:\n"
			"        fieldRef:\n          fieldPath: status.podIP\n"
			"    - name: MODE\n      value: \"true\"\n    resources:\n"
			"      limits: {cpu: 500m, memory: 128Mi}\n      requests:\n"
			"        cpu: 100m\n        memory: 64Mi\n    livenessProbe:\n"
			"      httpGet: {path: /healthz, port: http}\n"
			"      initialDelaySeconds: 5\n      periodSeconds: 10\n"
			"    volumeMounts:\n    - mountPath: /var/run/secrets\n"
			"      name: kube-api-access\n      readOnly: true\n");
	}
}

static double rate(size_t bytes, int rounds, int64_t start)
{
	return (double)bytes * rounds / 1e6 / ((double)(clock_mono() - start) / 1e9);
}

int main(void)
{
	const int rounds = 2000;
	struct buf text = BUF_INIT(MIB), out = BUF_INIT(MIB);
	struct cJSON *root = NULL;
	struct arena a;

	arena_init(&a);
	print_manifest(&text);
	int64_t start = clock_mono();
	for (int i = 0; i < rounds; i++) {
		arena_reset(&a);
		if (yaml_read(&a, buf_str(&text), NULL, &root, NULL))
			return 1;
	}
	printf("yaml_read_mb_s %.1f MB/s\n", rate(text.len, rounds, start));
	start = clock_mono();
	for (int i = 0; i < rounds; i++) {
		buf_clear(&out);
		yaml_write(&out, root);
	}
	printf("yaml_write_mb_s %.1f MB/s\n", rate(out.len, rounds, start));
	buf_done(&text);
	buf_done(&out);
	arena_done(&a);
	return 0;
}
