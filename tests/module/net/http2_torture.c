/* Every await of a conversation fails once, and is cancelled once: nothing may be left behind. */
#include "http2_pair.h"

struct scene {
	struct pair pair;
	struct pair_call calls[3];
	struct str part;
};

static void scene_end(struct scene *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->calls); i++)
		pair_call_done(&s->calls[i]);
	if (s->pair.client)
		s->pair.client->ops->close(s->pair.client);
}

/* A GET, a POST with its body at hand, and one that is streamed; then all is read. */
static void converse(struct loop_test *t, void *ctx)
{
	static const char *const targets[] = {"/size/50000", "/echo", "/stream"};
	struct scene *s = ctx;
	*s = (struct scene){.part = STR("streamed")};
	pair_start(&s->pair, t, pair_handle);
	for (size_t i = 0; i < ARRAY_LEN(s->calls); i++) {
		pair_call_init(&s->calls[i], &s->pair, i ? "POST" : "GET", targets[i]);
		s->calls[i].call.body = i == 1 ? STR("at hand") : (struct str){0};
		if (i == 2)
			s->calls[i].call.body_length = HTTP_LENGTH_UNKNOWN;
		pair_call_start(&s->calls[i]);
	}
	if (s->calls[2].given) {
		pair_call_write(&s->calls[2], &s->part, 1);
		pair_wait(&s->pair, &s->calls[2].write);
		if (!s->calls[2].write.err.code) {
			pair_call_end(&s->calls[2]);
			pair_wait(&s->pair, &s->calls[2].write);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(s->calls); i++) {
		struct pair_call *c = &s->calls[i];
		pair_wait(&s->pair, &c->head);
		/* A request that was not sent to its end has no answer to wait for. */
		while (!c->head.err.code && !c->write.err.code && !c->read.err.code) {
			pair_call_read(c, 64 * KIB);
			pair_wait(&s->pair, &c->read);
			if (c->read.n == 0)
				break;
		}
	}
	if (!loop_torture_hit(t->loop)) {
		EXPECT_INT(s->calls[0].body.len, 50000);
		EXPECT_STR(buf_str(&s->calls[1].body), "at hand");
		EXPECT_STR(buf_str(&s->calls[2].body), "streamed");
	}
	scene_end(s);
}

static void drained(struct loop_test *t, void *ctx)
{
	struct scene *s = ctx;
	*s = (struct scene){0};
	pair_start(&s->pair, t, pair_handle);
	for (size_t i = 0; i < ARRAY_LEN(s->calls); i++) {
		pair_call_init(&s->calls[i], &s->pair, "GET", "/size/10");
		pair_call_start(&s->calls[i]);
	}
	if (s->pair.server)
		s->pair.server->ops->drain(s->pair.server);
	for (size_t i = 0; i < ARRAY_LEN(s->calls); i++)
		pair_wait(&s->pair, &s->calls[i].head);
	scene_end(s);
}

static void aborted(struct loop_test *t, void *ctx)
{
	struct scene *s = ctx;
	*s = (struct scene){0};
	pair_start(&s->pair, t, pair_handle);
	for (size_t i = 0; i < ARRAY_LEN(s->calls); i++) {
		pair_call_init(&s->calls[i], &s->pair, "GET", i ? "/hang" : "/size/10");
		pair_call_start(&s->calls[i]);
	}
	pair_wait(&s->pair, &s->calls[0].head);
	op_cancel(&s->calls[1].head.op);
	pair_wait(&s->pair, &s->calls[1].head);
	if (s->pair.server)
		s->pair.server->ops->abort(s->pair.server);
	pair_wait(&s->pair, &s->calls[2].head);
	scene_end(s);
}

static void check(struct loop_test *t, void *ctx)
{
	struct scene *s = ctx;
	(void)t;
	EXPECT(s->pair.server_gone);
	EXPECT(s->pair.client_gone);
	EXPECT_INT(s->pair.running, 0);
}

static void torture(torture_fn *scene)
{
	struct scene *s = mem_new(sizeof(*s));
	EXPECT(loop_torture_run(LOOP_TEST_REAL, scene, check, s) > 10);
	mem_free(s);
}

TEST(a_conversation_survives_every_failure)
{
	torture(converse);
}

TEST(a_drain_survives_every_failure)
{
	torture(drained);
}

TEST(an_abort_survives_every_failure)
{
	torture(aborted);
}
