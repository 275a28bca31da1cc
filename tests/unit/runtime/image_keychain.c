#include "test.h"

#include <kube/image_keychain.h>

/* Users that are tried for the image, in order. */
static const char *users(struct arena *a, const struct image_keychain *k, const char *image)
{
	struct str all = {0};
	const struct image_auth *auth;

	for (size_t at = 0; (auth = image_keychain_next(k, str_from(image), &at));)
		all = arena_print(a, "%.*s%s%.*s", STRF(all), all.len ? " " : "", STRF(auth->user));
	return all.at ? all.at : "";
}

static void expect_users(const char *config, const char *image, const char *wanted)
{
	struct image_keychain k = {0};
	_cleanup_(err_done) struct err err = {0};
	struct arena a;

	arena_init(&a);
	test_context("%s: %s", config, image);
	if (EXPECT_OK(image_keychain_add_legacy(&k, &a, str_from(config), &err), &err))
		EXPECT_TEXT(users(&a, &k, image), wanted);
	test_context_end();
	arena_done(&a);
}

TEST(hosts_match_label_by_label)
{
	expect_users("{\"*.io\":{\"username\":\"u\"}}", "quay.io/a/b", "u");
	expect_users("{\"*.io\":{\"username\":\"u\"}}", "a.quay.io/a/b", "");
	expect_users("{\"*.quay.io\":{\"username\":\"u\"}}", "a.quay.io/a/b", "u");
	expect_users("{\"r*.quay.io\":{\"username\":\"u\"}}", "reg.quay.io/a", "u");
	expect_users("{\"*q*y.io\":{\"username\":\"u\"}}", "xquay.io/a", "u");
	expect_users("{\"*qq*y.io\":{\"username\":\"u\"}}", "xquay.io/a", "");
}

TEST(ports_are_equal_and_paths_begin_alike)
{
	expect_users("{\"x.io:5000\":{\"username\":\"u\"}}", "x.io:5000/a", "u");
	expect_users("{\"x.io:5000\":{\"username\":\"u\"}}", "x.io/a", "");
	expect_users("{\"x.io\":{\"username\":\"u\"}}", "x.io:5000/a", "");
	expect_users("{\"x.io/team\":{\"username\":\"u\"}}", "x.io/team/a", "u");
	expect_users("{\"x.io/team\":{\"username\":\"u\"}}", "x.io/other/a", "");
	expect_users("{\"https://x.io/v2/\":{\"username\":\"u\"}}", "x.io/other/a", "u");
}

TEST(the_most_particular_goes_first)
{
	expect_users("{\"x.io\":{\"username\":\"a\"},\"x.io/t\":{\"username\":\"b\"},"
		     "\"*.io\":{\"username\":\"c\"},\"x.io/t/n\":{\"username\":\"d\"}}",
		"x.io/t/n", "d b a c");
}

TEST(dockers_own_key_is_for_dockers_own_images)
{
	static const char config[] = "{\"https://index.docker.io/v1/"
				     "\":{\"username\":\"u\"},\"x.io\":{\"username\":\"x\"}"
				     "}";

	expect_users(config, "docker.io/library/nginx", "u");
	expect_users(config, "x.io/nginx", "x");
	expect_users(config, "y.io/nginx", "");
	expect_users("{\"docker.io\":{\"username\":\"own\"},\"index.docker.io\":{\"username\":"
		     "\"u\"}}",
		"docker.io/library/nginx", "own");
}

TEST(the_auth_field_goes_before_user_and_password)
{
	struct image_keychain k = {0};
	_cleanup_(err_done) struct err err = {0};
	struct arena a;
	size_t at = 0;

	arena_init(&a);
	REQUIRE_OK(image_keychain_add_config(&k, &a,
			   STR("{\"auths\":{\"x.io\":{\"auth\":\"bWU6c2U6Y3I\",\"username\":\"z\"}"
			       "}}"),
			   &err),
		&err);
	const struct image_auth *auth = image_keychain_next(&k, STR("x.io/a"), &at);
	REQUIRE(auth);
	EXPECT_STR(auth->user, "me");
	EXPECT_STR(auth->password, "se:cr");
	EXPECT_INT(image_keychain_add_config(
			   &k, &a, STR("{\"auths\":{\"x.io\":{\"auth\":\"bWU=\"}}}"), &err),
		ERR_INVALID);
	EXPECT_TEXT(err_text(&err), "unable to parse auth field, must be formatted as "
				    "base64(username:password)");
	arena_done(&a);
}
