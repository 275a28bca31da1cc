/* The client's pool against real servers: our own, and scripted ones that misbehave. */
#include "http_client_rig.h"

/* ---- connections are kept and shared ---- */

TEST(calls_one_after_the_other_share_a_connection)
{
	struct bench b = {0};

	bench_open(&b);
	for (int i = 0; i < 20; i++)
		get(&b, "/", "hello");
	EXPECT_INT(accepted(&b), 1);
	bench_close(&b);
}

TEST(calls_at_once_stay_within_the_connections_allowed)
{
	struct bench b = {.options.max_per_origin = 4};
	static struct one calls[100];

	bench_open(&b);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		one_start(&b, &calls[i], "GET", "/");
		one_go(&b, &calls[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		one_wait(&b, &calls[i]);
		EXPECT_INT(calls[i].told.err.code, 0);
		EXPECT_STR(buf_str(&calls[i].body), "hello");
		one_end(&calls[i]);
	}
	EXPECT(accepted(&b) <= 4);
	bench_close(&b);
}

TEST(no_more_idle_connections_are_kept_than_allowed)
{
	struct bench b = {.options = {.max_idle = 2, .max_per_origin = 10}};
	struct one calls[10];
	struct http_server_stats stats;

	bench_open(&b);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		one_start(&b, &calls[i], "GET", "/");
		one_go(&b, &calls[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		one_wait(&b, &calls[i]);
	EXPECT_INT(accepted(&b), 10);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		one_end(&calls[i]);
	for (int i = 0; i < 100; i++) {
		http_server_stats(b.rig.server, &stats);
		if (stats.connections == 2)
			break;
		rig_turn(&b.rig, 10 * MSEC);
	}
	EXPECT_INT(stats.connections, 2);
	bench_close(&b);
}

TEST(idle_connections_end_after_their_time)
{
	struct bench b = {.options.limits.idle_timeout = 20 * MSEC};
	struct http_server_stats stats;

	bench_open(&b);
	get(&b, "/", "hello");
	for (int i = 0; i < 200; i++) {
		http_server_stats(b.rig.server, &stats);
		if (stats.connections == 0)
			break;
		rig_turn(&b.rig, 10 * MSEC);
	}
	EXPECT_INT(stats.connections, 0);
	get(&b, "/", "hello");
	EXPECT_INT(accepted(&b), 2);
	bench_close(&b);
}

TEST(a_body_left_unread_costs_the_connection_only)
{
	struct bench b = {0};
	struct one o;

	bench_open(&b);
	one_start(&b, &o, "GET", "/big");
	one_go(&b, &o);
	loop_test_run_until(&b.rig.t, &o.told.done);
	EXPECT_INT(o.call.status, 200);
	one_end(&o);
	get(&b, "/", "hello");
	bench_close(&b);
}

TEST(a_unix_socket_can_stand_for_every_host)
{
	struct bench b = {0};
	struct address at = {0}, bound;
	char dir[] = "/tmp/kube-test-XXXXXX";

	bench_open(&b);
	REQUIRE(mkdtemp(dir));
	snprintf(at.path, sizeof(at.path), "%s/s", dir);
	EXPECT_INT(http_server_listen(b.rig.server, &at, &bound, NULL), 0);
	struct http_client_options options = {.dial = &at};
	struct http_client *tcp = b.client;
	b.client = http_client_new(b.rig.t.env, b.rig.t.root, &options);
	get(&b, "http://anything.example/", "hello");
	struct told stop = {0};
	http_client_stop(b.client, told_op(&stop, b.rig.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&b.rig.t, &stop.done);
	http_client_free(b.client);
	told_done(&stop);
	b.client = tcp;
	bench_close(&b);
	unlink(at.path);
	rmdir(dir);
}

/* ---- bodies ---- */

TEST(a_given_body_comes_back)
{
	struct bench b = {0};
	struct one o;

	bench_open(&b);
	one_start(&b, &o, "POST", "/echo");
	o.call.body = STR("some body");
	one_go(&b, &o);
	one_wait(&b, &o);
	EXPECT_STR(buf_str(&o.body), "some body");
	one_end(&o);
	bench_close(&b);
}

TEST(a_streamed_body_may_begin_before_the_connection_does)
{
	struct bench b = {0};
	struct one o;
	struct told wrote = {0};
	struct str parts[2] = {STR("first, "), STR("second")};

	bench_open(&b);
	one_start(&b, &o, "POST", "/echo");
	o.call.body_length = HTTP_LENGTH_UNKNOWN;
	one_go(&b, &o);
	http_call_write(&o.call, told_op(&wrote, b.rig.t.root, OP_NO_DEADLINE), parts, 2);
	loop_test_run_until(&b.rig.t, &wrote.done);
	EXPECT_OK(wrote.err.code, &wrote.err);
	http_call_write(&o.call, told_op(&wrote, b.rig.t.root, OP_NO_DEADLINE), parts, 1);
	loop_test_run_until(&b.rig.t, &wrote.done);
	http_call_end(&o.call, told_op(&wrote, b.rig.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&b.rig.t, &wrote.done);
	EXPECT_OK(wrote.err.code, &wrote.err);
	one_wait(&b, &o);
	EXPECT_STR(buf_str(&o.body), "first, secondfirst, ");
	one_end(&o);
	told_done(&wrote);
	bench_close(&b);
}

static void head_round(const char *const *alpn)
{
	struct bench b = {0};
	struct one o;

	if (alpn)
		bench_tls(&b, alpn);
	bench_open(&b);
	one_start(&b, &o, "HEAD", "/");
	one_go(&b, &o);
	loop_test_run_until(&b.rig.t, &o.told.done);
	EXPECT_OK(o.told.err.code, &o.told.err);
	/* Smaller than the length that the answer names. */
	http_call_read_all(
		&o.call, told_op(&o.body_told, b.rig.t.root, OP_NO_DEADLINE), &o.body, 2);
	loop_test_run_until(&b.rig.t, &o.body_told.done);
	EXPECT_OK(o.body_told.err.code, &o.body_told.err);
	EXPECT_INT(o.body.len, 0);
	one_end(&o);
	bench_close(&b);
}

TEST(the_length_in_an_answer_to_head_is_not_that_of_a_body)
{
	static const char *const h2[] = {"h2", NULL};

	head_round(NULL);
	head_round(h2);
}

TEST(an_upgrade_hands_the_stream_over)
{
	struct bench b = {0};
	struct one o;
	struct told told = {0};
	struct buf early = BUF_INIT(KIB), got = BUF_INIT(KIB);
	struct str part = STR("ping");

	bench_open(&b);
	one_start(&b, &o, "GET", "/upgrade");
	o.call.upgrade = true;
	http_headers_add(&o.call.arena, &o.call.headers, STR("Connection"), STR("Upgrade"));
	http_headers_add(&o.call.arena, &o.call.headers, STR("Upgrade"), STR("echo"));
	one_go(&b, &o);
	loop_test_run_until(&b.rig.t, &o.told.done);
	EXPECT_OK(o.told.err.code, &o.told.err);
	EXPECT_INT(o.call.status, 101);
	struct stream *s = http_call_take_stream(&o.call, &early);
	if (EXPECT(s != NULL)) {
		stream_write(s, told_op(&told, b.rig.t.root, OP_NO_DEADLINE), &part, 1);
		loop_test_run_until(&b.rig.t, &told.done);
		while (got.len < 4) {
			stream_read(s, told_op(&told, b.rig.t.root, OP_NO_DEADLINE), &got, 100);
			loop_test_run_until(&b.rig.t, &told.done);
			if (!EXPECT(told.n > 0))
				break;
		}
		EXPECT_STR(buf_str(&got), "ping");
	}
	stream_close(s);
	one_end(&o);
	buf_done(&early);
	buf_done(&got);
	told_done(&told);
	bench_close(&b);
}

/* ---- TLS ---- */

static void tls_round(const char *const *alpn, enum http_version version)
{
	struct bench b = {0};
	struct one o;

	bench_tls(&b, alpn);
	bench_open(&b);
	one_start(&b, &o, "GET", "/");
	one_go(&b, &o);
	one_wait(&b, &o);
	EXPECT_OK(o.told.err.code, &o.told.err);
	EXPECT_INT(o.call.version, version);
	EXPECT_STR(buf_str(&o.body), "hello");
	one_end(&o);
	get(&b, "/", "hello");
	EXPECT_INT(accepted(&b), 1);
	bench_close(&b);
}

TEST(https_speaks_what_alpn_chose)
{
	static const char *const both[] = {"h2", "http/1.1", NULL}, *const old[] = {
									    "http/1.1", NULL};

	tls_round(both, HTTP_2);
	tls_round(old, HTTP_1_1);
	tls_round(NULL, HTTP_1_1);
}

TEST(calls_at_once_share_one_h2_connection)
{
	static const char *const alpn[] = {"h2", NULL};
	struct bench b = {0};
	static struct one calls[100];

	bench_tls(&b, alpn);
	bench_open(&b);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		one_start(&b, &calls[i], "POST", "/echo");
		calls[i].call.body = str_from(calls[i].url);
		one_go(&b, &calls[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		one_wait(&b, &calls[i]);
		EXPECT_OK(calls[i].told.err.code, &calls[i].told.err);
		EXPECT_STR(buf_str(&calls[i].body), calls[i].url);
		one_end(&calls[i]);
	}
	EXPECT_INT(accepted(&b), 1);
	bench_close(&b);
}

TEST(a_stranger_s_certificate_is_refused_with_its_reason)
{
	struct bench b = {0};
	struct tls_world other;
	struct tls_config *config;
	struct one o;

	bench_tls(&b, NULL);
	bench_open(&b);
	tls_world_init(&other, clock_wall());
	struct tls_client_options options = {.roots = &other.ca};
	REQUIRE(tls_config_new_client(&options, &config, NULL) == 0);
	http_client_set_tls(b.client, config, NULL);
	one_start(&b, &o, "GET", "/");
	one_go(&b, &o);
	one_wait(&b, &o);
	EXPECT_INT(o.told.err.code, ERR_CERTIFICATE);
	EXPECT(str_starts(str_from(err_text(&o.told.err)), STR("Get \"https://127.0.0.1:")));
	one_end(&o);
	tls_config_unref(config);
	tls_world_done(&other);
	bench_close(&b);
}

static void other_tls_round(const char *const *alpn)
{
	struct bench b = {0};
	struct one o;

	bench_tls(&b, alpn);
	bench_open(&b);
	for (int i = 0; i < 4; i++) {
		if (i == 2)
			http_client_set_tls(b.client, b.client_tls, b.client_tls);
		one_start(&b, &o, "GET", "/");
		one_go(&b, &o);
		one_wait(&b, &o);
		EXPECT_OK(o.told.err.code, &o.told.err);
		EXPECT_INT(o.call.reused, i == 1 || i == 3);
		one_end(&o);
	}
	EXPECT_INT(accepted(&b), 2);
	bench_close(&b);
}

TEST(connections_made_with_another_certificate_take_no_more_calls)
{
	static const char *const both[] = {"h2", "http/1.1", NULL}, *const old[] = {
									    "http/1.1", NULL};

	other_tls_round(both);
	other_tls_round(old);
}

static void drop_round(const char *const *alpn)
{
	struct bench b = {0};
	struct one o, next;

	bench_tls(&b, alpn);
	bench_open(&b);
	one_start(&b, &o, "GET", "/big");
	one_go(&b, &o);
	loop_test_run_until(&b.rig.t, &o.told.done);
	EXPECT_OK(o.told.err.code, &o.told.err);
	http_client_drop(b.client);
	http_call_read_all(
		&o.call, told_op(&o.body_told, b.rig.t.root, OP_NO_DEADLINE), &o.body, 16 * MIB);
	loop_test_run_until(&b.rig.t, &o.body_told.done);
	EXPECT_INT(o.body_told.err.code, ERR_CLOSED);
	one_end(&o);
	one_start(&b, &next, "GET", "/");
	one_go(&b, &next);
	one_wait(&b, &next);
	EXPECT_OK(next.told.err.code, &next.told.err);
	EXPECT(!next.call.reused);
	one_end(&next);
	EXPECT_INT(accepted(&b), 2);
	bench_close(&b);
}

TEST(connections_can_be_dropped_with_the_calls_on_them)
{
	static const char *const both[] = {"h2", "http/1.1", NULL}, *const old[] = {
									    "http/1.1", NULL};

	drop_round(both);
	drop_round(old);
}

TEST(a_call_goes_on_when_its_connection_takes_no_others)
{
	static const char *const alpn[] = {"h2", NULL};
	struct bench b = {0};
	struct one first, second;

	bench_tls(&b, alpn);
	bench_open(&b);
	one_start(&b, &first, "POST", "/echo");
	first.call.body = STR("still here");
	one_go(&b, &first);
	loop_test_run_until(&b.rig.t, &first.told.done);
	http_client_set_tls(b.client, b.client_tls, b.client_tls);
	one_start(&b, &second, "GET", "/");
	one_go(&b, &second);
	one_wait(&b, &second);
	EXPECT_OK(second.told.err.code, &second.told.err);
	one_end(&second);
	one_wait(&b, &first);
	EXPECT_OK(first.told.err.code, &first.told.err);
	EXPECT_STR(buf_str(&first.body), "still here");
	one_end(&first);
	EXPECT_INT(accepted(&b), 2);
	bench_close(&b);
}

/* ---- servers that fail ---- */

struct script {
	struct bench *b;
	struct listener *listener;
	struct stream *stream;
	struct told told;
	struct buf in;
};

static void script_open(struct script *s, struct bench *b)
{
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0);

	*s = (struct script){.b = b};
	buf_init(&s->in, MIB);
	REQUIRE(net_listen(b->rig.t.env, b->rig.t.root, &any, 8, &s->listener, NULL) == 0);
	snprintf(b->base, sizeof(b->base), "http://127.0.0.1:%u", s->listener->address.port);
}

static void script_accept(struct script *s)
{
	listener_accept(s->listener, told_op(&s->told, s->b->rig.t.root, OP_NO_DEADLINE),
		s->b->rig.t.root, &s->stream);
	loop_test_run_until(&s->b->rig.t, &s->told.done);
}

/* Reads until a whole head is there. */
static void script_head(struct script *s)
{
	buf_clear(&s->in);
	while (str_find(buf_str(&s->in), STR("\r\n\r\n")) < 0) {
		stream_read(s->stream, told_op(&s->told, s->b->rig.t.root, OP_NO_DEADLINE), &s->in,
			KIB);
		loop_test_run_until(&s->b->rig.t, &s->told.done);
		if (!EXPECT(s->told.n > 0))
			return;
	}
}

static void script_say(struct script *s, const char *text)
{
	struct str part = str_from(text);

	stream_write(s->stream, told_op(&s->told, s->b->rig.t.root, OP_NO_DEADLINE), &part, 1);
	loop_test_run_until(&s->b->rig.t, &s->told.done);
}

static void script_close(struct script *s)
{
	stream_close(TAKE(s->stream));
	listener_close(TAKE(s->listener));
	buf_done(&s->in);
	told_done(&s->told);
}

TEST(a_connection_that_died_while_idle_is_replaced)
{
	struct bench b = {0};
	struct script s;
	struct one o;

	bench_open(&b);
	script_open(&s, &b);
	one_start(&b, &o, "GET", "/a");
	one_go(&b, &o);
	script_accept(&s);
	script_head(&s);
	script_say(&s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	one_wait(&b, &o);
	EXPECT_STR(buf_str(&o.body), "ok");
	one_end(&o);

	/* The second request is read, then the connection dies without an answer. */
	one_start(&b, &o, "GET", "/b");
	one_go(&b, &o);
	script_head(&s);
	EXPECT(str_starts(buf_str(&s.in), STR("GET /b HTTP/1.1\r\n")));
	stream_close(TAKE(s.stream));
	script_accept(&s);
	script_head(&s);
	EXPECT(str_starts(buf_str(&s.in), STR("GET /b HTTP/1.1\r\n")));
	script_say(&s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain");
	one_wait(&b, &o);
	EXPECT_STR(buf_str(&o.body), "again");
	one_end(&o);
	script_close(&s);
	bench_close(&b);
}

TEST(what_may_have_had_an_effect_is_not_sent_twice)
{
	struct bench b = {0};
	struct script s;
	struct one o;

	bench_open(&b);
	script_open(&s, &b);
	one_start(&b, &o, "GET", "/a");
	one_go(&b, &o);
	script_accept(&s);
	script_head(&s);
	script_say(&s, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	one_wait(&b, &o);
	one_end(&o);
	one_start(&b, &o, "POST", "/b");
	o.call.body = STR("x");
	one_go(&b, &o);
	script_head(&s);
	stream_close(TAKE(s.stream));
	one_wait(&b, &o);
	EXPECT_INT(o.told.err.code, ERR_CLOSED);
	one_end(&o);
	script_close(&s);
	bench_close(&b);
}

TEST(a_new_connection_that_dies_is_an_error)
{
	struct bench b = {0};
	struct script s;
	struct one o;

	bench_open(&b);
	script_open(&s, &b);
	one_start(&b, &o, "GET", "/a");
	one_go(&b, &o);
	script_accept(&s);
	script_head(&s);
	stream_close(TAKE(s.stream));
	one_wait(&b, &o);
	EXPECT_INT(o.told.err.code, ERR_CLOSED);
	one_end(&o);
	script_close(&s);
	bench_close(&b);
}

TEST(a_port_without_a_server_is_refused)
{
	struct bench b = {0};
	struct script s;
	struct one o;
	char wanted[300];

	bench_open(&b);
	script_open(&s, &b);
	script_close(&s);
	one_start(&b, &o, "DELETE", "/a?b=c");
	one_go(&b, &o);
	one_wait(&b, &o);
	EXPECT_INT(o.told.err.code, ERR_REFUSED);
	snprintf(wanted, sizeof(wanted), "Delete \"%s\": ", o.url);
	EXPECT(str_starts(str_from(err_text(&o.told.err)), str_from(wanted)));
	one_end(&o);
	bench_close(&b);
}

TEST(bad_urls_fail_before_anything_is_sent)
{
	static const struct {
		const char *url;
		int code;
	} cases[] = {{"ftp://x/", ERR_UNSUPPORTED}, {"http:///path", ERR_BAD_REQUEST},
		{"https://x/", ERR_UNSUPPORTED}, {"http://x:99999/", ERR_BAD_REQUEST},
		{"http://x/%zz", ERR_SYNTAX}, {"relative", ERR_UNSUPPORTED}};
	struct bench b = {0};

	bench_open(&b);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct one o;
		test_context("%s", cases[i].url);
		one_start(&b, &o, "GET", cases[i].url);
		if (!strchr(cases[i].url, '/'))
			snprintf(o.url, sizeof(o.url), "%s", cases[i].url);
		o.call.url = str_from(o.url);
		one_go(&b, &o);
		one_wait(&b, &o);
		EXPECT_INT(o.told.err.code, cases[i].code);
		one_end(&o);
	}
	bench_close(&b);
}

/* ---- giving up ---- */

TEST(a_call_can_be_cancelled_wherever_it_is)
{
	for (int turns = 0; turns < 12; turns++) {
		struct bench b = {.options.max_per_origin = 1};
		struct one held, o;
		test_context("%d turns", turns);
		bench_open(&b);
		one_start(&b, &held, "GET", "/wait");
		one_start(&b, &o, "GET", "/wait");
		one_go(&b, &held);
		one_go(&b, &o);
		for (int i = 0; i < turns; i++)
			rig_turn(&b.rig, 0);
		op_cancel(&o.told.op);
		loop_test_run_until(&b.rig.t, &o.told.done);
		EXPECT_INT(o.told.err.code, ERR_CANCELLED);
		one_end(&o);
		op_cancel(&held.told.op);
		loop_test_run_until(&b.rig.t, &held.told.done);
		EXPECT_INT(held.told.err.code, ERR_CANCELLED);
		one_end(&held);
		bench_close(&b);
	}
}

TEST(a_deadline_ends_a_call_that_gets_no_answer)
{
	struct bench b = {0};
	struct one o;

	bench_open(&b);
	one_start(&b, &o, "GET", "/wait");
	http_call_start(&o.call, told_op(&o.told, b.rig.t.root, loop_in(b.rig.t.loop, 30 * MSEC)));
	one_wait(&b, &o);
	EXPECT_INT(o.told.err.code, ERR_TIMEOUT);
	EXPECT(str_starts(str_from(err_text(&o.told.err)), STR("Get \"http://127.0.0.1:")));
	EXPECT(str_ends(
		str_from(err_text(&o.told.err)), STR("/wait\": context deadline exceeded")));
	one_end(&o);
	bench_close(&b);
}

TEST(stopping_ends_waiting_and_running_calls)
{
	struct bench b = {.options.max_per_origin = 1};
	struct one running, waiting;
	struct told stop = {0};

	bench_open(&b);
	one_start(&b, &running, "GET", "/wait");
	one_start(&b, &waiting, "GET", "/");
	one_go(&b, &running);
	one_go(&b, &waiting);
	rig_turn(&b.rig, 20 * MSEC);
	http_client_stop(b.client, told_op(&stop, b.rig.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&b.rig.t, &running.told.done);
	loop_test_run_until(&b.rig.t, &waiting.told.done);
	EXPECT(running.told.err.code != 0);
	EXPECT(waiting.told.err.code != 0);
	one_end(&running);
	one_end(&waiting);
	loop_test_run_until(&b.rig.t, &stop.done);
	one_start(&b, &running, "GET", "/");
	one_go(&b, &running);
	one_wait(&b, &running);
	EXPECT_INT(running.told.err.code, ERR_CLOSED);
	one_end(&running);
	http_client_free(b.client);
	told_done(&stop);
	rig_done_all(&b.rig);
}
