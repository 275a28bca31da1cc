/* Leader election on virtual time: never two at once, and one again when the other is gone. */
#include "sim_world.h"

#include <kube/http_server.h>
#include <kube/leader.h>

#include <stdio.h>

#define LEASE "leases/kube-system/it"

struct candidate {
	struct leader *leader;
	struct world *world;
	int started, stopped;
	bool leads;
	struct candidate *others;
	size_t count;
};

static void started(void *ctx)
{
	struct candidate *c = ctx;

	EXPECT(!c->leads);
	c->leads = true;
	c->started++;
	for (size_t i = 0; i < c->count; i++)
		EXPECT(&c->others[i] == c || !c->others[i].leads);
}

static void stopped(void *ctx)
{
	struct candidate *c = ctx;

	EXPECT(c->leads);
	c->leads = false;
	c->stopped++;
}

static void run_for(struct candidate *c, struct world *w, const char *identity)
{
	struct leader_options options = {.client = w->client,
		.namespace = STR("kube-system"),
		.name = STR("it"),
		.identity = str_from(identity),
		.started = started,
		.stopped = stopped,
		.ctx = c};

	c->world = w;
	c->leader = leader_new(w->root, &options);
}

static void drop(struct candidate *c)
{
	struct told told = {0};

	if (!c->leader)
		return;
	leader_stop(c->leader, told_op(&told, c->world->root, OP_NO_DEADLINE));
	world_await(c->world, &told);
	told_done(&told);
	leader_free(TAKE(c->leader));
	EXPECT(!c->leads);
}

TEST(the_first_leads_and_hands_over_when_it_stops)
{
	struct world w = {0};
	struct candidate all[2] = {{.others = all, .count = 2}, {.others = all, .count = 2}};
	struct arena a;

	arena_init(&a);
	world_open(&w, 1);
	run_for(&all[0], &w, "one");
	world_pass(&w, SEC);
	run_for(&all[1], &w, "two");
	EXPECT(all[0].leads);
	EXPECT_STR(world_field(&w, &a, LEASE, "spec.holderIdentity"), "one");
	world_pass(&w, HOUR);
	EXPECT(all[0].leads && !all[1].leads);
	EXPECT_STR(leader_holder(all[1].leader), "one");
	drop(&all[0]);
	EXPECT_STR(world_field(&w, &a, LEASE, "spec.holderIdentity"), "");
	world_pass(&w, 5 * SEC);
	EXPECT(all[1].leads);
	EXPECT(str_find(world_text(&w, LEASE), STR("\"leaseTransitions\":1")) >= 0);
	drop(&all[1]);
	world_close(&w);
	arena_done(&a);
}

TEST(who_cannot_renew_stops_before_another_starts)
{
	struct world w = {0};
	struct candidate one = {0};

	world_open(&w, 1);
	run_for(&one, &w, "one");
	world_pass(&w, SEC);
	EXPECT(one.leads);
	w.api.refuse_code = 500;
	w.api.refuse_reason = "InternalError";
	w.api.refuse_times = 1000;
	world_pass(&w, 8 * SEC);
	EXPECT(one.leads);
	world_pass(&w, 4 * SEC);
	EXPECT(!one.leads);
	w.api.refuse_times = 0;
	world_pass(&w, 20 * SEC);
	EXPECT(one.leads);
	EXPECT_INT(one.started, 2);
	drop(&one);
	EXPECT_INT(one.stopped, 2);
	world_close(&w);
}

TEST(a_lease_left_behind_is_taken_after_its_time)
{
	struct world w = {0};
	struct candidate two = {0};

	world_open(&w, 1);
	fake_put(&w.api, LEASE,
		"{\"metadata\":{},\"spec\":{\"holderIdentity\":\"dead\",\"leaseDurationSeconds\":"
		"15,"
		"\"renewTime\":\"2000-01-01T00:00:00.000000Z\",\"leaseTransitions\":4}}");
	run_for(&two, &w, "two");
	/* The age of the lease counts from when we saw it: clocks may disagree. */
	world_pass(&w, 14 * SEC);
	EXPECT(!two.leads);
	world_pass(&w, 8 * SEC);
	EXPECT(two.leads);
	EXPECT(str_find(world_text(&w, LEASE), STR("\"leaseTransitions\":5")) >= 0);
	/* Somebody took it by force. */
	fake_put(&w.api, LEASE,
		"{\"metadata\":{},\"spec\":{\"holderIdentity\":\"thief\",\"leaseDurationSeconds\":"
		"15}}");
	world_pass(&w, 5 * SEC);
	EXPECT(!two.leads);
	world_pass(&w, 25 * SEC);
	EXPECT(two.leads);
	drop(&two);
	world_close(&w);
}

static void contend(struct world *w)
{
	struct candidate all[3] = {{.others = all, .count = 3}, {.others = all, .count = 3},
		{.others = all, .count = 3}};
	static const char *const names[] = {"one", "two", "three"};

	for (int i = 0; i < 3; i++)
		run_for(&all[i], w, names[i]);
	world_pass(w, MINUTE);
	EXPECT_INT(all[0].leads + all[1].leads + all[2].leads, 1);
	for (int i = 0; i < 3; i++)
		if (all[i].leads)
			drop(&all[i]);
	world_pass(w, MINUTE);
	EXPECT_INT(all[0].leads + all[1].leads + all[2].leads, 1);
	for (int i = 0; i < 3; i++)
		drop(&all[i]);
}

TEST(one_leads_whatever_await_fails)
{
	world_torture(contend);
}

/* ---- several hosts, a bad network, clocks that jump ---- */

#define HOSTS 3

static void elect(uint64_t seed)
{
	struct world w = {0};
	struct world hosts[HOSTS] = {0};
	struct candidate all[HOSTS];
	struct sim_faults faults = {.delay_min = MSEC,
		.delay_max = 400 * MSEC,
		.loss = 0.05,
		.reset = 0.05,
		.refuse = 0.1,
		.split = 0.2};
	struct client_options options = {.user_agent = "sim"};
	struct client_config config = {.server = STR("http://far:80")};
	struct address at = address_of(ip_v4(10, 0, 0, 9), 80);
	struct err err = {0};
	struct told told = {0};
	int led = 0;

	test_context("seed %llu", (unsigned long long)seed);
	world_open(&w, seed);
	struct env *far = sim_host(w.sim, "far", ip_v4(10, 0, 0, 9));
	struct http_server_options server_options = {.handler = fake_handle, .ctx = &w.api};
	w.api.env = far;
	struct http_server *server = http_server_new(far, w.root, &server_options);
	EXPECT_OK(http_server_listen(server, &at, &at, &err), &err);
	for (int i = 0; i < HOSTS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "host-%d", i);
		hosts[i] = w;
		hosts[i].env = sim_host(w.sim, name, ip_v4(10, 0, 1, (uint8_t)(i + 1)));
		hosts[i].client = client_new(hosts[i].env,
			client_transport_https(hosts[i].env, w.root, &config), &options);
		all[i] = (struct candidate){.others = all, .count = HOSTS};
		run_for(&all[i], &hosts[i], name);
	}
	sim_set_faults(w.sim, &faults);
	for (int i = 0; i < 100; i++) {
		int which = (int)rng_below(sim_rng(w.sim), HOSTS);
		bool parted = rng_below(sim_rng(w.sim), 3) == 0;

		sim_part(w.sim, hosts[which].env, far, parted);
		if (rng_below(sim_rng(w.sim), 5) == 0)
			sim_jump_clock(hosts[which].env,
				((int64_t)rng_below(sim_rng(w.sim), 48) - 24) * HOUR);
		/* Whoever starts to lead looks whether another does. */
		world_pass(&w, (int64_t)rng_below(sim_rng(w.sim), 20 * SEC));
		led += all[0].leads + all[1].leads + all[2].leads;
		sim_part(w.sim, hosts[which].env, far, parted && i % 2);
	}
	for (int i = 0; i < HOSTS; i++)
		sim_part(w.sim, hosts[i].env, far, false);
	sim_set_faults(w.sim, &(struct sim_faults){0});
	world_pass(&w, 2 * MINUTE);
	EXPECT_INT(all[0].leads + all[1].leads + all[2].leads, 1);
	EXPECT(led > 30);
	for (int i = 0; i < HOSTS; i++) {
		struct told stop = {0};

		drop(&all[i]);
		client_stop(hosts[i].client, told_op(&stop, w.root, OP_NO_DEADLINE));
		world_await(&w, &stop);
		told_done(&stop);
		client_free(hosts[i].client);
	}
	http_server_stop(server, told_op(&told, w.root, OP_NO_DEADLINE), 0);
	world_await(&w, &told);
	told_done(&told);
	http_server_free(server);
	world_close(&w);
	test_context_end();
}

TEST(never_two_lead_at_once)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		elect(seed);
}
