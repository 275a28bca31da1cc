/* One table of members gives the writer and the reader. */
#include "spec.h"

#include <kube/json.h>

#define NODES_MAX 200000

enum member_kind { MEMBER_STR, MEMBER_BOOL, MEMBER_INT, MEMBER_STRS, MEMBER_INTS, MEMBER_LIST };

struct member {
	const char *name;
	enum member_kind kind;
	size_t offset;
	/* of a list */
	size_t count_offset, size;
	const struct member *members;
};

#define M(type, member, member_kind)                                                               \
	{                                                                                          \
		.name = #member, .kind = (member_kind), .offset = offsetof(type, member)           \
	}
#define L(member, counter, type, table)                                                            \
	{                                                                                          \
		.name = #member, .kind = MEMBER_LIST,                                              \
		.offset = offsetof(struct container_spec, member),                                 \
		.count_offset = offsetof(struct container_spec, counter), .size = sizeof(type),    \
		.members = (table)                                                                 \
	}

static const struct member mount_members[] = {
	M(struct spec_mount, type, MEMBER_STR),
	M(struct spec_mount, source, MEMBER_STR),
	M(struct spec_mount, target, MEMBER_STR),
	M(struct spec_mount, lowers, MEMBER_STRS),
	M(struct spec_mount, data, MEMBER_STR),
	M(struct spec_mount, attributes, MEMBER_INT),
	M(struct spec_mount, propagation, MEMBER_INT),
	M(struct spec_mount, recursive_changes, MEMBER_BOOL),
	M(struct spec_mount, optional, MEMBER_BOOL),
	{0},
};
static const struct member device_members[] = {
	M(struct spec_device, path, MEMBER_STR),
	M(struct spec_device, type, MEMBER_STR),
	M(struct spec_device, access, MEMBER_STR),
	M(struct spec_device, major, MEMBER_INT),
	M(struct spec_device, minor, MEMBER_INT),
	M(struct spec_device, mode, MEMBER_INT),
	M(struct spec_device, uid, MEMBER_INT),
	M(struct spec_device, gid, MEMBER_INT),
	{0},
};
static const struct member hugepage_members[] = {
	M(struct spec_hugepages, size, MEMBER_STR),
	M(struct spec_hugepages, limit, MEMBER_INT),
	{0},
};
static const struct member spec_members[] = {
	M(struct container_spec, id, MEMBER_STR),
	M(struct container_spec, cgroup, MEMBER_STR),
	M(struct container_spec, cwd, MEMBER_STR),
	M(struct container_spec, user, MEMBER_STR),
	M(struct container_spec, root, MEMBER_STR),
	M(struct container_spec, upper, MEMBER_STR),
	M(struct container_spec, work, MEMBER_STR),
	M(struct container_spec, lowers, MEMBER_STRS),
	M(struct container_spec, args, MEMBER_STRS),
	M(struct container_spec, env, MEMBER_STRS),
	M(struct container_spec, groups, MEMBER_INTS),
	M(struct container_spec, masked, MEMBER_STRS),
	M(struct container_spec, read_only_paths, MEMBER_STRS),
	M(struct container_spec, log_path, MEMBER_STR),
	M(struct container_spec, seccomp, MEMBER_STR),
	M(struct container_spec, apparmor, MEMBER_STR),
	M(struct container_spec, pid_target, MEMBER_STR),
	M(struct container_spec, uid, MEMBER_INT),
	M(struct container_spec, gid, MEMBER_INT),
	M(struct container_spec, capabilities, MEMBER_INT),
	M(struct container_spec, oom_score_adj, MEMBER_INT),
	M(struct container_spec, cpu_period, MEMBER_INT),
	M(struct container_spec, cpu_quota, MEMBER_INT),
	M(struct container_spec, cpu_shares, MEMBER_INT),
	M(struct container_spec, memory, MEMBER_INT),
	M(struct container_spec, swap, MEMBER_INT),
	M(struct container_spec, pids, MEMBER_INT),
	M(struct container_spec, cpuset_cpus, MEMBER_STR),
	M(struct container_spec, cpuset_mems, MEMBER_STR),
	M(struct container_spec, kill_together, MEMBER_BOOL),
	M(struct container_spec, tty, MEMBER_BOOL),
	M(struct container_spec, stdin, MEMBER_BOOL),
	M(struct container_spec, stdin_once, MEMBER_BOOL),
	M(struct container_spec, own_pid, MEMBER_BOOL),
	M(struct container_spec, strict_groups, MEMBER_BOOL),
	M(struct container_spec, read_only_root, MEMBER_BOOL),
	M(struct container_spec, no_new_privs, MEMBER_BOOL),
	L(mounts, mount_count, struct spec_mount, mount_members),
	L(devices, device_count, struct spec_device, device_members),
	L(hugepages, hugepage_count, struct spec_hugepages, hugepage_members),
	{0},
};

#define AT(type, base, offset) ((type *)(void *)((char *)(base) + (offset)))

/* ---- writing ---- */

static void print_members(struct buf *out, const struct member *members, const char *base);

static void print_member(struct buf *out, const struct member *m, const char *base)
{
	const char *at = base + m->offset;

	switch (m->kind) {
	case MEMBER_STR:
		json_print_str(out, *(const struct str *)(const void *)at);
		break;
	case MEMBER_BOOL:
		buf_add_text(out, *(const bool *)at ? "true" : "false");
		break;
	case MEMBER_INT:
		buf_add_i64(out, *(const int64_t *)(const void *)at);
		break;
	case MEMBER_STRS: {
		const struct spec_strs *list = (const void *)at;
		buf_add_char(out, '[');
		for (size_t i = 0; i < list->count; i++) {
			buf_add_text(out, i ? "," : "");
			json_print_str(out, list->items[i]);
		}
		buf_add_char(out, ']');
		break;
	}
	case MEMBER_INTS: {
		const struct spec_ints *list = (const void *)at;
		buf_add_char(out, '[');
		for (size_t i = 0; i < list->count; i++) {
			buf_add_text(out, i ? "," : "");
			buf_add_i64(out, list->items[i]);
		}
		buf_add_char(out, ']');
		break;
	}
	case MEMBER_LIST: {
		const char *items = *(char *const *)(const void *)at;
		size_t count = *(const size_t *)(const void *)(base + m->count_offset);
		buf_add_char(out, '[');
		for (size_t i = 0; i < count; i++) {
			buf_add_text(out, i ? "," : "");
			print_members(out, m->members, items + (i * m->size));
		}
		buf_add_char(out, ']');
		break;
	}
	}
}

static void print_members(struct buf *out, const struct member *members, const char *base)
{
	buf_add_char(out, '{');
	for (const struct member *m = members; m->name; m++) {
		buf_print(out, "%s\"%s\":", m == members ? "" : ",", m->name);
		print_member(out, m, base);
	}
	buf_add_char(out, '}');
}

void spec_print(struct buf *out, const struct container_spec *spec)
{
	print_members(out, spec_members, (const char *)spec);
}

/* ---- reading ---- */

/* Texts go to the kernel: one with a NUL inside would be another there. */
static int read_str(struct arena *a, const struct cJSON *n, struct str *s, struct err *err)
{
	struct str text = json_str(n);

	if (text.len && memchr(text.at, 0, text.len))
		return err_set(err, ERR_INVALID, "a NUL in a text");
	*s = arena_str(a, text);
	return 0;
}

static int read_members(struct arena *a, const struct member *members, const struct cJSON *object,
	char *base, struct err *err);

static int read_list(
	struct arena *a, const struct member *m, const struct cJSON *n, char *base, struct err *err)
{
	size_t count = json_count(n), i = 0;
	char *items = arena_new(a, (count + 1) * m->size);
	int code = 0;

	json_each (item, n) {
		code = read_members(a, m->members, item, items + (i++ * m->size), err);
		if (code)
			return code;
	}
	*AT(char *, base, m->offset) = items;
	*AT(size_t, base, m->count_offset) = count;
	return 0;
}

static int read_member(
	struct arena *a, const struct member *m, const struct cJSON *n, char *base, struct err *err)
{
	size_t i = 0;
	int code = 0;

	switch (m->kind) {
	case MEMBER_STR:
		return read_str(a, n, AT(struct str, base, m->offset), err);
	case MEMBER_BOOL:
		*AT(bool, base, m->offset) = json_bool(n);
		return 0;
	case MEMBER_INT:
		json_int(n, AT(int64_t, base, m->offset));
		return 0;
	case MEMBER_STRS: {
		struct spec_strs *list = AT(struct spec_strs, base, m->offset);
		list->count = json_count(n);
		list->items = arena_new(a, (list->count + 1) * sizeof(struct str));
		json_each (item, n) {
			code = code ? code : read_str(a, item, &list->items[i++], err);
		}
		return code;
	}
	case MEMBER_INTS: {
		struct spec_ints *list = AT(struct spec_ints, base, m->offset);
		list->count = json_count(n);
		list->items = arena_new(a, (list->count + 1) * sizeof(int64_t));
		json_each (item, n) {
			json_int(item, &list->items[i++]);
		}
		return 0;
	}
	case MEMBER_LIST:
		return read_list(a, m, n, base, err);
	}
	return 0;
}

static int read_members(struct arena *a, const struct member *members, const struct cJSON *object,
	char *base, struct err *err)
{
	if (!json_is(object, JSON_OBJECT))
		return err_set(err, ERR_INVALID, "not an object");
	for (const struct member *m = members; m->name; m++) {
		int code = read_member(a, m, json_get(object, str_from(m->name)), base, err);
		if (code)
			return err_wrap(err, code, "%s", m->name);
	}
	return 0;
}

int spec_parse(struct arena *a, struct str text, struct container_spec *spec, struct err *err)
{
	_cleanup_(arena_done) struct arena tree;
	struct json_options options = {.limits = {.max_bytes = SPEC_MAX, .max_nodes = NODES_MAX}};
	struct cJSON *root;

	arena_init(&tree);
	*spec = (struct container_spec){.uid = -1, .gid = -1};
	int code = json_parse(&tree, text, &options, &root, err);
	return code ? code : read_members(a, spec_members, root, (char *)spec, err);
}
