/* Credential plugins: shell scripts that give a real API server's credentials, well and badly. */
#include "client/exec_plugin.h"

#include <kube/api_codec.h>
#include <kube/mem.h>

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api_rig.h"
#include "loop_torture.h"

#define V1 "client.authentication.k8s.io/v1"
#define ANSWER(status)                                                                             \
	"echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":" status "}'\n"

/* ---- a script, and a client that asks it ---- */

struct world {
	struct api_rig r;
	struct client_exec exec;
	struct client_config config;
	struct client *client;
	char script[96];
};

static void write_script(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	REQUIRE(f);
	fprintf(f, "#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho run >> runs\n%s", text);
	fchmod(fileno(f), 0755);
	fclose(f);
}

static void world_client(struct world *w)
{
	struct client_options options = {.user_agent = "plugin/v1"};

	w->client = client_new(
		w->r.t.env, client_transport_https(w->r.t.env, w->r.t.root, &w->config), &options);
}

static bool world_open(struct world *w, const char *text)
{
	memset(w, 0, sizeof(*w));
	if (!api_rig_open(&w->r, API_RIG_LOCAL))
		return false;
	snprintf(w->script, sizeof(w->script), "%s/plugin", w->r.dir);
	write_script(w->script, text);
	w->exec = (struct client_exec){.api_version = STR(V1),
		.command = str_from(w->script),
		.interactive_mode = STR("Never")};
	w->config = (struct client_config){
		.server = str_from(w->r.url), .ca_file = str_from(w->r.ca_file), .exec = &w->exec};
	world_client(w);
	return true;
}

static void world_close(struct world *w)
{
	api_rig_drop_client(&w->r, w->client);
	api_rig_close(&w->r);
}

static int runs(struct world *w)
{
	struct buf b = BUF_INIT(4 * KIB);

	api_rig_read(&w->r, "runs", &b);
	int n = (int)(b.len / sizeof("run"));
	buf_done(&b);
	return n;
}

static int ask(struct world *w, struct err *err, const char *user)
{
	return api_rig_ask_user(&w->r, w->client, user, err);
}

static void ask_well(struct world *w, const char *user)
{
	struct err err = {0};

	EXPECT_OK(ask(w, &err, user), &err);
	err_done(&err);
}

static void ask_badly(struct world *w, const char *text)
{
	struct err err = {0};

	EXPECT(ask(w, &err, "") < 0);
	EXPECT_TEXT(err_text(&err), text);
	err_done(&err);
}

TEST(a_token_is_asked_for_once_and_kept)
{
	struct world w;
	struct buf b = BUF_INIT(64 * KIB);
	struct client_exec_env env[] = {{STR_INIT("NAME"), STR_INIT("value")}};

	REQUIRE(world_open(&w, "echo \"$KUBERNETES_EXEC_INFO|$NAME|$1\" > told\n" ANSWER(
				       "{\"token\":\"rigtoken\"}")));
	w.exec.env = env;
	w.exec.env_count = 1;
	w.exec.args = (struct str[]){STR("argument")};
	w.exec.arg_count = 1;
	w.exec.provide_cluster_info = true;
	api_rig_drop_client(&w.r, w.client);
	world_client(&w);
	for (int i = 0; i < 3; i++)
		ask_well(&w, "admin");
	EXPECT_INT(runs(&w), 1);
	api_rig_read(&w.r, "told", &b);
	struct str all = buf_str(&b);
	EXPECT(str_starts(all, STR("{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
				   "\",\"spec\":{\"cluster\":{\"server\":\"https://127.0.0.1:")));
	EXPECT(str_find(all, STR("\"certificate-authority-data\":\"LS0t")) > 0);
	EXPECT(str_find(all, STR("\"interactive\":false}}\n|value|argument\n")) > 0);
	buf_done(&b);
	world_close(&w);
}

TEST(what_has_expired_is_asked_for_again)
{
	struct world w;

	REQUIRE(world_open(&w, ANSWER("{\"token\":\"rigtoken\",\"expirationTimestamp\":"
				      "\"2020-01-01T00:00:00Z\"}")));
	for (int i = 1; i < 4; i++) {
		ask_well(&w, "admin");
		EXPECT_INT(runs(&w), i);
	}
	world_close(&w);
}

TEST(what_the_server_refuses_is_asked_for_once_more)
{
	struct world w;

	REQUIRE(world_open(&w,
		"if [ $(wc -l < runs) = 1 ]; then\n" ANSWER(
			"{\"token\":\"stale\"}") "else\n" ANSWER("{\"token\":\"rigtoken\"}") "fi"
											     "\n"));
	ask_badly(&w, "Unauthorized");
	EXPECT_INT(runs(&w), 2);
	ask_well(&w, "admin");
	ask_well(&w, "admin");
	EXPECT_INT(runs(&w), 2);
	world_close(&w);
}

TEST(where_there_is_nothing_better_the_refusal_stands)
{
	struct world w;

	REQUIRE(world_open(&w, "if [ $(wc -l < runs) = 1 ]; then\n" ANSWER(
				       "{\"token\":\"stale\"}") "else exit 3; fi\n"));
	ask_badly(&w, "Unauthorized");
	EXPECT_INT(runs(&w), 2);
	ask_badly(&w, "Unauthorized");
	EXPECT_INT(runs(&w), 3);
	world_close(&w);
}

TEST(a_certificate_of_a_plugin_is_shown_and_replaced)
{
	struct world w;

	/* The administrator's first, then nobody's: another connection shows it. */
	REQUIRE(world_open(&w, "pem() { awk '{printf \"%s\\\\n\", $0}' \"$1\"; }\n"
			       "printf '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
			       "\",\"status\":{\"expirationTimestamp\":\"2020-01-01T00:00:00Z\","
			       "\"clientCertificateData\":\"%s\",\"clientKeyData\":\"%s\"}}' "
			       "\"$(pem d/pki/$(cat which).crt)\" "
			       "\"$(pem d/pki/$(cat which).key)\"\n"));
	char command[256];
	snprintf(command, sizeof(command), "cd %s && echo admin > which", w.r.dir);
	EXPECT_INT(system(command), 0);
	ask_well(&w, "kubernetes-admin");
	ask_well(&w, "kubernetes-admin");
	EXPECT_INT(runs(&w), 2);
	snprintf(command, sizeof(command),
		"cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
		"-subj /CN=nobody -keyout d/pki/nobody.key -out d/pki/nobody.crt 2>/dev/null "
		"&& echo nobody > which",
		w.r.dir);
	if (system(command) == 0)
		ask_badly(&w, "Unauthorized");
	world_close(&w);
}

TEST(what_goes_wrong_is_told_in_client_go_s_words)
{
	static const struct {
		const char *script, *text;
	} rows[] = {
		{"exit 7\n", "exec: executable %s failed with exit code 7"},
		{"kill -9 $$\n", "exec: executable %s failed with exit code -1"},
		{"", "exec plugin is configured to use API version " V1
		     ", plugin returned version client.authentication.k8s.io/__internal"},
		{"yes | head -c 2000000\n", "exec: executable %s writes more than 1048576 bytes"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w;
		struct buf text = BUF_INIT(KIB);
		struct str before, after;

		test_context("row %zu", i);
		REQUIRE(world_open(&w, rows[i].script));
		buf_add_text(&text, "getting credentials: ");
		if (str_cut(str_from(rows[i].text), '%', &before, &after)) {
			buf_add_str(&text, before);
			buf_add_text(&text, w.script);
			buf_add_str(&text, str_skip(after, 1));
		} else {
			buf_add_text(&text, rows[i].text);
		}
		ask_badly(&w, buf_text(&text));
		buf_done(&text);
		world_close(&w);
	}
	test_context_end();
}

static void ask_with(struct world *w, const char *text)
{
	api_rig_drop_client(&w->r, w->client);
	world_client(w);
	ask_badly(w, text);
}

TEST(plugins_that_cannot_be_run_say_why)
{
	struct world w;

	REQUIRE(world_open(&w, "exit 0"));
	w.exec.command = STR("no-such-plugin-here");
	w.exec.install_hint = STR("Install it.");
	ask_with(&w, "getting credentials: exec: executable no-such-plugin-here not found\n\n"
		     "It looks like you are trying to use a client-go credential plugin that is "
		     "not installed.\n\nTo learn more about this feature, consult the "
		     "documentation available at:\n      "
		     "https://kubernetes.io/docs/reference/access-authn-authz/authentication/"
		     "#client-go-credential-plugins\n\nInstall it.");
	for (int i = 0; i < 9; i++) {
		struct err err = {0};
		EXPECT(ask(&w, &err, "") < 0);
		err_done(&err);
	}
	ask_badly(&w, "getting credentials: exec: executable no-such-plugin-here not found");
	w.exec.command = STR("/no/such/plugin");
	ask_with(&w, "getting credentials: exec: fork/exec /no/such/plugin: no such file or "
		     "directory");
	w.exec.interactive_mode = STR("Always");
	EXPECT(freopen("/dev/null", "r", stdin) != NULL);
	ask_with(&w, "getting credentials: exec plugin cannot support interactive mode: standard "
		     "input is not a terminal");
	w.exec.interactive_mode = STR("Rarely");
	ask_with(&w, "getting credentials: exec plugin cannot support interactive mode: unknown "
		     "interactiveMode: \"Rarely\"");
	w.exec.api_version = STR("client.authentication.k8s.io/v1alpha1");
	ask_with(&w, "getting credentials: exec plugin: invalid apiVersion "
		     "\"client.authentication.k8s.io/v1alpha1\"");
	world_close(&w);
}

TEST(a_token_of_the_config_s_own_goes_before)
{
	struct world w;

	REQUIRE(world_open(&w, ANSWER("{\"token\":\"stale\"}")));
	w.config.token = STR("rigtoken");
	api_rig_drop_client(&w.r, w.client);
	world_client(&w);
	ask_well(&w, "admin");
	world_close(&w);
}

TEST(many_who_wait_share_one_run)
{
	struct world w;
	struct client_request q[8];
	struct told told[8] = {0};

	REQUIRE(world_open(&w, "sleep 0.05\n" ANSWER("{\"token\":\"rigtoken\"}")));
	for (size_t i = 0; i < ARRAY_LEN(q); i++) {
		client_request_init(&q[i], CLIENT_RAW_GET, NULL, STR(""), STR(""));
		q[i].path = STR("/api");
		client_send(w.client, told_op(&told[i], w.r.t.root, OP_NO_DEADLINE), &q[i]);
	}
	/* One of them does not want it any more: the others do. */
	op_cancel(&told[0].op);
	for (size_t i = 0; i < ARRAY_LEN(q); i++) {
		loop_test_run_until(&w.r.t, &told[i].done);
		EXPECT_INT(told[i].err.code, i ? 0 : ERR_CANCELLED);
		client_request_done(&q[i]);
		told_done(&told[i]);
	}
	EXPECT_INT(runs(&w), 1);
	world_close(&w);
}

/* ---- torture: two who wait, one run ---- */

struct tortured {
	struct loop_test *t;
	struct scope scope;
	struct exec_plugin *plugin;
	struct client_exec exec;
	struct client_config config;
	struct exec_wait waits[2];
	struct op ops[2];
	struct told closed;
	int left, good;
};

static void on_credentials(struct tortured *x, struct err *err)
{
	x->good += !err->code;
	if (--x->left == 0)
		scope_close(&x->scope, told_op(&x->closed, x->t->root, OP_NO_DEADLINE));
}

static void on_first(struct op *op, struct err *err)
{
	on_credentials(CONTAINER_OF(op, struct tortured, ops[0]), err);
}

static void on_second(struct op *op, struct err *err)
{
	on_credentials(CONTAINER_OF(op, struct tortured, ops[1]), err);
}

static void torture_start(struct loop_test *t, void *ctx)
{
	struct tortured *x = ctx;

	x->t = t;
	x->left = 2;
	x->good = 0;
	scope_init(&x->scope, t->root, "plugin", NULL);
	x->plugin = exec_plugin_new(t->env, &x->scope, &x->config);
	op_init(&x->ops[0], t->root, on_first, OP_NO_DEADLINE);
	op_init(&x->ops[1], t->root, on_second, OP_NO_DEADLINE);
	exec_plugin_get(x->plugin, &x->waits[0], &x->ops[0], STR("ca"));
	exec_plugin_get(x->plugin, &x->waits[1], &x->ops[1], STR("ca"));
}

static void torture_check(struct loop_test *t, void *ctx)
{
	struct tortured *x = ctx;

	if (!loop_torture_hit(t->loop)) {
		EXPECT_INT(x->good, 2);
		EXPECT_INT(exec_plugin_serial(x->plugin), 1);
		EXPECT_STR(exec_plugin_credential(x->plugin)->token, "t");
	}
	EXPECT(x->closed.done);
	exec_plugin_free(x->plugin);
	EXPECT(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
}

TEST(asking_a_plugin_survives_torture)
{
	struct str args[] = {STR("-c"), STR(ANSWER("{\"token\":\"t\"}"))};
	struct tortured x = {.exec = {.api_version = STR(V1),
				     .command = STR("sh"),
				     .args = args,
				     .arg_count = 2,
				     .interactive_mode = STR("IfAvailable")}};

	x.config.exec = &x.exec;
	EXPECT(loop_torture_run(LOOP_TEST_REAL, torture_start, torture_check, &x) >= 13);
}
