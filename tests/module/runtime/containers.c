#include "runtime_rig.h"

/* ---- one container to its end, and what it said ---- */

struct one {
	struct rig g;
	struct runtime_sandbox_run run;
	struct runtime_container_create c;
};

static bool one_open(struct one *o, const struct str shell[3])
{
	rig_open(&o->g);
	o->run = rig_sandbox("one");
	struct str id = rig_run(&o->g, &o->run);
	o->c = rig_container(id, shell);
	return id.len > 0;
}

static struct str one_says(struct one *o)
{
	unlink("/run/logs/main/0.log");
	if (rig_begin(&o->g, &o->c))
		return (struct str){0};
	rig_end_of(&o->g, o->c.id);
	return rig_log("/run/logs/main/0.log");
}

static void one_close(struct one *o)
{
	rig_remove_sandbox(&o->g, o->run.id);
	rig_close(&o->g);
}

/* ---- who it is ---- */

TEST(users_come_from_the_pod_or_from_the_image)
{
	struct one o;
	REQUIRE(one_open(&o, RIG_SHELL("id -u; id -g; id -G; echo $HOME")));
	o.c.config.security.run_as_name = STR("app");
	EXPECT_STR(one_says(&o), "1000\n1001\n1001 1002\n/srv/app");
	EXPECT_INT(rig_get(&o.g, o.c.id)->uid, 1000);
	EXPECT_INT(rig_get(&o.g, o.c.id)->gid, 1001);
	REQUIRE(rig_get(&o.g, o.c.id)->group_count == 2);
	EXPECT_INT(rig_get(&o.g, o.c.id)->groups[1], 1002);
	const int64_t groups[] = {5000};
	o.c.config.security.run_as_name = (struct str){0};
	o.c.config.security.run_as_user = 7;
	o.c.config.security.run_as_group = 8;
	o.c.config.security.supplemental_groups = groups;
	o.c.config.security.supplemental_count = 1;
	EXPECT_STR(one_says(&o), "7\n8\n8 5000\n/");
	o.g.root.user = STR("1000:0");
	o.c.config.security.run_as_user = o.c.config.security.run_as_group = -1;
	EXPECT_STR(one_says(&o), "1000\n0\n0 5000\n/srv/app");
	o.c.config.security.run_as_name = STR("nobody-knows");
	EXPECT_INT(rig_create(&o.g, &o.c), 0);
	o.g.r->ops->start_container(o.g.r, rig_op(&o.g), o.c.id);
	EXPECT(rig_await(&o.g) != 0);
	EXPECT(strstr(err_text(&o.g.told.err), "nobody-knows"));
	const struct container *c = rig_get(&o.g, o.c.id);
	EXPECT_INT(c->state, CONTAINER_EXITED);
	EXPECT_INT(c->exit_code, 128);
	EXPECT_STR(c->reason, "StartError");
	one_close(&o);
}

TEST(capabilities_are_those_that_were_given)
{
	struct one o;
	REQUIRE(one_open(&o, RIG_SHELL("grep -E 'Cap(Eff|Bnd|Inh|Amb)' /proc/self/status | tr -s "
				       "'\\t' ' '; grep NoNew /proc/self/status | tr '\\t' ' '")));
	EXPECT_STR(one_says(&o), "CapInh: 0000000000000000\nCapEff: 00000000a80425fb\n"
				 "CapBnd: 00000000a80425fb\nCapAmb: 0000000000000000\n"
				 "NoNewPrivs: 0");
	const struct str all[] = {STR("ALL")}, net[] = {STR("NET_BIND_SERVICE")};
	o.c.config.security.drop_capabilities = all;
	o.c.config.security.drop_count = 1;
	o.c.config.security.add_capabilities = net;
	o.c.config.security.add_count = 1;
	o.c.config.security.no_new_privs = true;
	EXPECT_STR(one_says(&o), "CapInh: 0000000000000000\nCapEff: 0000000000000400\n"
				 "CapBnd: 0000000000000400\nCapAmb: 0000000000000000\n"
				 "NoNewPrivs: 1");
	one_close(&o);
}

TEST(system_calls_are_filtered_unless_it_is_said_otherwise)
{
	struct one o;
	REQUIRE(one_open(&o, RIG_SHELL("grep Seccomp: /proc/self/status | tr '\\t' ' ';"
				       "unshare -U true 2>/dev/null && echo can || echo cannot;"
				       "mount -t tmpfs x /tmp 2>/dev/null && echo can || echo "
				       "cannot")));
	EXPECT_STR(one_says(&o), "Seccomp: 2\ncannot\ncannot");
	o.c.config.security.no_new_privs = true;
	EXPECT_STR(one_says(&o), "Seccomp: 2\ncannot\ncannot");
	o.c.config.security.no_new_privs = false;
	o.c.config.security.privileged = true;
	EXPECT_STR(one_says(&o), "Seccomp: 0\ncan\ncan");
	o.c.config.security.privileged = false;
	o.c.config.security.seccomp.kind = SECCOMP_UNCONFINED;
	EXPECT_STR(one_says(&o), "Seccomp: 0\ncan\ncannot");
	rig_write("/run/profile.json",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\","
		"\"mkdirat\"],\"action\":\"SCMP_ACT_ERRNO\"}]}");
	o.c.config.security.seccomp.kind = SECCOMP_LOCALHOST;
	o.c.config.security.seccomp.profile = STR("/run/profile.json");
	o.c.config.command = RIG_SHELL("mkdir /tmp/x 2>/dev/null && echo can || echo cannot");
	EXPECT_STR(one_says(&o), "cannot");
	o.c.config.security.seccomp.profile = STR("/run/no-profile.json");
	o.g.r->ops->create_container(o.g.r, rig_op(&o.g), &o.c);
	EXPECT(rig_await(&o.g) != 0);
	one_close(&o);
}

/* ---- what it sees ---- */

TEST(the_node_is_out_of_sight)
{
	static const struct str masked[] = {
		STR_INIT("/proc/keys"), STR_INIT("/proc/acpi"), STR_INIT("/proc/no-such-file")};
	static const struct str read_only[] = {STR_INIT("/proc/sys")};
	struct one o;
	REQUIRE(one_open(&o, RIG_SHELL("cat /proc/keys | wc -c; ls /proc/acpi 2>/dev/null | wc -l;"
				       "echo 1 2>/dev/null >/proc/sys/kernel/domainname || echo ro;"
				       "ls /dev | tr '\\n' ' '; echo; set -- /proc/[0-9]*; echo $#;"
				       "touch /sys/x 2>/dev/null || echo ro;"
				       "test -e /proc/1/root/run || echo none;"
				       "cat /proc/self/cgroup | grep -vc ':/$';"
				       "mount | grep -c /run/kube")));
	o.c.config.security.masked_paths = masked;
	o.c.config.security.masked_count = 3;
	o.c.config.security.read_only_paths = read_only;
	o.c.config.security.read_only_count = 1;
	struct str said = one_says(&o);
	EXPECT_STR(said, "0\n0\nro\n"
			 "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom "
			 "zero \n1\nro\nnone\n0\n1");
	one_close(&o);
}

TEST(the_root_is_its_own_and_may_be_read_only)
{
	struct one o;
	REQUIRE(one_open(&o, RIG_SHELL("exec 2>/dev/null; echo x >/new && rm -r /etc/passwd && "
				       "echo changed || echo "
				       "kept; pwd; touch /dev/shm/x /tmp/y 2>/dev/null; ls /tmp")));
	o.c.config.working_dir = STR("/made/by/nobody");
	EXPECT_STR(one_says(&o), "changed\n/made/by/nobody\ny");
	EXPECT(access(RIG_IMAGE "/etc/passwd", F_OK) == 0);
	EXPECT(access(RIG_IMAGE "/made", F_OK) != 0);
	o.c.config.security.read_only_root = true;
	o.c.config.working_dir = STR("/tmp");
	EXPECT_STR(one_says(&o), "kept\n/tmp");
	one_close(&o);
}

TEST(mounts_are_made_as_said)
{
	struct one o;
	rig_shell("mkdir -p /run/vol/sub && echo secret >/run/vol/file");
	REQUIRE(one_open(&o, RIG_SHELL("cat /a/file; touch /a/x 2>/dev/null || echo ro;"
				       "echo new >/b/made; cat /etc/one; ls /deep/er/inside")));
	const struct runtime_mount mounts[] = {
		{.container_path = STR("/deep/er"), .host_path = STR("/run/vol")},
		{.container_path = STR("/a"), .host_path = STR("/run/vol"), .read_only = true},
		{.container_path = STR("/b"), .host_path = STR("/run/vol/made-for-it")},
		{.container_path = STR("/etc/one"), .host_path = STR("/run/vol/file")},
		{.container_path = STR("/deep/er/inside"), .host_path = STR("/run/vol/sub")},
	};
	rig_shell("touch /run/vol/sub/bottom; mkdir -p /run/vol/inside");
	o.c.config.mounts = mounts;
	o.c.config.mount_count = ARRAY_LEN(mounts);
	EXPECT_STR(one_says(&o), "secret\nro\nsecret\nbottom");
	EXPECT_TEXT(rig_read("/run/vol/made-for-it/made"), "new\n");
	one_close(&o);
}

TEST(mounts_of_the_node_arrive_and_leave_as_the_propagation_says)
{
	struct one o;
	rig_shell("mkdir -p /run/shared/in /run/shared/out; mountpoint -q /run/shared || "
		  "{ mount -t tmpfs tmpfs /run/shared; mkdir /run/shared/in /run/shared/out; }");
	REQUIRE(one_open(&o, RIG_SHELL("while ! test -e /v/in/come; do sleep 0.1; done; mount -t "
				       "tmpfs inner /v/out && touch /v/out/gone; echo done; sleep "
				       "1000")));
	const struct runtime_mount mounts[] = {{.container_path = STR("/v"),
		.host_path = STR("/run/shared"),
		.propagation = PROPAGATE_BOTH}};
	o.c.config.mounts = mounts;
	o.c.config.mount_count = 1;
	o.c.config.security.privileged = true;
	unlink("/run/logs/main/0.log");
	REQUIRE(rig_begin(&o.g, &o.c) == 0);
	rig_shell("mount -t tmpfs tmpfs /run/shared/in; touch /run/shared/in/come");
	for (int i = 0; i < 200 && access("/run/shared/out/gone", F_OK); i++)
		rig_pause(&o.g, 20 * MSEC);
	EXPECT(access("/run/shared/out/gone", F_OK) == 0);
	rig_shell("umount /run/shared/out");
	one_close(&o);
	rig_shell("umount -l /run/shared");
}

/* Neither by itself nor because an image's links lead two mounts of ours to one place. */
TEST(mounts_on_what_the_runtime_gives_stay_in_the_container)
{
	struct one o;
	rig_shell("mkdir -p " RIG_IMAGE "/away && touch " RIG_IMAGE "/away/file && ln -s "
		  "/away/file " RIG_IMAGE "/etc/hostname && ln -s /away/file " RIG_IMAGE
		  "/etc/resolv.conf");
	REQUIRE(one_open(&o, RIG_SHELL("mount -t tmpfs inner /dev/shm && mount -o bind "
				       "/etc/passwd /away/file && echo done; sleep 1000")));
	int before = rig_number("wc -l </proc/self/mountinfo");
	o.c.config.security.privileged = true;
	unlink("/run/logs/main/0.log");
	REQUIRE(rig_begin(&o.g, &o.c) == 0);
	for (int i = 0; i < 200 && rig_log("/run/logs/main/0.log").len == 0; i++)
		rig_pause(&o.g, 20 * MSEC);
	EXPECT_STR(rig_log("/run/logs/main/0.log"), "done");
	EXPECT_INT(rig_number("wc -l </proc/self/mountinfo"), before);
	one_close(&o);
	rig_shell("rm -r " RIG_IMAGE "/away " RIG_IMAGE "/etc/hostname " RIG_IMAGE
		  "/etc/resolv.conf");
}

TEST(devices_are_those_that_were_given)
{
	struct one o;
	const struct runtime_device devices[] = {{STR("/dev/mine"), STR("/dev/zero"), STR("r")}};
	REQUIRE(one_open(&o, RIG_SHELL("head -c 3 /dev/mine | wc -c; mknod /tmp/kmsg c 1 11 && "
				       "head -c 1 /tmp/kmsg 2>/dev/null | wc -c; : >/dev/null && "
				       "echo null")));
	o.c.config.devices = devices;
	o.c.config.device_count = 1;
	EXPECT_STR(one_says(&o), "3\n0\nnull");
	const struct runtime_device missing[] = {{STR("/dev/mine"), STR("/dev/none"), STR("r")}};
	o.c.config.devices = missing;
	o.g.r->ops->create_container(o.g.r, rig_op(&o.g), &o.c);
	EXPECT_INT(rig_await(&o.g), ERR_NOT_FOUND);
	one_close(&o);
}

/* ---- how it ends ---- */

TEST(a_message_is_read_where_it_was_written)
{
	struct one o;
	REQUIRE(one_open(&o, RIG_SHELL("echo -n because >/dev/termination-log; exit 1")));
	const struct runtime_mount mounts[] = {
		{.container_path = STR("/dev/termination-log"), .host_path = STR("/run/message")}};
	rig_write("/run/message", "");
	chmod("/run/message", 0666);
	o.c.config.mounts = mounts;
	o.c.config.mount_count = 1;
	o.c.config.termination_path = STR("/run/message");
	one_says(&o);
	EXPECT_STR(rig_get(&o.g, o.c.id)->message, "because");
	one_close(&o);
}

TEST(containers_are_stopped_by_their_signal_and_killed_after_the_grace)
{
	struct one o;
	REQUIRE(one_open(&o, RIG_SHELL("trap 'exit 9' USR1; trap 'echo term' TERM; echo up;"
				       "while true; do sleep 0.05; done")));
	o.c.config.stop_signal = STR("SIGUSR1");
	REQUIRE(rig_begin(&o.g, &o.c) == 0);
	while (!strstr(rig_read("/run/logs/main/0.log"), "up"))
		rig_pause(&o.g, 10 * MSEC);
	rig_stop_container(&o.g, o.c.id, 10 * SEC);
	EXPECT_INT(rig_get(&o.g, o.c.id)->exit_code, 9);
	o.c.config.stop_signal = (struct str){0};
	unlink("/run/logs/main/0.log");
	REQUIRE(rig_begin(&o.g, &o.c) == 0);
	while (!strstr(rig_read("/run/logs/main/0.log"), "up"))
		rig_pause(&o.g, 10 * MSEC);
	rig_stop_container(&o.g, o.c.id, 300 * MSEC);
	EXPECT_INT(rig_get(&o.g, o.c.id)->exit_code, 137);
	EXPECT_INT(rig_get(&o.g, o.c.id)->signal, 9);
	EXPECT_STR(rig_log("/run/logs/main/0.log"), "up\nterm");
	/* Once more is no mistake. */
	rig_stop_container(&o.g, o.c.id, SEC);
	one_close(&o);
}

TEST(what_cannot_be_executed_says_why)
{
	struct one o;
	REQUIRE(one_open(&o, RIG_SHELL("")));
	const struct str command[] = {STR("/no/such/program")};
	o.c.config.command = command;
	o.c.config.command_count = 1;
	REQUIRE(rig_create(&o.g, &o.c) == 0);
	o.g.r->ops->start_container(o.g.r, rig_op(&o.g), o.c.id);
	rig_await(&o.g);
	EXPECT_STR(str_from(err_text(&o.g.told.err)),
		"exec: \"/no/such/program\": stat /no/such/program: no such file or directory");
	EXPECT_STR(rig_get(&o.g, o.c.id)->reason, "StartError");
	EXPECT(rig_get(&o.g, o.c.id)->message.len > 0);
	rig_remove_container(&o.g, o.c.id);
	one_close(&o);
}

/* ---- logs ---- */

TEST(a_log_is_opened_again_when_it_was_moved)
{
	struct one o;
	REQUIRE(one_open(&o, RIG_SHELL("trap 'echo after; exit' TERM; echo before;"
				       "while true; do sleep 0.05; done")));
	unlink("/run/logs/main/0.log");
	REQUIRE(rig_begin(&o.g, &o.c) == 0);
	while (!strstr(rig_read("/run/logs/main/0.log"), "before"))
		rig_pause(&o.g, 10 * MSEC);
	rename("/run/logs/main/0.log", "/run/logs/main/0.log.1");
	o.g.r->ops->reopen_log(o.g.r, rig_op(&o.g), o.c.id);
	rig_done(&o.g, "reopen log");
	rig_stop_container(&o.g, o.c.id, 10 * SEC);
	EXPECT_STR(rig_log("/run/logs/main/0.log.1"), "before");
	EXPECT_STR(rig_log("/run/logs/main/0.log"), "after");
	one_close(&o);
}

/* ---- limits ---- */

TEST(who_takes_too_much_memory_is_killed_and_said_to_be)
{
	struct one o;
	REQUIRE(one_open(&o, RIG_SHELL("head -c 200000000 /dev/zero | tail | wc -c")));
	o.c.config.limits.memory = o.c.config.limits.swap = 32 << 20;
	o.c.config.command = RIG_SHELL("exec tail /dev/zero");
	one_says(&o);
	const struct container *c = rig_get(&o.g, o.c.id);
	EXPECT_INT(c->exit_code, 137);
	EXPECT(c->out_of_memory);
	EXPECT_STR(c->reason, "OOMKilled");
	one_close(&o);
}

TEST(processes_are_limited)
{
	struct one o;
	REQUIRE(one_open(&o, RIG_SHELL("for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done; echo "
				       "not here")));
	o.c.config.limits.pids = 6;
	EXPECT(strstr(one_says(&o).at, "not here") == NULL);
	EXPECT(rig_get(&o.g, o.c.id)->exit_code != 0);
	one_close(&o);
}

TEST(limits_are_changed_while_it_runs)
{
	struct one o;
	REQUIRE(one_open(&o, RIG_SHELL("exec sleep 1000")));
	o.c.config.limits.memory = o.c.config.limits.swap = 32 << 20;
	REQUIRE(rig_begin(&o.g, &o.c) == 0);
	const struct container_limits limits = {.memory = 64 << 20, .swap = 64 << 20};
	o.g.r->ops->update_container(o.g.r, rig_op(&o.g), o.c.id, &limits);
	rig_done(&o.g, "update");
	char path[300];
	snprintf(path, sizeof(path),
		"/sys/fs/cgroup/memory/kubepods/podu1/%.*s/memory.limit_in_bytes", STRF(o.c.id));
	if (access("/sys/fs/cgroup/memory", F_OK) == 0)
		EXPECT_TEXT(rig_read(path), "67108864\n");
	one_close(&o);
}

TEST(figures_come_soon_after_the_start)
{
	struct one o;
	REQUIRE(one_open(&o, RIG_SHELL("head -c 1000000 /dev/zero >/big; while true; do :; done")));
	struct container_usage u = {0};
	REQUIRE(rig_begin(&o.g, &o.c) == 0);
	for (int i = 0; i < 100 && !o.g.r->ops->usage(o.g.r, o.c.id, &u); i++)
		rig_pause(&o.g, 50 * MSEC);
	EXPECT(u.cpu_ns > 0);
	EXPECT(u.memory_bytes > 0);
	EXPECT(u.pids >= 1);
	EXPECT(u.writable_bytes >= 1000000);
	one_close(&o);
}
