/* Certificates that the cluster signs for the node, once somebody has approved them. */
#include "kubelet_rig.h"
#include "tls_world.h"

#include <kube/codec.h>
#include <kube/kubelet_configuration.h>

struct cluster {
	struct kubelet_rig r;
	struct tls_world world;
	struct kubelet_configuration configuration;
	struct arena arena;
	int used; /* how often another certificate was taken */
	int64_t until;
	bool refuses; /* to show one */
};
static struct cluster *the_cluster; /* a transport knows nobody */

static int serve(
	void *ctx, struct str certificate, struct str key, struct tls_config **tls, struct err *err)
{
	struct cluster *c = ctx;
	struct certs chain = {0};
	struct key *own = NULL;
	struct tls_identity identity = {.chain = &chain};
	struct tls_server_options options = {.identities = &identity, .identity_count = 1};
	int code = certs_parse_pem(certificate, &chain, err);

	if (!code)
		code = key_parse(key, &own, err);
	identity.key = own;
	if (!code)
		code = tls_config_new_server(&options, tls, err);
	if (!code) {
		c->used++;
		c->until = cert_info(chain.items[0])->not_after;
	}
	certs_done(&chain);
	key_unref(own);
	return code;
}

static int show(struct client_transport *t, struct str certificate, struct str key, struct err *err)
{
	struct certs chain = {0};
	struct key *own = NULL;

	(void)t;
	if (the_cluster->refuses)
		return err_set(err, ERR_TLS, "it cannot be shown");
	EXPECT_INT(certs_parse_pem(certificate, &chain, NULL), 0);
	EXPECT_INT(key_parse(key, &own, NULL), 0);
	EXPECT(key_same(own, cert_key(chain.items[0])));
	the_cluster->used++;
	the_cluster->until = cert_info(chain.items[0])->not_after;
	certs_done(&chain);
	key_unref(own);
	return 0;
}

static void start(struct cluster *c)
{
	c->r.options.configuration = &c->configuration;
	c->r.options.serve_tls = serve;
	c->r.options.tls_ctx = c;
	c->r.show = show;
	kubelet_rig_start(&c->r);
	rig_pass(&c->r, 2 * SEC);
}

static void open_cluster(struct cluster *c, const char *field)
{
	char *text = mem_print("apiVersion: kubelet.config.k8s.io/v1beta1\n"
			       "kind: KubeletConfiguration\n%s: true\n",
		field);

	*c = (struct cluster){0};
	the_cluster = c;
	arena_init(&c->arena);
	EXPECT_INT(kubelet_configuration_read(&c->arena, arena_str(&c->arena, str_from(text)),
			   &c->configuration, NULL),
		0);
	mem_free(text);
	kubelet_rig_open(&c->r, NULL, 0);
	kubelet_rig_stop(&c->r);
	tls_world_init(&c->world, env_wall(c->r.w.host));
	c->r.options.hostname = STR("n1.example");
}

static void close_cluster(struct cluster *c)
{
	kubelet_rig_close(&c->r);
	tls_world_done(&c->world);
	arena_done(&c->arena);
}

/* ---- the other side ---- */

struct found {
	struct arena *arena;
	struct cJSON *newest;
	int count;
};

static int find(void *ctx, struct object *o, const struct cJSON *tree, struct err *err)
{
	struct found *f = ctx;

	(void)o;
	(void)err;
	f->count++;
	if (!tree_has(tree, "status.certificate") && !tree_has(tree, "status.conditions"))
		f->newest = json_copy(f->arena, tree);
	return 0;
}

/* The one that nobody has answered. */
static struct cJSON *open_request(struct cluster *c, int *count)
{
	struct found f = {.arena = &c->arena};
	struct told told = {0};
	struct client_list list = {.resource = resource_find(STR("certificates.k8s.io"), STR("v1"),
					   STR("certificatesigningrequests")),
		.item = find,
		.ctx = &f};

	client_list_start(c->r.admin, told_op(&told, c->r.w.root, OP_NO_DEADLINE), &list);
	api_world_await(&c->r.w, &told);
	EXPECT_INT(told.err.code, 0);
	client_list_done(&list);
	told_done(&told);
	*count = f.count;
	return f.newest;
}

static void put(struct cluster *c, struct cJSON *request, const char *sub)
{
	struct told told = {0};
	struct client_request q;

	client_request_init(&q, CLIENT_UPDATE,
		resource_find(
			STR("certificates.k8s.io"), STR("v1"), STR("certificatesigningrequests")),
		STR(""), tree_str(request, "metadata.name"));
	q.subresource = str_from(sub);
	q.body = request;
	client_send(c->r.admin, told_op(&told, c->r.w.root, OP_NO_DEADLINE), &q);
	api_world_await(&c->r.w, &told);
	EXPECT_OK(told.err.code, &told.err);
	for (size_t i = 0; i < 2 && q.object; i++) {
		struct str part = i ? STR("status") : STR("metadata");

		json_set(&c->arena, request, part, json_copy(&c->arena, json_get(q.object, part)));
	}
	client_request_done(&q);
	told_done(&told);
}

static void judge(struct cluster *c, struct cJSON *request, const char *verdict)
{
	struct cJSON *list = json_new(&c->arena, JSON_ARRAY);
	struct cJSON *one = json_new(&c->arena, JSON_OBJECT);

	tree_set_str(&c->arena, one, "type", str_from(verdict));
	tree_set_str(&c->arena, one, "status", STR("True"));
	tree_set_str(&c->arena, one, "reason", STR("Test"));
	json_append(list, one);
	tree_set(&c->arena, request, "status.conditions", list);
	put(c, request, "approval");
}

static void sign(struct cluster *c, struct cJSON *request, int64_t lifetime, unsigned usage)
{
	_cleanup_(buf_done) struct buf pem = BUF_INIT(MIB), text = BUF_INIT(MIB);
	struct cert *csr = tls_world_read_request(tree_str(request, "spec.request")), *cert;

	const struct cert_info *i = cert_info(csr);
	EXPECT_STR(i->subject.common_name, "system:node:" RIG_NODE);
	EXPECT_STR(i->subject.organizations[0], "system:nodes");
	EXPECT_INT(i->dns_count, usage == CERT_SERVER);
	EXPECT_INT(i->ip_count, usage == CERT_SERVER);
	if (i->dns_count)
		EXPECT_STR(i->dns[0], "n1.example");
	struct cert_request wish = {.subject = i->subject,
		.now = env_wall(c->r.w.host),
		.lifetime = lifetime,
		.path_length = -1,
		.usages = usage,
		.dns = i->dns,
		.dns_count = i->dns_count,
		.ips = i->ips,
		.ip_count = i->ip_count};
	EXPECT_INT(cert_issue(&wish, cert_key(csr), c->world.ca.items[0], c->world.ca_key, &cert,
			   NULL),
		0);
	cert_print_pem(cert, &pem);
	base64_encode(&text, buf_str(&pem));
	tree_set_str(&c->arena, request, "status.certificate", buf_str(&text));
	put(c, request, "status");
	cert_unref(cert);
	cert_unref(csr);
}

/* Between seven and nine tenths of its time another is due; until it comes the old one is used. */
static struct cJSON *wait_for_request(struct cluster *c, int not_before, int within)
{
	struct cJSON *request;
	int count;

	rig_pass(&c->r, not_before * HOUR);
	EXPECT(!open_request(c, &count));
	int64_t last = env_wall(c->r.w.host) + within * HOUR;
	while (!(request = open_request(c, &count)) && env_wall(c->r.w.host) < last)
		rig_pass(&c->r, 10 * MINUTE);
	return request;
}

/* ---- of the server ---- */

static struct cJSON *open_server(struct cluster *c, int *count)
{
	open_cluster(c, "serverTLSBootstrap");
	start(c);
	return open_request(c, count);
}

TEST(a_certificate_is_asked_for_used_kept_and_asked_for_anew)
{
	struct cluster c;
	int count;

	struct cJSON *request = open_server(&c, &count);
	REQUIRE(request);
	EXPECT_INT(count, 1);
	EXPECT_STR(tree_str(request, "spec.signerName"), "kubernetes.io/kubelet-serving");
	EXPECT_STR(tree_str(request, "spec.username"), "system:node:" RIG_NODE);
	EXPECT_STR(tree_str(request, "spec.usages.0"), "digital signature");
	EXPECT_STR(tree_str(request, "spec.usages.1"), "server auth");
	EXPECT_INT(c.used, 0);
	judge(&c, request, "Approved");
	rig_pass(&c.r, SEC);
	EXPECT_INT(c.used, 0);
	sign(&c, request, 100 * HOUR, CERT_SERVER);
	rig_pass(&c.r, SEC);
	EXPECT_INT(c.used, 1);
	/* Another kubelet has it. */
	kubelet_rig_stop(&c.r);
	start(&c);
	EXPECT_INT(c.used, 2);
	EXPECT(!open_request(&c, &count));
	request = wait_for_request(&c, 69, 22);
	REQUIRE(request);
	EXPECT_INT(c.used, 2);
	judge(&c, request, "Approved");
	sign(&c, request, 1000 * HOUR, CERT_SERVER);
	rig_pass(&c.r, SEC);
	EXPECT_INT(c.used, 3);
	EXPECT(c.until > env_wall(c.r.w.host) + 999 * HOUR);
	close_cluster(&c);
}

TEST(who_was_refused_asks_again)
{
	struct cluster c;
	int count;

	struct cJSON *request = open_server(&c, &count);
	REQUIRE(request);
	judge(&c, request, "Denied");
	rig_pass(&c.r, 3 * SEC);
	request = open_request(&c, &count);
	EXPECT_INT(count, 2);
	REQUIRE(request);
	/* Nobody answers: after a quarter of an hour it tries another one. */
	rig_pass(&c.r, 16 * MINUTE);
	open_request(&c, &count);
	EXPECT_INT(count, 3);
	EXPECT_INT(c.used, 0);
	close_cluster(&c);
}

/* ---- of the client ---- */

/* With what it shows at the beginning, which lasts so long; 0: it has ended. */
static void open_client(struct cluster *c, int64_t lifetime, struct str name)
{
	_cleanup_(buf_done) struct buf pem = BUF_INIT(MIB);
	struct cert_request wish = {.subject = {.common_name = name}, .path_length = -1};
	struct cert *cert;
	struct key *key;

	open_cluster(c, "rotateCertificates");
	wish.now = env_wall(c->r.w.host) - (lifetime ? 0 : 2 * HOUR);
	wish.lifetime = lifetime ? lifetime : HOUR;
	wish.usages = CERT_CLIENT;
	EXPECT_INT(key_generate(KEY_ECDSA_P256, &key, NULL), 0);
	EXPECT_INT(cert_issue(&wish, key, c->world.ca.items[0], c->world.ca_key, &cert, NULL), 0);
	cert_print_pem(cert, &pem);
	cert_unref(cert);
	key_unref(key);
	c->r.options.client_certificate = arena_str(&c->arena, buf_str(&pem));
	c->r.options.client_certificate_file =
		arena_print(&c->arena, "%s/kubelet-client-current.pem", c->r.root);
	start(c);
}

TEST(the_certificate_of_the_client_is_renewed_before_it_ends)
{
	struct cluster c;
	int count;

	open_client(&c, 10 * HOUR, STR("system:node:" RIG_NODE));
	struct cJSON *request = wait_for_request(&c, 6, 3);
	REQUIRE(request);
	EXPECT_STR(tree_str(request, "spec.signerName"),
		"kubernetes.io/kube-apiserver-client-kubelet");
	EXPECT_STR(tree_str(request, "spec.usages.0"), "digital signature");
	EXPECT_STR(tree_str(request, "spec.usages.1"), "client auth");
	EXPECT_INT(json_count(json_path(request, "spec.usages")), 2);
	EXPECT_INT(c.used, 0);
	judge(&c, request, "Approved");
	sign(&c, request, 20 * HOUR, CERT_CLIENT);
	rig_pass(&c.r, SEC);
	EXPECT_INT(c.used, 1);
	EXPECT(c.until > env_wall(c.r.w.host) + 19 * HOUR);
	/* Another kubelet has it, even when it is told of the old one alone. */
	kubelet_rig_stop(&c.r);
	start(&c);
	EXPECT_INT(c.used, 2);
	EXPECT(!open_request(&c, &count));
	/* One that shows it already need not be told. */
	_cleanup_(buf_done) struct buf kept = BUF_INIT(MIB);
	EXPECT_INT(disk_read_file(
			   c.r.w.host->disk, c.r.options.client_certificate_file.at, &kept, NULL),
		0);
	c.r.options.client_certificate = buf_str(&kept);
	kubelet_rig_stop(&c.r);
	start(&c);
	EXPECT_INT(c.used, 2);
	request = wait_for_request(&c, 13, 5);
	REQUIRE(request);
	judge(&c, request, "Approved");
	sign(&c, request, 10 * HOUR, CERT_CLIENT);
	rig_pass(&c.r, SEC);
	EXPECT_INT(c.used, 3);
	close_cluster(&c);
}

static size_t kept_size(struct cluster *c)
{
	_cleanup_(buf_done) struct buf kept = BUF_INIT(MIB);

	disk_read_file(c->r.w.host->disk, c->r.options.client_certificate_file.at, &kept, NULL);
	return kept.len;
}

TEST(one_that_has_ended_is_asked_for_at_once)
{
	struct cluster c;
	int count;

	open_client(&c, 0, STR("system:node:" RIG_NODE));
	struct cJSON *request = open_request(&c, &count);
	REQUIRE(request);
	judge(&c, request, "Approved");
	/* What cannot be shown is not kept, and asked for anew. */
	c.refuses = true;
	sign(&c, request, 10 * HOUR, CERT_CLIENT);
	rig_pass(&c.r, MINUTE);
	EXPECT_INT(kept_size(&c), 0);
	request = open_request(&c, &count);
	REQUIRE(request);
	EXPECT_INT(count, 2);
	c.refuses = false;
	judge(&c, request, "Approved");
	sign(&c, request, 10 * HOUR, CERT_CLIENT);
	rig_pass(&c.r, SEC);
	EXPECT_INT(c.used, 1);
	EXPECT(kept_size(&c) > 0);
	close_cluster(&c);
}

TEST(nothing_is_asked_for_where_nothing_is_shown)
{
	struct cluster c;
	int count;

	open_client(&c, 0, STR("system:node:" RIG_NODE));
	open_request(&c, &count);
	EXPECT_INT(count, 1);
	kubelet_rig_stop(&c.r);
	/* The server is in this process. */
	c.r.show = NULL;
	kubelet_rig_start(&c.r);
	rig_pass(&c.r, MINUTE);
	open_request(&c, &count);
	EXPECT_INT(count, 1);
	close_cluster(&c);
}
