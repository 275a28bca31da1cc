#include "runtime_rig.h"

static struct str say(
	struct rig *g, struct str sandbox, const struct str shell[3], enum runtime_namespace pid)
{
	struct runtime_container_create c = rig_container(sandbox, shell);

	unlink("/run/logs/main/0.log");
	c.config.security.pid = pid;
	if (rig_begin(g, &c))
		return (struct str){0};
	rig_end_of(g, c.id);
	return rig_log("/run/logs/main/0.log");
}

TEST(names_and_dns_are_as_said)
{
	static const struct str servers[] = {STR_INIT("10.96.0.10"), STR_INIT("10.96.0.11")};
	static const struct str searches[] = {STR_INIT("a.local"), STR_INIT("b.local")};
	static const struct str options[] = {STR_INIT("ndots:5")};
	static const struct runtime_pair sysctls[] = {
		{STR_INIT("net.ipv4.ip_unprivileged_port_start"), STR_INIT("7")},
		{STR_INIT("kernel.shm_rmid_forced"), STR_INIT("1")}};
	struct rig g;
	rig_open(&g);
	struct runtime_sandbox_run run = rig_sandbox("named");
	run.config.domain = STR("sub.default.svc.cluster.local");
	run.config.dns_servers = servers;
	run.config.dns_server_count = 2;
	run.config.dns_searches = searches;
	run.config.dns_search_count = 2;
	run.config.dns_options = options;
	run.config.dns_option_count = 1;
	run.config.sysctls = (struct runtime_pairs){sysctls, 2};
	struct str id = rig_run(&g, &run);
	REQUIRE(id.len);
	EXPECT_STR(say(&g, id,
			   RIG_SHELL("cat /etc/resolv.conf; hostname; cat "
				     "/proc/sys/kernel/domainname "
				     "/proc/sys/net/ipv4/ip_unprivileged_port_start "
				     "/proc/sys/kernel/shm_rmid_forced; echo $HOSTNAME;"
				     "grep -c : /proc/net/dev"),
			   NAMESPACE_CONTAINER),
		"search a.local b.local\nnameserver 10.96.0.10\nnameserver 10.96.0.11\noptions "
		"ndots:5\nnamed\nsub.default.svc.cluster.local\n7\n1\nnamed\n1");
	rig_remove_sandbox(&g, id);
	rig_close(&g);
}

TEST(a_setting_that_does_not_exist_is_refused)
{
	static const struct runtime_pair sysctls[] = {{STR_INIT("net.no.such"), STR_INIT("7")}};
	struct rig g;
	rig_open(&g);
	struct rig_count before = rig_count();
	struct runtime_sandbox_run run = rig_sandbox("set");
	run.config.sysctls = (struct runtime_pairs){sysctls, 1};
	g.r->ops->run_sandbox(g.r, rig_op(&g), &run);
	EXPECT(rig_await(&g) != 0);
	EXPECT(strstr(err_text(&g.told.err), "/proc/sys/net/no/such"));
	rig_pause(&g, 300 * MSEC);
	rig_expect_same(&before);
	rig_close(&g);
}

TEST(containers_of_a_pod_share_what_they_should)
{
	struct rig g;
	rig_open(&g);
	struct runtime_sandbox_run run = rig_sandbox("both");
	run.config.pid = NAMESPACE_POD;
	struct str id = rig_run(&g, &run);
	REQUIRE(id.len);
	struct runtime_container_create first =
		rig_container(id, RIG_SHELL("echo 1 >/dev/shm/x; exec sleep 321"));
	first.config.name = STR("first");
	first.config.log_path = STR("first/0.log");
	first.config.security.pid = NAMESPACE_POD;
	REQUIRE(rig_begin(&g, &first) == 0);
	rig_pause(&g, 200 * MSEC);
	struct str said = say(&g, id,
		RIG_SHELL("cat /dev/shm/x; ps | grep -c '[s]leep 321'; cat /proc/1/comm; true"),
		NAMESPACE_POD);
	EXPECT_STR(said, "1\n1\nkube-pod");
	/* One with processes of its own sees no others. */
	said = say(&g, id, RIG_SHELL("ps | grep -c '[s]leep 321'; cat /proc/1/comm; true"),
		NAMESPACE_CONTAINER);
	EXPECT_STR(said, "0\nsh");
	rig_remove_sandbox(&g, id);
	rig_close(&g);
}

TEST(a_container_may_look_at_another_ones_processes)
{
	struct rig g;
	rig_open(&g);
	struct runtime_sandbox_run run = rig_sandbox("debug");
	struct str id = rig_run(&g, &run);
	REQUIRE(id.len);
	struct runtime_container_create main = rig_container(id, RIG_SHELL("exec sleep 654"));
	REQUIRE(rig_begin(&g, &main) == 0);
	struct runtime_container_create look =
		rig_container(id, RIG_SHELL("cat /proc/1/cmdline | tr '\\0' ' '"));
	look.config.name = STR("look");
	look.config.log_path = STR("look/0.log");
	look.config.security.pid = NAMESPACE_TARGET;
	look.config.security.pid_target = main.id;
	REQUIRE(rig_begin(&g, &look) == 0);
	rig_end_of(&g, look.id);
	EXPECT_STR(rig_log("/run/logs/look/0.log"), "sleep 654 ");
	EXPECT_INT(rig_get(&g, main.id)->state, CONTAINER_RUNNING);
	rig_remove_sandbox(&g, id);
	rig_close(&g);
}

TEST(a_pod_of_the_node_has_the_nodes_network_and_name)
{
	char name[100] = "", wanted[200];
	struct rig g;
	rig_open(&g);
	gethostname(name, sizeof(name) - 1);
	struct runtime_sandbox_run run = rig_sandbox("host");
	run.config.hostname = (struct str){0};
	run.config.network = run.config.pid = run.config.ipc = NAMESPACE_NODE;
	struct str id = rig_run(&g, &run);
	REQUIRE(id.len);
	EXPECT_INT(rig_get_sandbox(&g, id)->ip_count, 0);
	EXPECT(rig_get_sandbox(&g, id)->netns == NULL);
	snprintf(wanted, sizeof(wanted), "%s\n%s\n%.*s", name, name,
		(int)strcspn(rig_read("/proc/1/comm"), "\n"), rig_read("/proc/1/comm"));
	EXPECT_STR(say(&g, id, RIG_SHELL("hostname; cat /etc/hostname; cat /proc/1/comm"),
			   NAMESPACE_NODE),
		wanted);
	rig_remove_sandbox(&g, id);
	EXPECT_INT(g.attached, 0);
	EXPECT_INT(g.detached, 0);
	rig_close(&g);
}

TEST(a_pod_that_cannot_be_connected_leaves_nothing)
{
	struct rig g;
	rig_open(&g);
	struct rig_count before = rig_count();
	struct runtime_sandbox_run run = rig_sandbox("alone");
	g.attach_fails = ERR_LIMIT;
	g.r->ops->run_sandbox(g.r, rig_op(&g), &run);
	EXPECT_INT(rig_await(&g), ERR_LIMIT);
	EXPECT_TEXT(err_text(&g.told.err), "no address is left");
	for (int i = 0; i < 100 && !g.detached; i++)
		rig_pause(&g, 20 * MSEC);
	rig_pause(&g, 100 * MSEC);
	EXPECT_INT(g.detached, 1);
	rig_expect_same(&before);
	rig_close(&g);
}

TEST(what_is_not_here_is_refused_or_done)
{
	struct rig g;
	rig_open(&g);
	struct runtime *r = g.r;
	r->ops->stop_sandbox(r, rig_op(&g), STR("none"));
	EXPECT_INT(rig_await(&g), 0);
	r->ops->remove_sandbox(r, rig_op(&g), STR("none"));
	EXPECT_INT(rig_await(&g), 0);
	r->ops->remove_container(r, rig_op(&g), STR("none"));
	EXPECT_INT(rig_await(&g), 0);
	r->ops->stop_container(r, rig_op(&g), STR("none"), 0);
	EXPECT_INT(rig_await(&g), 0);
	r->ops->start_container(r, rig_op(&g), STR("none"));
	EXPECT_INT(rig_await(&g), ERR_NOT_FOUND);
	struct runtime_container_create c = rig_container(STR("none"), RIG_SHELL("true"));
	r->ops->create_container(r, rig_op(&g), &c);
	EXPECT_INT(rig_await(&g), ERR_NOT_FOUND);
	struct runtime_sandbox_run run = rig_sandbox("x");
	run.config.handler = STR("gvisor");
	r->ops->run_sandbox(r, rig_op(&g), &run);
	EXPECT_INT(rig_await(&g), ERR_NOT_FOUND);
	run = rig_sandbox("x");
	run.config.user_count = 65536;
	run.config.network = NAMESPACE_NODE;
	r->ops->run_sandbox(r, rig_op(&g), &run);
	EXPECT_INT(rig_await(&g), ERR_INVALID);
	rig_close(&g);
}

TEST(an_image_in_use_is_not_removed)
{
	struct rig g;
	rig_open(&g);
	struct runtime_sandbox_run run = rig_sandbox("user");
	struct str id = rig_run(&g, &run);
	struct runtime_container_create c = rig_container(id, RIG_SHELL("true"));
	REQUIRE(rig_create(&g, &c) == 0);
	g.r->ops->remove_image(g.r, rig_op(&g), STR("busybox"));
	EXPECT_INT(rig_await(&g), ERR_CONFLICT);
	rig_remove_container(&g, c.id);
	g.r->ops->remove_image(g.r, rig_op(&g), STR("busybox"));
	EXPECT_INT(rig_await(&g), 0);
	rig_remove_sandbox(&g, id);
	rig_close(&g);
}

TEST(a_hundred_pods_leave_nothing)
{
	struct rig g;
	rig_open(&g);
	struct rig_count before = rig_count();
	for (int i = 0; i < 100 && !test_failed(); i++) {
		struct runtime_sandbox_run run = rig_sandbox("many");
		run.config.pid = i % 2 ? NAMESPACE_POD : NAMESPACE_CONTAINER;
		struct str id = rig_run(&g, &run);
		struct runtime_container_create c = rig_container(
			id, i % 3 ? RIG_SHELL("exec sleep 1000") : RIG_SHELL("sleep 500 & exit 0"));
		c.config.tty = i % 5 == 0;
		rig_begin(&g, &c);
		if (i % 4 == 0)
			rig_shell("pkill -KILL -x kube-pod");
		if (i % 7 == 0)
			rig_stop_sandbox(&g, id);
		rig_remove_sandbox(&g, id);
	}
	rig_expect_same(&before);
	EXPECT_INT(g.attached, g.detached);
	rig_close(&g);
}

/* ---- where helpers come from ---- */

/* By its name in ps; 0: none. */
static pid_t process_named(const char *comm)
{
	char name[64] = "", line[200];
	pid_t found = 0;
	DIR *d = opendir("/proc");

	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(line, sizeof(line), "/proc/%.20s/comm", e->d_name);
		FILE *f = fopen(line, "re");
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f) && strncmp(name, comm, strlen(comm)) == 0)
			found = atoi(e->d_name);
		fclose(f);
	}
	if (d)
		closedir(d);
	return found;
}

static void read_command(pid_t pid, char *out, size_t room)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(out, 1, room - 1, f) : 0;
	if (f)
		fclose(f);
	out[n] = 0;
	for (size_t i = 0; i + 1 < n; i++)
		if (!out[i])
			out[i] = ' ';
}

#ifndef KUBE_SANITIZED
/* Pages that no file holds: a program's relocated tables, its data, heap and stack. */
static long anonymous_memory(pid_t pid, const char *which)
{
	char path[64], line[200];
	size_t len = strlen(which);
	long size = -1;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	FILE *f = fopen(path, "re");
	while (f && size < 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, which, len) == 0)
			size = atol(line + len);
	if (f)
		fclose(f);
	return size;
}
#endif

TEST(a_helper_shares_what_its_program_dirtied_and_is_named_after_its_pod)
{
	char said[600], wanted[200];
	struct rig g;
	rig_open(&g);
	struct runtime_sandbox_run run = rig_sandbox("one");
	struct str id = rig_run(&g, &run);
	REQUIRE(id.len);
	pid_t seed = process_named("kube-seed"), pod = process_named("kube-pod");
	REQUIRE(seed && pod);
	read_command(pod, said, sizeof(said));
	snprintf(wanted, sizeof(wanted), " shim " RIG_ROOT "/sandboxes/%.*s", STRF(id));
	const char *end = strstr(said, " shim ");
	EXPECT_STR(str_from(end ? end : said), wanted);
#ifndef KUBE_SANITIZED
	/* Two have most of them: each is counted half. */
	long all = anonymous_memory(pod, "Anonymous:"), share = anonymous_memory(pod, "Pss_Anon:");
	EXPECT(all > 0 && share > 0);
	EXPECT(4 * share < 3 * all);
#endif
	rig_remove_sandbox(&g, id);
	rig_close(&g);
	EXPECT_INT(process_named("kube-seed"), 0);
}

TEST(a_seed_that_was_killed_is_replaced)
{
	struct rig g;
	rig_open(&g);
	struct runtime_sandbox_run first = rig_sandbox("first"), second = rig_sandbox("second");
	struct str one = rig_run(&g, &first);
	REQUIRE(one.len);
	pid_t seed = process_named("kube-seed");
	REQUIRE(seed);
	kill(seed, SIGKILL);
	struct str two = rig_run(&g, &second);
	REQUIRE(two.len);
	EXPECT(process_named("kube-seed") != seed);
	EXPECT(process_named("kube-seed") != 0);
	rig_remove_sandbox(&g, one);
	rig_remove_sandbox(&g, two);
	rig_close(&g);
}
