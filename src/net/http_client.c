/* A client of HTTP: what it is made with, and its end. Its calls are http_call.c. */
#include "http_pool.h"

#include <kube/mem.h>
#include <kube/time.h>

#define CLIENT_MAX_IDLE        8
#define CLIENT_MAX_PER_ORIGIN  64
#define CLIENT_CONNECT_TIMEOUT (30 * SEC)

static struct tls_config *config_ref(struct tls_config *config)
{
	return config ? tls_config_ref(config) : NULL;
}

static void config_unref(struct tls_config *config)
{
	if (config)
		tls_config_unref(config);
}

struct http_client *http_client_new(
	struct env *env, struct scope *parent, const struct http_client_options *options)
{
	struct http_client *c = mem_new(sizeof(*c));
	struct http_client_options *o = &c->options;

	c->env = env;
	c->options = *options;
	arena_init(&c->arena);
	o->https_proxy = arena_str(&c->arena, o->https_proxy);
	o->http_proxy = arena_str(&c->arena, o->http_proxy);
	o->no_proxy = arena_str(&c->arena, o->no_proxy);
	o->server_name = arena_str(&c->arena, o->server_name);
	o->name = o->name ? arena_text(&c->arena, o->name) : "http client";
	o->max_idle = o->max_idle ? o->max_idle : CLIENT_MAX_IDLE;
	o->max_per_origin = o->max_per_origin ? o->max_per_origin : CLIENT_MAX_PER_ORIGIN;
	o->connect_timeout = o->connect_timeout ? o->connect_timeout : CLIENT_CONNECT_TIMEOUT;
	if (o->dial)
		c->dial = *o->dial;
	http_limits_fill(&c->limits, &options->limits, false);
	c->tls = config_ref(o->tls);
	c->tls_http1 = config_ref(o->tls_http1);
	list_init(&c->origins);
	scope_init(&c->scope, parent, o->name, NULL);
	return c;
}

void http_client_set_tls(
	struct http_client *c, struct tls_config *tls, struct tls_config *tls_http1)
{
	struct tls_config *old = c->tls, *old_http1 = c->tls_http1;

	c->tls = config_ref(tls);
	c->tls_http1 = config_ref(tls_http1);
	config_unref(old);
	config_unref(old_http1);
	list_each (k, &c->origins) {
		struct origin *o = LIST_ENTRY(k, struct origin, in_client);
		tls_session_free(TAKE(o->session));
	}
	pool_retire(c);
}

void http_client_drop(struct http_client *c)
{
	list_each (k, &c->origins) {
		struct origin *o = LIST_ENTRY(k, struct origin, in_client);
		list_each_safe (i, &o->conns) {
			struct client_conn *conn = LIST_ENTRY(i, struct client_conn, in_pool);
			conn->ops->close(conn);
		}
	}
}

void http_client_stop(struct http_client *c, struct op *op)
{
	c->stopping = true;
	list_each (k, &c->origins) {
		struct origin *o = LIST_ENTRY(k, struct origin, in_client);
		struct link *w;
		while ((w = list_pop(&o->waiting))) {
			struct err err = {0};
			err_set(&err, ERR_CLOSED, "http client is closed");
			pool_call_fail(LIST_ENTRY(w, struct pool_call, in_waiting), &err);
		}
	}
	http_client_drop(c);
	scope_close(&c->scope, op);
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	pool_free(c);
	config_unref(c->tls);
	config_unref(c->tls_http1);
	arena_done(&c->arena);
	mem_free(c);
}
