/* How far the sets of a Deployment shrink in one step: what they have in, their new sizes out. */
#include "plan_rig.h"

#include "controllers/rollout.h"

struct size {
	int64_t replicas, available;
};

struct shrink_row {
	int64_t replicas, surge, unavailable; /* of the deployment */
	struct size fresh, old;
	const char *plan;
};

static struct cJSON *set_tree(struct plan_rig *r, const char *name)
{
	return plan_rig_tree(r, arena_print(&r->arena,
					"{'apiVersion':'apps/v1','kind':'ReplicaSet','metadata':{"
					"'name':'%s','namespace':'n'},'spec':{}}",
					name)
					.at);
}

static void set_fill(struct plan_rig *r, struct set *s, const char *name, struct size size)
{
	*s = (struct set){.tree = set_tree(r, name),
		.name = str_from(name),
		.replicas = size.replicas,
		.available = size.available};
}

/* "old 3": the sets that are written, and their sizes. */
static struct str sizes(struct plan_rig *r)
{
	buf_clear(&r->text);
	for (size_t i = 0; i < r->plan.count; i++) {
		const struct plan_step *s = &r->plan.steps[i];

		if (s->verb == PLAN_UPDATE)
			buf_print(&r->text, "%.*s %lld\n", STRF(s->name),
				(long long)tree_int(s->body, "spec.replicas", -1));
	}
	return buf_str(&r->text);
}

static void check_shrink(const struct shrink_row *row)
{
	struct plan_rig r;
	struct set fresh, old, *all[] = {&old, &fresh}, *olds[] = {&old};

	plan_rig_start(&r);
	set_fill(&r, &fresh, "new", row->fresh);
	set_fill(&r, &old, "old", row->old);
	const struct deployment_view view = {
		.sets_resource = resource_find(STR("apps"), STR("v1"), STR("replicasets"))};
	struct rollout rollout = {.view = &view,
		.plan = &r.plan,
		.arena = &r.arena,
		.d = set_tree(&r, "d"),
		.replicas = row->replicas,
		.surge = row->surge,
		.unavailable = row->unavailable,
		.rolling = true,
		.all = {all, 2},
		.old = {olds, 1},
		.fresh = &fresh};
	rollout_scale_down(&rollout);
	EXPECT_STR(sizes(&r), row->plan);
	plan_rig_stop(&r);
}

TEST(old_pods_go_as_far_as_enough_are_available)
{
	static const struct shrink_row table[] = {
		{3, 1, 0, {1, 0}, {3, 3}, ""},
		{3, 1, 0, {1, 1}, {3, 3}, "old 2\n"},
		{3, 1, 1, {1, 0}, {3, 3}, "old 2\n"},
		{6, 6, 1, {6, 2}, {4, 4}, "old 3\n"},
		/* What does not serve goes before what does. */
		{3, 1, 0, {1, 1}, {3, 1}, "old 2\n"},
		{4, 2, 2, {2, 2}, {4, 1}, "old 1\n"},
		/* It was told to have two, and has not said yet that the third is gone. */
		{6, 6, 1, {6, 4}, {2, 3}, "old 1\n"},
		{6, 6, 1, {6, 3}, {2, 4}, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		test_context("row %zu", i);
		check_shrink(&table[i]);
	}
	test_context_end();
}
