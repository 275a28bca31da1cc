/* The cluster whose server runs: does it answer, is it reached, are its pods well. */
#include "check.h"

#include "process.h"

#include <kube/client.h>
#include <kube/client_transport.h>
#include <kube/dns_message.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE  (5 * SEC)
#define PODS_MAX  10 /* that are named */
#define ANSWER_MS 3000

struct cluster_check {
	struct check *check;
	struct client *client;
	struct op op;
	struct err err; /* of the last call */
	bool done;
	size_t pods, bad, nodes, bad_nodes;
};

static void noted(struct op *op, struct err *err)
{
	struct cluster_check *k = CONTAINER_OF(op, struct cluster_check, op);

	err_move(&k->err, err);
	k->done = true;
}

static struct op *begin(struct cluster_check *k)
{
	struct loop *loop = k->check->env->loop;

	err_done(&k->err);
	k->done = false;
	op_init(&k->op, loop_root(loop), noted, loop_in(loop, PATIENCE));
	return &k->op;
}

static int await(struct cluster_check *k)
{
	loop_run_until(k->check->env->loop, &k->done, NULL);
	return k->err.code;
}

/* ---- the API ---- */

static bool check_api(struct cluster_check *k)
{
	struct client_request r;

	client_request_init(&r, CLIENT_RAW_GET, NULL, STR(""), STR(""));
	r.path = STR("/readyz");
	client_send(k->client, begin(k), &r);
	int code = await(k);
	if (code)
		check_say(k->check, FAILURE, "API", "look into the server's log",
			"it does not answer as it should: %s", err_text(&k->err));
	else
		check_say(k->check, FINE, "API", NULL, "it answers, and says that it is ready");
	client_request_done(&r);
	return !code;
}

static int see_node(void *ctx, struct object *o, const struct cJSON *node, struct err *err)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(16 * KIB);
	struct cluster_check *k = ctx;
	struct str name = client_object_name(o);

	(void)err;
	k->nodes++;
	if (!check_node(node, &why))
		return 0;
	k->bad_nodes++;
	check_say(k->check, FAILURE, "node",
		arena_print(&k->check->arena,
			"kubectl describe node %.*s says more, and the log of its server",
			STRF(name))
			.at,
		"%.*s %s", STRF(name), buf_text(&why));
	return 0;
}

static int see_pod(void *ctx, struct object *o, const struct cJSON *pod, struct err *err)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(16 * KIB);
	struct cluster_check *k = ctx;
	struct str space = client_object_namespace(o), name = client_object_name(o);

	(void)err;
	k->pods++;
	if (!check_pod(pod, env_wall(k->check->env), &why) || k->bad++ >= PODS_MAX)
		return 0;
	check_say(k->check, WARNING, "pod",
		arena_print(&k->check->arena, "kubectl -n %.*s describe pod %.*s says more",
			STRF(space), STRF(name))
			.at,
		"%.*s/%.*s %s", STRF(space), STRF(name), buf_text(&why));
	return 0;
}

static bool ask_each(struct cluster_check *k, const char *plural, client_item_fn *see)
{
	struct client_list l = {.resource = resource_find(STR(""), STR("v1"), str_from(plural)),
		.item = see,
		.ctx = k};

	client_list_start(k->client, begin(k), &l);
	int code = await(k);
	if (code)
		check_say(k->check, FAILURE, plural, "look into the server's log",
			"they cannot be listed: %s", err_text(&k->err));
	client_list_done(&l);
	return !code;
}

static void check_nodes_and_pods(struct cluster_check *k)
{
	if (ask_each(k, "nodes", see_node) && !k->bad_nodes)
		check_say(k->check, k->nodes ? FINE : FAILURE, "node",
			k->nodes ? NULL : "begin the server without --disable kubelet",
			k->nodes ? "%zu ready" : "there is none (%zu)", k->nodes);
	if (!ask_each(k, "pods", see_pod))
		return;
	if (!k->bad)
		check_say(k->check, FINE, "pods", NULL, "%zu, all as they should be", k->pods);
	else if (k->bad > PODS_MAX)
		check_say(k->check, WARNING, "pods", "kubectl get pods -A lists them",
			"%zu more of %zu are not as they should be", k->bad - PODS_MAX, k->pods);
}

/* ---- services and names, as pods of this node reach them ---- */

static socklen_t to_socket(const struct ip *ip, uint16_t port, struct sockaddr_storage *at)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)at;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)at;

	*at = (struct sockaddr_storage){.ss_family = ip->len == 4 ? AF_INET : AF_INET6};
	if (ip->len == 4) {
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, ip->bytes, 4);
		return sizeof(*v4);
	}
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, ip->bytes, 16);
	return sizeof(*v6);
}

static bool connects(const struct ip *ip, uint16_t port)
{
	struct sockaddr_storage at;
	socklen_t len = to_socket(ip, port, &at);
	int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	int failed = 0;
	socklen_t size = sizeof(failed);

	if (fd < 0)
		return false;
	bool good = connect(fd, (struct sockaddr *)&at, len) == 0 || errno == EINPROGRESS;
	if (good)
		good = poll(&wait, 1, ANSWER_MS) == 1 &&
		       !getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) && !failed;
	close(fd);
	return good;
}

static void check_service(struct cluster_check *k)
{
	struct client_request r;
	struct ip ip;

	client_request_init(&r, CLIENT_GET, resource_find(STR(""), STR("v1"), STR("services")),
		STR("default"), STR("kubernetes"));
	client_send(k->client, begin(k), &r);
	int code = await(k);
	struct str text = json_str(json_path(r.object, "spec.clusterIP"));
	if (code || !ip_parse(text, &ip))
		check_say(k->check, FAILURE, "services", "look into the server's log",
			"the service kubernetes is not there: %s", err_text(&k->err));
	else if (connects(&ip, 443))
		check_say(k->check, FINE, "services", NULL, "%.*s leads to the API", STRF(text));
	else
		check_say(k->check, FAILURE, "services",
			"begin the server without --disable proxy; kube proxy --dry-run shows the "
			"rules that should be there, nft list ruleset those that are",
			"%.*s, the API's virtual address, leads nowhere", STRF(text));
	client_request_done(&r);
}

/* What a resolver is told; -1: nothing. */
static int ask_name(struct arena *a, const struct ip *server, struct str name)
{
	_cleanup_(buf_done) struct buf question = BUF_INIT(KIB);
	struct sockaddr_storage at;
	socklen_t len = to_socket(server, 53, &at);
	int fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	struct dns_message m;
	char answer[4096];
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	dns_ask(a, &question, 4711, name, server->len == 4 ? DNS_A : DNS_AAAA);
	if (!connect(fd, (struct sockaddr *)&at, len) &&
		send(fd, question.at, question.len, MSG_NOSIGNAL) == (ssize_t)question.len &&
		poll(&wait, 1, ANSWER_MS) == 1)
		n = recv(fd, answer, sizeof(answer), 0);
	close(fd);
	if (n <= 0 || dns_parse(a, str_make(answer, (size_t)n), &m, NULL) ||
		m.question.id != 4711 || !m.question.response)
		return -1;
	return m.question.rcode == DNS_NOERROR && !m.count ? DNS_NXDOMAIN : m.question.rcode;
}

static void check_names(struct check *c)
{
	struct str name = arena_print(&c->arena, "kubernetes.default.svc.%.*s", STRF(c->domain));
	struct server_trace trace;

	if (server_lock_read(&c->arena, c->dir, &trace, NULL) || !trace.dns_ip_count) {
		check_say(c, WARNING, "DNS", "begin the server without --disable dns",
			"the server has none");
		return;
	}
	for (size_t i = 0; i < trace.dns_ip_count; i++) {
		_cleanup_(buf_done) struct buf at = BUF_INIT(KIB);
		int said = ask_name(&c->arena, &trace.dns_ips[i], name);

		ip_print(&at, &trace.dns_ips[i]);
		if (said == DNS_NOERROR)
			check_say(c, FINE, "DNS", NULL, "%s knows %.*s", buf_text(&at), STRF(name));
		else if (said < 0)
			check_say(c, FAILURE, "DNS",
				"look into the server's log, and whether a firewall drops port 53",
				"%s does not answer", buf_text(&at));
		else
			check_say(c, FAILURE, "DNS",
				"say --cluster-domain if the cluster's is another",
				"%s does not know %.*s (%d)", buf_text(&at), STRF(name), said);
	}
}

/* ---- all of it ---- */

static void look(struct cluster_check *k)
{
	if (check_api(k)) {
		check_nodes_and_pods(k);
		check_service(k);
	}
	check_names(k->check);
}

void check_cluster(struct check *c)
{
	_cleanup_(err_done) struct err err = {0};
	const struct client_options options = {.user_agent = "kube-check/v1.36.0"};
	const struct process_line line = {
		.kubeconfig = arena_print(&c->arena, "%s/admin.kubeconfig", c->dir)};
	struct cluster_check k = {.check = c};
	struct client_config config = {0};

	if (process_server(&c->arena, &line, &config, &err)) {
		check_say(c, FAILURE, "API", "wait until it has begun, or look into its log",
			"the server has left no kubeconfig: %s", err_text(&err));
		return;
	}
	k.client = client_new(
		c->env, client_transport_https(c->env, loop_root(c->env->loop), &config), &options);
	look(&k);
	client_stop(k.client, begin(&k));
	await(&k);
	client_free(k.client);
	err_done(&k.err);
}
