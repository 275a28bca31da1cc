/* What a container is to be: from its config, its image and its sandbox. */
#include "native.h"

#include <kube/capability.h>
#include <kube/mount.h>

#include <linux/sched.h>
#include <stdio.h>

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ITEMS_MAX    4096

/* ---- lists ---- */

static void add_str(struct arena *a, struct spec_strs *list, struct str s)
{
	list->items[list->count++] = arena_str(a, s);
}

static struct spec_strs copy_strs(struct arena *a, const struct str *items, size_t count)
{
	struct spec_strs list = {arena_new(a, (count + 1) * sizeof(struct str)), 0};

	for (size_t i = 0; i < count; i++)
		add_str(a, &list, items[i]);
	return list;
}

/* ---- the program ---- */

/* A command replaces both of the image's; arguments alone its arguments. */
static void plan_args(struct native_build *b)
{
	const struct container_config *g = b->config;
	const struct image_root *i = b->image;
	bool own = g->command_count > 0;
	bool more = own || g->argument_count > 0;
	struct spec_strs *args = &b->spec.args;

	*args = (struct spec_strs){
		arena_new(b->arena, (g->command_count + g->argument_count + i->entrypoint_count +
					    i->command_count + 1) *
					    sizeof(struct str)),
		0};
	for (size_t k = 0; k < (own ? g->command_count : i->entrypoint_count); k++)
		add_str(b->arena, args, own ? g->command[k] : i->entrypoint[k]);
	for (size_t k = 0; k < (more ? g->argument_count : i->command_count); k++)
		add_str(b->arena, args, more ? g->arguments[k] : i->command[k]);
}

static void set_env(struct arena *a, struct spec_strs *env, struct str line, bool replace)
{
	struct str name, value, key;

	str_cut(line, '=', &name, &value);
	for (size_t i = 0; i < env->count; i++) {
		str_cut(env->items[i], '=', &key, &value);
		if (!str_eq(key, name))
			continue;
		if (replace)
			env->items[i] = arena_str(a, line);
		return;
	}
	add_str(a, env, line);
}

static void plan_env(struct native_build *b)
{
	const struct container_config *g = b->config;
	struct spec_strs *env = &b->spec.env;
	struct arena *a = b->arena;

	*env = (struct spec_strs){
		arena_new(a, (g->env.count + b->image->env_count + 4) * sizeof(struct str)), 0};
	for (size_t i = 0; i < b->image->env_count; i++)
		set_env(a, env, b->image->env[i], true);
	set_env(a, env, STR(DEFAULT_PATH), false);
	set_env(a, env, arena_print(a, "HOSTNAME=%.*s", STRF(b->sandbox->hostname)), true);
	if (g->tty)
		set_env(a, env, STR("TERM=xterm"), false);
	for (size_t i = 0; i < g->env.count; i++)
		set_env(a, env,
			arena_print(a, "%.*s=%.*s", STRF(g->env.items[i].key),
				STRF(g->env.items[i].value)),
			true);
}

/* ---- limits ---- */

static int64_t pair_number(struct runtime_pair pair)
{
	int64_t n = 0;

	str_to_i64(pair.value, &n);
	return n;
}

void native_spec_limit(
	struct arena *a, struct container_spec *spec, const struct container_limits *l)
{
	spec->cpu_period = l->cpu_period;
	spec->cpu_quota = l->cpu_quota;
	spec->cpu_shares = l->cpu_shares;
	spec->memory = l->memory;
	spec->swap = l->swap;
	spec->pids = l->pids;
	spec->oom_score_adj = l->oom_score_adj;
	spec->kill_together = l->kill_together;
	spec->cpuset_cpus = arena_str(a, l->cpuset_cpus);
	spec->cpuset_mems = arena_str(a, l->cpuset_mems);
	spec->hugepages = arena_new(a, (l->hugepages.count + 1) * sizeof(*spec->hugepages));
	spec->hugepage_count = l->hugepages.count;
	for (size_t i = 0; i < l->hugepages.count; i++)
		spec->hugepages[i] =
			(struct spec_hugepages){arena_str(a, l->hugepages.items[i].key),
				pair_number(l->hugepages.items[i])};
}

void native_limits_of(const struct container_limits *l, struct arena *a, struct cgroup_limits *out)
{
	struct cgroup_hugepages *huge = arena_new(a, (l->hugepages.count + 1) * sizeof(*huge));

	for (size_t i = 0; i < l->hugepages.count; i++)
		huge[i] = (struct cgroup_hugepages){arena_str(a, l->hugepages.items[i].key).at,
			pair_number(l->hugepages.items[i])};
	*out = (struct cgroup_limits){.cpu_period = l->cpu_period,
		.cpu_quota = l->cpu_quota,
		.cpu_shares = l->cpu_shares,
		.memory = l->memory,
		.swap = l->swap,
		.pids = l->pids,
		.kill_together = l->kill_together,
		.cpuset_cpus = l->cpuset_cpus.len ? arena_str(a, l->cpuset_cpus).at : NULL,
		.cpuset_mems = l->cpuset_mems.len ? arena_str(a, l->cpuset_mems).at : NULL,
		.hugepages = huge,
		.hugepage_count = l->hugepages.count};
}

/* ---- mounts ---- */

#define HARMLESS (MOUNT_NO_SUID | MOUNT_NO_DEV | MOUNT_NO_EXEC)

static bool is_taken(const struct native_build *b, const char *target)
{
	for (size_t i = 0; i < b->config->mount_count; i++)
		if (str_eq_text(b->config->mounts[i].container_path, target))
			return true;
	return false;
}

/* A bind of the node's is shared with it: what is mounted on it later would be there, too. */
static void add_mount(struct native_build *b, struct spec_mount mount)
{
	mount.propagation = MOUNT_PRIVATE;
	if (!is_taken(b, mount.target.at))
		b->spec.mounts[b->spec.mount_count++] = mount;
}

/* Every tree of control groups, from the container's own down. */
static void plan_groups(struct native_build *b, bool writable)
{
	int64_t attributes = HARMLESS | (writable ? 0 : MOUNT_READ_ONLY);
	const struct cgroups *g = b->cgroups;

	if (g->unified) {
		add_mount(b, (struct spec_mount){.type = STR("cgroup2"),
				     .target = STR("/sys/fs/cgroup"),
				     .attributes = attributes,
				     .optional = true});
		return;
	}
	add_mount(b, (struct spec_mount){.type = STR("tmpfs"),
			     .target = STR("/sys/fs/cgroup"),
			     .data = STR("mode=755"),
			     .attributes = HARMLESS,
			     .optional = true});
	for (size_t i = 0; i < g->count; i++) {
		struct str directory, name;
		str_cut_last(g->trees[i].mount, '/', &directory, &name);
		if (g->trees[i].v2 || !g->trees[i].controllers)
			continue;
		add_mount(b,
			(struct spec_mount){.type = STR("cgroup"),
				.target = arena_print(b->arena, "/sys/fs/cgroup/%.*s", STRF(name)),
				.data = name,
				.attributes = attributes,
				.optional = true});
	}
}

static void plan_own_mounts(struct native_build *b)
{
	const struct native_sandbox *s = b->sandbox;
	bool privileged = b->config->security.privileged;
	int64_t sys = HARMLESS | (privileged ? 0 : MOUNT_READ_ONLY);

	add_mount(b, (struct spec_mount){
			     .type = STR("proc"), .target = STR("/proc"), .attributes = HARMLESS});
	add_mount(b, (struct spec_mount){.type = STR("tmpfs"),
			     .target = STR("/dev"),
			     .data = STR("mode=755,size=65536k"),
			     .attributes = MOUNT_NO_SUID});
	add_mount(b, (struct spec_mount){.type = STR("devpts"),
			     .target = STR("/dev/pts"),
			     .data = STR("newinstance,ptmxmode=0666,mode=0620,gid=5"),
			     .attributes = MOUNT_NO_SUID | MOUNT_NO_EXEC});
	add_mount(b, (struct spec_mount){.type = STR("mqueue"),
			     .target = STR("/dev/mqueue"),
			     .attributes = HARMLESS});
	add_mount(b, (struct spec_mount){
			     .type = STR("sysfs"), .target = STR("/sys"), .attributes = sys});
	plan_groups(b, privileged);
	add_mount(b, (struct spec_mount){.type = STR("bind"),
			     .source = s->shm.len ? s->shm : STR("/dev/shm"),
			     .target = STR("/dev/shm"),
			     .attributes = HARMLESS});
	add_mount(
		b, (struct spec_mount){.type = STR("bind"),
			   .source = arena_print(b->arena, "%s/resolv.conf", s->directory.at),
			   .target = STR("/etc/resolv.conf"),
			   .attributes = b->config->security.read_only_root ? MOUNT_READ_ONLY : 0});
	add_mount(
		b, (struct spec_mount){.type = STR("bind"),
			   .source = arena_print(b->arena, "%s/hostname", s->directory.at),
			   .target = STR("/etc/hostname"),
			   .attributes = b->config->security.read_only_root ? MOUNT_READ_ONLY : 0});
}

static size_t depth_of(struct str path)
{
	size_t n = 0;

	for (size_t i = 0; i < path.len; i++)
		n += path.at[i] == '/' && i + 1 < path.len && path.at[i + 1] != '/';
	return n;
}

/* What is in an image is to be looked at, not to be executed. */
static int plan_image(struct native_build *b, const struct runtime_mount *m, struct err *err)
{
	struct image_root root = {0};

	if (m->container_path.len == 0 || m->container_path.at[0] != '/')
		return err_set(err, ERR_INVALID, "mount %.*s: the path must be absolute",
			STRF(m->container_path));
	if (!b->images->root(b->images, m->image, &root))
		return err_set(err, ERR_NOT_FOUND, "image \"%.*s\": not found", STRF(m->image));
	if (root.lower_count == 0)
		return err_set(
			err, ERR_UNSUPPORTED, "image \"%.*s\": no files to mount", STRF(m->image));
	b->spec.mounts[b->spec.mount_count++] = (struct spec_mount){.type = STR("image"),
		.source = arena_str(b->arena, m->image_part),
		.target = arena_str(b->arena, m->container_path),
		.lowers = copy_strs(b->arena, root.lowers, root.lower_count),
		.attributes = MOUNT_READ_ONLY | MOUNT_NO_EXEC,
		.propagation = MOUNT_PRIVATE};
	return 0;
}

static int plan_mount(struct native_build *b, const struct runtime_mount *m, struct err *err)
{
	static const int64_t kinds[] = {[PROPAGATE_NONE] = MOUNT_PRIVATE,
		[PROPAGATE_HOST_TO_CONTAINER] = MOUNT_SLAVE,
		[PROPAGATE_BOTH] = MOUNT_SHARED};

	if (m->image.len)
		return plan_image(b, m, err);
	if (m->container_path.len == 0 || m->container_path.at[0] != '/' || m->host_path.len == 0 ||
		m->host_path.at[0] != '/')
		return err_set(err, ERR_INVALID, "mount %.*s:%.*s: both paths must be absolute",
			STRF(m->host_path), STRF(m->container_path));
	b->spec.mounts[b->spec.mount_count++] = (struct spec_mount){.type = STR("bind"),
		.source = arena_str(b->arena, m->host_path),
		.target = arena_str(b->arena, m->container_path),
		.attributes = m->read_only || m->recursive_read_only ? MOUNT_READ_ONLY : 0,
		.propagation = kinds[m->propagation],
		.recursive_changes = m->recursive_read_only};
	return 0;
}

/* What is nearer to the root first, else as said. */
static int plan_mounts(struct native_build *b, struct err *err)
{
	const struct container_config *g = b->config;
	size_t deepest = 0;
	int code = 0;

	if (g->mount_count > ITEMS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d mounts", ITEMS_MAX);
	b->spec.mounts = arena_new(
		b->arena, (g->mount_count + 16 + b->cgroups->count) * sizeof(struct spec_mount));
	plan_own_mounts(b);
	for (size_t i = 0; i < g->mount_count; i++)
		deepest = MAX(deepest, depth_of(g->mounts[i].container_path));
	for (size_t depth = 0; depth <= deepest; depth++)
		for (size_t i = 0; i < g->mount_count && !code; i++)
			if (depth_of(g->mounts[i].container_path) == depth)
				code = plan_mount(b, &g->mounts[i], err);
	return code;
}

/* ---- who it is, and what it may ---- */

static void plan_user(struct native_build *b)
{
	const struct container_security *s = &b->config->security;

	b->spec.uid = s->run_as_user;
	b->spec.gid = s->run_as_group;
	b->spec.user = arena_str(b->arena, s->run_as_name.len ? s->run_as_name : b->image->user);
	b->spec.groups = (struct spec_ints){arena_copy(b->arena, s->supplemental_groups,
						    s->supplemental_count * sizeof(int64_t)),
		s->supplemental_count};
	b->spec.strict_groups = s->strict_groups;
}

static int plan_rights(struct native_build *b, struct err *err)
{
	const struct container_security *s = &b->config->security;
	uint64_t set = capability_all();
	int code = 0;

	if (!s->privileged)
		code = capability_resolve(s->add_capabilities, s->add_count, s->drop_capabilities,
			s->drop_count, &set, err);
	b->spec.capabilities = (int64_t)set;
	b->spec.no_new_privs = s->no_new_privs;
	b->spec.read_only_root = s->read_only_root;
	b->spec.apparmor = arena_str(b->arena, s->privileged ? (struct str){0} : s->apparmor);
	if (!s->privileged) {
		b->spec.masked = copy_strs(b->arena, s->masked_paths, s->masked_count);
		b->spec.read_only_paths =
			copy_strs(b->arena, s->read_only_paths, s->read_only_count);
	}
	return code;
}

/* A pod whose containers have processes of their own has none to share: its helper is the node's.
 */
static void plan_processes(struct native_build *b)
{
	enum runtime_namespace pid = b->config->security.pid, pod = b->sandbox->pid;

	if (pid == NAMESPACE_TARGET)
		b->spec.pid_target = arena_str(b->arena, b->config->security.pid_target);
	b->spec.own_pid = pid == NAMESPACE_CONTAINER ||
			  (pid == NAMESPACE_POD && pod != NAMESPACE_POD) ||
			  (pid == NAMESPACE_NODE && pod != NAMESPACE_NODE);
}

int native_spec_plan(struct native_build *b, struct err *err)
{
	const struct container_config *g = b->config;
	struct container_spec *spec = &b->spec;
	struct arena *a = b->arena;

	spec->id = b->id;
	spec->cgroup = b->cgroup;
	spec->root = arena_print(a, "%s/root", b->directory.at);
	spec->upper = arena_print(a, "%s/upper", b->directory.at);
	spec->work = arena_print(a, "%s/work", b->directory.at);
	spec->lowers = copy_strs(a, b->image->lowers, b->image->lower_count);
	spec->cwd = arena_str(a, g->working_dir.len ? g->working_dir : b->image->working_dir);
	spec->log_path = b->log_path;
	spec->tty = g->tty;
	spec->stdin = g->stdin;
	spec->stdin_once = g->stdin_once;
	plan_args(b);
	if (spec->args.count == 0)
		return err_set(err, ERR_INVALID, "no command specified");
	plan_env(b);
	native_spec_limit(a, spec, &g->limits);
	plan_user(b);
	plan_processes(b);
	int code = plan_rights(b, err);
	return code ? code : plan_mounts(b, err);
}
