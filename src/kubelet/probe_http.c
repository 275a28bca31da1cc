#include "probe.h"

#include <kube/api_codec.h>
#include <kube/url.h>

#define REDIRECTS_MOST 10

enum http_step { HTTP_ASK, HTTP_HEAD, HTTP_BODY };
static const char *const http_steps[] = {"ask", "head", "body"};

/* ---- the request ---- */

static int first_url(struct probe *p, struct err *err)
{
	const struct cJSON *get = json_get(p->handler, STR("httpGet"));
	struct str host = tree_str(get, "host"), path = tree_str(get, "path");
	bool tls = str_eq_nocase(tree_str(get, "scheme"), STR("https"));
	uint16_t port;
	int code = probe_port(json_get(get, STR("port")), p->container, &port, err);

	if (code)
		return code;
	if (!host.len)
		host = p->ip;
	p->first_host = host;
	p->url = arena_print(&p->arena, "%s://%.*s%s%.*s", tls ? "https" : "http",
		STRF(probe_place(&p->arena, host, port)), str_starts(path, STR("/")) ? "" : "/",
		STRF(path));
	return 0;
}

/* What is given with an empty value is not sent at all. */
static void add_default(
	struct probe *p, const struct cJSON *given, const char *name, struct str value)
{
	json_each (header, given)
		if (str_eq_nocase(tree_str(header, "name"), str_from(name)))
			return;
	http_headers_add(&p->call.arena, &p->call.headers, str_from(name), value);
}

static void ask(struct probe *p)
{
	const struct cJSON *given = json_path(p->handler, "httpGet.httpHeaders");

	http_call_init(&p->call, p->k->knocker, STR("GET"), p->url);
	json_each (header, given)
		if (tree_str(header, "value").len)
			http_headers_add(&p->call.arena, &p->call.headers, tree_str(header, "name"),
				tree_str(header, "value"));
	add_default(p, given, "User-Agent", str_from(p->user_agent));
	add_default(p, given, "Accept", STR("*/*"));
	add_default(p, given, "Connection", STR("close"));
	http_call_start(&p->call, task_await(&p->task, HTTP_HEAD, p->until));
}

/* ---- the answer ---- */

/* Where a redirect leads; an empty text: nowhere that is followed. */
static struct str next_url(struct probe *p)
{
	struct str location = http_headers_get(&p->call.response, STR("Location"));
	struct url from, to;
	int status = p->call.status;
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	if ((status != 301 && status != 302 && status != 303 && status != 307 && status != 308) ||
		!location.len || p->any_answer)
		return STR("");
	location = arena_str(&p->arena, location);
	if (url_parse(&p->arena, p->url, &from, NULL))
		return STR("");
	if (str_starts(location, STR("//"))) {
		location = arena_print(&p->arena, "%.*s:%.*s", STRF(from.scheme), STRF(location));
	} else if (str_find(location, STR("://")) < 0) {
		struct str base = STR(""), last, port = from.port;

		if (!str_starts(location, STR("/")))
			str_cut_last(from.raw_path, '/', &base, &last);
		buf_print(&text,
			str_find_char(from.host, ':') >= 0 ? "%.*s://[%.*s]" : "%.*s://%.*s",
			STRF(from.scheme), STRF(from.host));
		buf_print(&text, "%s%.*s%.*s%s%.*s", port.len ? ":" : "", STRF(port), STRF(base),
			str_starts(location, STR("/")) ? "" : "/", STRF(location));
		location = arena_str(&p->arena, buf_str(&text));
	}
	if (url_parse(&p->arena, location, &to, NULL) || !str_eq(to.host, p->first_host))
		return STR("");
	return location;
}

static void judge(struct probe *p)
{
	int status = p->call.status;
	struct str body = arena_str(&p->arena, buf_str(&p->body));

	http_call_done(&p->call);
	if (p->any_answer)
		probe_answer(p, PROBE_GOOD, "%.*s", STRF(body));
	else if (status < 200 || status >= 400)
		probe_answer(p, PROBE_BAD, "HTTP probe failed with statuscode: %d", status);
	else if (status >= 300)
		probe_answer(p, PROBE_WARNING, "Probe terminated redirects, Response body: %.*s",
			STRF(body));
	else
		probe_answer(p, PROBE_GOOD, "%.*s", STRF(body));
}

static void no_answer(struct probe *p, const struct err *err)
{
	struct url url = {0};
	struct str why = probe_reason(&p->arena, err);

	http_call_done(&p->call);
	url_parse(&p->arena, p->url, &url, NULL);
	if (err->code == ERR_TIMEOUT)
		why = STR("context deadline exceeded (Client.Timeout exceeded while awaiting "
			  "headers)");
	else if (err->code == ERR_REFUSED || err->code == ERR_UNREACHABLE)
		why = arena_print(&p->arena, "dial tcp %.*s: %.*s",
			STRF(probe_place(&p->arena, url.host, url_port(&url))), STRF(why));
	else if (str_starts(why, STR("Get \"")))
		return probe_answer(p, PROBE_BAD, "%.*s", STRF(why));
	probe_answer(p, PROBE_BAD, "Get \"%.*s\": %.*s", STRF(p->url), STRF(why));
}

static void have_head(struct probe *p)
{
	struct str next = next_url(p);

	if (next.len && p->redirects == REDIRECTS_MOST - 1) {
		http_call_done(&p->call);
		probe_answer(p, PROBE_BAD, "Get \"%.*s\": stopped after 10 redirects", STRF(next));
	} else if (next.len) {
		http_call_done(&p->call);
		p->redirects++;
		p->url = next;
		ask(p);
	} else {
		http_call_read_all(
			&p->call, task_await(&p->task, HTTP_BODY, p->until), &p->body, p->body.max);
	}
}

static void http_run(struct task *t, struct err *err)
{
	struct probe *p = CONTAINER_OF(t, struct probe, task);

	if (err->code == ERR_CANCELLED) {
		http_call_done(&p->call);
		return task_fail(t, err);
	}
	switch ((enum http_step)t->step) {
	case HTTP_ASK: {
		_cleanup_(err_done) struct err why = {0};

		if (first_url(p, &why))
			return probe_answer(p, PROBE_ERROR, "%s", err_text(&why));
		ask(p);
		return;
	}
	case HTTP_HEAD:
		if (err->code)
			return no_answer(p, err);
		have_head(p);
		return;
	case HTTP_BODY:
		/* Of a long body the beginning is enough. */
		if (err->code && err->code != ERR_TOO_LARGE)
			return no_answer(p, err);
		judge(p);
	}
}

static const struct task_kind http_kind = TASK_KIND("http probe", http_steps, http_run);

void probe_http(struct probe *p, struct op *op)
{
	task_start(&p->task, &http_kind, op);
}
