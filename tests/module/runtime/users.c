/* Pods with users of their own: root there is nobody here, and what they write is as theirs there.
 */
#include "runtime_rig.h"

static struct runtime_sandbox_run with_users(const char *name, struct str uid)
{
	struct runtime_sandbox_run run = rig_sandbox(name);

	run.config.user_count = 65536;
	run.config.uid = uid;
	return run;
}

/* Of a container's first process, on the node. */
static int user_of(const char *word)
{
	char command[256];

	snprintf(command, sizeof(command),
		"pid=$(pgrep -fx '%s' | head -n 1); sed -n 's/^Uid:.//p' /proc/$pid/status | "
		"cut -f 1",
		word);
	return rig_number(command);
}

static const char *says(struct rig *g, struct runtime_container_create *c)
{
	static char text[1 << 16];

	text[0] = 0;
	if (rig_begin(g, c))
		return text;
	rig_end_of(g, c->id);
	struct str log = rig_log("/run/logs/main/0.log");
	memcpy(text, log.at, log.len);
	text[log.len] = 0;
	rig_remove_container(g, c->id);
	unlink("/run/logs/main/0.log");
	return text;
}

TEST(root_of_a_pod_is_somebody_else_on_the_node)
{
	struct rig g;
	rig_open(&g);
	struct rig_count before = rig_count();
	struct runtime_sandbox_run one = with_users("one", STR("u1")),
				   two = with_users("two", STR("u1"));
	struct str first = rig_run(&g, &one), second = rig_run(&g, &two);
	struct runtime_container_create a = rig_container(first, RIG_SHELL("exec sleep 1001")),
					b = rig_container(second, RIG_SHELL("exec sleep 1002"));
	b.config.security.run_as_user = 7;
	b.config.log_path = STR("b/0.log");
	REQUIRE(rig_begin(&g, &a) == 0);
	REQUIRE(rig_begin(&g, &b) == 0);
	EXPECT_INT(user_of("sleep 1001"), 65536);
	EXPECT_INT(user_of("sleep 1002"), 131072 + 7);
	EXPECT_INT(rig_get(&g, b.id)->uid, 7);
	/* What runs in there later is the same. */
	static const struct str words[] = {STR_INIT("sh"), STR_INIT("-c"),
		STR_INIT("id -u; cat /proc/self/uid_map; hostname")};
	struct buf out = BUF_INIT(4096);
	struct runtime_exec exec = {
		.container = a.id, .command = words, .command_count = 3, .out = &out, .err = &out};
	g.r->ops->exec(g.r, rig_op(&g), &exec);
	EXPECT_INT(rig_done(&g, "exec"), 0);
	EXPECT_STR(buf_str(&out), "0\n         0      65536      65536\none\n");
	buf_done(&out);
	rig_remove_sandbox(&g, first);
	rig_remove_sandbox(&g, second);
	rig_expect_same(&before);
	rig_close(&g);
}

TEST(the_ids_of_one_that_is_gone_are_free_again_and_those_of_others_are_not)
{
	struct rig g;
	rig_open(&g);
	struct runtime_sandbox_run one = with_users("one", STR("u1")),
				   two = with_users("two", STR("u1")),
				   big = with_users("big", STR("u1")),
				   again = with_users("again", STR("u1"));
	struct str first = rig_run(&g, &one), second = rig_run(&g, &two);
	char *kept = str_dup(second);
	rig_remove_sandbox(&g, first);
	/* Whoever comes after this runtime knows whose they are. */
	rig_stop(&g);
	REQUIRE(rig_start(&g) == 0);
	big.config.user_count = 131072;
	struct str wide = rig_run(&g, &big);
	struct runtime_container_create c =
		rig_container(wide, RIG_SHELL("cat /proc/self/uid_map"));
	EXPECT_TEXT(says(&g, &c), "         0     262144     131072");
	struct str narrow = rig_run(&g, &again);
	c = rig_container(narrow, RIG_SHELL("cat /proc/self/uid_map"));
	EXPECT_TEXT(says(&g, &c), "         0      65536      65536");
	rig_remove_sandbox(&g, wide);
	rig_remove_sandbox(&g, narrow);
	rig_remove_sandbox(&g, str_from(kept));
	mem_free(kept);
	rig_close(&g);
}

TEST(files_are_numbered_as_the_pod_numbers_its_users)
{
	struct rig g;
	rig_open(&g);
	struct runtime_sandbox_run run = with_users("files", STR("u1"));
	struct str id = rig_run(&g, &run);
	rig_shell("mkdir -p /run/vol && echo said >/run/vol/file && chown 7:8 /run/vol/file");
	const struct runtime_mount mounts[] = {
		{.container_path = STR("/v"), .host_path = STR("/run/vol")},
		{.container_path = STR("/made/on/the/way"), .host_path = STR("/run/vol/file")},
		{.container_path = STR("/i"), .image = STR("busybox")},
	};
	struct runtime_container_create c = rig_container(id,
		RIG_SHELL("stat -c '%u:%g' /v/file /made /made/on/the/way / /bin/sh /i/bin /dev "
			  "/dev/null /dev/shm /etc/hostname; echo x >/v/new; chown 5:6 /v/new;"
			  "echo x >/bin/new; mkdir -p /etc/new && echo written >/dev/stdout"));
	c.config.mounts = mounts;
	c.config.mount_count = ARRAY_LEN(mounts);
	EXPECT_TEXT(says(&g, &c), "7:8\n0:0\n7:8\n0:0\n0:0\n0:0\n0:0\n0:0\n0:0\n0:0\nwritten");
	EXPECT_INT(rig_number("stat -c %u%g /run/vol/new"), 56);
	EXPECT_INT(rig_number("stat -c %u " RIG_IMAGE "/bin"), 0);
	EXPECT_INT(rig_number("ls " RIG_IMAGE "/bin/new 2>/dev/null | wc -l"), 0);
	rig_remove_sandbox(&g, id);
	rig_shell("rm -r /run/vol");
	rig_close(&g);
}

TEST(what_a_capability_gives_is_the_pods_alone)
{
	static const struct str all[] = {STR_INIT("ALL")};
	struct rig g;
	rig_open(&g);
	struct runtime_sandbox_run run = with_users("strong", STR("u1"));
	const struct runtime_pair sysctl = {STR("kernel.shm_rmid_forced"), STR("1")};
	run.config.sysctls = (struct runtime_pairs){&sysctl, 1};
	struct str id = rig_run(&g, &run);
	struct runtime_container_create c = rig_container(id,
		RIG_SHELL("hostname other && hostname; ip link add dummy0 type dummy 2>/dev/null; "
			  "mount -t tmpfs t /tmp && echo mounted; umount /proc/sys 2>/dev/null || "
			  "echo locked; cat /proc/sys/kernel/shm_rmid_forced;"
			  "date -s 2030-01-01 2>&1 | grep -q permitted && echo clock"));
	c.config.security.add_capabilities = all;
	c.config.security.add_count = 1;
	c.config.security.seccomp.kind = SECCOMP_UNCONFINED;
	static const struct str read_only[] = {STR_INIT("/proc/sys")};
	c.config.security.read_only_paths = read_only;
	c.config.security.read_only_count = 1;
	EXPECT_TEXT(says(&g, &c), "other\nmounted\nlocked\n1\nclock");
	rig_remove_sandbox(&g, id);
	rig_close(&g);
}

TEST(a_terminal_is_whose_it_is)
{
	struct rig g;
	rig_open(&g);
	struct runtime_sandbox_run run = with_users("tty", STR("u1"));
	run.config.pid = NAMESPACE_POD;
	struct str id = rig_run(&g, &run);
	struct runtime_container_create c = rig_container(id,
		RIG_SHELL("stat -c '%u:%g' /dev/pts/0 /dev/console; tty; echo $$ | grep -qx 1 || "
			  "echo second"));
	c.config.tty = true;
	c.config.security.run_as_user = 1000;
	c.config.security.pid = NAMESPACE_POD;
	EXPECT_TEXT(says(&g, &c), "1000:5\r\n1000:5\r\n/dev/pts/0\r\nsecond\r");
	rig_remove_sandbox(&g, id);
	rig_close(&g);
}
