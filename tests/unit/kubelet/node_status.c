/* What a node says of itself, as its configuration has it. */
#include "kubelet/node_status.h"

#include "test.h"

#include <kube/api_codec.h>
#include <kube/machine.h>
#include <kube/runtime.h>

static struct cJSON *node(struct arena *a, const char *configuration)
{
	static const struct runtime_ops ops = {.name = "native", .version = "1"};
	static const bool pressure[PRESSURES];
	static const struct image images[] = {
		{.id = STR_INIT("a"), .size = 1}, {.id = STR_INIT("b"), .size = 3}};
	static const struct image *const list[] = {&images[0], &images[1]};
	const struct machine machine = {.cpus = 2};
	const struct kubelet_options options = {.node_name = STR("n"), .max_pods = 110};
	struct kubelet_configuration c;
	struct err err = {0};

	EXPECT_OK(kubelet_configuration_read(a,
			  arena_print(a,
				  "apiVersion: kubelet.config.k8s.io/v1beta1\n"
				  "kind: KubeletConfiguration\n%s",
				  configuration),
			  &c, &err),
		&err);
	const struct node_input in = {.options = &options,
		.configuration = &c,
		.machine = &machine,
		.pressure = pressure,
		.runtime = &ops,
		.images = list,
		.image_count = 2};
	return node_object(a, &in);
}

TEST(pods_are_as_many_as_a_core_may_have_but_no_more_than_the_node)
{
	static const struct {
		const char *configuration, *pods;
	} rows[] = {{"", "110"}, {"podsPerCore: 10", "20"}, {"podsPerCore: 100", "110"}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena a;

		arena_init(&a);
		test_context("%s", rows[i].configuration);
		EXPECT_STR(json_str(json_path(
				   node(&a, rows[i].configuration), "status.capacity.pods")),
			rows[i].pods);
		arena_done(&a);
	}
	test_context_end();
}

TEST(images_are_told_of_up_to_a_number_the_largest_first)
{
	static const struct {
		const char *configuration;
		int64_t count;
	} rows[] = {{"", 2}, {"nodeStatusMaxImages: 1", 1}, {"nodeStatusMaxImages: 0", 0},
		{"nodeStatusMaxImages: -1", 2}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena a;

		arena_init(&a);
		test_context("%s", rows[i].configuration);
		const struct cJSON *list =
			json_path(node(&a, rows[i].configuration), "status.images");
		EXPECT_INT(json_count(list), rows[i].count);
		if (rows[i].count)
			EXPECT_INT(tree_int(json_first(list), "sizeBytes", 0), 3);
		arena_done(&a);
	}
	test_context_end();
}

TEST(the_providers_name_of_a_node_is_registered)
{
	struct arena a;

	arena_init(&a);
	EXPECT(!tree_has(node(&a, ""), "spec.providerID"));
	EXPECT_STR(json_str(json_path(node(&a, "providerID: cloud://x"), "spec.providerID")),
		"cloud://x");
	arena_done(&a);
}
