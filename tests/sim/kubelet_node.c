/* The Node object and its lease, as a kubelet keeps them, on virtual time. */
#include "kubelet_rig.h"

#include <kube/kubelet_configuration.h>

static struct fake_program programs[] = {{.name = "app", .here = true}};

static struct str node_field(struct kubelet_rig *r, const char *dotted)
{
	struct cJSON *node = NULL;

	EXPECT_INT(rig_ask(r, CLIENT_GET, "nodes", RIG_NODE, NULL, NULL, &node), 0);
	return tree_str(node, dotted);
}

static struct str lease_field(struct kubelet_rig *r, const char *dotted)
{
	struct cJSON *lease = NULL;

	EXPECT_INT(rig_ask(r, CLIENT_GET, "leases", RIG_NODE, NULL, NULL, &lease), 0);
	return tree_str(lease, dotted);
}

TEST(a_node_is_registered_and_tells_of_itself)
{
	struct kubelet_rig r;
	struct cJSON *node = NULL;

	kubelet_rig_open(&r, programs, 1);
	rig_pass(&r, SEC);
	EXPECT_INT(rig_ask(&r, CLIENT_GET, "nodes", RIG_NODE, NULL, NULL, &node), 0);
	const struct cJSON *labels = json_path(node, "metadata.labels");
	EXPECT_STR(json_str(json_get(labels, STR("kubernetes.io/hostname"))), RIG_NODE);
	EXPECT_STR(json_str(json_get(labels, STR("kubernetes.io/arch"))), "amd64");
	EXPECT_STR(tree_str(node, "status.capacity.cpu"), "4");
	EXPECT_STR(tree_str(node, "status.capacity.memory"), "8Gi");
	EXPECT_STR(tree_str(node, "status.allocatable.memory"), "8092Mi");
	EXPECT_STR(tree_str(node, "status.allocatable.pods"), "110");
	EXPECT_STR(tree_str(node, "status.nodeInfo.kubeletVersion"), "v1.36.0");
	EXPECT_STR(tree_str(node, "status.nodeInfo.containerRuntimeVersion"), "fake://1.0");
	EXPECT_STR(tree_str(node, "status.addresses.0.address"), "192.168.7.1");
	EXPECT_STR(tree_str(node, "status.addresses.1.type"), "Hostname");
	EXPECT_INT(tree_int(node, "status.daemonEndpoints.kubeletEndpoint.Port", 0), 10250);
	EXPECT_STR(tree_str(node, "status.conditions.3.type"), "Ready");
	EXPECT_STR(tree_str(node, "status.conditions.3.status"), "True");
	EXPECT_STR(tree_str(node, "status.images.0.names.0"), "app");
	EXPECT_INT(rig_events(&r, RIG_NODE, "NodeReady", "Node n1 status is now: NodeReady"), 1);
	kubelet_rig_close(&r);
}

TEST(nothing_new_is_not_told_but_every_five_minutes)
{
	struct kubelet_rig r;
	struct arena a;

	kubelet_rig_open(&r, programs, 1);
	rig_pass(&r, SEC);
	arena_init(&a);
	struct str before = arena_str(&a, node_field(&r, "metadata.resourceVersion"));
	struct str renewed = arena_str(&a, lease_field(&r, "spec.renewTime"));
	EXPECT_STR(lease_field(&r, "spec.holderIdentity"), RIG_NODE);
	EXPECT_STR(lease_field(&r, "metadata.ownerReferences.0.kind"), "Node");
	rig_pass(&r, 4 * MINUTE);
	EXPECT_STR(node_field(&r, "metadata.resourceVersion"), before.at);
	EXPECT(!str_eq(lease_field(&r, "spec.renewTime"), renewed));
	rig_pass(&r, 2 * MINUTE);
	EXPECT(!str_eq(node_field(&r, "metadata.resourceVersion"), before));
	arena_done(&a);
	kubelet_rig_close(&r);
}

TEST(what_others_change_is_put_right_or_left_alone)
{
	struct kubelet_rig r;
	struct cJSON *node = NULL;

	kubelet_rig_open(&r, programs, 1);
	rig_pass(&r, SEC);
	EXPECT_INT(rig_ask(&r, CLIENT_PATCH_MERGE, "nodes", RIG_NODE, "status",
			   "{'status':{'capacity':{'example.com/fruit':'5','cpu':'1'}}}", NULL),
		0);
	EXPECT_INT(rig_ask(&r, CLIENT_PATCH_MERGE, "nodes", RIG_NODE, NULL,
			   "{'metadata':{'labels':{'kubernetes.io/os':'other','mine':'1'}}}", NULL),
		0);
	rig_pass(&r, 15 * SEC);
	EXPECT_INT(rig_ask(&r, CLIENT_GET, "nodes", RIG_NODE, NULL, NULL, &node), 0);
	EXPECT_STR(tree_str(node, "status.capacity.cpu"), "4");
	EXPECT_STR(json_str(json_get(json_path(node, "status.capacity"), STR("example.com/fruit"))),
		"5");
	EXPECT_STR(
		json_str(json_get(json_path(node, "status.allocatable"), STR("example.com/fruit"))),
		"5");
	const struct cJSON *labels = json_path(node, "metadata.labels");
	EXPECT_STR(json_str(json_get(labels, STR("kubernetes.io/os"))), "linux");
	EXPECT_STR(json_str(json_get(labels, STR("mine"))), "1");
	EXPECT_INT(rig_ask(&r, CLIENT_PATCH_MERGE, "nodes", RIG_NODE, "status",
			   "{'status':{'capacity':{'example.com/fruit':null}}}", NULL),
		0);
	rig_pass(&r, 15 * SEC);
	EXPECT_INT(rig_ask(&r, CLIENT_GET, "nodes", RIG_NODE, NULL, NULL, &node), 0);
	EXPECT(!json_get(json_path(node, "status.allocatable"), STR("example.com/fruit")));
	EXPECT_STR(tree_str(node, "status.allocatable.pods"), "110");
	/* The next kubelet finds it. */
	kubelet_rig_stop(&r);
	kubelet_rig_start(&r);
	rig_pass(&r, 15 * SEC);
	EXPECT_STR(node_field(&r, "status.nodeInfo.bootID"), "b");
	kubelet_rig_close(&r);
}

TEST(what_is_reserved_is_not_for_pods)
{
	struct kubelet_configuration c;
	struct kubelet_rig r;
	struct cJSON *node = NULL;
	struct arena a;
	struct err err = {0};

	arena_init(&a);
	EXPECT_OK(kubelet_configuration_read(&a,
			  STR("apiVersion: kubelet.config.k8s.io/v1beta1\n"
			      "kind: KubeletConfiguration\n"
			      "maxPods: 7\n"
			      "nodeStatusUpdateFrequency: 3s\n"
			      "systemReserved: {memory: 1Gi, ephemeral-storage: 10Gi}\n"
			      "kubeReserved: {cpu: 500m}\n"
			      "evictionHard: {memory.available: 200Mi}\n"),
			  &c, &err),
		&err);
	kubelet_rig_open(&r, NULL, 0);
	kubelet_rig_stop(&r);
	r.options.configuration = &c;
	kubelet_rig_start(&r);
	rig_pass(&r, 5 * SEC);
	EXPECT_INT(rig_ask(&r, CLIENT_GET, "nodes", RIG_NODE, NULL, NULL, &node), 0);
	EXPECT_STR(tree_str(node, "status.capacity.memory"), "8Gi");
	EXPECT_STR(tree_str(node, "status.allocatable.memory"), "6968Mi");
	EXPECT_STR(tree_str(node, "status.allocatable.cpu"), "3500m");
	EXPECT_STR(tree_str(node, "status.allocatable.ephemeral-storage"), "90Gi");
	EXPECT_STR(tree_str(node, "status.allocatable.pods"), "7");
	kubelet_rig_close(&r);
	arena_done(&a);
}
