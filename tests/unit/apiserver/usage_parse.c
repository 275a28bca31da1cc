/* What kubelets print at /metrics/resource, line by line. */
#include "test.h"

#include "apiserver/usage.h"

TEST(samples_are_read_with_their_labels_and_times)
{
	struct usage_sample s;

	REQUIRE(usage_parse_sample(STR("container_cpu_usage_seconds_total{container=\"one\","
				       "namespace=\"ns\",pod=\"web\"} "
				       "1.5e+01 1700000000123"),
		&s));
	EXPECT_STR(s.name, "container_cpu_usage_seconds_total");
	EXPECT_STR(s.container, "one");
	EXPECT_STR(s.namespace, "ns");
	EXPECT_STR(s.pod, "web");
	EXPECT(s.value == 15);
	EXPECT_INT(s.at, 1700000000123000000);
	REQUIRE(usage_parse_sample(STR("node_memory_working_set_bytes 1024"), &s));
	EXPECT(s.value == 1024 && s.at == 0 && !s.pod.len);
	EXPECT(usage_parse_sample(STR("x{} 1\n"), &s));
}

TEST(lines_that_say_nothing_are_passed_over)
{
	static const char *const lines[] = {"", "# HELP x y", "x", "x{", "x} 1", "}{ 1", "x{a} 1",
		"x{a=\"b} 1", "x{a=\"b\\\"c\"} 1", "x NaN", "x -1", "x 1e300", "x 1 2x", "x 1 -5",
		"x 1 99999999999999999999", "x{=\"\"} 1"};
	struct usage_sample s;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		test_context("%s", lines[i]);
		EXPECT(!usage_parse_sample(str_from(lines[i]), &s));
	}
	test_context_end();
}
