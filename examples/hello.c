/* A server that says hello: how loop, net and crypto are put together. See README.md. */
#include <kube/env.h>
#include <kube/flags.h>
#include <kube/http_server.h>
#include <kube/log.h>
#include <kube/time.h>

#include <signal.h>
#include <stdio.h>

struct hello {
	struct http_server *server;
	struct op term, stop; /* the wait for SIGTERM; the server's end */
};

/* ---- what is answered ---- */

static void answered(struct op *op, struct err *err)
{
	struct http_exchange *x = CONTAINER_OF(op, struct http_exchange, op);

	if (err->code && err->code != ERR_CANCELLED)
		log_warning(err, "answer not sent", LOG_STR("target", x->request.target));
	http_exchange_done(x);
}

static void handle(void *ctx, struct http_exchange *x)
{
	static const struct http_header type = {STR_INIT("Content-Type"), STR_INIT("text/plain")};
	struct str body = arena_print(&x->arena, "hello, %.*s\n", STRF(x->request.target));

	(void)ctx;
	op_init(&x->op, &x->scope, answered, OP_NO_DEADLINE);
	http_respond(x, &x->op, 200, &type, 1, body);
}

/* ---- certificates: an authority of our own, written where clients find it ---- */

static int issue(
	struct env *env, struct cert **ca, struct cert **leaf, struct key **key, struct err *err)
{
	struct ip local = ip_v4(127, 0, 0, 1);
	struct str name = STR("localhost");
	struct cert_request ca_request = {.subject.common_name = STR("hello-ca"),
		.now = env_wall(env),
		.lifetime = 24 * HOUR,
		.is_ca = true,
		.path_length = -1};
	struct cert_request request = {.subject.common_name = STR("hello"),
		.now = env_wall(env),
		.lifetime = 24 * HOUR,
		.path_length = -1,
		.usages = CERT_SERVER,
		.dns = &name,
		.dns_count = 1,
		.ips = &local,
		.ip_count = 1};
	struct key *ca_key = NULL;
	int code = key_generate(KEY_ECDSA_P256, &ca_key, err);

	if (!code)
		code = key_generate(KEY_ECDSA_P256, key, err);
	if (!code)
		code = cert_issue(&ca_request, ca_key, NULL, ca_key, ca, err);
	if (!code)
		code = cert_issue(&request, *key, *ca, ca_key, leaf, err);
	key_unref(ca_key);
	return code;
}

static int make_tls(struct env *env, const char *ca_path, struct tls_config **tls, struct err *err)
{
	static const char *const alpn[] = {"h2", "http/1.1", NULL};
	_cleanup_(buf_done) struct buf pem = BUF_INIT(64 * KIB);
	struct cert *ca = NULL, *leaf = NULL;
	struct key *key = NULL;
	int code = issue(env, &ca, &leaf, &key, err);

	if (!code) {
		struct certs chain = {.items = &leaf, .count = 1};
		struct tls_identity identity = {.chain = &chain, .key = key};
		struct tls_server_options options = {
			.identities = &identity, .identity_count = 1, .alpn = alpn};
		code = tls_config_new_server(&options, tls, err);
		cert_print_pem(ca, &pem);
	}
	if (!code)
		code = disk_write_file(env->disk, ca_path, buf_str(&pem), 0644, err);
	cert_unref(ca);
	cert_unref(leaf);
	key_unref(key);
	return code;
}

/* ---- life ---- */

static void stopped(struct op *op, struct err *err)
{
	struct hello *h = CONTAINER_OF(op, struct hello, stop);

	(void)err;
	http_server_free(h->server);
}

static void terminated(struct op *op, struct err *err)
{
	struct hello *h = CONTAINER_OF(op, struct hello, term);
	struct scope *root = op->scope;

	(void)err;
	log_info("stopping");
	op_init(&h->stop, root, stopped, OP_NO_DEADLINE);
	http_server_stop(h->server, &h->stop, 5 * SEC);
}

static int serve(
	struct loop *loop, struct env *env, struct str listen, const char *ca_path, struct err *err)
{
	struct hello h = {0};
	struct http_server_options options = {.handler = handle, .name = "hello"};
	struct address at;
	_cleanup_(buf_done) struct buf where = BUF_INIT(256);
	int code = address_parse(listen, &at, err);

	if (!code && ca_path[0])
		code = make_tls(env, ca_path, &options.tls, err);
	if (!code)
		code = loop_dump_on_signal(loop, SIGUSR1, 2, err);
	if (code)
		return code;
	h.server = http_server_new(env, loop_root(loop), &options);
	code = http_server_listen(h.server, &at, &at, err);
	if (!code) {
		address_print(&where, &at);
		log_info("listening", LOG_STR("address", buf_str(&where)));
		op_init(&h.term, loop_root(loop), terminated, OP_NO_DEADLINE);
		signal_wait(loop, &h.term, SIGTERM);
	} else {
		op_init(&h.stop, loop_root(loop), stopped, OP_NO_DEADLINE);
		http_server_stop(h.server, &h.stop, 0);
	}
	int ran = loop_run(loop, err);
	if (options.tls)
		tls_config_unref(options.tls);
	return code ? code : ran;
}

int main(int argc, char **argv)
{
	struct str listen, ca_path;
	bool help;
	struct flag flags[] = {
		FLAG_STRING("listen", &listen, "127.0.0.1:0", "ADDRESS", "Where to listen."),
		FLAG_STRING(
			"tls-ca", &ca_path, "", "FILE", "Speak TLS; write the authority there."),
		FLAG_BOOL("help", &help, "false", "Print this."),
		FLAG_END,
	};
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};

	arena_init(&a);
	flags_init(flags, &a);
	if (flags_parse(flags, &a, argc - 1, argv + 1, NULL, &err)) {
		fprintf(stderr, "hello: %s\n", err_text(&err));
		return 1;
	}
	if (help) {
		_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
		flags_print_help(flags, &out);
		fputs(buf_text(&out), stdout);
		return 0;
	}
	struct loop *loop = loop_new();
	struct env *env = env_new(loop);
	int code = serve(loop, env, listen, arena_str(&a, ca_path).at, &err);
	if (code)
		log_error(&err, "cannot serve");
	env_free(env);
	loop_free(loop);
	return code ? 1 : 0;
}
