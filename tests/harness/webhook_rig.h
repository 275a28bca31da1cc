/*
 * A webhook in the test's process: an HTTPS server on loopback whose answers the test makes, with
 * an authority of its own.
 */
#ifndef KUBE_WEBHOOK_RIG_H
#define KUBE_WEBHOOK_RIG_H

#include "loop_test.h"
#include "tls_world.h"

#include <kube/http_server.h>
#include <kube/time.h>

#include <stdio.h>

struct webhook_rig;
struct webhook_asked {
	struct webhook_rig *rig;
	struct http_exchange *x;
	struct buf body;
	/* the answer */
	int status;
	struct str type, answer; /* in the exchange's arena */
	int64_t delay;           /* before it is sent; INT64_MAX: it never is */
	bool breaks;             /* the connection is broken instead */
};
typedef void webhook_answer_fn(struct webhook_asked *a, void *ctx);

struct webhook_rig {
	struct env *env;
	struct scope *parent;
	struct http_server *server;
	struct address at;
	struct tls_world world;
	struct tls_world_identity identity;
	struct tls_config *tls;
	struct buf ca; /* PEM */
	webhook_answer_fn *answer;
	void *ctx;
	int asked, under_way, most_under_way;
	char url[64];
};

static inline void webhook_rig_sent(struct op *op, struct err *err)
{
	struct webhook_asked *a = CONTAINER_OF(op, struct http_exchange, op)->handler;

	(void)err;
	a->rig->under_way--;
	buf_done(&a->body);
	http_exchange_done(a->x);
}

static inline void webhook_rig_send(struct op *op, struct err *err)
{
	struct http_exchange *x = CONTAINER_OF(op, struct http_exchange, op);
	struct webhook_asked *a = x->handler;
	struct http_header type = {STR_INIT("Content-Type"), a->type};

	if (err->code || a->breaks) {
		webhook_rig_sent(op, err);
		return;
	}
	op_init(op, &x->scope, webhook_rig_sent, OP_NO_DEADLINE);
	http_respond(x, op, a->status, &type, a->type.len ? 1 : 0, a->answer);
}

static inline void webhook_rig_read(struct op *op, struct err *err)
{
	struct http_exchange *x = CONTAINER_OF(op, struct http_exchange, op);
	struct webhook_asked *a = x->handler;

	if (err->code) {
		webhook_rig_sent(op, err);
		return;
	}
	a->rig->answer(a, a->rig->ctx);
	op_init(op, &x->scope, webhook_rig_send, OP_NO_DEADLINE);
	if (a->delay)
		timer_wait(op, a->delay == INT64_MAX ? INT64_MAX - 1
						     : loop_in(a->rig->env->loop, a->delay));
	else
		op_yield(op);
}

static inline void webhook_rig_handle(void *ctx, struct http_exchange *x)
{
	struct webhook_rig *rig = ctx;
	struct webhook_asked *a = arena_new(&x->arena, sizeof(*a));

	*a = (struct webhook_asked){
		.rig = rig, .x = x, .status = 200, .type = STR("application/json")};
	buf_init(&a->body, 16 * MIB);
	x->handler = a;
	rig->asked++;
	rig->most_under_way = MAX(rig->most_under_way, ++rig->under_way);
	op_init(&x->op, &x->scope, webhook_rig_read, OP_NO_DEADLINE);
	http_read_all(x, &x->op, &a->body, 16 * MIB);
}

/* name: what else than "localhost" and 127.0.0.1 its certificate is for, or NULL. */
static inline void webhook_rig_open(struct webhook_rig *rig, struct env *env, struct scope *parent,
	const char *name, webhook_answer_fn *answer, void *ctx)
{
	static const char *const alpn[] = {"h2", "http/1.1", NULL};
	struct tls_world_want want = {.name = "hook",
		.usages = CERT_SERVER,
		.dns = "localhost",
		.dns2 = name,
		.ip = "127.0.0.1"};
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0);
	struct err err = {0};

	*rig = (struct webhook_rig){.env = env, .parent = parent, .answer = answer, .ctx = ctx};
	tls_world_init(&rig->world, clock_wall());
	tls_world_issue(&rig->world, &want, &rig->identity);
	struct tls_server_options tls = {.identities = &rig->identity.identity,
		.identity_count = 1,
		.alpn = alpn,
		.client_certs = TLS_CERTS_OPTIONAL,
		.client_roots = &rig->world.ca};
	EXPECT_OK(tls_config_new_server(&tls, &rig->tls, &err), &err);
	buf_init(&rig->ca, MIB);
	cert_print_pem(rig->world.ca.items[0], &rig->ca);
	struct http_server_options options = {
		.handler = webhook_rig_handle, .ctx = rig, .tls = rig->tls, .name = "hook"};
	rig->server = http_server_new(env, parent, &options);
	EXPECT_OK(http_server_listen(rig->server, &any, &rig->at, &err), &err);
	snprintf(rig->url, sizeof(rig->url), "https://127.0.0.1:%u", rig->at.port);
}

/* A kubeconfig of the hook in that folder, with its authority beside it: DIR/hook.kubeconfig. */
static inline void webhook_rig_write(struct webhook_rig *rig, const char *dir, const char *path)
{
	char name[256];
	FILE *f;

	snprintf(name, sizeof(name), "%s/hook.crt", dir);
	f = fopen(name, "we");
	fwrite(rig->ca.at, 1, rig->ca.len, f);
	fclose(f);
	snprintf(name, sizeof(name), "%s/hook.kubeconfig", dir);
	f = fopen(name, "we");
	fprintf(f,
		"clusters: [{name: c, cluster: {server: '%s%s', certificate-authority: "
		"hook.crt}}]\nusers: [{name: u, user: {token: t}}]\n"
		"contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n",
		rig->url, path);
	fclose(f);
}

/* Stop, the loop run by the caller until told->done, close; or all in one: webhook_rig_end. */
static inline void webhook_rig_stop(struct webhook_rig *rig, struct told *told)
{
	http_server_stop(rig->server, told_op(told, rig->parent, OP_NO_DEADLINE), 0);
}

static inline void webhook_rig_close(struct webhook_rig *rig)
{
	http_server_free(rig->server);
	tls_config_unref(rig->tls);
	buf_done(&rig->ca);
	tls_world_identity_done(&rig->identity);
	tls_world_done(&rig->world);
}

static inline void webhook_rig_end(struct webhook_rig *rig, struct loop_test *t)
{
	struct told told = {0};

	webhook_rig_stop(rig, &told);
	loop_test_run_until(t, &told.done);
	told_done(&told);
	webhook_rig_close(rig);
}

#endif
