/* Filters are loaded by a child of the test, which calls and reports. */
#include "test.h"

#include <kube/capability.h>
#include <kube/seccomp.h>

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The errno that a call has under a filter. */
static int under(const struct buf *filter, long number, long a, long b)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
			seccomp_filter_load(buf_str(filter), NULL))
			_exit(255);
		_exit(syscall(number, a, b, 0, 0, 0) < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

TEST(the_default_lets_pass_what_programs_need)
{
	_cleanup_(buf_done) struct buf filter = BUF_INIT(SECCOMP_FILTER_MAX);
	_cleanup_(err_done) struct err err = {0};

	REQUIRE_OK(seccomp_filter_default(capability_default(), &filter, &err), &err);
	EXPECT_INT(under(&filter, SYS_getpid, 0, 0), 0);
	EXPECT_INT(under(&filter, SYS_close, 999, 0), EBADF);
	EXPECT_INT(under(&filter, SYS_personality, 0xffffffff, 0), 0);
	EXPECT_INT(under(&filter, SYS_personality, 0x40, 0), EPERM);
	EXPECT_INT(under(&filter, SYS_unshare, CLONE_NEWUSER, 0), EPERM);
	EXPECT_INT(under(&filter, SYS_clone, CLONE_NEWUSER, 0), EPERM);
	EXPECT_INT(under(&filter, SYS_clone3, 0, 0), ENOSYS);
	EXPECT_INT(under(&filter, SYS_keyctl, 0, 0), EPERM);
	EXPECT_INT(under(&filter, SYS_io_uring_setup, 1, 0), EPERM);
	EXPECT_INT(under(&filter, SYS_reboot, 0, 0), EPERM);
}

TEST(capabilities_open_more)
{
	_cleanup_(buf_done) struct buf filter = BUF_INIT(SECCOMP_FILTER_MAX);
	_cleanup_(err_done) struct err err = {0};

	REQUIRE_OK(seccomp_filter_default(capability_bit(STR("SYS_ADMIN")), &filter, &err), &err);
	EXPECT_INT(under(&filter, SYS_unshare, 0, 0), 0);
	EXPECT_INT(under(&filter, SYS_clone3, 0, 0), EINVAL);
	EXPECT_INT(under(&filter, SYS_keyctl, 0, 0), EPERM);
}

TEST(profiles_are_read_as_docker_writes_them)
{
	static const char profile[] =
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
		"{\"names\":[\"getppid\",\"no_such_call\"],\"action\":\"SCMP_ACT_ERRNO\","
		"\"errnoRet\":"
		"5},"
		"{\"names\":[\"dup2\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":1,"
		"\"value\":7,"
		"\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"getuid\"],\"action\":\"SCMP_ACT_ERRNO\",\"includes\":{\"caps\":["
		"\"CAP_SYS_ADMIN\"]}},"
		"{\"names\":[\"getgid\"],\"action\":\"SCMP_ACT_ERRNO\",\"excludes\":{\"caps\":["
		"\"CAP_SYS_ADMIN\"]}}]}";
	_cleanup_(buf_done) struct buf filter = BUF_INIT(SECCOMP_FILTER_MAX);
	_cleanup_(err_done) struct err err = {0};

	REQUIRE_OK(seccomp_filter_profile(str_from(profile), 0, &filter, &err), &err);
	EXPECT_INT(under(&filter, SYS_getppid, 0, 0), 5);
	EXPECT_INT(under(&filter, SYS_dup2, 0, 7), EPERM);
	EXPECT_INT(under(&filter, SYS_dup2, 0, 8), 0);
	EXPECT_INT(under(&filter, SYS_getuid, 0, 0), 0);
	EXPECT_INT(under(&filter, SYS_getgid, 0, 0), EPERM);
}

TEST(bad_profiles_are_refused)
{
	static const char *const profiles[] = {"", "{}", "[]", "{\"defaultAction\":\"FLY\"}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"dup\"],"
		"\"action\":"
		"\"?\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"dup\"],"
		"\"action\":"
		"\"SCMP_ACT_LOG\",\"args\":[{\"index\":9,\"op\":\"SCMP_CMP_EQ\"}]}]}"};
	_cleanup_(buf_done) struct buf filter = BUF_INIT(SECCOMP_FILTER_MAX);

	for (size_t i = 0; i < ARRAY_LEN(profiles); i++)
		EXPECT(seccomp_filter_profile(str_from(profiles[i]), 0, &filter, NULL) < 0);
	EXPECT(seccomp_filter_load(STR("short"), NULL) < 0);
}
