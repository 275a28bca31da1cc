/*
 * What the server makes by itself it makes again, and puts right what people have changed, but for
 * what is theirs to change; whatever fails on the way.
 */
#include "api_world.h"

#include <kube/api_codec.h>

#define MERGE    "application/merge-patch+json"
#define MAPS     "/api/v1/namespaces/kube-system/configmaps"
#define CORE     "/api/v1/namespaces/default"
#define SLICE    "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"
#define CIDRS    "/apis/networking.k8s.io/v1/servicecidrs"
#define SCHEMAS  "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas"
#define LEVELS   "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations"
#define SERVICES "/apis/apiregistration.k8s.io/v1/apiservices"
#define SINCE    "kube-apiserver-legacy-service-account-token-tracking"

struct life {
	struct api_world w;
	struct client_transport *t;
	struct arena arena;
};

static bool life_open(struct life *l, const char *const *flags)
{
	arena_init(&l->arena);
	if (!api_world_open(&l->w, 3, flags))
		return false;
	l->t = client_transport_local(l->w.host, l->w.root, api_world_enter, l->w.server);
	return true;
}

static void leave(struct life *l)
{
	struct told told = {0};

	l->t->ops->stop(l->t, told_op(&told, l->w.root, OP_NO_DEADLINE));
	api_world_await(&l->w, &told);
	told_done(&told);
	l->t->ops->free(TAKE(l->t));
}

static void life_close(struct life *l)
{
	if (l->t)
		leave(l);
	api_world_close(&l->w);
	arena_done(&l->arena);
}

static void life_restart(struct life *l, const char *const *flags)
{
	leave(l);
	api_world_stop(&l->w);
	api_world_options(&l->w, flags);
	EXPECT_INT(api_world_start(&l->w), 0);
	l->t = client_transport_local(l->w.host, l->w.root, api_world_enter, l->w.server);
}

/* The status. Bodies have ' for ". */
static int ask(struct life *l, const char *method, const char *target, const char *body)
{
	struct client_call c = {.transport = l->t,
		.method = str_from(method),
		.target = str_from(target),
		.body = str_from(body ? body : "")};
	_cleanup_(buf_done) struct buf answer = BUF_INIT(MIB);
	char *text = arena_text(&l->arena, body ? body : "");
	struct told told = {0};

	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	c.body = str_from(text);
	if (body)
		http_headers_add(&l->arena, &c.headers, STR("Content-Type"),
			str_from(strcmp(method, "PATCH") ? "application/json" : MERGE));
	l->t->ops->start(&c, told_op(&told, l->w.root, OP_NO_DEADLINE));
	api_world_await(&l->w, &told);
	while (!told.err.code) {
		told_done(&told);
		told = (struct told){0};
		l->t->ops->read(&c, told_op(&told, l->w.root, OP_NO_DEADLINE), &answer, 64 * KIB);
		api_world_await(&l->w, &told);
		if (told.n == 0)
			break;
	}
	told_done(&told);
	l->t->ops->end(&c);
	return c.status;
}

static struct cJSON *stands(struct life *l, const char *group, const char *plural,
	const char *namespace, const char *name)
{
	return server_read(
		l->w.server, &l->arena, group, plural, str_from(namespace), str_from(name));
}

#define FLOWS           "flowcontrol.apiserver.k8s.io"
#define SCHEMA(l, name) stands(l, FLOWS, "flowschemas", "", name)

static const struct {
	const char *target, *group, *plural, *namespace, *name;
} all[] = {
	{CORE "/services/kubernetes", "", "services", "default", "kubernetes"},
	{CORE "/endpoints/kubernetes", "", "endpoints", "default", "kubernetes"},
	{SLICE, "discovery.k8s.io", "endpointslices", "default", "kubernetes"},
	{CIDRS "/kubernetes", "networking.k8s.io", "servicecidrs", "", "kubernetes"},
	{"/apis/networking.k8s.io/v1/ipaddresses/10.96.0.1", "networking.k8s.io", "ipaddresses", "",
		"10.96.0.1"},
	{MAPS "/extension-apiserver-authentication", "", "configmaps", "kube-system",
		"extension-apiserver-authentication"},
	{SCHEMAS "/exempt", FLOWS, "flowschemas", "", "exempt"},
	{SCHEMAS "/service-accounts", FLOWS, "flowschemas", "", "service-accounts"},
	{LEVELS "/catch-all", FLOWS, "prioritylevelconfigurations", "", "catch-all"},
	{LEVELS "/system", FLOWS, "prioritylevelconfigurations", "", "system"},
};

static void delete_all(struct life *l)
{
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		ask(l, "DELETE", all[i].target, NULL);
	ask(l, "DELETE", "/api/v1/namespaces/kube-node-lease", NULL);
	ask(l, "PUT", "/api/v1/namespaces/kube-node-lease/finalize",
		"{'kind':'Namespace','apiVersion':'v1','metadata':{'name':'kube-node-lease'},"
		"'spec':{}}");
}

static size_t count_standing(struct life *l)
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		count += stands(l, all[i].group, all[i].plural, all[i].namespace, all[i].name) !=
			 NULL;
	return count + (stands(l, "", "namespaces", "", "kube-node-lease") != NULL);
}

TEST(what_is_deleted_comes_again)
{
	struct life l = {0};

	if (life_open(&l, NULL)) {
		delete_all(&l);
		EXPECT_INT(count_standing(&l), 0);
		api_world_pass(&l.w, 10 * SEC);
		EXPECT_INT(count_standing(&l), ARRAY_LEN(all) + 1);
		EXPECT_STR(tree_str(stands(&l, "", "services", "default", "kubernetes"),
				   "spec.clusterIP"),
			"10.96.0.1");
		EXPECT_STR(tree_str(SCHEMA(&l, "service-accounts"), "status.conditions.0.reason"),
			"Found");
	}
	life_close(&l);
}

TEST(nothing_is_written_while_nothing_changes)
{
	struct life l = {0};

	if (life_open(&l, NULL)) {
		struct store_stats before, after;

		api_world_pass(&l.w, 5 * SEC);
		store_stats(l.w.server->store, &before);
		ask(&l, "POST", CORE "/configmaps", "{'metadata':{'name':'m'}}");
		api_world_pass(&l.w, 5 * MINUTE);
		store_stats(l.w.server->store, &after);
		EXPECT_INT(after.commits - before.commits, 1);
	}
	life_close(&l);
}

TEST(endpoints_lead_here_and_their_ports_are_kept)
{
	struct life l = {0};

	if (life_open(&l, NULL)) {
		EXPECT_INT(ask(&l, "PATCH", CORE "/endpoints/kubernetes",
				   "{'metadata':{'labels':null},'subsets':[{'addresses':[{'ip':"
				   "'192.0.2.9'}],'ports':[{'name':'https','port':7443}]}]}"),
			200);
		EXPECT_INT(
			ask(&l, "PATCH", SLICE, "{'metadata':{'annotations':{'mine':'1'}}}"), 200);
		api_world_pass(&l.w, 10 * SEC);
		const struct cJSON *e = stands(&l, "", "endpoints", "default", "kubernetes");
		const struct cJSON *s =
			stands(&l, "discovery.k8s.io", "endpointslices", "default", "kubernetes");
		EXPECT_STR(tree_str(e, "subsets.0.addresses.0.ip"), "10.0.0.1");
		EXPECT_INT(tree_int(e, "subsets.0.ports.0.port", 0), 7443);
		EXPECT(json_get(json_path(e, "metadata.labels"),
			STR("endpointslice.kubernetes.io/skip-mirror")));
		EXPECT_INT(tree_int(s, "ports.0.port", 0), 7443);
		/* The next start sets them right. */
		life_restart(&l, NULL);
		e = stands(&l, "", "endpoints", "default", "kubernetes");
		EXPECT_INT(tree_int(e, "subsets.0.ports.0.port", 0), 6443);
		EXPECT_INT(
			ask(&l, "PATCH", SLICE, "{'metadata':{'annotations':{'mine':'2'}}}"), 200);
		api_world_pass(&l.w, 10 * SEC);
		s = stands(&l, "discovery.k8s.io", "endpointslices", "default", "kubernetes");
		EXPECT_STR(tree_str(s, "metadata.annotations.mine"), "2");
		EXPECT_INT(tree_int(s, "ports.0.port", 0), 6443);
	}
	life_close(&l);
}

TEST(an_address_that_is_another_service_s_is_waited_for)
{
	struct life l = {0};

	if (life_open(&l, NULL)) {
		ask(&l, "DELETE", CORE "/services/kubernetes", NULL);
		EXPECT_INT(ask(&l, "POST", CORE "/services",
				   "{'metadata':{'name':'thief'},'spec':{'clusterIP':'10.96.0.1',"
				   "'ports':[{'port':80}]}}"),
			201);
		api_world_pass(&l.w, MINUTE);
		EXPECT(!stands(&l, "", "services", "default", "kubernetes"));
		ask(&l, "DELETE", CORE "/services/thief", NULL);
		api_world_pass(&l.w, 15 * SEC);
		EXPECT(stands(&l, "", "services", "default", "kubernetes"));
		const struct cJSON *ip =
			stands(&l, "networking.k8s.io", "ipaddresses", "", "10.96.0.1");
		EXPECT_STR(tree_str(ip, "spec.parentRef.name"), "kubernetes");
	}
	life_close(&l);
}

TEST(the_address_of_a_service_that_lives_comes_again)
{
	struct life l = {0};

	if (life_open(&l, NULL)) {
		EXPECT_INT(ask(&l, "POST", CORE "/services",
				   "{'metadata':{'name':'s'},'spec':{'clusterIP':'10.96.9.9',"
				   "'ports':[{'port':80}]}}"),
			201);
		EXPECT_INT(
			ask(&l, "DELETE", "/apis/networking.k8s.io/v1/ipaddresses/10.96.9.9", NULL),
			200);
		EXPECT(!stands(&l, "networking.k8s.io", "ipaddresses", "", "10.96.9.9"));
		api_world_pass(&l.w, 10 * SEC);
		EXPECT(stands(&l, "networking.k8s.io", "ipaddresses", "", "10.96.9.9"));
	}
	life_close(&l);
}

/* ---- fairness ---- */

TEST(suggested_flows_are_ours_until_people_say_no)
{
	struct life l = {0};

	if (life_open(&l, NULL)) {
		/* With our word at it. */
		ask(&l, "PATCH", SCHEMAS "/system-nodes", "{'spec':{'matchingPrecedence':501}}");
		/* With theirs. */
		ask(&l, "PATCH", SCHEMAS "/kube-scheduler",
			"{'metadata':{'annotations':{'apf.kubernetes.io/autoupdate-spec':'false'}},"
			"'spec':{'matchingPrecedence':801}}");
		/* Without any, and changed. */
		ask(&l, "PATCH", SCHEMAS "/service-accounts",
			"{'metadata':{'annotations':null},'spec':{'matchingPrecedence':9001}}");
		/* Without any, as it was. */
		ask(&l, "PATCH", LEVELS "/system", "{'metadata':{'annotations':null}}");
		api_world_pass(&l.w, 10 * SEC);
		const struct cJSON *a = SCHEMA(&l, "system-nodes");
		EXPECT_INT(tree_int(a, "spec.matchingPrecedence", 0), 500);
		EXPECT_INT(tree_int(a, "metadata.generation", 0), 3);
		EXPECT_INT(
			tree_int(SCHEMA(&l, "kube-scheduler"), "spec.matchingPrecedence", 0), 801);
		a = SCHEMA(&l, "service-accounts");
		EXPECT_INT(tree_int(a, "spec.matchingPrecedence", 0), 9001);
		EXPECT_STR(json_str(json_get(json_path(a, "metadata.annotations"),
				   STR("apf.kubernetes.io/autoupdate-spec"))),
			"false");
		a = stands(&l, FLOWS, "prioritylevelconfigurations", "", "system");
		EXPECT_STR(json_str(json_get(json_path(a, "metadata.annotations"),
				   STR("apf.kubernetes.io/autoupdate-spec"))),
			"true");
	}
	life_close(&l);
}

TEST(the_exempt_level_has_peoples_numbers_and_mandatory_flows_our_word)
{
	struct life l = {0};

	if (life_open(&l, NULL)) {
		EXPECT_INT(ask(&l, "PATCH", LEVELS "/exempt",
				   "{'spec':{'exempt':{'nominalConcurrencyShares':7}}}"),
			200);
		EXPECT_INT(ask(&l, "PATCH", SCHEMAS "/catch-all",
				   "{'metadata':{'annotations':{'apf.kubernetes.io/"
				   "autoupdate-spec':'false'}}}"),
			200);
		api_world_pass(&l.w, 10 * SEC);
		EXPECT_INT(tree_int(stands(&l, FLOWS, "prioritylevelconfigurations", "", "exempt"),
				   "spec.exempt.nominalConcurrencyShares", 0),
			7);
		EXPECT_STR(json_str(json_get(
				   json_path(SCHEMA(&l, "catch-all"), "metadata.annotations"),
				   STR("apf.kubernetes.io/autoupdate-spec"))),
			"true");
	}
	life_close(&l);
}

TEST(flows_that_no_server_knows_go_if_they_say_they_are_ours)
{
	static const char ours[] = "{'metadata':{'name':'old','annotations':{"
				   "'apf.kubernetes.io/autoupdate-spec':'true'}},'spec':{"
				   "'priorityLevelConfiguration':{'name':'system'}}}";
	static const char theirs[] = "{'metadata':{'name':'kept','annotations':{"
				     "'apf.kubernetes.io/autoupdate-spec':'false'}},'spec':{"
				     "'priorityLevelConfiguration':{'name':'system'}}}";
	struct life l = {0};

	if (life_open(&l, NULL)) {
		EXPECT_INT(ask(&l, "POST", SCHEMAS, ours), 201);
		EXPECT_INT(ask(&l, "POST", SCHEMAS, theirs), 201);
		api_world_pass(&l.w, 10 * SEC);
		EXPECT(!SCHEMA(&l, "old"));
		EXPECT(SCHEMA(&l, "kept"));
	}
	life_close(&l);
}

TEST(schemas_say_whether_their_level_is_there)
{
	struct life l = {0};

	if (life_open(&l, NULL)) {
		EXPECT_INT(ask(&l, "POST", SCHEMAS,
				   "{'metadata':{'name':'mine'},'spec':{"
				   "'priorityLevelConfiguration':{'name':'gone'}}}"),
			201);
		api_world_pass(&l.w, 5 * SEC);
		const struct cJSON *c = json_path(SCHEMA(&l, "mine"), "status.conditions.0");
		EXPECT_STR(tree_str(c, "status"), "True");
		EXPECT_STR(tree_str(c, "reason"), "NotFound");
		EXPECT_STR(tree_str(c, "message"),
			"This FlowSchema references the PriorityLevelConfiguration object named "
			"\"gone\" and there is no such object");
		EXPECT_INT(ask(&l, "POST", LEVELS,
				   "{'metadata':{'name':'gone'},'spec':{'type':'Limited','limited':"
				   "{'nominalConcurrencyShares':1,'limitResponse':{'type':"
				   "'Reject'}}}}"),
			201);
		api_world_pass(&l.w, 5 * SEC);
		c = json_path(SCHEMA(&l, "mine"), "status.conditions.0");
		EXPECT_STR(tree_str(c, "status"), "False");
		EXPECT_INT(json_count(json_path(SCHEMA(&l, "mine"), "status.conditions")), 1);
	}
	life_close(&l);
}

/* ---- the rest ---- */

TEST(the_service_range_grows_a_second_family_and_is_ready)
{
	static const char *const dual[] = {
		"--service-cluster-ip-range=10.96.0.0/16,fd00:96::/108", NULL};
	struct life l = {0};

	if (life_open(&l, NULL)) {
		EXPECT_INT(ask(&l, "PATCH", CIDRS "/kubernetes/status",
				   "{'status':{'conditions':null}}"),
			200);
		api_world_pass(&l.w, 10 * SEC);
		const struct cJSON *c =
			stands(&l, "networking.k8s.io", "servicecidrs", "", "kubernetes");
		EXPECT_STR(tree_str(c, "status.conditions.0.status"), "True");
		/* Somebody's word stays. */
		EXPECT_INT(ask(&l, "PATCH", CIDRS "/kubernetes/status",
				   "{'status':{'conditions':[{'type':'Ready','status':'False',"
				   "'reason':'Mine','message':'','lastTransitionTime':"
				   "'2026-01-01T00:00:00Z'}]}}"),
			200);
		life_restart(&l, dual);
		api_world_pass(&l.w, 10 * SEC);
		c = stands(&l, "networking.k8s.io", "servicecidrs", "", "kubernetes");
		EXPECT_STR(tree_str(c, "status.conditions.0.reason"), "Mine");
		EXPECT_STR(tree_str(c, "spec.cidrs.1"), "fd00:96::/108");
	}
	life_close(&l);
}

TEST(versions_that_are_switched_off_lose_their_api_services)
{
	static const char *const beta[] = {
		"--runtime-config=certificates.k8s.io/v1beta1=true", NULL};
	struct life l = {0};

	if (life_open(&l, beta)) {
		EXPECT(stands(&l, "apiregistration.k8s.io", "apiservices", "",
			"v1beta1.certificates.k8s.io"));
		/* What has lost its label is somebody's. */
		ask(&l, "PATCH", SERVICES "/v1.batch",
			"{'metadata':{'labels':null},'spec':{'versionPriority':3}}");
		ask(&l, "PATCH", SERVICES "/v1.apps", "{'spec':{'versionPriority':3}}");
		life_restart(&l, NULL);
		EXPECT(!stands(&l, "apiregistration.k8s.io", "apiservices", "",
			"v1beta1.certificates.k8s.io"));
		EXPECT_INT(tree_int(stands(&l, "apiregistration.k8s.io", "apiservices", "",
					    "v1.batch"),
				   "spec.versionPriority", 0),
			3);
		EXPECT_INT(
			tree_int(stands(&l, "apiregistration.k8s.io", "apiservices", "", "v1.apps"),
				"spec.versionPriority", 0),
			15);
	}
	life_close(&l);
}

TEST(the_date_of_old_tokens_is_written_once_in_half_an_hour)
{
	struct life l = {0};

	if (life_open(&l, NULL)) {
		ask(&l, "PATCH", MAPS "/" SINCE, "{'data':{'since':'yesterday'}}");
		api_world_pass(&l.w, 5 * SEC);
		struct str since =
			tree_str(stands(&l, "", "configmaps", "kube-system", SINCE), "data.since");
		EXPECT_INT(since.len, 10);
		EXPECT_INT(ask(&l, "DELETE", MAPS "/" SINCE, NULL), 200);
		api_world_pass(&l.w, 20 * MINUTE);
		EXPECT(!stands(&l, "", "configmaps", "kube-system", SINCE));
		/* What else is to be done is not kept waiting. */
		ask(&l, "DELETE", CORE "/services/kubernetes", NULL);
		api_world_pass(&l.w, 10 * SEC);
		EXPECT(stands(&l, "", "services", "default", "kubernetes"));
		api_world_pass(&l.w, 11 * MINUTE);
		EXPECT(stands(&l, "", "configmaps", "kube-system", SINCE));
	}
	life_close(&l);
}

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
#define LEASE(name, identity)                                                                      \
	"{'metadata':{'name':'" name "','labels':{'apiserver.kubernetes.io/identity':'" identity   \
	"'}},'spec':{'holderIdentity':'x','leaseDurationSeconds':3600,'renewTime':"                \
	"'1970-01-01T00:00:00.000000Z'}}"

TEST(leases_of_servers_that_are_gone_go)
{
	struct life l = {0};

	if (life_open(&l, NULL)) {
		EXPECT_INT(ask(&l, "POST", LEASES, LEASE("apiserver-old", "kube-apiserver")), 201);
		EXPECT_INT(ask(&l, "POST", LEASES, LEASE("other", "other")), 201);
		api_world_pass(&l.w, 21 * MINUTE);
		EXPECT(!stands(
			&l, "coordination.k8s.io", "leases", "kube-system", "apiserver-old"));
		EXPECT(stands(&l, "coordination.k8s.io", "leases", "kube-system", "other"));
		struct store_iter it = store_seek(
			server_bucket(l.w.server, resource_find(STR("coordination.k8s.io"),
							  STR("v1"), STR("leases"))),
			STR("kube-system/apiserver-"), STR("kube-system/apiserver-"));
		EXPECT(store_next(&it)); /* its own */
	}
	life_close(&l);
}

TEST(other_servers_authorities_are_kept_and_ours_is_added)
{
	struct life l = {0};

	if (life_open(&l, NULL)) {
		const char name[] = "extension-apiserver-authentication";
		struct str ours = tree_str(
			stands(&l, "", "configmaps", "kube-system", name), "data.client-ca-file");

		EXPECT(ours.len > 0);
		EXPECT_INT(ask(&l, "PATCH", MAPS "/extension-apiserver-authentication",
				   "{'data':{'client-ca-file':null,'other':'x'}}"),
			200);
		api_world_pass(&l.w, 10 * SEC);
		const struct cJSON *map = stands(&l, "", "configmaps", "kube-system", name);
		EXPECT(str_eq(tree_str(map, "data.client-ca-file"), ours));
		EXPECT(!tree_has(map, "data.other"));
	}
	life_close(&l);
}

/* ---- whatever fails ---- */

static bool heals(uint64_t k, int code)
{
	struct life l = {0};
	bool hit = false;

	if (life_open(&l, NULL)) {
		delete_all(&l);
		loop_torture(l.w.loop, k, code);
		api_world_pass(&l.w, 10 * SEC);
		hit = loop_torture_hit(l.w.loop);
		loop_torture(l.w.loop, 0, 0);
		api_world_pass(&l.w, 25 * SEC);
		EXPECT_INT(count_standing(&l), ARRAY_LEN(all) + 1);
	}
	life_close(&l);
	return hit;
}

TEST(every_await_of_it_may_fail_or_be_cancelled)
{
	static const int codes[] = {ERR_IO, ERR_CANCELLED};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		uint64_t k = 0;

		do {
			k++;
			test_context(
				"await %llu: %s", (unsigned long long)k, err_code_name(codes[i]));
		} while (k < 1000 && !test_failed() && heals(k, codes[i]));
		EXPECT(k > 10 && k < 1000);
	}
	test_context_end();
}

/* The server may be told to stop at any moment of a round. */
TEST(it_ends_at_any_moment)
{
	for (int64_t at = 0; at <= 1200 && !test_failed(); at += 50) {
		struct life l = {0};

		if (life_open(&l, NULL)) {
			delete_all(&l);
			api_world_pass(&l.w, at * MSEC);
		}
		life_close(&l);
	}
}
