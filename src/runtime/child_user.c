/* Who a container's process is, and what it may do. */
#include "child.h"
#include "passwd.h"

#include <kube/buf.h>
#include <kube/capability.h>
#include <kube/seccomp.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define USER_FILE_MAX (4 * MIB)

static struct passwd_user user;

/* The image's file; it may be missing, a directory, a pipe that nobody writes. */
static void read_user_file(const char *path, struct buf *out)
{
	struct stat there;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return;
	if (fstat(fd, &there) == 0 && S_ISREG(there.st_mode))
		for (;;) {
			char *at = buf_reserve(out, 4 * KIB);
			ssize_t n = at ? read(fd, at, 4 * KIB) : 0;
			if (n <= 0)
				break;
			buf_advance(out, (size_t)n);
		}
	close(fd);
}

static int find_user(struct arena *a, const struct container_spec *s, struct err *err)
{
	_cleanup_(buf_done) struct buf passwd = BUF_INIT(USER_FILE_MAX);
	_cleanup_(buf_done) struct buf group = BUF_INIT(USER_FILE_MAX);
	struct str name = s->user;

	read_user_file("/etc/passwd", &passwd);
	read_user_file("/etc/group", &group);
	if (s->uid >= 0)
		name = arena_print(a, "%lld", (long long)s->uid);
	int code =
		passwd_find(buf_str(&passwd), buf_str(&group), name, !s->strict_groups, &user, err);
	if (code)
		return code;
	user.home = arena_str(a, user.home);
	if (s->gid >= 0)
		user.gid = (uint32_t)s->gid;
	passwd_add_group(&user, user.gid);
	for (size_t i = 0; i < s->groups.count; i++)
		if (!passwd_add_group(&user, (uint32_t)s->groups.items[i]))
			return err_set(err, ERR_LIMIT, "more than %d groups", PASSWD_GROUPS_MAX);
	return 0;
}

struct str child_home(void)
{
	return user.home;
}

/* A process that is not root may open its own output again by name (/dev/stderr). */
static void give_stdio(void)
{
	struct stat there;

	for (int fd = 0; fd < 3; fd++)
		if (fstat(fd, &there) == 0 && there.st_uid != user.uid && !S_ISREG(there.st_mode) &&
			there.st_rdev != 0x103 && fchown(fd, user.uid, (gid_t)-1)) {
			/* Something read-only; it works without. */
		}
}

static int set_ids(const struct container_spec *s, struct err *err)
{
	gid_t groups[PASSWD_GROUPS_MAX];

	for (size_t i = 0; i < user.group_count; i++)
		groups[i] = user.groups[i];
	int code = capability_bound((uint64_t)s->capabilities, err);
	if (code)
		return code;
	if (setgroups(user.group_count, groups) || setresgid(user.gid, user.gid, user.gid) ||
		setresuid(user.uid, user.uid, user.uid))
		return err_set_errno(err, errno, "becoming user %u:%u", user.uid, user.gid);
	return capability_set(user.uid == 0 ? (uint64_t)s->capabilities : 0, err);
}

static int set_apparmor(struct str profile, struct err *err)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "exec %.*s", STRF(profile));
	int fd = open("/proc/self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		fd = open("/proc/self/attr/exec", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "AppArmor profile %.*s", STRF(profile));
	bool ok = n < (int)sizeof(text) && write(fd, text, (size_t)n) == n;
	int failed = errno;
	close(fd);
	return ok ? 0 : err_set_errno(err, failed, "AppArmor profile %.*s", STRF(profile));
}

static int tell_user(int report, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(PASSWD_GROUPS_MAX * 12);

	buf_print(&text, "U%u %u %u", user.uid, user.gid, user.gid);
	for (size_t i = 0; i < user.group_count; i++)
		if (user.groups[i] != user.gid)
			buf_print(&text, ",%u", user.groups[i]);
	buf_add_char(&text, '\n');
	if (write(report, text.at, text.len) != (ssize_t)text.len)
		return err_set_errno(err, errno, "reporting");
	return 0;
}

int child_become(struct arena *a, const struct child *c, struct err *err)
{
	const struct container_spec *s = c->spec;
	int code = find_user(a, s, err);

	if (code)
		return code;
	code = tell_user(c->report, err);
	if (code)
		return code;
	give_stdio();
	/* Keys of ours are none of its business. */
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0);
	if (s->apparmor.len)
		code = set_apparmor(s->apparmor, err);
	/* Without no_new_privs a filter takes privileges that are given up next. */
	if (!code && c->filter.len && !s->no_new_privs)
		code = seccomp_filter_load(c->filter, err);
	if (!code)
		code = set_ids(s, err);
	if (code)
		return code;
	/* After the ids: changing them clears it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (s->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_set_errno(err, errno, "no_new_privs");
	if (c->filter.len && s->no_new_privs)
		return seccomp_filter_load(c->filter, err);
	return 0;
}
