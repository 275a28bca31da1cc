/* Our server, reached by clients that others wrote: curl, nghttp, h2load. */
#include <kube/http_server.h>
#include <kube/mem.h>
#include <kube/time.h>
#include <kube/work.h>

#include <loop_test.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static struct loop_test lt;
static struct http_server *server;
static uint16_t port;

/* ---- a handler: GET a kilobyte, POST an echo ---- */

struct answer {
	struct http_exchange *x;
	struct buf body;
};

static char page[1024];

static void answered(struct op *op, struct err *err)
{
	struct answer *a = CONTAINER_OF(op, struct http_exchange, op)->handler;
	(void)err;
	buf_done(&a->body);
	http_exchange_done(a->x);
}

static void got_body(struct op *op, struct err *err)
{
	struct answer *a = CONTAINER_OF(op, struct http_exchange, op)->handler;
	op_init(op, &a->x->scope, answered, OP_NO_DEADLINE);
	if (err->code)
		http_respond(a->x, op, 413, NULL, 0, STR("too large"));
	else
		http_respond(a->x, op, 200, NULL, 0, buf_str(&a->body));
}

static void handle(void *ctx, struct http_exchange *x)
{
	struct answer *a = arena_new(&x->arena, sizeof(*a));
	(void)ctx;
	*a = (struct answer){.x = x, .body = BUF_INIT(2 * MIB)};
	x->handler = a;
	if (str_eq(x->request.method, STR("POST"))) {
		op_init(&x->op, &x->scope, got_body, OP_NO_DEADLINE);
		http_read_all(x, &x->op, &a->body, 2 * MIB);
		return;
	}
	op_init(&x->op, &x->scope, answered, OP_NO_DEADLINE);
	http_respond(x, &x->op, 200, NULL, 0, str_make(page, sizeof(page)));
}

/* ---- a command, on a worker thread while the loop serves ---- */

struct command {
	struct work work;
	struct told told;
	char line[512];
	struct buf out;
	int status;
};

static void command_run(struct work *w)
{
	struct command *c = CONTAINER_OF(w, struct command, work);
	FILE *f = popen(c->line, "r");
	if (!f) {
		c->status = -1;
		return;
	}
	char *at;
	while ((at = buf_reserve(&c->out, 4096))) {
		size_t n = fread(at, 1, 4096, f);
		if (n == 0)
			break;
		buf_advance(&c->out, n);
	}
	c->status = pclose(f);
}

static void command(struct command *c, const char *format, const char *more)
{
	memset(c, 0, sizeof(*c));
	buf_init(&c->out, 8 * MIB);
	int n = snprintf(c->line, sizeof(c->line), format, port);
	snprintf(c->line + n, sizeof(c->line) - (size_t)n, "%s", more);
	work_start(&c->work, told_op(&c->told, lt.root, OP_NO_DEADLINE), WORK_DISK, command_run);
	loop_test_run_until(&lt, &c->told.done);
	EXPECT_INT(c->told.err.code, 0);
	if (!EXPECT(WIFEXITED(c->status) && WEXITSTATUS(c->status) == 0))
		fprintf(stderr, "%s\n%s\n", c->line, buf_text(&c->out));
}

static void command_done(struct command *c)
{
	told_done(&c->told);
	buf_done(&c->out);
}

static void begin(void)
{
	struct err err = {0};
	memset(page, 'k', sizeof(page));
	loop_test_init(&lt, LOOP_TEST_REAL);
	struct http_server_options o = {.handler = handle, .name = "test"};
	server = http_server_new(lt.env, lt.root, &o);
	struct address at = address_of(ip_v4(127, 0, 0, 1), 0), bound;
	EXPECT_OK(http_server_listen(server, &at, &bound, &err), &err);
	port = bound.port;
}

static void end(void)
{
	struct told told = {0};
	http_server_stop(server, told_op(&told, lt.root, OP_NO_DEADLINE), 5 * SEC);
	loop_test_run_until(&lt, &told.done);
	told_done(&told);
	http_server_free(server);
	loop_shutdown(lt.loop);
	loop_test_done(&lt);
}

TEST(curl_gets_and_posts)
{
	struct command c;
	begin();
	command(&c,
		"curl -sS --http2-prior-knowledge -w '%%{http_version} %%{http_code}' "
		"http://127.0.0.1:%u/",
		"");
	EXPECT_INT(c.out.len, 1024 + 5);
	EXPECT(str_ends(buf_str(&c.out), STR("k2 200")));
	command_done(&c);
	command(&c,
		"head -c 300000 /dev/zero | curl -sS --http2-prior-knowledge "
		"--data-binary @- http://127.0.0.1:%u/",
		"");
	EXPECT_INT(c.out.len, 300000);
	command_done(&c);
	/* "Expect: 100-continue", and an answer before the body has been sent. */
	command(&c,
		"head -c 2500000 /dev/zero | curl -sS -o /dev/null -w '%%{http_code}' "
		"--http2-prior-knowledge -H 'Expect: 100-continue' "
		"--data-binary @- http://127.0.0.1:%u/",
		"");
	EXPECT_STR(buf_str(&c.out), "413");
	command_done(&c);
	end();
}

TEST(nghttp_finds_nothing_wrong)
{
	struct command c;
	begin();
	command(&c, "nghttp -v -n http://127.0.0.1:%u/", "a 2>&1");
	EXPECT(str_find(buf_str(&c.out), STR(":status: 200")) >= 0);
	EXPECT(str_find(buf_str(&c.out), STR("END_STREAM")) >= 0);
	EXPECT(str_find(buf_str(&c.out), STR("RST_STREAM")) < 0);
	command_done(&c);
	end();
}

TEST(h2load_loses_no_request)
{
	struct command c;
	begin();
	command(&c, "h2load -n 20000 -c 10 -m 100 http://127.0.0.1:%u/", " 2>&1");
	EXPECT(str_find(buf_str(&c.out), STR("20000 succeeded, 0 failed, 0 errored")) >= 0);
	command_done(&c);
	/* Bodies to the server, small windows of the client's. */
	command(&c,
		"head -c 100000 /dev/zero >/tmp/h2load.$$; "
		"h2load -n 1000 -c 5 -m 20 -w 14 -W 16 -d /tmp/h2load.$$ "
		"http://127.0.0.1:%u/",
		" 2>&1; rm -f /tmp/h2load.$$");
	EXPECT(str_find(buf_str(&c.out), STR("1000 succeeded, 0 failed, 0 errored")) >= 0);
	command_done(&c);
	end();
}
