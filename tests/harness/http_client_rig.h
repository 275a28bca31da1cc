/*
 * A client beside the rig's server, over TLS if wanted, and calls that the test drives by hand.
 */
#ifndef KUBE_HTTP_CLIENT_RIG_H
#define KUBE_HTTP_CLIENT_RIG_H

#include "http_rig.h"
#include "tls_world.h"

#include <kube/http_client.h>

#include <stdio.h>

struct bench {
	struct rig rig;
	struct http_client *client;
	struct http_client_options options;
	struct address at;
	char base[64]; /* "http://127.0.0.1:PORT" */
	struct tls_world world;
	struct tls_world_identity identity;
	struct tls_config *server_tls, *client_tls;
};

static inline void bench_tls(struct bench *b, const char *const *client_alpn)
{
	static const char *const server_alpn[] = {"h2", "http/1.1", NULL};
	struct tls_world_want want = {
		.name = "server", .usages = CERT_SERVER, .dns = "localhost", .ip = "127.0.0.1"};
	struct err err = {0};

	tls_world_init(&b->world, clock_wall());
	tls_world_issue(&b->world, &want, &b->identity);
	struct tls_server_options server = {
		.identities = &b->identity.identity, .identity_count = 1, .alpn = server_alpn};
	struct tls_client_options client = {.roots = &b->world.ca, .alpn = client_alpn};
	EXPECT_OK(tls_config_new_server(&server, &b->server_tls, &err), &err);
	EXPECT_OK(tls_config_new_client(&client, &b->client_tls, &err), &err);
	b->rig.options.tls = b->server_tls;
	b->options.tls = b->client_tls;
}

static inline void bench_open(struct bench *b)
{
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0);
	struct err err = {0};

	rig_init(&b->rig);
	EXPECT_OK(http_server_listen(b->rig.server, &any, &b->at, &err), &err);
	b->client = http_client_new(b->rig.t.env, b->rig.t.root, &b->options);
	snprintf(b->base, sizeof(b->base), "%s://127.0.0.1:%u", b->server_tls ? "https" : "http",
		b->at.port);
}

static inline void bench_close(struct bench *b)
{
	struct told stop = {0};

	http_client_stop(b->client, told_op(&stop, b->rig.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&b->rig.t, &stop.done);
	http_client_free(b->client);
	told_done(&stop);
	rig_done_all(&b->rig);
	if (!b->server_tls)
		return;
	tls_config_unref(b->server_tls);
	tls_config_unref(b->client_tls);
	tls_world_identity_done(&b->identity);
	tls_world_done(&b->world);
}

struct one {
	struct http_call call;
	struct told told, body_told;
	struct buf body;
	char url[256];
};

static inline void one_start(struct bench *b, struct one *o, const char *method, const char *path)
{
	*o = (struct one){0};
	snprintf(o->url, sizeof(o->url), "%s%s", path[0] == '/' ? b->base : "", path);
	buf_init(&o->body, 16 * MIB);
	http_call_init(&o->call, b->client, str_from(method), str_from(o->url));
}

static inline void one_go(struct bench *b, struct one *o)
{
	http_call_start(&o->call, told_op(&o->told, b->rig.t.root, OP_NO_DEADLINE));
}

static inline void one_wait(struct bench *b, struct one *o)
{
	loop_test_run_until(&b->rig.t, &o->told.done);
	if (o->told.err.code)
		return;
	http_call_read_all(&o->call, told_op(&o->body_told, b->rig.t.root, OP_NO_DEADLINE),
		&o->body, 16 * MIB);
	loop_test_run_until(&b->rig.t, &o->body_told.done);
}

static inline void one_end(struct one *o)
{
	http_call_done(&o->call);
	buf_done(&o->body);
	told_done(&o->told);
	told_done(&o->body_told);
}

static inline void get(struct bench *b, const char *path, const char *wanted)
{
	struct one o;

	one_start(b, &o, "GET", path);
	one_go(b, &o);
	one_wait(b, &o);
	if (EXPECT_OK(o.told.err.code, &o.told.err)) {
		EXPECT_INT(o.call.status, 200);
		EXPECT_STR(buf_str(&o.body), wanted);
	}
	one_end(&o);
}

static inline uint64_t accepted(struct bench *b)
{
	struct http_server_stats stats;

	http_server_stats(b->rig.server, &stats);
	return stats.accepted;
}

#endif
