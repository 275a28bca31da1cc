/* Waiting for the signal that tells of the machine's end. */
#include <kube/dbus.h>
#include <kube/logind.h>
#include <kube/time.h>

#include <unistd.h>

#include "logind_names.h"

#define OPEN_TIME (5 * SEC)
#define LINE_MAX  1024

enum watch_step {
	WATCH_CONNECT,
	WATCH_LOG_IN,
	WATCH_LOGGED_IN,
	WATCH_ANSWER,
	WATCH_BEGUN,
	WATCH_HEARD
};
static const char *const watch_steps[] = {
	"connect", "log in", "logged in", "answer", "begun", "heard"};

static void end(struct logind_watch *w, struct err *err)
{
	stream_close(TAKE(w->stream));
	buf_done(&w->in);
	buf_done(&w->out);
	if (!err->code)
		err_set(err, ERR_CLOSED, "the system bus has closed the connection");
	task_fail(&w->task, err);
}

static void send_out(struct logind_watch *w, int step)
{
	w->part = buf_str(&w->out);
	stream_write(w->stream, task_await(&w->task, step, loop_in(w->env->loop, OPEN_TIME)),
		&w->part, 1);
}

static void read_more(struct logind_watch *w, int step, int64_t deadline)
{
	stream_read(w->stream, task_await(&w->task, step, deadline), &w->in, 4 * KIB);
}

/* "OK …": then it may begin, and says what it wants to hear. */
static void have_answer(struct logind_watch *w, struct err *err)
{
	static const char *const rule[] = {"type='signal',interface='" LOGIND_MANAGER
					   "',member='PrepareForShutdown',path='" LOGIND_PATH "'"};
	static const struct dbus_call match = {.destination = DBUS_ITSELF,
		.path = DBUS_ITSELF_PATH,
		.interface = DBUS_ITSELF,
		.member = "AddMatch",
		.texts = rule,
		.text_count = 1};
	struct str line, rest;

	if (!str_cut(buf_str(&w->in), '\n', &line, &rest)) {
		if (w->in.len <= LINE_MAX)
			read_more(w, WATCH_ANSWER, loop_in(w->env->loop, OPEN_TIME));
		else
			end(w, err);
		return;
	}
	if (!str_starts(line, STR("OK"))) {
		err_set(err, ERR_UNAUTHORIZED, "the system bus refuses");
		end(w, err);
		return;
	}
	buf_drop_front(&w->in, line.len + 1);
	buf_clear(&w->out);
	buf_add_text(&w->out, "BEGIN\r\n");
	dbus_print_call(&w->out, &logind_hello, 1);
	dbus_print_call(&w->out, &match, 2);
	send_out(w, WATCH_BEGUN);
}

static void look_at(struct logind_watch *w, const struct dbus_message *m)
{
	struct dbus_body body = dbus_body(m);
	bool near;

	if (m->kind == DBUS_SIGNAL && str_eq(m->interface, STR(LOGIND_MANAGER)) &&
		str_eq(m->member, STR("PrepareForShutdown")) && dbus_read_bool(&body, &near))
		w->told(w, near);
}

static void have_heard(struct logind_watch *w, struct err *err)
{
	struct dbus_message m;
	size_t used = 0;

	while (!dbus_parse(buf_str(&w->in), &m, &used, err) && used) {
		look_at(w, &m);
		buf_drop_front(&w->in, used);
	}
	if (err->code)
		end(w, err);
	else
		read_more(w, WATCH_HEARD, OP_NO_DEADLINE);
}

static void watch_run(struct task *t, struct err *err)
{
	struct logind_watch *w = CONTAINER_OF(t, struct logind_watch, task);
	struct address bus = {0};
	bool reading = t->step == WATCH_ANSWER || t->step == WATCH_HEARD;

	if (err->code || (reading && t->wait.n <= 0)) {
		end(w, err);
		return;
	}
	switch ((enum watch_step)t->step) {
	case WATCH_CONNECT:
		memcpy(bus.path, w->bus, MIN(strlen(w->bus), sizeof(bus.path) - 1));
		net_connect(w->env, task_await(t, WATCH_LOG_IN, loop_in(w->env->loop, OPEN_TIME)),
			w->scope, &bus, &w->stream);
		return;
	case WATCH_LOG_IN:
		dbus_print_login(&w->out, geteuid());
		send_out(w, WATCH_LOGGED_IN);
		return;
	case WATCH_LOGGED_IN:
		read_more(w, WATCH_ANSWER, loop_in(w->env->loop, OPEN_TIME));
		return;
	case WATCH_ANSWER:
		have_answer(w, err);
		return;
	case WATCH_BEGUN:
		have_heard(w, err);
		return;
	case WATCH_HEARD:
		have_heard(w, err);
		return;
	}
}

void logind_watch(struct env *env, struct op *op, struct scope *scope, struct logind_watch *w)
{
	static const struct task_kind kind = TASK_KIND("logind watch", watch_steps, watch_run);

	w->env = env;
	w->scope = scope;
	w->stream = NULL;
	buf_init(&w->in, 2 * DBUS_MESSAGE_MAX);
	buf_init(&w->out, 4 * KIB);
	task_start(&w->task, &kind, op);
}
