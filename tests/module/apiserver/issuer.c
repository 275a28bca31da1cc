/* An issuer of tokens elsewhere, over TLS: found out about, its keys fetched, and let go. */
#include "loop_torture.h"
#include "tls_world.h"

#include "apiserver/authn/fetch.h"
#include "apiserver/authn/issuer.h"

#include <kube/http_server.h>
#include <kube/jwt.h>
#include <kube/time.h>

static struct {
	struct tls_world tls;
	struct tls_world_identity identity;
	struct tls_config *config;
	struct buf authority; /* PEM */
	/* of a round */
	struct loop_test *t;
	struct http_server *server;
	char url[64];
	char keys[4096]; /* as published now */
	int key_requests;
	bool hangs;
	struct fetch fetch;
	struct told told, stopped;
	struct buf answer;
} rig;

/* ---- the issuer's server ---- */

static void answered(struct op *op, struct err *err)
{
	(void)err;
	http_exchange_done(CONTAINER_OF(op, struct http_exchange, op));
}

static void handle(void *ctx, struct http_exchange *x)
{
	struct str body;

	(void)ctx;
	op_init(&x->op, &x->scope, answered, OP_NO_DEADLINE);
	if (rig.hangs) {
		timer_wait(&x->op, loop_in(rig.t->loop, HOUR));
		return;
	}
	if (str_eq_text(x->request.target, "/keys")) {
		rig.key_requests++;
		body = str_from(rig.keys);
	} else {
		EXPECT_STR(x->request.target, "/.well-known/openid-configuration");
		body = arena_print(&x->arena, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/keys\"}",
			rig.url, rig.url);
	}
	http_respond(x, &x->op, 200, NULL, 0, body);
}

static void world_open(void)
{
	memset(&rig, 0, sizeof(rig));
	tls_world_init(&rig.tls, clock_wall());
	tls_world_issue(&rig.tls,
		&(struct tls_world_want){
			.name = "issuer", .usages = CERT_SERVER, .ip = "127.0.0.1"},
		&rig.identity);
	struct tls_server_options options = {
		.identities = &rig.identity.identity, .identity_count = 1};
	EXPECT_INT(tls_config_new_server(&options, &rig.config, NULL), 0);
	buf_init(&rig.authority, MIB);
	cert_print_pem(rig.tls.ca.items[0], &rig.authority);
}

static void world_close(void)
{
	buf_done(&rig.authority);
	tls_config_unref(rig.config);
	tls_world_identity_done(&rig.identity);
	tls_world_done(&rig.tls);
}

static void serve(struct loop_test *t)
{
	struct address at = address_of(ip_v4(127, 0, 0, 1), 0);
	struct http_server_options server = {.handler = handle, .tls = rig.config};

	rig.t = t;
	rig.server = http_server_new(t->env, t->root, &server);
	EXPECT_INT(http_server_listen(rig.server, &at, &at, NULL), 0);
	snprintf(rig.url, sizeof(rig.url), "https://127.0.0.1:%u", at.port);
}

static void stop_serving(void)
{
	http_server_stop(rig.server, told_op(&rig.stopped, rig.t->root, OP_NO_DEADLINE), 0);
}

/* ---- one document ---- */

static void fetched(struct op *op, struct err *err)
{
	struct told *told = CONTAINER_OF(op, struct told, op);

	told->times++;
	told->n = op->n;
	err_move(&told->err, err);
	stop_serving();
}

static void round_start(struct loop_test *t, void *ctx)
{
	(void)ctx;
	told_done(&rig.told);
	rig.told = rig.stopped = (struct told){0};
	rig.fetch = (struct fetch){0};
	snprintf(rig.keys, sizeof(rig.keys), "{\"keys\":[]}");
	serve(t);
	op_init(&rig.told.op, t->root, fetched, OP_NO_DEADLINE);
	fetch_start(&rig.fetch, t->env, &rig.told.op, str_from(strcat(rig.url, "/keys")),
		buf_str(&rig.authority));
}

static void round_end(struct loop_test *t, void *ctx)
{
	(void)ctx;
	EXPECT_INT(rig.told.times, 1);
	if (!loop_torture_hit(t->loop)) {
		EXPECT_INT(rig.told.err.code, 0);
		EXPECT_INT(rig.told.n, 200);
		EXPECT_STR(buf_str(&rig.fetch.body), "{\"keys\":[]}");
	}
	fetch_done(&rig.fetch);
	told_done(&rig.stopped);
	http_server_free(rig.server);
}

TEST(fetching_survives_torture)
{
	world_open();
	EXPECT(loop_torture_run(LOOP_TEST_REAL, round_start, round_end, NULL) > 6);
	told_done(&rig.told);
	world_close();
}

/* ---- tokens ---- */

static void publish(struct key *key)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * KIB);

	arena_init(&a);
	json_print(&text, jwt_public_key(&a, key), JSON_COMPACT);
	snprintf(rig.keys, sizeof(rig.keys), "{\"keys\":[%.*s]}", STRF(buf_str(&text)));
}

static enum issuer_verdict verify(
	struct issuer *i, struct arena *a, struct key *key, bool refreshed, struct err *err)
{
	_cleanup_(buf_done) struct buf token = BUF_INIT(JWT_MAX);
	struct jwt jwt;

	EXPECT_INT(jwt_sign(key, STR("{\"iss\":\"x\"}"), &token, NULL), 0);
	EXPECT_INT(jwt_read(a, arena_str(a, buf_str(&token)), &jwt, NULL), 0);
	return issuer_verify(i, a, &jwt, refreshed, err);
}

static void refresh(struct issuer *i)
{
	struct issuer_waiter waiters[2] = {0};
	struct told told[2] = {0};

	for (size_t k = 0; k < 2; k++)
		issuer_refresh(i, &waiters[k], told_op(&told[k], rig.t->root, OP_NO_DEADLINE));
	for (size_t k = 0; k < 2; k++) {
		loop_test_run_until(rig.t, &told[k].done);
		EXPECT_INT(told[k].err.code, 0);
		told_done(&told[k]);
	}
}

static void wait_a_little(int64_t ns)
{
	struct told told = {0};

	timer_wait(told_op(&told, rig.t->root, OP_NO_DEADLINE), loop_in(rig.t->loop, ns));
	loop_test_run_until(rig.t, &told.done);
	told_done(&told);
}

static struct issuer *begin(struct issuer_settings *s, struct arena *a, struct key *key)
{
	_cleanup_(err_done) struct err err = {0};
	struct issuer *i;

	s->url = str_from(rig.url);
	s->authority = buf_str(&rig.authority);
	i = issuer_new(rig.t->env, rig.t->root, s);
	EXPECT(verify(i, a, key, false, &err) == ISSUER_BAD);
	EXPECT_STR(str_from(err_text(&err)), "oidc: authenticator not initialized");
	for (int k = 0; k < 1000 && verify(i, a, key, false, NULL) == ISSUER_BAD; k++)
		wait_a_little(5 * MSEC);
	return i;
}

TEST(keys_are_fetched_once_for_all_who_wait_and_again_when_they_change)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	struct issuer_settings s = {0};
	struct key *first = NULL, *second = NULL;
	struct loop_test t;

	arena_init(&a);
	world_open();
	loop_test_init(&t, LOOP_TEST_REAL);
	serve(&t);
	EXPECT_INT(key_generate(KEY_ECDSA_P256, &first, NULL), 0);
	EXPECT_INT(key_generate(KEY_ECDSA_P256, &second, NULL), 0);
	publish(first);
	struct issuer *i = begin(&s, &a, first);
	EXPECT(verify(i, &a, first, false, NULL) == ISSUER_WAIT);
	refresh(i);
	EXPECT_INT(rig.key_requests, 1);
	EXPECT(verify(i, &a, first, false, NULL) == ISSUER_GOOD);
	EXPECT(verify(i, &a, second, false, NULL) == ISSUER_WAIT);
	EXPECT(verify(i, &a, second, true, &err) == ISSUER_BAD);
	EXPECT_STR(str_from(err_text(&err)), "oidc: verify token: failed to verify signature: "
					     "failed to verify id token signature");
	publish(second);
	refresh(i);
	EXPECT(verify(i, &a, second, false, NULL) == ISSUER_GOOD);
	EXPECT(verify(i, &a, first, true, NULL) == ISSUER_BAD);
	/* nonsense takes nothing back */
	snprintf(rig.keys, sizeof(rig.keys), "{");
	refresh(i);
	EXPECT(verify(i, &a, second, false, NULL) == ISSUER_GOOD);
	err_done(&err);
	EXPECT(verify(i, &a, first, true, &err) == ISSUER_BAD);
	EXPECT(strstr(err_text(&err), "fetching keys oidc: failed to decode keys"));
	issuer_drop(i);
	stop_serving();
	loop_test_run(&t);
	told_done(&rig.stopped);
	http_server_free(rig.server);
	key_unref(first);
	key_unref(second);
	loop_test_done(&t);
	world_close();
}

TEST(an_issuer_that_goes_leaves_nobody_waiting)
{
	_cleanup_(arena_done) struct arena a;
	struct issuer_settings s = {0};
	struct issuer_waiter waiters[2] = {0};
	struct told told[2] = {0};
	struct key *key = NULL;
	struct loop_test t;

	arena_init(&a);
	world_open();
	loop_test_init(&t, LOOP_TEST_REAL);
	serve(&t);
	EXPECT_INT(key_generate(KEY_ECDSA_P256, &key, NULL), 0);
	struct issuer *i = begin(&s, &a, key);
	rig.hangs = true;
	for (size_t k = 0; k < 2; k++)
		issuer_refresh(i, &waiters[k], told_op(&told[k], t.root, OP_NO_DEADLINE));
	op_cancel(&told[0].op);
	loop_test_run_until(&t, &told[0].done);
	EXPECT_INT(told[0].err.code, ERR_CANCELLED);
	issuer_drop(i);
	loop_test_run_until(&t, &told[1].done);
	EXPECT_INT(told[1].err.code, 0);
	stop_serving();
	loop_test_run(&t);
	for (size_t k = 0; k < 2; k++)
		told_done(&told[k]);
	told_done(&rig.stopped);
	http_server_free(rig.server);
	key_unref(key);
	loop_test_done(&t);
	world_close();
}
