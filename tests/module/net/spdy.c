/* Two ends of SPDY, and a foreign one, talk: streams, windows, refusals, ends, torture. */
#include "loop_torture.h"
#include "stream_pair.h"

#include <kube/spdy.h>
#include <kube/time.h>

#define STREAMS 3

/* A server that gives every byte of every stream back. */
struct echo {
	struct talk *talk;
	struct stream *stream;
	struct stream_copy copy;
	struct op op;
};

struct talk {
	struct loop_test *t;
	struct scope scope;
	struct op closing;
	struct stream *ends[2];
	struct spdy *server, *client;
	struct op accepting, watching;
	struct stream *fresh;
	struct echo echoes[STREAMS + 1];
	int echo_count, open;
	struct stream *streams[STREAMS];
	struct reader readers[STREAMS];
	struct writer writers[STREAMS];
	struct op watch_client;
	size_t size;
	char *text;
	bool over;
};

static void accepted(struct op *op, struct err *err);

static void talk_end(struct talk *k)
{
	if (k->over)
		return;
	k->over = true;
	for (int i = 0; i < STREAMS; i++) {
		k->readers[i].stream = k->writers[i].stream = NULL;
		stream_close(TAKE(k->streams[i]));
	}
	spdy_close(TAKE(k->client));
	op_cancel(&k->accepting);
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
	for (int i = 0; i < k->echo_count; i++)
		op_cancel(&k->echoes[i].op);
	spdy_close(TAKE(k->server));
	talk_end(k);
	op_init(&k->closing, k->t->root, scope_over, OP_NO_DEADLINE);
	scope_close(&k->scope, &k->closing);
}

static void echoed(struct op *op, struct err *err)
{
	struct echo *e = CONTAINER_OF(op, struct echo, op);

	(void)err;
	buf_done(&e->copy.bytes);
	stream_close(TAKE(e->stream));
}

static void accept_next(struct talk *k)
{
	op_init(&k->accepting, &k->scope, accepted, OP_NO_DEADLINE);
	spdy_accept(k->server, &k->accepting, &k->scope, &k->fresh);
}

static void accepted(struct op *op, struct err *err)
{
	struct talk *k = CONTAINER_OF(op, struct talk, accepting);

	if (err->code) {
		talk_end(k);
		return;
	}
	struct echo *e = &k->echoes[k->echo_count++];
	EXPECT_STR(spdy_header(k->fresh, STR("StreamType")), "echo");
	e->talk = k;
	e->stream = TAKE(k->fresh);
	op_init(&e->op, &k->scope, echoed, OP_NO_DEADLINE);
	stream_copy(&e->copy, &e->op, e->stream, e->stream);
	if (k->echo_count <= STREAMS)
		accept_next(k);
}

/* Polls once a turn: the readers have no way to tell. */
static void look(struct op *op, struct err *err)
{
	struct talk *k = CONTAINER_OF(op, struct talk, watch_client);
	bool done = true, failed = false;

	for (int i = 0; i < STREAMS; i++) {
		done &= k->readers[i].done;
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
	static const struct http_header header = {STR_INIT("streamType"), STR_INIT("echo")};
	size_t size = k->size;
	char *text = k->text;

	*k = (struct talk){.t = t, .size = size, .text = text};
	scope_init(&k->scope, t->root, "talk", NULL);
	stream_pair(t, &k->scope, k->ends);
	k->server = spdy_new(t->env, &k->scope, k->ends[0], NULL, false, 0);
	k->client = spdy_new(t->env, &k->scope, k->ends[1], NULL, true, 0);
	op_init(&k->watching, &k->scope, server_over, OP_NO_DEADLINE);
	spdy_wait(k->server, &k->watching);
	accept_next(k);
	for (int i = 0; i < STREAMS; i++) {
		k->streams[i] = spdy_open(k->client, &k->scope, &header, 1);
		if (!k->streams[i])
			continue;
		reader_start(&k->readers[i], &k->scope, k->streams[i]);
		writer_start(&k->writers[i], &k->scope, k->streams[i], str_make(text, size));
	}
	op_init(&k->watch_client, &k->scope, look, OP_NO_DEADLINE);
	op_yield(&k->watch_client);
}

static void talk_check(struct loop_test *t, void *ctx)
{
	struct talk *k = ctx;

	for (int i = 0; i < STREAMS; i++) {
		if (!loop_torture_hit(t->loop)) {
			EXPECT_INT(k->readers[i].got.len, k->size);
			EXPECT(str_eq(buf_str(&k->readers[i].got), str_make(k->text, k->size)));
			EXPECT_INT(k->writers[i].code, 0);
		}
		buf_done(&k->readers[i].got);
	}
}

TEST(streams_carry_megabytes_side_by_side)
{
	struct talk k = {.size = 3 * MIB, .text = mem_alloc(3 * MIB)};
	struct loop_test t;

	for (size_t i = 0; i < k.size; i++)
		k.text[i] = (char)(i * 7 + i / 1000);
	loop_test_init(&t, LOOP_TEST_REAL);
	talk_start(&t, &k);
	loop_test_run(&t);
	talk_check(&t, &k);
	loop_test_done(&t);
	mem_free(k.text);
}

TEST(every_await_may_fail)
{
	struct talk k = {.size = 1000, .text = mem_new(1000)};

	EXPECT(loop_torture_run(LOOP_TEST_REAL, talk_start, talk_check, &k) > 20);
	mem_free(k.text);
}
