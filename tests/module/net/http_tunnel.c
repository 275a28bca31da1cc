/* Calls through a proxy: CONNECT for https, whole URLs for http. */
#include "http_rig.h"
#include "tls_world.h"

#include <kube/http_client.h>

#include <stdio.h>

/* ---- a proxy of a few lines: one connection, what CONNECT asks for, bytes both ways ---- */

struct half {
	struct op op;
	struct stream *from, *to;
	struct buf bytes;
	struct str part;
	struct proxy *proxy;
};

struct proxy {
	struct rig *rig;
	struct listener *listener;
	struct address target;
	const char *refusal; /* said instead of 200 */
	char head[2048];
	struct stream *client, *server;
	struct half there, back;
	struct op op;
	struct buf in;
	int connections;
};

static void half_read(struct half *h);

static void half_written(struct op *op, struct err *err)
{
	if (!err->code)
		half_read(CONTAINER_OF(op, struct half, op));
}

static void half_got(struct op *op, struct err *err)
{
	struct half *h = CONTAINER_OF(op, struct half, op);

	if (err->code || op->n == 0)
		return;
	h->part = buf_str(&h->bytes);
	op_init(&h->op, h->proxy->rig->t.root, half_written, OP_NO_DEADLINE);
	stream_write(h->to, &h->op, &h->part, 1);
}

static void half_read(struct half *h)
{
	buf_clear(&h->bytes);
	op_init(&h->op, h->proxy->rig->t.root, half_got, OP_NO_DEADLINE);
	stream_read(h->from, &h->op, &h->bytes, 16 * KIB);
}

static void half_begin(struct half *h, struct proxy *p, struct stream *from, struct stream *to)
{
	*h = (struct half){.from = from, .to = to, .proxy = p};
	buf_init(&h->bytes, 64 * KIB);
	half_read(h);
}

static void proxy_answered(struct op *op, struct err *err)
{
	struct proxy *p = CONTAINER_OF(op, struct proxy, op);

	if (err->code || p->refusal)
		return;
	half_begin(&p->there, p, p->client, p->server);
	half_begin(&p->back, p, p->server, p->client);
}

static void proxy_connected(struct op *op, struct err *err)
{
	static struct str answer;
	struct proxy *p = CONTAINER_OF(op, struct proxy, op);

	if (err->code)
		return;
	answer = str_from(p->refusal ? p->refusal : "HTTP/1.1 200 Connection established\r\n\r\n");
	op_init(&p->op, p->rig->t.root, proxy_answered, OP_NO_DEADLINE);
	stream_write(p->client, &p->op, &answer, 1);
}

static void proxy_read(struct op *op, struct err *err)
{
	struct proxy *p = CONTAINER_OF(op, struct proxy, op);

	if (err->code || op->n == 0)
		return;
	if (str_find(buf_str(&p->in), STR("\r\n\r\n")) < 0) {
		op_init(&p->op, p->rig->t.root, proxy_read, OP_NO_DEADLINE);
		stream_read(p->client, &p->op, &p->in, 1024);
		return;
	}
	snprintf(p->head, sizeof(p->head), "%s", buf_text(&p->in));
	op_init(&p->op, p->rig->t.root, proxy_connected, OP_NO_DEADLINE);
	net_connect(p->rig->t.env, &p->op, p->rig->t.root, &p->target, &p->server);
}

static void proxy_accepted(struct op *op, struct err *err)
{
	struct proxy *p = CONTAINER_OF(op, struct proxy, op);

	if (err->code)
		return;
	p->connections++;
	op_init(&p->op, p->rig->t.root, proxy_read, OP_NO_DEADLINE);
	stream_read(p->client, &p->op, &p->in, 1024);
}

static void proxy_open(struct proxy *p, struct rig *rig, const struct address *target)
{
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0);

	p->rig = rig;
	p->target = *target;
	buf_init(&p->in, 4096);
	REQUIRE(net_listen(rig->t.env, rig->t.root, &any, 8, &p->listener, NULL) == 0);
	op_init(&p->op, rig->t.root, proxy_accepted, OP_NO_DEADLINE);
	listener_accept(p->listener, &p->op, rig->t.root, &p->client);
}

static void proxy_close(struct proxy *p)
{
	listener_close(p->listener);
	stream_close(p->client);
	stream_close(p->server);
	rig_turn(p->rig, 0);
	buf_done(&p->in);
	buf_done(&p->there.bytes);
	buf_done(&p->back.bytes);
}

/* ---- the calls ---- */

static void call(struct rig *rig, struct http_client *c, const char *url, struct told *told,
	struct buf *body, int *status)
{
	struct http_call one;
	struct told read = {0};

	http_call_init(&one, c, STR("GET"), str_from(url));
	http_call_start(&one, told_op(told, rig->t.root, OP_NO_DEADLINE));
	loop_test_run_until(&rig->t, &told->done);
	if (!told->err.code) {
		*status = one.status;
		http_call_read_all(&one, told_op(&read, rig->t.root, OP_NO_DEADLINE), body, MIB);
		loop_test_run_until(&rig->t, &read.done);
	}
	told_done(&read);
	http_call_done(&one);
}

struct tunnel {
	struct rig rig;
	struct proxy proxy;
	struct address at;
	struct http_client *client;
	struct told told;
	struct buf body;
	int status;
	char proxy_url[64];
};

static void tunnel_open(struct tunnel *t, struct http_client_options *options)
{
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0);

	rig_init(&t->rig);
	REQUIRE(http_server_listen(t->rig.server, &any, &t->at, NULL) == 0);
	proxy_open(&t->proxy, &t->rig, &t->at);
	snprintf(t->proxy_url, sizeof(t->proxy_url), "http://me:secret@127.0.0.1:%u",
		t->proxy.listener->address.port);
	options->https_proxy = options->http_proxy = str_from(t->proxy_url);
	t->client = http_client_new(t->rig.t.env, t->rig.t.root, options);
	buf_init(&t->body, MIB);
}

static void tunnel_close(struct tunnel *t)
{
	struct told stop = {0};

	http_client_stop(t->client, told_op(&stop, t->rig.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&t->rig.t, &stop.done);
	http_client_free(t->client);
	told_done(&stop);
	told_done(&t->told);
	proxy_close(&t->proxy);
	buf_done(&t->body);
	rig_done_all(&t->rig);
}

TEST(https_goes_through_connect)
{
	struct tunnel t = {0};
	struct tls_world world;
	struct tls_world_identity identity;
	struct tls_world_want want = {.name = "s", .usages = CERT_SERVER, .dns = "far.example"};
	struct tls_config *server_tls, *client_tls;
	struct err err = {0};

	tls_world_init(&world, clock_wall());
	tls_world_issue(&world, &want, &identity);
	struct tls_server_options server = {.identities = &identity.identity, .identity_count = 1};
	struct tls_client_options client = {.roots = &world.ca};
	REQUIRE_OK(tls_config_new_server(&server, &server_tls, &err), &err);
	REQUIRE_OK(tls_config_new_client(&client, &client_tls, &err), &err);
	t.rig.options.tls = server_tls;
	struct http_client_options options = {.tls = client_tls};
	tunnel_open(&t, &options);
	for (int i = 0; i < 3; i++) {
		buf_clear(&t.body);
		call(&t.rig, t.client, "https://far.example/", &t.told, &t.body, &t.status);
		EXPECT_OK(t.told.err.code, &t.told.err);
		EXPECT_STR(buf_str(&t.body), "hello");
	}
	EXPECT_INT(t.proxy.connections, 1);
	EXPECT(str_starts(str_from(t.proxy.head), STR("CONNECT far.example:443 HTTP/1.1\r\n")));
	EXPECT(strstr(t.proxy.head, "Host: far.example:443\r\n") != NULL);
	EXPECT(strstr(t.proxy.head, "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n") != NULL);
	tunnel_close(&t);
	tls_config_unref(server_tls);
	tls_config_unref(client_tls);
	tls_world_identity_done(&identity);
	tls_world_done(&world);
}

TEST(a_proxy_that_refuses_is_quoted)
{
	struct tunnel t = {.proxy.refusal = "HTTP/1.1 407 Proxy Authentication Required\r\n"
					    "Content-Length: 2\r\n\r\nno"};
	struct tls_world world;
	struct tls_config *client_tls;

	tls_world_init(&world, clock_wall());
	struct tls_client_options client = {.roots = &world.ca};
	REQUIRE(tls_config_new_client(&client, &client_tls, NULL) == 0);
	struct http_client_options options = {.tls = client_tls};
	tunnel_open(&t, &options);
	call(&t.rig, t.client, "https://far.example/", &t.told, &t.body, &t.status);
	EXPECT_INT(t.told.err.code, ERR_REFUSED);
	EXPECT(strstr(err_text(&t.told.err), "407 Proxy Authentication Required") != NULL);
	tunnel_close(&t);
	tls_config_unref(client_tls);
	tls_world_done(&world);
}

TEST(plain_http_sends_the_whole_url_to_the_proxy)
{
	struct tunnel t = {.proxy.refusal = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy"};
	struct http_client_options options = {0};

	tunnel_open(&t, &options);
	call(&t.rig, t.client, "http://far.example/a?b=c", &t.told, &t.body, &t.status);
	EXPECT_OK(t.told.err.code, &t.told.err);
	EXPECT_STR(buf_str(&t.body), "proxy");
	EXPECT(str_starts(
		str_from(t.proxy.head), STR("GET http://far.example/a?b=c HTTP/1.1\r\n")));
	EXPECT(strstr(t.proxy.head, "Host: far.example\r\n") != NULL);
	EXPECT(strstr(t.proxy.head, "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n") != NULL);
	tunnel_close(&t);
}

TEST(what_no_proxy_names_goes_direct)
{
	struct tunnel t = {0};
	struct http_client_options options = {.no_proxy = STR("127.0.0.0/8")};
	char url[64];

	tunnel_open(&t, &options);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", t.at.port);
	call(&t.rig, t.client, url, &t.told, &t.body, &t.status);
	EXPECT_STR(buf_str(&t.body), "hello");
	EXPECT_INT(t.proxy.connections, 0);
	tunnel_close(&t);
}
