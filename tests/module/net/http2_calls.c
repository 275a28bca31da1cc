/* Our client against our server: what a request and its answer may look like. */
#include "http2_pair.h"

static struct loop_test lt;
static struct pair p;

static void begin(void)
{
	p = (struct pair){0};
	loop_test_init(&lt, LOOP_TEST_REAL);
	pair_start(&p, &lt, pair_handle);
}

static void end(void)
{
	if (p.client)
		p.client->ops->close(p.client);
	loop_test_done(&lt);
	EXPECT(p.server_gone);
	EXPECT(p.client_gone);
	EXPECT_INT(p.running, 0);
}

TEST(a_get_is_answered_whole)
{
	struct pair_call c;
	begin();
	pair_call_init(&c, &p, "GET", "/size/1024");
	EXPECT_INT(pair_call_fetch(&c), 0);
	EXPECT_INT(c.call.status, 200);
	EXPECT_INT(c.call.version, HTTP_2);
	EXPECT_INT(c.call.length, 1024);
	EXPECT_INT(c.body.len, 1024);
	EXPECT_STR(http_headers_get(&c.call.response, STR("X-Test")), "yes");
	EXPECT_STR(http_headers_get(&c.call.response, STR("content-length")), "1024");
	EXPECT(http_headers_has(&c.call.response, STR("date")));
	EXPECT(!http_headers_has(&c.call.response, STR("connection")));
	pair_call_done(&c);
	end();
}

TEST(a_body_larger_than_every_window_comes_back_whole)
{
	struct pair_call c;
	size_t size = 5 * MIB + 17;
	begin();
	p.server_limits.body_bytes = 32 * (int64_t)MIB;
	char *body = mem_alloc(size);
	for (size_t i = 0; i < size; i++)
		body[i] = (char)(i * 7 + i / 251);
	pair_call_init(&c, &p, "POST", "/echo");
	c.call.body = str_make(body, size);
	EXPECT_INT(pair_call_fetch(&c), 0);
	EXPECT_INT(c.call.status, 200);
	EXPECT(str_eq(buf_str(&c.body), str_make(body, size)));
	pair_call_done(&c);
	mem_free(body);
	end();
}

TEST(a_streamed_request_is_streamed_back_with_trailers)
{
	struct pair_call c;
	begin();
	pair_call_init(&c, &p, "POST", "/stream");
	c.call.body_length = HTTP_LENGTH_UNKNOWN;
	pair_call_start(&c);
	pair_wait(&p, &c.head);
	EXPECT_INT(c.head.err.code, 0);
	EXPECT_INT(c.call.length, HTTP_LENGTH_UNKNOWN);
	for (int i = 0; i < 5; i++) {
		struct str parts[] = {STR("hello, "), STR(""), STR("world")};
		pair_call_write(&c, parts, 3);
		pair_wait(&p, &c.write);
		EXPECT_INT(c.write.err.code, 0);
		EXPECT_INT(c.write.n, 12);
		pair_call_read(&c, 1000);
		pair_wait(&p, &c.read);
		EXPECT_INT(c.read.n, 12);
	}
	pair_call_end(&c);
	pair_wait(&p, &c.write);
	EXPECT_INT(c.write.err.code, 0);
	pair_call_read(&c, 1000);
	pair_wait(&p, &c.read);
	EXPECT_INT(c.read.n, 0);
	EXPECT_STR(http_headers_get(&c.call.trailers, STR("x-sum")), "60");
	pair_call_done(&c);
	end();
}

TEST(head_204_and_304_carry_no_body)
{
	static const struct {
		const char *method, *target, *length;
		int status;
	} cases[] = {{"HEAD", "/size/1024", "1024", 200}, {"GET", "/status/204", "", 204},
		{"GET", "/status/304", "6", 304}};
	begin();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pair_call c;
		pair_call_init(&c, &p, cases[i].method, cases[i].target);
		EXPECT_INT(pair_call_fetch(&c), 0);
		EXPECT_INT(c.call.status, cases[i].status);
		EXPECT_INT(c.body.len, 0);
		EXPECT_STR(
			http_headers_get(&c.call.response, STR("content-length")), cases[i].length);
		pair_call_done(&c);
	}
	end();
}

TEST(a_body_above_the_limit_is_413_and_the_connection_lives)
{
	struct pair_call c;
	p = (struct pair){0};
	p.server_limits.body_bytes = 100000;
	http_limits_fill(&p.server_limits, &p.server_limits, true);
	loop_test_init(&lt, LOOP_TEST_REAL);
	pair_start(&p, &lt, pair_handle);
	char *body = mem_new(300000);
	for (int i = 0; i < 2; i++) {
		pair_call_init(&c, &p, "POST", "/echo");
		/* Once it shows in the length, once only while it comes. */
		c.call.body = str_make(body, 300000);
		c.call.body_length = i ? HTTP_LENGTH_UNKNOWN : HTTP_BODY_GIVEN;
		pair_call_start(&c);
		if (i)
			pair_call_write(&c, &c.call.body, 1);
		pair_wait(&p, &c.head);
		EXPECT_INT(c.head.err.code, 0);
		EXPECT_INT(c.call.status, 413);
		pair_call_read(&c, 100);
		pair_wait(&p, &c.read);
		EXPECT_STR(buf_str(&c.body), "too large");
		if (i)
			pair_wait(&p, &c.write);
		pair_call_done(&c);
	}
	mem_free(body);
	pair_call_init(&c, &p, "GET", "/size/10");
	EXPECT_INT(pair_call_fetch(&c), 0);
	pair_call_done(&c);
	end();
}

TEST(an_early_answer_stops_the_request_body)
{
	struct pair_call c;
	begin();
	char *body = mem_new(2 * MIB);
	pair_call_init(&c, &p, "POST", "/early");
	c.call.body = str_make(body, 2 * MIB);
	pair_call_start(&c);
	pair_wait(&p, &c.head);
	mem_free(body); /* ours again, as soon as the head is here */
	EXPECT_INT(c.call.status, 200);
	pair_call_read(&c, 100);
	pair_wait(&p, &c.read);
	EXPECT_STR(buf_str(&c.body), "early");
	pair_call_done(&c);
	end();
}

TEST(cookies_that_were_cut_apart_are_one_field)
{
	struct pair_call c;
	begin();
	pair_call_init(&c, &p, "GET", "/cookie");
	http_headers_add(&c.call.arena, &c.call.headers, STR("Cookie"), STR("a=1"));
	http_headers_add(&c.call.arena, &c.call.headers, STR("Cookie"), STR("b=2"));
	EXPECT_INT(pair_call_fetch(&c), 0);
	EXPECT_STR(buf_str(&c.body), "a=1; b=2");
	pair_call_done(&c);
	end();
}

TEST(a_handler_that_gives_up_resets_only_its_stream)
{
	struct pair_call c, d;
	begin();
	pair_call_init(&c, &p, "GET", "/drop");
	EXPECT_INT(pair_call_fetch(&c), ERR_CLOSED);
	EXPECT_TEXT(err_text(&c.head.err),
		"stream error: stream ID 1; INTERNAL_ERROR; received from peer");
	EXPECT(!c.call.unprocessed);
	pair_call_done(&c);
	pair_call_init(&d, &p, "GET", "/size/3");
	EXPECT_INT(pair_call_fetch(&d), 0);
	pair_call_done(&d);
	end();
}

TEST(a_cancelled_call_cancels_its_handler)
{
	struct pair_call c, d;
	begin();
	pair_call_init(&c, &p, "GET", "/hang");
	pair_call_init(&d, &p, "GET", "/size/3");
	pair_call_start(&c);
	EXPECT_INT(pair_call_fetch(&d), 0);
	EXPECT_INT(p.running, 1);
	op_cancel(&c.head.op);
	pair_wait(&p, &c.head);
	EXPECT_INT(c.head.err.code, ERR_CANCELLED);
	pair_call_done(&c);
	pair_call_done(&d);
	pair_call_init(&d, &p, "GET", "/size/3");
	EXPECT_INT(pair_call_fetch(&d), 0); /* behind the reset */
	EXPECT_INT(p.running, 0);
	EXPECT_INT(p.cancelled, 1);
	pair_call_done(&d);
	end();
}

TEST(a_lost_connection_ends_every_call_and_handler_once)
{
	struct pair_call c[20];
	begin();
	for (int i = 0; i < 20; i++) {
		pair_call_init(&c[i], &p, "GET", "/hang");
		pair_call_start(&c[i]);
	}
	struct pair_call d;
	pair_call_init(&d, &p, "GET", "/size/3");
	EXPECT_INT(pair_call_fetch(&d), 0);
	EXPECT_INT(p.running, 20);
	p.server->ops->abort(p.server);
	for (int i = 0; i < 20; i++) {
		pair_wait(&p, &c[i].head);
		EXPECT_INT(c[i].head.err.code, ERR_CLOSED);
		EXPECT_TEXT(err_text(&c[i].head.err), "http2: server closed the connection");
		EXPECT_INT(c[i].head.times, 1);
		pair_call_done(&c[i]);
	}
	pair_call_done(&d);
	EXPECT_INT(p.running, 0);
	end();
}

TEST(a_response_head_above_the_limit_fails_the_call_clearly)
{
	struct pair_call c;
	p = (struct pair){0};
	p.client_limits.header_count = 3;
	http_limits_fill(&p.client_limits, &p.client_limits, false);
	loop_test_init(&lt, LOOP_TEST_REAL);
	pair_start(&p, &lt, pair_handle);
	pair_call_init(&c, &p, "GET", "/size/1");
	EXPECT_INT(pair_call_fetch(&c), 0);
	pair_call_done(&c);
	pair_call_init(&c, &p, "GET", "/size/1");
	p.client_limits.header_count = 2;
	EXPECT_INT(pair_call_fetch(&c), ERR_TOO_LARGE);
	EXPECT_TEXT(
		err_text(&c.head.err), "http2: response header list larger than advertised limit");
	pair_call_done(&c);
	end();
}

TEST(a_request_head_above_the_limit_is_431)
{
	struct pair_call c;
	begin();
	pair_call_init(&c, &p, "GET", "/size/1");
	for (int i = 0; i < 250; i++)
		http_headers_add(&c.call.arena, &c.call.headers,
			arena_print(&c.call.arena, "X-%d", i), STR("v"));
	EXPECT_INT(pair_call_fetch(&c), 0);
	EXPECT_INT(c.call.status, 431);
	EXPECT_INT(p.requests, 0);
	pair_call_done(&c);
	end();
}

TEST(draining_lets_a_hundred_running_calls_finish)
{
	struct pair_call c[100];
	begin();
	for (int i = 0; i < 100; i++) {
		pair_call_init(&c[i], &p, "POST", "/stream");
		c[i].call.body_length = HTTP_LENGTH_UNKNOWN;
		pair_call_start(&c[i]);
	}
	for (int i = 0; i < 100; i++)
		pair_wait(&p, &c[i].head);
	p.server->ops->drain(p.server);
	for (int i = 0; i < 100; i++) {
		struct str part = STR("after the GOAWAY");
		EXPECT_INT(c[i].head.err.code, 0);
		pair_call_write(&c[i], &part, 1);
		pair_wait(&p, &c[i].write);
		EXPECT_INT(c[i].write.err.code, 0);
		pair_call_end(&c[i]);
		pair_wait(&p, &c[i].write);
		EXPECT_INT(c[i].write.err.code, 0);
	}
	for (int i = 0; i < 100; i++) {
		do {
			pair_call_read(&c[i], 1000);
			pair_wait(&p, &c[i].read);
		} while (!c[i].read.err.code && c[i].read.n > 0);
		EXPECT_INT(c[i].read.err.code, 0);
		EXPECT_STR(buf_str(&c[i].body), "after the GOAWAY");
	}
	EXPECT(p.client->broken);
	struct pair_call late;
	pair_call_init(&late, &p, "GET", "/size/1");
	EXPECT_INT(pair_call_fetch(&late), ERR_UNAVAILABLE);
	EXPECT(late.call.unprocessed);
	pair_call_done(&late);
	for (int i = 0; i < 100; i++)
		pair_call_done(&c[i]);
	/* Nobody has to close anything: the connection ends by itself. */
	loop_test_run(&lt);
	EXPECT(p.server_gone);
	EXPECT(p.client_gone);
	end();
}

TEST(a_slow_reader_holds_up_its_writer_and_nobody_else)
{
	struct pair_call slow, quick;
	begin();
	pair_call_init(&slow, &p, "GET", "/size/8000000");
	pair_call_start(&slow);
	pair_wait(&p, &slow.head);
	for (int i = 0; i < 50; i++) {
		pair_call_init(&quick, &p, "GET", "/size/10000");
		EXPECT_INT(pair_call_fetch(&quick), 0);
		EXPECT_INT(quick.body.len, 10000);
		pair_call_done(&quick);
	}
	struct h2_call *k = slow.state.in_conn;
	EXPECT(k->s.body.len <= p.client_limits.h2_stream_window);
	EXPECT_INT(p.running, 1); /* the writer still waits */
	do {
		pair_call_read(&slow, 100000);
		pair_wait(&p, &slow.read);
	} while (!slow.read.err.code && slow.read.n > 0);
	EXPECT_INT(slow.body.len, 8000000);
	pair_call_done(&slow);
	end();
}

TEST(a_slow_handler_holds_up_its_client)
{
	struct pair_call c, quick;
	begin();
	char *body = mem_new(2 * MIB);
	pair_call_init(&c, &p, "POST", "/hang");
	c.call.body_length = HTTP_LENGTH_UNKNOWN;
	c.call.body = str_make(body, 2 * MIB);
	pair_call_start(&c);
	pair_call_write(&c, &c.call.body, 1);
	for (int i = 0; i < 50; i++) {
		pair_call_init(&quick, &p, "POST", "/echo");
		quick.call.body = str_make(body, 20000);
		EXPECT_INT(pair_call_fetch(&quick), 0);
		EXPECT_INT(quick.body.len, 20000);
		pair_call_done(&quick);
	}
	EXPECT(!c.write.done);
	struct h2_server *server = CONTAINER_OF(p.server, struct h2_server, base);
	struct h2_exchange *e =
		LIST_ENTRY(list_first(&server->exchanges), struct h2_exchange, in_conn);
	EXPECT(e->s.body.len <= p.server_limits.h2_stream_window);
	op_cancel(&c.write.op);
	op_cancel(&c.head.op);
	pair_wait(&p, &c.write);
	pair_wait(&p, &c.head);
	pair_call_done(&c);
	mem_free(body);
	end();
}

TEST(more_calls_than_the_server_allows_wait_their_turn)
{
	struct pair_call c[60];
	p = (struct pair){0};
	p.server_limits.max_streams = 10;
	http_limits_fill(&p.server_limits, &p.server_limits, true);
	loop_test_init(&lt, LOOP_TEST_REAL);
	pair_start(&p, &lt, pair_handle);
	pair_call_init(&c[0], &p, "GET", "/size/1");
	EXPECT_INT(pair_call_fetch(&c[0]), 0);
	EXPECT_INT(p.client->max_active, 10);
	pair_call_done(&c[0]);
	for (int i = 0; i < 60; i++) {
		pair_call_init(&c[i], &p, "GET", "/size/100000");
		pair_call_start(&c[i]);
	}
	for (int i = 0; i < 60; i++) {
		pair_wait(&p, &c[i].head);
		EXPECT_INT(c[i].head.err.code, 0);
		do {
			pair_call_read(&c[i], 64 * KIB);
			pair_wait(&p, &c[i].read);
		} while (!c[i].read.err.code && c[i].read.n > 0);
		EXPECT_INT(c[i].read.err.code, 0);
		EXPECT_INT(c[i].body.len, 100000);
		pair_call_done(&c[i]);
	}
	EXPECT(p.peak <= 10);
	end();
}
