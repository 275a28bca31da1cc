#include "runtime/spec.h"
#include "test.h"

#include <kube/buf.h>

static struct container_spec spec_full(void)
{
	static struct str args[] = {STR_INIT("sh"), STR_INIT("-c"), STR_INIT("echo \"hi\"\n")};
	static int64_t groups[] = {1, 2, INT64_C(4294967295)};
	static struct spec_mount mounts[] = {{.type = STR_INIT("tmpfs"),
						     .target = STR_INIT("/tmp"),
						     .data = STR_INIT("mode=755"),
						     .attributes = 7},
		{.type = STR_INIT("bind"),
			.source = STR_INIT("/a"),
			.target = STR_INIT("/b"),
			.propagation = 2,
			.recursive_changes = true,
			.optional = true}};
	static struct spec_device devices[] = {{.path = STR_INIT("/dev/x"),
		.type = STR_INIT("c"),
		.access = STR_INIT("rw"),
		.major = 1,
		.minor = -1,
		.mode = 0666}};
	static struct spec_hugepages huge[] = {{STR_INIT("2MB"), 4096}};

	return (struct container_spec){.id = STR("c1"),
		.cgroup = STR("/kubepods/c1"),
		.root = STR("/r"),
		.args = {args, 3},
		.groups = {groups, 3},
		.uid = -1,
		.gid = 5,
		.capabilities = INT64_C(0xa80425fb),
		.memory = INT64_C(1) << 40,
		.tty = true,
		.mounts = mounts,
		.mount_count = 2,
		.devices = devices,
		.device_count = 1,
		.hugepages = huge,
		.hugepage_count = 1};
}

TEST(what_is_written_is_read_again)
{
	struct container_spec spec = spec_full(), read = {0};
	struct buf text = BUF_INIT(SPEC_MAX), again = BUF_INIT(SPEC_MAX);
	struct arena a;
	struct err err = {0};

	arena_init(&a);
	spec_print(&text, &spec);
	REQUIRE_OK(spec_parse(&a, buf_str(&text), &read, &err), &err);
	EXPECT_STR(read.id, "c1");
	EXPECT_INT(read.args.count, 3);
	EXPECT_STR(read.args.items[2], "echo \"hi\"\n");
	EXPECT_INT(read.groups.items[2], INT64_C(4294967295));
	EXPECT_INT(read.uid, -1);
	EXPECT_INT(read.capabilities, INT64_C(0xa80425fb));
	EXPECT(read.tty && !read.stdin);
	EXPECT_STR(read.mounts[1].target, "/b");
	EXPECT(read.mounts[1].optional && !read.mounts[0].optional);
	EXPECT_INT(read.devices[0].minor, -1);
	EXPECT_INT(read.hugepages[0].limit, 4096);
	spec_print(&again, &read);
	EXPECT_STR(buf_str(&again), buf_text(&text));
	/* All texts end as the kernel wants them to. */
	EXPECT_TEXT(read.mounts[0].data.at, "mode=755");
	buf_done(&text);
	buf_done(&again);
	arena_done(&a);
}

TEST(what_another_version_wrote_is_read_as_far_as_it_goes)
{
	struct container_spec read = {0};
	struct arena a;
	struct err err = {0};

	arena_init(&a);
	REQUIRE_OK(spec_parse(&a, STR("{\"id\":\"x\",\"unheard\":{\"of\":[1]},\"uid\":7}"), &read,
			   &err),
		&err);
	EXPECT_STR(read.id, "x");
	EXPECT_INT(read.uid, 7);
	EXPECT_INT(read.args.count, 0);
	EXPECT(spec_parse(&a, STR("{\"id\":"), &read, &err) != 0);
	EXPECT(spec_parse(&a, STR("[]"), &read, &err) != 0);
	err_done(&err);
	arena_done(&a);
}
