/* Calls to webhooks over real TLS: what is sent, what comes back, and what goes wrong. */
#include "api_rig.h"
#include "loop_torture.h"
#include "webhook_rig.h"

#include "apiserver/webhook_call.h"

struct calls {
	struct api_rig api;
	struct webhook_rig hook;
	struct webhook_call call;
	struct told told;
	struct arena arena;
	int status;
	const char *type, *answer;
	int64_t delay;
	bool breaks;
	/* what the hook has seen */
	struct str target, body, authorization, host, content_type;
	bool showed_certificate;
};

static void answer(struct webhook_asked *a, void *ctx)
{
	struct calls *c = ctx;
	const struct http_request *q = &a->x->request;

	c->target = arena_str(&c->arena, q->target);
	c->body = arena_str(&c->arena, buf_str(&a->body));
	c->authorization =
		arena_str(&c->arena, http_headers_get(&q->headers, STR("Authorization")));
	c->content_type = arena_str(&c->arena, http_headers_get(&q->headers, STR("Content-Type")));
	c->showed_certificate = a->x->peer->tls_info.peer && a->x->peer->tls_info.peer->count;
	a->status = c->status;
	a->type = str_from(c->type);
	a->answer = str_from(c->answer);
	a->delay = c->delay;
	a->breaks = c->breaks;
}

static bool calls_open(struct calls *c)
{
	*c = (struct calls){.status = 200, .type = "application/json", .answer = "{}"};
	arena_init(&c->arena);
	if (!api_rig_open_with(&c->api, API_RIG_LOCAL, "--enable-aggregator-routing=true"))
		return false;
	webhook_rig_open(&c->hook, c->api.t.env, c->api.t.root, "web.default.svc", answer, c);
	c->call.target = (struct backend_target){
		.url = arena_print(&c->arena, "%s/hook", c->hook.url), .ca = buf_str(&c->hook.ca)};
	c->call.body = STR("{\"question\":1}");
	return true;
}

static void calls_close(struct calls *c)
{
	webhook_rig_end(&c->hook, &c->api.t);
	arena_done(&c->arena);
	api_rig_close(&c->api);
}

/* The error's text, in the arena; empty: none. The answer is in the arena, too. */
static struct str ask(struct calls *c, int64_t patience, struct str *got)
{
	struct str text;

	c->told = (struct told){0};
	webhook_call_start(c->api.server->backends,
		told_op(&c->told, c->api.t.root,
			patience ? loop_in(c->api.t.loop, patience) : OP_NO_DEADLINE),
		&c->call);
	loop_test_run_until(&c->api.t, &c->told.done);
	text = arena_str(&c->arena, c->told.err.code ? str_from(err_text(&c->told.err)) : STR(""));
	if (got)
		*got = arena_str(&c->arena, buf_str(&c->call.answer));
	told_done(&c->told);
	webhook_call_done(&c->call);
	return text;
}

static void create(struct calls *c, const char *group, const char *plural, const char *json)
{
	struct client_request q;

	client_request_init(&q, CLIENT_CREATE,
		resource_find(str_from(group), STR("v1"), str_from(plural)), STR("default"),
		STR(""));
	q.body = api_rig_json(&q.arena, json);
	EXPECT_INT(api_rig_send(&c->api, &q), 0);
	client_request_done(&q);
}

TEST(a_question_is_posted_and_its_answer_read)
{
	struct calls c;
	struct str got;

	if (!calls_open(&c))
		return;
	c.answer = "{\"answer\":2}";
	EXPECT_STR(ask(&c, 0, &got), "");
	EXPECT_STR(got, "{\"answer\":2}");
	EXPECT_STR(c.target, "/hook");
	EXPECT_STR(c.body, "{\"question\":1}");
	EXPECT_STR(c.content_type, "application/json");
	c.call.timeout = 9500 * MSEC;
	c.call.tells_timeout = true;
	EXPECT_STR(ask(&c, 0, NULL), "");
	EXPECT_STR(c.target, "/hook?timeout=10s");
	c.call.target.url = arena_print(&c.arena, "%s?a=b", c.hook.url);
	EXPECT_STR(ask(&c, 0, NULL), "");
	EXPECT_STR(c.target, "/?a=b&timeout=10s");
	calls_close(&c);
}

TEST(connections_are_used_again_and_one_that_was_closed_is_replaced)
{
	struct calls c;
	struct http_server_stats stats;

	if (!calls_open(&c))
		return;
	for (int i = 0; i < 5; i++)
		EXPECT_STR(ask(&c, 0, NULL), "");
	http_server_stats(c.hook.server, &stats);
	EXPECT_INT(stats.accepted, 1);
	calls_close(&c);
}

TEST(who_we_are_is_shown)
{
	struct calls c;
	struct client_config as = {.token = STR("hooktoken")};
	struct tls_world_identity me;
	_cleanup_(buf_done) struct buf cert = BUF_INIT(MIB), key = BUF_INIT(MIB);

	if (!calls_open(&c))
		return;
	EXPECT_STR(ask(&c, 0, NULL), "");
	EXPECT(!c.showed_certificate);
	tls_world_issue(
		&c.hook.world, &(struct tls_world_want){.name = "me", .usages = CERT_CLIENT}, &me);
	cert_print_pem(me.chain.items[0], &cert);
	key_print_pem(me.identity.key, &key);
	as.cert_data = buf_str(&cert);
	as.key_data = buf_str(&key);
	c.call.target.as = &as;
	EXPECT_STR(ask(&c, 0, NULL), "");
	EXPECT_STR(c.authorization, "Bearer hooktoken");
	EXPECT(c.showed_certificate);
	tls_world_identity_done(&me);
	calls_close(&c);
}

TEST(who_is_not_believed_is_not_asked)
{
	struct calls c;
	struct str text;

	if (!calls_open(&c))
		return;
	c.call.target.ca = STR("");
	text = ask(&c, 0, NULL);
	EXPECT(str_ends(text, STR("/hook\": tls: failed to verify certificate: x509: certificate "
				  "signed by unknown authority")));
	EXPECT_INT(c.hook.asked, 0);
	c.call.target.ca = STR("no pem");
	EXPECT_STR(ask(&c, 0, NULL),
		"unable to load root certificates: unable to parse bytes as PEM block");
	EXPECT(c.call.misconfigured);
	c.call.target.ca = buf_str(&c.hook.ca);
	c.call.target.server_name = STR("else.where");
	text = ask(&c, 0, NULL);
	EXPECT(str_find(text, STR("else.where")) >= 0);
	c.call.target.server_name = STR("localhost");
	EXPECT_STR(ask(&c, 0, NULL), "");
	c.call.target.server_name = STR("else.where");
	c.call.target.insecure = true;
	EXPECT_STR(ask(&c, 0, NULL), "");
	calls_close(&c);
}

TEST(who_does_not_answer_is_not_waited_for_for_ever)
{
	struct calls c;
	struct str wanted;

	if (!calls_open(&c))
		return;
	c.delay = INT64_MAX;
	c.call.timeout = 50 * MSEC;
	wanted = arena_print(&c.arena, "Post \"%s/hook\": context deadline exceeded", c.hook.url);
	EXPECT(str_eq(ask(&c, 0, NULL), wanted));
	EXPECT_INT(c.told.err.code, 0);
	c.call.timeout = 0;
	EXPECT(str_eq(ask(&c, 50 * MSEC, NULL), wanted));
	calls_close(&c);
}

TEST(refusals_are_told_in_their_own_words)
{
	struct calls c;

	if (!calls_open(&c))
		return;
	c.status = 500;
	c.answer = "out of \"order\"\n";
	EXPECT_STR(ask(&c, 0, NULL),
		"an error on the server (\"out of \\\"order\\\"\") has prevented the request from "
		"succeeding");
	c.status = 404;
	EXPECT_STR(ask(&c, 0, NULL), "the server could not find the requested resource");
	c.status = 400;
	c.answer = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":"
		   "\"not like that\",\"reason\":\"BadRequest\",\"code\":400}";
	EXPECT_STR(ask(&c, 0, NULL), "not like that");
	c.breaks = true;
	EXPECT(str_ends(ask(&c, 0, NULL), STR("/hook\": EOF")));
	calls_close(&c);
}

TEST(nobody_there_is_told_as_the_machine_says_it)
{
	struct calls c;

	if (!calls_open(&c))
		return;
	c.call.target.url = STR("https://127.0.0.1:1/x");
	EXPECT_STR(ask(&c, 0, NULL), "Post \"https://127.0.0.1:1/x\": dial tcp 127.0.0.1:1: "
				     "connect: connection refused");
	calls_close(&c);
}

/* ---- services ---- */

TEST(services_are_found_by_their_endpoints)
{
	struct calls c;

	if (!calls_open(&c))
		return;
	c.call.target.url = STR("");
	c.call.target.service.namespace = STR("default");
	c.call.target.service.name = STR("web");
	c.call.target.service.path = STR("/deep?x=y");
	c.call.timeout = 5 * SEC;
	c.call.tells_timeout = true;
	EXPECT_STR(ask(&c, 0, NULL),
		"Post \"https://web.default.svc:443/deep?x=y&timeout=5s\": service \"web\" not "
		"found");
	create(&c, "", "services",
		"{\"metadata\":{\"name\":\"web\"},\"spec\":{\"ports\":[{\"name\":\"https\","
		"\"port\":"
		"443}]}}");
	EXPECT_STR(ask(&c, 0, NULL),
		"Post \"https://web.default.svc:443/deep?x=y&timeout=5s\": no endpoints available "
		"for service \"web\"");
	create(&c, "discovery.k8s.io", "endpointslices",
		arena_print(&c.arena,
			"{\"metadata\":{\"name\":\"web-1\",\"labels\":{\"kubernetes.io/"
			"service-name\":\"web\"}},\"addressType\":\"IPv4\",\"endpoints\":[{"
			"\"addresses\":[\"10.1.2.3\"],\"conditions\":{\"ready\":false}}],"
			"\"ports\":[{\"name\":\"https\",\"port\":%u}]}",
			c.hook.at.port)
			.at);
	EXPECT(str_find(ask(&c, 0, NULL), STR("no endpoints available")) >= 0);
	c.call.target.service.port = 8443;
	EXPECT_STR(ask(&c, 0, NULL),
		"Post \"https://web.default.svc:8443/deep?x=y&timeout=5s\": no service port 8443 "
		"found for service \"web\"");
	calls_close(&c);
}

TEST(a_place_is_resolved_as_upstream_does)
{
	struct calls c;
	struct backend_place place;
	struct err err = {0};

	if (!calls_open(&c))
		return;
	create(&c, "", "services",
		"{\"metadata\":{\"name\":\"web\"},\"spec\":{\"clusterIP\":\"10.96.0.77\",\"ports\":"
		"[{\"name\":\"https\",\"port\":443}]}}");
	create(&c, "", "services",
		"{\"metadata\":{\"name\":\"none\"},\"spec\":{\"clusterIP\":\"None\",\"ports\":[{"
		"\"port\":443}]}}");
	create(&c, "", "services",
		"{\"metadata\":{\"name\":\"far\"},\"spec\":{\"type\":\"ExternalName\","
		"\"externalName\":\"far.example\"}}");
#define RESOLVE(name, port)                                                                        \
	backend_resolve(                                                                           \
		c.api.server, &c.arena, STR("default"), STR(name), port, false, &place, &err)
	EXPECT_INT(RESOLVE("web", 443), 0);
	EXPECT(place.port == 443 && place.ip.bytes[3] == 77);
	EXPECT(RESOLVE("none", 443) != 0);
	EXPECT_TEXT(err_text(&err), "cannot route to service with ClusterIP \"None\"");
	err_done(&err);
	EXPECT_INT(RESOLVE("far", 8443), 0);
	EXPECT_STR(place.name, "far.example");
	EXPECT_INT(place.port, 8443);
	EXPECT_INT(RESOLVE("kubernetes", 443), 0);
	EXPECT_INT(place.port, c.api.server->port);
	EXPECT(backend_resolve(c.api.server, &c.arena, STR("default"), STR("far"), 443, true,
		       &place, &err) != 0);
	EXPECT_TEXT(err_text(&err), "unsupported service type \"ExternalName\"");
	err_done(&err);
	calls_close(&c);
}

/* ---- torture ---- */

static void ask_at_all(void *ctx)
{
	struct calls *c = ctx;

	c->call.timeout = 5 * SEC;
	ask(c, 0, NULL);
}

static void is_answered(void *ctx)
{
	EXPECT_STR(ask(ctx, 0, NULL), "");
}

TEST(a_call_may_fail_anywhere)
{
	struct calls c;

	if (!calls_open(&c))
		return;
	loop_torture_on(c.api.t.loop, ask_at_all, is_answered, &c);
	calls_close(&c);
}
