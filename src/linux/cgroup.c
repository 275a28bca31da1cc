/* Groups: made, joined, killed and removed in every tree at once. */
#include <kube/cgroup.h>

#include "cgroup_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 16

/* ---- making ---- */

/* v1: a group without processors or memory nodes takes no process; it has its parent's. */
static int inherit_cpuset(const char *group, const char *file)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	char path[CGROUP_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", group, file);
	if (cgroup_file_read(path, &text, NULL) || str_trim(buf_str(&text)).len)
		return 0;
	buf_clear(&text);
	const char *slash = strrchr(group, '/');
	snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - group), group, file);
	if (cgroup_file_read(path, &text, NULL))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", group, file);
	return cgroup_file_write(path, buf_text(&text));
}

/* v2: what children may use is said by the parent. What one refuses, the others may give. */
static void enable_controllers(const char *parent)
{
	static const char *const wanted[] = {
		"+cpu", "+cpuset", "+memory", "+pids", "+io", "+hugetlb"};
	char path[CGROUP_PATH_MAX];

	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", parent);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		cgroup_file_write(path, wanted[i]);
}

/* One level: `group` is the whole path of a group whose parent exists. */
static int make_level(const struct cgroup_tree *tree, char *group)
{
	if (mkdir(group, 0755) && errno != EEXIST)
		return errno;
	if (!tree->v2 && (tree->controllers & CGROUP_BIT(CGROUP_CPUSET))) {
		int failed = inherit_cpuset(group, "cpuset.cpus");
		failed = failed ? failed : inherit_cpuset(group, "cpuset.mems");
		return -failed;
	}
	return 0;
}

static int make_in_tree(const struct cgroup_tree *tree, const char *path)
{
	char group[CGROUP_PATH_MAX];
	struct stat there;

	if (!cgroup_file_path(group, tree->mount, path, ""))
		return ENAMETOOLONG;
	if (stat(group, &there) == 0)
		return 0;
	for (char *at = group + tree->mount.len + 1;; at++) {
		char c = *at;
		if (c && c != '/')
			continue;
		*at = 0;
		int failed = make_level(tree, group);
		if (failed)
			return failed;
		if (!c)
			return 0;
		if (tree->v2 && tree->controllers)
			enable_controllers(group);
		*at = '/';
	}
}

int cgroup_make(const struct cgroups *g, const char *path, struct err *err)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct cgroup_tree *tree = &g->trees[i];
		if (tree->v2 && tree->controllers)
			enable_controllers(tree->mount.at);
		int failed = make_in_tree(tree, path);
		/* systemd's own tree and others that control nothing may be read-only. */
		if (failed && tree->controllers)
			return err_set_errno(
				err, failed, "making cgroup %s%s", tree->mount.at, path);
	}
	return 0;
}

bool cgroup_exists(const struct cgroups *g, const char *path)
{
	char group[CGROUP_PATH_MAX];
	struct stat there;

	for (size_t i = 0; i < g->count; i++)
		if (cgroup_file_path(group, g->trees[i].mount, path, "") &&
			stat(group, &there) == 0)
			return true;
	return false;
}

int cgroup_join(const struct cgroups *g, const char *path, pid_t pid, struct err *err)
{
	char file[CGROUP_PATH_MAX], number[24];

	snprintf(number, sizeof(number), "%d", (int)pid);
	for (size_t i = 0; i < g->count; i++) {
		const struct cgroup_tree *tree = &g->trees[i];
		if (!cgroup_file_path(file, tree->mount, path, "cgroup.procs"))
			return err_set(err, ERR_LIMIT, "cgroup %s: name too long", path);
		int failed = cgroup_file_write(file, number);
		if (failed && tree->controllers)
			return err_set_errno(
				err, -failed, "joining cgroup %s%s", tree->mount.at, path);
	}
	return 0;
}

/* ---- walking ---- */

/* Calls for each group below and at last for the one itself; a result that is not 0 is kept. */
typedef int each_group_fn(char *group, void *ctx);

static int each_group(char *group, int depth, each_group_fn *each, void *ctx)
{
	size_t len = strlen(group);
	DIR *dir = depth < DEPTH_MAX ? opendir(group) : NULL;
	int result = 0;

	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		int n = snprintf(group + len, CGROUP_PATH_MAX - len, "/%s", e->d_name);
		if (n > 0 && (size_t)n < CGROUP_PATH_MAX - len) {
			int one = each_group(group, depth + 1, each, ctx);
			result = result ? result : one;
		}
		group[len] = 0;
	}
	if (dir)
		closedir(dir);
	int own = each(group, ctx);
	return result ? result : own;
}

static int remove_group(char *group, void *ctx)
{
	(void)ctx;
	return rmdir(group) == 0 || errno == ENOENT ? 0 : errno;
}

int cgroup_remove(const struct cgroups *g, const char *path, struct err *err)
{
	char group[CGROUP_PATH_MAX];
	int result = 0;

	for (size_t i = 0; i < g->count; i++) {
		if (!cgroup_file_path(group, g->trees[i].mount, path, ""))
			continue;
		int failed = each_group(group, 0, remove_group, NULL);
		if (!failed || (!g->trees[i].controllers && failed == EROFS))
			continue;
		if (failed == EBUSY)
			result = err_set(err, ERR_CONFLICT, "cgroup %s%s is in use",
				g->trees[i].mount.at, path);
		else
			result = err_set_errno(
				err, failed, "removing cgroup %s%s", g->trees[i].mount.at, path);
	}
	return result;
}

struct members {
	pid_t *pids;
	size_t count, max;
};

static int add_members(char *group, void *ctx)
{
	struct members *m = ctx;
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);
	char path[CGROUP_PATH_MAX];
	struct str rest, line;
	int64_t pid;

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	if (cgroup_file_read(path, &text, NULL))
		return 0;
	rest = buf_str(&text);
	while (str_next(&rest, '\n', &line)) {
		/* 0: one of another process namespace. */
		if (!str_to_i64(line, &pid) || pid <= 0)
			continue;
		if (m->count < m->max)
			m->pids[m->count] = (pid_t)pid;
		m->count++;
	}
	return 0;
}

/* The tree that tells who is in a group: any; one with controllers is always there. */
static const struct cgroup_tree *members_tree(const struct cgroups *g)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->trees[i].controllers)
			return &g->trees[i];
	return g->count ? &g->trees[0] : NULL;
}

size_t cgroup_processes(const struct cgroups *g, const char *path, pid_t *pids, size_t max)
{
	const struct cgroup_tree *tree = members_tree(g);
	struct members m = {.pids = pids, .max = max};
	char group[CGROUP_PATH_MAX];

	if (tree && cgroup_file_path(group, tree->mount, path, ""))
		each_group(group, 0, add_members, &m);
	return m.count;
}

int cgroup_kill(const struct cgroups *g, const char *path)
{
	pid_t pids[1024];
	size_t count = cgroup_processes(g, path, pids, ARRAY_LEN(pids));
	char file[CGROUP_PATH_MAX];

	if (count == 0)
		return 0;
	/* One write that nobody can outrun by forking; since Linux 5.14. */
	for (size_t i = 0; i < g->count; i++)
		if (g->trees[i].v2 && g->trees[i].controllers &&
			cgroup_file_path(file, g->trees[i].mount, path, "cgroup.kill") &&
			cgroup_file_write(file, "1") == 0)
			return (int)count;
	for (size_t i = 0; i < MIN(count, ARRAY_LEN(pids)); i++)
		kill(pids[i], SIGKILL);
	return (int)count;
}
