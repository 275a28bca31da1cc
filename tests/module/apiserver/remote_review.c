/* Reviews asked of a server elsewhere, over TLS: what it answers, fails at, and never answers. */
#include "loop_torture.h"
#include "tls_world.h"

#include "apiserver/remote_review.h"

#include <kube/http_server.h>
#include <kube/time.h>

enum mood { MOOD_GOOD, MOOD_FAILING, MOOD_FORBIDDEN, MOOD_HANGING, MOOD_CUT };

static struct {
	struct tls_world tls;
	struct tls_world_identity identity;
	struct tls_config *config;
	char dir[64], file[96];
	/* of a round */
	struct loop_test *t;
	struct http_server *server;
	struct remote_reviewer *reviewer;
	struct remote_review review;
	struct told asked, stopped;
	struct buf body; /* as the server got it */
	enum mood mood;
	int requests, failures; /* so many requests fail before one is answered */
	bool drop_early;
} rig;

/* ---- the server ---- */

static void answered(struct op *op, struct err *err)
{
	(void)err;
	http_exchange_done(CONTAINER_OF(op, struct http_exchange, op));
}

static void answer(struct http_exchange *x, int code, struct str body)
{
	op_init(&x->op, &x->scope, answered, OP_NO_DEADLINE);
	http_respond(x, &x->op, code, NULL, 0, body);
}

static void have_body(struct op *op, struct err *err)
{
	struct http_exchange *x = CONTAINER_OF(op, struct http_exchange, op);

	if (err->code || rig.mood == MOOD_CUT)
		http_exchange_done(x);
	else if (rig.mood == MOOD_HANGING)
		timer_wait((op_init(&x->op, &x->scope, answered, OP_NO_DEADLINE), &x->op),
			loop_in(rig.t->loop, HOUR));
	else if (rig.mood == MOOD_FORBIDDEN)
		answer(x, 403, STR("{\"kind\":\"Status\",\"message\":\"not you\"}"));
	else if (rig.requests++ < rig.failures)
		answer(x, 500, STR("again"));
	else
		answer(x, 200,
			STR("{\"kind\":\"R\",\"apiVersion\":\"g/v1\",\"status\":{\"a\":true}}"));
}

static void handle(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	EXPECT_STR(x->request.method, "POST");
	EXPECT_STR(x->request.target, "/review?timeout=2s");
	buf_clear(&rig.body);
	op_init(&x->op, &x->scope, have_body, OP_NO_DEADLINE);
	http_read_all(x, &x->op, &rig.body, MIB);
}

/* ---- the world ---- */

static void world_open(void)
{
	_cleanup_(buf_done) struct buf ca = BUF_INIT(MIB);
	char path[128];
	FILE *f;

	memset(&rig, 0, sizeof(rig));
	tls_world_init(&rig.tls, clock_wall());
	tls_world_issue(&rig.tls,
		&(struct tls_world_want){.name = "hook", .usages = CERT_SERVER, .ip = "127.0.0.1"},
		&rig.identity);
	struct tls_server_options options = {
		.identities = &rig.identity.identity, .identity_count = 1};
	EXPECT_INT(tls_config_new_server(&options, &rig.config, NULL), 0);
	strcpy(rig.dir, "/tmp/kube-review-XXXXXX");
	EXPECT(mkdtemp(rig.dir) != NULL);
	snprintf(rig.file, sizeof(rig.file), "%s/kubeconfig", rig.dir);
	snprintf(path, sizeof(path), "%s/ca.crt", rig.dir);
	cert_print_pem(rig.tls.ca.items[0], &ca);
	f = fopen(path, "w");
	fwrite(ca.at, 1, ca.len, f);
	fclose(f);
}

static void world_close(void)
{
	char command[128];

	tls_config_unref(rig.config);
	tls_world_identity_done(&rig.identity);
	tls_world_done(&rig.tls);
	snprintf(command, sizeof(command), "rm -r %s", rig.dir);
	EXPECT_INT(system(command), 0);
}

static void write_kubeconfig(uint16_t port)
{
	FILE *f = fopen(rig.file, "w");

	fprintf(f,
		"clusters: [{name: c, cluster: {server: 'https://127.0.0.1:%u/review', "
		"certificate-authority: ca.crt}}]\nusers: [{name: u, user: {token: t}}]\n"
		"contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n",
		port);
	fclose(f);
}

static void over(struct op *op, struct err *err)
{
	struct told *told = CONTAINER_OF(op, struct told, op);

	told->done = true;
	told->times++;
	told->n = op->n;
	err_move(&told->err, err);
	remote_reviewer_drop(TAKE(rig.reviewer));
	http_server_stop(rig.server, told_op(&rig.stopped, rig.t->root, OP_NO_DEADLINE), 0);
}

static void round_start(struct loop_test *t, void *ctx)
{
	struct address at = address_of(ip_v4(127, 0, 0, 1), 0);
	struct http_server_options server = {.handler = handle, .tls = rig.config};
	struct remote_reviewer_options options = {
		.file = str_from(rig.file), .timeout = 2 * SEC, .pause = MSEC};
	_cleanup_(err_done) struct err err = {0};

	(void)ctx;
	rig.t = t;
	rig.requests = 0;
	told_done(&rig.asked);
	rig.asked = (struct told){0};
	rig.stopped = (struct told){0};
	rig.review = (struct remote_review){0};
	buf_init(&rig.body, MIB);
	rig.server = http_server_new(t->env, t->root, &server);
	EXPECT_INT(http_server_listen(rig.server, &at, &at, NULL), 0);
	write_kubeconfig(at.port);
	EXPECT_OK(remote_reviewer_new(t->env, t->root, &options, &rig.reviewer, &err), &err);
	op_init(&rig.asked.op, t->root, over, OP_NO_DEADLINE);
	remote_review_start(&rig.review, rig.reviewer, &rig.asked.op, STR("{\"q\":1}"));
	if (rig.drop_early)
		remote_reviewer_drop(TAKE(rig.reviewer));
}

static void round_end(struct loop_test *t, void *ctx)
{
	(void)ctx;
	EXPECT_INT(rig.asked.times, 1);
	if (!loop_torture_hit(t->loop) && rig.mood == MOOD_GOOD && !rig.drop_early) {
		_cleanup_(arena_done) struct arena a;
		struct cJSON *status = NULL;

		arena_init(&a);
		EXPECT_INT(rig.asked.err.code, 0);
		EXPECT_STR(buf_str(&rig.body), "{\"q\":1}");
		EXPECT_INT(remote_review_read(&a, buf_str(&rig.review.answer), "R", STR("g/v1"),
				   &status, NULL),
			0);
		EXPECT(json_bool(json_get(status, STR("a"))));
	}
	remote_review_done(&rig.review);
	buf_done(&rig.body);
	told_done(&rig.stopped);
	http_server_free(rig.server);
}

static void one_round(enum mood mood, int failures)
{
	struct loop_test t;

	rig.mood = mood;
	rig.failures = failures;
	loop_test_init(&t, LOOP_TEST_REAL);
	round_start(&t, NULL);
	loop_test_run(&t);
	round_end(&t, NULL);
	loop_test_done(&t);
}

/* ---- tests ---- */

TEST(a_review_is_answered)
{
	world_open();
	one_round(MOOD_GOOD, 0);
	EXPECT_INT(rig.asked.n, 200);
	EXPECT_INT(rig.requests, 1);
	told_done(&rig.asked);
	world_close();
}

TEST(failures_that_pass_are_tried_again_but_not_for_ever)
{
	world_open();
	one_round(MOOD_GOOD, 4);
	EXPECT_INT(rig.requests, 5);
	told_done(&rig.asked);
	rig.asked = (struct told){0};
	one_round(MOOD_FAILING, 5);
	EXPECT_INT(rig.requests, 5);
	EXPECT_STR(str_from(err_text(&rig.asked.err)),
		"an error on the server (\"again\") has prevented the request from succeeding");
	told_done(&rig.asked);
	world_close();
}

TEST(a_refusal_is_told_in_the_servers_words_at_once)
{
	world_open();
	one_round(MOOD_FORBIDDEN, 0);
	EXPECT_STR(str_from(err_text(&rig.asked.err)), "not you");
	told_done(&rig.asked);
	world_close();
}

TEST(a_server_that_does_not_answer_is_not_waited_for_longer_than_said)
{
	world_open();
	one_round(MOOD_HANGING, 0);
	EXPECT_INT(rig.asked.err.code, ERR_TIMEOUT);
	EXPECT(strstr(err_text(&rig.asked.err), "/review?timeout=2s\": context deadline exceeded"));
	told_done(&rig.asked);
	world_close();
}

TEST(a_server_that_breaks_off_is_an_error)
{
	world_open();
	one_round(MOOD_CUT, 0);
	EXPECT(rig.asked.err.code != 0);
	told_done(&rig.asked);
	world_close();
}

TEST(a_server_that_is_not_there_is_told_as_go_tells_it)
{
	struct loop_test t;
	struct remote_reviewer_options options = {.timeout = 2 * SEC, .pause = MSEC};
	struct told told = {0};
	_cleanup_(err_done) struct err err = {0};

	world_open();
	loop_test_init(&t, LOOP_TEST_REAL);
	write_kubeconfig(1);
	options.file = str_from(rig.file);
	EXPECT_OK(remote_reviewer_new(t.env, t.root, &options, &rig.reviewer, &err), &err);
	remote_review_start(
		&rig.review, rig.reviewer, told_op(&told, t.root, OP_NO_DEADLINE), STR("{}"));
	loop_test_run_until(&t, &told.done);
	EXPECT_STR(str_from(err_text(&told.err)),
		"Post \"https://127.0.0.1:1/review?timeout=2s\": dial tcp 127.0.0.1:1: connect: "
		"connection refused");
	told_done(&told);
	remote_review_done(&rig.review);
	remote_reviewer_drop(TAKE(rig.reviewer));
	loop_test_done(&t);
	world_close();
}

TEST(a_reviewer_that_goes_ends_what_is_under_way)
{
	world_open();
	rig.drop_early = true;
	one_round(MOOD_GOOD, 0);
	EXPECT_INT(rig.asked.err.code, ERR_CANCELLED);
	told_done(&rig.asked);
	world_close();
}

TEST(asking_survives_torture)
{
	world_open();
	rig.mood = MOOD_GOOD;
	rig.failures = 1;
	EXPECT(loop_torture_run(LOOP_TEST_REAL, round_start, round_end, NULL) > 10);
	told_done(&rig.asked);
	world_close();
}
