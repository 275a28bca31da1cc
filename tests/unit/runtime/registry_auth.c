#include "test.h"

#include "runtime/registry_auth.c"

static struct registry_challenge challenge(struct arena *a, const char *value)
{
	struct registry_challenge c = {0};

	registry_challenge_read(a, &c, str_from(value));
	return c;
}

TEST(challenges_are_read)
{
	struct arena a;
	struct str url;

	arena_init(&a);
	struct registry_challenge c = challenge(&a,
		"Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
		"scope=\"repository:library/x:pull\",error=\"invalid_token\"");
	EXPECT(c.bearer && !c.basic);
	EXPECT_STR(c.error, "invalid_token");
	EXPECT_INT(registry_token_url(&a, &c, STR("other"), &url, NULL), 0);
	EXPECT_STR(url, "https://auth.docker.io/token?scope=repository%3Alibrary%2Fx%3Apull&"
			"service=registry.docker.io");
	c = challenge(&a, "basic realm=one, BEARER realm = \"http://h/t?x=1\" , service=s");
	EXPECT(c.bearer && c.basic);
	EXPECT_INT(registry_token_url(&a, &c, STR("other"), &url, NULL), 0);
	EXPECT_STR(url, "http://h/t?x=1&scope=other&service=s");
	c = challenge(&a, "Bearer realm=\"a \\\"quoted\\\" one\"");
	EXPECT_STR(c.realm, "a \"quoted\" one");
	EXPECT_INT(registry_token_url(&a, &c, STR(""), &url, NULL), ERR_INVALID);
	c = challenge(&a, "Negotiate, Bearer realm=\"unfinished");
	EXPECT(c.bearer);
	EXPECT_STR(c.realm, "unfinished");
	arena_done(&a);
}

TEST(tokens_go_by_two_names_and_hold_no_line_ends)
{
	struct arena a;
	struct str token;
	_cleanup_(err_done) struct err err = {0};

	arena_init(&a);
	EXPECT_INT(registry_token_parse(&a, STR("{\"token\":\"a\"}"), &token, NULL), 0);
	EXPECT_STR(token, "a");
	EXPECT_INT(registry_token_parse(
			   &a, STR("{\"token\":\"\",\"access_token\":\"b\"}"), &token, NULL),
		0);
	EXPECT_STR(token, "b");
	EXPECT_INT(registry_token_parse(&a, STR("{\"token\":\"a\\r\\nX: y\"}"), &token, &err),
		ERR_UNAUTHORIZED);
	EXPECT_TEXT(err_text(&err), "authorization server did not include a token in the response");
	arena_done(&a);
}

TEST(identity_tokens_are_posted)
{
	struct arena a;

	arena_init(&a);
	struct registry_challenge c = challenge(&a, "Bearer realm=\"https://h\",service=\"s&t\"");
	EXPECT_STR(registry_token_form(&a, &c, STR("q"), STR("id")),
		"client_id=kube&grant_type=refresh_token&refresh_token=id&scope=q&service=s%26t");
	struct image_auth auth = {.user = STR("user"), .password = STR("pa:ss")};
	EXPECT_STR(registry_basic(&a, &auth), "Basic dXNlcjpwYTpzcw==");
	arena_done(&a);
}
