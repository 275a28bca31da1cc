/* Two ends of WebSocket talk: channels, bytes, half-closing, base64, torture. */
#include "loop_torture.h"
#include "stream_pair.h"

#include <kube/time.h>
#include <kube/websocket.h>

#define CHANNELS 2

struct talk {
	struct loop_test *t;
	struct scope scope;
	struct op closing, watching, looking;
	struct websocket_options options;
	struct websocket *server, *client;
	struct stream *ends[2], *there[CHANNELS], *here[CHANNELS];
	struct reader readers[CHANNELS];
	struct writer writers[CHANNELS];
	size_t size;
	char *text;
	bool over;
};

static void talk_end(struct talk *k)
{
	if (k->over)
		return;
	k->over = true;
	for (int i = 0; i < CHANNELS; i++) {
		k->readers[i].stream = k->writers[i].stream = NULL;
		stream_close(TAKE(k->here[i]));
		stream_close(TAKE(k->there[i]));
	}
	websocket_close(TAKE(k->client));
}

static void scope_over(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

static void server_over(struct op *op, struct err *err)
{
	struct talk *k = CONTAINER_OF(op, struct talk, watching);

	(void)err;
	talk_end(k);
	websocket_close(TAKE(k->server));
	op_init(&k->closing, k->t->root, scope_over, OP_NO_DEADLINE);
	scope_close(&k->scope, &k->closing);
}

static void look(struct op *op, struct err *err)
{
	struct talk *k = CONTAINER_OF(op, struct talk, looking);
	bool done = true, failed = false;

	for (int i = 0; i < CHANNELS && k->here[i]; i++) {
		done &= k->writers[i].done && k->readers[i].got.len == k->size &&
			(!k->options.half_close || i || k->readers[i].done);
		failed |= k->writers[i].code || k->readers[i].code;
	}
	if (done || failed || err->code || k->over) {
		talk_end(k);
		return;
	}
	op_init(op, &k->scope, look, OP_NO_DEADLINE);
	timer_wait(op, loop_in(k->t->loop, MSEC));
}

static void talk_start(struct loop_test *t, void *ctx)
{
	struct talk *k = ctx;
	struct websocket_options options = k->options;
	size_t size = k->size, count = options.channels ? CHANNELS : 1;
	char *text = k->text;

	*k = (struct talk){.t = t, .size = size, .text = text, .options = options};
	scope_init(&k->scope, t->root, "talk", NULL);
	stream_pair(t, &k->scope, k->ends);
	k->server = websocket_new(t->env, &k->scope, k->ends[0], NULL, &options);
	options.client = true;
	k->client = websocket_new(t->env, &k->scope, k->ends[1], NULL, &options);
	op_init(&k->watching, &k->scope, server_over, OP_NO_DEADLINE);
	websocket_wait(k->server, &k->watching);
	for (size_t i = 0; i < count; i++) {
		bool up = i == 0; /* one each way */

		k->here[i] = websocket_channel(k->client, &k->scope, (unsigned)i);
		k->there[i] = websocket_channel(k->server, &k->scope, (unsigned)i);
		reader_start(&k->readers[i], &k->scope, up ? k->there[i] : k->here[i]);
		writer_start(&k->writers[i], &k->scope, up ? k->here[i] : k->there[i],
			str_make(text, size));
	}
	op_init(&k->looking, &k->scope, look, OP_NO_DEADLINE);
	op_yield(&k->looking);
}

static void talk_check(struct loop_test *t, void *ctx)
{
	struct talk *k = ctx;

	for (int i = 0; i < (k->options.channels ? CHANNELS : 1); i++) {
		if (!loop_torture_hit(t->loop)) {
			EXPECT_INT(k->readers[i].got.len, k->size);
			EXPECT(str_eq(buf_str(&k->readers[i].got), str_make(k->text, k->size)));
		}
		buf_done(&k->readers[i].got);
	}
}

static const struct websocket_options shapes[] = {
	{0},
	{.text = true},
	{.channels = true, .count = CHANNELS},
	{.channels = true, .count = CHANNELS, .half_close = true},
	{.channels = true, .count = CHANNELS, .text = true},
};

TEST(channels_carry_megabytes)
{
	for (size_t shape = 0; shape < ARRAY_LEN(shapes); shape++) {
		struct talk k = {.size = MIB, .text = mem_alloc(MIB), .options = shapes[shape]};
		struct loop_test t;

		test_context("shape %zu", shape);
		for (size_t i = 0; i < k.size; i++)
			k.text[i] = (char)(i * 7 + i / 1000);
		loop_test_init(&t, LOOP_TEST_REAL);
		talk_start(&t, &k);
		loop_test_run(&t);
		talk_check(&t, &k);
		loop_test_done(&t);
		mem_free(k.text);
	}
	test_context_end();
}

TEST(every_await_may_fail)
{
	for (size_t shape = 0; shape < ARRAY_LEN(shapes); shape++) {
		struct talk k = {.size = 1000, .text = mem_new(1000), .options = shapes[shape]};

		EXPECT(loop_torture_run(LOOP_TEST_REAL, talk_start, talk_check, &k) > 10);
		mem_free(k.text);
	}
}
