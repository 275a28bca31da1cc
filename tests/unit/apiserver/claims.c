/* Claims of issuers elsewhere: which tokens are for us, and whose they are. */
#include "test.h"

#include "apiserver/authn/claims.h"
#include "apiserver/authn/distributed.h"

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

/* ---- expressions ---- */

static const struct expression *compile(
	struct expressions *e, struct arena *a, const char *text, bool wants_bool)
{
	struct str why = {0};
	const struct expression *made =
		expression_compile(e, ABOUT_CLAIMS, str_from(text), wants_bool, a, &why);

	EXPECT_STR(why, "");
	return made;
}

TEST(expressions_make_users_of_claims)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	struct expressions *e = expressions_new();
	struct issuer_settings s = settings();
	struct claim_extra extra = {.key = STR("example.com/t")};
	struct api_user *u = NULL;

	arena_init(&a);
	s.username = (struct claim_mapping){.program = compile(e, &a, "claims.sub + '@x'", false)};
	s.groups = (struct claim_mapping){
		.program = compile(e, &a, "claims.?roles.orValue([])", false)};
	s.uid = (struct claim_mapping){.program = compile(e, &a, "string(claims.id)", false)};
	extra.program = compile(e, &a, "claims.tenant", false);
	s.extra = &extra;
	s.extra_count = 1;
	EXPECT_OK(claims_user(&a, &s,
			  tree(&a, "{\"sub\":\"j\",\"roles\":[\"a\",\"\",\"b\"],\"id\":7,"
				   "\"tenant\":\"t1\"}"),
			  &u, &err),
		&err);
	REQUIRE(u && u->group_count == 3 && u->extra_count == 1);
	EXPECT_STR(u->name, "j@x");
	EXPECT_STR(u->groups[1], "b");
	EXPECT_STR(u->uid, "7");
	EXPECT_STR(u->extra[0].values[0], "t1");
	EXPECT(claims_user(&a, &s, tree(&a, "{\"sub\":3,\"id\":7,\"tenant\":\"t\"}"), &u, &err) <
		0);
	EXPECT(strstr(err_text(&err), "oidc: error evaluating username claim expression"));
	err_done(&err);
	EXPECT(claims_user(&a, &s,
		       tree(&a, "{\"sub\":\"j\",\"roles\":[3],\"id\":7,\"tenant\":\"t\"}"), &u,
		       &err) < 0);
	EXPECT_STR(str_from(err_text(&err)),
		"oidc: error evaluating group claim expression: expression must return a string or "
		"a list of strings");
	expressions_free(e);
}

TEST(rules_must_hold_for_claims_and_users)
{
	static const struct {
		const char *claims, *error;
	} all[] = {
		{"{\"sub\":\"j\",\"exp\":5,\"nbf\":1}", ""},
		{"{\"sub\":\"j\",\"exp\":500,\"nbf\":1}",
			"oidc: error evaluating claim validation expression: validation expression "
			"'claims.exp - claims.nbf <= 100' failed: too long"},
		{"{\"sub\":\"j\",\"exp\":5}",
			"oidc: error evaluating claim validation expression: expression "
			"'claims.exp - claims.nbf <= 100' resulted in error: no such key: nbf"},
		{"{\"sub\":\"system:x\",\"exp\":5,\"nbf\":1}",
			"oidc: error evaluating user info validation rule: validation expression "
			"'!user.username.startsWith('system:')' failed: reserved"},
	};
	struct expressions *e = expressions_new();
	struct arena compiled;
	struct str why = {0};
	struct claim_rule rule = {
		.expression = STR("claims.exp - claims.nbf <= 100"), .message = STR("too long")};
	struct claim_rule of_user = {.expression = STR("!user.username.startsWith('system:')"),
		.message = STR("reserved")};

	arena_init(&compiled);
	rule.program = compile(e, &compiled, rule.expression.at, true);
	of_user.program =
		expression_compile(e, ABOUT_USER, of_user.expression, true, &compiled, &why);
	REQUIRE(of_user.program != NULL);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		_cleanup_(arena_done) struct arena a;
		_cleanup_(err_done) struct err err = {0};
		struct issuer_settings s = settings();
		struct api_user *u = NULL;
		int code;

		arena_init(&a);
		s.username.prefix = STR("");
		s.rules = &rule;
		s.user_rules = &of_user;
		s.rule_count = s.user_rule_count = 1;
		test_context("%s", all[i].claims);
		code = claims_user(&a, &s, tree(&a, all[i].claims), &u, &err);
		EXPECT((code == 0) == !*all[i].error);
		if (code)
			EXPECT_STR(str_from(err_text(&err)), all[i].error);
	}
	test_context_end();
	expressions_free(e);
	arena_done(&compiled);
}

TEST(claims_elsewhere_are_named)
{
	static const struct {
		const char *claims, *outcome;
	} all[] = {
		{"{}", ""},
		{"{\"groups\":[],\"_claim_names\":1}", ""},
		{"{\"_claim_names\":1}", "oidc: error parsing distributed claim names"},
		{"{\"_claim_names\":{}}", "oidc: no claim sources"},
		{"{\"_claim_names\":{},\"_claim_sources\":[]}",
			"oidc: could not parse claim sources"},
		{"{\"_claim_names\":{\"other\":\"s\"},\"_claim_sources\":{}}", ""},
		{"{\"_claim_names\":{\"groups\":\"s\"},\"_claim_sources\":{}}",
			"id token _claim_names contained a source s missing in _claims_sources"},
		{"{\"_claim_names\":{\"groups\":\"s\"},\"_claim_sources\":{\"s\":{\"JWT\":\"x\"}}}",
			""},
		{"{\"_claim_names\":{\"groups\":\"s\"},\"_claim_sources\":{\"s\":{\"endpoint\":"
		 "\"https://e\",\"access_token\":\"t\"}}}",
			"https://e t"},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		_cleanup_(arena_done) struct arena a;
		_cleanup_(err_done) struct err err = {0};
		struct distributed_source source = {0};
		struct cJSON *claims = NULL;
		int code;

		arena_init(&a);
		EXPECT_INT(json_parse(&a, str_from(all[i].claims), NULL, &claims, NULL), 0);
		code = distributed_find(&a, claims, STR("groups"), &source, &err);
		if (code < 0)
			EXPECT_STR(str_from(err_text(&err)), all[i].outcome);
		else if (code)
			EXPECT_STR(
				arena_print(&a, "%.*s %.*s", STRF(source.url), STRF(source.bearer)),
				all[i].outcome);
		else
			EXPECT_STR(STR(""), all[i].outcome);
	}
}
