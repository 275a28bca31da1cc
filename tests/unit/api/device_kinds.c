/* Devices: slices, capacities, taints, conditions; what no recorded conversation asks. */
#include "change_rig.h"

#define SLICES "resource.k8s.io/v1/resourceslices"
#define CLAIMS "resource.k8s.io/v1/resourceclaims"
#define RULES  "resource.k8s.io/v1alpha3/devicetaintrules"
#define SLICE(spec, device)                                                                        \
	"{\"spec\":{\"driver\":\"d.io\",\"pool\":{\"name\":\"p\",\"generation\":1,"                \
	"\"resourceSliceCount\":1}," spec ",\"devices\":[{\"name\":\"a\"" device "}]}}"
#define NODE "\"nodeName\":\"n\""

TEST(versions_are_semantic)
{
	static const char *const good[] = {
		"1.2.3", "0.0.0", "1.0.0-alpha.1", "1.0.0+b.007", "1.0.0-0a.x-y+z"};
	static const char *const bad[] = {
		"1.2", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", "v1.2.3", "1.2.3-a..b", "1.2.3.4"};

	arena_init(&rig_arena);
	for (size_t i = 0; i < ARRAY_LEN(good) + ARRAY_LEN(bad); i++) {
		bool fine = i < ARRAY_LEN(good);
		const char *version = fine ? good[i] : bad[i - ARRAY_LEN(good)];
		const char *slice = arena_print(&rig_arena,
			SLICE(NODE, ",\"attributes\":{\"x\":{\"version\":\"%s\"}}"), version)
					    .at;

		test_context("version %s", version);
		EXPECT(fine == !*rig_create(SLICES, slice));
	}
	arena_done(&rig_arena);
}

TEST(attributes_are_named_by_identifiers_and_domains)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(SLICES, SLICE(NODE, ",\"attributes\":{\"a.io/x\":{\"int\":1},"
						   "\"/x\":{\"int\":1}}")),
		"spec.devices[0].attributes[/x]: Invalid value: \"\": the domain must not be "
		"empty");
	arena_done(&rig_arena);
}

TEST(where_devices_are_is_said_once)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(SLICES, SLICE(NODE, ",\"nodeName\":\"m\"")),
		"spec.devices[0]: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` "
		"can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice "
		"spec");
	EXPECT_TEXT(rig_create(SLICES, SLICE("\"perDeviceNodeSelection\":true", "")),
		"spec.devices[0]: Required value: exactly one of `nodeName`, `nodeSelector`, or "
		"`allNodes` is required when `perDeviceNodeSelection` is set to true in the "
		"ResourceSlice spec");
	EXPECT_TEXT(rig_create(SLICES, SLICE("\"perDeviceNodeSelection\":true",
					       ",\"nodeName\":\"m\",\"allNodes\":true")),
		"spec.devices[0]: Invalid value: \"{`nodeName`, `allNodes`}\": exactly one of "
		"`nodeName`, `nodeSelector`, or `allNodes` is required when "
		"`perDeviceNodeSelection` is set to true in the ResourceSlice spec");
	arena_done(&rig_arena);
}

#define POLICY(policy)                                                                             \
	SLICE(NODE, ",\"allowMultipleAllocations\":true,\"capacity\":{\"m\":{\"value\":\"10\","    \
		    "\"requestPolicy\":{" policy "}}}")

TEST(policies_of_capacity_fit_the_capacity)
{
	static const char place[] = "spec.devices[0].capacity[m].requestPolicy";

	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(SLICES, POLICY("\"default\":\"2\",\"validRange\":{\"min\":\"2\","
					      "\"max\":\"8\",\"step\":\"2\"}")),
		"");
	EXPECT_TEXT(rig_create(SLICES, POLICY("\"default\":\"3\",\"validRange\":{\"min\":\"2\","
					      "\"max\":\"8\",\"step\":\"2\"}")),
		arena_print(&rig_arena,
			"%s.validRange.step: Invalid value: \"3\": value is not a multiple of a "
			"given step (2) from (2)",
			place)
			.at);
	EXPECT_TEXT(rig_create(SLICES, POLICY("\"default\":\"1\",\"validValues\":[\"2\",\"11\"]")),
		arena_print(&rig_arena,
			"[%s.validValues[1]: Invalid value: \"11\": option is larger than "
			"capacity value: 10, %s.validValues: Invalid value: \"1\": default value "
			"is not valid according to the requestPolicy]",
			place, place)
			.at);
	EXPECT_TEXT(rig_create(SLICES, SLICE(NODE, ",\"capacity\":{\"m\":{\"value\":\"10\","
						   "\"requestPolicy\":{\"default\":\"1\"}}}")),
		arena_print(
			&rig_arena, "%s: Forbidden: allowMultipleAllocations must be true", place)
			.at);
	arena_done(&rig_arena);
}

TEST(binding_conditions_come_in_pairs)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(SLICES, SLICE(NODE, ",\"bindingConditions\":[\"a\",\"a\"],"
						   "\"bindingFailureConditions\":[\"a\"]")),
		"[spec.devices[0].bindingConditions[1]: Duplicate value: \"a\", "
		"spec.devices[0].bindingFailureConditions[0]: Invalid value: \"a\": "
		"bindingFailureConditions must not overlap with bindingConditions]");
	arena_done(&rig_arena);
}

TEST(taints_tell_since_when_they_are_there)
{
	arena_init(&rig_arena);
	const char *made = rig_created(
		SLICES, SLICE(NODE, ",\"taints\":[{\"key\":\"k\",\"effect\":\"NoSchedule\"}]"));
	EXPECT(strstr(made, "\"timeAdded\":\"2023-11-14T22:13:20Z\"") != NULL);
	arena_done(&rig_arena);
}

#define ASKED                                                                                      \
	"\"spec\":{\"devices\":{\"requests\":[{\"name\":\"r\",\"exactly\":{"                       \
	"\"deviceClassName\":\"c\"}}]}}"
#define GIVEN                                                                                      \
	"\"allocation\":{\"devices\":{\"results\":[{\"request\":\"r\",\"driver\":\"d.io\","        \
	"\"pool\":\"p\",\"device\":\"a\"}]}}"

static const char *status_faults(const char *old, const char *now)
{
	struct change c = rig_change(CLAIMS, now, old);
	struct field_errors e = {.arena = &rig_arena};

	c.resource->strategy->prepare_status(&c);
	c.resource->strategy->validate_status(&c, &e);
	return rig_text(&e);
}

TEST(only_allocated_devices_have_a_state)
{
	const char *old = "{" ASKED "}";

	arena_init(&rig_arena);
	EXPECT_TEXT(status_faults(old,
			    "{" ASKED ",\"status\":{" GIVEN
			    ",\"devices\":[{\"driver\":\"d.io\",\"pool\":\"p\","
			    "\"device\":\"a\",\"networkData\":{\"ips\":[\"10.0.0.1/8\"]}}]}}"),
		"");
	EXPECT_TEXT(status_faults(old, "{" ASKED ",\"status\":{" GIVEN
				       ",\"devices\":[{\"driver\":\"d.io\",\"pool\":\"p\","
				       "\"device\":\"b\"}]}}"),
		"status.devices[0]: Invalid value: \"d.io/p/b\": must be an allocated device in "
		"the claim");
	EXPECT_TEXT(status_faults("{" ASKED ",\"status\":{" GIVEN "}}",
			    "{" ASKED ",\"status\":{\"devices\":[{\"driver\":\"d.io\",\"pool\":"
			    "\"p\",\"device\":\"a\"}]}}"),
		"");
	arena_done(&rig_arena);
}

TEST(conditions_say_what_since_when_and_why)
{
	struct field_errors e = {.arena = &rig_arena};

	arena_init(&rig_arena);
	struct change c = rig_change(RULES,
		"{\"status\":{\"conditions\":[{\"type\":\"A\",\"status\":\"Maybe\",\"reason\":"
		"\"1\",\"observedGeneration\":-1},{\"type\":\"A\",\"status\":\"True\",\"reason\":"
		"\"Ok_1\",\"lastTransitionTime\":\"2024-01-01T00:00:00Z\"}]}}",
		NULL);
	c.resource->strategy->validate_status(&c, &e);
	const char *text = rig_text(&e);
	EXPECT(strstr(text, "conditions[0].status: Unsupported value: \"Maybe\"") != NULL);
	EXPECT(strstr(text, "must be greater than or equal to zero") != NULL);
	EXPECT(strstr(text, "conditions[0].lastTransitionTime: Required value: must be set") !=
		NULL);
	EXPECT(strstr(text, "a condition reason must start with alphabetic character") != NULL);
	EXPECT(strstr(text, "conditions[1].type: Duplicate value: \"A\"") != NULL);
	EXPECT_INT(e.count, 5);
	arena_done(&rig_arena);
}
