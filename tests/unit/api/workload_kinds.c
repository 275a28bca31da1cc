/* Deployments and their like: what golden conversations do not reach. */
#include "change_rig.h"

#define DEPLOYMENTS  "apps/v1/deployments"
#define STATEFULSETS "apps/v1/statefulsets"
#define DAEMONSETS   "apps/v1/daemonsets"
#define CONTROLLERS  "/v1/replicationcontrollers"
#define PODS(labels)                                                                               \
	"\"template\":{\"metadata\":{\"labels\":{" labels "}},\"spec\":{\"containers\":"           \
	"[{\"name\":\"c\",\"image\":\"i\"}]}}"
#define SELECTED "{\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}}," PODS("\"a\":\"b\"")

static const char *status_update(const char *resource, const char *old, const char *now)
{
	struct change c = rig_change(resource, now, old);
	struct field_errors e = {.arena = &rig_arena};

	c.resource->strategy->validate_status(&c, &e);
	return rig_text(&e);
}

TEST(recreate_takes_no_rolling_update)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(
		rig_create(DEPLOYMENTS, SELECTED ",\"strategy\":{\"type\":\"Recreate\"}}}"), "");
	EXPECT_TEXT(rig_create(DEPLOYMENTS, SELECTED ",\"strategy\":{\"type\":\"Recreate\","
						     "\"rollingUpdate\":{}}}}"),
		"spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy "
		"`type` is 'Recreate'");
	arena_done(&rig_arena);
}

TEST(shares_of_numbers_and_percents_count_as_one)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(DEPLOYMENTS, SELECTED ",\"strategy\":{\"rollingUpdate\":"
						     "{\"maxSurge\":0,\"maxUnavailable\":"
						     "\"0%\"}}}}"),
		"spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": may not be 0 "
		"when `maxSurge` is 0");
	EXPECT_TEXT(rig_create(DEPLOYMENTS, SELECTED ",\"strategy\":{\"rollingUpdate\":"
						     "{\"maxSurge\":\"300%\","
						     "\"maxUnavailable\":0}}}}"),
		"");
	arena_done(&rig_arena);
}

TEST(what_has_collided_is_not_forgotten)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(status_update(DEPLOYMENTS, "{\"status\":{\"collisionCount\":2}}",
			    "{\"status\":{\"collisionCount\":1}}"),
		"status.collisionCount: Invalid value: 1: cannot be decremented");
	EXPECT_TEXT(status_update(STATEFULSETS, "{\"status\":{\"collisionCount\":2}}", "{}"),
		"status.collisionCount: Invalid value: 0: cannot be decremented");
	EXPECT_TEXT(status_update(DAEMONSETS, "{}", "{\"status\":{\"collisionCount\":1}}"), "");
	arena_done(&rig_arena);
}

TEST(a_stateful_set_may_change_what_is_on_the_list)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_update(STATEFULSETS, SELECTED "}}",
			    SELECTED ",\"replicas\":4,\"revisionHistoryLimit\":3,\"ordinals\":"
				     "{\"start\":2},\"minReadySeconds\":5}}"),
		"");
	EXPECT(str_find(str_from(rig_update(
				STATEFULSETS, SELECTED "}}", SELECTED ",\"serviceName\":\"s\"}}")),
		       STR("spec: Forbidden: updates to statefulset spec for fields")) == 0);
	arena_done(&rig_arena);
}

TEST(a_new_service_name_is_looked_at_an_old_one_stays)
{
	arena_init(&rig_arena);
	EXPECT(str_find(str_from(rig_create(STATEFULSETS, SELECTED ",\"serviceName\":\"A.b\"}}")),
		       STR("spec.serviceName: Invalid value: \"A.b\"")) == 0);
	EXPECT_TEXT(rig_update(STATEFULSETS, SELECTED ",\"serviceName\":\"A.b\"}}",
			    SELECTED ",\"serviceName\":\"A.b\",\"replicas\":2}}"),
		"");
	arena_done(&rig_arena);
}

TEST(a_changed_template_counts_generations_of_daemons)
{
	struct change c;

	arena_init(&rig_arena);
	c = rig_change(DAEMONSETS,
		"{\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}}," PODS(
			"\"a\":\"b\",\"c\":\"d\"") "}}",
		"{\"metadata\":{\"annotations\":{\"deprecated.daemonset.template.generation\":"
		"\"7\"}},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}}," PODS(
			"\"a\":\"b\"") "}}");
	c.resource->strategy->prepare_update(&c);
	EXPECT_STR(json_str(json_first(json_path(c.object, "metadata.annotations"))), "8");
	arena_done(&rig_arena);
}

TEST(old_controllers_select_by_a_map)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(CONTROLLERS, "{\"spec\":{" PODS("\"a\":\"b\"") "}}"), "");
	EXPECT_TEXT(rig_create(CONTROLLERS,
			    "{\"spec\":{\"selector\":{\"a\":\"c\"}," PODS("\"a\":\"b\"") "}}"),
		"spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does "
		"not match template `labels`");
	EXPECT_TEXT(rig_create(CONTROLLERS, "{\"spec\":{\"replicas\":1}}"),
		"[spec.selector: Required value, spec.template: Required value]");
	arena_done(&rig_arena);
}

TEST(names_that_are_no_labels_are_warned_of)
{
	arena_init(&rig_arena);
	EXPECT(str_find(str_from(rig_warnings(DEPLOYMENTS,
				"{\"metadata\":{\"name\":\"a.b\"},\"spec\":{\"selector\":"
				"{\"matchLabels\":{\"a\":\"b\"}}," PODS("\"a\":\"b\"") "}}")),
		       STR("metadata.name: this is used in Pod names and hostnames")) == 0);
	arena_done(&rig_arena);
}

TEST(who_names_the_strategy_of_a_stateful_set_says_all_of_it)
{
	arena_init(&rig_arena);
	EXPECT(str_find(str_from(rig_created(STATEFULSETS, SELECTED "}}")),
		       STR("\"updateStrategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":"
			   "{\"partition\":0}}")) > 0);
	EXPECT(str_find(str_from(rig_created(STATEFULSETS,
				SELECTED ",\"updateStrategy\":{\"type\":\"RollingUpdate\"}}}")),
		       STR("\"updateStrategy\":{\"type\":\"RollingUpdate\"}")) > 0);
	EXPECT(str_find(str_from(rig_created(STATEFULSETS,
				SELECTED ",\"updateStrategy\":{\"type\":\"RollingUpdate\","
					 "\"rollingUpdate\":{\"maxUnavailable\":2}}}}")),
		       STR("\"rollingUpdate\":{\"partition\":0}")) > 0);
	arena_done(&rig_arena);
}

TEST(claims_of_a_stateful_set_are_whole_bytes)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_warnings(STATEFULSETS,
			    SELECTED ",\"volumeClaimTemplates\":[{\"metadata\":{\"name\":\"d\"},"
				     "\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],"
				     "\"resources\":{\"requests\":{\"storage\":\"1500m\"}}}}]}}"),
		"spec.volumeClaimTemplates[0].resources.requests[storage]: fractional byte value "
		"\"1500m\" is invalid, must be an integer\n");
	arena_done(&rig_arena);
}
