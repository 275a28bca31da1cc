/* What the client's pool does when calls end early, and dials fail or come too late. */
#include "http_client_rig.h"

#include <netinet/in.h>

/* Turns until the server has this many connections, or patience ends. */
static bool connections_become(struct bench *b, uint32_t wanted)
{
	struct http_server_stats stats;

	for (int i = 0; i < 500; i++) {
		http_server_stats(b->rig.server, &stats);
		if (stats.connections == wanted)
			return true;
		rig_turn(&b->rig, 10 * MSEC);
	}
	return false;
}

TEST(a_connection_that_nobody_waits_for_any_more_ends_like_every_idle_one)
{
	struct bench b = {.options.limits.idle_timeout = 20 * MSEC};
	struct one o;

	bench_open(&b);
	one_start(&b, &o, "GET", "/");
	one_go(&b, &o);
	op_cancel(&o.told.op);
	loop_test_run_until(&b.rig.t, &o.told.done);
	one_end(&o);
	EXPECT(connections_become(&b, 1));
	EXPECT(connections_become(&b, 0));
	bench_close(&b);
}

/* A body of which most is still to be sent when the call ends. */
static void end_under_a_write(const char *protocol)
{
	const char *const alpn[] = {protocol, NULL};
	struct bench b = {0};
	struct one *o = mem_new(sizeof(*o));
	struct told wrote = {0};
	char *large = mem_new(8 * MIB);
	struct str part = str_make(large, 8 * MIB);

	if (protocol)
		bench_tls(&b, alpn);
	bench_open(&b);
	one_start(&b, o, "POST", "/wait");
	o->call.body_length = HTTP_LENGTH_UNKNOWN;
	one_go(&b, o);
	http_call_write(&o->call, told_op(&wrote, b.rig.t.root, OP_NO_DEADLINE), &part, 1);
	while (!b.rig.live)
		rig_turn(&b.rig, 50 * USEC);
	op_cancel(&o->told.op);
	loop_test_run_until(&b.rig.t, &o->told.done);
	EXPECT_INT(o->told.err.code, ERR_CANCELLED);
	one_end(o);
	mem_free(o);
	op_cancel(&wrote.op);
	loop_test_run_until(&b.rig.t, &wrote.done);
	EXPECT(wrote.err.code == ERR_CLOSED || wrote.err.code == ERR_CANCELLED);
	mem_free(large);
	told_done(&wrote);
	bench_close(&b);
}

TEST(a_body_that_is_being_written_outlives_its_call)
{
	end_under_a_write(NULL);
	end_under_a_write("http/1.1");
	end_under_a_write("h2");
}

/* A port that answers connects and nothing else. */
static int mute_open(uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (bind(fd, (struct sockaddr *)&at, len) || listen(fd, 100) ||
		getsockname(fd, (struct sockaddr *)&at, &len))
		abort();
	*port = ntohs(at.sin_port);
	return fd;
}

static int mute_count(int fd)
{
	int n = 0;

	for (int one; (one = accept(fd, NULL, NULL)) >= 0; n++)
		close(one);
	return n;
}

TEST(calls_that_wait_for_one_dial_share_its_failure)
{
	struct bench b = {.options.connect_timeout = 50 * MSEC};
	struct one calls[10];
	char url[64];
	uint16_t port;
	int fd = mute_open(&port);

	bench_tls(&b, NULL);
	bench_open(&b);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", port);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		one_start(&b, &calls[i], "GET", "");
		calls[i].call.url = str_from(url);
		one_go(&b, &calls[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		loop_test_run_until(&b.rig.t, &calls[i].told.done);
		EXPECT_INT(calls[i].told.err.code, ERR_TIMEOUT);
		EXPECT(str_starts(str_from(err_text(&calls[i].told.err)), STR("Get \"https://")));
		one_end(&calls[i]);
	}
	EXPECT_INT(mute_count(fd), 1);
	bench_close(&b);
	close(fd);
}

TEST(a_proxy_that_wants_tls_is_refused_without_a_config)
{
	struct bench b = {0};
	struct one o;
	char proxy[64];
	uint16_t port;
	int fd = mute_open(&port);

	snprintf(proxy, sizeof(proxy), "https://127.0.0.1:%u", port);
	b.options.http_proxy = str_from(proxy);
	bench_open(&b);
	one_start(&b, &o, "GET", "http://server.example/");
	o.call.url = STR("http://server.example/");
	one_go(&b, &o);
	loop_test_run_until(&b.rig.t, &o.told.done);
	EXPECT_INT(o.told.err.code, ERR_UNSUPPORTED);
	one_end(&o);
	bench_close(&b);
	close(fd);
}

TEST(a_host_field_of_the_caller_is_the_authority)
{
	static const char *const protocols[] = {"http/1.1", "h2"};

	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		const char *const alpn[] = {protocols[i], NULL};
		struct bench b = {0};
		struct one o;

		test_context("%s", protocols[i]);
		bench_tls(&b, alpn);
		bench_open(&b);
		one_start(&b, &o, "GET", "/authority");
		http_headers_add(
			&o.call.arena, &o.call.headers, STR("Host"), STR("other.example:1"));
		one_go(&b, &o);
		one_wait(&b, &o);
		EXPECT_STR(buf_str(&o.body), "other.example:1");
		one_end(&o);
		bench_close(&b);
	}
}
