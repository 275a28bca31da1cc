/*
 * An API server on a simulated host comes up, fails and comes up again, whichever call to its disk
 * fails on the way or takes the power with it; what was answered stands there afterwards.
 */
#include "api_world.h"

struct asked {
	struct client_request request;
	struct told told;
};

static int ask(struct api_world *w, struct client *c, struct asked *q, enum client_verb verb)
{
	*q = (struct asked){0};
	client_request_init(&q->request, verb, resource_find(STR(""), STR("v1"), STR("configmaps")),
		STR("default"), STR("a"));
	if (verb == CLIENT_CREATE) {
		struct cJSON *body = json_new(&q->request.arena, JSON_OBJECT);

		tree_set_str(&q->request.arena, body, "metadata.name", STR("a"));
		tree_set_str(&q->request.arena, body, "data.k", STR("1"));
		q->request.body = body;
	}
	client_send(c, told_op(&q->told, w->root, OP_NO_DEADLINE), &q->request);
	api_world_await(w, &q->told);
	int code = q->told.err.code;
	told_done(&q->told);
	return code;
}

static void expect_map(struct api_world *w)
{
	struct client *c = api_world_far_client(w);
	struct asked q;

	EXPECT_INT(ask(w, c, &q, CLIENT_GET), 0);
	EXPECT_STR(tree_str(q.request.object, "data.k"), "1");
	client_request_done(&q.request);
	api_world_drop_client(w, c);
}

static void write_map(struct api_world *w)
{
	struct client *c = api_world_far_client(w);
	struct asked q;

	EXPECT_INT(ask(w, c, &q, CLIENT_CREATE), 0);
	client_request_done(&q.request);
	api_world_drop_client(w, c);
}

TEST(what_was_answered_stands_after_a_restart)
{
	struct api_world w;

	if (api_world_open(&w, 1, NULL)) {
		write_map(&w);
		api_world_stop(&w);
		EXPECT_INT(api_world_start(&w), 0);
		expect_map(&w);
		sim_crash(w.host);
		api_world_stop(&w);
		EXPECT_INT(api_world_start(&w), 0);
		expect_map(&w);
	}
	api_world_close(&w);
}

enum harm { HARM_ERROR, HARM_FULL, HARM_CUT };

/* true: the disk had that many calls. */
static bool start_harmed(uint64_t k, enum harm harm, bool first)
{
	const struct sim_faults good = {.delay_max = 500 * USEC, .torn = 0.5};
	struct api_world w;

	api_world_init(&w, k, NULL);
	sim_set_faults(w.sim, &good);
	if (!first) {
		/* The copy that the first end makes does not have what comes then. */
		EXPECT_INT(api_world_start(&w), 0);
		api_world_stop(&w);
		EXPECT_INT(api_world_start(&w), 0);
		write_map(&w);
		api_world_stop(&w);
	}
	if (harm == HARM_CUT)
		sim_disk_cut(w.host, k);
	else
		sim_disk_fail(w.host, k, harm == HARM_ERROR ? ERR_IO : ERR_NO_SPACE);
	int code = api_world_start(&w);
	bool hit = code != 0;
	if (harm == HARM_CUT)
		sim_crash(w.host);
	if (w.server)
		api_world_stop(&w);
	sim_disk_fail(w.host, 0, 0);
	sim_disk_cut(w.host, 0);
	if (EXPECT_INT(api_world_start(&w), 0) && !first)
		expect_map(&w);
	api_world_close(&w);
	return hit;
}

static void harm_every_call(bool first)
{
	for (int harm = HARM_ERROR; harm <= HARM_CUT; harm++) {
		uint64_t k = 1;
		int spared = 0; /* some failures are survived */

		for (; spared < 10 && k < 1000 && !test_failed(); k += 1 + k / 16) {
			test_context("harm %d, call %llu", harm, (unsigned long long)k);
			spared = start_harmed(k, (enum harm)harm, first) ? 0 : spared + 1;
		}
		EXPECT(k > 40 && k < 1000);
	}
	test_context_end();
}

TEST(a_first_start_that_fails_is_begun_again)
{
	harm_every_call(true);
}

TEST(a_later_start_that_fails_loses_nothing)
{
	harm_every_call(false);
}
