/* IPAddress objects beside Services, and ServiceCIDRs they come from. */
#include "api_rig.h"

#include "apiserver/server.h"

#include <kube/api_codec.h>

static const struct resource *services(void)
{
	return resource_find(STR(""), STR("v1"), STR("services"));
}

static const struct resource *addresses(void)
{
	return resource_find(STR("networking.k8s.io"), STR("v1"), STR("ipaddresses"));
}

static int ask(struct api_rig *r, struct client_request *q, enum client_verb verb,
	const struct resource *of, const char *name, const char *body)
{
	client_request_init(q, verb, of, of->namespaced ? STR("default") : STR(""), str_from(name));
	if (body)
		q->body = api_rig_json(&q->arena, body);
	return api_rig_send(r, q);
}

static int quick(struct api_rig *r, enum client_verb verb, const struct resource *of,
	const char *name, const char *body)
{
	struct client_request q;
	int code = ask(r, &q, verb, of, name, body);

	client_request_done(&q);
	return code;
}

#define SERVICE(more) "{\"metadata\":{\"name\":\"s\"},\"spec\":{" more "\"ports\":[{\"port\":80}]}}"

TEST(an_address_object_comes_and_goes_with_its_service)
{
	struct api_rig r;
	struct client_request q, address;

	REQUIRE(api_rig_open(&r, API_RIG_LOCAL));
	EXPECT_INT(ask(&r, &q, CLIENT_CREATE, services(), "s", SERVICE("")), 0);
	struct str ip = tree_str(q.object, "spec.clusterIP");
	EXPECT(str_starts(ip, STR("10.96.")));
	EXPECT_INT(ask(&r, &address, CLIENT_GET, addresses(), ip.at, NULL), 0);
	EXPECT_STR(tree_str(address.object, "spec.parentRef.name"), "s");
	EXPECT_STR(tree_str(address.object, "spec.parentRef.namespace"), "default");
	client_request_done(&address);
	EXPECT_INT(quick(&r, CLIENT_DELETE, services(), "s", NULL), 0);
	EXPECT_INT(quick(&r, CLIENT_GET, addresses(), ip.at, NULL), ERR_NOT_FOUND);
	client_request_done(&q);
	/* one that becomes a name gives its address back */
	EXPECT_INT(
		quick(&r, CLIENT_CREATE, services(), "s", SERVICE("\"clusterIP\":\"10.96.7.7\",")),
		0);
	EXPECT_INT(quick(&r, CLIENT_PATCH_MERGE, services(), "s",
			   "{\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"x.test\","
			   "\"clusterIP\":null,\"clusterIPs\":null}}"),
		0);
	EXPECT_INT(quick(&r, CLIENT_GET, addresses(), "10.96.7.7", NULL), ERR_NOT_FOUND);
	api_rig_close(&r);
}

TEST(ports_at_the_low_end_are_left_to_those_who_choose)
{
	static const char body[] = "{\"metadata\":{\"generateName\":\"s-\"},\"spec\":{\"type\":"
				   "\"NodePort\",\"ports\":[{\"name\":\"a\",\"port\":80},{\"name\":"
				   "\"b\",\"port\":81}]}}";
	struct api_rig r;
	struct client_request q;

	/* of 66 the first 16 */
	REQUIRE(api_rig_open_with(&r, API_RIG_LOCAL, "--service-node-port-range=30000-30065"));
	for (int i = 0; i < 33 && !test_failed(); i++) {
		test_context("service %d", i);
		EXPECT_INT(ask(&r, &q, CLIENT_CREATE, services(), "", body), 0);
		for (size_t k = 0; k < 2; k++) {
			const struct cJSON *port = json_at(json_path(q.object, "spec.ports"), k);
			int64_t number = tree_int(port, "nodePort", 0);

			EXPECT(i < 25 ? number >= 30016 : number < 30016 && number >= 30000);
		}
		client_request_done(&q);
	}
	test_context_end();
	EXPECT(ask(&r, &q, CLIENT_CREATE, services(), "", body) != 0); /* all are taken */
	client_request_done(&q);
	api_rig_close(&r);
}

static int64_t node_port(const struct client_request *q, size_t i)
{
	return tree_int(json_at(json_path(q->object, "spec.ports"), i), "nodePort", 0);
}

#define TYPE(type, ports)                                                                          \
	"{\"metadata\":{\"generateName\":\"s-\"},\"spec\":{\"type\":\"" type                       \
	"\",\"ports\":[" ports "]}}"
#define PORT(name, port, protocol)                                                                 \
	"{\"name\":\"" name "\",\"port\":" port ",\"protocol\":\"" protocol "\""

/* What stands at one port number is at one node port, by whatever protocol. */
TEST(protocols_of_a_port_share_their_node_port)
{
	struct api_rig r;
	struct client_request q;

	REQUIRE(api_rig_open(&r, API_RIG_LOCAL));
	EXPECT_INT(ask(&r, &q, CLIENT_CREATE, services(), "",
			   TYPE("NodePort", PORT("t", "80", "TCP") "}," PORT("u", "80",
						    "UDP") "}," PORT("o", "81", "TCP") "}")),
		0);
	EXPECT(node_port(&q, 0) && node_port(&q, 0) == node_port(&q, 1));
	EXPECT(node_port(&q, 2) && node_port(&q, 2) != node_port(&q, 0));
	client_request_done(&q);
	/* also that of the one which says it */
	EXPECT_INT(ask(&r, &q, CLIENT_CREATE, services(), "",
			   TYPE("NodePort", PORT("t", "80", "TCP") "}," PORT(
						    "u", "80", "UDP") ",\"nodePort\":30005}")),
		0);
	EXPECT_INT(node_port(&q, 0), 30005);
	EXPECT_INT(node_port(&q, 1), 30005);
	client_request_done(&q);
	/* but each its own, where that is said; and other numbers have none of theirs */
	EXPECT_INT(ask(&r, &q, CLIENT_CREATE, services(), "",
			   TYPE("NodePort", PORT("t", "80", "TCP") ",\"nodePort\":30006}," PORT(
						    "u", "80", "UDP") ",\"nodePort\":30007}")),
		0);
	EXPECT_INT(node_port(&q, 0), 30006);
	EXPECT_INT(node_port(&q, 1), 30007);
	client_request_done(&q);
	EXPECT_INT(quick(&r, CLIENT_CREATE, services(), "",
			   TYPE("NodePort", PORT("t", "80", "TCP") ",\"nodePort\":30008}," PORT(
						    "u", "81", "UDP") ",\"nodePort\":30008}")),
		ERR_INVALID);
	EXPECT_INT(quick(&r, CLIENT_CREATE, services(), "",
			   TYPE("NodePort", PORT("t", "80", "TCP") ",\"nodePort\":30008}")),
		0); /* nothing of it was kept */
	api_rig_close(&r);
}

/* A balancer that wants no node ports gets none; one that asks for some asks as everybody does. */
TEST(node_ports_are_looked_at_though_none_are_given)
{
	struct api_rig r;
	struct client_request q;

#define NONE_GIVEN(ports)                                                                          \
	TYPE("LoadBalancer\",\"allocateLoadBalancerNodePorts\":false,\"sessionAffinity\":\"None",  \
		ports)
	REQUIRE(api_rig_open(&r, API_RIG_LOCAL));
	EXPECT_INT(ask(&r, &q, CLIENT_CREATE, services(), "",
			   NONE_GIVEN(PORT("t", "80", "TCP") "}," PORT(
				   "u", "80", "UDP") ",\"nodePort\":30005}")),
		0);
	EXPECT_INT(node_port(&q, 0), 0);
	EXPECT_INT(node_port(&q, 1), 30005);
	struct str name = tree_str(q.object, "metadata.name");
	EXPECT_INT(quick(&r, CLIENT_CREATE, services(), "",
			   NONE_GIVEN(PORT("t", "80", "TCP") ",\"nodePort\":30005}")),
		ERR_INVALID);
	EXPECT_INT(quick(&r, CLIENT_CREATE, services(), "",
			   NONE_GIVEN(PORT("t", "80", "TCP") ",\"nodePort\":22}")),
		ERR_INVALID);
	EXPECT_INT(quick(&r, CLIENT_PATCH_MERGE, services(), name.at,
			   "{\"spec\":{\"ports\":[" PORT("t", "80", "TCP") ",\"nodePort\":22}]}}"),
		ERR_INVALID);
	client_request_done(&q);
	api_rig_close(&r);
}

TEST(a_service_may_have_many_node_ports)
{
	_cleanup_(buf_done) struct buf body = BUF_INIT(64 * KIB);
	struct api_rig r;

	REQUIRE(api_rig_open(&r, API_RIG_LOCAL));
	buf_add_text(&body,
		"{\"metadata\":{\"name\":\"s\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[");
	for (int i = 1; i <= 200; i++)
		buf_print(&body, "%s{\"name\":\"p%d\",\"port\":%d}", i > 1 ? "," : "", i, i);
	buf_add_text(&body, "]}}");
	EXPECT_INT(quick(&r, CLIENT_CREATE, services(), "s", buf_text(&body)), 0);
	api_rig_close(&r);
}

TEST(a_second_address_comes_and_goes_by_the_policy_alone)
{
	struct api_rig r;
	struct client_request q;

	REQUIRE(api_rig_open(&r, API_RIG_LOCAL));
	EXPECT_INT(quick(&r, CLIENT_CREATE, services(), "s", SERVICE("")), 0);
	EXPECT_INT(ask(&r, &q, CLIENT_PATCH_MERGE, services(), "s",
			   "{\"spec\":{\"ipFamilyPolicy\":\"PreferDualStack\"}}"),
		0);
	struct str second = tree_str(q.object, "spec.clusterIPs.1");
	EXPECT(str_starts(second, STR("fd00:96::")));
	EXPECT_STR(tree_str(q.object, "spec.ipFamilies.1"), "IPv6");
	EXPECT_INT(quick(&r, CLIENT_GET, addresses(), second.at, NULL), 0);
	EXPECT_INT(quick(&r, CLIENT_PATCH_MERGE, services(), "s",
			   "{\"spec\":{\"ipFamilyPolicy\":\"SingleStack\"}}"),
		0);
	EXPECT_INT(quick(&r, CLIENT_GET, addresses(), second.at, NULL), ERR_NOT_FOUND);
	client_request_done(&q);
	EXPECT_INT(ask(&r, &q, CLIENT_GET, services(), "s", NULL), 0);
	EXPECT_INT(json_count(json_path(q.object, "spec.clusterIPs")), 1);
	EXPECT_INT(json_count(json_path(q.object, "spec.ipFamilies")), 1);
	client_request_done(&q);
	api_rig_close(&r);
}

TEST(an_address_somebody_has_claimed_is_not_given_away)
{
	struct api_rig r;

	REQUIRE(api_rig_open(&r, API_RIG_LOCAL));
	EXPECT_INT(quick(&r, CLIENT_CREATE, addresses(), "10.96.9.9",
			   "{\"metadata\":{\"name\":\"10.96.9.9\"},\"spec\":{\"parentRef\":{"
			   "\"resource\":\"gateways\",\"group\":\"g.test\",\"name\":\"x\"}}}"),
		0);
	EXPECT_INT(
		quick(&r, CLIENT_CREATE, services(), "s", SERVICE("\"clusterIP\":\"10.96.9.9\",")),
		ERR_INVALID);
	api_rig_close(&r);
}

/* However it is written. */
TEST(one_address_of_ipv6_is_given_once)
{
	struct api_rig r;
	struct client_request q;

#define AT(name, ip)                                                                               \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"clusterIP\":\"" ip                      \
	"\",\"ports\":[{\"port\":80}]}}"
	REQUIRE(api_rig_open_with(&r, API_RIG_LOCAL, "--service-cluster-ip-range=fd00:96::/112"));
	EXPECT_INT(ask(&r, &q, CLIENT_CREATE, services(), "", AT("a", "FD00:96:0::5")), 0);
	EXPECT_STR(tree_str(q.object, "spec.clusterIP"), "FD00:96:0::5");
	client_request_done(&q);
	EXPECT_INT(quick(&r, CLIENT_GET, addresses(), "fd00:96::5", NULL), 0);
	EXPECT_INT(quick(&r, CLIENT_CREATE, services(), "", AT("b", "fd00:96::5")), ERR_INVALID);
	EXPECT_INT(quick(&r, CLIENT_CREATE, services(), "", AT("b", "fd00:96::0005")), ERR_INVALID);
	EXPECT_INT(quick(&r, CLIENT_DELETE, services(), "a", NULL), 0);
	EXPECT_INT(quick(&r, CLIENT_GET, addresses(), "fd00:96::5", NULL), ERR_NOT_FOUND);
	EXPECT_INT(quick(&r, CLIENT_CREATE, services(), "", AT("b", "fd00:96::5")), 0);
	api_rig_close(&r);
}

TEST(ready_ranges_give_addresses_and_others_do_not)
{
	const struct resource *cidrs =
		resource_find(STR("networking.k8s.io"), STR("v1"), STR("servicecidrs"));
	struct client_request q;
	struct api_rig r;

	REQUIRE(api_rig_open(&r, API_RIG_LOCAL));
	EXPECT_INT(quick(&r, CLIENT_CREATE, cidrs, "more",
			   "{\"metadata\":{\"name\":\"more\"},\"spec\":{\"cidrs\":["
			   "\"172.30.0.0/24\"]}}"),
		0);
	EXPECT_INT(
		quick(&r, CLIENT_CREATE, services(), "s", SERVICE("\"clusterIP\":\"172.30.0.9\",")),
		ERR_INVALID);
	client_request_init(&q, CLIENT_PATCH_MERGE, cidrs, STR(""), STR("more"));
	q.subresource = STR("status");
	q.body = api_rig_json(&q.arena,
		"{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":"
		"\"True\",\"reason\":\"r\",\"message\":\"m\","
		"\"lastTransitionTime\":\"2024-01-02T03:04:05Z\"}]}}");
	EXPECT_INT(api_rig_send(&r, &q), 0);
	client_request_done(&q);
	EXPECT_INT(
		quick(&r, CLIENT_CREATE, services(), "s", SERVICE("\"clusterIP\":\"172.30.0.9\",")),
		0);
	EXPECT_INT(quick(&r, CLIENT_GET, addresses(), "172.30.0.9", NULL), 0);
	api_rig_close(&r);
}

static void restart(struct api_rig *r)
{
	struct told told = {0};

	api_rig_drop_client(r, r->client);
	api_server_stop(r->server, told_op(&told, r->t.root, OP_NO_DEADLINE), 0);
	loop_test_run_until(&r->t, &told.done);
	told_done(&told);
	api_server_free(r->server);
	api_server_start(r->t.env, told_op(&told, r->t.root, OP_NO_DEADLINE), r->t.root, r->options,
		&r->server);
	loop_test_run_until(&r->t, &told.done);
	EXPECT_OK(told.err.code, &told.err);
	told_done(&told);
	r->client = api_rig_client(r, API_RIG_LOCAL);
}

/* Is there an event of that reason with those words? */
static bool has_event(struct api_rig *r, const char *reason, const char *message)
{
	struct client_request q;
	struct cJSON *list;
	bool found = false;

	client_request_init(&q, CLIENT_RAW_GET, NULL, STR(""), STR(""));
	q.path = STR("/api/v1/namespaces/default/events");
	EXPECT_INT(api_rig_send(r, &q), 0);
	EXPECT_INT(json_parse(&q.arena, q.text, NULL, &list, NULL), 0);
	json_each (event, json_get(list, STR("items")))
		found |= str_eq_text(tree_str(event, "reason"), reason) &&
			 str_eq_text(tree_str(event, "message"), message);
	client_request_done(&q);
	return found;
}

TEST(a_start_writes_what_is_missing_and_removes_what_nobody_has)
{
	struct client_request q;
	struct api_rig r;

	REQUIRE(api_rig_open(&r, API_RIG_LOCAL));
	EXPECT_INT(
		quick(&r, CLIENT_CREATE, services(), "s", SERVICE("\"clusterIP\":\"10.96.3.3\",")),
		0);
	EXPECT_INT(quick(&r, CLIENT_DELETE, addresses(), "10.96.3.3", NULL), 0);
	EXPECT_INT(quick(&r, CLIENT_CREATE, addresses(), "10.96.4.4",
			   "{\"metadata\":{\"name\":\"10.96.4.4\",\"labels\":{"
			   "\"ipaddress.kubernetes.io/managed-by\":\"ipallocator.k8s.io\"}},"
			   "\"spec\":{\"parentRef\":{\"resource\":\"services\",\"namespace\":"
			   "\"default\",\"name\":\"gone\"}}}"),
		0);
	EXPECT_INT(
		quick(&r, CLIENT_CREATE, addresses(), "10.96.5.5",
			"{\"metadata\":{\"name\":\"10.96.5.5\"},\"spec\":{\"parentRef\":{"
			"\"resource\":\"services\",\"namespace\":\"default\",\"name\":\"own\"}}}"),
		0);
	EXPECT_INT(quick(&r, CLIENT_CREATE, services(), "t",
			   "{\"metadata\":{\"name\":\"t\"},\"spec\":{\"clusterIP\":\"10.96.6.6\","
			   "\"ports\":[{\"port\":80}]}}"),
		0);
	EXPECT_INT(quick(&r, CLIENT_DELETE, addresses(), "10.96.6.6", NULL), 0);
	EXPECT_INT(
		quick(&r, CLIENT_CREATE, addresses(), "10.96.6.6",
			"{\"metadata\":{\"name\":\"10.96.6.6\"},\"spec\":{\"parentRef\":{"
			"\"resource\":\"services\",\"namespace\":\"default\",\"name\":\"gone\"}}}"),
		0);
	restart(&r);
	EXPECT(has_event(&r, "ClusterIPNotAllocated",
		"Cluster IP [IPv4]: 10.96.3.3 is not allocated; repairing"));
	EXPECT(has_event(&r, "IPAddressNotAllocated",
		"IPAddress: 10.96.4.4 for Service default/gone appears to have leaked: cleaning "
		"up"));
	EXPECT(has_event(&r, "ClusterIPNotAllocated",
		"the ClusterIP [IPv4]: 10.96.6.6 for Service default/t has a wrong reference; "
		"repairing"));
	EXPECT_INT(ask(&r, &q, CLIENT_GET, addresses(), "10.96.6.6", NULL), 0);
	EXPECT_STR(tree_str(q.object, "spec.parentRef.name"), "t");
	client_request_done(&q);
	EXPECT_INT(quick(&r, CLIENT_GET, addresses(), "10.96.3.3", NULL), 0);
	EXPECT_INT(quick(&r, CLIENT_GET, addresses(), "10.96.4.4", NULL), ERR_NOT_FOUND);
	EXPECT_INT(quick(&r, CLIENT_GET, addresses(), "10.96.5.5", NULL), 0);
	api_rig_close(&r);
}
