/* Calls to a server somewhere: a pool of connections and what proves who we are. */
#include "credentials.h"

#include <kube/client_transport.h>
#include <kube/http_client.h>
#include <kube/mem.h>
#include <kube/task.h>

struct https_transport {
	struct client_transport base;
	struct env *env;
	struct scope scope;
	struct arena arena;
	struct credentials credentials;
	struct http_client *http;
	struct str server; /* without a slash at its end */
	struct task stopping;
};

enum call_step { CALL_BEGIN, CALL_LOADED, CALL_ANSWERED, CALL_HEAD, CALL_REFUSED };
static const char *const call_steps[] = {"begin", "loaded", "answered", "head", "refused"};

struct https_call {
	struct task task;
	struct https_transport *transport;
	struct client_call *c;
	struct credentials_load load;
	struct exec_wait wait;
	uint64_t plugin_serial; /* of what it shows */
	struct http_call http;
	bool begun;
};

static void call_run(struct task *t, struct err *err);
static const struct task_kind call_kind = TASK_KIND("https call", call_steps, call_run);

static struct https_transport *transport_of(struct client_transport *base)
{
	return CONTAINER_OF(base, struct https_transport, base);
}

/* ---- one call ---- */

static void send_call(struct https_call *h)
{
	struct client_call *c = h->c;
	struct http_call *http = &h->http;
	struct https_transport *t = h->transport;

	h->begun = true;
	if (t->credentials.plugin)
		h->plugin_serial = exec_plugin_serial(t->credentials.plugin);
	http_call_init(http, t->http, c->method, STR(""));
	http->url = arena_print(&http->arena, "%.*s%.*s", STRF(t->server), STRF(c->target));
	for (size_t i = 0; i < c->headers.count; i++)
		http_headers_add(&http->arena, &http->headers, c->headers.items[i].name,
			c->headers.items[i].value);
	credentials_add(&t->credentials, &http->arena, &http->headers);
	http->body = c->body;
	http_call_start(http, task_await(&h->task, CALL_HEAD, OP_NO_DEADLINE));
}

static void call_loaded(struct https_call *h)
{
	struct credentials *cr = &h->transport->credentials;

	if (cr->plugin)
		credentials_ask(
			cr, &h->wait, task_await(&h->task, CALL_ANSWERED, OP_NO_DEADLINE), 0);
	else
		send_call(h);
}

/*
 * Refused for what it has shown: the next call will have something else. This one is over, as
 * client-go has it; who made it knows whether it may be made again.
 */
static void call_refused(struct https_call *h)
{
	struct credentials *cr = &h->transport->credentials;

	credentials_ask(
		cr, &h->wait, task_await(&h->task, CALL_REFUSED, OP_NO_DEADLINE), h->plugin_serial);
}

static void call_finish(struct https_call *h)
{
	h->c->status = h->http.status;
	h->c->response = h->http.response;
	task_finish(&h->task, 0);
}

static void call_run(struct task *t, struct err *err)
{
	struct https_call *h = CONTAINER_OF(t, struct https_call, task);
	struct https_transport *https = h->transport;
	struct credentials *cr = &https->credentials;
	enum call_step step = (enum call_step)t->step;

	if (step == CALL_LOADED)
		credentials_loaded(cr, &h->load, https->env, https->http, err);
	if (step == CALL_ANSWERED || (step == CALL_REFUSED && !err->code))
		credentials_answered(cr, https->http, err);
	/* There are no others: then it is as it was. */
	if (step == CALL_REFUSED && err->code != ERR_CANCELLED)
		err_done(err);
	if (err->code) {
		task_fail(t, err);
		return;
	}
	switch (step) {
	case CALL_BEGIN:
		if (credentials_due(cr, https->env))
			credentials_load(cr, &h->load, task_await(t, CALL_LOADED, OP_NO_DEADLINE),
				https->env);
		else
			call_loaded(h);
		return;
	case CALL_LOADED:
		call_loaded(h);
		return;
	case CALL_ANSWERED:
		send_call(h);
		return;
	case CALL_HEAD:
		if (h->http.status == 401 && cr->plugin)
			call_refused(h);
		else
			call_finish(h);
		return;
	case CALL_REFUSED:
		call_finish(h);
		return;
	}
}

static void transport_start(struct client_call *c, struct op *op)
{
	struct https_call *h = mem_new(sizeof(*h));

	h->transport = transport_of(c->transport);
	h->c = c;
	c->state = h;
	task_start(&h->task, &call_kind, op);
}

static void transport_read(struct client_call *c, struct op *op, struct buf *into, size_t max)
{
	struct https_call *h = c->state;

	http_call_read(&h->http, op, into, max);
}

static void transport_end(struct client_call *c)
{
	struct https_call *h = TAKE(c->state);

	if (!h)
		return;
	if (h->begun)
		http_call_done(&h->http);
	mem_free(h);
}

/* ---- the transport ---- */

enum stop_step { STOP_CLIENT, STOP_SCOPE, STOP_DONE };
static const char *const stop_steps[] = {"client", "scope", "done"};

static void stop_run(struct task *task, struct err *err)
{
	struct https_transport *t = CONTAINER_OF(task, struct https_transport, stopping);

	(void)err;
	switch ((enum stop_step)task->step) {
	case STOP_CLIENT:
		http_client_stop(t->http, task_await(task, STOP_SCOPE, OP_NO_DEADLINE));
		return;
	case STOP_SCOPE:
		scope_close(&t->scope, task_await(task, STOP_DONE, OP_NO_DEADLINE));
		return;
	case STOP_DONE:
		task_finish(task, 0);
		return;
	}
}

static const struct task_kind stop_kind = TASK_KIND("https stop", stop_steps, stop_run);

static void transport_stop(struct client_transport *base, struct op *op)
{
	struct https_transport *t = transport_of(base);
	struct err none = {0};

	t->stopping = (struct task){.op = op, .kind = &stop_kind};
	op_begin_always(op, &stop_kind.op, &t->stopping);
	stop_run(&t->stopping, &none);
}

static void transport_free(struct client_transport *base)
{
	struct https_transport *t = transport_of(base);

	http_client_free(t->http);
	credentials_done(&t->credentials);
	arena_done(&t->arena);
	mem_free(t);
}

static int transport_show(
	struct client_transport *base, struct str certificate, struct str key, struct err *err)
{
	struct https_transport *t = transport_of(base);
	int code = credentials_show(&t->credentials, certificate, key, t->http, err);

	if (!code)
		http_client_drop(t->http); /* watches would go on for minutes */
	return code;
}

static const struct client_transport_ops transport_ops = {
	.start = transport_start,
	.read = transport_read,
	.end = transport_end,
	.stop = transport_stop,
	.free = transport_free,
	.show = transport_show,
};

/* "host:6443" is "https://host:6443", as in kubeconfigs of old. */
static struct str server_url(struct arena *a, struct str server)
{
	while (server.len && server.at[server.len - 1] == '/')
		server.len--;
	if (str_find(server, STR("://")) >= 0)
		return arena_str(a, server);
	return arena_print(a, "https://%.*s", STRF(server));
}

struct client_transport *client_transport_https(
	struct env *env, struct scope *parent, const struct client_config *config)
{
	struct https_transport *t = mem_new(sizeof(*t));
	struct http_client_options options = {.name = "api client"};

	t->base.ops = &transport_ops;
	t->env = env;
	arena_init(&t->arena);
	scope_init(&t->scope, parent, "https transport", NULL);
	t->server = server_url(&t->arena, config->server);
	credentials_init(&t->credentials, &t->arena, env, &t->scope, config);
	if (config->proxy_url.len)
		options.https_proxy = options.http_proxy = config->proxy_url;
	else if (config->proxy_from_env)
		http_proxy_from_env(&options);
	if (config->no_proxy.len)
		options.no_proxy = config->no_proxy;
	options.server_name = config->tls_server_name;
	t->http = http_client_new(env, &t->scope, &options);
	return &t->base;
}
