#include "runtime_rig.h"

struct pod {
	struct rig g;
	struct runtime_sandbox_run run;
	struct runtime_container_create create;
};

static bool pod_open(struct pod *p, const struct str shell[3], bool stdin_too, bool tty)
{
	rig_open(&p->g);
	p->run = rig_sandbox("talk");
	struct str id = rig_run(&p->g, &p->run);
	p->create = rig_container(id, shell);
	p->create.config.stdin = stdin_too;
	p->create.config.tty = tty;
	return id.len && rig_begin(&p->g, &p->create) == 0;
}

static void pod_close(struct pod *p)
{
	rig_remove_sandbox(&p->g, p->run.id);
	rig_close(&p->g);
}

/* The whole of what a stream says until its end. */
static struct str read_all(struct rig *g, struct stream *s, struct buf *into)
{
	buf_clear(into);
	do {
		stream_read(s, rig_op_within(g, 10 * SEC), into, 4096);
		if (rig_await(g))
			break;
	} while (g->told.n);
	return buf_str(into);
}

/* Until it has said that. */
static bool read_until(struct rig *g, struct stream *s, struct buf *into, const char *text)
{
	buf_clear(into);
	while (!strstr(buf_text(into), text)) {
		stream_read(s, rig_op_within(g, 10 * SEC), into, 4096);
		if (rig_await(g) || g->told.n == 0)
			return test_fail(__FILE__, __LINE__, "never said \"%s\", but \"%s\"", text,
				buf_text(into));
	}
	return true;
}

static void say(struct rig *g, struct stream *s, const char *text)
{
	const struct str part = str_from(text);

	stream_write(s, rig_op(g), &part, 1);
	rig_done(g, "write");
}

static int exec(struct pod *p, const struct str *command, size_t count, struct buf *out,
	struct buf *err, int64_t time)
{
	struct runtime_exec x = {.container = p->create.id,
		.command = command,
		.command_count = count,
		.out = out,
		.err = err};

	p->g.r->ops->exec(p->g.r, rig_op_within(&p->g, time), &x);
	return rig_await(&p->g) ? p->g.told.err.code : x.exit_code;
}

#define EXEC(p, out, err, ...)                                                                     \
	exec(p, (const struct str[]){__VA_ARGS__},                                                 \
		sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str), out, err,          \
		20 * SEC)

TEST(commands_run_in_a_container)
{
	struct pod p;
	struct buf out = BUF_INIT(1000), err = BUF_INIT(1000);
	REQUIRE(pod_open(&p, RIG_SHELL("echo up; exec sleep 1000"), false, false));
	int code = EXEC(&p, &out, &err, STR("sh"), STR("-c"),
		STR("echo in; hostname; echo bad >&2; cat; exit 7"));
	EXPECT_INT(code, 7);
	EXPECT_STR(buf_str(&out), "in\ntalk\n");
	EXPECT_STR(buf_str(&err), "bad\n");
	/* Only what fits is kept, and nobody waits for the rest. */
	buf_clear(&out);
	EXPECT_INT(EXEC(&p, &out, NULL, STR("sh"), STR("-c"), STR("seq 1 100000; exit 5")), 5);
	EXPECT(out.len <= 1000);
	/* Whoever keeps its output open is not waited for. */
	EXPECT_INT(EXEC(&p, NULL, NULL, STR("sh"), STR("-c"), STR("sleep 500 & exit 4")), 4);
	EXPECT(EXEC(&p, NULL, NULL, STR("nothing")) < 0);
	EXPECT(strstr(err_text(&p.g.told.err), "executable file not found in $PATH"));
	buf_done(&out);
	buf_done(&err);
	pod_close(&p);
}

TEST(a_command_that_takes_too_long_is_killed)
{
	struct pod p;
	REQUIRE(pod_open(&p, RIG_SHELL("exec sleep 1000"), false, false));
	const struct str command[] = {STR("sleep"), STR("777")};
	EXPECT_INT(exec(&p, command, 2, NULL, NULL, 300 * MSEC), ERR_TIMEOUT);
	for (int i = 0; i < 100 && rig_number("pgrep -c -f 'sleep [7]77'"); i++)
		rig_pause(&p.g, 20 * MSEC);
	EXPECT_INT(rig_number("pgrep -c -f 'sleep [7]77'"), 0);
	pod_close(&p);
}

TEST(a_session_has_streams_of_its_own)
{
	struct pod p;
	struct buf text = BUF_INIT(64 * KIB);
	REQUIRE(pod_open(&p, RIG_SHELL("exec sleep 1000"), false, false));
	const struct str command[] = {
		STR("sh"), STR("-c"), STR("read x; echo got $x; echo no >&2; exit 9")};
	struct runtime_session s = {.container = p.create.id,
		.command = command,
		.command_count = 3,
		.stdin = true,
		.stdout = true,
		.stderr = true};
	struct runtime *r = p.g.r;
	r->ops->session_start(r, rig_op(&p.g), p.g.t.root, &s);
	REQUIRE(rig_done(&p.g, "session") == 0);
	REQUIRE(s.in && s.out && s.err);
	say(&p.g, s.in, "something\n");
	EXPECT_STR(read_all(&p.g, s.out, &text), "got something\n");
	EXPECT_STR(read_all(&p.g, s.err, &text), "no\n");
	r->ops->session_wait(r, rig_op(&p.g), &s);
	rig_done(&p.g, "wait");
	EXPECT_INT(s.exit_code, 9);
	stream_close(s.in);
	stream_close(s.out);
	stream_close(s.err);
	buf_done(&text);
	pod_close(&p);
}

TEST(a_session_with_a_terminal_knows_its_size)
{
	struct pod p;
	struct buf text = BUF_INIT(64 * KIB);
	REQUIRE(pod_open(&p, RIG_SHELL("exec sleep 1000"), false, false));
	const struct str command[] = {STR("sh")};
	struct runtime_session s = {.container = p.create.id,
		.command = command,
		.command_count = 1,
		.stdin = true,
		.stdout = true,
		.tty = true};
	struct runtime *r = p.g.r;
	r->ops->session_start(r, rig_op(&p.g), p.g.t.root, &s);
	REQUIRE(rig_done(&p.g, "session") == 0);
	REQUIRE(s.in && s.out && !s.err);
	r->ops->session_resize(r, &s, 123, 45);
	say(&p.g, s.in, "stty size; tty; echo $TERM; exit 3\n");
	EXPECT(read_until(&p.g, s.out, &text, "xterm"));
	EXPECT(strstr(buf_text(&text), "45 123"));
	EXPECT(strstr(buf_text(&text), "/dev/pts/0"));
	r->ops->session_wait(r, rig_op(&p.g), &s);
	rig_done(&p.g, "wait");
	EXPECT_INT(s.exit_code, 3);
	stream_close(s.in);
	stream_close(s.out);
	buf_done(&text);
	pod_close(&p);
}

TEST(who_attaches_talks_with_the_container_itself)
{
	struct pod p;
	struct buf text = BUF_INIT(64 * KIB);
	REQUIRE(pod_open(
		&p, RIG_SHELL("while read x; do echo said $x; done; exit 6"), true, false));
	struct runtime_session s = {
		.container = p.create.id, .stdin = true, .stdout = true, .stderr = true};
	struct runtime *r = p.g.r;
	r->ops->session_start(r, rig_op(&p.g), p.g.t.root, &s);
	REQUIRE(rig_done(&p.g, "attach") == 0);
	REQUIRE(s.in && s.out && s.err);
	say(&p.g, s.in, "one\n");
	EXPECT(read_until(&p.g, s.out, &text, "said one\n"));
	rig_stop_container(&p.g, p.create.id, 0);
	r->ops->session_wait(r, rig_op(&p.g), &s);
	rig_done(&p.g, "wait");
	EXPECT_INT(s.exit_code, 137);
	EXPECT_STR(read_all(&p.g, s.out, &text), "");
	stream_close(s.in);
	stream_close(s.out);
	stream_close(s.err);
	buf_done(&text);
	pod_close(&p);
}

TEST(a_terminal_of_the_container_is_attached_to_and_resized)
{
	struct pod p;
	struct buf text = BUF_INIT(64 * KIB);
	REQUIRE(pod_open(&p, RIG_SHELL("exec sh"), true, true));
	struct runtime_session s = {
		.container = p.create.id, .stdin = true, .stdout = true, .tty = true};
	struct runtime *r = p.g.r;
	r->ops->session_start(r, rig_op(&p.g), p.g.t.root, &s);
	REQUIRE(rig_done(&p.g, "attach") == 0);
	REQUIRE(s.in && s.out);
	r->ops->session_resize(r, &s, 81, 31);
	say(&p.g, s.in, "stty size; test -e /dev/console && exit 2\n");
	EXPECT(read_until(&p.g, s.out, &text, "31 81"));
	r->ops->session_wait(r, rig_op(&p.g), &s);
	rig_done(&p.g, "wait");
	EXPECT_INT(s.exit_code, 2);
	EXPECT_INT(rig_end_of(&p.g, p.create.id)->exit_code, 2);
	stream_close(s.in);
	stream_close(s.out);
	buf_done(&text);
	pod_close(&p);
}

TEST(ports_of_a_pod_are_connected_to)
{
	struct pod p;
	struct buf text = BUF_INIT(64 * KIB);
	struct stream *stream = NULL;
	REQUIRE(pod_open(
		&p, RIG_SHELL("while true; do echo deep | nc -l -p 80; done"), false, false));
	struct runtime *r = p.g.r;
	/* It listens a moment after its start. */
	for (int i = 0; i < 100 && !stream; i++) {
		r->ops->connect(r, rig_op(&p.g), p.g.t.root, p.run.id, 80, &stream);
		if (rig_await(&p.g))
			rig_pause(&p.g, 20 * MSEC);
	}
	REQUIRE(stream);
	EXPECT(read_until(&p.g, stream, &text, "deep\n"));
	stream_close(TAKE(stream));
	r->ops->connect(r, rig_op(&p.g), p.g.t.root, p.run.id, 81, &stream);
	EXPECT_INT(rig_await(&p.g), ERR_REFUSED);
	buf_done(&text);
	pod_close(&p);
}

TEST(sessions_end_with_their_pod)
{
	struct pod p;
	REQUIRE(pod_open(&p, RIG_SHELL("exec sleep 1000"), false, false));
	const struct str command[] = {STR("sleep"), STR("500")};
	struct runtime_session s = {
		.container = p.create.id, .command = command, .command_count = 2, .stdout = true};
	struct runtime *r = p.g.r;
	struct told waiting = {0};
	r->ops->session_start(r, rig_op(&p.g), p.g.t.root, &s);
	REQUIRE(rig_done(&p.g, "session") == 0);
	r->ops->session_wait(r, told_op(&waiting, p.g.t.root, OP_NO_DEADLINE), &s);
	rig_remove_sandbox(&p.g, p.run.id);
	loop_test_run_until(&p.g.t, &waiting.done);
	EXPECT(waiting.err.code == ERR_CLOSED || s.exit_code == 137);
	stream_close(s.out);
	told_done(&waiting);
	rig_close(&p.g);
}
