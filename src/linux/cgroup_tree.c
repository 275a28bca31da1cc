/* Which trees are mounted, read from mountinfo, and which controllers stand in them. */
#include "cgroup_file.h"

#include <kube/buf.h>
#include <kube/cgroup.h>

#define MOUNTINFO_MAX (16 * MIB)

static const char *const names[CGROUP_CONTROLLERS] = {
	[CGROUP_CPU] = "cpu",
	[CGROUP_CPUACCT] = "cpuacct",
	[CGROUP_CPUSET] = "cpuset",
	[CGROUP_MEMORY] = "memory",
	[CGROUP_PIDS] = "pids",
	[CGROUP_DEVICES] = "devices",
	[CGROUP_FREEZER] = "freezer",
	[CGROUP_BLKIO] = "blkio",
	[CGROUP_HUGETLB] = "hugetlb",
};

static uint32_t controller_bit(struct str name)
{
	if (str_eq(name, STR("io")))
		return CGROUP_BIT(CGROUP_BLKIO);
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		if (str_eq_text(name, names[i]))
			return CGROUP_BIT(i);
	return 0;
}

static uint32_t controllers_of(struct str list, char separator)
{
	uint32_t bits = 0;
	struct str name;

	while (str_next(&list, separator, &name))
		bits |= controller_bit(name);
	return bits;
}

/* Blanks in paths are written as octal numbers: \040. */
static struct str unescape(struct arena *a, struct str s)
{
	char *out = arena_alloc(a, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (c == '\\' && i + 3 < s.len) {
			c = (char)((s.at[i + 1] - '0') << 6 | (s.at[i + 2] - '0') << 3 |
				   (s.at[i + 3] - '0'));
			i += 3;
		}
		out[n++] = c;
	}
	out[n] = 0;
	return str_make(out, n);
}

/*
 * "36 35 98:0 /root /mount options - type source superoptions". A tree that is mounted twice is
 * taken where it was mounted first.
 */
static void parse_line(struct cgroups *g, struct str line)
{
	struct str fields[5], rest = line, type, source, options;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (!str_next(&rest, ' ', &fields[i]))
			return;
	ssize_t dash = str_find(rest, STR(" - "));
	if (dash < 0)
		return;
	rest = str_skip(rest, (size_t)dash + 3);
	if (!str_next(&rest, ' ', &type) || !str_next(&rest, ' ', &source))
		return;
	if (!str_next(&rest, ' ', &options))
		return;
	bool v2 = str_eq(type, STR("cgroup2"));
	if ((!v2 && !str_eq(type, STR("cgroup"))) || g->count == CGROUP_TREES_MAX)
		return;
	struct cgroup_tree tree = {.v2 = v2};
	if (!v2)
		tree.controllers = controllers_of(options, ',');
	for (size_t i = 0; i < g->count; i++)
		if (g->trees[i].v2 == v2 && (v2 || (g->trees[i].controllers & tree.controllers)))
			return;
	tree.mount = unescape(&g->arena, fields[4]);
	g->trees[g->count++] = tree;
}

void cgroup_parse(struct cgroups *g, struct str mountinfo)
{
	struct str line;

	*g = (struct cgroups){0};
	arena_init(&g->arena);
	while (str_next(&mountinfo, '\n', &line))
		parse_line(g, line);
}

int cgroup_load(struct cgroups *g, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MOUNTINFO_MAX);

	int code = cgroup_file_read("/proc/self/mountinfo", &text, err);
	if (code)
		return code;
	cgroup_parse(g, buf_str(&text));
	for (size_t i = 0; i < g->count; i++) {
		struct cgroup_tree *tree = &g->trees[i];
		if (!tree->v2)
			continue;
		struct str path = arena_print(&g->arena, "%s/cgroup.controllers", tree->mount.at);
		buf_clear(&text);
		if (cgroup_file_read(path.at, &text, NULL) == 0)
			tree->controllers = controllers_of(str_trim(buf_str(&text)), ' ');
		/* v2 counts processor time without being asked, and has no such controllers. */
		if (tree->controllers & CGROUP_BIT(CGROUP_CPU))
			tree->controllers |= CGROUP_BIT(CGROUP_CPUACCT);
		if (!cgroup_tree_of(g, CGROUP_DEVICES))
			tree->controllers |= CGROUP_BIT(CGROUP_DEVICES);
		if (!cgroup_tree_of(g, CGROUP_FREEZER))
			tree->controllers |= CGROUP_BIT(CGROUP_FREEZER);
		g->unified = tree->controllers & CGROUP_BIT(CGROUP_MEMORY);
	}
	if (g->count == 0) {
		cgroup_done(g);
		return err_set(err, ERR_UNSUPPORTED, "no cgroup tree is mounted");
	}
	return 0;
}

void cgroup_done(struct cgroups *g)
{
	arena_done(&g->arena);
	*g = (struct cgroups){0};
}

const struct cgroup_tree *cgroup_tree_of(const struct cgroups *g, enum cgroup_controller which)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->trees[i].controllers & CGROUP_BIT(which))
			return &g->trees[i];
	return NULL;
}
