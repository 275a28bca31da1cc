#include <kube/env.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop_test.h"

/* Two ends of one connection, and what a test waits for on each. */
struct pair {
	struct loop_test t;
	struct scope scope;
	struct told closed;
	struct listener *listener;
	struct stream *a, *b; /* a connected, b was accepted */
	struct told connected, accepted;
};

static void pair_open(struct pair *p, const char *address)
{
	struct err err = {0};
	struct address at;
	*p = (struct pair){0};
	loop_test_init(&p->t, LOOP_TEST_REAL);
	scope_init(&p->scope, p->t.root, "pair", NULL);
	EXPECT_OK(address_parse(str_from(address), &at, &err), &err);
	EXPECT_OK(net_listen(p->t.env, &p->scope, &at, 128, &p->listener, &err), &err);
	listener_accept(
		p->listener, told_op(&p->accepted, &p->scope, OP_NO_DEADLINE), &p->scope, &p->b);
	net_connect(p->t.env, told_op(&p->connected, &p->scope, OP_NO_DEADLINE), &p->scope,
		&p->listener->address, &p->a);
	loop_test_run_until(&p->t, &p->connected.done);
	loop_test_run_until(&p->t, &p->accepted.done);
	EXPECT_OK(p->connected.err.code, &p->connected.err);
	EXPECT_OK(p->accepted.err.code, &p->accepted.err);
}

static void pair_close(struct pair *p)
{
	stream_close(p->a);
	stream_close(p->b);
	listener_close(p->listener);
	scope_close(&p->scope, told_op(&p->closed, p->t.root, OP_NO_DEADLINE));
	loop_test_done(&p->t);
	EXPECT(p->closed.done);
}

static struct op *told_in(struct pair *p, struct told *told)
{
	return told_op(told, &p->scope, OP_NO_DEADLINE);
}

static void write_text(struct pair *p, struct stream *s, const char *text)
{
	struct told told = {0};
	struct str part = str_from(text);
	stream_write(s, told_in(p, &told), &part, 1);
	loop_test_run_until(&p->t, &told.done);
	EXPECT_OK(told.err.code, &told.err);
	EXPECT_INT(told.n, part.len);
	told_done(&told);
}

static const char *const places[] = {"127.0.0.1:0", "[::1]:0", "unix:@kube-loop-test"};

TEST(bytes_go_both_ways_over_tcp4_tcp6_and_unix)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct pair p;
		struct told got = {0};
		struct buf in = BUF_INIT(64);
		test_context("%s", places[i]);
		pair_open(&p, places[i]);
		stream_read(p.b, told_in(&p, &got), &in, 64);
		write_text(&p, p.a, "there");
		loop_test_run_until(&p.t, &got.done);
		EXPECT_STR(buf_str(&in), "there");
		EXPECT_INT(got.n, 5);
		buf_clear(&in);
		stream_read(p.a, told_in(&p, &got), &in, 64);
		write_text(&p, p.b, "and back");
		loop_test_run_until(&p.t, &got.done);
		EXPECT_STR(buf_str(&in), "and back");
		EXPECT_INT(p.a->bytes_out, 5);
		EXPECT_INT(p.a->bytes_in, 8);
		EXPECT_INT(p.b->bytes_out, 8);
		buf_done(&in);
		pair_close(&p);
	}
	test_context_end();
}

TEST(a_stream_knows_its_addresses)
{
	struct pair p;
	pair_open(&p, "127.0.0.1:0");
	EXPECT(p.listener->address.port != 0);
	EXPECT(address_eq(&p.a->remote, &p.listener->address));
	EXPECT(address_eq(&p.b->local, &p.listener->address));
	EXPECT(address_eq(&p.a->local, &p.b->remote));
	EXPECT(stream_fd(p.a) >= 0);
	pair_close(&p);
}

TEST(a_v6_listener_takes_v4_peers_and_names_them_so)
{
	struct loop_test t;
	struct err err = {0};
	struct listener *l = NULL;
	struct stream *a = NULL, *b = NULL;
	struct told accepted = {0}, connected = {0};
	struct address at = {.ip = {.len = 16}};
	loop_test_init(&t, LOOP_TEST_REAL);
	EXPECT_OK(net_listen(t.env, t.root, &at, 16, &l, &err), &err);
	struct address to = {.ip = {.len = 4, .bytes = {127, 0, 0, 1}}, .port = l->address.port};
	listener_accept(l, told_op(&accepted, t.root, OP_NO_DEADLINE), t.root, &b);
	net_connect(t.env, told_op(&connected, t.root, OP_NO_DEADLINE), t.root, &to, &a);
	loop_test_run_until(&t, &accepted.done);
	loop_test_run_until(&t, &connected.done);
	EXPECT_INT(b->remote.ip.len, 4);
	EXPECT(address_eq(&b->local, &to));
	stream_close(a);
	stream_close(b);
	listener_close(l);
	loop_test_done(&t);
}

/* ---- reading ---- */

TEST(a_read_takes_no_more_than_it_was_told)
{
	struct pair p;
	struct told got = {0};
	struct buf in = BUF_INIT(1024);
	pair_open(&p, "127.0.0.1:0");
	write_text(&p, p.a, "0123456789");
	stream_read(p.b, told_in(&p, &got), &in, 4);
	loop_test_run_until(&p.t, &got.done);
	EXPECT_STR(buf_str(&in), "0123");
	stream_read(p.b, told_in(&p, &got), &in, 3);
	loop_test_run_until(&p.t, &got.done);
	EXPECT_STR(buf_str(&in), "0123456");
	stream_read(p.b, told_in(&p, &got), &in, 100);
	loop_test_run_until(&p.t, &got.done);
	EXPECT_STR(buf_str(&in), "0123456789");
	buf_done(&in);
	pair_close(&p);
}

TEST(the_ceiling_of_the_buffer_bounds_a_read)
{
	struct pair p;
	struct told got = {0};
	struct buf in = BUF_INIT(6);
	pair_open(&p, "127.0.0.1:0");
	write_text(&p, p.a, "0123456789");
	stream_read(p.b, told_in(&p, &got), &in, 100);
	loop_test_run_until(&p.t, &got.done);
	EXPECT_STR(buf_str(&in), "012345");
	stream_read(p.b, told_in(&p, &got), &in, 100);
	loop_test_run_until(&p.t, &got.done);
	EXPECT_INT(got.err.code, ERR_LIMIT);
	buf_clear(&in);
	stream_read(p.b, told_in(&p, &got), &in, 100);
	loop_test_run_until(&p.t, &got.done);
	EXPECT_STR(buf_str(&in), "6789");
	buf_done(&in);
	told_done(&got);
	pair_close(&p);
}

TEST(an_idle_reader_holds_no_memory)
{
	struct pair p;
	struct told got = {0}, later = {0};
	struct buf in = BUF_INIT(1 * MIB);
	pair_open(&p, "127.0.0.1:0");
	stream_read(p.b, told_in(&p, &got), &in, 1 * MIB);
	timer_wait(told_in(&p, &later), loop_in(p.t.loop, 5 * MSEC));
	loop_test_run_until(&p.t, &later.done);
	EXPECT(!in.at && in.cap == 0);
	write_text(&p, p.a, "x");
	loop_test_run_until(&p.t, &got.done);
	EXPECT_STR(buf_str(&in), "x");
	buf_done(&in);
	pair_close(&p);
}

TEST(input_without_a_reader_waits_and_costs_no_turns)
{
	struct pair p;
	struct told got = {0}, later = {0};
	struct buf in = BUF_INIT(64);
	pair_open(&p, "127.0.0.1:0");
	stream_read(p.b, told_in(&p, &got), &in, 1);
	write_text(&p, p.a, "abcdef");
	loop_test_run_until(&p.t, &got.done);
	loop_stats_reset(p.t.loop);
	timer_wait(told_in(&p, &later), loop_in(p.t.loop, 50 * MSEC));
	loop_test_run_until(&p.t, &later.done);
	struct loop_stats stats;
	loop_stats(p.t.loop, &stats);
	EXPECT(stats.turns < 20); /* no spinning on bytes that nobody wants */
	stream_read(p.b, told_in(&p, &got), &in, 64);
	loop_test_run_until(&p.t, &got.done);
	EXPECT_STR(buf_str(&in), "abcdef");
	buf_done(&in);
	pair_close(&p);
}

TEST(cancelling_a_read_loses_no_bytes)
{
	struct pair p;
	struct told got = {0};
	struct buf in = BUF_INIT(64);
	pair_open(&p, "127.0.0.1:0");
	stream_read(p.b, told_in(&p, &got), &in, 64);
	op_cancel(&got.op);
	loop_test_run_until(&p.t, &got.done);
	EXPECT_INT(got.err.code, ERR_CANCELLED);
	write_text(&p, p.a, "still here");
	stream_read(p.b, told_in(&p, &got), &in, 64);
	loop_test_run_until(&p.t, &got.done);
	EXPECT_STR(buf_str(&in), "still here");
	buf_done(&in);
	pair_close(&p);
}

TEST(a_read_obeys_its_deadline)
{
	struct pair p;
	struct told got = {0};
	struct buf in = BUF_INIT(64);
	pair_open(&p, "127.0.0.1:0");
	stream_read(p.b, told_op(&got, &p.scope, loop_in(p.t.loop, 5 * MSEC)), &in, 64);
	loop_test_run_until(&p.t, &got.done);
	EXPECT_INT(got.err.code, ERR_TIMEOUT);
	EXPECT_TEXT(err_text(&got.err), "timed out: read");
	told_done(&got);
	buf_done(&in);
	pair_close(&p);
}

TEST(the_end_is_a_read_of_nothing_and_stays)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct pair p;
		struct told got = {0}, fin = {0};
		struct buf in = BUF_INIT(64);
		pair_open(&p, places[i]);
		write_text(&p, p.a, "last");
		stream_finish(p.a, told_in(&p, &fin));
		loop_test_run_until(&p.t, &fin.done);
		EXPECT_OK(fin.err.code, &fin.err);
		stream_read(p.b, told_in(&p, &got), &in, 64);
		loop_test_run_until(&p.t, &got.done);
		EXPECT_STR(buf_str(&in), "last");
		for (int again = 0; again < 2; again++) {
			stream_read(p.b, told_in(&p, &got), &in, 64);
			loop_test_run_until(&p.t, &got.done);
			EXPECT_INT(got.err.code, 0);
			EXPECT_INT(got.n, 0);
		}
		/* The other direction is still open. */
		stream_read(p.a, told_in(&p, &got), &in, 64);
		write_text(&p, p.b, " word");
		loop_test_run_until(&p.t, &got.done);
		EXPECT_STR(buf_str(&in), "last word");
		buf_done(&in);
		pair_close(&p);
	}
}

TEST(a_reset_is_closed)
{
	struct pair p;
	struct told got = {0}, later = {0};
	struct buf in = BUF_INIT(64);
	const struct linger linger = {.l_onoff = 1, .l_linger = 0};
	pair_open(&p, "127.0.0.1:0");
	stream_read(p.b, told_in(&p, &got), &in, 64);
	setsockopt(stream_fd(p.a), SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	stream_close(TAKE(p.a));
	loop_test_run_until(&p.t, &got.done);
	EXPECT_INT(got.err.code, ERR_CLOSED);
	stream_read(p.b, told_in(&p, &got), &in, 64);
	loop_test_run_until(&p.t, &got.done);
	EXPECT_INT(got.err.code, ERR_CLOSED);
	struct str part = STR("anybody?");
	stream_write(p.b, told_in(&p, &later), &part, 1);
	loop_test_run_until(&p.t, &later.done);
	EXPECT_INT(later.err.code, ERR_CLOSED);
	told_done(&got);
	told_done(&later);
	buf_done(&in);
	pair_close(&p);
}

/* ---- writing ---- */

TEST(many_parts_arrive_in_order)
{
	struct pair p;
	struct told told = {0}, got = {0};
	struct buf in = BUF_INIT(1024);
	struct str parts[STREAM_PARTS_MAX];
	for (size_t i = 0; i < STREAM_PARTS_MAX; i++)
		parts[i] = i % 5 == 0 ? (struct str){0} : str_make(&"0123456789"[i % 10], 1);
	pair_open(&p, "127.0.0.1:0");
	stream_write(p.a, told_in(&p, &told), parts, STREAM_PARTS_MAX);
	loop_test_run_until(&p.t, &told.done);
	EXPECT_INT(told.n, 51);
	stream_read(p.b, told_in(&p, &got), &in, 1024);
	loop_test_run_until(&p.t, &got.done);
	EXPECT_STR(buf_str(&in), "123467891234678912346789123467891234678912346789123");
	buf_done(&in);
	pair_close(&p);
}

TEST(a_write_of_nothing_is_done)
{
	struct pair p;
	struct told told = {0};
	struct str empty[2] = {0};
	pair_open(&p, "127.0.0.1:0");
	stream_write(p.a, told_in(&p, &told), empty, 2);
	loop_test_run_until(&p.t, &told.done);
	EXPECT_INT(told.err.code, 0);
	stream_write(p.a, told_in(&p, &told), NULL, 0);
	loop_test_run_until(&p.t, &told.done);
	EXPECT_INT(told.err.code, 0);
	pair_close(&p);
}

enum { BIG = 16 * 1024 * 1024 };

TEST(a_writer_is_held_back_until_the_reader_reads)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct pair p;
		struct told told = {0}, got = {0}, later = {0};
		struct buf in = BUF_INIT(BIG);
		char *bytes = mem_alloc(BIG);
		for (size_t k = 0; k < BIG; k++)
			bytes[k] = (char)(k * 7 + k / 251);
		/* Pieces of odd sizes, so that the kernel stops inside of one. */
		struct str parts[3] = {
			{bytes, 1000003}, {bytes + 1000003, 7}, {bytes + 1000010, BIG - 1000010}};
		pair_open(&p, places[i]);
		stream_write(p.a, told_in(&p, &told), parts, 3);
		timer_wait(told_in(&p, &later), loop_in(p.t.loop, 10 * MSEC));
		loop_test_run_until(&p.t, &later.done);
		EXPECT(!told.done);
		while (in.len < BIG && !got.err.code) {
			stream_read(p.b, told_in(&p, &got), &in, 64 * KIB);
			loop_test_run_until(&p.t, &got.done);
		}
		loop_test_run_until(&p.t, &told.done);
		EXPECT_INT(told.n, BIG);
		EXPECT(in.len == BIG && memcmp(in.at, bytes, BIG) == 0);
		buf_done(&in);
		mem_free(bytes);
		pair_close(&p);
	}
}

/* A write that the kernel does not take, ended in each possible way. */
enum end { END_CANCEL, END_DEADLINE, END_CLOSE, END_PEER, END_SCOPE, ENDS };

static void end_write(struct pair *p, struct told *told, enum end end)
{
	switch (end) {
	case END_CANCEL:
		op_cancel(&told->op);
		break;
	case END_DEADLINE:
		break;
	case END_CLOSE:
		stream_close(TAKE(p->a));
		break;
	case END_PEER:
		stream_close(TAKE(p->b));
		break;
	case END_SCOPE:
		scope_close(&p->scope, told_op(&p->closed, p->t.root, OP_NO_DEADLINE));
		break;
	case ENDS:
		break;
	}
}

TEST(a_pending_write_ends_in_every_way_there_is)
{
	for (int end = 0; end < ENDS; end++) {
		const int codes[ENDS] = {
			ERR_CANCELLED, ERR_TIMEOUT, ERR_CANCELLED, ERR_CLOSED, ERR_CANCELLED};
		struct pair p;
		struct told told = {0}, got = {0}, later = {0};
		struct buf in = BUF_INIT(64);
		char *bytes = mem_new(BIG);
		struct str part = {bytes, BIG};
		test_context("end %d", end);
		pair_open(&p, "127.0.0.1:0");
		int64_t deadline =
			end == END_DEADLINE ? loop_in(p.t.loop, 20 * MSEC) : OP_NO_DEADLINE;
		stream_write(p.a, told_op(&told, &p.scope, deadline), &part, 1);
		stream_read(p.a, told_in(&p, &got), &in, 64);
		timer_wait(told_in(&p, &later), loop_in(p.t.loop, 5 * MSEC));
		loop_test_run_until(&p.t, &later.done);
		EXPECT(!told.done);
		end_write(&p, &told, end);
		loop_test_run_until(&p.t, &told.done);
		EXPECT_INT(told.err.code, codes[end]);
		/* The bytes are ours again. */
		memset(bytes, 0xee, BIG);
		mem_free(bytes);
		loop_test_run_until(&p.t, &got.done);
		EXPECT(got.err.code || end == END_PEER);
		if (p.a && end != END_SCOPE) {
			struct told last = {0};
			part = STR("x");
			stream_write(p.a, told_in(&p, &last), &part, 1);
			loop_test_run_until(&p.t, &last.done);
			EXPECT_INT(last.err.code, ERR_CLOSED);
			told_done(&last);
		}
		told_done(&told);
		told_done(&got);
		buf_done(&in);
		stream_close(TAKE(p.a));
		stream_close(TAKE(p.b));
		if (end != END_SCOPE) {
			pair_close(&p);
		} else {
			listener_close(p.listener);
			loop_test_done(&p.t);
			EXPECT(p.closed.done);
		}
	}
	test_context_end();
}

/* ---- closing ---- */

TEST(closing_ends_pending_ops_and_the_scope_waits_for_the_descriptor)
{
	struct pair p;
	struct told got = {0};
	struct buf in = BUF_INIT(64);
	pair_open(&p, "127.0.0.1:0");
	int fd = stream_fd(p.b);
	stream_read(p.b, told_in(&p, &got), &in, 64);
	stream_close(TAKE(p.b));
	EXPECT(!got.done);
	stream_close(TAKE(p.a));
	listener_close(TAKE(p.listener));
	scope_close(&p.scope, told_op(&p.closed, p.t.root, OP_NO_DEADLINE));
	EXPECT(!p.closed.done);
	loop_test_run_until(&p.t, &p.closed.done);
	EXPECT_INT(got.err.code, ERR_CANCELLED);
	EXPECT(got.order < p.closed.order);
	EXPECT(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
	buf_done(&in);
	loop_test_done(&p.t);
}

TEST(a_closing_scope_leaves_its_streams_to_their_owner)
{
	struct pair p;
	struct told got = {0};
	struct buf in = BUF_INIT(64);
	pair_open(&p, "127.0.0.1:0");
	stream_read(p.b, told_in(&p, &got), &in, 64);
	scope_close(&p.scope, told_op(&p.closed, p.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&p.t, &got.done);
	EXPECT_INT(got.err.code, ERR_CANCELLED);
	EXPECT(!p.closed.done && stream_fd(p.b) >= 0);
	stream_close(p.a);
	stream_close(p.b);
	listener_close(p.listener);
	buf_done(&in);
	loop_test_done(&p.t);
	EXPECT(p.closed.done);
}

/* ---- descriptors that are already there ---- */

TEST(pipes_are_streams)
{
	struct loop_test t;
	struct told wrote = {0}, got = {0};
	struct buf in = BUF_INIT(64);
	int fds[2];
	loop_test_init(&t, LOOP_TEST_REAL);
	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	struct stream *from = stream_from_fd(t.loop, t.root, fds[0]);
	struct stream *to = stream_from_fd(t.loop, t.root, fds[1]);
	struct str part = STR("through the pipe");
	stream_read(from, told_op(&got, t.root, OP_NO_DEADLINE), &in, 64);
	stream_write(to, told_op(&wrote, t.root, OP_NO_DEADLINE), &part, 1);
	loop_test_run_until(&t, &got.done);
	EXPECT_STR(buf_str(&in), "through the pipe");
	stream_close(to);
	stream_read(from, told_op(&got, t.root, OP_NO_DEADLINE), &in, 64);
	loop_test_run_until(&t, &got.done);
	EXPECT_INT(got.err.code, 0);
	EXPECT_INT(got.n, 0);
	stream_close(from);
	buf_done(&in);
	loop_test_done(&t);
}

TEST(reading_the_wrong_end_of_a_pipe_fails)
{
	struct loop_test t;
	struct told got = {0}, wrote = {0};
	struct buf in = BUF_INIT(64);
	int fds[2];
	loop_test_init(&t, LOOP_TEST_REAL);
	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	struct stream *from = stream_from_fd(t.loop, t.root, fds[0]);
	struct stream *to = stream_from_fd(t.loop, t.root, fds[1]);
	struct str part = STR("x");
	stream_read(to, told_op(&got, t.root, OP_NO_DEADLINE), &in, 64);
	stream_write(from, told_op(&wrote, t.root, OP_NO_DEADLINE), &part, 1);
	loop_test_run_until(&t, &got.done);
	loop_test_run_until(&t, &wrote.done);
	EXPECT(got.err.code && wrote.err.code);
	told_done(&got);
	told_done(&wrote);
	stream_close(to);
	stream_close(from);
	buf_done(&in);
	loop_test_done(&t);
}

TEST(what_cannot_be_waited_for_is_no_stream)
{
	struct loop_test t;
	loop_test_init(&t, LOOP_TEST_REAL);
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
	    null = open("/dev/null", O_RDWR | O_CLOEXEC);
	EXPECT(!stream_from_fd(t.loop, t.root, file));
	EXPECT(!stream_from_fd(t.loop, t.root, null));
	EXPECT(!stream_from_fd(t.loop, t.root, -1));
	EXPECT_INT(close(file), 0);
	EXPECT_INT(close(null), 0);
	loop_test_done(&t);
}
