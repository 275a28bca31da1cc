/*
 * One host of the simulator with a small API server in it, and a client: what tests of client/
 * on virtual time begin with.
 */
#ifndef KUBE_SIM_WORLD_H
#define KUBE_SIM_WORLD_H

#include "fake_api.h"

#include <kube/client.h>
#include <kube/client_transport.h>
#include <kube/sim.h>

struct world {
	struct sim *sim;
	struct scope *root;
	struct loop *loop;
	struct env *env;
	struct fake_api api;
	struct client *client;
};

static inline void world_open(struct world *w, uint64_t seed)
{
	struct client_options options = {.user_agent = "sim"};

	w->sim = sim_new(seed);
	w->loop = sim_loop(w->sim);
	w->root = loop_root(w->loop);
	w->env = sim_host(w->sim, "host", ip_v4(10, 0, 0, 1));
	fake_api_init(&w->api, w->env);
	w->client = client_new(
		w->env, client_transport_local(w->env, w->root, fake_handle, &w->api), &options);
}

static inline void world_await(struct world *w, struct told *told)
{
	struct err err = {0};

	loop_run_until(w->loop, &told->done, &err);
	EXPECT(told->done);
	err_done(&err);
}

static inline void world_pass(struct world *w, int64_t ns)
{
	struct told told = {0};
	int64_t until = loop_in(w->loop, ns);

	/* Torture may refuse the wait. */
	while (loop_now(w->loop) < until) {
		timer_wait(told_op(&told, w->root, OP_NO_DEADLINE), until);
		world_await(w, &told);
		told_done(&told);
		told = (struct told){0};
	}
}

static inline void world_close(struct world *w)
{
	struct told told = {0};

	client_stop(w->client, told_op(&told, w->root, OP_NO_DEADLINE));
	world_await(w, &told);
	told_done(&told);
	client_free(w->client);
	fake_api_done(&w->api);
	sim_free(w->sim);
}

/* Runs the scenario once with each await refused, and once with each cancelled. */
typedef void world_scenario_fn(struct world *w);
static inline void world_torture(world_scenario_fn *scenario)
{
	const int codes[] = {ERR_IO, ERR_CANCELLED};

	for (size_t c = 0; c < ARRAY_LEN(codes); c++) {
		bool hit = true;
		uint64_t k;

		for (k = 1; hit && k < 2000 && !test_failed(); k++) {
			struct world w = {0};

			test_context(
				"await %llu: %s", (unsigned long long)k, err_code_name(codes[c]));
			world_open(&w, 7);
			loop_torture(w.loop, k, codes[c]);
			scenario(&w);
			hit = loop_torture_hit(w.loop);
			loop_torture(w.loop, 0, 0);
			world_close(&w);
		}
		EXPECT(k > 5 && k < 2000);
	}
	test_context_end();
}

static inline struct str world_text(struct world *w, const char *key)
{
	const struct fake_change *c = fake_find(&w->api, str_from(key));

	return c ? str_from(c->text) : STR("");
}

/* A field of what the server has. */
static inline struct str world_field(
	struct world *w, struct arena *a, const char *key, const char *dotted)
{
	struct cJSON *tree = NULL;
	struct str text = world_text(w, key);

	if (!text.len || json_parse(a, text, NULL, &tree, NULL))
		return STR("");
	return tree_str(tree, dotted);
}

#endif
