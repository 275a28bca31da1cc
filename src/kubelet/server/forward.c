/* /portForward: each pair of streams that the client opens is a connection into the pod. */
#include "node_request.h"

#include <kube/mem.h>
#include <kube/remote_command.h>
#include <kube/stream_copy.h>

#define PORTS_MAX 32

struct forward;

/* One connection; on the heap, because many come and go while the session stands. */
struct forward_link {
	struct link in_forward;
	struct forward *forward;
	struct forward_pair pair;
	struct stream *stream; /* into the pod */
	struct stream_copy there, back;
	struct op connecting, saying, there_op, back_op;
	struct buf text;
	struct str part;
};

struct forward {
	struct node_request *r;
	struct forward_session session;
	struct forward_pair pair; /* the next */
	struct list links;
	struct str sandbox, uid;
	bool over;
};

/* ---- one connection ---- */

static void end_if_over(struct forward *f);

static void link_settle(struct forward_link *k)
{
	if (op_active(&k->connecting) || op_active(&k->saying) || op_active(&k->there_op) ||
		op_active(&k->back_op))
		return;
	struct forward *f = k->forward;

	stream_close(TAKE(k->stream));
	stream_close(TAKE(k->pair.data));
	stream_close(TAKE(k->pair.error));
	buf_done(&k->there.bytes);
	buf_done(&k->back.bytes);
	buf_done(&k->text);
	link_remove(&k->in_forward);
	mem_free(k);
	end_if_over(f);
}

static void link_said(struct op *op, struct err *err)
{
	(void)err;
	link_settle(CONTAINER_OF(op, struct forward_link, saying));
}

/* What goes to the pod may end while it still answers. */
static void went_there(struct op *op, struct err *err)
{
	struct forward_link *k = CONTAINER_OF(op, struct forward_link, there_op);

	if (err->code)
		op_cancel(&k->back_op);
	link_settle(k);
}

/* When the pod has said all, whatever the client still says is for nobody. */
static void came_back(struct op *op, struct err *err)
{
	struct forward_link *k = CONTAINER_OF(op, struct forward_link, back_op);

	(void)err;
	op_cancel(&k->there_op);
	link_settle(k);
}

static void say_failure(struct forward_link *k, const struct err *err)
{
	struct node_request *r = k->forward->r;

	buf_init(&k->text, 4 * KIB);
	buf_print(&k->text, "error forwarding port %u to pod %.*s, uid %.*s: %s", k->pair.port,
		STRF(k->forward->sandbox), STRF(k->forward->uid), err_text(err));
	k->part = buf_str(&k->text);
	op_init(&k->saying, &r->x->scope, link_said, OP_NO_DEADLINE);
	stream_write(k->pair.error, &k->saying, &k->part, 1);
}

static void connected(struct op *op, struct err *err)
{
	struct forward_link *k = CONTAINER_OF(op, struct forward_link, connecting);
	struct scope *scope = &k->forward->r->x->scope;

	if (k->forward->over) {
		link_settle(k);
	} else if (err->code) {
		say_failure(k, err);
	} else {
		op_init(&k->there_op, scope, went_there, OP_NO_DEADLINE);
		stream_copy(&k->there, &k->there_op, k->pair.data, k->stream);
		op_init(&k->back_op, scope, came_back, OP_NO_DEADLINE);
		stream_copy(&k->back, &k->back_op, k->stream, k->pair.data);
	}
}

static void link_start(struct forward *f)
{
	struct forward_link *k = mem_new(sizeof(*k));
	struct runtime *runtime = f->r->server->options.runtime;

	k->forward = f;
	k->pair = TAKE(f->pair);
	list_push(&f->links, &k->in_forward);
	op_init(&k->connecting, &f->r->x->scope, connected, OP_NO_DEADLINE);
	runtime->ops->connect(
		runtime, &k->connecting, &f->r->x->scope, f->sandbox, k->pair.port, &k->stream);
}

/* ---- all of them ---- */

static void end_if_over(struct forward *f)
{
	if (!list_empty(&f->links))
		return;
	/* A WebSocket is for its ports: when they have nothing more to say it ends. */
	if (!f->over && forward_has_all(&f->session))
		op_cancel(&f->r->op);
	if (!f->over)
		return;
	forward_close(&f->session);
	node_request_end(f->r);
}

static void have_pair(struct op *op, struct err *err)
{
	struct node_request *r = CONTAINER_OF(op, struct node_request, op);
	struct forward *f = r->x->handler;

	if (!err->code) {
		link_start(f);
		forward_next(&f->session, node_request_op(r, have_pair), &f->pair);
		return;
	}
	f->over = true;
	list_each_safe (at, &f->links) {
		struct forward_link *k = LIST_ENTRY(at, struct forward_link, in_forward);

		op_cancel(&k->connecting);
		op_cancel(&k->saying);
		op_cancel(&k->there_op);
		op_cancel(&k->back_op);
	}
	end_if_over(f);
}

static void agreed(struct op *op, struct err *err)
{
	struct node_request *r = CONTAINER_OF(op, struct node_request, op);
	struct forward *f = r->x->handler;

	if (err->code) {
		f->over = true;
		end_if_over(f);
		return;
	}
	forward_next(&f->session, node_request_op(r, have_pair), &f->pair);
}

/* "port=80&port=81", or with commas. false: one of them is none. */
static bool read_ports(struct node_request *r, uint16_t ports[PORTS_MAX], size_t *count)
{
	for (size_t i = 0; i < r->query.count; i++) {
		struct str rest = r->query.pairs[i].value, word;

		if (!str_eq_text(r->query.pairs[i].key, "port"))
			continue;
		while (str_next(&rest, ',', &word)) {
			int64_t port;

			if (!str_to_i64(word, &port) || port < 1 || port > UINT16_MAX ||
				*count == PORTS_MAX)
				return false;
			ports[(*count)++] = (uint16_t)port;
		}
	}
	return true;
}

void node_forward(struct node_request *r)
{
	uint16_t ports[PORTS_MAX];
	size_t count = 0;
	struct forward *f = arena_new(r->arena, sizeof(*f));

	if (!read_ports(r, ports, &count)) {
		node_answer_text(r, 400, "query parameter \"port\" must be a port number");
		return;
	}
	const struct cJSON *pod = node_find_pod(
		r, r->parts[1], r->parts[2], r->part_count == 4 ? r->parts[3] : STR(""));
	if (!pod) {
		node_answer_text(r, 404, "pod does not exist");
		return;
	}
	const struct sandbox *s = node_find_sandbox(r, pod);
	if (!s || s->state != SANDBOX_READY) {
		node_answer_text(r, 500, "pod not found (\"%.*s_%.*s\")", STRF(r->parts[2]),
			STRF(r->parts[1]));
		return;
	}
	f->r = r;
	f->sandbox = arena_str(r->arena, s->id);
	f->uid = arena_str(r->arena, s->uid);
	list_init(&f->links);
	r->x->handler = f;
	forward_accept(r->x, node_request_op(r, agreed), &f->session, ports, count);
}
