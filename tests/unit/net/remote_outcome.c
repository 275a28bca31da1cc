#include "test.h"

#include <kube/mem.h>
#include <kube/remote_command.h>

static void expect(int version, struct remote_outcome outcome, const char *wanted)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);

	remote_outcome_print(&out, version, &outcome);
	EXPECT_STR(buf_str(&out), wanted);
}

TEST(outcomes_are_said_in_the_words_of_each_version)
{
	struct remote_outcome three = {.exit_code = 3, .command = STR("sh -c \"x\"")};
	struct remote_outcome broken = {.failure = STR("error executing command in container: no")};

	expect(4, (struct remote_outcome){0}, "{\"metadata\":{},\"status\":\"Success\"}");
	expect(5, (struct remote_outcome){0}, "{\"metadata\":{},\"status\":\"Success\"}");
	expect(1, (struct remote_outcome){0}, "");
	expect(4, three,
		"{\"metadata\":{},\"status\":\"Failure\",\"message\":\"command terminated with "
		"non-zero exit code: error executing command [sh -c \\\"x\\\"], exit code 3\","
		"\"reason\":\"NonZeroExitCode\",\"details\":{\"causes\":[{\"reason\":\"ExitCode\","
		"\"message\":\"3\"}]}}");
	expect(3, three,
		"command terminated with non-zero exit code: error executing command [sh -c "
		"\"x\"], exit code 3");
	expect(4, broken,
		"{\"metadata\":{},\"status\":\"Failure\",\"message\":\"Internal error occurred: "
		"error executing command in container: no\",\"reason\":\"InternalError\","
		"\"details\":{\"causes\":[{\"message\":\"error executing command in container: "
		"no\"}]},\"code\":500}");
}

TEST(sizes_are_taken_one_after_the_other_wherever_they_are_cut)
{
	static const char sizes[] =
		"{\"Width\":80,\"Height\":24}\n{\"Width\":100000,\"Height\":-1}\n";
	_cleanup_(buf_done) struct buf in = BUF_INIT(REMOTE_SIZE_MAX);
	uint16_t width = 0, height = 0;
	int taken = 0;

	for (size_t i = 0; i < sizeof(sizes) - 1; i++) {
		buf_add_char(&in, sizes[i]);
		while (remote_take_size(&in, &width, &height, NULL) > 0)
			if (taken++ == 0)
				EXPECT(width == 80 && height == 24);
	}
	EXPECT_INT(taken, 2);
	EXPECT(width == UINT16_MAX && height == 0);
	buf_clear(&in);
	buf_add_text(&in, "nonsense}");
	EXPECT_INT(remote_take_size(&in, &width, &height, NULL), ERR_SYNTAX);
}
