/*
 * Which devices a group may open: v1 has files for it, v2 a program that the kernel asks. The
 * program is the list itself, one test a rule, the last answer no.
 */
#include "cgroup_file.h"

#include <kube/cgroup.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEVICES_MAX 256
#define RULE_LENGTH 10

static int write_v1(
	struct str mount, const char *path, const struct cgroup_device *devices, size_t count)
{
	char file[CGROUP_PATH_MAX];

	if (!cgroup_file_path(file, mount, path, "devices.deny"))
		return ENAMETOOLONG;
	int failed = cgroup_file_write(file, "a");
	cgroup_file_path(file, mount, path, "devices.allow");
	for (size_t i = 0; i < count && !failed; i++) {
		const struct cgroup_device *d = &devices[i];
		char rule[80], major[24] = "*", minor[24] = "*";
		if (d->type == 'a') {
			failed = cgroup_file_write(file, "a");
			continue;
		}
		if (d->major >= 0)
			snprintf(major, sizeof(major), "%lld", (long long)d->major);
		if (d->minor >= 0)
			snprintf(minor, sizeof(minor), "%lld", (long long)d->minor);
		snprintf(rule, sizeof(rule), "%c %s:%s %s", d->type, major, minor, d->access);
		failed = cgroup_file_write(file, rule);
	}
	return -failed;
}

/* ---- v2 ---- */

static uint32_t access_bits(const char *access)
{
	return (strchr(access, 'r') ? BPF_DEVCG_ACC_READ : 0u) |
	       (strchr(access, 'w') ? BPF_DEVCG_ACC_WRITE : 0u) |
	       (strchr(access, 'm') ? BPF_DEVCG_ACC_MKNOD : 0u);
}

static struct bpf_insn instruction(uint8_t code, uint8_t to, uint8_t from, int16_t off, int32_t imm)
{
	return (struct bpf_insn){
		.code = code, .dst_reg = to & 15, .src_reg = from & 15, .off = off, .imm = imm};
}

/* r2: type, r3: what is wanted, r4: major, r5: minor. A test that fails jumps behind the rule. */
static size_t add_rule(struct bpf_insn *at, const struct cgroup_device *d)
{
	size_t n = 0, jumps[4], jump_count = 0;

	if (d->type != 'a') {
		jumps[jump_count++] = n;
		at[n++] = instruction(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 0,
			d->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
		at[n++] = instruction(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
		at[n++] = instruction(BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0,
			(int32_t)(~access_bits(d->access) & 7));
		jumps[jump_count++] = n;
		at[n++] = instruction(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_1, 0, 0, 0);
		if (d->major >= 0) {
			jumps[jump_count++] = n;
			at[n++] = instruction(
				BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, 0, (int32_t)d->major);
		}
		if (d->minor >= 0) {
			jumps[jump_count++] = n;
			at[n++] = instruction(
				BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, 0, (int32_t)d->minor);
		}
	}
	at[n++] = instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1);
	at[n++] = instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (size_t i = 0; i < jump_count; i++)
		at[jumps[i]].off = (int16_t)(n - jumps[i] - 1);
	return n;
}

static size_t build_program(struct bpf_insn *at, const struct cgroup_device *devices, size_t count)
{
	size_t n = 0;

	/* r1: struct bpf_cgroup_dev_ctx {access_type, major, minor}; access << 16 | type. */
	at[n++] = instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, 0, 0);
	at[n++] = instruction(BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	at[n++] = instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_3, BPF_REG_1, 0, 0);
	at[n++] = instruction(BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	at[n++] = instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1, 4, 0);
	at[n++] = instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1, 8, 0);
	for (size_t i = 0; i < count; i++) {
		n += add_rule(at + n, &devices[i]);
		/* Nothing behind it could be reached, which the kernel refuses. */
		if (devices[i].type == 'a')
			return n;
	}
	at[n++] = instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
	at[n++] = instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return n;
}

static int attach_program(const char *group, const struct bpf_insn *program, size_t length)
{
	union bpf_attr attr = {0};

	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)program;
	attr.insn_cnt = (uint32_t)length;
	attr.license = (uint64_t)(uintptr_t) "Apache-2.0";
	int loaded = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (loaded < 0)
		return errno;
	int dir = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failed = dir < 0 ? errno : 0;
	if (!failed) {
		attr = (union bpf_attr){0};
		attr.target_fd = (uint32_t)dir;
		attr.attach_bpf_fd = (uint32_t)loaded;
		attr.attach_type = BPF_CGROUP_DEVICE;
		if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)))
			failed = errno;
		close(dir);
	}
	close(loaded);
	return failed;
}

int cgroup_devices(const struct cgroups *g, const char *path, const struct cgroup_device *devices,
	size_t count, struct err *err)
{
	const struct cgroup_tree *tree = cgroup_tree_of(g, CGROUP_DEVICES);
	struct bpf_insn program[8 + (DEVICES_MAX * RULE_LENGTH)];
	char group[CGROUP_PATH_MAX];
	int failed = 0;

	if (count > DEVICES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d devices", DEVICES_MAX);
	if (!tree)
		return err_set(err, ERR_UNSUPPORTED, "nothing here can keep devices from a group");
	if (!tree->v2)
		failed = write_v1(tree->mount, path, devices, count);
	else if (!cgroup_file_path(group, tree->mount, path, ""))
		failed = ENAMETOOLONG;
	else
		failed = attach_program(group, program, build_program(program, devices, count));
	return failed ? err_set_errno(err, failed, "devices of cgroup %s", path) : 0;
}
