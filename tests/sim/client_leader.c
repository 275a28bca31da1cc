/* Leader election on virtual time: never two at once, and one again when the other is gone. */
#include "sim_world.h"

#include <kube/leader.h>

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
