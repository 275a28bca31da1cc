/* /healthz and /livez at one port, what the proxy counts at another. */
#include "health.h"

#include <kube/http_server.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>
#include <kube/url.h>

#define PATIENCE    (60 * SEC) /* how long a change may wait */
#define METRICS_MAX MIB

struct status_server {
	const struct component_base *base;
	struct status_options options;
	struct http_server *healthz, *metrics;
	struct address at_healthz, at_metrics;
	struct scope *scope;
};

bool proxy_health_good(const struct proxy_health *h, int64_t now)
{
	return !h->synced || !h->pending_since || now - h->pending_since < PATIENCE;
}

/* ---- answers ---- */

static void answered(struct op *op, struct err *err)
{
	(void)err;
	http_exchange_done(CONTAINER_OF(op, struct http_exchange, op));
}

static void answer(struct http_exchange *x, int status, const char *type, struct str body)
{
	struct http_header *headers = arena_alloc(&x->arena, 2 * sizeof(*headers));

	headers[0] = (struct http_header){STR("Content-Type"), str_from(type)};
	headers[1] = (struct http_header){STR("X-Content-Type-Options"), STR("nosniff")};
	op_init(&x->op, &x->scope, answered, OP_NO_DEADLINE);
	http_respond(x, &x->op, status, headers, 2, arena_str(&x->arena, body));
}

static void answer_text(struct http_exchange *x, int status, const char *text)
{
	answer(x, status, "text/plain; charset=utf-8", str_from(text));
}

static struct str path_of(struct http_exchange *x)
{
	struct url url;

	if (url_parse_request(&x->arena, x->request.method, x->request.target, &url, NULL))
		return STR("");
	return url.path;
}

/* ---- is it well? ---- */

/* As Go prints a time. */
static void add_time(struct buf *out, const char *key, int64_t wall)
{
	struct time_parts t = time_split(wall);

	buf_print(out, "\"%s\": \"%04d-%02d-%02d %02d:%02d:%02d.%09d +0000 UTC\"", key, t.year,
		t.month, t.day, t.hour, t.minute, t.second, t.nanosecond);
}

static void probe(struct status_server *s, struct http_exchange *x, enum probe which)
{
	const struct proxy_health *h = s->options.health;
	_cleanup_(buf_done) struct buf body = BUF_INIT(KIB);
	int64_t now = env_wall(s->base->env);
	bool good = proxy_health_good(h, loop_now(s->base->env->loop)) &&
		    (which == PROBE_LIVEZ || !h->node_leaving);

	++*(good ? &s->options.counted->well[which] : &s->options.counted->unwell[which]);
	buf_add_char(&body, '{');
	add_time(&body, "lastUpdated", good ? now : h->updated);
	buf_add_char(&body, ',');
	add_time(&body, "currentTime", now);
	if (which == PROBE_HEALTHZ)
		buf_print(&body, ", \"nodeEligible\": %s", h->node_leaving ? "false" : "true");
	buf_add_char(&body, '}');
	answer(x, good ? 200 : 503, "application/json", buf_str(&body));
}

static void handle_healthz(void *ctx, struct http_exchange *x)
{
	struct str path = path_of(x);

	if (str_eq_text(path, "/healthz"))
		probe(ctx, x, PROBE_HEALTHZ);
	else if (str_eq_text(path, "/livez"))
		probe(ctx, x, PROBE_LIVEZ);
	else
		answer_text(x, 404, "404 page not found\n");
}

/* ---- what it counts ---- */

static void answer_metrics(struct status_server *s, struct http_exchange *x)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(METRICS_MAX);

	proxy_metrics_print(s->options.counted, &out);
	answer(x, 200, METRIC_TYPE, buf_str(&out));
}

static void handle_metrics(void *ctx, struct http_exchange *x)
{
	struct status_server *s = ctx;
	struct str path = path_of(x);

	if (str_eq_text(path, "/metrics"))
		answer_metrics(s, x);
	else if (str_eq_text(path, "/healthz"))
		answer_text(x, 200, "ok");
	else if (str_eq_text(path, "/proxyMode"))
		answer_text(x, 200, "nftables");
	else if (str_eq_text(path, "/configz"))
		answer(x, 200, "application/json", s->options.config);
	else
		answer_text(x, 404, "404 page not found\n");
}

/* ---- life ---- */

static struct http_server *listen_at(struct status_server *s, const struct address *at,
	http_handler_fn *handler, const char *name, struct address *bound)
{
	const struct http_server_options options = {
		.handler = handler, .ctx = s, .name = name, .limits = {.max_connections = 100}};
	_cleanup_(err_done) struct err err = {0};

	if (!at->port)
		return NULL;
	struct http_server *http = http_server_new(s->base->env, s->scope, &options);
	if (http_server_listen(http, at, bound, &err))
		log_warning(&err, "the proxy cannot tell how it is");
	return http;
}

struct status_server *status_server_new(
	const struct component_base *base, struct scope *scope, const struct status_options *o)
{
	struct status_server *s = mem_new(sizeof(*s));

	s->base = base;
	s->scope = scope;
	s->options = *o;
	s->healthz = listen_at(s, &o->healthz, handle_healthz, "proxy health", &s->at_healthz);
	s->metrics = listen_at(s, &o->metrics, handle_metrics, "proxy metrics", &s->at_metrics);
	return s;
}

void status_server_free(struct status_server *s)
{
	if (!s)
		return;
	http_server_free(s->healthz);
	http_server_free(s->metrics);
	mem_free(s);
}

struct address status_server_healthz(const struct status_server *s)
{
	return s->at_healthz;
}

struct address status_server_metrics(const struct status_server *s)
{
	return s->at_metrics;
}
