#include "backup_fetch.h"

#include <kube/client_transport.h>
#include <kube/json.h>
#include <kube/task.h>
#include <kube/time.h>

#define PIECE       (256 * KIB)
#define QUIET_MAX   (2 * MINUTE) /* without a byte */
#define REFUSAL_MAX (64 * KIB)

struct fetch {
	struct env *env;
	struct client_transport *transport;
	struct client_call call;
	const struct backup_fetch_taker *taker;
	struct arena arena;
	struct buf piece;
	struct task task;
	struct op op, stopped;
	struct err err;
	bool done, over;
};

enum fetch_step { FETCH_ASK, FETCH_HEAD, FETCH_PIECE, FETCH_REFUSAL };
static const char *const fetch_steps[] = {"ask", "head", "piece", "refusal"};

static void read_more(struct fetch *f, enum fetch_step step, size_t max)
{
	f->transport->ops->read(&f->call,
		task_await(&f->task, step, loop_in(f->env->loop, QUIET_MAX)), &f->piece, max);
}

/* The message of a Status, or what stands there. */
static int refused(struct fetch *f, struct err *err)
{
	struct str said = buf_str(&f->piece);
	struct cJSON *tree = NULL;

	if (!json_parse(&f->arena, said, NULL, &tree, NULL) &&
		json_str(json_get(tree, STR("message"))).len)
		said = json_str(json_get(tree, STR("message")));
	return err_set(err, ERR_REFUSED, "the server answers %d: %.*s", f->call.status,
		STRF(str_trim(said)));
}

static int have_head(struct fetch *f, struct err *err)
{
	int64_t size;

	if (!str_to_i64(http_headers_get(&f->call.response, STR("Content-Length")), &size) ||
		size <= 0)
		return err_set(err, ERR_PROTOCOL, "the server does not say how much it sends");
	return f->taker->begin(f->taker->ctx, size, err);
}

static void fetch_run(struct task *t, struct err *err)
{
	struct fetch *f = CONTAINER_OF(t, struct fetch, task);
	_cleanup_(err_done) struct err why = {0};
	int code = 0;

	if (err->code)
		return task_fail(t, err);
	switch ((enum fetch_step)t->step) {
	case FETCH_ASK:
		f->call = (struct client_call){.transport = f->transport,
			.method = STR("GET"),
			.target = STR("/debug/store")};
		f->transport->ops->start(
			&f->call, task_await(t, FETCH_HEAD, loop_in(f->env->loop, QUIET_MAX)));
		return;
	case FETCH_HEAD:
		if (f->call.status != 200)
			return read_more(f, FETCH_REFUSAL, REFUSAL_MAX);
		code = have_head(f, &why);
		break;
	case FETCH_PIECE:
		if (!t->wait.n)
			return task_finish(t, 0);
		code = f->taker->bytes(f->taker->ctx, buf_str(&f->piece), &why);
		buf_clear(&f->piece);
		break;
	case FETCH_REFUSAL:
		if (t->wait.n && f->piece.len < REFUSAL_MAX)
			return read_more(f, FETCH_REFUSAL, REFUSAL_MAX - f->piece.len);
		code = refused(f, &why);
		break;
	}
	if (code)
		task_fail(t, &why);
	else
		read_more(f, FETCH_PIECE, PIECE);
}

static void fetched(struct op *op, struct err *err)
{
	struct fetch *f = CONTAINER_OF(op, struct fetch, op);

	err_move(&f->err, err);
	f->done = true;
}

static void stopped(struct op *op, struct err *err)
{
	(void)err;
	CONTAINER_OF(op, struct fetch, stopped)->over = true;
}

int backup_fetch(struct env *env, const struct client_config *config,
	const struct backup_fetch_taker *taker, struct err *err)
{
	static const struct task_kind kind = TASK_KIND("fetch of a store", fetch_steps, fetch_run);
	struct scope *root = loop_root(env->loop);
	struct fetch f = {.env = env, .taker = taker};

	arena_init(&f.arena);
	buf_init(&f.piece, PIECE);
	f.transport = client_transport_https(env, root, config);
	op_init(&f.op, root, fetched, OP_NO_DEADLINE);
	task_start(&f.task, &kind, &f.op);
	loop_run_until(env->loop, &f.done, NULL);
	f.transport->ops->end(&f.call);
	op_init(&f.stopped, root, stopped, OP_NO_DEADLINE);
	f.transport->ops->stop(f.transport, &f.stopped);
	loop_run_until(env->loop, &f.over, NULL);
	f.transport->ops->free(f.transport);
	buf_done(&f.piece);
	arena_done(&f.arena);
	return err_move(err, &f.err);
}
