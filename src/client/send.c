#include "send.h"

#include <kube/mem.h>
#include <kube/time.h>

#define ATTEMPTS  10 /* besides the first, as client-go's */
#define WAIT_MAX  HOUR
#define READ_SIZE (256 * KIB)

enum send_step { SEND_TURN, SEND_CALL, SEND_HEAD, SEND_BODY };
static const char *const send_steps[] = {"its turn", "call", "head", "body"};

static void send_run(struct task *t, struct err *err);
static const struct task_kind send_kind = TASK_KIND("client request", send_steps, send_run);

struct sending *sending_new(struct client *c)
{
	struct sending *s = mem_new(sizeof(*s));

	s->client = c;
	arena_init(&s->arena);
	buf_init(&s->text, ANSWER_MAX);
	return s;
}

static void end_call(struct sending *s)
{
	if (!s->started)
		return;
	s->started = false;
	s->call.transport->ops->end(&s->call);
	s->call.state = NULL;
}

void sending_free(struct sending *s)
{
	if (!s)
		return;
	end_call(s);
	buf_done(&s->text);
	arena_done(&s->arena);
	mem_free(s);
}

/* Seconds that a server wants us to wait before we ask again; false: it does not. */
static bool comes_again(struct sending *s, int64_t *wait)
{
	struct str after = http_headers_get(&s->call.response, STR("Retry-After"));
	uint64_t seconds;

	if (s->call.status != 429 && s->call.status < 500)
		return false;
	if (s->attempts >= ATTEMPTS || !str_to_u64(after, &seconds))
		return false;
	*wait = (int64_t)MIN(seconds, (uint64_t)(WAIT_MAX / SEC)) * SEC;
	return true;
}

static void call_server(struct sending *s)
{
	struct client_call *c = &s->call;

	s->started = true;
	c->status = 0;
	c->response = (struct http_headers){0};
	c->transport = s->client->transport;
	buf_clear(&s->text);
	c->transport->ops->start(c, task_await(&s->task, SEND_HEAD, OP_NO_DEADLINE));
}

static void read_on(struct sending *s)
{
	s->call.transport->ops->read(
		&s->call, task_await(&s->task, SEND_BODY, OP_NO_DEADLINE), &s->text, READ_SIZE);
}

static void body_ended(struct sending *s, struct err *err)
{
	struct client_call *c = &s->call;
	int64_t wait;

	if (c->status < 300) {
		end_call(s);
		task_finish(&s->task, c->status);
		return;
	}
	if (comes_again(s, &wait)) {
		end_call(s);
		s->attempts++;
		timer_wait(task_await(&s->task, SEND_CALL, OP_NO_DEADLINE),
			loop_in(s->client->env->loop, wait));
		return;
	}
	s->status = answer_status_parse(
		&s->arena, c->status, c->method, s->resource, s->name, buf_str(&s->text));
	end_call(s);
	answer_fail(err, s->status);
	task_fail(&s->task, err);
}

static void send_run(struct task *t, struct err *err)
{
	struct sending *s = CONTAINER_OF(t, struct sending, task);

	if (err->code) {
		end_call(s);
		task_fail(t, err);
		return;
	}
	switch ((enum send_step)t->step) {
	case SEND_TURN: {
		int64_t now = loop_now(s->client->env->loop);
		int64_t wait = rate_reserve(&s->client->rate, now);

		if (wait)
			timer_wait(task_await(t, SEND_CALL, OP_NO_DEADLINE), now + wait);
		else
			call_server(s);
		return;
	}
	case SEND_CALL:
		call_server(s);
		return;
	case SEND_HEAD:
		s->warning_count = answer_warnings(&s->arena, &s->call.response, &s->warnings);
		if (s->stream && s->call.status < 300) {
			task_finish(t, s->call.status);
			return;
		}
		read_on(s);
		return;
	case SEND_BODY:
		if (t->wait.n)
			read_on(s);
		else
			body_ended(s, err);
		return;
	}
}

void sending_start(struct sending *s, struct op *op)
{
	struct client_call *c = &s->call;

	if (!c->target.len)
		c->target = STR("/"); /* what was too long; the server has no such thing */
	http_headers_add(&s->arena, &c->headers, STR("Accept"), STR("application/json"));
	http_headers_add(&s->arena, &c->headers, STR("User-Agent"), s->client->user_agent);
	task_start(&s->task, &send_kind, op);
}
