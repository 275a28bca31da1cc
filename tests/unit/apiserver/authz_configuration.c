/* AuthorizationConfiguration files: what they say, and what is told of those that say it wrong. */
#include "test.h"

#include "apiserver/authz/configuration.h"

#include <kube/time.h>

#define HEAD "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\n"
#define HOOK                                                                                       \
	"authorizers:\n- type: Webhook\n  name: a\n  webhook:\n    timeout: 3s\n"                  \
	"    subjectAccessReviewVersion: v1\n    failurePolicy: Deny\n"                            \
	"    connectionInfo: {type: KubeConfigFile, kubeConfigFile: /x}\n"

TEST(a_file_is_a_list_of_authorizers)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	struct authz_entries e = {.expressions = expressions_new()};

	arena_init(&a);
	EXPECT_OK(
		authz_configuration_parse(&a,
			STR(HEAD HOOK "    authorizedTTL: 1m\n    cacheUnauthorizedRequests: "
				      "false\n- {type: Node, name: o}\n- {type: RBAC, name: r}\n"),
			&e, &err),
		&err);
	REQUIRE(e.count == 3);
	EXPECT(e.items[0].type == AUTHZ_WEBHOOK && e.items[1].type == AUTHZ_NODE &&
		e.items[2].type == AUTHZ_RBAC);
	EXPECT_STR(e.items[0].name, "a");
	EXPECT_STR(e.items[0].webhook.file, "/x");
	EXPECT_STR(e.items[0].webhook.version, "v1");
	EXPECT_INT(e.items[0].webhook.timeout, 3 * SEC);
	EXPECT_INT(e.items[0].webhook.authorized_ttl, MINUTE);
	EXPECT_INT(e.items[0].webhook.unauthorized_ttl, 30 * SEC);
	EXPECT(e.items[0].webhook.deny_on_error && e.items[0].webhook.no_unauthorized_cache &&
		!e.items[0].webhook.no_authorized_cache);
	expressions_free(e.expressions);
}

TEST(what_is_wrong_is_told_in_upstreams_words)
{
	static const struct {
		const char *text, *error;
	} all[] = {
		{"kind: AuthorizationConfiguration\n", "Object 'apiVersion' is missing"},
		{"apiVersion: v1\nkind: Pod\n", "no kind \"Pod\" is registered for version \"v1\""},
		{HEAD, "authorizers: Required value: at least one authorization mode must be "
		       "defined"},
		{HEAD "authorizers: [{type: RBAC, name: a, webhok: {}}]",
			"strict decoding error: unknown field \"authorizers[0].webhok\""},
		{HEAD "authorizers: [{type: [], name: 3}]",
			"strict decoding error: field \"authorizers[0].name\" must be a string, "
			"field \"authorizers[0].type\" must be a string"},
		{HEAD "authorizers: [3]",
			"strict decoding error: field \"authorizers[0]\" must be a mapping"},
		{HEAD "authorizers: [{name: a}]", "authorizers[0].type: Required value"},
		{HEAD "authorizers: [{type: Magic, name: a}]",
			"authorizers[0].type: Unsupported value: \"Magic\": supported values: "
			"\"ABAC\", \"AlwaysAllow\", \"AlwaysDeny\", \"Node\", \"RBAC\", "
			"\"Webhook\""},
		{HEAD "authorizers: [{type: RBAC, name: a}, {type: RBAC, name: b}]",
			"authorizers[1].type: Duplicate value: \"RBAC\""},
		{HEAD "authorizers: [{type: RBAC, name: a}, {type: Node, name: a}]",
			"authorizers[1].name: Duplicate value: \"a\""},
		{HEAD "authorizers: [{type: RBAC}]", "authorizers[0].name: Required value"},
		{HEAD "authorizers: [{type: Webhook, name: a}]",
			"authorizers[0].webhook: Required value: required when type=Webhook"},
		{HEAD "authorizers: [{type: RBAC, name: a, webhook: {}}]",
			"authorizers[0].webhook: Invalid value: \"non-null\": may only be "
			"specified when type=Webhook"},
		{HEAD HOOK "    authorizedTTL: -1s\n",
			"authorizers[0].authorizedTTL: Invalid value: \"-1s\": must be > 0s"},
		{HEAD "authorizers: [{type: Webhook, name: a, webhook: {timeout: 31s}}]",
			"[authorizers[0].timeout: Invalid value: \"31s\": must be > 0s and <= 30s, "
			"authorizers[0].subjectAccessReviewVersion: Required value, "
			"authorizers[0].failurePolicy: Required value, "
			"authorizers[0].connectionInfo.type: Required value]"},
		{HEAD HOOK "    matchConditions: [{expression: ''}, {expression: 'true'}, "
			   "{expression: 'true'}, {expression: request.user}]\n",
			"[authorizers[0].matchConditionSubjectAccessReviewVersion: Required value: "
			"required if match conditions are specified, "
			"authorizers[0].matchConditions[0].expression: Required value, "
			"authorizers[0].matchConditions[2].expression: Duplicate value: \"true\", "
			"authorizers[0].matchConditions[3].expression: Invalid value: "
			"\"request.user\": must evaluate to bool]"},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		_cleanup_(arena_done) struct arena a;
		_cleanup_(err_done) struct err err = {0};
		struct authz_entries e = {.expressions = expressions_new()};

		arena_init(&a);
		test_context("%s", all[i].text);
		EXPECT(authz_configuration_parse(&a, str_from(all[i].text), &e, &err) < 0);
		EXPECT_STR(str_from(err_text(&err)), all[i].error);
		expressions_free(e.expressions);
	}
	test_context_end();
}
