/*
 *	send ── 2xx ─────────────────────────────→ done
 *	 ↑ └─── 3xx → the same elsewhere ──┐
 *	 │ └─── 401 → token or password ───┤
 *	 └─────────────────────────────────┘
 *
 * What proves who we are is shown to the registry only: not where it sends us.
 */
#include "registry_call.h"

#include <kube/url.h>

#define REDIRECTS_MAX 10
#define TOKEN_BODY    ((size_t)256 * KIB)

enum call_step { CALL_SEND, CALL_HEAD, CALL_TOKEN, CALL_TOKEN_BODY };
static const char *const call_steps[] = {"send", "head", "token", "token body"};

void registry_call_init(struct registry_call *c, struct registry_session *s, struct str method,
	struct str path, struct str accept)
{
	*c = (struct registry_call){.session = s, .method = method, .path = path, .accept = accept};
	buf_init(&c->body, TOKEN_BODY);
}

static void close_call(struct registry_call *c)
{
	if (c->open)
		http_call_done(&c->http);
	c->open = false;
}

void registry_call_end(struct registry_call *c)
{
	close_call(c);
	buf_done(&c->body);
}

static void open_call(struct registry_call *c, struct str method, struct str url)
{
	close_call(c);
	http_call_init(&c->http, c->session->http, method, url);
	c->open = true;
}

static void add_header(struct registry_call *c, const char *name, struct str value)
{
	if (value.len)
		http_headers_add(&c->http.arena, &c->http.headers, str_from(name), value);
}

static void send_request(struct registry_call *c)
{
	struct registry_session *s = c->session;

	if (!c->at.len) {
		c->url = arena_print(&s->arena, "%.*s/v2/%.*s/%.*s%s%.*s", STRF(s->base),
			STRF(s->repository), STRF(c->path), s->of.len ? "?ns=" : "", STRF(s->of));
		c->at = c->url;
	}
	open_call(c, c->method, c->at);
	add_header(c, "User-Agent", STR("kube"));
	add_header(c, "Accept", c->accept);
	if (!c->elsewhere)
		add_header(c, "Authorization", s->authorization);
	if (c->from)
		add_header(
			c, "Range", arena_print(&c->http.arena, "bytes=%lld-", (long long)c->from));
	http_call_start(&c->http, task_await(&c->task, CALL_HEAD, OP_NO_DEADLINE));
}

/* ---- redirects ---- */

static bool same_origin(const struct url *a, const struct url *b)
{
	return str_eq(a->scheme, b->scheme) && str_eq_nocase(a->host, b->host) &&
	       url_port(a) == url_port(b);
}

static int follow(struct registry_call *c, struct err *err)
{
	struct arena *a = &c->session->arena;
	struct str where = arena_str(a, http_headers_get(&c->http.response, STR("Location")));
	struct url first, now, next;

	if (++c->redirects > REDIRECTS_MAX)
		return err_set(err, ERR_PROTOCOL, "stopped after %d redirects", REDIRECTS_MAX);
	if (url_parse(a, c->at, &now, err) || url_parse(a, c->url, &first, err))
		return err_set(err, ERR_INVALID, "\"%.*s\" is no URL", STRF(c->at));
	bool ipv6 = str_find_char(now.host, ':') >= 0;
	struct str origin =
		arena_print(a, "%.*s://%s%.*s%s%s%.*s", STRF(now.scheme), ipv6 ? "[" : "",
			STRF(now.host), ipv6 ? "]" : "", now.port.len ? ":" : "", STRF(now.port));
	if (str_starts(where, STR("//")))
		where = arena_print(a, "%.*s:%.*s", STRF(now.scheme), STRF(where));
	else if (str_starts(where, STR("/")))
		where = arena_print(a, "%.*s%.*s", STRF(origin), STRF(where));
	if (url_parse(a, where, &next, NULL) || next.host.len == 0 ||
		(!str_eq_text(next.scheme, "https") && !str_eq_text(next.scheme, "http")))
		return err_set(err, ERR_PROTOCOL, "redirected to \"%.*s\", which is no URL",
			STRF(str_sub(where, 0, 200)));
	/* A stranger on the way could send us there. */
	if (str_eq_text(now.scheme, "https") && str_eq_text(next.scheme, "http"))
		return err_set(err, ERR_PROTOCOL, "redirected from https to http");
	c->at = where;
	c->elsewhere = !same_origin(&first, &next);
	return 0;
}

/* ---- tokens ---- */

static void read_challenge(struct registry_call *c)
{
	const struct http_headers *h = &c->http.response;

	c->challenge = (struct registry_challenge){0};
	for (size_t i = 0; i < h->count; i++)
		if (str_eq_nocase(h->items[i].name, STR("WWW-Authenticate")))
			registry_challenge_read(&c->session->arena, &c->challenge,
				arena_str(&c->session->arena, h->items[i].value));
}

static int ask_for_token(struct registry_call *c, struct err *err)
{
	struct registry_session *s = c->session;
	struct str url, scope = arena_print(&s->arena, "repository:%.*s:pull", STRF(s->repository));
	bool by_identity = s->auth.identity_token.len != 0;
	int failed = registry_token_url(&s->arena, &c->challenge, scope, &url, err);

	if (failed)
		return failed;
	open_call(
		c, by_identity ? STR("POST") : STR("GET"), by_identity ? c->challenge.realm : url);
	add_header(c, "User-Agent", STR("kube"));
	if (by_identity) {
		c->http.body = registry_token_form(
			&s->arena, &c->challenge, scope, s->auth.identity_token);
		add_header(c, "Content-Type", STR("application/x-www-form-urlencoded"));
	} else if (s->auth.user.len) {
		add_header(c, "Authorization", registry_basic(&s->arena, &s->auth));
	}
	http_call_start(&c->http, task_await(&c->task, CALL_TOKEN, OP_NO_DEADLINE));
	return 0;
}

/* 1: goes on; 0: there is nothing to show, the refusal stands; negative: failed. */
static int answer_challenge(struct registry_call *c, struct err *err)
{
	struct registry_session *s = c->session;

	read_challenge(c);
	if (c->asked || c->elsewhere)
		return 0;
	c->asked = true;
	if (s->auth.registry_token.len) {
		struct str shown =
			arena_print(&s->arena, "Bearer %.*s", STRF(s->auth.registry_token));
		if (str_eq(s->authorization, shown))
			return 0;
		s->authorization = shown;
	} else if (c->challenge.bearer) {
		int failed = ask_for_token(c, err);
		return failed ? failed : 1;
	} else if (c->challenge.basic && s->auth.user.len) {
		s->authorization = registry_basic(&s->arena, &s->auth);
	} else {
		return 0;
	}
	send_request(c);
	return 1;
}

static int token_refused(struct registry_call *c, struct err *err)
{
	int status = c->http.status;
	int code = status == 401 || status == 403 ? ERR_UNAUTHORIZED : ERR_UNAVAILABLE;

	return err_set(err, code,
		"failed to authorize: failed to fetch %s token: unexpected status from %.*s "
		"request to %.*s: %d %s",
		c->session->auth.user.len || c->session->auth.identity_token.len ? "oauth"
										 : "anonymous",
		STRF(c->http.method), STRF(c->http.url), status, http_status_text(status));
}

static int take_token(struct registry_call *c, struct err *err)
{
	struct registry_session *s = c->session;
	struct str token;
	int failed = registry_token_parse(&s->arena, buf_str(&c->body), &token, err);

	if (failed)
		return err_wrap(err, failed, "failed to authorize: failed to fetch token");
	s->authorization = arena_print(&s->arena, "Bearer %.*s", STRF(token));
	return 0;
}

/* ---- the call ---- */

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void call_answered(struct registry_call *c, struct err *err)
{
	int failed = 0;

	if (is_redirect(c->http.status)) {
		failed = follow(c, err);
		if (!failed) {
			send_request(c);
			return;
		}
	} else if (c->http.status == 401) {
		failed = answer_challenge(c, err);
		if (failed == 1)
			return;
	}
	failed < 0 ? task_fail(&c->task, err) : task_finish(&c->task, c->http.status);
}

/* The sentence people look for is Go's: "dial tcp ADDRESS: connect: connection refused". */
static void say_dial(struct arena *a, struct err *err)
{
	struct str text = str_from(err_text(err)), way = STR("connect ");
	ssize_t at = str_find(text, way), why = str_find(text, STR(": connection refused"));

	if (at < 0 || why < at)
		return;
	struct str address = str_sub(text, (size_t)at + way.len, (size_t)why);
	struct str said = arena_print(a, "%.*sdial tcp %.*s: connect: connection refused", (int)at,
		text.at, STRF(address));
	err_set(err, err->code, "%.*s", STRF(said));
}

static void call_run(struct task *t, struct err *err)
{
	struct registry_call *c = CONTAINER_OF(t, struct registry_call, task);

	if (err->code) {
		say_dial(&c->session->arena, err);
		err_wrap(err, err->code,
			t->step == CALL_HEAD ? "failed to do request"
					     : "failed to authorize: failed to fetch token");
		return task_fail(t, err);
	}
	switch ((enum call_step)t->step) {
	case CALL_SEND:
		return send_request(c);
	case CALL_HEAD:
		return call_answered(c, err);
	case CALL_TOKEN:
		if (c->http.status != 200) {
			token_refused(c, err);
			return task_fail(t, err);
		}
		buf_clear(&c->body);
		http_call_read_all(&c->http, task_await(t, CALL_TOKEN_BODY, OP_NO_DEADLINE),
			&c->body, TOKEN_BODY);
		return;
	case CALL_TOKEN_BODY:
		if (take_token(c, err))
			return task_fail(t, err);
		return send_request(c);
	}
}

static const struct task_kind call_kind = TASK_KIND("registry call", call_steps, call_run);

void registry_call_start(struct registry_call *c, struct op *op)
{
	task_start(&c->task, &call_kind, op);
}

int registry_call_refusal(const struct registry_call *c, struct err *err)
{
	int status = c->http.status;
	int code = status == 404   ? ERR_NOT_FOUND
		   : status == 401 ? ERR_UNAUTHORIZED
		   : status == 403 ? ERR_FORBIDDEN
		   : status == 429 ? ERR_TOO_MANY_REQUESTS
				   : ERR_UNAVAILABLE;

	if (status == 401 && c->challenge.error.len)
		return err_set(err, code,
			"pull access denied, repository does not exist or may require "
			"authorization: server message: %.*s: authorization failed",
			STRF(str_sub(c->challenge.error, 0, 100)));
	if (status == 401 && !c->challenge.bearer && c->challenge.basic &&
		!c->session->auth.user.len)
		return err_set(err, code,
			"pull access denied, repository does not exist or may require "
			"authorization: authorization failed: no basic auth credentials");
	return err_set(err, code, "unexpected status from %.*s request to %.*s: %d %s",
		STRF(c->method), STRF(c->url), status, http_status_text(status));
}
