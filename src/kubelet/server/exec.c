/*
 * /exec and /attach: the streams of a command in a container, or of the container's own, joined
 * with those of whoever asks.
 *
 *	handshake → session → copies of stdin, stdout, stderr and sizes, side by side
 *	the command ends → outputs to their ends → the outcome → goodbye
 *	the client goes → the command is let go
 */
#include "node_request.h"

#include <kube/mem.h>
#include <kube/remote_command.h>
#include <kube/stream_copy.h>
#include <kube/time.h>

#define COMMAND_MAX 1024      /* words */
#define OUTPUT_LATE (2 * SEC) /* silence of outputs, held open by others, behind the end */

enum { COPY_IN, COPY_OUT, COPY_ERR, COPIES };

struct exec {
	struct node_request *r;
	struct runtime *runtime;
	struct runtime_session session;
	struct remote_session remote;
	bool is_attach, started, ended, over;
	struct exec_copy {
		struct exec *exec;
		struct stream_copy copy;
		struct op op;
	} copies[COPIES];
	struct op waiting, watching, resizing, late;
	struct buf sizes;
	struct remote_outcome outcome;
	int64_t seen; /* bytes of the outputs when they were last looked at */
};

static void finish(struct exec *e);

/* ---- the end ---- */

static bool in_flight(const struct exec *e)
{
	for (int i = 0; i < COPIES; i++)
		if (op_active(&e->copies[i].op))
			return true;
	return op_active(&e->waiting) || op_active(&e->watching) || op_active(&e->resizing) ||
	       op_active(&e->late);
}

static void said(struct op *op, struct err *err)
{
	struct exec *e = CONTAINER_OF(op, struct node_request, op)->x->handler;

	(void)err;
	remote_close(&e->remote);
	buf_done(&e->sizes);
	node_request_end(e->r);
}

/* Everything is asked to stop; when it has, the outcome is said, if somebody is there to hear it.
 */
static void wind_up(struct exec *e)
{
	for (int i = 0; i < COPIES; i++)
		op_cancel(&e->copies[i].op);
	op_cancel(&e->waiting);
	op_cancel(&e->watching);
	op_cancel(&e->resizing);
	op_cancel(&e->late);
	if (in_flight(e))
		return;
	stream_close(TAKE(e->session.in));
	stream_close(TAKE(e->session.out));
	stream_close(TAKE(e->session.err));
	for (int i = 0; i < COPIES; i++)
		buf_done(&e->copies[i].copy.bytes);
	remote_end(&e->remote, node_request_op(e->r, said), &e->outcome);
}

static bool outputs_over(const struct exec *e)
{
	return !op_active(&e->copies[COPY_OUT].op) && !op_active(&e->copies[COPY_ERR].op);
}

/* Called whenever something has come to its end. */
static void finish(struct exec *e)
{
	if (e->over)
		wind_up(e);
	else if (e->ended && outputs_over(e)) {
		e->over = true;
		wind_up(e);
	}
}

static void client_gone(struct op *op, struct err *err)
{
	struct exec *e = CONTAINER_OF(op, struct exec, watching);

	(void)err;
	if (!e->ended && !e->outcome.failure.len)
		e->outcome.failure = STR("the connection was cut off");
	e->over = true;
	finish(e);
}

/* ---- the command's end ---- */

/* A child of the command may hold its outputs open for ever: silence is taken for the end. */
static void look_late(struct op *op, struct err *err)
{
	struct exec *e = CONTAINER_OF(op, struct exec, late);
	int64_t seen = e->copies[COPY_OUT].copy.copied + e->copies[COPY_ERR].copy.copied;

	if (!err->code && !e->over && !outputs_over(e)) {
		if (seen != TAKE(e->seen)) {
			e->seen = seen;
			op_init(op, &e->r->x->scope, look_late, OP_NO_DEADLINE);
			timer_wait(op, loop_in(e->r->server->env->loop, OUTPUT_LATE));
			return;
		}
		e->over = true;
	}
	finish(e);
}

static void command_ended(struct op *op, struct err *err)
{
	struct exec *e = CONTAINER_OF(op, struct exec, waiting);

	e->ended = true;
	if (err->code && !e->outcome.failure.len)
		e->outcome.failure = arena_print(e->r->arena, "error %s container: %s",
			e->is_attach ? "attaching to" : "executing command in", err_text(err));
	else if (!e->is_attach)
		e->outcome.exit_code = e->session.exit_code;
	if (err->code)
		e->over = true;
	if (!e->over && !outputs_over(e)) {
		e->seen = -1;
		op_init(&e->late, &e->r->x->scope, look_late, OP_NO_DEADLINE);
		timer_wait(&e->late, loop_in(e->r->server->env->loop, OUTPUT_LATE));
	}
	finish(e);
}

/* ---- copies ---- */

static void copied(struct op *op, struct err *err)
{
	struct exec_copy *c = CONTAINER_OF(op, struct exec_copy, op);
	struct exec *e = c->exec;

	buf_done(&c->copy.bytes);
	/* The end of what the client types is the end of the command's input. */
	if (c == &e->copies[COPY_IN])
		stream_close(TAKE(e->session.in));
	/* Nobody reads what the command says: as if it had written to a closed pipe. */
	else if (err->code && !e->ended)
		stream_close(
			TAKE(*(c == &e->copies[COPY_OUT] ? &e->session.out : &e->session.err)));
	finish(e);
}

static void copy(struct exec *e, int which, struct stream *from, struct stream *to)
{
	struct exec_copy *c = &e->copies[which];

	c->exec = e;
	if (!from || !to)
		return;
	c->copy.keep_open = true;
	op_init(&c->op, &e->r->x->scope, copied, OP_NO_DEADLINE);
	stream_copy(&c->copy, &c->op, from, to);
}

static void read_sizes(struct exec *e);

static void have_size(struct op *op, struct err *err)
{
	struct exec *e = CONTAINER_OF(op, struct exec, resizing);
	uint16_t width, height;
	int code = 0;

	if (!err->code && op->n)
		while ((code = remote_take_size(&e->sizes, &width, &height, NULL)) > 0)
			if (!e->ended && width && height)
				e->runtime->ops->session_resize(
					e->runtime, &e->session, width, height);
	if (!err->code && op->n && !code && !e->over)
		read_sizes(e);
	else
		finish(e);
}

static void read_sizes(struct exec *e)
{
	op_init(&e->resizing, &e->r->x->scope, have_size, OP_NO_DEADLINE);
	stream_read(e->remote.streams[REMOTE_RESIZE], &e->resizing, &e->sizes, REMOTE_SIZE_MAX);
}

/* ---- the beginning ---- */

static void begun(struct op *op, struct err *err)
{
	struct node_request *r = CONTAINER_OF(op, struct node_request, op);
	struct exec *e = r->x->handler;
	struct stream **remote = e->remote.streams;

	if (err->code) {
		e->outcome.failure = arena_print(r->arena, "error %s container: %s",
			e->is_attach ? "attaching to" : "executing command in", err_text(err));
		e->over = true;
		wind_up(e);
		return;
	}
	op_init(&e->waiting, &r->x->scope, command_ended, OP_NO_DEADLINE);
	e->runtime->ops->session_wait(e->runtime, &e->waiting, &e->session);
	op_init(&e->watching, &r->x->scope, client_gone, OP_NO_DEADLINE);
	remote_wait(&e->remote, &e->watching);
	copy(e, COPY_IN, remote[REMOTE_STDIN], e->session.in);
	copy(e, COPY_OUT, e->session.out, remote[REMOTE_STDOUT]);
	copy(e, COPY_ERR, e->session.err, remote[REMOTE_STDERR]);
	buf_init(&e->sizes, REMOTE_SIZE_MAX);
	if (remote[REMOTE_RESIZE])
		read_sizes(e);
}

static void agreed(struct op *op, struct err *err)
{
	struct node_request *r = CONTAINER_OF(op, struct node_request, op);
	struct exec *e = r->x->handler;

	if (err->code) {
		said(op, err);
		return;
	}
	e->session.stdin = e->remote.stdin;
	e->session.stdout = e->remote.stdout;
	e->session.stderr = e->remote.stderr && !e->remote.tty;
	e->session.tty = e->remote.tty;
	e->runtime->ops->session_start(
		e->runtime, node_request_op(r, begun), &r->x->scope, &e->session);
}

static bool is_on(struct node_request *r, const char *name)
{
	return str_eq_text(query_get(&r->query, name), "1");
}

static void read_command(struct exec *e)
{
	struct node_request *r = e->r;
	struct str *words = arena_alloc(r->arena, COMMAND_MAX * sizeof(*words));
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);

	for (size_t i = 0; i < r->query.count && e->session.command_count < COMMAND_MAX; i++)
		if (str_eq_text(r->query.pairs[i].key, "command"))
			words[e->session.command_count++] = r->query.pairs[i].value;
	for (size_t i = 0; i < e->session.command_count; i++)
		buf_print(&text, "%s%.*s", i ? " " : "", STRF(words[i]));
	e->session.command = words;
	e->outcome.command = arena_str(r->arena, buf_str(&text));
}

static void begin(struct node_request *r, bool is_attach)
{
	bool with_uid = r->part_count == 5;
	struct str name = r->parts[with_uid ? 4 : 3];
	struct exec *e = arena_new(r->arena, sizeof(*e));

	e->r = r;
	e->runtime = r->server->options.runtime;
	e->is_attach = is_attach;
	e->remote = (struct remote_session){.stdin = is_on(r, "input"),
		.stdout = is_on(r, "output"),
		.tty = is_on(r, "tty"),
		.stderr = is_on(r, "error") && !is_on(r, "tty")};
	if (!e->remote.stdin && !e->remote.stdout && !e->remote.stderr) {
		node_answer_text(r, 400, "you must specify at least 1 of stdin, stdout, stderr");
		return;
	}
	const struct cJSON *pod =
		node_find_pod(r, r->parts[1], r->parts[2], with_uid ? r->parts[3] : STR(""));
	if (!pod) {
		node_answer_text(r, 404, "pod does not exist");
		return;
	}
	const struct container *c = node_find_container(r, pod, name);
	if (!c) {
		node_answer_text(r, 500,
			is_attach ? "container %.*s not found in pod %.*s_%.*s"
				  : "container not found (\"%.*s\")",
			STRF(name), STRF(r->parts[2]), STRF(r->parts[1]));
		return;
	}
	e->session.container = arena_str(r->arena, c->id);
	if (is_attach)
		e->remote.tty = json_bool(json_get(pod_container_spec(pod, name), STR("tty")));
	else
		read_command(e);
	r->x->handler = e;
	remote_accept(r->x, node_request_op(r, agreed), &e->remote);
}

void node_exec(struct node_request *r)
{
	begin(r, false);
}

void node_attach(struct node_request *r)
{
	begin(r, true);
}
