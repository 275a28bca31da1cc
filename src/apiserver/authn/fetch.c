#include "fetch.h"

#include <kube/url.h>

#define BODY_MAX MIB
#define TIME_MAX (30 * SEC)

enum fetch_step { FETCH_SEND, FETCH_HEAD, FETCH_BODY, FETCH_STOPPED };
static const char *const fetch_steps[] = {"send", "head", "body", "stopped"};

static int64_t deadline(const struct fetch *f)
{
	return loop_in(f->env->loop, TIME_MAX);
}

static void read_on(struct fetch *f)
{
	f->call.transport->ops->read(
		&f->call, task_await(&f->task, FETCH_BODY, deadline(f)), &f->body, BODY_MAX);
}

static void end(struct fetch *f, struct err *err)
{
	err_move(&f->why, err);
	f->call.transport->ops->end(&f->call);
	f->transport->ops->stop(f->transport, task_await(&f->task, FETCH_STOPPED, OP_NO_DEADLINE));
}

static void finish(struct fetch *f)
{
	struct err why = TAKE(f->why);

	f->transport->ops->free(TAKE(f->transport));
	if (why.code)
		task_fail(&f->task, &why);
	else
		task_finish(&f->task, f->status);
}

static void fetch_run(struct task *t, struct err *err)
{
	struct fetch *f = CONTAINER_OF(t, struct fetch, task);

	if (err->code && t->step != FETCH_STOPPED) {
		end(f, err);
		return;
	}
	switch ((enum fetch_step)t->step) {
	case FETCH_SEND:
		f->transport = client_transport_https(f->env, t->op->scope, &f->config);
		f->call.transport = f->transport;
		f->transport->ops->start(&f->call, task_await(t, FETCH_HEAD, deadline(f)));
		return;
	case FETCH_HEAD:
		f->status = f->call.status;
		read_on(f);
		return;
	case FETCH_BODY:
		if (t->wait.n > 0)
			read_on(f);
		else
			end(f, err);
		return;
	case FETCH_STOPPED:
		finish(f);
		return;
	}
}

static const struct task_kind fetch_kind = TASK_KIND("fetch", fetch_steps, fetch_run);

/* "https://host:port" and what follows. */
static void take_apart(struct str url, struct str *origin, struct str *target)
{
	ssize_t scheme = str_find(url, STR("://"));
	size_t from = scheme < 0 ? 0 : (size_t)scheme + 3;
	ssize_t slash = str_find_char(str_skip(url, from), '/');

	*origin = slash < 0 ? url : str_sub(url, 0, from + (size_t)slash);
	*target = slash < 0 ? STR("/") : str_skip(url, from + (size_t)slash);
}

void fetch_start(
	struct fetch *f, struct env *env, struct op *op, struct str url, struct str authority)
{
	arena_init(&f->arena);
	buf_init(&f->body, BODY_MAX);
	f->env = env;
	f->call.method = STR("GET");
	f->config.ca_data = authority;
	f->config.token = f->bearer;
	take_apart(arena_str(&f->arena, url), &f->config.server, &f->call.target);
	task_start(&f->task, &fetch_kind, op);
}

void fetch_done(struct fetch *f)
{
	buf_done(&f->body);
	arena_done(&f->arena);
}
