/*
 * A built-in runtime for one test, in an isolated node: its images are directories (there is one,
 * "busybox"), its network a list of who was attached. Everything awaited is awaited here and now.
 */
#ifndef KUBE_RUNTIME_RIG_H
#define KUBE_RUNTIME_RIG_H

#include "loop_test.h"
#include "node.h"

#include <kube/mem.h>
#include <kube/runtime_native.h>
#include <kube/time.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define RIG_ROOT  "/run/kube"
#define RIG_IMAGE "/run/image"

struct rig {
	struct loop_test t;
	struct told told;
	struct runtime *r;
	struct runtime_images images;
	struct runtime_network network;
	struct image image;
	const struct image *list[1];
	struct image_root root;
	struct runtime_listener listener;
	int attached, detached, changes;
	int attach_fails; /* with this code */
};

/* ---- the image ---- */

static inline void rig_shell(const char *command)
{
	if (system(command))
		fprintf(stderr, "failed: %s\n", command);
}

static inline void rig_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fprintf(stderr, "cannot write %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static inline void rig_make_image(void)
{
	if (access(RIG_IMAGE "/bin/sh", X_OK) == 0)
		return;
	rig_shell("mkdir -p " RIG_IMAGE "/bin " RIG_IMAGE "/etc " RIG_IMAGE "/tmp " RIG_IMAGE
		  "/srv/app && cp \"$(command -v busybox)\" " RIG_IMAGE
		  "/bin/busybox && chroot " RIG_IMAGE
		  " /bin/busybox --install -s /bin && chmod 1777 " RIG_IMAGE "/tmp");
	rig_write(RIG_IMAGE "/etc/passwd",
		"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/srv/app:/bin/sh\n");
	rig_write(RIG_IMAGE "/etc/group", "root:x:0:\napp:x:1001:\nextra:x:1002:app\n");
}

static inline void rig_pull(struct runtime_images *i, struct op *op, struct runtime_pull *pull)
{
	static const struct op_kind kind = {.name = "pull"};

	(void)i;
	pull->id = STR("busybox");
	if (op_begin(op, &kind, NULL))
		op_finish(op, 0);
}

static inline void rig_remove(struct runtime_images *i, struct op *op, struct str id)
{
	static const struct op_kind kind = {.name = "remove image"};

	(void)i;
	(void)id;
	if (op_begin(op, &kind, NULL))
		op_finish(op, 0);
}

static inline size_t rig_list(struct runtime_images *i, const struct image *const **list)
{
	*list = CONTAINER_OF(i, struct rig, images)->list;
	return 1;
}

static inline const struct image *rig_find(struct runtime_images *i, struct str reference)
{
	return str_eq(reference, STR("busybox")) ? &CONTAINER_OF(i, struct rig, images)->image
						 : NULL;
}

static inline bool rig_root(struct runtime_images *i, struct str id, struct image_root *root)
{
	if (!rig_find(i, id))
		return false;
	*root = CONTAINER_OF(i, struct rig, images)->root;
	return true;
}

/* ---- the network ---- */

static inline void rig_attach(struct runtime_network *n, struct op *op,
	const struct sandbox *sandbox, struct ip ips[2], size_t *ip_count)
{
	static const struct op_kind kind = {.name = "attach"};
	struct rig *g = CONTAINER_OF(n, struct rig, network);

	if (!op_begin(op, &kind, NULL))
		return;
	EXPECT(sandbox->netns && access(sandbox->netns, F_OK) == 0);
	if (g->attach_fails) {
		op_fail_with(op, g->attach_fails, "no address is left");
		return;
	}
	g->attached++;
	if (*ip_count == 0)
		ips[0] = ip_v4(10, 0, 0, (uint8_t)(g->attached + 1));
	*ip_count = 1;
	op_finish(op, 0);
}

static inline void rig_detach(
	struct runtime_network *n, struct op *op, const struct sandbox *sandbox)
{
	static const struct op_kind kind = {.name = "detach"};

	(void)sandbox;
	if (!op_begin(op, &kind, NULL))
		return;
	CONTAINER_OF(n, struct rig, network)->detached++;
	op_finish(op, 0);
}

/* ---- awaiting ---- */

static inline void rig_changed(struct runtime_listener *l, struct str sandbox, struct str container)
{
	(void)sandbox;
	(void)container;
	CONTAINER_OF(l, struct rig, listener)->changes++;
}

static inline struct op *rig_op(struct rig *g)
{
	return told_op(&g->told, g->t.root, OP_NO_DEADLINE);
}

static inline struct op *rig_op_within(struct rig *g, int64_t time)
{
	return told_op(&g->told, g->t.root, loop_in(g->t.loop, time));
}

static inline int rig_await(struct rig *g)
{
	loop_test_run_until(&g->t, &g->told.done);
	return g->told.err.code;
}

/* 0, or a complaint. */
static inline int rig_done(struct rig *g, const char *what)
{
	if (rig_await(g))
		test_fail(__FILE__, __LINE__, "%s: %s", what, err_text(&g->told.err));
	return g->told.err.code;
}

static inline int rig_start(struct rig *g)
{
	const struct runtime_native_options options = {.root = RIG_ROOT,
		.cgroup_root = "",
		.program = KUBE_BINARY,
		.images = &g->images,
		.network = &g->network};

	runtime_native_start(g->t.env, rig_op(g), g->t.root, &options, &g->r);
	if (rig_await(g))
		return g->told.err.code;
	g->listener.changed = rig_changed;
	g->r->ops->listen(g->r, &g->listener);
	return 0;
}

static inline void rig_open_without_start(struct rig *g)
{
	static const struct str lowers[] = {STR_INIT(RIG_IMAGE)};
	static const struct str env[] = {STR_INIT("PATH=/bin"), STR_INIT("FROM=image")};
	static const struct str command[] = {STR_INIT("/bin/sh")};

	rig_make_image();
	*g = (struct rig){
		.images = {rig_pull, rig_remove, rig_list, rig_find, rig_root},
		.network = {rig_attach, rig_detach},
		.image = {.id = STR("busybox"), .uid = -1},
		.root = {.lowers = lowers,
			.lower_count = 1,
			.env = env,
			.env_count = ARRAY_LEN(env),
			.command = command,
			.command_count = 1},
	};
	g->list[0] = &g->image;
	loop_test_init(&g->t, LOOP_TEST_REAL);
}

static inline void rig_open(struct rig *g)
{
	rig_open_without_start(g);
	if (rig_start(g))
		test_fail(__FILE__, __LINE__, "start: %s", err_text(&g->told.err));
}

static inline void rig_stop(struct rig *g)
{
	if (!g->r)
		return;
	link_remove(&g->listener.in_runtime);
	g->r->ops->stop(g->r, rig_op(g));
	rig_done(g, "stop");
	g->r->ops->free(g->r);
	g->r = NULL;
}

static inline void rig_close(struct rig *g)
{
	rig_stop(g);
	told_done(&g->told);
	loop_test_done(&g->t);
}

/* ---- what tests say often ---- */

static inline struct runtime_sandbox_run rig_sandbox(const char *name)
{
	return (struct runtime_sandbox_run){.config = {.name = str_from(name),
						    .namespace = STR("default"),
						    .uid = STR("u1"),
						    .hostname = str_from(name),
						    .log_directory = STR("/run/logs"),
						    .cgroup_parent = STR("/kubepods/podu1"),
						    .pid = NAMESPACE_CONTAINER}};
}

/* Runs it; its id is the runtime's. */
static inline struct str rig_run(struct rig *g, struct runtime_sandbox_run *run)
{
	g->r->ops->run_sandbox(g->r, rig_op(g), run);
	return rig_done(g, "run sandbox") ? (struct str){0} : run->id;
}

/* Three words, there for ever. */
#define RIG_SHELL(text)                                                                            \
	({                                                                                         \
		static const struct str words[] = {                                                \
			STR_INIT("sh"), STR_INIT("-c"), STR_INIT(text)};                           \
		words;                                                                             \
	})

static inline struct runtime_container_create rig_container(
	struct str sandbox, const struct str shell[3])
{
	return (struct runtime_container_create){.sandbox = sandbox,
		.config = {.name = STR("main"),
			.image = STR("busybox"),
			.command = shell,
			.command_count = 3,
			.log_path = STR("main/0.log"),
			.security = {.run_as_user = -1,
				.run_as_group = -1,
				.pid = NAMESPACE_CONTAINER}}};
}

static inline int rig_create(struct rig *g, struct runtime_container_create *create)
{
	g->r->ops->create_container(g->r, rig_op(g), create);
	return rig_done(g, "create container");
}

static inline int rig_begin(struct rig *g, struct runtime_container_create *create)
{
	if (rig_create(g, create))
		return -1;
	g->r->ops->start_container(g->r, rig_op(g), create->id);
	return rig_done(g, "start container");
}

static inline const struct container *rig_get(struct rig *g, struct str id)
{
	const struct container *const *list;
	size_t count = g->r->ops->containers(g->r, &list);

	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i]->id, id))
			return list[i];
	return NULL;
}

static inline const struct sandbox *rig_get_sandbox(struct rig *g, struct str id)
{
	const struct sandbox *const *list;
	size_t count = g->r->ops->sandboxes(g->r, &list);

	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i]->id, id))
			return list[i];
	return NULL;
}

static inline void rig_pause(struct rig *g, int64_t time)
{
	timer_wait(rig_op(g), loop_in(g->t.loop, time));
	rig_await(g);
}

/* Until it has ended, for at most ten seconds. */
static inline const struct container *rig_end_of(struct rig *g, struct str id)
{
	const struct container *c = rig_get(g, id);

	for (int i = 0; i < 500 && c && c->state != CONTAINER_EXITED; i++) {
		rig_pause(g, 20 * MSEC);
		c = rig_get(g, id);
	}
	EXPECT(c && c->state == CONTAINER_EXITED);
	return c;
}

static inline int rig_stop_container(struct rig *g, struct str id, int64_t grace)
{
	g->r->ops->stop_container(g->r, rig_op(g), id, grace);
	return rig_done(g, "stop container");
}

static inline int rig_remove_container(struct rig *g, struct str id)
{
	g->r->ops->remove_container(g->r, rig_op(g), id);
	return rig_done(g, "remove container");
}

static inline int rig_stop_sandbox(struct rig *g, struct str id)
{
	g->r->ops->stop_sandbox(g->r, rig_op(g), id);
	return rig_done(g, "stop sandbox");
}

static inline int rig_remove_sandbox(struct rig *g, struct str id)
{
	g->r->ops->remove_sandbox(g->r, rig_op(g), id);
	return rig_done(g, "remove sandbox");
}

/* A file as text, until the next call. */
static inline const char *rig_read(const char *path)
{
	static char text[1 << 16];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[MAX(n, 0)] = 0;
	return text;
}

/* What the container's log says, without times and marks. */
static inline struct str rig_log(const char *path)
{
	static char out[1 << 16];
	struct str rest = str_from(rig_read(path)), line;
	size_t n = 0;

	while (rest.len && str_next(&rest, '\n', &line)) {
		for (int i = 0; i < 3; i++)
			str_cut(line, ' ', &(struct str){0}, &line);
		if (n + line.len + 1 >= sizeof(out))
			break;
		memcpy(out + n, line.at, line.len);
		n += line.len;
		out[n++] = '\n';
	}
	return str_make(out, n ? n - 1 : 0);
}

/* What there is on the node: what a pod that is gone must not have left. */
struct rig_count {
	int processes, mounts, groups, files, network;
};

static inline int rig_number(const char *command)
{
	FILE *f = popen(command, "re");
	int n = -1;

	if (!f || fscanf(f, "%d", &n) != 1)
		n = -1;
	if (f)
		pclose(f);
	return n;
}

/* What all helpers come from belongs to the runtime, not to a pod. */
static inline bool rig_is_seed(const char *pid)
{
	char path[300], comm[32] = "";

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	FILE *f = fopen(path, "re");
	bool seed = f && fgets(comm, sizeof(comm), f) && strcmp(comm, "kube-seed\n") == 0;
	if (f)
		fclose(f);
	return seed;
}

static inline int rig_processes(void)
{
	DIR *d = opendir("/proc");
	int n = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] >= '0' && e->d_name[0] <= '9' && !rig_is_seed(e->d_name);
	if (d)
		closedir(d);
	return n;
}

/* Helpers that a runtime let go of are ours: in a program they are init's. */
static inline void rig_reap(void)
{
	usleep(50000);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* For when no pod is there, or none that will end. */
static inline struct rig_count rig_count(void)
{
	rig_reap();
	return (struct rig_count){
		.processes = rig_processes(),
		.mounts = rig_number("wc -l </proc/self/mountinfo"),
		.groups = rig_number(
			"find /sys/fs/cgroup -type d | grep -vE '/(kubepods|podu[0-9]*)$' | wc -l"),
		.files = rig_number("find " RIG_ROOT " 2>/dev/null | grep -v /seccomp | wc -l"),
		.network = rig_number("ls -l /proc/[0-9]*/ns/net 2>/dev/null | sed 's/.*-> //' |"
				      " sort -u | wc -l"),
	};
}

static inline bool rig_same(const struct rig_count *a, const struct rig_count *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Now, or soon: what was killed needs a moment to go. */
static inline void rig_expect_same(const struct rig_count *before)
{
	struct rig_count after = rig_count();

	for (int i = 0; i < 50 && !rig_same(before, &after); i++)
		after = rig_count();
	if (!EXPECT_INT(after.processes, before->processes))
		rig_shell("ps -eo pid,ppid,stat,args >&2");
	EXPECT_INT(after.mounts, before->mounts);
	EXPECT_INT(after.groups, before->groups);
	EXPECT_INT(after.files, before->files);
	EXPECT_INT(after.network, before->network);
}

#endif
