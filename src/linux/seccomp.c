/* Filters made with libseccomp: RuntimeDefault from a table, others from a profile's JSON. */
#include <kube/capability.h>
#include <kube/json.h>
#include <kube/seccomp.h>

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROFILE_MAX   (1 * MIB)
#define NAMESPACES    0x7E020000u /* CLONE_NEW…: those a process may not make without privilege */
#define PERSONA_QUERY 0xffffffffu

/* ---- both ---- */

static void filter_done(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

/* Programs of the machine's other widths run, too. */
static void add_architectures(scmp_filter_ctx filter)
{
	switch (seccomp_arch_native()) {
	case SCMP_ARCH_X86_64:
		seccomp_arch_add(filter, SCMP_ARCH_X86);
		seccomp_arch_add(filter, SCMP_ARCH_X32);
		break;
	case SCMP_ARCH_AARCH64:
		seccomp_arch_add(filter, SCMP_ARCH_ARM);
		break;
	default:
		break;
	}
}

static int filter_export(scmp_filter_ctx filter, struct buf *out, struct err *err)
{
	/* A tree of comparisons in place of a list: 350 names are found in nine steps. */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* What is asked for stands in the pod; the process that loads says it itself. */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	int fd = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "making a filter of system calls");
	int failed = -seccomp_export_bpf(filter, fd);
	off_t size = failed ? 0 : lseek(fd, 0, SEEK_END);
	char *at = failed || size <= 0 ? NULL : buf_reserve(out, (size_t)size);
	if (at && pread(fd, at, (size_t)size, 0) == size)
		buf_advance(out, (size_t)size);
	else if (!failed)
		failed = EIO;
	close(fd);
	return failed ? err_set_errno(err, failed, "making a filter of system calls") : 0;
}

/* ---- RuntimeDefault ---- */

#define NO_CAPABILITY 63

static const struct {
	const char *name;
	uint8_t capability;
} table[] = {
/* clang-format off */
#define S(name) {#name, NO_CAPABILITY},
#define C(capability, name) {#name, capability},
#include "seccomp_default.def"
#undef S
#undef C
	/* clang-format on */
};

/* Of a first argument. The library's macros leave a field out, which clang does not like. */
static struct scmp_arg_cmp first_is(enum scmp_compare how, uint64_t one, uint64_t other)
{
	return (struct scmp_arg_cmp){.arg = 0, .op = how, .datum_a = one, .datum_b = other};
}

static int add_by_arguments(scmp_filter_ctx filter, bool sys_admin)
{
	static const uint32_t personas[] = {0, 0x0008, 0x20000, 0x20008, PERSONA_QUERY};
	int failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(personas) && !failed; i++)
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
			first_is(SCMP_CMP_EQ, personas[i], 0));
	/* Every family of sockets but the hypervisor's. */
	if (!failed)
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
			first_is(SCMP_CMP_NE, AF_VSOCK, 0));
	if (failed || sys_admin)
		return failed;
	failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		first_is(SCMP_CMP_MASKED_EQ, NAMESPACES, 0));
	/* Its flags lie in memory, where no filter sees them: libraries fall back to clone. */
	if (!failed)
		failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return failed;
}

int seccomp_filter_default(uint64_t capabilities, struct buf *out, struct err *err)
{
	_cleanup_(filter_done) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int failed = filter ? 0 : -ENOMEM;

	if (!failed)
		add_architectures(filter);
	for (size_t i = 0; i < ARRAY_LEN(table) && !failed; i++) {
		if (table[i].capability != NO_CAPABILITY &&
			!(capabilities >> table[i].capability & 1))
			continue;
		int number = seccomp_syscall_resolve_name(table[i].name);
		if (number == __NR_SCMP_ERROR)
			continue;
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
		/* Said twice, or none of this architecture. */
		if (failed == -EEXIST || failed == -EDOM)
			failed = 0;
	}
	if (!failed)
		failed = add_by_arguments(filter, capabilities >> CAP_SYS_ADMIN & 1);
	if (failed)
		return err_set_errno(err, -failed, "making the default filter of system calls");
	return filter_export(filter, out, err);
}

/* ---- profiles ---- */

static bool action_of(struct str name, int64_t number, uint32_t *action)
{
	static const struct {
		const char *name;
		uint32_t action;
	} actions[] = {
		{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
		{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
		{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
		{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
		{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
		{"SCMP_ACT_LOG", SCMP_ACT_LOG},
	};

	if (str_eq(name, STR("SCMP_ACT_ERRNO"))) {
		*action = SCMP_ACT_ERRNO((uint32_t)number & 0xffff);
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (str_eq_text(name, actions[i].name)) {
			*action = actions[i].action;
			return true;
		}
	return false;
}

static bool comparison_of(struct str name, enum scmp_compare *compare)
{
	static const char *const names[] = {[SCMP_CMP_NE] = "SCMP_CMP_NE",
		[SCMP_CMP_LT] = "SCMP_CMP_LT",
		[SCMP_CMP_LE] = "SCMP_CMP_LE",
		[SCMP_CMP_EQ] = "SCMP_CMP_EQ",
		[SCMP_CMP_GE] = "SCMP_CMP_GE",
		[SCMP_CMP_GT] = "SCMP_CMP_GT",
		[SCMP_CMP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ"};

	for (size_t i = SCMP_CMP_NE; i < ARRAY_LEN(names); i++)
		if (str_eq_text(name, names[i])) {
			*compare = (enum scmp_compare)i;
			return true;
		}
	return false;
}

static int64_t errno_of(const struct cJSON *n, int64_t otherwise)
{
	int64_t number;
	return json_int(json_get(n, STR("errnoRet")), &number) ? number : otherwise;
}

/* Docker's conditions: does one of these capabilities (all: each of them) stand in the set? */
static bool has_capabilities(const struct cJSON *list, uint64_t set, bool all)
{
	json_each (name, list) {
		bool has = set & capability_bit(json_str(name));
		if (has != all)
			return has;
	}
	return all;
}

static bool rule_counts(const struct cJSON *rule, uint64_t capabilities)
{
	const struct cJSON *with = json_path(rule, "includes.caps");
	const struct cJSON *without = json_path(rule, "excludes.caps");

	return has_capabilities(with, capabilities, true) &&
	       !(json_count(without) && has_capabilities(without, capabilities, false));
}

static int read_arguments(
	const struct cJSON *rule, struct scmp_arg_cmp args[6], unsigned *count, struct err *err)
{
	*count = 0;
	json_each (arg, json_get(rule, STR("args"))) {
		int64_t index = -1, value = 0, second = 0;
		enum scmp_compare compare;
		if (*count == 6 || !json_int(json_get(arg, STR("index")), &index) || index < 0 ||
			index > 5 || !comparison_of(json_str(json_get(arg, STR("op"))), &compare))
			return err_set(err, ERR_INVALID, "bad argument of a rule");
		json_int(json_get(arg, STR("value")), &value);
		json_int(json_get(arg, STR("valueTwo")), &second);
		args[(*count)++] = (struct scmp_arg_cmp){.arg = (unsigned)index,
			.op = compare,
			.datum_a = (scmp_datum_t)value,
			.datum_b = (scmp_datum_t)second};
	}
	return 0;
}

static int add_rule(
	scmp_filter_ctx filter, const struct cJSON *rule, uint32_t otherwise, struct err *err)
{
	struct scmp_arg_cmp args[6];
	unsigned count;
	uint32_t action;
	struct str word = json_str(json_get(rule, STR("action")));

	if (!action_of(word, errno_of(rule, EPERM), &action))
		return err_set(err, ERR_INVALID, "unknown action \"%.*s\"", STRF(word));
	int code = read_arguments(rule, args, &count, err);
	if (code || action == otherwise)
		return code;
	json_each (item, json_get(rule, STR("names"))) {
		char name[64];
		struct str s = json_str(item);
		if (s.len >= sizeof(name))
			continue;
		memcpy(name, s.at, s.len);
		name[s.len] = 0;
		int number = seccomp_syscall_resolve_name(name);
		if (number == __NR_SCMP_ERROR)
			continue;
		int failed = seccomp_rule_add_array(filter, action, number, count, args);
		if (failed && failed != -EEXIST && failed != -EDOM)
			return err_set_errno(err, -failed, "rule for %s", name);
	}
	return 0;
}

int seccomp_filter_profile(struct str json, uint64_t capabilities, struct buf *out, struct err *err)
{
	_cleanup_(arena_done) struct arena a;
	struct json_options options = {.limits = {.max_bytes = PROFILE_MAX}};
	struct cJSON *root;
	uint32_t otherwise;

	arena_init(&a);
	int code = json_parse(&a, json, &options, &root, err);
	if (code)
		return code;
	struct str word = json_str(json_get(root, STR("defaultAction")));
	int64_t number = EPERM;
	json_int(json_get(root, STR("defaultErrnoRet")), &number);
	if (!action_of(word, number, &otherwise))
		return err_set(err, ERR_INVALID, "unknown defaultAction \"%.*s\"", STRF(word));
	_cleanup_(filter_done) scmp_filter_ctx filter = seccomp_init(otherwise);
	if (!filter)
		return err_set(err, ERR_INVALID, "bad defaultAction \"%.*s\"", STRF(word));
	add_architectures(filter);
	json_each (rule, json_get(root, STR("syscalls"))) {
		if (rule_counts(rule, capabilities))
			code = add_rule(filter, rule, otherwise, err);
		if (code)
			return code;
	}
	return filter_export(filter, out, err);
}

/* ---- loading ---- */

int seccomp_filter_load(struct str bytes, struct err *err)
{
	struct sock_fprog program = {
		.len = (unsigned short)(bytes.len / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)(void *)(uintptr_t)bytes.at};

	if (bytes.len == 0 || bytes.len % sizeof(struct sock_filter) ||
		bytes.len / sizeof(struct sock_filter) > UINT16_MAX)
		return err_set(err, ERR_INVALID, "a filter of system calls is damaged");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		return err_set_errno(err, errno, "loading the filter of system calls");
	return 0;
}
