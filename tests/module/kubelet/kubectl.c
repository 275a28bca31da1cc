/*
 * Foreign clients reach what happens in pods: kubectl of several versions, over WebSocket and over
 * SPDY, through the API server to a kubelet's server whose containers are this machine itself.
 */
#include "api_rig.h"
#include "host_runtime.h"

#include <kube/process.h>
#include <kube/tls_engine.h>
#include <kubelet/server.h>

#include <glob.h>
#include <unistd.h>

#define CLIENTS_MAX 16

static const char pod_text[] =
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web\",\"namespace\":"
	"\"default\"},\"spec\":{\"nodeName\":\"n1\",\"automountServiceAccountToken\":false,"
	"\"containers\":[{\"name\":\"one\",\"image\":\"host\",\"stdin\":true,\"ports\":"
	"[{\"containerPort\":80}]},{\"name\":\"two\",\"image\":\"host\"}]}}";
static const char status_text[] =
	"{\"status\":{\"phase\":\"Running\",\"podIP\":\"10.42.0.5\",\"conditions\":[{\"type\":"
	"\"Ready\",\"status\":\"True\"}],\"containerStatuses\":["
	"{\"name\":\"one\",\"image\":\"host\",\"imageID\":\"host\",\"ready\":true,"
	"\"restartCount\":1,\"containerID\":\"host://c1\",\"state\":{\"running\":{\"startedAt\":"
	"\"2026-01-02T15:04:05Z\"}},\"lastState\":{\"terminated\":{\"exitCode\":1,"
	"\"containerID\":\"host://c0\"}}},"
	"{\"name\":\"two\",\"image\":\"host\",\"imageID\":\"host\",\"ready\":false,"
	"\"restartCount\":0,\"state\":{\"waiting\":{\"reason\":\"ImagePullBackOff\"}}}]}}";

struct world {
	struct api_rig rig;
	struct host_runtime host;
	struct kubelet_server *server;
	struct tls_config *tls;
	struct cJSON *pod;
	const struct cJSON *pods[1];
	char log[128], previous[128], kubeconfig[128];
	char *clients[CLIENTS_MAX];
	size_t client_count;
	/* the last command */
	struct buf out, err;
	int code;
};

static size_t list_pods(void *ctx, struct arena *a, const struct cJSON *const **pods)
{
	struct world *w = ctx;

	(void)a;
	w->pods[0] = w->pod;
	*pods = w->pods;
	return 1;
}

/* ---- the node ---- */

static void read_pem(struct world *w, const char *name, struct buf *text)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(KIB);

	buf_print(&path, "%s/d/pki/%s", w->rig.dir, name);
	EXPECT_INT(disk_read_file(w->rig.t.env->disk, buf_text(&path), text, NULL), 0);
}

/* Signed by the cluster's authority; believes the clients that the cluster believes. */
static void make_tls(struct world *w)
{
	_cleanup_(buf_done) struct buf ca_text = BUF_INIT(MIB), key_text = BUF_INIT(MIB),
				       roots_text = BUF_INIT(MIB);
	struct certs ca = {0}, roots = {0};
	struct key *ca_key = NULL, *key = NULL;
	struct cert *cert = NULL;
	struct err err = {0};
	struct ip here = ip_v4(127, 0, 0, 1);

	read_pem(w, "ca.crt", &ca_text);
	read_pem(w, "ca.key", &key_text);
	read_pem(w, "client-ca.crt", &roots_text);
	EXPECT_OK(certs_parse_pem(buf_str(&ca_text), &ca, &err), &err);
	EXPECT_OK(certs_parse_pem(buf_str(&roots_text), &roots, &err), &err);
	EXPECT_OK(key_parse(buf_str(&key_text), &ca_key, &err), &err);
	EXPECT_OK(key_generate(KEY_ECDSA_P256, &key, &err), &err);
	struct cert_request request = {.subject.common_name = STR("system:node:n1"),
		.now = env_wall(w->rig.t.env),
		.lifetime = HOUR,
		.path_length = -1,
		.usages = CERT_SERVER,
		.ips = &here,
		.ip_count = 1};
	EXPECT_OK(cert_issue(&request, key, ca.items[0], ca_key, &cert, &err), &err);
	struct certs chain = {.items = &cert, .count = 1};
	struct tls_identity identity = {.chain = &chain, .key = key};
	static const char *const alpn[] = {"http/1.1", NULL};
	struct tls_server_options options = {.identities = &identity,
		.identity_count = 1,
		.client_certs = TLS_CERTS_OPTIONAL,
		.client_roots = &roots,
		.alpn = alpn};
	EXPECT_OK(tls_config_new_server(&options, &w->tls, &err), &err);
	cert_unref(cert);
	key_unref(key);
	key_unref(ca_key);
	certs_done(&ca);
	certs_done(&roots);
}

static void create(struct world *w, const char *plural, const char *namespace, const char *name,
	const char *subresource, enum client_verb verb, const char *text)
{
	struct client_request q;

	client_request_init(&q, verb, resource_find(STR(""), STR("v1"), str_from(plural)),
		str_from(namespace), str_from(name));
	q.subresource = str_from(subresource);
	q.body = api_rig_json(&q.arena, text);
	EXPECT_INT(api_rig_send(&w->rig, &q), 0);
	client_request_done(&q);
}

static void write_text(const char *path, const char *text, const char *how)
{
	FILE *f = fopen(path, how);

	fputs(text, f);
	fclose(f);
}

static void make_objects(struct world *w)
{
	char node[512];

	snprintf(node, sizeof(node),
		"{\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"127.0.0.1\"}],"
		"\"daemonEndpoints\":{\"kubeletEndpoint\":{\"Port\":%u}}}}",
		kubelet_server_port(w->server));
	create(w, "serviceaccounts", "default", "default", NULL, CLIENT_CREATE,
		"{\"metadata\":{\"name\":\"default\"}}");
	create(w, "nodes", "", "n1", NULL, CLIENT_CREATE, "{\"metadata\":{\"name\":\"n1\"}}");
	create(w, "nodes", "", "n1", "status", CLIENT_PATCH_MERGE, node);
	create(w, "pods", "default", "web", NULL, CLIENT_CREATE, pod_text);
	create(w, "pods", "default", "web", "status", CLIENT_PATCH_MERGE, status_text);
	struct client_request q;
	client_request_init(&q, CLIENT_GET, resource_find(STR(""), STR("v1"), STR("pods")),
		STR("default"), STR("web"));
	EXPECT_INT(api_rig_send(&w->rig, &q), 0);
	w->pod = json_copy(&w->rig.arena, q.object);
	client_request_done(&q);
}

static void find_clients(struct world *w)
{
	char self[4096] = "", pattern[4200];
	FILE *f = popen("readlink -f \"$(command -v kubectl)\" 2>/dev/null", "re");
	glob_t found = {0};

	if (f && fgets(self, sizeof(self), f) && strchr(self, '\n')) {
		*strchr(self, '\n') = 0;
		snprintf(pattern, sizeof(pattern), "%s.1.*", self);
		w->clients[w->client_count++] = mem_copy_text(self);
		if (glob(pattern, 0, NULL, &found) == 0)
			for (size_t i = 0; i < found.gl_pathc && w->client_count < CLIENTS_MAX; i++)
				w->clients[w->client_count++] = mem_copy_text(found.gl_pathv[i]);
		globfree(&found);
	}
	if (f)
		pclose(f);
}

static void world_open(struct world *w)
{
	struct err err = {0};
	char config[1024];

	memset(w, 0, sizeof(*w));
	api_rig_open_with(&w->rig, API_RIG_LOCAL, "--runtime-config=metrics.k8s.io/v1beta1=true");
	buf_init(&w->out, 64 * MIB);
	buf_init(&w->err, MIB);
	snprintf(w->log, sizeof(w->log), "%s/1.log", w->rig.dir);
	snprintf(w->previous, sizeof(w->previous), "%s/0.log", w->rig.dir);
	snprintf(w->kubeconfig, sizeof(w->kubeconfig), "%s/kubeconfig", w->rig.dir);
	write_text(w->log,
		"2026-01-02T15:04:05Z stdout F first\n2026-01-02T15:04:06Z stderr F second\n",
		"we");
	write_text(w->previous, "2026-01-01T15:04:05Z stdout F before\n", "we");
	snprintf(config, sizeof(config),
		"apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster:\n    server: %s\n"
		"    certificate-authority: %s\nusers:\n- name: u\n  user:\n    token: rigtoken\n"
		"contexts:\n- name: c\n  context:\n    cluster: c\n    user: u\n"
		"current-context: c\n",
		w->rig.url, w->rig.ca_file);
	write_text(w->kubeconfig, config, "we");
	host_runtime_init(&w->host, w->rig.t.env);
	make_tls(w);
	struct kubelet_server_options options = {.client = w->rig.client,
		.runtime = &w->host.runtime,
		.pods = {.list = list_pods, .ctx = w},
		.tls = w->tls,
		.node_name = STR("n1"),
		.at = address_of(ip_v4(127, 0, 0, 1), 0),
		.started = env_wall(w->rig.t.env)};
	EXPECT_OK(
		kubelet_server_new(w->rig.t.env, w->rig.t.root, &options, &w->server, &err), &err);
	make_objects(w);
	struct str uid = json_str(json_path(w->pod, "metadata.uid"));
	host_runtime_add(&w->host, "web", uid.at, "one", "c1", w->log);
	w->host.containers[w->host.container_count++] = (struct container){.id = STR("c0"),
		.sandbox = uid,
		.name = STR("one"),
		.state = CONTAINER_EXITED,
		.log_path = str_from(w->previous)};
	find_clients(w);
}

static void world_close(struct world *w)
{
	struct told told = {0};

	kubelet_server_stop(w->server, told_op(&told, w->rig.t.root, OP_NO_DEADLINE), 0);
	loop_test_run_until(&w->rig.t, &told.done);
	told_done(&told);
	kubelet_server_free(w->server);
	tls_config_unref(w->tls);
	EXPECT_INT(w->host.sessions, 0);
	for (size_t i = 0; i < w->client_count; i++)
		mem_free(w->clients[i]);
	buf_done(&w->out);
	buf_done(&w->err);
	api_rig_close(&w->rig);
}

/* ---- commands ---- */

static void read_back(struct world *w, const char *name, struct buf *into)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", w->rig.dir, name);
	buf_clear(into);
	disk_read_file(w->rig.t.env->disk, path, into, NULL);
}

/* By the shell: what it prints and leaves with is in *w. $K is a client, $T a directory. */
static void run(struct world *w, const char *client, const char *command)
{
	char config[160], k[4200], dir[100], script[4096];
	struct process *process = NULL;
	struct told told = {0};

	snprintf(config, sizeof(config), "KUBECONFIG=%s", w->kubeconfig);
	snprintf(k, sizeof(k), "K=%s", client);
	snprintf(dir, sizeof(dir), "T=%s", w->rig.dir);
	snprintf(script, sizeof(script), "exec >$T/out 2>$T/err </dev/null; %s", command);
	const char *argv[] = {"timeout", "60", "sh", "-c", script, NULL};
	const char *more[] = {config, k, dir, "HOME=/nonexistent", NULL};
	struct process_options options = {
		.argv = argv, .env_more = more, .group = PROCESS_GROUP_NEW, .death_signal = 9};
	process_start(
		told_op(&told, w->rig.t.root, OP_NO_DEADLINE), w->rig.t.root, &options, &process);
	loop_test_run_until(&w->rig.t, &told.done);
	EXPECT_INT(told.err.code, 0);
	process_wait(process, told_op(&told, w->rig.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&w->rig.t, &told.done);
	w->code = (int)told.n;
	process_close(process);
	told_done(&told);
	read_back(w, "out", &w->out);
	read_back(w, "err", &w->err);
}

static void expect(struct world *w, const char *command, int code, const char *out, const char *err)
{
	for (size_t i = 0; i < w->client_count; i++) {
		test_context("%s: %s", strrchr(w->clients[i], '/') + 1, command);
		run(w, w->clients[i], command);
		bool good = EXPECT_INT(w->code, code);
		if (out)
			good &= EXPECT_STR(buf_str(&w->out), out);
		if (err && !EXPECT(str_find(buf_str(&w->err), str_from(err)) >= 0))
			good = EXPECT_STR(buf_str(&w->err), err);
		if (!good)
			EXPECT_STR(buf_str(&w->err), "");
	}
	test_context_end();
}

TEST(logs_are_shown_as_asked_for)
{
	struct world w;

	world_open(&w);
	expect(&w, "$K logs web -c one", 0, "first\nsecond\n", NULL);
	expect(&w, "$K logs web -c one --tail=1", 0, "second\n", NULL);
	expect(&w, "$K logs web -c one --timestamps --limit-bytes=30", 0,
		"2026-01-02T15:04:05Z first\n202", NULL);
	expect(&w, "$K logs web -c one --since-time=2026-01-02T15:04:06Z", 0, "second\n", NULL);
	expect(&w, "$K logs web -c one --previous", 0, "before\n", NULL);
	expect(&w, "$K logs web -c two", 1, "",
		"container \"two\" in pod \"web\" is waiting to start: trying and failing to pull "
		"image");
	expect(&w, "$K logs web -c two --previous", 1, "",
		"previous terminated container \"two\" in pod \"web\" not found");
	expect(&w, "$K get --raw /api/v1/namespaces/default/pods/web/log", 1, "",
		"a container name must be specified for pod web, choose one of: [one two]");
	world_close(&w);
}

TEST(logs_are_followed_until_the_container_ends)
{
	struct world w;
	struct told told = {0};
	struct process *process = NULL;
	char k[4200], config[160], dir[100];

	world_open(&w);
	if (!w.client_count) {
		world_close(&w);
		return;
	}
	snprintf(k, sizeof(k), "K=%s", w.clients[0]);
	snprintf(config, sizeof(config), "KUBECONFIG=%s", w.kubeconfig);
	snprintf(dir, sizeof(dir), "T=%s", w.rig.dir);
	const char *argv[] = {"sh", "-c", "exec $K logs -f web -c one >$T/out 2>$T/err", NULL};
	const char *more[] = {config, k, dir, NULL};
	struct process_options options = {.argv = argv, .env_more = more, .death_signal = 9};
	process_start(
		told_op(&told, w.rig.t.root, OP_NO_DEADLINE), w.rig.t.root, &options, &process);
	loop_test_run_until(&w.rig.t, &told.done);
	API_RIG_AWAIT(&w.rig, (read_back(&w, "out", &w.out), w.out.len == 13));
	write_text(w.log, "2026-01-02T15:04:07Z stdout F third\n", "ae");
	API_RIG_AWAIT(&w.rig, (read_back(&w, "out", &w.out), w.out.len == 19));
	/* Another file takes its place. */
	char aside[160];
	snprintf(aside, sizeof(aside), "%s.old", w.log);
	EXPECT_INT(rename(w.log, aside), 0);
	write_text(aside, "2026-01-02T15:04:08Z stdout F fourth\n", "ae");
	write_text(w.log, "2026-01-02T15:04:09Z stdout F fifth\n", "we");
	API_RIG_AWAIT(&w.rig, (read_back(&w, "out", &w.out), w.out.len == 32));
	host_runtime_end(&w.host, 0, 0);
	process_wait(process, told_op(&told, w.rig.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&w.rig.t, &told.done);
	EXPECT_INT(told.n, 0);
	process_close(process);
	told_done(&told);
	read_back(&w, "out", &w.out);
	EXPECT_STR(buf_str(&w.out), "first\nsecond\nthird\nfourth\nfifth\n");
	world_close(&w);
}

TEST(commands_run_with_their_streams)
{
	struct world w;

	world_open(&w);
	expect(&w, "$K exec web -c one -- echo hello", 0, "hello\n", NULL);
	expect(&w, "$K exec web -c one -- sh -c 'echo out; echo err >&2; exit 3'", 3, "out\n",
		"err\ncommand terminated with exit code 3");
	expect(&w, "echo typed | $K exec -i web -c one -- cat", 0, "typed\n", NULL);
	expect(&w, "head -c 3000000 /dev/zero | $K exec -i web -c one -- cat | wc -c", 0,
		"3000000\n", NULL);
	expect(&w, "$K exec web -c one -- /nowhere/at/all", 1, "", "error");
	expect(&w, "$K exec web -c two -- true", 1, "", "container not found (\"two\")");
	expect(&w, "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=true $K exec web -c one -- echo hello", 0,
		"hello\n", NULL);
	expect(&w, "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false $K exec web -c one -- echo hello", 0,
		"hello\n", NULL);
	expect(&w,
		"script -qec \"stty rows 31 cols 97; $K exec -it web -c one -- sh -c 'sleep 0.4; "
		"stty size'\" /dev/null </dev/null | grep -c '31 97'",
		0, "1\n", NULL);
	expect(&w,
		"mkdir -p $T/a && echo copied >$T/a/x && $K cp $T/a/x web:$T/y -c one && cat $T/y",
		0, "copied\n", NULL);
	expect(&w, "echo attached | $K attach -i web -c one", 0, "attached\n", NULL);
	world_close(&w);
}

TEST(ports_are_forwarded)
{
	struct world w;
	char command[1024];

	world_open(&w);
	snprintf(command, sizeof(command),
		"rm -f $T/pf; $K port-forward pod/web :%u >$T/pf 2>&1 & p=$!; "
		"for i in $(seq 100); do grep -q Forwarding $T/pf && break; sleep 0.1; done; "
		"port=$(sed -n 's/.*127.0.0.1:\\([0-9]*\\) .*/\\1/p' $T/pf | head -1); "
		"for i in 1 2 3; do curl -sk https://127.0.0.1:$port/healthz; echo; done; kill $p",
		api_server_port(w.rig.server));
	expect(&w, command, 0, "ok\nok\nok\n", NULL);
	expect(&w,
		"rm -f $T/pf; $K port-forward pod/web :1 >$T/pf 2>&1 & p=$!; "
		"for i in $(seq 100); do grep -q Forwarding $T/pf && break; sleep 0.1; done; "
		"port=$(sed -n 's/.*127.0.0.1:\\([0-9]*\\) .*/\\1/p' $T/pf | head -1); "
		"curl -s http://127.0.0.1:$port/; "
		"for i in $(seq 50); do grep -q 'error forwarding port 1' $T/pf && break; sleep "
		"0.1; done; grep -c 'error forwarding port 1' $T/pf; kill $p 2>&-; true",
		0, "1\n", NULL);
	world_close(&w);
}

TEST(the_node_is_asked_through_the_api)
{
	struct world w;

	world_open(&w);
	expect(&w, "$K get --raw /api/v1/nodes/n1/proxy/healthz", 0, "ok", NULL);
	expect(&w, "$K get --raw /api/v1/nodes/n1/proxy/stats/summary | grep -c podRef", 0, "1\n",
		NULL);
	expect(&w,
		"$K get --raw /api/v1/nodes/n1/proxy/metrics/resource | grep -c "
		"'^container_memory_working_set_bytes{container=\"one\"'",
		0, "1\n", NULL);
	expect(&w, "$K get --raw /api/v1/nodes/n1/proxy/nothing", 1, NULL,
		"could not find the requested resource");
	expect(&w, "$K get --raw /api/v1/nodes/none/proxy/healthz", 1, NULL, "not found");
	world_close(&w);
}

TEST(the_top_of_pods_and_nodes_is_shown)
{
	struct world w;

	world_open(&w);
	expect(&w, "$K top pods --containers --no-headers | tr -s ' ' | sed 's/ 11m / 10m /'", 0,
		"web one 10m 16Mi \n", NULL);
	expect(&w, "$K top pods -l app=other", 0, "", "No resources found");
	expect(&w, "$K top nodes --no-headers | cut -d' ' -f1", 0, "n1\n", NULL);
	expect(&w, "$K get --raw /apis/metrics.k8s.io/v1beta1/namespaces/default/pods/none", 1, "",
		"not found");
	world_close(&w);
}
