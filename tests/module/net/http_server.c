/* The server as others' clients meet it: curl over plain and TLS, HTTP/1.1 and HTTP/2; limits. */
#include "http_rig.h"
#include "tls_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>

static struct tls_world world;

struct site {
	struct rig rig;
	struct address at;
	struct tls_world_identity identity;
	char ca[64]; /* a file */
};

static struct tls_config *site_config(struct tls_world_identity *identity)
{
	static const char *const alpn[] = {"h2", "http/1.1", NULL};
	struct tls_server_options o = {
		.identities = &identity->identity, .identity_count = 1, .alpn = alpn};
	struct tls_config *config = NULL;
	struct err err = {0};
	EXPECT_OK(tls_config_new_server(&o, &config, &err), &err);
	err_done(&err);
	return config;
}

static void site_issue(struct tls_world_identity *identity, const char *dns)
{
	tls_world_issue(&world,
		&(struct tls_world_want){
			.name = "server", .usages = CERT_SERVER, .dns = dns, .ip = "127.0.0.1"},
		identity);
}

static void site_init(struct site *s, bool tls)
{
	struct tls_config *config = NULL;
	if (tls) {
		tls_world_init(&world, clock_wall());
		site_issue(&s->identity, "localhost");
		config = s->rig.options.tls = site_config(&s->identity);
		struct buf pem = BUF_INIT(MIB);
		cert_print_pem(world.ca.items[0], &pem);
		snprintf(s->ca, sizeof(s->ca), "/tmp/http_server_test.%d.pem", (int)getpid());
		FILE *f = fopen(s->ca, "w");
		EXPECT(f && fwrite(pem.at, pem.len, 1, f) == 1);
		if (f)
			fclose(f);
		buf_done(&pem);
	}
	rig_init(&s->rig);
	if (config)
		tls_config_unref(config);
	struct err err = {0};
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0);
	EXPECT_OK(http_server_listen(s->rig.server, &any, &s->at, &err), &err);
	err_done(&err);
}

static void site_done(struct site *s)
{
	rig_done_all(&s->rig);
	if (!s->ca[0])
		return;
	remove(s->ca);
	tls_world_identity_done(&s->identity);
	tls_world_done(&world);
}

/* Runs curl while the loop runs; what it printed, its exit status in *status. */
static struct str site_curl(struct site *s, struct buf *out, int *status, const char *options)
{
	char *command = mem_print("exec curl -sS --max-time 20 --noproxy '*' %s %s%s "
				  "%s://127.0.0.1:%u/ 2>&1",
		options, s->ca[0] ? "--cacert " : "", s->ca, s->ca[0] ? "https" : "http",
		s->at.port);
	int fds[2];
	if (pipe2(fds, O_CLOEXEC))
		abort();
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	struct stream *pipe = stream_from_fd(s->rig.t.loop, &s->rig.clients, fds[0]);
	struct told read = {0};
	buf_clear(out);
	do {
		stream_read(pipe, told_op(&read, &s->rig.clients, OP_NO_DEADLINE), out, 64 * KIB);
		loop_test_run_until(&s->rig.t, &read.done);
	} while (!read.err.code && read.n > 0);
	told_done(&read);
	stream_close(pipe);
	waitpid(pid, status, 0);
	*status = WEXITSTATUS(*status);
	mem_free(command);
	return buf_str(out);
}

static void expect_curl(struct site *s, const char *options, const char *wanted)
{
	struct buf out = BUF_INIT(16 * MIB);
	int status;
	test_context("curl %s", options);
	EXPECT_STR(site_curl(s, &out, &status, options), wanted);
	EXPECT_INT(status, 0);
	test_context_end();
	buf_done(&out);
}

#define SAYS "-w ' %{http_code} %{http_version}'"

static void expect_conversation(struct site *s)
{
	expect_curl(s, "--http1.1 " SAYS, "hello 200 1.1");
	expect_curl(s, "-I -o /dev/null " SAYS, s->ca[0] ? " 200 2" : " 200 1.1");
	expect_curl(s, "--http1.1 -d abc --request-target /echo " SAYS, "abc 200 1.1");
	expect_curl(s,
		"--http1.1 -H 'Transfer-Encoding: chunked' -d abc --request-target /echo " SAYS,
		"abc 200 1.1");
	expect_curl(s, "--http1.1 -H 'Expect: 100-continue' -d abc --request-target /echo " SAYS,
		"abc 200 1.1");
	expect_curl(s, "--http1.1 --request-target /stream " SAYS, "xxxxxxxxxxxxx 200 1.1");
	expect_curl(s, "--http1.1 -X BREW --request-target /method " SAYS, "BREW 200 1.1");
	expect_curl(s, "--http1.1 --request-target /big " SAYS " -o /dev/null", " 200 1.1");
}

TEST(curl_is_served_over_plain_connections)
{
	struct site s = {0};
	site_init(&s, false);
	expect_conversation(&s);
	expect_curl(&s, "--http1.0 " SAYS, "hello 200 1");
	expect_curl(&s, "--http2-prior-knowledge " SAYS, "hello 200 2");
	expect_curl(&s, "--http2-prior-knowledge -d abc --request-target /echo " SAYS, "abc 200 2");
	site_done(&s);
}

TEST(curl_is_served_over_tls)
{
	struct site s = {0};
	site_init(&s, true);
	expect_conversation(&s);
	expect_curl(&s, "--http2 " SAYS, "hello 200 2");
	expect_curl(&s, "--http2 -d abc --request-target /echo " SAYS, "abc 200 2");
	expect_curl(&s, "--no-alpn " SAYS, "hello 200 1.1");
	struct http_server_stats stats;
	http_server_stats(s.rig.server, &stats);
	EXPECT_INT(stats.handshake_failures, 0);
	EXPECT_INT(stats.accepted, 11);
	site_done(&s);
}

TEST(new_certificates_serve_new_connections)
{
	struct site s = {0};
	site_init(&s, true);
	struct tls_world_identity fresh;
	site_issue(&fresh, "fresh.example");
	struct buf out = BUF_INIT(MIB);
	int status;
	static const char resolve[] =
		"--connect-to 127.0.0.1::: --resolve fresh.example:0:127.0.0.1 "
		"-H 'Host: fresh.example' -v";
	site_curl(&s, &out, &status, resolve);
	EXPECT_INT(status, 0);
	EXPECT(str_find(buf_str(&out), STR("fresh.example")) >= 0);
	struct tls_config *config = site_config(&fresh);
	http_server_set_tls(s.rig.server, config);
	tls_config_unref(config);
	expect_curl(&s, "--http1.1 " SAYS, "hello 200 1.1");
	http_server_set_tls(s.rig.server, NULL);
	/* without TLS the same port is plain: curl's hello is no HTTP */
	site_curl(&s, &out, &status, "");
	EXPECT(status != 0);
	buf_done(&out);
	tls_world_identity_done(&fresh);
	site_done(&s);
}

TEST(what_is_no_tls_is_turned_away)
{
	struct site s = {0};
	site_init(&s, true);
	struct raw raw;
	raw_open(&raw, &s.rig);
	raw_send(&raw, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	raw_all(&raw);
	EXPECT(!raw_has(&raw, "hello"));
	raw_close(&raw);
	struct http_server_stats stats;
	http_server_stats(s.rig.server, &stats);
	EXPECT_INT(stats.handshake_failures, 1);
	EXPECT_INT(stats.connections, 0);
	/* and one that says nothing does not hold up the end */
	raw_open(&raw, &s.rig);
	rig_turn(&s.rig, MSEC);
	rig_stop(&s.rig, 10 * SEC);
	raw_all(&raw);
	raw_close(&raw);
	rig_free(&s.rig);
	remove(s.ca);
	tls_world_identity_done(&s.identity);
	tls_world_done(&world);
}

TEST(beyond_its_limit_the_server_stops_accepting)
{
	struct site s = {.rig.options.limits = {.max_connections = 2}};
	site_init(&s, false);
	struct raw raws[4];
	for (int i = 0; i < 4; i++) {
		raws[i] = (struct raw){.rig = &s.rig};
		buf_init(&raws[i].got, MIB);
		net_connect(s.rig.t.env, told_op(&raws[i].read, &s.rig.clients, OP_NO_DEADLINE),
			&s.rig.clients, &s.at, &raws[i].stream);
		loop_test_run_until(&s.rig.t, &raws[i].read.done);
		EXPECT_INT(raws[i].read.err.code, 0);
	}
	for (int i = 0; i < 4; i++)
		raw_send(&raws[i], STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	EXPECT(raw_await(&raws[0], "hello"));
	EXPECT(raw_await(&raws[1], "hello"));
	struct http_server_stats stats;
	http_server_stats(s.rig.server, &stats);
	EXPECT_INT(stats.connections, 2);
	EXPECT(!raw_read(&raws[2], 1, 20 * MSEC));
	/* a place becomes free */
	stream_close(TAKE(raws[0].stream));
	EXPECT(raw_await(&raws[2], "hello"));
	stream_close(TAKE(raws[1].stream));
	EXPECT(raw_await(&raws[3], "hello"));
	http_server_stats(s.rig.server, &stats);
	EXPECT_INT(stats.accepted, 4);
	for (int i = 0; i < 4; i++)
		raw_close(&raws[i]);
	site_done(&s);
}

TEST(half_a_preface_is_not_taken_for_http2)
{
	struct rig rig = {0};
	rig_init(&rig);
	struct raw raw;
	raw_open(&raw, &rig);
	raw_send(&raw, STR("P"));
	rig_turn(&rig, MSEC);
	raw_send(&raw, STR("UT /method HTTP/1.1\r\nHost: a\r\n\r\n"));
	EXPECT(raw_await(&raw, "\r\n\r\nPUT"));
	raw_close(&raw);
	raw_open(&raw, &rig);
	raw_send(&raw, STR("PRI * HTTP/2.0\r\n"));
	rig_turn(&rig, MSEC);
	raw_send(&raw, STR("\r\nXX\r\n\r\n"));
	raw_all(&raw);
	EXPECT(raw_has(&raw, "HTTP/1.1 505"));
	raw_close(&raw);
	rig_done_all(&rig);
}
