#include "test.h"

#include <kube/api_codec.h>
#include <kube/plan.h>
#include <kube/time.h>

TEST(steps_keep_their_order_and_what_they_name)
{
	const struct resource *maps = resource_find(STR(""), STR("v1"), STR("configmaps"));
	struct arena a;
	struct cJSON *object = NULL;

	arena_init(&a);
	struct plan p = {.arena = &a};
	EXPECT_INT(json_parse(&a,
			   STR("{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"n\","
			       "\"namespace\":\"s\",\"uid\":\"u\"}}"),
			   NULL, &object, NULL),
		0);
	plan_create(&p, maps, object);
	for (int i = 0; i < 20; i++)
		plan_delete(&p, maps, STR("s"), STR("x"), STR("u"), NULL);
	plan_event(&p, object, "Normal", "Made", STR("it"));
	REQUIRE(p.count == 22);
	EXPECT_INT(p.steps[0].verb, PLAN_CREATE);
	EXPECT_STR(p.steps[0].namespace, "s");
	EXPECT_STR(p.steps[0].name, "n");
	EXPECT_STR(p.steps[20].precondition_uid, "u");
	EXPECT_STR(p.steps[21].about.uid, "u");
	EXPECT_STR(p.steps[21].reason, "Made");
	arena_done(&a);
}

TEST(the_soonest_requeue_counts)
{
	struct arena a;

	arena_init(&a);
	struct plan p = {.arena = &a};
	plan_requeue_after(&p, 5 * SEC);
	plan_requeue_after(&p, 9 * SEC);
	EXPECT_INT(p.requeue_after, 5 * SEC);
	plan_requeue_after(&p, -1);
	EXPECT_INT(p.requeue_after, 1);
	plan_fail(&p, "no %s", "luck");
	EXPECT(p.failed);
	EXPECT_STR(p.why, "no luck");
	arena_done(&a);
}
