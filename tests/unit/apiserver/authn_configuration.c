/* AuthenticationConfiguration files: what they say, and what is told of those that say it wrong. */
#include "test.h"

#include "apiserver/authn/configuration.h"

#define HEAD   "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n"
#define ISSUER "issuer: {url: 'https://i', audiences: [us]}"
#define NAMES  "claimMappings: {username: {claim: sub, prefix: ''}}"

TEST(a_file_is_a_list_of_issuers)
{
	_cleanup_(err_done) struct err err = {0};
	struct authn_configuration *c = NULL;

	EXPECT_OK(authn_configuration_parse(STR(HEAD "jwt:\n- " ISSUER "\n  " NAMES
						     "\n  claimValidationRules: [{claim: hd, "
						     "requiredValue: x}]\n"
						     "anonymous: {enabled: true, conditions: "
						     "[{path: /a}]}\n"),
			  NULL, 0, &c, &err),
		&err);
	REQUIRE(c && c->issuer_count == 1);
	EXPECT_STR(c->issuers[0].url, "https://i");
	EXPECT_STR(c->issuers[0].username.claim, "sub");
	EXPECT_INT(c->issuers[0].algorithm_count, 9);
	EXPECT_INT(c->issuers[0].rule_count, 1);
	EXPECT(c->has_anonymous && c->anonymous && c->anonymous_path_count == 1);
	authn_configuration_free(c);
}

TEST(what_is_wrong_is_told_in_upstreams_words)
{
	static const struct {
		const char *text, *error;
	} all[] = {
		{HEAD "jwt: [{" ISSUER ", " NAMES "}, {" ISSUER ", " NAMES "}]",
			"jwt[1].issuer.url: Duplicate value: \"https://i\""},
		{HEAD "jwt: [{issuer: {url: 'http://u:p@i?a=b#c', audiences: [us]}, " NAMES "}]",
			"[jwt[0].issuer.url: Invalid value: \"http://u:p@i?a=b#c\": URL scheme "
			"must "
			"be https, jwt[0].issuer.url: Invalid value: \"http://u:p@i?a=b#c\": URL "
			"must not contain a username or password, jwt[0].issuer.url: Invalid "
			"value: "
			"\"http://u:p@i?a=b#c\": URL must not contain a query, jwt[0].issuer.url: "
			"Invalid value: \"http://u:p@i?a=b#c\": URL must not contain a fragment]"},
		{HEAD "jwt: [{issuer: {url: 'https://own', audiences: [us]}, " NAMES "}]",
			"jwt[0].issuer.url: Invalid value: \"https://own\": URL must not overlap "
			"with disallowed issuers: [https://own]"},
		{HEAD "jwt: [{issuer: {url: 'https://i', discoveryURL: 'https://i/', audiences: "
		      "[a, a]}, " NAMES "}]",
			"[jwt[0].issuer.discoveryURL: Invalid value: \"https://i/\": discoveryURL "
			"must be different from URL, jwt[0].issuer.audiences[1]: Duplicate value: "
			"\"a\", jwt[0].issuer.audienceMatchPolicy: Invalid value: \"\": "
			"audienceMatchPolicy must be MatchAny for multiple audiences]"},
		{HEAD "jwt: [{issuer: {url: 'https://i'}, claimMappings: {username: {claim: "
		      "sub}}}]",
			"[jwt[0].issuer.audiences: Required value: at least one "
			"jwt[0].issuer.audiences is required, "
			"jwt[0].claimMappings.username.prefix: "
			"Required value: prefix is required when claim is set. It can be set to an "
			"empty string to disable prefixing]"},
		{HEAD "jwt: [{" ISSUER "}]", "jwt[0].claimMappings.username: Required value: claim "
					     "or expression is required"},
		{HEAD "jwt: [{" ISSUER ", " NAMES ", claimValidationRules: [{}, {claim: a, "
		      "message: m}, {claim: a}]}]",
			"[jwt[0].claimValidationRules[0]: Required value: claim or expression is "
			"required, jwt[0].claimValidationRules[1].message: Invalid value: \"m\": "
			"may not be specified when claim is set, "
			"jwt[0].claimValidationRules[2].claim: Duplicate value: \"a\"]"},
		{HEAD "jwt: [{" ISSUER ", claimMappings: {username: {claim: s, prefix: ''}, extra: "
		      "[{key: 'A.k8s.io/x'}]}}]",
			"[jwt[0].claimMappings.extra[0].key: Invalid value: \"A.k8s.io/x\": a "
			"lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
			"characters, '-' or '.', and must start and end with an alphanumeric "
			"character (e.g. 'example.com', regex used for validation is "
			"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'), "
			"jwt[0].claimMappings.extra[0].key: Invalid value: \"A.k8s.io/x\": must be "
			"lowercase, jwt[0].claimMappings.extra[0].key: Invalid value: "
			"\"A.k8s.io/x\": k8s.io, kubernetes.io and their subdomains are reserved "
			"for Kubernetes use, "
			"jwt[0].claimMappings.extra[0].valueExpression: Required value]"},
		{HEAD "jwt: [{issuer: {url: 'https://i', audiences: [us], certificateAuthority: "
		      "x}, " NAMES ", userValidationRules: [{}]}]",
			"[jwt[0].issuer.certificateAuthority: Invalid value: \"<omitted>\": there "
			"is no certificate in the PEM text, "
			"jwt[0].userValidationRules[0].expression: Required value]"},
		{HEAD "anonymous: {enabled: false, conditions: [{path: /a}]}",
			"anonymous.conditions: Invalid value: [{\"path\":\"/a\"}]: enabled should "
			"be set to true when conditions are defined"},
		{HEAD "jwt: [{" ISSUER ", claimMappings: {username: {expression: claims.email}}}]",
			"jwt[0].claimMappings.username.expression: Invalid value: "
			"\"claims.email\": claims.email_verified must be used in "
			"claimMappings.username.expression or "
			"claimMappings.extra[*].valueExpression or "
			"claimValidationRules[*].expression when claims.email is used in "
			"claimMappings.username.expression"},
		{HEAD "jwt: [{" ISSUER ", " NAMES ", claimValidationRules: [{expression: "
		      "claims.a}]}]",
			"jwt[0].claimValidationRules[0].expression: Invalid value: \"claims.a\": "
			"must evaluate to bool"},
		{HEAD "jwt: [{" ISSUER ", " NAMES ", userValidationRules: [{expression: "
		      "user.nam == ''}]}]",
			"jwt[0].userValidationRules[0].expression: Invalid value: \"user.nam == "
			"''\": compilation failed: ERROR: <input>:1:5: undefined field 'nam'\n | "
			"user.nam == ''\n | ....^"},
		{HEAD "jtw: []", "strict decoding error: unknown field \"jtw\""},
	};
	static const struct str own[] = {STR_INIT("https://own")};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		_cleanup_(err_done) struct err err = {0};
		struct authn_configuration *c = NULL;

		test_context("%s", all[i].text);
		EXPECT(authn_configuration_parse(
			       str_from(all[i].text), own, ARRAY_LEN(own), &c, &err) < 0);
		EXPECT_STR(str_from(err_text(&err)), all[i].error);
		EXPECT(!c);
	}
	test_context_end();
}
