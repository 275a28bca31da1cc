/* Requests that wait for an authorizer elsewhere, over real TLS: answered, given up, cut off. */
#include "api_rig.h"
#include "loop_torture.h"
#include "webhook_rig.h"

#include "apiserver/metrics.h"
#include "apiserver/server.h"

static struct {
	struct api_rig api;
	struct webhook_rig hook;
	struct client *other; /* whom only the webhook knows */
	bool hangs;
} rig;

static void answer(struct webhook_asked *a, void *ctx)
{
	(void)ctx;
	a->delay = rig.hangs ? INT64_MAX : 0;
	a->answer = STR("{\"kind\":\"SubjectAccessReview\",\"apiVersion\":\"authorization.k8s.io/"
			"v1\",\"status\":{\"allowed\":true}}");
}

static bool rig_open(void)
{
	char flags[256];
	struct client_options options = {.user_agent = "other/v1"};

	memset(&rig, 0, sizeof(rig));
	if (!api_rig_prepare(&rig.api))
		return false;
	webhook_rig_open(&rig.hook, rig.api.t.env, rig.api.t.root, NULL, answer, NULL);
	webhook_rig_write(&rig.hook, rig.api.dir, "/access");
	snprintf(flags, sizeof(flags),
		"--authorization-mode=RBAC,Webhook "
		"--authorization-webhook-version=v1 "
		"--authorization-webhook-cache-authorized-ttl=0s "
		"--authorization-webhook-config-file=%s/hook.kubeconfig",
		rig.api.dir);
	if (!api_rig_start(&rig.api, API_RIG_HTTPS, flags))
		return false;
	struct client_config config = {.server = str_from(rig.api.url),
		.ca_file = str_from(rig.api.ca_file),
		.token = STR("other")};
	rig.other = client_new(rig.api.t.env,
		client_transport_https(rig.api.t.env, rig.api.t.root, &config), &options);
	return true;
}

static void rig_close(void)
{
	api_rig_drop_client(&rig.api, rig.other);
	webhook_rig_end(&rig.hook, &rig.api.t);
	api_rig_close(&rig.api);
}

static void request_init(struct client_request *q)
{
	client_request_init(q, CLIENT_GET, resource_find(STR(""), STR("v1"), STR("namespaces")),
		STR(""), STR("default"));
}

static int get(void)
{
	struct client_request q;
	struct told told = {0};
	int code;

	request_init(&q);
	client_send(
		rig.other, told_op(&told, rig.api.t.root, loop_in(rig.api.t.loop, 10 * SEC)), &q);
	loop_test_run_until(&rig.api.t, &told.done);
	code = told.err.code;
	told_done(&told);
	client_request_done(&q);
	return code;
}

static int64_t under_way(void)
{
	return *metrics_number(
		rig.api.server->metrics, METRIC_INFLIGHT, STR("request_kind=\"readOnly\""));
}

TEST(an_authorizer_elsewhere_is_waited_for)
{
	if (!rig_open())
		return;
	EXPECT_INT(get(), 0);
	EXPECT_INT(rig.hook.asked, 1);
	rig_close();
}

TEST(whoever_closes_the_connection_is_waited_for_no_more)
{
	struct client_request q;
	struct told told = {0};
	int64_t *given_up;

	if (!rig_open())
		return;
	given_up = metrics_number(rig.api.server->metrics, METRIC_WEBHOOK_EVALUATIONS,
		STR("name=\"default\",result=\"canceled\""));
	rig.hangs = true;
	request_init(&q);
	client_send(rig.other, told_op(&told, rig.api.t.root, OP_NO_DEADLINE), &q);
	API_RIG_AWAIT(&rig.api, rig.hook.asked == 1);
	op_cancel(&told.op);
	loop_test_run_until(&rig.api.t, &told.done);
	EXPECT_INT(told.err.code, ERR_CANCELLED);
	told_done(&told);
	client_request_done(&q);
	api_rig_drop_client(&rig.api, TAKE(rig.other)); /* and with it the connection */
	API_RIG_AWAIT(&rig.api, *given_up == 1);
	API_RIG_AWAIT(&rig.api, under_way() == 0);
	rig.other = api_rig_client(&rig.api, API_RIG_HTTPS);
	EXPECT_INT(get(), 0); /* an administrator, who is known here */
	rig_close();
}

static void ask(void *ctx)
{
	(void)ctx;
	get();
}

static void is_answered(void *ctx)
{
	(void)ctx;
	API_RIG_AWAIT(&rig.api, get() == 0);
}

TEST(waiting_for_an_authorizer_may_fail_anywhere)
{
	if (!rig_open())
		return;
	loop_torture_on(rig.api.t.loop, ask, is_answered, NULL);
	rig_close();
}
