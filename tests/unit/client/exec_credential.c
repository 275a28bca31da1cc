#include "client/exec_credential.c"

#include "client/kubeconfig_exec.h"

#include "test.h"

/* ---- what a plugin is told ---- */

static void print(struct buf *out, const struct client_config *c, const char *ca, bool interactive)
{
	buf_clear(out);
	exec_credential_print(out, c, str_from(ca), interactive);
}

TEST(a_plugin_is_told_what_client_go_tells_it)
{
	struct buf out = BUF_INIT(4 * KIB);
	struct client_exec e = {.api_version = STR(GROUP "v1")};
	struct client_config c = {.server = STR("https://a.b/<c>"), .exec = &e};
	struct arena a;

	arena_init(&a);
	print(&out, &c, "ca", false);
	EXPECT_STR(buf_str(&out), "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP
				  "v1\",\"spec\":{\"interactive\":false}}\n");
	e.provide_cluster_info = true;
	print(&out, &c, "", true);
	EXPECT_STR(buf_str(&out),
		"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP
		"v1\",\"spec\":{\"cluster\":{\"server\":\"https://a.b/\\u003cc\\u003e\","
		"\"config\":null},\"interactive\":true}}\n");
	e.api_version = STR(GROUP "v1beta1");
	e.cluster_config = json_new(&a, JSON_OBJECT);
	json_set(&a, (struct cJSON *)e.cluster_config, STR("audience"), json_new_str(&a, STR("x")));
	c.tls_server_name = STR("name");
	c.insecure = true;
	c.proxy_url = STR("http://proxy");
	c.disable_compression = true;
	print(&out, &c, "ca", true);
	EXPECT_STR(buf_str(&out),
		"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP
		"v1beta1\",\"spec\":{\"cluster\":{\"server\":\"https://a.b/\\u003cc\\u003e\","
		"\"tls-server-name\":\"name\",\"insecure-skip-tls-verify\":true,"
		"\"certificate-authority-data\":\"Y2E=\",\"proxy-url\":\"http://proxy\","
		"\"disable-compression\":true,\"config\":{\"audience\":\"x\"}},"
		"\"interactive\":true}}\n");
	buf_done(&out);
	arena_done(&a);
}

/* ---- what it answers ---- */

#define ANSWER(status)                                                                             \
	"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP "v1\",\"status\":" status "}"

TEST(tokens_and_their_ends_are_read)
{
	struct exec_credential c;
	struct err err = {0};
	struct arena a;

	arena_init(&a);
	REQUIRE_OK(exec_credential_parse(
			   &a, STR(ANSWER("{\"token\":\"t\"}")), STR(GROUP "v1"), &c, &err),
		&err);
	EXPECT_STR(c.token, "t");
	EXPECT(c.expires == INT64_MAX && !c.cert.len && !c.key.len);
	REQUIRE_OK(exec_credential_parse(&a,
			   STR("apiVersion: " GROUP "v1beta1\nkind: ExecCredential\nstatus:\n"
			       "  token: u\n  expirationTimestamp: \"1970-01-01T00:00:02Z\"\n"),
			   STR(GROUP "v1beta1"), &c, &err),
		&err);
	EXPECT_STR(c.token, "u");
	EXPECT_INT(c.expires, 2 * SEC);
	arena_done(&a);
}

TEST(what_is_wrong_with_an_answer_is_said_in_client_go_s_words)
{
	static const struct {
		const char *answer, *text;
	} rows[] = {
		{"", "exec plugin is configured to use API version " GROUP
		     "v1, plugin returned version " GROUP "__internal"},
		{"{\"status\":{\"token\":\"t\"}}",
			"exec plugin is configured to use API version " GROUP
			"v1, plugin returned version " GROUP "__internal"},
		{"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP "v1beta1\"}",
			"exec plugin is configured to use API version " GROUP
			"v1, plugin returned version " GROUP "v1beta1"},
		{"{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}",
			"decoding stdout: no kind \"Pod\" is registered for version \"v1\""},
		{"garbage",
			"decoding stdout: couldn't get version/kind; json parse error: json: "
			"cannot unmarshal string into Go value of type struct { APIVersion string "
			"\"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
			"\"json:\\\"kind,omitempty\\\"\" }"},
		{ANSWER("null"), "exec plugin didn't return a status field"},
		{ANSWER("3"), "decoding stdout: json: cannot unmarshal number into Go struct field "
			      "ExecCredential.status of type v1.ExecCredentialStatus"},
		{ANSWER("{}"), "exec plugin didn't return a token or cert/key pair"},
		{ANSWER("{\"token\":7}"),
			"decoding stdout: json: cannot unmarshal number into Go struct field "
			"ExecCredentialStatus.status.token of type string"},
		{ANSWER("{\"token\":\"t\",\"expirationTimestamp\":\"soon\"}"),
			"decoding stdout: parsing time \"soon\" as \"2006-01-02T15:04:05Z07:00\": "
			"cannot parse \"soon\" as \"2006\""},
		{ANSWER("{\"token\":\"t\",\"clientKeyData\":\"k\"}"),
			"exec plugin returned only certificate or key, not both"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct exec_credential c = {.expires = 42};
		struct err err = {0};
		struct arena a;

		test_context("row %zu", i);
		arena_init(&a);
		EXPECT(exec_credential_parse(
			       &a, str_from(rows[i].answer), STR(GROUP "v1"), &c, &err) < 0);
		EXPECT_TEXT(err_text(&err), rows[i].text);
		EXPECT_INT(c.expires, 42);
		err_done(&err);
		arena_done(&a);
	}
	test_context_end();
}

TEST(a_pair_that_is_none_is_refused)
{
	struct exec_credential c;
	struct err err = {0};
	struct arena a;

	arena_init(&a);
	EXPECT(exec_credential_parse(&a,
		       STR(ANSWER("{\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\"}")),
		       STR(GROUP "v1"), &c, &err) < 0);
	EXPECT(str_starts(
		str_from(err_text(&err)), STR("failed parsing client key/certificate: ")));
	err_done(&err);
	arena_done(&a);
}

/* ---- what a kubeconfig says of it ---- */

static int resolve(struct arena *a, const char *exec, struct client_config *c, struct err *err)
{
	struct kubeconfig k;
	struct str text = arena_print(a,
		"clusters: [{name: c, cluster: {server: \"https://c\", extensions: [{name: other, "
		"extension: 1}, {name: client.authentication.k8s.io/exec, extension: {a: b}}]}}]\n"
		"users: [{name: u, user: {exec: %s}}]\n"
		"contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n",
		exec);
	int code = kubeconfig_parse(a, text, STR("/etc/u"), &k, err);

	return code ? code : kubeconfig_resolve(a, &k, &(struct kubeconfig_choice){0}, c, err);
}

TEST(a_plugin_is_read_from_a_kubeconfig)
{
	struct client_config c = {0};
	struct err err = {0};
	struct arena a;

	arena_init(&a);
	REQUIRE_OK(resolve(&a,
			   "{apiVersion: client.authentication.k8s.io/v1, command: bin/get, args: "
			   "[a, \"b c\"], env: [{name: NAME, value: V}], interactiveMode: Never, "
			   "provideClusterInfo: true, installHint: \"get \\u001b[31m it\\n\"}",
			   &c, &err),
		&err);
	REQUIRE(c.exec);
	const struct client_exec *e = client_exec_copy(&a, c.exec);
	EXPECT_STR(e->command, "/etc/u/bin/get");
	EXPECT_STR(e->api_version, GROUP "v1");
	EXPECT_INT(e->arg_count, 2);
	EXPECT_STR(e->args[1], "b c");
	EXPECT_INT(e->env_count, 1);
	EXPECT_STR(e->env[0].name, "NAME");
	EXPECT_STR(e->env[0].value, "V");
	EXPECT_STR(e->interactive_mode, "Never");
	EXPECT_STR(e->install_hint, "get U+001B[31m it\n");
	EXPECT(e->provide_cluster_info);
	EXPECT_STR(json_str(json_get(e->cluster_config, STR("a"))), "b");
	EXPECT(!client_exec_copy(&a, NULL));
	arena_done(&a);
}

TEST(commands_stand_in_their_directory_unless_they_are_looked_for)
{
	static const struct {
		const char *command, *placed;
	} rows[] = {{"get", "get"}, {"/bin/get", "/bin/get"}, {"./get", "/etc/u/./get"}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct client_config c = {0};
		struct err err = {0};
		struct arena a;

		arena_init(&a);
		struct str exec = arena_print(&a,
			"{apiVersion: client.authentication.k8s.io/v1beta1, command: %s}",
			rows[i].command);
		REQUIRE_OK(resolve(&a, exec.at, &c, &err), &err);
		EXPECT_STR(c.exec->command, rows[i].placed);
		EXPECT_STR(c.exec->interactive_mode, "IfAvailable");
		arena_done(&a);
	}
}

TEST(a_plugin_that_cannot_be_is_refused)
{
	static const struct {
		const char *exec, *text;
	} rows[] = {
		{"{}", "invalid configuration: [command must be specified for u to use exec "
		       "authentication plugin, apiVersion must be specified for u to use exec "
		       "authentication plugin, interactiveMode must be specified for u to use exec "
		       "authentication plugin]"},
		{"{command: a, apiVersion: client.authentication.k8s.io/v1, interactiveMode: "
		 "Often, env: [{value: x}]}",
			"invalid configuration: [env variable name must be specified for u to use "
			"exec authentication plugin, invalid interactiveMode for u: \"Often\"]"},
		{"7", "error loading config file: json: cannot unmarshal number into Go struct "
		      "field AuthInfo.users.user.exec of type v1.ExecConfig"},
		{"{command: 7}",
			"error loading config file: json: cannot unmarshal number into Go struct "
			"field ExecConfig.users.user.exec.command of type string"},
		{"{args: [7]}",
			"error loading config file: json: cannot unmarshal number into Go struct "
			"field ExecConfig.users.user.exec.args of type string"},
		{"{args: a}",
			"error loading config file: json: cannot unmarshal string into Go struct "
			"field ExecConfig.users.user.exec.args of type []string"},
		{"{env: a}",
			"error loading config file: json: cannot unmarshal string into Go struct "
			"field ExecConfig.users.user.exec.env of type []v1.ExecEnvVar"},
		{"{env: [{name: 3}]}",
			"error loading config file: json: cannot unmarshal number into Go struct "
			"field ExecEnvVar.users.user.exec.env.name of type string"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct client_config c = {0};
		struct err err = {0};
		struct arena a;

		test_context("row %zu", i);
		arena_init(&a);
		EXPECT(resolve(&a, rows[i].exec, &c, &err) < 0);
		EXPECT_TEXT(err_text(&err), rows[i].text);
		err_done(&err);
		arena_done(&a);
	}
	test_context_end();
}
