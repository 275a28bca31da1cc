/* Flags of upstream's kubelet are a configuration that has the last word. */
#include "main/kubelet_flags.c"

#include "test.h"

static int print(struct arena *a, const char *one, const char *two, struct str *text)
{
	struct kubelet_flags values = {0};
	struct flag flags[KUBELET_FLAGS + 1] = {0};
	char *argv[] = {(char *)(uintptr_t)one, (char *)(uintptr_t)two};
	struct err err = {0};

	kubelet_flags_add(&values, flags);
	flags[KUBELET_FLAGS] = (struct flag)FLAG_END;
	flags_init(flags, a);
	int code = flags_parse(flags, a, two ? 2 : 1, argv, NULL, &err);
	if (!code)
		code = kubelet_flags_print(a, &values, text, &err);
	if (code)
		*text = arena_str(a, str_from(err_text(&err)));
	err_done(&err);
	return code;
}

static void expect(const char *one, const char *two, const char *wanted)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(buf_done) struct buf whole = BUF_INIT(KIB);
	struct str text = STR("");

	arena_init(&a);
	buf_print(&whole,
		"{%s,\"apiVersion\":\"kubelet.config.k8s.io/v1beta1\",\"kind\":"
		"\"KubeletConfiguration\"}",
		wanted);
	EXPECT_INT(print(&a, one, two, &text), 0);
	EXPECT_STR(text, buf_text(&whole));
}

TEST(flags_become_fields)
{
	expect("--max-parallel-image-pulls=3", NULL, "\"maxParallelImagePulls\":3");
	expect("--container-log-max-size=1Mi", "--container-log-max-size=2Mi",
		"\"containerLogMaxSize\":\"2Mi\"");
	expect("--allowed-unsafe-sysctls=kernel.msg*,net.core.somaxconn", NULL,
		"\"allowedUnsafeSysctls\":[\"kernel.msg*\",\"net.core.somaxconn\"]");
	expect("--system-reserved=cpu=1,memory=1Gi", NULL,
		"\"systemReserved\":{\"cpu\":\"1\",\"memory\":\"1Gi\"}");
	expect("--eviction-hard=memory.available<1Gi", "--volume-stats-agg-period=30s",
		"\"evictionHard\":{\"memory.available\":\"1Gi\"},\"volumeStatsAggPeriod\":\"30s\"");
}

TEST(what_is_no_value_is_refused)
{
	static const char *const wrong[] = {"--pod-max-pids=many",
		"--eviction-hard=memory.available=1Gi", "--kube-reserved=cpu"};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		_cleanup_(arena_done) struct arena a;
		struct str text = STR("");

		arena_init(&a);
		test_context("%s", wrong[i]);
		EXPECT_INT(print(&a, wrong[i], NULL, &text), ERR_USAGE);
		test_context_end();
	}
}
