/* Clients in the names of service accounts, on virtual time. */
#include "sim_world.h"

#include <kube/identities.h>

#define ACCOUNT "serviceaccounts/kube-system/porter"
#define MAP     "{\"data\":{\"v\":\"1\"}}"

struct accounts {
	struct world *w, own;
	struct identities *all;
	struct client_transport *below;
};

static struct client_transport *transport(void *ctx, const char *account)
{
	struct accounts *x = ctx;

	return client_transport_account(
		x->w->root, x->w->client, x->below, STR(IDENTITIES_NAMESPACE), str_from(account));
}

static void begin(struct accounts *x)
{
	struct world *w = x->w;

	x->below = client_transport_local(w->env, w->root, fake_handle, &w->api);
	const struct identities_options options = {.client = {.user_agent = "sim"},
		.transport = transport,
		.ctx = x,
		.below = x->below};
	x->all = identities_new(w->env, &options);
}

static void end(struct accounts *x)
{
	struct told told = {0};

	identities_stop(x->all, told_op(&told, x->w->root, OP_NO_DEADLINE));
	world_await(x->w, &told);
	told_done(&told);
	identities_free(x->all);
}

static void open_accounts(struct accounts *x)
{
	*x = (struct accounts){0};
	x->w = &x->own;
	world_open(x->w, 1);
	begin(x);
	fake_put(&x->w->api, "configmaps/a/one", MAP);
}

static void close_accounts(struct accounts *x)
{
	end(x);
	world_close(x->w);
}

struct look {
	struct client_request q;
	struct told told;
};

static void look_start(struct accounts *x, struct look *l, const char *account)
{
	*l = (struct look){0};
	client_request_init(&l->q, CLIENT_GET, resource_find(STR(""), STR("v1"), STR("configmaps")),
		STR("a"), STR("one"));
	client_send(identities_client(x->all, account),
		told_op(&l->told, x->w->root, OP_NO_DEADLINE), &l->q);
}

static int look_end(struct accounts *x, struct look *l)
{
	world_await(x->w, &l->told);
	int code = l->told.err.code;
	client_request_done(&l->q);
	told_done(&l->told);
	return code;
}

static int look(struct accounts *x)
{
	struct look l;

	look_start(x, &l, "porter");
	return look_end(x, &l);
}

static bool shows(struct accounts *x, const char *token)
{
	return str_starts(str_from(x->w->api.authorization), str_from(token));
}

TEST(an_account_is_made_and_asked_for_one_token)
{
	struct accounts x;
	struct look looks[3];

	open_accounts(&x);
	for (int i = 0; i < 3; i++)
		look_start(&x, &looks[i], "porter");
	for (int i = 0; i < 3; i++)
		EXPECT_INT(look_end(&x, &looks[i]), 0);
	EXPECT(world_text(x.w, ACCOUNT).len > 0);
	EXPECT_INT(x.w->api.tokens, 1);
	EXPECT(shows(&x, "Bearer token-1"));
	close_accounts(&x);
}

TEST(each_account_has_its_own)
{
	struct accounts x;
	struct look one, two;

	open_accounts(&x);
	EXPECT(identities_client(x.all, "porter") == identities_client(x.all, "porter"));
	EXPECT(identities_client(x.all, "porter") != identities_client(x.all, "driver"));
	look_start(&x, &one, "porter");
	look_start(&x, &two, "driver");
	EXPECT_INT(look_end(&x, &one), 0);
	EXPECT_INT(look_end(&x, &two), 0);
	EXPECT(world_text(x.w, "serviceaccounts/kube-system/driver").len > 0);
	EXPECT_INT(x.w->api.tokens, 2);
	close_accounts(&x);
}

TEST(a_token_is_replaced_before_its_time_is_over)
{
	struct accounts x;

	open_accounts(&x);
	EXPECT_INT(look(&x), 0);
	world_pass(x.w, 40 * MINUTE);
	EXPECT_INT(look(&x), 0);
	EXPECT(shows(&x, "Bearer token-1"));
	world_pass(x.w, 10 * MINUTE);
	EXPECT_INT(look(&x), 0);
	EXPECT(shows(&x, "Bearer token-2"));
	close_accounts(&x);
}

TEST(an_old_token_is_shown_while_there_is_no_other)
{
	struct accounts x;

	open_accounts(&x);
	EXPECT_INT(look(&x), 0);
	world_pass(x.w, 50 * MINUTE);
	x.w->api.refuse_code = 403;
	x.w->api.refuse_reason = "Forbidden";
	x.w->api.refuse_times = 1;
	EXPECT_INT(look(&x), 0);
	EXPECT(shows(&x, "Bearer token-1"));
	EXPECT_INT(look(&x), 0);
	EXPECT(shows(&x, "Bearer token-2"));
	close_accounts(&x);
}

TEST(a_token_that_is_refused_is_not_shown_again)
{
	struct accounts x;

	open_accounts(&x);
	EXPECT_INT(look(&x), 0);
	x.w->api.refuse_code = 401;
	x.w->api.refuse_reason = "Unauthorized";
	x.w->api.refuse_times = 1;
	EXPECT_INT(look(&x), ERR_UNAUTHORIZED);
	fake_put(&x.w->api, ACCOUNT, NULL);
	EXPECT_INT(look(&x), 0);
	EXPECT(world_text(x.w, ACCOUNT).len > 0);
	EXPECT(shows(&x, "Bearer token-2"));
	close_accounts(&x);
}

TEST(without_a_token_nothing_is_asked)
{
	struct accounts x;

	open_accounts(&x);
	x.w->api.refuse_code = 403;
	x.w->api.refuse_reason = "Forbidden";
	x.w->api.refuse_times = 1;
	EXPECT_INT(look(&x), ERR_FORBIDDEN);
	EXPECT_INT(x.w->api.requests, 1);
	EXPECT_INT(look(&x), 0);
	close_accounts(&x);
}

/* ---- torture: two that wait for one token, of which one leaves ---- */

static void ask_twice(struct world *w)
{
	struct accounts x = {.w = w};
	struct look looks[2];

	begin(&x);
	fake_put(&w->api, "configmaps/a/one", MAP);
	for (int i = 0; i < 2; i++)
		look_start(&x, &looks[i], "porter");
	op_cancel(&looks[0].told.op);
	for (int i = 0; i < 2; i++)
		look_end(&x, &looks[i]);
	end(&x);
}

TEST(any_await_may_fail)
{
	world_torture(ask_twice);
}
