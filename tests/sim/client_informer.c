/*
 * Informers on virtual time: what they know is what the server has, whatever breaks, is
 * forgotten or refused on the way.
 */
#include "fake_api.h"
#include "loop_torture.h"

#include <kube/client.h>
#include <kube/client_transport.h>
#include <kube/http_server.h>
#include <kube/informer.h>
#include <kube/sim.h>

#include <stdio.h>

#define MAP(v)                                                                                     \
	"{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"labels\":{\"v\":\"" v "\"}" \
	"}}"

struct world {
	struct sim *sim;
	struct scope *root;
	struct loop *loop;
	struct env *env, *far;
	struct fake_api api;
	struct client *client;
	struct informer *informer;
	struct informer_handler handler;
	struct buf heard;
};

static void heard(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct world *w = h->ctx;
	struct str name = client_object_name(fresh ? fresh : old);

	buf_print(&w->heard, "%s%s%.*s ", initial ? "^" : "",
		!old     ? "+"
		: !fresh ? "-"
			 : "~",
		STRF(name));
}

static void open_informer(struct world *w, struct scope *scope, bool no_watch_list)
{
	const struct informer_index indexes[] = {
		index_by_namespace(), index_by_label("v"), index_by_owner()};
	struct informer_options options = {.client = w->client,
		.resource = resource_find(STR(""), STR("v1"), STR("configmaps")),
		.indexes = indexes,
		.index_count = ARRAY_LEN(indexes),
		.no_watch_list = no_watch_list};

	w->informer = informer_new(scope, &options);
	w->handler = (struct informer_handler){.changed = heard, .ctx = w};
	informer_add_handler(w->informer, &w->handler);
}

static void open_world(struct world *w)
{
	struct client_options options = {.user_agent = "sim"};

	memset(w, 0, sizeof(*w));
	w->sim = sim_new(7);
	w->loop = sim_loop(w->sim);
	w->root = loop_root(w->loop);
	w->env = sim_host(w->sim, "host", ip_v4(10, 0, 0, 1));
	buf_init(&w->heard, MIB);
	fake_api_init(&w->api, w->env);
	w->client = client_new(
		w->env, client_transport_local(w->env, w->root, fake_handle, &w->api), &options);
}

static void await(struct world *w, struct told *told)
{
	struct err err = {0};

	loop_run_until(w->loop, &told->done, &err);
	EXPECT(told->done);
	err_done(&err);
}

static void pass(struct world *w, int64_t ns)
{
	struct told told = {0};

	timer_wait(told_op(&told, w->root, OP_NO_DEADLINE), loop_in(w->loop, ns));
	await(w, &told);
	told_done(&told);
}

static void close_world(struct world *w)
{
	struct told told = {0};

	if (w->informer) {
		informer_stop(w->informer, told_op(&told, w->root, OP_NO_DEADLINE));
		await(w, &told);
		informer_free(w->informer);
		told_done(&told);
	}
	client_stop(w->client, told_op(&told, w->root, OP_NO_DEADLINE));
	await(w, &told);
	told_done(&told);
	client_free(w->client);
	fake_api_done(&w->api);
	buf_done(&w->heard);
	sim_free(w->sim);
}

static void expect_heard(struct world *w, const char *wanted)
{
	EXPECT_STR(buf_str(&w->heard), wanted);
	buf_clear(&w->heard);
}

static void sync(struct world *w)
{
	struct told told = {0};

	informer_wait_synced(w->informer, told_op(&told, w->root, loop_in(w->loop, 60 * SEC)));
	await(w, &told);
	EXPECT_INT(told.err.code, 0);
	told_done(&told);
}

static void follow(bool no_watch_list, bool refused)
{
	struct world w;

	open_world(&w);
	w.api.no_watch_list = refused;
	fake_put(&w.api, "configmaps/a/one", MAP("1"));
	fake_put(&w.api, "configmaps/b/two", MAP("1"));
	open_informer(&w, w.root, no_watch_list);
	EXPECT(!informer_synced(w.informer));
	sync(&w);
	expect_heard(&w, "^+one ^+two ");
	EXPECT_INT(w.api.lists, no_watch_list || refused);
	fake_put(&w.api, "configmaps/a/one", MAP("2"));
	fake_put(&w.api, "configmaps/a/three", MAP("2"));
	fake_put(&w.api, "configmaps/b/two", NULL);
	pass(&w, SEC);
	expect_heard(&w, "~one +three -two ");
	EXPECT_INT(informer_revision(w.informer), w.api.revision);
	EXPECT_INT(informer_count(w.informer), 2);
	int found = 0;
	informer_each(it, informer_by(w.informer, "v", STR("2"))) found++;
	EXPECT_INT(found, 2);
	informer_each(it, informer_by(w.informer, "v", STR("1"))) found++;
	EXPECT_INT(found, 2);
	struct object *o = informer_get(w.informer, STR("a"), STR("one"));
	REQUIRE(o);
	EXPECT_STR(object_labels(o), "{\"v\":\"2\"}");
	close_world(&w);
}

TEST(an_informer_follows_by_initial_events)
{
	follow(false, false);
}

TEST(an_informer_follows_by_list_and_watch)
{
	follow(true, false);
}

TEST(refused_initial_events_become_a_list)
{
	follow(false, true);
}

TEST(a_broken_watch_goes_on_where_it_was)
{
	struct world w;

	open_world(&w);
	fake_put(&w.api, "configmaps/a/one", MAP("1"));
	open_informer(&w, w.root, true);
	sync(&w);
	pass(&w, 2 * SEC);
	fake_break_watches(&w.api);
	fake_put(&w.api, "configmaps/a/two", MAP("1"));
	fake_put(&w.api, "configmaps/a/one", NULL);
	pass(&w, MINUTE);
	expect_heard(&w, "^+one +two -one ");
	EXPECT_INT(w.api.lists, 1);
	/* Watches end by themselves after minutes, and are taken up again. */
	pass(&w, HOUR);
	fake_put(&w.api, "configmaps/a/two", NULL);
	pass(&w, SEC);
	expect_heard(&w, "-two ");
	EXPECT_INT(w.api.lists, 1);
	EXPECT(w.api.watching > 5);
	close_world(&w);
}

TEST(what_is_forgotten_is_listed_anew_and_told_as_changes)
{
	for (int no_watch_list = 0; no_watch_list < 2; no_watch_list++) {
		struct world w;

		open_world(&w);
		fake_put(&w.api, "configmaps/a/changed", MAP("1"));
		fake_put(&w.api, "configmaps/a/same", MAP("1"));
		fake_put(&w.api, "configmaps/a/gone", MAP("1"));
		open_informer(&w, w.root, no_watch_list);
		sync(&w);
		pass(&w, 5 * SEC);
		buf_clear(&w.heard);
		w.api.refuse_code = 503;
		w.api.refuse_reason = "ServiceUnavailable";
		w.api.refuse_times = 2;
		fake_break_watches(&w.api);
		pass(&w, 10 * MSEC);
		fake_put(&w.api, "configmaps/a/gone", NULL);
		fake_put(&w.api, "configmaps/a/changed", MAP("2"));
		fake_put(&w.api, "configmaps/a/fresh", MAP("2"));
		fake_compact(&w.api);
		fake_put(&w.api, "configmaps/a/later", MAP("2"));
		pass(&w, MINUTE);
		expect_heard(&w, "-gone ~changed +fresh +later ");
		EXPECT_INT(informer_count(w.informer), 4);
		struct informer_stats stats;
		informer_stats(w.informer, &stats);
		EXPECT(stats.failures >= 3);
		close_world(&w);
	}
}

TEST(waits_end_when_the_cache_has_caught_up)
{
	struct world w;
	struct told revision = {0}, gone = {0}, late = {0};

	open_world(&w);
	fake_put(&w.api, "configmaps/a/one", MAP("1"));
	open_informer(&w, w.root, false);
	informer_wait_revision(
		w.informer, told_op(&revision, w.root, OP_NO_DEADLINE), w.api.revision + 1);
	informer_wait_gone(
		w.informer, told_op(&gone, w.root, OP_NO_DEADLINE), STR("a/one"), STR("uid-1"));
	informer_wait_revision(
		w.informer, told_op(&late, w.root, loop_in(w.loop, 5 * SEC)), 1000000);
	sync(&w);
	EXPECT(!revision.done && !gone.done);
	fake_put(&w.api, "configmaps/a/two", MAP("1"));
	await(&w, &revision);
	EXPECT_INT(revision.err.code, 0);
	EXPECT(!gone.done);
	fake_put(&w.api, "configmaps/a/one", NULL);
	await(&w, &gone);
	await(&w, &late);
	EXPECT_INT(late.err.code, ERR_TIMEOUT);
	told_done(&revision);
	told_done(&gone);
	told_done(&late);
	close_world(&w);
}

TEST(one_informer_serves_all_who_ask)
{
	struct world w;
	struct told told = {0};
	struct informer_options options = {
		.resource = resource_find(STR(""), STR("v1"), STR("configmaps"))};

	open_world(&w);
	fake_put(&w.api, "configmaps/a/one", MAP("1"));
	struct informers *all = informers_new(w.client, w.root);
	struct informer *one = informers_get(all, &options), *two = informers_get(all, &options);
	options.namespace = STR("b");
	struct informer *other = informers_get(all, &options);
	EXPECT(one == two && one != other);
	informers_wait_synced(all, told_op(&told, w.root, OP_NO_DEADLINE));
	await(&w, &told);
	EXPECT_INT(told.err.code, 0);
	EXPECT_INT(informer_count(one), 1);
	EXPECT_INT(informer_count(other), 0);
	told_done(&told);
	informers_stop(all, told_op(&told, w.root, OP_NO_DEADLINE));
	await(&w, &told);
	told_done(&told);
	informers_free(all);
	close_world(&w);
}

/* ---- a bad network ---- */

static struct http_server *open_far(struct world *w, uint64_t seed)
{
	struct client_options options = {.user_agent = "sim"};
	struct http_server_options server_options = {.handler = fake_handle, .ctx = &w->api};
	struct client_config config = {.server = STR("http://far:80")};
	struct address at = address_of(ip_v4(10, 0, 0, 2), 80);
	struct err err = {0};

	memset(w, 0, sizeof(*w));
	w->sim = sim_new(seed);
	w->loop = sim_loop(w->sim);
	w->root = loop_root(w->loop);
	w->env = sim_host(w->sim, "near", ip_v4(10, 0, 0, 1));
	w->far = sim_host(w->sim, "far", ip_v4(10, 0, 0, 2));
	fake_api_init(&w->api, w->far);
	buf_init(&w->heard, MIB);
	struct http_server *server = http_server_new(w->far, w->root, &server_options);
	EXPECT_OK(http_server_listen(server, &at, &at, &err), &err);
	w->client = client_new(w->env, client_transport_https(w->env, w->root, &config), &options);
	return server;
}

static void close_far(struct world *w, struct http_server *server)
{
	struct told told = {0};

	http_server_stop(server, told_op(&told, w->root, OP_NO_DEADLINE), 0);
	await(w, &told);
	told_done(&told);
	http_server_free(server);
	close_world(w);
}

TEST(a_quiet_watch_is_kept_and_a_dead_one_found)
{
	struct world w;
	struct http_server *server = open_far(&w, 3);

	fake_put(&w.api, "configmaps/a/one", MAP("1"));
	open_informer(&w, w.root, false);
	sync(&w);
	pass(&w, 4 * MINUTE);
	EXPECT_INT(w.api.watching, 1);
	/* The server's power goes, and comes back: nobody has said goodbye. */
	sim_part(w.sim, w.env, w.far, true);
	fake_put(&w.api, "configmaps/a/two", MAP("1"));
	pass(&w, 30 * MINUTE);
	sim_part(w.sim, w.env, w.far, false);
	pass(&w, 2 * MINUTE);
	EXPECT(informer_get(w.informer, STR("a"), STR("two")) != NULL);
	close_far(&w, server);
}

static void live_through(uint64_t seed)
{
	struct world w;
	struct sim_faults faults = {.delay_min = MSEC,
		.delay_max = 300 * MSEC,
		.loss = 0.05,
		.reset = 0.03,
		.refuse = 0.1,
		.split = 0.3};

	test_context("seed %llu", (unsigned long long)seed);
	struct http_server *server = open_far(&w, seed);
	open_informer(&w, w.root, seed % 2);
	sim_set_faults(w.sim, &faults);
	for (int i = 0; i < 200; i++) {
		char key[64];
		int which = (int)rng_below(sim_rng(w.sim), 10);

		snprintf(key, sizeof(key), "configmaps/a/m%d", which);
		fake_put(&w.api, key,
			fake_find(&w.api, str_from(key)) && rng_below(sim_rng(w.sim), 3) == 0
				? NULL
				: MAP("1"));
		if (rng_below(sim_rng(w.sim), 20) == 0)
			fake_compact(&w.api);
		if (rng_below(sim_rng(w.sim), 30) == 0)
			sim_part(w.sim, w.env, w.far, true);
		pass(&w, (int64_t)rng_below(sim_rng(w.sim), 2 * SEC));
		sim_part(w.sim, w.env, w.far, false);
	}
	sim_set_faults(w.sim, &(struct sim_faults){0});
	pass(&w, 20 * MINUTE);
	EXPECT_INT(informer_count(w.informer), w.api.objects.count);
	informer_each(it, informer_all(w.informer))
	{
		struct arena a;

		arena_init(&a);
		struct str key =
			arena_print(&a, "configmaps/%.*s", STRF(client_object_key(&a, it.object)));
		struct fake_change *c = fake_find(&w.api, key);
		EXPECT(c && c->revision == it.object->revision);
		arena_done(&a);
	}
	close_far(&w, server);
	test_context_end();
}

TEST(in_the_end_the_cache_is_what_the_server_has)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		live_through(seed);
}

/* ---- torture: every await fails and is cancelled in turn ---- */

TEST(any_await_may_fail)
{
	const int codes[] = {ERR_IO, ERR_CANCELLED};

	for (size_t c = 0; c < ARRAY_LEN(codes); c++) {
		bool hit = true;

		for (uint64_t k = 1; hit && k < 500 && !test_failed(); k++) {
			struct world w;

			test_context(
				"await %llu: %s", (unsigned long long)k, err_code_name(codes[c]));
			open_world(&w);
			fake_put(&w.api, "configmaps/a/one", MAP("1"));
			loop_torture(w.loop, k, codes[c]);
			open_informer(&w, w.root, k % 2);
			struct err err = {0};
			for (int i = 0; i < 60; i++) {
				struct told told = {0};

				timer_wait(told_op(&told, w.root, OP_NO_DEADLINE),
					loop_in(w.loop, SEC));
				loop_run_until(w.loop, &told.done, &err);
				told_done(&told);
				if (i == 10)
					fake_break_watches(&w.api);
				if (i == 11)
					fake_put(&w.api, "configmaps/a/two", MAP("1"));
			}
			hit = loop_torture_hit(w.loop);
			loop_torture(w.loop, 0, 0);
			EXPECT(informer_synced(w.informer));
			EXPECT_INT(informer_count(w.informer), 2);
			close_world(&w);
			err_done(&err);
		}
	}
	test_context_end();
}
