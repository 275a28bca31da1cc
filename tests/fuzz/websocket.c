/*
 * The bytes behind the first are what the other side of a WebSocket sends; every channel gives
 * back what it gets. The first byte: bit 0 we are the client, 1 channels, 2 base64, 3 half-closing,
 * the rest the size of the pieces in which they come.
 */
#include "mem_stream.h"
#include "stream_pair.h"

#include <kube/websocket.h>

#define CHANNELS 3

struct side {
	struct websocket *w;
	struct op waiting;
	struct echo {
		struct stream *stream;
		struct stream_copy copy;
		struct op op;
	} echoes[CHANNELS];
};

static void same_random(struct env *env, void *at, size_t len)
{
	(void)env;
	memset(at, 0x5a, len);
}

static void echoed(struct op *op, struct err *err)
{
	struct echo *e = CONTAINER_OF(op, struct echo, op);

	(void)err;
	stream_close(TAKE(e->stream));
}

static void over(struct op *op, struct err *err)
{
	struct side *s = CONTAINER_OF(op, struct side, waiting);

	(void)err;
	for (int i = 0; i < CHANNELS; i++)
		op_cancel(&s->echoes[i].op);
	websocket_close(TAKE(s->w));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct loop *loop = loop_new_virtual(1000);
	struct scope *root = loop_root(loop);
	struct env env = mem_env(loop);
	struct side s = {0};
	struct websocket_options options = {.client = data[0] & 1,
		.channels = data[0] & 2,
		.text = data[0] & 4,
		.half_close = data[0] & 8,
		.count = CHANNELS};

	env.random = same_random;
	struct stream *below = mem_stream_new(
		root, str_make((const char *)data + 1, size - 1), (data[0] >> 4) * 16 + 1, NULL);
	s.w = websocket_new(&env, root, below, NULL, &options);
	for (unsigned i = 0; i < (options.channels ? CHANNELS : 1); i++) {
		s.echoes[i].stream = websocket_channel(s.w, root, i);
		op_init(&s.echoes[i].op, root, echoed, OP_NO_DEADLINE);
		stream_copy(
			&s.echoes[i].copy, &s.echoes[i].op, s.echoes[i].stream, s.echoes[i].stream);
	}
	op_init(&s.waiting, root, over, OP_NO_DEADLINE);
	websocket_wait(s.w, &s.waiting);
	int code = loop_run(loop, NULL);
	assert(code == 0 && !s.w);
	for (int i = 0; i < CHANNELS; i++)
		buf_done(&s.echoes[i].copy.bytes);
	loop_free(loop);
	return 0;
}
