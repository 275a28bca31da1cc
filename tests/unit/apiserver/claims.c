/* Claims of issuers elsewhere: which tokens are for us, and whose they are. */
#include "test.h"

#include "apiserver/authn/claims.h"

#include <kube/jwt.h>
#include <kube/time.h>

#include <string.h>

#define NOW (1700000000 * SEC)

static struct str aud_one[] = {STR_INIT("us")};
static struct str aud_two[] = {STR_INIT("us"), STR_INIT("them")};
static struct str algorithms[] = {STR_INIT("RS256")};

static struct cJSON *tree(struct arena *a, const char *text)
{
	struct cJSON *root = NULL;

	EXPECT_INT(json_parse(a, str_from(text), NULL, &root, NULL), 0);
	return root;
}

static struct issuer_settings settings(void)
{
	return (struct issuer_settings){.url = STR("https://i"),
		.audiences = aud_one,
		.audience_count = 1,
		.algorithms = algorithms,
		.algorithm_count = 1,
		.username = {.claim = STR("sub"), .prefix = STR("p:")},
		.groups = {.claim = STR("groups"), .prefix = STR("g:")}};
}

TEST(tokens_are_for_somebody_and_for_some_time)
{
	static const struct {
		const char *claims, *algorithm;
		bool two;
		const char *error;
	} all[] = {
		{"{\"aud\":\"us\",\"exp\":1700000001}", "RS256", false, ""},
		{"{\"aud\":[\"x\",\"us\"],\"exp\":1700000000.5}", "RS256", false, ""},
		{"{\"aud\":\"them\",\"exp\":1700000001}", "RS256", true, ""},
		{"{\"aud\":\"them\",\"exp\":1700000001}", "RS256", false,
			"oidc: expected audience \"us\" got [\"them\"]"},
		{"{\"exp\":1700000001}", "RS256", true,
			"oidc: expected audience in [\"us\" \"them\"] got []"},
		{"{\"aud\":\"us\"}", "RS256", false,
			"oidc: token is expired (Token Expiry: 1970-01-01T00:00:00Z)"},
		{"{\"aud\":\"us\",\"exp\":1699999999}", "RS256", false,
			"oidc: token is expired (Token Expiry: 2023-11-14T22:13:19Z)"},
		{"{\"aud\":\"us\",\"exp\":\"1700000001\"}", "RS256", false,
			"oidc: token is expired (Token Expiry: 1970-01-01T00:00:00Z)"},
		{"{\"aud\":\"us\",\"exp\":1e300}", "RS256", false,
			"oidc: token is expired (Token Expiry: 1970-01-01T00:00:00Z)"},
		{"{\"aud\":\"us\",\"exp\":1700000900,\"nbf\":1700000299}", "RS256", false, ""},
		{"{\"aud\":\"us\",\"exp\":1700000900,\"nbf\":1700000301}", "RS256", false,
			"oidc: current time 2023-11-14T22:13:20Z before the nbf (not before) time: "
			"2023-11-14T22:18:21Z"},
		{"{\"aud\":\"us\",\"exp\":1700000001}", "none", false,
			"oidc: id token signed with unsupported algorithm, expected [\"RS256\"] "
			"got \"none\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		_cleanup_(arena_done) struct arena a;
		_cleanup_(err_done) struct err err = {0};
		struct issuer_settings s = settings();
		struct jwt jwt = {.algorithm = str_from(all[i].algorithm)};
		int code;

		arena_init(&a);
		jwt.claims = tree(&a, all[i].claims);
		if (all[i].two) {
			s.audiences = aud_two;
			s.audience_count = 2;
		}
		test_context("%s", all[i].claims);
		code = claims_check(&a, &s, &jwt, NOW, &err);
		EXPECT((code == 0) == !*all[i].error);
		if (code)
			EXPECT(!strcmp(
				err_text(&err) + strlen("oidc: verify token: "), all[i].error));
	}
	test_context_end();
}

TEST(claims_become_a_user)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	struct issuer_settings s = settings();
	struct api_user *u = NULL;

	arena_init(&a);
	s.uid.claim = STR("id");
	EXPECT_OK(claims_user(&a, &s,
			  tree(&a, "{\"sub\":\"jane\",\"id\":\"7\",\"groups\":[\"x\",\"y\"]}"), &u,
			  &err),
		&err);
	EXPECT_STR(u->name, "p:jane");
	EXPECT_STR(u->uid, "7");
	REQUIRE(u->group_count == 3);
	EXPECT_STR(u->groups[0], "g:x");
	EXPECT_STR(u->groups[1], "g:y");
	EXPECT_STR(u->groups[2], "system:authenticated");
	/* one group may stand alone, and none may be told */
	EXPECT_INT(claims_user(&a, &s, tree(&a, "{\"sub\":\"jane\",\"id\":\"7\",\"groups\":\"x\"}"),
			   &u, NULL),
		0);
	EXPECT_INT(u->group_count, 2);
	EXPECT_INT(claims_user(&a, &s, tree(&a, "{\"sub\":\"j\",\"id\":\"7\"}"), &u, NULL), 0);
	EXPECT_INT(u->group_count, 1);
}

TEST(claims_that_are_none_are_refused_in_upstreams_words)
{
	static const struct {
		const char *username, *claims, *error;
	} all[] = {
		{"sub", "{}", "oidc: parse username claims \"sub\": claim not present"},
		{"sub", "{\"sub\":3}",
			"oidc: parse username claims \"sub\": json: cannot unmarshal number into "
			"Go value of type string"},
		{"email", "{\"email\":\"a@b\",\"email_verified\":false}",
			"oidc: email not verified"},
		{"email", "{\"email\":\"a@b\",\"email_verified\":\"yes\"}",
			"oidc: parse 'email_verified' claim: json: cannot unmarshal string into Go "
			"value of type bool"},
		{"sub", "{\"sub\":\"a\",\"groups\":{}}",
			"oidc: parse groups claim \"groups\": json: cannot unmarshal object into "
			"Go value of type string"},
		{"sub", "{\"sub\":\"a\"}", "oidc: required claim hd not present in ID token"},
		{"sub", "{\"sub\":\"a\",\"hd\":\"y\"}",
			"oidc: required claim hd value does not match. Got = y, want = x"},
		{"sub", "{\"sub\":\"a\",\"hd\":[]}",
			"oidc: parse claim hd: json: cannot unmarshal array into Go value of type "
			"string"},
		{"sub", "{\"sub\":\"a\",\"_claim_names\":{\"groups\":\"s\"}}",
			"oidc: could not expand distributed claims: they are not part of this "
			"version"},
	};
	struct claim_rule rule = {.claim = STR("hd"), .value = STR("x")};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		_cleanup_(arena_done) struct arena a;
		_cleanup_(err_done) struct err err = {0};
		struct issuer_settings s = settings();
		struct api_user *u = NULL;

		arena_init(&a);
		s.username.claim = str_from(all[i].username);
		s.rules = &rule;
		s.rule_count = 1;
		test_context("%s", all[i].claims);
		EXPECT(claims_user(&a, &s, tree(&a, all[i].claims), &u, &err) < 0);
		EXPECT_STR(str_from(err_text(&err)), all[i].error);
		EXPECT(!u);
	}
	test_context_end();
}
