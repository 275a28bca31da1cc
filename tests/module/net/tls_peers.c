/* TLS streams against programs that others wrote: openssl and curl. */
#include "loop_test.h"
#include "tls_world.h"

#include <kube/tls.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- certificates in memory, and as files for the programs ---- */
static struct tls_world world;
static struct tls_world_identity server_identity, client_identity, rsa_identity, wrong_identity;
static char folder[] = "/tmp/kube-tls-XXXXXX";

static void write_file(const char *name, const struct buf *text)
{
	char *path = mem_print("%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ssize_t n = write(fd, text->at, text->len);
	assert(n == (ssize_t)text->len);
	(void)n;
	close(fd);
	mem_free(path);
}

static void write_identity(const char *name, const struct tls_world_identity *id)
{
	struct buf text = BUF_INIT(64 * KIB);
	cert_print_pem(id->chain.items[0], &text);
	key_print_pem(id->identity.key, &text);
	write_file(name, &text);
	buf_done(&text);
}

static void issue(struct tls_world_identity *id, unsigned usages, enum key_kind kind)
{
	struct tls_world_want want = {.name = "test",
		.usages = usages,
		.dns = "localhost",
		.ip = "127.0.0.1",
		.kind = kind};
	tls_world_issue(&world, &want, id);
}

__attribute__((constructor)) static void world_start(void)
{
	struct buf text = BUF_INIT(64 * KIB);
	tls_world_init(&world, clock_wall());
	issue(&server_identity, CERT_SERVER, KEY_ECDSA_P256);
	issue(&rsa_identity, CERT_SERVER, KEY_RSA_2048);
	issue(&client_identity, CERT_CLIENT, KEY_ECDSA_P256);
	issue(&wrong_identity, CERT_CLIENT, KEY_ECDSA_P256);
	if (!mkdtemp(folder))
		abort();
	cert_print_pem(world.ca.items[0], &text);
	write_file("ca.pem", &text);
	write_identity("server.pem", &server_identity);
	write_identity("rsa.pem", &rsa_identity);
	write_identity("client.pem", &client_identity);
	buf_done(&text);
}

__attribute__((destructor)) static void world_end(void)
{
	static const char *const names[] = {
		"ca.pem", "server.pem", "rsa.pem", "client.pem", "sess"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *path = mem_print("%s/%s", folder, names[i]);
		unlink(path);
		mem_free(path);
	}
	rmdir(folder);
	tls_world_identity_done(&server_identity);
	tls_world_identity_done(&rsa_identity);
	tls_world_identity_done(&client_identity);
	tls_world_identity_done(&wrong_identity);
	tls_world_done(&world);
}

/* ---- programs ---- */
struct program {
	pid_t pid;
	int out; /* what it prints, both streams */
};

/* In the folder of the certificates; its input stays open and silent. */
static struct program program_start(const char *command)
{
	int fds[2], in[2];
	if (pipe2(fds, O_CLOEXEC) || pipe2(in, O_CLOEXEC))
		abort();
	pid_t pid = fork();
	if (pid == 0) {
		if (chdir(folder))
			_exit(126);
		dup2(in[0], 0);
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		int keep = fcntl(in[1], F_DUPFD, 10); /* it holds its own input open */
		(void)keep;
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	close(fds[1]);
	close(in[0]);
	close(in[1]);
	return (struct program){.pid = pid, .out = fds[0]};
}

static int program_wait(struct program *p, struct buf *out)
{
	char piece[4096];
	ssize_t n;
	int status = 0;
	while ((n = read(p->out, piece, sizeof(piece))) > 0)
		buf_add(out, piece, (size_t)n);
	close(p->out);
	waitpid(p->pid, &status, 0);
	return status;
}

/* ---- our server, their client ---- */
struct service {
	struct loop_test t;
	struct tls_config *config;
	struct listener *listener;
	struct stream *stream;
	struct told accepted;
};

static uint16_t service_init(struct service *s, const struct tls_identity *ids, size_t count,
	enum tls_client_certs certs)
{
	static const char *const alpn[] = {"http/1.1", NULL};
	struct err err = {0};
	struct tls_server_options o = {.identities = ids,
		.identity_count = count,
		.client_certs = certs,
		.client_roots = &world.ca,
		.alpn = alpn};
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0);
	*s = (struct service){0};
	loop_test_init(&s->t, LOOP_TEST_REAL);
	EXPECT_OK(tls_config_new_server(&o, &s->config, &err), &err);
	EXPECT_OK(net_listen(s->t.env, s->t.root, &any, 10, &s->listener, &err), &err);
	return s->listener->address.port;
}

static void service_accept(struct service *s)
{
	struct told told = {0};
	struct stream *below = NULL;
	listener_accept(s->listener, told_op(&told, s->t.root, OP_NO_DEADLINE), s->t.root, &below);
	loop_test_run_until(&s->t, &told.done);
	s->stream = NULL;
	told_done(&s->accepted);
	s->accepted = (struct told){0};
	tls_accept(s->t.env, told_op(&s->accepted, s->t.root, OP_NO_DEADLINE), s->t.root, below,
		s->config, &s->stream);
	loop_test_run_until(&s->t, &s->accepted.done);
}

/* Reads a request's head, answers with who asked and how, says goodbye. */
static void service_answer(struct service *s)
{
	struct buf in = BUF_INIT(64 * KIB), answer = BUF_INIT(64 * KIB);
	while (str_find(buf_str(&in), STR("\r\n\r\n")) < 0) {
		struct told read = {0};
		stream_read(s->stream, told_op(&read, s->t.root, OP_NO_DEADLINE), &in, 4 * KIB);
		loop_test_run_until(&s->t, &read.done);
		if (!EXPECT_INT(read.err.code, 0) || !EXPECT(read.n > 0))
			break;
	}
	struct tls_info info;
	tls_stream_info(s->stream, &info);
	buf_print(&answer,
		"HTTP/1.0 200 OK\r\n\r\nalpn=%.*s sni=%.*s resumed=%d peer=%d error=%d\n",
		STRF(info.alpn), STRF(info.server_name), info.resumed, info.peer != NULL,
		info.peer_error != NULL);
	struct str part = buf_str(&answer);
	struct told wrote = {0}, finished = {0};
	stream_write(s->stream, told_op(&wrote, s->t.root, OP_NO_DEADLINE), &part, 1);
	loop_test_run_until(&s->t, &wrote.done);
	stream_finish(s->stream, told_op(&finished, s->t.root, OP_NO_DEADLINE));
	loop_test_run_until(&s->t, &finished.done);
	stream_close(TAKE(s->stream));
	told_done(&wrote);
	told_done(&finished);
	buf_done(&in);
	buf_done(&answer);
}

static void service_done(struct service *s)
{
	stream_close(s->stream);
	listener_close(s->listener);
	loop_test_done(&s->t);
	tls_config_unref(s->config);
	told_done(&s->accepted);
}

/* One visit of a program that must print `text`. */
static void expect_visit(struct service *s, const char *format, uint16_t port, const char *text)
{
	char *command = mem_print("exec env -u http_proxy -u https_proxy %s%u%s", format, port,
		strstr(format, "curl") ? "/" : "");
	struct buf out = BUF_INIT(MIB);
	struct program p = program_start(command);
	service_accept(s);
	if (s->stream)
		service_answer(s);
	program_wait(&p, &out);
	if (!strstr(buf_text(&out), text))
		test_fail(__FILE__, __LINE__, "%s: no \"%s\" in\n%s\n(server: %s)", command, text,
			buf_text(&out), err_text(&s->accepted.err));
	buf_done(&out);
	mem_free(command);
}

TEST(curl_fetches_over_tls)
{
	struct service s;
	uint16_t port = service_init(&s, &server_identity.identity, 1, TLS_CERTS_OPTIONAL);
	expect_visit(&s, "curl -s --http1.1 --cacert ca.pem https://localhost:", port,
		"alpn=http/1.1 sni=localhost resumed=0 peer=0 error=0");
	expect_visit(&s, "curl -s --http1.1 --cacert ca.pem https://127.0.0.1:", port,
		"alpn=http/1.1 sni= resumed=0 peer=0 error=0");
	expect_visit(&s, "curl -s --cert client.pem --cacert ca.pem https://localhost:", port,
		"peer=1 error=0");
	/* A server's certificate is no client's. */
	expect_visit(&s, "curl -s --cert server.pem --cacert ca.pem https://localhost:", port,
		"peer=1 error=1");
	service_done(&s);
}

TEST(curl_is_content_with_rsa)
{
	struct service s;
	uint16_t port = service_init(&s, &rsa_identity.identity, 1, TLS_CERTS_NONE);
	expect_visit(&s, "curl -s --cacert ca.pem https://localhost:", port, "alpn=http/1.1");
	service_done(&s);
}

#define GET "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -CAfile ca.pem -ign_eof "

/* The port stands at the end of a command: a small shell function puts it where it belongs. */
static void expect_openssl(struct service *s, const char *options, uint16_t port, const char *text)
{
	char *command = mem_print("sh -c \"" GET "%s -connect 127.0.0.1:\\$0\" ", options);
	expect_visit(s, command, port, text);
	mem_free(command);
}

TEST(openssl_connects_with_every_suite_and_curve)
{
	static const char *const suites[] = {"ECDHE-ECDSA-CHACHA20-POLY1305",
		"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"};
	static const char *const curves[] = {"P-256", "X25519", "P-384"};
	struct service s;
	uint16_t port = service_init(&s, &server_identity.identity, 1, TLS_CERTS_NONE);
	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		char *options = mem_print("-tls1_2 -cipher %s", suites[i]);
		expect_openssl(&s, options, port, suites[i]);
		mem_free(options);
	}
	service_done(&s);
	/* An ECDSA certificate would want its own curve among them. */
	port = service_init(&s, &rsa_identity.identity, 1, TLS_CERTS_NONE);
	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		char *options = mem_print("-curves %s", curves[i]);
		expect_openssl(&s, options, port, "Verify return code: 0 (ok)");
		mem_free(options);
	}
	service_done(&s);
}

TEST(openssl_resumes_a_session)
{
	struct service s;
	uint16_t port = service_init(&s, &server_identity.identity, 1, TLS_CERTS_NONE);
	expect_openssl(&s, "-sess_out sess", port, "resumed=0");
	expect_openssl(&s, "-sess_in sess", port, "resumed=1");
	service_done(&s);
}

TEST(weak_offers_are_refused)
{
	struct service s;
	uint16_t port = service_init(&s, &server_identity.identity, 1, TLS_CERTS_NONE);
	expect_openssl(&s, "-tls1_1 -cipher DEFAULT:@SECLEVEL=0", port, "alert protocol version");
	EXPECT_TEXT(err_text(&s.accepted.err), "tls: client offered only unsupported versions");
	expect_openssl(&s, "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", port, "handshake failure");
	EXPECT_TEXT(err_text(&s.accepted.err),
		"tls: no cipher suite supported by both client and server");
	service_done(&s);
}

/* ---- their server, our client ---- */
struct visit {
	struct loop_test t;
	struct tls_config *config;
	struct stream *stream;
	struct err err;
};

/* openssl wants a moment before it listens. */
static struct stream *dial(struct visit *v, uint16_t port)
{
	struct address to = address_of(ip_v4(127, 0, 0, 1), port);
	for (int i = 0; i < 500; i++) {
		struct told told = {0}, nap = {0};
		struct stream *below = NULL;
		net_connect(v->t.env, told_op(&told, v->t.root, OP_NO_DEADLINE), v->t.root, &to,
			&below);
		loop_test_run_until(&v->t, &told.done);
		told_done(&told);
		if (below)
			return below;
		timer_wait(told_op(&nap, v->t.root, OP_NO_DEADLINE), loop_in(v->t.loop, 20 * MSEC));
		loop_test_run_until(&v->t, &nap.done);
	}
	return NULL;
}

static uint16_t free_port(void)
{
	struct loop_test t;
	struct listener *l = NULL;
	struct err err = {0};
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0);
	loop_test_init(&t, LOOP_TEST_REAL);
	EXPECT_OK(net_listen(t.env, t.root, &any, 1, &l, &err), &err);
	uint16_t port = l->address.port;
	listener_close(l);
	loop_test_done(&t);
	return port;
}

static void visit_connect(struct visit *v, uint16_t port, const char *host)
{
	struct told told = {0};
	struct stream *below = dial(v, port);
	v->stream = NULL;
	if (!EXPECT(below != NULL))
		return;
	tls_connect(v->t.env, told_op(&told, v->t.root, OP_NO_DEADLINE), v->t.root, below,
		v->config, str_from(host), NULL, &v->stream);
	loop_test_run_until(&v->t, &told.done);
	err_done(&v->err);
	err_move(&v->err, &told.err);
}

static void expect_server(const char *options, const char *host, const char *error)
{
	struct visit v = {0};
	struct tls_client_options o = {.roots = &world.ca, .identity = &client_identity.identity};
	EXPECT_OK(tls_config_new_client(&o, &v.config, &v.err), &v.err);
	uint16_t port = free_port();
	char *command =
		mem_print("exec openssl s_server -accept 127.0.0.1:%u %s -rev", port, options);
	struct program p = program_start(command);
	loop_test_init(&v.t, LOOP_TEST_REAL);
	visit_connect(&v, port, host);
	EXPECT_TEXT(v.err.code ? err_text(&v.err) : "", error);
	if (v.stream) {
		struct buf in = BUF_INIT(KIB);
		struct told wrote = {0}, read = {0};
		struct str line = STR("olleh\n");
		stream_write(v.stream, told_op(&wrote, v.t.root, OP_NO_DEADLINE), &line, 1);
		stream_read(v.stream, told_op(&read, v.t.root, OP_NO_DEADLINE), &in, KIB);
		loop_test_run_until(&v.t, &read.done);
		EXPECT_STR(buf_str(&in), "hello\n");
		loop_test_run_until(&v.t, &wrote.done);
		told_done(&wrote);
		told_done(&read);
		buf_done(&in);
	}
	stream_close(v.stream);
	loop_test_done(&v.t);
	tls_config_unref(v.config);
	err_done(&v.err);
	kill(p.pid, SIGTERM);
	struct buf out = BUF_INIT(MIB);
	program_wait(&p, &out);
	buf_done(&out);
	mem_free(command);
}

TEST(openssl_serves_us)
{
	expect_server("-cert server.pem", "localhost", "");
	expect_server("-cert rsa.pem", "127.0.0.1", "");
	expect_server(
		"-cert server.pem -Verify 1 -CAfile ca.pem -verify_return_error", "localhost", "");
}

TEST(a_server_with_a_clients_certificate_is_refused)
{
	expect_server("-cert client.pem", "localhost",
		"tls: failed to verify certificate: certificate \"test\" specifies an "
		"incompatible key usage (wanted: server auth)");
}
