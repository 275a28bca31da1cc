/* Autoscalers, their oldest version, disruption budgets, and who owns the number of a scale. */
#include "change_rig.h"

#include <kube/patch.h>

#define SCALERS "autoscaling/v2/horizontalpodautoscalers"
#define BUDGETS "policy/v1/poddisruptionbudgets"
#define TARGET  "\"scaleTargetRef\":{\"apiVersion\":\"apps/v1\",\"kind\":\"D\",\"name\":\"d\"}"

static const char *converted(const char *from, const char *to, const char *object)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1 * MIB);
	const struct resource *x =
		resource_find(STR("autoscaling"), str_from(from), STR("horizontalpodautoscalers"));
	const struct resource *y =
		resource_find(STR("autoscaling"), str_from(to), STR("horizontalpodautoscalers"));
	struct cJSON *tree;

	EXPECT(!resource_convert(&rig_arena, x, y, rig_parse(object), &tree, NULL));
	json_print(&out, json_get(tree, STR("spec")), JSON_SORTED);
	buf_add_char(&out, ' ');
	json_print(&out, json_path(tree, "metadata.annotations"), JSON_SORTED);
	return arena_text(&rig_arena, buf_text(&out));
}

TEST(the_first_version_keeps_other_metrics_in_annotations)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(converted("v2", "v1",
			    "{\"spec\":{\"maxReplicas\":3,\"metrics\":[{\"type\":\"Pods\",\"pods\":"
			    "{\"metric\":{\"name\":\"m\"},\"target\":{\"type\":\"AverageValue\","
			    "\"averageValue\":\"5\"}}},{\"type\":\"Resource\",\"resource\":"
			    "{\"name\":\"cpu\",\"target\":{\"type\":\"Utilization\","
			    "\"averageUtilization\":7}}}]}}"),
		"{\"maxReplicas\":3,\"scaleTargetRef\":{\"kind\":\"\",\"name\":\"\"},"
		"\"targetCPUUtilizationPercentage\":7} "
		"{\"autoscaling.alpha.kubernetes.io/metrics\":\"[{\\\"type\\\":\\\"Pods\\\","
		"\\\"pods\\\":{\\\"metricName\\\":\\\"m\\\",\\\"targetAverageValue\\\":"
		"\\\"5\\\"}}]\"}");
	arena_done(&rig_arena);
}

TEST(annotations_of_the_first_version_become_fields)
{
	const char *spec;

	arena_init(&rig_arena);
	spec = converted("v1", "v2",
		"{\"metadata\":{\"annotations\":{\"k\":\"v\","
		"\"autoscaling.alpha.kubernetes.io/metrics\":\"[{\\\"type\\\":\\\"Pods\\\","
		"\\\"pods\\\":{\\\"metricName\\\":\\\"m\\\",\\\"targetAverageValue\\\":"
		"\\\"5\\\"}}]\",\"autoscaling.alpha.kubernetes.io/behavior\":"
		"\"{\\\"ScaleUp\\\":{\\\"SelectPolicy\\\":\\\"Min\\\"}}\"}},\"spec\":"
		"{\"maxReplicas\":3}}");
	EXPECT(str_find(str_from(spec),
		       STR("\"behavior\":{\"scaleUp\":{\"selectPolicy\":\"Min\"")) > 0);
	EXPECT(str_find(str_from(spec),
		       STR("\"metrics\":[{\"pods\":{\"metric\":{\"name\":\"m\"}")) > 0);
	EXPECT(str_find(str_from(spec), STR(" {\"k\":\"v\"}")) > 0);
	arena_done(&rig_arena);
}

TEST(annotations_that_cannot_be_read_are_none)
{
	arena_init(&rig_arena);
	EXPECT(str_find(str_from(converted("v1", "v2",
				"{\"metadata\":{\"annotations\":"
				"{\"autoscaling.alpha.kubernetes.io/"
				"metrics\":\"[{\\\"type\\\":5}]\","
				"\"autoscaling.alpha.kubernetes.io/behavior\":\"{\",\"autoscaling."
				"alpha.kubernetes.io/conditions\":\"5\"}},\"spec\":{}}")),
		       STR("\"averageUtilization\":80")) > 0);
	arena_done(&rig_arena);
}

TEST(only_the_core_group_scales_without_a_group)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(SCALERS,
			    "{\"spec\":{\"maxReplicas\":2,\"scaleTargetRef\":{\"apiVersion\":"
			    "\"v1\",\"kind\":\"ReplicationController\",\"name\":\"r\"}}}"),
		"");
	EXPECT_TEXT(rig_create(SCALERS,
			    "{\"spec\":{\"maxReplicas\":2,\"scaleTargetRef\":{\"apiVersion\":"
			    "\"v1\",\"kind\":\"Pod\",\"name\":\"r\"}}}"),
		"spec.scaleTargetRef.apiVersion: Invalid value: \"v1\": apiVersion must specify "
		"API group");
	arena_done(&rig_arena);
}

TEST(what_a_direction_does_not_say_is_filled_in)
{
	arena_init(&rig_arena);
	EXPECT(str_find(str_from(rig_created(SCALERS,
				"{\"spec\":{" TARGET ",\"maxReplicas\":2,\"behavior\":"
				"{\"scaleDown\":{\"tolerance\":\"0.5\"}}}}")),
		       STR("\"scaleDown\":{\"selectPolicy\":\"Max\",\"policies\":[{\"type\":"
			   "\"Percent\",\"value\":100,\"periodSeconds\":15}],\"tolerance\":"
			   "\"500m\"}")) > 0);
	arena_done(&rig_arena);
}

TEST(a_budget_that_was_let_through_may_be_written_again)
{
	const char *odd = "{\"spec\":{\"minAvailable\":1,\"selector\":{\"matchExpressions\":"
			  "[{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"b c\"]}]}}}";

	arena_init(&rig_arena);
	EXPECT_TEXT(rig_update(BUDGETS, odd, odd), "");
	EXPECT(rig_create(BUDGETS, odd)[0]);
	arena_done(&rig_arena);
}

/* ---- scales ---- */

#define ENTRY(manager, operation, version, rest)                                                   \
	"{\"manager\":\"" manager "\",\"operation\":\"" operation "\",\"apiVersion\":\"" version   \
	"\",\"time\":\"2024-01-01T00:00:00Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:"      \
	"spec\":{" rest "}}}"

static const char *entries(const struct cJSON *object)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1 * MIB);

	json_each (entry, json_path(object, "metadata.managedFields")) {
		buf_print(&out, "%.*s %.*s %s ", STRF(tree_str(entry, "manager")),
			STRF(tree_str(entry, "apiVersion")),
			tree_has(entry, "time") ? "timed" : "timeless");
		json_print(&out, json_get(entry, STR("fieldsV1")), JSON_COMPACT);
		buf_add_char(&out, '\n');
	}
	return arena_text(&rig_arena, buf_text(&out));
}

TEST(who_takes_a_number_through_a_scale_owns_it)
{
	const struct resource *r = resource_find(STR("apps"), STR("v1"), STR("deployments"));
	struct cJSON *object, *scale;

	arena_init(&rig_arena);
	object = rig_parse("{\"metadata\":{\"managedFields\":[" ENTRY(
		"one", "Apply", "apps/v1", "\"f:paused\":{},\"f:replicas\":{}") "," ENTRY("two",
		"Update", "gone/v9", "\"f:replicas\":{}") "]}}");
	scale = rig_parse("{}");
	scale_managed_show(&rig_arena, r, "spec.replicas", object, scale);
	EXPECT_TEXT(entries(scale), "one autoscaling/v1 timed {\"f:spec\":{\"f:replicas\":{}}}\n");
	scale_managed_take(&rig_arena, r, "spec.replicas", object, scale);
	EXPECT_TEXT(entries(object),
		"one apps/v1 timed {\"f:spec\":{\"f:paused\":{},\"f:replicas\":{}}}\n");
	scale = rig_parse("{\"metadata\":{\"managedFields\":[" ENTRY(
		"three", "Update", "autoscaling/v1", "\"f:replicas\":{}") "]}}");
	scale_managed_take(&rig_arena, r, "spec.replicas", object, scale);
	EXPECT_TEXT(entries(object), "one apps/v1 timed {\"f:spec\":{\"f:paused\":{}}}\n"
				     "three apps/v1 timeless {\"f:spec\":{\"f:replicas\":{}}}\n");
	arena_done(&rig_arena);
}
