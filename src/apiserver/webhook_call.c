#include "webhook_call.h"
#include "go_words.h"

#include <kube/client.h>
#include <kube/time.h>

enum call_step { CALL_BEGIN, CALL_HEAD, CALL_BODY };
static const char *const call_steps[] = {"begin", "head", "body"};

static void call_run(struct task *t, struct err *err);
static const struct task_kind call_kind = TASK_KIND("webhook call", call_steps, call_run);

/* ---- what is asked for ---- */

/* Go's printing of a whole number of seconds: "10s", "1m30s", "1h0m0s". */
static struct str print_seconds(struct arena *a, long long seconds)
{
	if (seconds < 60)
		return arena_print(a, "%llds", seconds);
	if (seconds < 3600)
		return arena_print(a, "%lldm%llds", seconds / 60, seconds % 60);
	return arena_print(a, "%lldh%lldm%llds", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

static struct str timeout_of(struct webhook_call *c)
{
	int64_t left = c->deadline - loop_now(backends_loop(c->backends));

	if (!c->tells_timeout || c->deadline == OP_NO_DEADLINE || left <= 0)
		return STR("");
	return print_seconds(&c->arena, (left + SEC - 1) / SEC);
}

/* The path of the target and its query, with our timeout. */
static struct str path_of(struct webhook_call *c)
{
	const struct backend_target *t = &c->target;
	struct str path = t->service.path, timeout = timeout_of(c);

	if (t->url.len)
		path = str_skip(t->url, MIN(backend_base(c->backend).len, t->url.len));
	if (!path.len || path.at[0] != '/')
		path = arena_print(&c->arena, "/%.*s", STRF(path));
	if (!timeout.len)
		return path;
	return arena_print(&c->arena, "%.*s%ctimeout=%.*s", STRF(path),
		str_find_char(path, '?') < 0 ? '?' : '&', STRF(timeout));
}

static void add_header(struct webhook_call *c, const char *name, struct str value)
{
	http_headers_add(&c->http.arena, &c->http.headers, str_from(name), value);
}

static void send_call(struct webhook_call *c)
{
	struct http_call *http = &c->http;
	struct str path = path_of(c);

	c->begun = true;
	http_call_init(http, backend_client(c->backend), STR("POST"), STR(""));
	http->url =
		arena_print(&http->arena, "%.*s%.*s", STRF(backend_base(c->backend)), STRF(path));
	c->shown_url = arena_print(
		&c->arena, "%.*s%.*s", STRF(backend_shown_base(c->backend)), STRF(path));
	add_header(c, "Accept", STR("application/json, */*"));
	add_header(c, "Content-Type", STR("application/json"));
	add_header(c, "User-Agent", c->user_agent.len ? c->user_agent : STR("kube-apiserver"));
	backend_add_headers(c->backend, &http->arena, &http->headers);
	http->body = c->body;
	http_call_start(http, task_await(&c->task, CALL_HEAD, c->deadline));
}

/* ---- what went wrong ---- */

/* By the name that the service has. */
static struct str shown_url(struct webhook_call *c)
{
	if (c->shown_url.len)
		return c->shown_url;
	if (c->target.url.len)
		return c->target.url;
	return arena_print(&c->arena, "https://%.*s.%.*s.svc:%lld%.*s",
		STRF(c->target.service.name), STRF(c->target.service.namespace),
		(long long)(c->target.service.port ? c->target.service.port : 443),
		STRF(path_of(c)));
}

static bool is_late(const struct webhook_call *c)
{
	return c->task.op->expired || loop_now(backends_loop(c->backends)) >= c->deadline;
}

static void fail(struct webhook_call *c, struct err *err)
{
	bool was_late = err->code == ERR_TIMEOUT || (err->code == ERR_CANCELLED && is_late(c));

	if (was_late)
		err_set(err, ERR_TIMEOUT, "context deadline exceeded");
	if (c->task.step == CALL_BODY)
		go_words_broken(&c->arena, err);
	else
		go_words_unanswered(&c->arena, shown_url(c), err);
	task_fail(&c->task, err);
}

/*
 * A connection that was kept may have been closed just as it was used: nobody has looked at the
 * call then.
 */
static bool sends_again(struct webhook_call *c, const struct err *err)
{
	if (err->code != ERR_CLOSED || !c->http.reused || c->http.status || c->sent_again)
		return false;
	c->sent_again = true;
	http_call_done(&c->http);
	send_call(c);
	return true;
}

static void answered(struct webhook_call *c)
{
	_cleanup_(err_done) struct err err = {0};

	if (c->status >= 200 && c->status <= 206) {
		task_finish(&c->task, 0);
		return;
	}
	client_read_refusal(&c->arena, c->status, STR("POST"), buf_str(&c->answer), &err);
	task_fail(&c->task, &err);
}

static void begin(struct webhook_call *c)
{
	_cleanup_(err_done) struct err err = {0};

	if (!backend_take(c->backends, &c->target, &c->backend, &err)) {
		send_call(c);
		return;
	}
	c->misconfigured = err.code == ERR_SYNTAX || err.code == ERR_IO || err.code == ERR_TLS;
	if (c->misconfigured)
		task_fail(&c->task, &err);
	else
		fail(c, &err);
}

static void call_run(struct task *t, struct err *err)
{
	struct webhook_call *c = CONTAINER_OF(t, struct webhook_call, task);

	if (err->code && t->step == CALL_HEAD && sends_again(c, err))
		return;
	if (err->code) {
		fail(c, err);
		return;
	}
	switch ((enum call_step)t->step) {
	case CALL_BEGIN:
		begin(c);
		return;
	case CALL_HEAD:
		c->status = c->http.status;
		c->content_type = http_headers_get(&c->http.response, STR("Content-Type"));
		http_call_read_all(&c->http, task_await(t, CALL_BODY, c->deadline), &c->answer,
			WEBHOOK_ANSWER_MAX);
		return;
	case CALL_BODY:
		answered(c);
		return;
	}
}

void webhook_call_start(struct backends *b, struct op *op, struct webhook_call *c)
{
	struct loop *loop = backends_loop(b);

	arena_init(&c->arena);
	buf_init(&c->answer, WEBHOOK_ANSWER_MAX);
	c->backends = b;
	c->backend = NULL;
	c->begun = c->sent_again = c->misconfigured = false;
	c->status = 0;
	c->shown_url = STR("");
	c->deadline = MIN(op->deadline, c->timeout ? loop_in(loop, c->timeout) : OP_NO_DEADLINE);
	task_start(&c->task, &call_kind, op);
}

void webhook_call_done(struct webhook_call *c)
{
	if (c->begun)
		http_call_done(&c->http);
	backend_give(TAKE(c->backend));
	buf_done(&c->answer);
	arena_done(&c->arena);
	c->begun = false;
}
