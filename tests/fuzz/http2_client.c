/* What a server might answer, into the client with three calls under way. */
#include "http2_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CALLS 3

struct fuzz_call {
	struct http_call call;
	struct http_call_state state;
	struct client_conn *conn;
	struct op op;
	struct buf body;
};

static void fuzz_cancel(struct op *op)
{
	struct fuzz_call *c = op->ctx;
	c->conn->ops->cancel(c->conn, &c->call, op);
}

static const struct op_kind fuzz_kind = {.name = "call", .cancel = fuzz_cancel};

static void fuzz_got(struct op *op, struct err *err)
{
	struct fuzz_call *c = CONTAINER_OF(op, struct fuzz_call, op);
	/* The first time it is the head, which counts as 0 bytes; then 0 is the end. */
	bool ended = err->code || (op->n == 0 && c->body.max > 0);
	if (ended) {
		c->conn->ops->done(c->conn, &c->call);
		buf_done(&c->body);
		arena_done(&c->call.arena);
		return;
	}
	if (!c->body.max)
		buf_init(&c->body, 4 * MIB);
	buf_clear(&c->body);
	op_init(op, c->conn->scope.parent, fuzz_got, OP_NO_DEADLINE);
	if (op_begin(op, &fuzz_kind, c))
		c->conn->ops->read(c->conn, &c->call, op, &c->body, 100);
}

static void fuzz_start(struct fuzz_call *c, struct fuzz *f, struct client_conn *conn, int i)
{
	memset(c, 0, sizeof(*c));
	c->conn = conn;
	arena_init(&c->call.arena);
	c->call.method = i == 1 ? STR("HEAD") : i == 2 ? STR("POST") : STR("GET");
	c->call.body = i == 2 ? STR("a body") : (struct str){0};
	c->call.body_length = HTTP_BODY_GIVEN;
	c->call.state = &c->state;
	c->state.scheme = STR("https");
	c->state.authority = STR("fuzz");
	c->state.target = STR("/");
	op_init(&c->op, f->t.root, fuzz_got, OP_NO_DEADLINE);
	if (op_begin(&c->op, &fuzz_kind, c))
		conn->ops->start(conn, &c->call, &c->op);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f;
	struct fuzz_call calls[CALLS];
	fuzz_init(&f, data, size);
	struct client_conn *c = http2_client_conn_new();
	c->origin = &f.p;
	scope_init(&c->scope, f.t.root, "client", NULL);
	c->stream = &f.feed.base;
	c->env = &f.env;
	c->limits = &f.p.client_limits;
	f.p.client = c;
	http2_client_conn_run(c);
	for (int i = 0; i < CALLS; i++)
		fuzz_start(&calls[i], &f, c, i);
	fuzz_done(&f);
	assert(f.p.client_gone);
	return 0;
}
