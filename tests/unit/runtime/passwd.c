#include "runtime/passwd.h"
#include "test.h"

static const char users[] = "root:x:0:0:root:/root:/bin/sh\n"
			    "# nobody reads this\n"
			    "broken line\n"
			    "app:x:1000:1001:An App:/srv/app:/bin/sh\n"
			    "42:x:77:78::/home:/bin/sh\n"
			    "bad:x:-1:zz::/bad:/bin/sh\n";
static const char groups[] = "root:x:0:\napp:x:1001:\nextra:x:1002:root,app\nmore:x:1003:app\n";

static int find(const char *user, bool own, struct passwd_user *found, struct err *err)
{
	return passwd_find(str_from(users), str_from(groups), str_from(user), own, found, err);
}

static void expect(const char *user, int64_t uid, int64_t gid, const char *home, size_t own)
{
	struct passwd_user found;
	struct err err = {0};

	test_context("%s", user);
	EXPECT_OK(find(user, true, &found, &err), &err);
	EXPECT_INT(found.uid, uid);
	EXPECT_INT(found.gid, gid);
	EXPECT_STR(found.home, home);
	EXPECT_INT(found.group_count, own);
	err_done(&err);
	test_context_end();
}

TEST(users_are_found_by_name_and_number)
{
	expect("", 0, 0, "/root", 1);
	expect("root", 0, 0, "/root", 1);
	expect("app", 1000, 1001, "/srv/app", 2);
	expect("1000", 1000, 1001, "/srv/app", 2);
	expect("app:extra", 1000, 1002, "/srv/app", 0);
	expect("app:7", 1000, 7, "/srv/app", 0);
	expect("app:", 1000, 1001, "/srv/app", 0);
	expect("5:6", 5, 6, "/", 0);
	expect("5", 5, 0, "/", 0);
	/* A name that looks like a number comes first where it stands first. */
	expect("42", 77, 78, "/home", 0);
}

TEST(names_that_nobody_has_are_refused)
{
	struct passwd_user found;
	struct err err = {0};

	EXPECT_INT(find("none", false, &found, &err), ERR_NOT_FOUND);
	EXPECT_TEXT(err_text(&err), "unable to find user none: no matching entries in passwd file");
	EXPECT_INT(find("app:none", false, &found, &err), ERR_NOT_FOUND);
	EXPECT_TEXT(err_text(&err), "unable to find group none: no matching entries in group file");
	EXPECT_INT(find("bad", false, &found, &err), ERR_NOT_FOUND);
	EXPECT_INT(find("99999999999", false, &found, &err), ERR_NOT_FOUND);
	EXPECT_OK(find("app", false, &found, &err), &err);
	EXPECT_INT(found.group_count, 0);
	err_done(&err);
}

TEST(groups_are_added_once_and_not_without_end)
{
	struct passwd_user found = {0};

	for (uint32_t i = 0; i < PASSWD_GROUPS_MAX; i++)
		EXPECT(passwd_add_group(&found, i));
	EXPECT(passwd_add_group(&found, 5));
	EXPECT(!passwd_add_group(&found, PASSWD_GROUPS_MAX));
	EXPECT_INT(found.group_count, PASSWD_GROUPS_MAX);
}
