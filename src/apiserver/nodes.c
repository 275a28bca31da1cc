#include "nodes.h"
#include "api_options.h"
#include "pki.h"

#include <kube/mem.h>

#define KUBELET_PORT 10250
#define RENEW_EARLY  (30 * 24 * HOUR) /* our certificate's last month is not used */
#define FILE_MAX     (1 * MIB)
#define PER_NODE     1024 /* connections: each exec and each followed log is one */

struct nodes {
	struct api_server *server;
	struct http_client *kubelets, *anyone;
	int64_t good_until; /* our certificate; wall ns */
	struct op *stopping;
	struct op stopped;
};

/* ---- who we are ---- */

static int read_pem(struct api_server *s, struct str path, struct buf *text, struct err *err)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	int code = disk_read_file(s->env->disk, arena_str(&a, path).at, text, err);
	return code ? err_wrap(err, code, "%.*s", STRF(path)) : 0;
}

static int read_certs(struct api_server *s, struct str path, struct certs *certs, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	int code = read_pem(s, path, &text, err);

	return code ? code : certs_parse_pem(buf_str(&text), certs, err);
}

static int read_identity(
	struct api_server *s, struct certs *chain, struct key **key, struct err *err)
{
	const struct api_options *o = s->options;
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);

	if (!o->kubelet_client_certificate.len)
		return pki_issue_client(s, STR("kube-apiserver-kubelet-client"),
			STR("system:masters"), chain, key, err);
	int code = read_certs(s, o->kubelet_client_certificate, chain, err);
	if (!code)
		code = read_pem(s, o->kubelet_client_key, &text, err);
	return code ? code : key_parse(buf_str(&text), key, err);
}

static int make_config(struct nodes *n, struct tls_config **config, struct err *err)
{
	static const char *const alpn[] = {"http/1.1", NULL};
	struct api_server *s = n->server;
	struct certs chain = {0}, roots = {0};
	struct key *key = NULL;
	int code = read_identity(s, &chain, &key, err);
	struct tls_identity identity = {.chain = &chain, .key = key};
	struct tls_client_options options = {.identity = &identity,
		.roots = &roots,
		.alpn = alpn,
		.insecure = !s->options->kubelet_certificate_authority.len};

	if (!code && !options.insecure)
		code = read_certs(s, s->options->kubelet_certificate_authority, &roots, err);
	if (!code) {
		n->good_until = cert_info(chain.items[0])->not_after - RENEW_EARLY;
		code = tls_config_new_client(&options, config, err);
	}
	certs_done(&chain);
	certs_done(&roots);
	key_unref(key);
	return code;
}

static struct http_client *client_new(struct nodes *n, struct tls_config *tls, const char *name)
{
	struct http_client_options options = {.tls = tls,
		.tls_http1 = tls,
		.no_http2 = true,
		.max_per_origin = PER_NODE,
		.name = name};

	return http_client_new(n->server->env, &n->server->scope, &options);
}

struct http_client *nodes_kubelets(struct nodes *n, struct err *err)
{
	struct tls_config *tls;

	if (n->kubelets && env_wall(n->server->env) < n->good_until)
		return n->kubelets;
	if (make_config(n, &tls, err))
		return NULL;
	if (n->kubelets)
		http_client_set_tls(n->kubelets, tls, tls);
	else
		n->kubelets = client_new(n, tls, "kubelets");
	tls_config_unref(tls);
	return n->kubelets;
}

struct http_client *nodes_anyone(struct nodes *n)
{
	static const char *const alpn[] = {"http/1.1", NULL};
	struct tls_client_options options = {.insecure = true, .alpn = alpn};
	struct tls_config *tls = NULL;

	if (n->anyone)
		return n->anyone;
	if (tls_config_new_client(&options, &tls, NULL))
		tls = NULL; /* https is refused then */
	n->anyone = client_new(n, tls, "proxy");
	if (tls)
		tls_config_unref(tls);
	return n->anyone;
}

/* ---- where they are ---- */

static const struct cJSON *address_of_type(const struct cJSON *node, struct str type)
{
	json_each (address, json_path(node, "status.addresses"))
		if (str_eq(json_str(json_get(address, STR("type"))), type) &&
			json_str(json_get(address, STR("address"))).len)
			return address;
	return NULL;
}

static struct str print_known(struct arena *a, const struct cJSON *node)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);

	json_each (address, json_path(node, "status.addresses"))
		buf_print(&out, "%s{%.*s %.*s}", out.len ? " " : "",
			STRF(json_str(json_get(address, STR("type")))),
			STRF(json_str(json_get(address, STR("address")))));
	return arena_str(a, buf_str(&out));
}

struct status *nodes_find(
	struct api_server *s, struct arena *a, struct str name, struct node_place *place)
{
	const struct flag_list *preferred = &s->options->kubelet_address_types;
	const struct resource *nodes = resource_find(STR(""), STR("v1"), STR("nodes"));
	struct cJSON *node = server_read(s, a, "", "nodes", STR(""), name);
	const struct cJSON *found = NULL;
	int64_t number = KUBELET_PORT;

	if (!node)
		return status_not_found(a, nodes, name);
	for (size_t i = 0; i < preferred->count && !found; i++)
		found = address_of_type(node, preferred->items[i]);
	if (!found)
		return status_new(a, ERR_INTERNAL,
			"no preferred addresses found; known addresses: [%.*s]",
			STRF(print_known(a, node)));
	json_int(json_path(node, "status.daemonEndpoints.kubeletEndpoint.Port"), &number);
	place->host = json_str(json_get(found, STR("address")));
	place->port = arena_print(a, "%lld", (long long)number);
	return NULL;
}

struct status *nodes_locate(
	struct api_server *s, struct arena *a, struct str name, struct str *base)
{
	struct node_place place;
	struct status *no = nodes_find(s, a, name, &place);

	if (no)
		return no;
	bool v6 = str_find_char(place.host, ':') >= 0;
	*base = arena_print(a, v6 ? "https://[%.*s]:%.*s" : "https://%.*s:%.*s", STRF(place.host),
		STRF(place.port));
	return NULL;
}

/* ---- life ---- */

struct nodes *nodes_new(struct api_server *s)
{
	struct nodes *n = mem_new(sizeof(*n));

	n->server = s;
	return n;
}

static void anyone_stopped(struct op *op, struct err *err)
{
	(void)err;
	op_finish(TAKE(CONTAINER_OF(op, struct nodes, stopped)->stopping), 0);
}

static void kubelets_stopped(struct op *op, struct err *err)
{
	struct nodes *n = CONTAINER_OF(op, struct nodes, stopped);

	(void)err;
	if (!n->anyone) {
		anyone_stopped(op, err);
		return;
	}
	op_init(op, n->server->scope.parent, anyone_stopped, OP_NO_DEADLINE);
	http_client_stop(n->anyone, op);
}

void nodes_stop(struct nodes *n, struct op *op)
{
	static const struct op_kind kind = {.name = "nodes stop"};
	struct err none = {0};

	op_begin_always(op, &kind, n);
	n->stopping = op;
	op_init(&n->stopped, n->server->scope.parent, kubelets_stopped, OP_NO_DEADLINE);
	if (n->kubelets)
		http_client_stop(n->kubelets, &n->stopped);
	else
		kubelets_stopped(&n->stopped, &none);
}

void nodes_free(struct nodes *n)
{
	if (!n)
		return;
	http_client_free(n->kubelets);
	http_client_free(n->anyone);
	mem_free(n);
}
