#include "test.h"

#include <kube/arena.h>
#include <kube/kubeconfig.h>

static const char home[] = "apiVersion: v1\n"
			   "kind: Config\n"
			   "current-context: here\n"
			   "clusters:\n"
			   "- name: near\n"
			   "  cluster:\n"
			   "    server: https://near:6443\n"
			   "    certificate-authority: pki/ca.crt\n"
			   "- name: far\n"
			   "  cluster:\n"
			   "    server: https://far:6443\n"
			   "    certificate-authority-data: aGVsbG8=\n"
			   "    tls-server-name: kubernetes\n"
			   "- name: open\n"
			   "  cluster: {server: x, certificate-authority: /ca, "
			   "insecure-skip-tls-verify: true}\n"
			   "- name: nil\n"
			   "  cluster: {certificate-authority: /ca}\n"
			   "users:\n"
			   "- name: twice\n"
			   "  user: {token: t, username: u, as-uid: x}\n"
			   "- name: me\n"
			   "  user: {token: t1, as: you, as-groups: [g1, g2]}\n"
			   "- name: plugin\n"
			   "  user: {exec: {command: get-token, apiVersion: "
			   "client.authentication.k8s.io/v1beta1}}\n"
			   "- name: half\n"
			   "  user: {client-certificate: /c.crt}\n"
			   "contexts:\n"
			   "- name: here\n"
			   "  context: {cluster: near, user: me, namespace: work}\n"
			   "- name: there\n"
			   "  context: {cluster: far, user: plugin}\n"
			   "- name: lost\n"
			   "  context: {cluster: gone, user: me}\n"
			   "- name: nobody\n"
			   "  context: {cluster: near, user: gone}\n"
			   "- name: half\n"
			   "  context: {cluster: near, user: half}\n";

static int resolve(
	struct arena *a, struct kubeconfig_choice choice, struct client_config *c, struct err *err)
{
	struct kubeconfig k;

	EXPECT_OK(kubeconfig_parse(a, str_from(home), STR("/etc/kube"), &k, err), err);
	return kubeconfig_resolve(a, &k, &choice, c, err);
}

TEST(the_current_context_is_taken)
{
	struct arena a;
	struct client_config c = {0};
	struct err err = {0};

	arena_init(&a);
	EXPECT_OK(resolve(&a, (struct kubeconfig_choice){0}, &c, &err), &err);
	EXPECT_STR(c.server, "https://near:6443");
	EXPECT_STR(c.ca_file, "/etc/kube/pki/ca.crt");
	EXPECT_STR(c.token, "t1");
	EXPECT_STR(c.namespace, "work");
	EXPECT_STR(c.as, "you");
	EXPECT_INT(c.as_group_count, 2);
	EXPECT_STR(c.as_groups[1], "g2");
	arena_done(&a);
}

TEST(parts_of_a_context_are_overridden)
{
	struct arena a;
	struct client_config c = {0};
	struct err err = {0};

	arena_init(&a);
	EXPECT_OK(
		resolve(&a, (struct kubeconfig_choice){.context = STR("there"), .user = STR("me")},
			&c, &err),
		&err);
	EXPECT_STR(c.server, "https://far:6443");
	EXPECT_STR(c.ca_data, "hello");
	EXPECT_STR(c.tls_server_name, "kubernetes");
	EXPECT_STR(c.token, "t1");
	EXPECT_OK(resolve(&a, (struct kubeconfig_choice){.context = STR("there")}, &c, &err), &err);
	REQUIRE(c.exec);
	EXPECT_STR(c.exec->command, "get-token");
	EXPECT_STR(c.exec->interactive_mode, "IfAvailable");
	arena_done(&a);
}

TEST(what_is_wrong_is_said_in_client_go_s_words)
{
	static const struct {
		struct kubeconfig_choice choice;
		const char *text;
	} cases[] = {
		{{.context = STR_INIT("nowhere")}, "context \"nowhere\" does not exist"},
		{{.cluster = STR_INIT("nowhere")}, "cluster \"nowhere\" does not exist"},
		{{.user = STR_INIT("nobody")}, "auth info \"nobody\" does not exist"},
		{{.context = STR_INIT("lost")},
			"invalid configuration: no configuration has been provided, try setting "
			"KUBERNETES_MASTER environment variable"},
		{{.context = STR_INIT("half")},
			"invalid configuration: client-key-data or client-key must be specified "
			"for half to use the clientCert authentication method."},
		{{.context = STR_INIT("half"), .user = STR_INIT("twice")},
			"invalid configuration: [more than one authentication method found for "
			"twice; found [token basicAuth], only one is allowed, requesting uid, "
			"groups or user-extra for twice without impersonating a user]"},
		{{.cluster = STR_INIT("open")},
			"specifying a root certificates file with the insecure flag is not "
			"allowed"},
		{{.cluster = STR_INIT("nil")},
			"invalid configuration: no server found for cluster \"nil\""},
	};
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct client_config c = {0};
		struct err err = {0};

		test_context("case %zu", i);
		EXPECT(resolve(&a, cases[i].choice, &c, &err) != 0);
		EXPECT_TEXT(err_text(&err), cases[i].text);
		EXPECT(!c.server.len);
		err_done(&err);
	}
	test_context_end();
	arena_done(&a);
}

TEST(a_user_that_is_missing_is_nobody)
{
	struct arena a;
	struct client_config c = {0};
	struct err err = {0};

	arena_init(&a);
	EXPECT_OK(
		resolve(&a, (struct kubeconfig_choice){.context = STR("nobody")}, &c, &err), &err);
	EXPECT_STR(c.server, "https://near:6443");
	EXPECT(!c.token.len && !c.as.len);
	arena_done(&a);
}

TEST(the_first_file_wins)
{
	struct arena a;
	struct kubeconfig one = {0}, two = {0};
	struct client_config c = {0};
	struct err err = {0};

	arena_init(&a);
	EXPECT_OK(kubeconfig_parse(&a,
			  STR("clusters: [{name: near, cluster: {server: https://mine}}]\n"),
			  STR(""), &one, &err),
		&err);
	EXPECT_OK(kubeconfig_parse(&a, str_from(home), STR(""), &two, &err), &err);
	kubeconfig_merge(&a, &one, &two);
	EXPECT_OK(kubeconfig_resolve(&a, &one, &(struct kubeconfig_choice){0}, &c, &err), &err);
	EXPECT_STR(c.server, "https://mine");
	EXPECT_STR(c.token, "t1");
	arena_done(&a);
}

TEST(malformed_files_are_refused)
{
	static const char *const texts[] = {"[1]", "clusters: 3", "clusters: [3]",
		"users: [{name: a, user: 3}]", "kind: Pod", "{",
		"users: [{name: a, user: {token: 3}}]", "clusters: [{name: 3}]",
		"current-context: {}",
		"clusters: [{name: a, cluster: {insecure-skip-tls-verify: 'true'}}]"};
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct kubeconfig k;
		struct err err = {0};

		test_context("%s", texts[i]);
		EXPECT(kubeconfig_parse(&a, str_from(texts[i]), STR(""), &k, &err) != 0);
		err_done(&err);
	}
	test_context_end();
	arena_done(&a);
}

TEST(a_wrong_type_is_named)
{
	struct arena a;
	struct kubeconfig k;
	struct err err = {0};

	arena_init(&a);
	EXPECT_INT(kubeconfig_parse(
			   &a, STR("users: [{name: a, user: {token: y}}]"), STR(""), &k, &err),
		ERR_SYNTAX);
	EXPECT_TEXT(err_text(&err),
		"error loading config file: json: cannot unmarshal bool into Go "
		"struct field AuthInfo.users.user.token of type string");
	err_done(&err);
	arena_done(&a);
}

TEST(a_pod_knows_where_its_server_is)
{
	struct arena a;
	struct client_config c = {0};
	struct err err = {0};

	arena_init(&a);
	EXPECT_OK(client_config_in_cluster(&a, STR("fd00::1"), STR("443"), STR("/s"), &c, &err),
		&err);
	EXPECT_STR(c.server, "https://[fd00::1]:443");
	EXPECT_STR(c.token_file, "/s/token");
	EXPECT_INT(client_config_in_cluster(&a, STR(""), STR("443"), STR(""), &c, &err),
		ERR_NOT_FOUND);
	err_done(&err);
	arena_done(&a);
}
