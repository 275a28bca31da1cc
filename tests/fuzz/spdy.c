/*
 * The bytes behind the first are what the other side of a SPDY connection sends; every stream
 * gives back what it gets. The first byte: bit 0 we are the client (with one stream open), the
 * rest the size of the pieces in which they come.
 */
#include "mem_stream.h"
#include "stream_pair.h"

#include <kube/spdy.h>

#define ECHOES 8

struct side {
	struct spdy *p;
	struct scope *root;
	struct op waiting, accepting;
	struct stream *fresh;
	struct echo {
		struct stream *stream;
		struct stream_copy copy;
		struct op op;
	} echoes[ECHOES];
	int count;
};

static void echoed(struct op *op, struct err *err)
{
	struct echo *e = CONTAINER_OF(op, struct echo, op);

	(void)err;
	stream_close(TAKE(e->stream));
}

static void echo(struct side *s, struct stream *stream)
{
	int i = s->count++;

	s->echoes[i].stream = stream;
	op_init(&s->echoes[i].op, s->root, echoed, OP_NO_DEADLINE);
	stream_copy(&s->echoes[i].copy, &s->echoes[i].op, stream, stream);
}

static void accepted(struct op *op, struct err *err)
{
	struct side *s = CONTAINER_OF(op, struct side, accepting);

	if (err->code || !s->p) {
		stream_close(TAKE(s->fresh));
		return;
	}
	echo(s, TAKE(s->fresh));
	if (s->count == ECHOES)
		return;
	op_init(op, s->root, accepted, OP_NO_DEADLINE);
	spdy_accept(s->p, op, s->root, &s->fresh);
}

static void over(struct op *op, struct err *err)
{
	struct side *s = CONTAINER_OF(op, struct side, waiting);

	(void)err;
	for (int i = 0; i < s->count; i++)
		op_cancel(&s->echoes[i].op);
	spdy_close(TAKE(s->p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct http_header header = {STR_INIT("streamType"), STR_INIT("data")};

	if (size < 1)
		return 0;
	struct loop *loop = loop_new_virtual(1000);
	struct env env = mem_env(loop);
	struct side s = {.root = loop_root(loop)};
	struct stream *below = mem_stream_new(
		s.root, str_make((const char *)data + 1, size - 1), (data[0] >> 1) * 8 + 1, NULL);

	s.p = spdy_new(&env, s.root, below, NULL, data[0] & 1, 0);
	if (data[0] & 1)
		echo(&s, spdy_open(s.p, s.root, &header, 1));
	op_init(&s.waiting, s.root, over, OP_NO_DEADLINE);
	spdy_wait(s.p, &s.waiting);
	op_init(&s.accepting, s.root, accepted, OP_NO_DEADLINE);
	spdy_accept(s.p, &s.accepting, s.root, &s.fresh);
	int code = loop_run(loop, NULL);
	assert(code == 0 && !s.p);
	for (int i = 0; i < s.count; i++)
		buf_done(&s.echoes[i].copy.bytes);
	loop_free(loop);
	return 0;
}
