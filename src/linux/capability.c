#include <kube/capability.h>

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In the kernel's order. */
static const char *const names[] = {
	"CHOWN",
	"DAC_OVERRIDE",
	"DAC_READ_SEARCH",
	"FOWNER",
	"FSETID",
	"KILL",
	"SETGID",
	"SETUID",
	"SETPCAP",
	"LINUX_IMMUTABLE",
	"NET_BIND_SERVICE",
	"NET_BROADCAST",
	"NET_ADMIN",
	"NET_RAW",
	"IPC_LOCK",
	"IPC_OWNER",
	"SYS_MODULE",
	"SYS_RAWIO",
	"SYS_CHROOT",
	"SYS_PTRACE",
	"SYS_PACCT",
	"SYS_ADMIN",
	"SYS_BOOT",
	"SYS_NICE",
	"SYS_RESOURCE",
	"SYS_TIME",
	"SYS_TTY_CONFIG",
	"MKNOD",
	"LEASE",
	"AUDIT_WRITE",
	"AUDIT_CONTROL",
	"SETFCAP",
	"MAC_OVERRIDE",
	"MAC_ADMIN",
	"SYSLOG",
	"WAKE_ALARM",
	"BLOCK_SUSPEND",
	"AUDIT_READ",
	"PERFMON",
	"BPF",
	"CHECKPOINT_RESTORE",
};

#define BIT(capability) (UINT64_C(1) << (capability))

uint64_t capability_bit(struct str name)
{
	if (str_starts_nocase(name, STR("CAP_")))
		name = str_skip(name, 4);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_nocase(name, str_from(names[i])))
			return BIT(i);
	return 0;
}

uint64_t capability_all(void)
{
	uint64_t all = 0;

	for (size_t i = 0; i < 64 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		all |= BIT(i);
	return all;
}

uint64_t capability_default(void)
{
	return BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) |
	       BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) | BIT(CAP_SETGID) | BIT(CAP_SETUID) |
	       BIT(CAP_SETFCAP) | BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) |
	       BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE);
}

static int collect(const struct str *list, size_t count, uint64_t *bits, bool *all, struct err *err)
{
	*bits = 0;
	*all = false;
	for (size_t i = 0; i < count; i++) {
		uint64_t bit = capability_bit(list[i]);
		if (str_eq_nocase(list[i], STR("ALL")))
			*all = true;
		else if (!bit)
			return err_set(
				err, ERR_INVALID, "unknown capability \"%.*s\"", STRF(list[i]));
		*bits |= bit;
	}
	return 0;
}

int capability_resolve(const struct str *add, size_t add_count, const struct str *drop,
	size_t drop_count, uint64_t *set, struct err *err)
{
	uint64_t added, dropped, result = capability_default();
	bool add_all, drop_all;
	int code = collect(add, add_count, &added, &add_all, err);

	if (!code)
		code = collect(drop, drop_count, &dropped, &drop_all, err);
	if (code)
		return code;
	if (add_all)
		result = capability_all();
	if (drop_all)
		result = 0;
	*set = (result | added) & ~dropped & capability_all();
	return 0;
}

int capability_bound(uint64_t set, struct err *err)
{
	uint64_t all = capability_all();

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned i = 0; i < 64 && all >> i; i++)
		if (!(set & BIT(i)) && prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1 &&
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0))
			return err_set_errno(err, errno, "dropping capability %s",
				i < ARRAY_LEN(names) ? names[i] : "of a newer kernel");
	return 0;
}

int capability_set(uint64_t set, struct err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0}, have[2] = {0};

	if (syscall(SYS_capget, &head, have))
		return err_set_errno(err, errno, "reading capabilities");
	for (unsigned i = 0; i < 2; i++) {
		/* What we have not ourselves cannot be given. */
		uint32_t want = (uint32_t)(set >> (32 * i)) & have[i].permitted;
		data[i].effective = data[i].permitted = want;
	}
	if (syscall(SYS_capset, &head, data))
		return err_set_errno(err, errno, "setting capabilities");
	return 0;
}
