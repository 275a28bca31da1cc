/* One client connection against a server that the test plays, byte by byte. */
#include "loop_test.h"
#include "net/http_conn.h"

#include <kube/mem.h>
#include <kube/time.h>

#include <stdlib.h>
#include <sys/socket.h>

struct fake {
	struct loop_test t;
	struct scope client, server;
	struct client_conn *conn;
	struct stream *stream; /* the server's end */
	struct http_limits limits;
	struct told write, read, told, body;
	struct buf got; /* by the server */
	struct http_call call;
	struct http_call_state state;
	struct buf in; /* response body */
};

/* The pool's side is played here too. */
static int idle_told, gone_told;

void client_conn_idle(struct client_conn *c)
{
	idle_told += !c->broken;
}

void client_conn_gone(struct client_conn *c)
{
	gone_told += c->broken;
}

static void fake_init(struct fake *f)
{
	*f = (struct fake){0};
	loop_test_init(&f->t, LOOP_TEST_REAL);
	scope_init(&f->client, f->t.root, "client", NULL);
	scope_init(&f->server, f->t.root, "server", NULL);
	struct http_limits none = {.header_count = 10, .header_bytes = 1000};
	http_limits_fill(&f->limits, &none, false);
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		abort();
	f->stream = stream_from_fd(f->t.loop, &f->server, fds[0]);
	f->conn = http1_client_conn_new();
	f->conn->env = f->t.env;
	f->conn->limits = &f->limits;
	scope_init(&f->conn->scope, &f->client, "connection", NULL);
	f->conn->stream = stream_from_fd(f->t.loop, &f->client, fds[1]);
	http1_client_conn_run(f->conn);
	buf_init(&f->got, MIB);
	buf_init(&f->in, MIB);
}

static void call_cancel(struct op *op)
{
	struct fake *f = op->ctx;
	f->conn->ops->cancel(f->conn, &f->call, op);
}

static const struct op_kind call_kind = {.name = "call", .cancel = call_cancel};

static void fake_call(struct fake *f, const char *method)
{
	f->call = (struct http_call){
		.method = str_from(method), .body_length = HTTP_BODY_GIVEN, .state = &f->state};
	arena_init(&f->call.arena);
	f->state = (struct http_call_state){
		.authority = STR("h:1"), .target = STR("/x"), .conn = f->conn};
}

static void fake_start(struct fake *f)
{
	struct op *op = told_op(&f->told, f->t.root, OP_NO_DEADLINE);
	if (op_begin(op, &call_kind, f))
		f->conn->ops->start(f->conn, &f->call, op);
}

static void fake_call_done(struct fake *f)
{
	f->conn->ops->done(f->conn, &f->call);
	arena_done(&f->call.arena);
}

static void fake_turn(struct fake *f)
{
	struct told told = {0};
	timer_wait(told_op(&told, f->t.root, OP_NO_DEADLINE), loop_in(f->t.loop, 20 * USEC));
	loop_test_run_until(&f->t, &told.done);
	told_done(&told);
}

static void fake_send(struct fake *f, struct str bytes)
{
	stream_write(f->stream, told_op(&f->write, &f->server, OP_NO_DEADLINE), &bytes, 1);
	loop_test_run_until(&f->t, &f->write.done);
}

static void fake_send_eof(struct fake *f)
{
	stream_finish(f->stream, told_op(&f->write, &f->server, OP_NO_DEADLINE));
	loop_test_run_until(&f->t, &f->write.done);
}

/* The server reads until it has seen the text. */
static bool fake_expect(struct fake *f, const char *text)
{
	while (str_find(buf_str(&f->got), str_from(text)) < 0) {
		stream_read(f->stream, told_op(&f->read, &f->server, loop_in(f->t.loop, 10 * SEC)),
			&f->got, 64 * KIB);
		loop_test_run_until(&f->t, &f->read.done);
		if (f->read.err.code || f->read.n == 0)
			return false;
	}
	return true;
}

/* The response body to its end: 0 or the code. */
static int fake_read_all(struct fake *f)
{
	buf_clear(&f->in);
	for (;;) {
		struct op *op = told_op(&f->body, f->t.root, OP_NO_DEADLINE);
		if (op_begin(op, &call_kind, f))
			f->conn->ops->read(f->conn, &f->call, op, &f->in, 3);
		loop_test_run_until(&f->t, &f->body.done);
		if (f->body.err.code || f->body.n == 0)
			return f->body.err.code;
	}
}

static void fake_free(struct fake *f)
{
	struct told a = {0}, b = {0};
	gone_told = 0;
	stream_close(f->stream);
	scope_close(&f->server, told_op(&a, f->t.root, OP_NO_DEADLINE));
	scope_close(&f->client, told_op(&b, f->t.root, OP_NO_DEADLINE));
	loop_test_run_until(&f->t, &a.done);
	loop_test_run_until(&f->t, &b.done);
	told_done(&a);
	told_done(&b);
	told_done(&f->told);
	told_done(&f->read);
	told_done(&f->write);
	told_done(&f->body);
	buf_done(&f->got);
	buf_done(&f->in);
	loop_test_done(&f->t);
}

/* ---- answers ---- */

static const struct answer {
	const char *method, *bytes;
	bool eof;
	int code; /* of the call */
	int status, body_code;
	const char *body;
	bool reusable;
	int trailers;
} answers[] = {
	{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", .status = 200, .body = "hello",
		.reusable = true},
	{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .status = 200, .body = "",
		.reusable = true},
	{"GET",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x\r\nd\r\n"
		"0\r\nX-Sum: 1\r\n\r\n",
		.status = 200, .body = "abcd", .reusable = true, .trailers = 1},
	{"GET", "HTTP/1.1 200 OK\r\n\r\nuntil the end", .eof = true, .status = 200,
		.body = "until the end"},
	{"GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", .status = 200, .body = "ab"},
	{"GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab",
		.status = 200, .body = "ab", .reusable = true},
	{"GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
		.status = 200, .body = "ab"},
	{"GET", "HTTP/1.1 204 No Content\r\n\r\n", .status = 204, .body = "", .reusable = true},
	{"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", .status = 304, .body = "",
		.reusable = true},
	{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", .status = 200, .body = "",
		.reusable = true},
	{"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .status = 200, .body = "",
		.reusable = true},
	{"GET",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
		.status = 200, .body = "x", .reusable = true},
	{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", .eof = true, .status = 200,
		.body_code = ERR_CLOSED, .body = "hel"},
	{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", .eof = true,
		.status = 200, .body_code = ERR_CLOSED, .body = "abc"},
	{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd", .status = 200,
		.body_code = ERR_PROTOCOL, .body = "abc"},
	{"GET", "", .eof = true, .code = ERR_CLOSED},
	{"GET", "HTTP/1.1 200 OK\r\nConte", .eof = true, .code = ERR_PROTOCOL},
	{"GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", .code = ERR_PROTOCOL},
	{"GET", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", .code = ERR_PROTOCOL},
	{"GET", "SSH-2.0-OpenSSH_9\r\n", .code = ERR_PROTOCOL},
	{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		.code = ERR_PROTOCOL},
	{"GET", "HTTP/1.1 200 OK\r\nA: 1\r\n b\r\n\r\n", .code = ERR_PROTOCOL},
	{"GET",
		"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\n"
		"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\n"
		"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\n",
		.code = ERR_PROTOCOL},
};

static void expect_answer(const struct answer *a, size_t first, size_t step)
{
	struct fake f;
	fake_init(&f);
	fake_call(&f, a->method);
	fake_start(&f);
	EXPECT(fake_expect(&f, "\r\n\r\n"));
	struct str bytes = str_from(a->bytes);
	for (size_t at = 0; at < bytes.len;) {
		size_t n = MIN(bytes.len - at, at ? step : first);
		fake_send(&f, str_make(bytes.at + at, n));
		at += n;
		if (at < bytes.len)
			fake_turn(&f);
	}
	if (a->eof)
		fake_send_eof(&f);
	loop_test_run_until(&f.t, &f.told.done);
	EXPECT_INT(f.told.err.code, a->code);
	if (!f.told.err.code) {
		EXPECT_INT(f.call.status, a->status);
		EXPECT_INT(fake_read_all(&f), a->body_code);
		EXPECT_STR(buf_str(&f.in), a->body);
		EXPECT_INT(f.call.trailers.count, a->trailers);
		EXPECT_INT(!f.conn->broken, a->reusable);
	} else {
		EXPECT(f.conn->broken);
	}
	fake_call_done(&f);
	fake_free(&f);
}

TEST(answers_are_taken_as_they_are_meant)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		test_context("%s %s", answers[i].method, answers[i].bytes);
		expect_answer(&answers[i], SIZE_MAX, SIZE_MAX);
	}
}

TEST(answers_are_taken_the_same_byte_by_byte)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		test_context("%s %s", answers[i].method, answers[i].bytes);
		expect_answer(&answers[i], 1, 1);
	}
}

TEST(answers_are_taken_the_same_in_any_two_parts)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		for (size_t n = 1; n < strlen(answers[i].bytes) && !test_failed(); n++) {
			test_context("%zu + rest: %s %s", n, answers[i].method, answers[i].bytes);
			expect_answer(&answers[i], n, SIZE_MAX);
		}
}

/* ---- requests ---- */

TEST(a_request_is_written_as_http_wants_it)
{
	struct fake f;
	fake_init(&f);
	fake_call(&f, "POST");
	http_headers_add(&f.call.arena, &f.call.headers, STR("X-Evil"), STR("a\r\nB: c"));
	http_headers_add(&f.call.arena, &f.call.headers, STR("Content-Length"), STR("99"));
	f.call.body = STR("body");
	fake_start(&f);
	EXPECT(fake_expect(&f, "body"));
	EXPECT_STR(buf_str(&f.got), "POST /x HTTP/1.1\r\nHost: h:1\r\nX-Evil: a  B: "
				    "c\r\nContent-Length: 4\r\n\r\nbody");
	fake_send(&f, STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
	loop_test_run_until(&f.t, &f.told.done);
	EXPECT_INT(fake_read_all(&f), 0);
	fake_call_done(&f);
	/* and a second one on the same connection */
	EXPECT(!f.conn->broken && f.conn->active == 0);
	buf_clear(&f.got);
	fake_call(&f, "GET");
	fake_start(&f);
	EXPECT(fake_expect(&f, "\r\n\r\n"));
	EXPECT_STR(buf_str(&f.got), "GET /x HTTP/1.1\r\nHost: h:1\r\n\r\n");
	fake_send(&f, STR("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"));
	loop_test_run_until(&f.t, &f.told.done);
	/* unread but here: the connection lives on */
	fake_turn(&f);
	fake_call_done(&f);
	EXPECT(!f.conn->broken);
	EXPECT_INT(f.conn->used, 2);
	fake_free(&f);
}

TEST(what_cannot_be_a_request_is_not_sent)
{
	struct fake f;
	fake_init(&f);
	fake_call(&f, "GE T");
	fake_start(&f);
	loop_test_run_until(&f.t, &f.told.done);
	EXPECT_INT(f.told.err.code, ERR_BAD_REQUEST);
	fake_call_done(&f);
	fake_call(&f, "GET");
	f.state.target = STR("/a b");
	fake_start(&f);
	loop_test_run_until(&f.t, &f.told.done);
	EXPECT_INT(f.told.err.code, ERR_BAD_REQUEST);
	fake_call_done(&f);
	EXPECT(!f.conn->broken);
	fake_free(&f);
}

static void fake_write(struct fake *f, const struct str *parts, size_t count)
{
	struct op *op = told_op(&f->body, f->t.root, OP_NO_DEADLINE);
	if (op_begin(op, &call_kind, f)) {
		if (parts)
			f->conn->ops->write(f->conn, &f->call, op, parts, count);
		else
			f->conn->ops->end(f->conn, &f->call, op);
	}
}

TEST(a_body_is_streamed_in_chunks)
{
	struct fake f;
	fake_init(&f);
	fake_call(&f, "PUT");
	f.call.body_length = HTTP_LENGTH_UNKNOWN;
	fake_start(&f);
	struct str parts[] = {STR("hello "), STR(""), STR("world, this is it")};
	fake_write(&f, parts, 3); /* while the head is on its way */
	loop_test_run_until(&f.t, &f.body.done);
	EXPECT_INT(f.body.err.code, 0);
	fake_write(&f, parts, 0);
	loop_test_run_until(&f.t, &f.body.done);
	fake_write(&f, NULL, 0);
	loop_test_run_until(&f.t, &f.body.done);
	EXPECT_INT(f.body.err.code, 0);
	EXPECT(fake_expect(&f, "0\r\n\r\n"));
	EXPECT_STR(buf_str(&f.got),
		"PUT /x HTTP/1.1\r\nHost: h:1\r\nTransfer-Encoding: chunked\r\n\r\n"
		"17\r\nhello world, this is it\r\n0\r\n\r\n");
	fake_send(&f, STR("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"));
	loop_test_run_until(&f.t, &f.told.done);
	EXPECT_INT(f.call.status, 201);
	fake_write(&f, parts, 1); /* after the end */
	loop_test_run_until(&f.t, &f.body.done);
	EXPECT_INT(f.body.err.code, ERR_CLOSED);
	fake_call_done(&f);
	EXPECT(!f.conn->broken);
	fake_free(&f);
}

TEST(an_answer_may_come_before_the_request_is_through)
{
	struct fake f;
	fake_init(&f);
	fake_call(&f, "PUT");
	f.call.body_length = 100;
	fake_start(&f);
	struct str part = STR("first");
	fake_write(&f, &part, 1);
	loop_test_run_until(&f.t, &f.body.done);
	fake_send(&f, STR("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno"));
	loop_test_run_until(&f.t, &f.told.done);
	EXPECT_INT(f.call.status, 413);
	EXPECT_INT(fake_read_all(&f), 0);
	EXPECT_STR(buf_str(&f.in), "no");
	fake_call_done(&f);
	EXPECT(f.conn->broken); /* the rest of the body was never sent */
	fake_free(&f);
}

TEST(a_body_of_another_length_than_promised_breaks_the_connection)
{
	for (int more = 0; more < 2; more++) {
		struct fake f;
		fake_init(&f);
		fake_call(&f, "PUT");
		f.call.body_length = 3;
		fake_start(&f);
		fake_turn(&f);
		struct str part = STR("four");
		fake_write(&f, more ? &part : NULL, 1);
		loop_test_run_until(&f.t, &f.body.done);
		EXPECT_INT(f.body.err.code, ERR_LIMIT);
		loop_test_run_until(&f.t, &f.told.done);
		EXPECT_INT(f.told.err.code, ERR_CLOSED);
		fake_call_done(&f);
		fake_free(&f);
	}
}

TEST(an_idle_connection_notices_its_end_and_strange_bytes)
{
	for (int bytes = 0; bytes < 2; bytes++) {
		struct fake f;
		fake_init(&f);
		bytes ? fake_send(&f, STR("HTTP/1.1 200 OK\r\n")) : fake_send_eof(&f);
		gone_told = 0;
		for (int i = 0; i < 1000 && !gone_told; i++)
			fake_turn(&f);
		EXPECT_INT(gone_told, 1);
		fake_free(&f);
	}
}

TEST(a_call_can_be_cancelled_at_any_moment)
{
	for (int when = 0; when < 4; when++) {
		test_context("%d", when);
		struct fake f;
		fake_init(&f);
		fake_call(&f, "GET");
		fake_start(&f);
		if (when == 1)
			EXPECT(fake_expect(&f, "\r\n\r\n"));
		if (when == 2) {
			fake_send(&f, STR("HTTP/1.1 200 OK\r\nConte"));
			fake_turn(&f);
		}
		if (when == 3) {
			f.conn->ops->close(f.conn);
			loop_test_run_until(&f.t, &f.told.done);
			EXPECT_INT(f.told.err.code, ERR_CLOSED);
		} else {
			op_cancel(&f.told.op);
			loop_test_run_until(&f.t, &f.told.done);
			EXPECT_INT(f.told.err.code, ERR_CANCELLED);
			EXPECT(f.conn->broken);
		}
		fake_call_done(&f);
		fake_free(&f);
	}
}

TEST(a_cancelled_read_loses_nothing)
{
	struct fake f;
	fake_init(&f);
	fake_call(&f, "GET");
	fake_start(&f);
	fake_send(&f, STR("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"));
	loop_test_run_until(&f.t, &f.told.done);
	struct op *op = told_op(&f.body, f.t.root, OP_NO_DEADLINE);
	if (op_begin(op, &call_kind, &f))
		f.conn->ops->read(f.conn, &f.call, op, &f.in, 3);
	op_cancel(op);
	loop_test_run_until(&f.t, &f.body.done);
	EXPECT_INT(f.body.err.code, ERR_CANCELLED);
	fake_send(&f, STR("abcd"));
	EXPECT_INT(fake_read_all(&f), 0);
	EXPECT_STR(buf_str(&f.in), "abcd");
	fake_call_done(&f);
	EXPECT(!f.conn->broken);
	fake_free(&f);
}

TEST(an_upgrade_gives_the_stream_away)
{
	struct fake f;
	fake_init(&f);
	fake_call(&f, "GET");
	f.call.upgrade = true;
	http_headers_add(&f.call.arena, &f.call.headers, STR("Upgrade"), STR("echo"));
	fake_start(&f);
	EXPECT(fake_expect(&f, "\r\n\r\n"));
	EXPECT_STR(buf_str(&f.got),
		"GET /x HTTP/1.1\r\nHost: h:1\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n");
	fake_send(&f, STR("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n"
			  "Connection: Upgrade\r\n\r\nearly"));
	loop_test_run_until(&f.t, &f.told.done);
	EXPECT_INT(f.call.status, 101);
	struct buf early;
	struct stream *s = f.conn->ops->take_stream(f.conn, &f.call, &early);
	fake_call_done(&f);
	REQUIRE(s);
	EXPECT_STR(buf_str(&early), "early");
	fake_send(&f, STR("later"));
	stream_read(s, told_op(&f.read, f.t.root, OP_NO_DEADLINE), &early, 100);
	loop_test_run_until(&f.t, &f.read.done);
	EXPECT_STR(buf_str(&early), "earlylater");
	buf_done(&early);
	stream_close(s);
	fake_free(&f);
}

TEST(a_head_above_its_limits_is_refused)
{
	struct fake f;
	fake_init(&f);
	fake_call(&f, "GET");
	fake_start(&f);
	fake_send(&f, STR("HTTP/1.1 200 OK\r\nX: "));
	char many[2000];
	memset(many, 'x', sizeof(many));
	fake_send(&f, str_make(many, sizeof(many)));
	loop_test_run_until(&f.t, &f.told.done);
	EXPECT_INT(f.told.err.code, ERR_TOO_LARGE);
	fake_call_done(&f);
	fake_free(&f);
}
