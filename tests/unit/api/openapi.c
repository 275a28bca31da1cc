/* The documents that describe the API: how many things they hold, and some of them whole. */
#include "test.h"

#include <kube/json.h>
#include <kube/openapi.h>

#include "api/proto.h"

static struct arena a;

static struct openapi_source all(void)
{
	static const struct resource *items[1024];
	size_t count = 0;

	/* without what upstream has removed, or leaves to a server of its own */
	for (size_t i = 0; resource_at(i); i++)
		if (resource_at(i)->level != LEVEL_REMOVED &&
			!str_eq_text(resource_at(i)->group, "metrics.k8s.io"))
			items[count++] = resource_at(i);
	return (struct openapi_source){.resources = items,
		.count = count,
		.version = STR("v1.36.0"),
		.build = STR("test")};
}

static void take(void *ctx, struct str bytes)
{
	buf_add_str(ctx, bytes);
}

static struct cJSON *parse(struct buf *text)
{
	const struct json_options options = {.limits = {.max_bytes = 64 * MIB}};
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *tree = NULL;

	EXPECT_OK(json_parse(&a, buf_str(text), &options, &tree, &err), &err);
	return tree;
}

static struct cJSON *v2(void)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * MIB);
	struct openapi_source source = all();

	openapi_v2_write(&source, OPENAPI_JSON, take, &text);
	return parse(&text);
}

static struct cJSON *v3(const char *name)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * MIB);
	struct openapi_source source = all();

	openapi_v3_write(&source, str_from(name), OPENAPI_JSON, take, &text);
	return parse(&text);
}

static struct cJSON *get(struct cJSON *tree, const char *section, const char *key)
{
	return json_get(json_get(tree, str_from(section)), str_from(key));
}

static struct cJSON *type_of(struct cJSON *document, const char *name)
{
	return get(json_get(document, STR("components")), "schemas", name);
}

static struct str printed(const struct cJSON *tree)
{
	static struct buf out = {.max = MIB};

	buf_clear(&out);
	json_print(&out, tree, JSON_SORTED);
	return buf_str(&out);
}

/* Descriptions are ours and change; structure is upstream's and does not. */
static struct cJSON *bare(struct cJSON *tree)
{
	struct cJSON *description = json_get(tree, STR("description"));

	if (json_is(description, JSON_STRING))
		json_remove(tree, description);
	json_each (child, tree)
		bare(child);
	return tree;
}

TEST(v2_has_as_many_paths_types_and_parameters_as_upstream)
{
	arena_init(&a);
	struct cJSON *document = v2();
	size_t operations = 0;

	json_each (path, json_get(document, STR("paths")))
		json_each (member, path)
			operations += json_get(member, STR("operationId")) != NULL;
	/* upstream has two paths and a parameter more: /logs, which is not served here */
	EXPECT_INT(json_count(json_get(document, STR("paths"))), 560);
	EXPECT_INT(operations, 1121);
	EXPECT_INT(json_count(json_get(document, STR("definitions"))), 771);
	EXPECT_INT(json_count(json_get(document, STR("parameters"))), 47);
	EXPECT_STR(json_str(json_get(document, STR("swagger"))), "2.0");
	arena_done(&a);
}

TEST(v2_shares_parameters_and_lifts_common_ones_to_the_path)
{
	arena_init(&a);
	struct cJSON *path =
		bare(get(v2(), "paths", "/api/v1/namespaces/{namespace}/pods/{name}/status"));

	EXPECT_STR(printed(json_get(path, STR("parameters"))),
		"[{\"in\":\"path\",\"name\":\"name\",\"required\":true,\"type\":\"string\","
		"\"uniqueItems\":true},{\"$ref\":\"#/parameters/namespace-vgWSWtn3\"},"
		"{\"$ref\":\"#/parameters/pretty-tJGM1-ng\"}]");
	EXPECT_STR(printed(json_path(path, "patch.parameters")),
		"[{\"$ref\":\"#/parameters/body-78PwaGsr\"},{\"in\":\"query\",\"name\":\"dryRun\","
		"\"type\":\"string\",\"uniqueItems\":true},"
		"{\"$ref\":\"#/parameters/fieldManager-7c6nTn1T\"},{\"in\":\"query\","
		"\"name\":\"fieldValidation\",\"type\":\"string\",\"uniqueItems\":true},"
		"{\"$ref\":\"#/parameters/force-tOGGb0Yi\"}]");
	EXPECT_STR(printed(json_path(path, "get")),
		"{\"consumes\":[\"*/*\"],\"operationId\":\"readCoreV1NamespacedPodStatus\","
		"\"produces\":[\"application/json\",\"application/yaml\","
		"\"application/vnd.kubernetes.protobuf\",\"application/cbor\"],"
		"\"responses\":{\"200\":{\"schema\":{\"$ref\":\"#/definitions/"
		"io.k8s.api.core.v1.Pod\"}},\"401\":{}},\"schemes\":[\"https\"],"
		"\"tags\":[\"core_v1\"],\"x-kubernetes-action\":\"get\","
		"\"x-kubernetes-group-version-kind\":{\"group\":\"\",\"kind\":\"Pod\","
		"\"version\":\"v1\"}}");
	arena_done(&a);
}

static struct str id(struct cJSON *document, const char *path, const char *method)
{
	return json_str(json_get(
		json_get(get(document, "paths", path), str_from(method)), STR("operationId")));
}

TEST(operations_are_named_as_generated_clients_know_them)
{
	arena_init(&a);
	struct cJSON *d = v2();

	EXPECT_STR(id(d, "/apis/rbac.authorization.k8s.io/v1/clusterroles", "delete"),
		"deleteRbacAuthorizationV1CollectionClusterRole");
	EXPECT_STR(id(d, "/api/v1/pods", "get"), "listCoreV1PodForAllNamespaces");
	EXPECT_STR(id(d, "/api/v1/watch/namespaces/{namespace}/pods", "get"),
		"watchCoreV1NamespacedPodList");
	EXPECT_STR(id(d, "/api/v1/nodes/{name}/proxy/{path}", "options"),
		"connectCoreV1OptionsNodeProxyWithPath");
	EXPECT_STR(id(d, "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale", "put"),
		"replaceAppsV1NamespacedDeploymentScale");
	EXPECT_STR(id(d, "/apis/flowcontrol.apiserver.k8s.io/", "get"),
		"getFlowcontrolApiserverAPIGroup");
	arena_done(&a);
}

TEST(v3_types_have_defaults_lists_and_kinds)
{
	arena_init(&a);
	struct cJSON *d = bare(v3("api/v1"));

	EXPECT_INT(json_count(json_path(d, "components.schemas")), 251);
	EXPECT_STR(printed(type_of(d, "io.k8s.api.core.v1.ContainerPort")),
		"{\"properties\":{\"containerPort\":{\"default\":0,\"format\":\"int32\","
		"\"type\":\"integer\"},\"hostIP\":{\"type\":\"string\"},\"hostPort\":{"
		"\"format\":\"int32\",\"type\":\"integer\"},\"name\":{\"type\":\"string\"},"
		"\"protocol\":{\"default\":\"TCP\",\"enum\":[\"SCTP\",\"TCP\",\"UDP\"],"
		"\"type\":\"string\"}},\"required\":[\"containerPort\"],\"type\":\"object\"}");
	EXPECT_STR(printed(json_get(
			   json_get(type_of(d, "io.k8s.api.core.v1.Container"), STR("properties")),
			   STR("ports"))),
		"{\"items\":{\"$ref\":\"#/components/schemas/io.k8s.api.core.v1.ContainerPort\"},"
		"\"type\":\"array\",\"x-kubernetes-list-map-keys\":[\"containerPort\","
		"\"protocol\"],\"x-kubernetes-list-type\":\"map\","
		"\"x-kubernetes-patch-merge-key\":\"containerPort\","
		"\"x-kubernetes-patch-strategy\":\"merge\"}");
	EXPECT_STR(
		printed(json_get(json_get(type_of(d, "io.k8s.api.core.v1.Pod"), STR("properties")),
			STR("spec"))),
		"{\"allOf\":[{\"$ref\":\"#/components/schemas/io.k8s.api.core.v1.PodSpec\"}],"
		"\"default\":{}}");
	EXPECT_STR(printed(json_get(type_of(d, "io.k8s.api.core.v1.AppArmorProfile"),
			   STR("x-kubernetes-unions"))),
		"[{\"discriminator\":\"type\",\"fields-to-discriminateBy\":{"
		"\"localhostProfile\":\"LocalhostProfile\"}}]");
	arena_done(&a);
}

TEST(v3_has_one_document_for_each_group_version)
{
	struct openapi_source source = all();
	size_t count;

	arena_init(&a);
	const struct str *names = openapi_v3_names(&source, &a, &count);
	EXPECT_INT(count, 63);
	EXPECT_STR(names[0], ".well-known/openid-configuration");
	EXPECT_STR(names[1], "api");
	EXPECT_STR(names[2], "api/v1");
	EXPECT(openapi_v3_has(&source, STR("apis/apps/v1")));
	EXPECT(!openapi_v3_has(&source, STR("apis/none/v1")));
	EXPECT(!openapi_v3_has(&source, STR("")));
	EXPECT_STR(printed(json_get(type_of(bare(v3("apis/apps/v1")),
					    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"),
			   STR("x-kubernetes-group-version-kind"))),
		"[{\"group\":\"\",\"kind\":\"DeleteOptions\",\"version\":\"v1\"},"
		"{\"group\":\"apps\",\"kind\":\"DeleteOptions\",\"version\":\"v1\"}]");
	arena_done(&a);
}

TEST(hashes_follow_what_is_served)
{
	struct openapi_source source = all(), less = source;
	unsigned char tables[32];
	char one[65], other[65];

	less.count--;
	openapi_tables_digest(tables);
	openapi_hash(&source, tables, STR(""), one);
	openapi_hash(&less, tables, STR(""), other);
	EXPECT(strcmp(one, other) != 0);
	openapi_hash(&source, tables, STR("api/v1"), one);
	openapi_hash(&less, tables, STR("api/v1"), other);
	EXPECT_TEXT(one, other);
	openapi_hash(&source, tables, STR("apis/apps/v1"), other);
	EXPECT(strcmp(one, other) != 0);
}

/* Of what upstream has removed. */
TEST(versions_that_look_the_same_have_types_of_their_own)
{
	const struct resource *both[2] = {
		resource_find(STR("apps"), STR("v1beta2"), STR("deployments")),
		resource_find(STR("apps"), STR("v1"), STR("deployments"))};
	struct openapi_source source = {.resources = both, .count = 2};
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * MIB);

	arena_init(&a);
	openapi_v3_write(&source, STR("apis/apps/v1beta2"), OPENAPI_JSON, take, &text);
	struct cJSON *old = bare(parse(&text)), *type, *list;
	type = type_of(old, "io.k8s.api.apps.v1beta2.Deployment");
	EXPECT_STR(printed(json_get(type, STR("x-kubernetes-group-version-kind"))),
		"[{\"group\":\"apps\",\"kind\":\"Deployment\",\"version\":\"v1beta2\"}]");
	list = type_of(old, "io.k8s.api.apps.v1beta2.DeploymentList");
	EXPECT_STR(printed(json_path(list, "properties.items")),
		"{\"items\":{\"$ref\":\"#/components/schemas/"
		"io.k8s.api.apps.v1beta2.Deployment\"},\"type\":\"array\"}");
	EXPECT_STR(printed(json_get(list, STR("x-kubernetes-group-version-kind"))),
		"[{\"group\":\"apps\",\"kind\":\"DeploymentList\",\"version\":\"v1beta2\"}]");
	buf_clear(&text);
	openapi_v3_write(&source, STR("apis/apps/v1"), OPENAPI_JSON, take, &text);
	type = type_of(parse(&text), "io.k8s.api.apps.v1.Deployment");
	EXPECT_STR(printed(json_get(type, STR("x-kubernetes-group-version-kind"))),
		"[{\"group\":\"apps\",\"kind\":\"Deployment\",\"version\":\"v1\"}]");
	arena_done(&a);
}

TEST(zeros_are_defaults_where_upstream_marks_them)
{
	arena_init(&a);
	struct cJSON *d = bare(v3("api/v1"));

	EXPECT_STR(printed(json_path(
			   type_of(d, "io.k8s.api.core.v1.SecretKeySelector"), "properties.name")),
		"{\"default\":\"\",\"type\":\"string\"}");
	EXPECT_STR(printed(json_path(type_of(d, "io.k8s.api.core.v1.ReplicationControllerSpec"),
			   "properties.minReadySeconds")),
		"{\"default\":0,\"format\":\"int32\",\"type\":\"integer\"}");
	EXPECT_STR(
		printed(json_path(type_of(d, "io.k8s.api.core.v1.PodSpec"), "properties.hostname")),
		"{\"type\":\"string\"}");
	arena_done(&a);
}

/* The bytes of the field on a way of numbers, the first one each time. */
static struct str walk(struct str bytes, const uint32_t *numbers, size_t count)
{
	struct proto_item item;
	bool bad = false;

	for (size_t i = 0; i < count; i++) {
		struct str rest = bytes;

		bytes = STR("");
		while (proto_next(&rest, &item, &bad))
			if (item.number == numbers[i]) {
				bytes = item.bytes;
				break;
			}
		EXPECT(!bad);
	}
	return bytes;
}

#define WALK(bytes, ...)                                                                           \
	walk(bytes, (const uint32_t[]){__VA_ARGS__},                                               \
		sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

TEST(protobuf_is_gnostics)
{
	_cleanup_(buf_done) struct buf old = BUF_INIT(64 * MIB), new = BUF_INIT(64 * MIB);
	struct openapi_source source = all();

	openapi_v2_write(&source, OPENAPI_PROTOBUF, take, &old);
	EXPECT_STR(WALK(buf_str(&old), 1), "2.0");
	EXPECT_STR(WALK(buf_str(&old), 2, 1), "Kubernetes");
	/* the first path, what it reads, how that is called; its answer's type */
	EXPECT_STR(WALK(buf_str(&old), 8, 2, 1), "/.well-known/openid-configuration/");
	EXPECT_STR(
		WALK(buf_str(&old), 8, 2, 2, 2, 5), "getServiceAccountIssuerOpenIDConfiguration");
	EXPECT_STR(WALK(buf_str(&old), 8, 2, 2, 2, 9, 1, 2, 1, 2, 1, 22, 1), "string");
	EXPECT_STR(WALK(buf_str(&old), 9, 1, 1),
		"io.k8s.api.admissionregistration.v1.ApplyConfiguration");
	EXPECT_STR(WALK(buf_str(&old), 9, 1, 2, 25, 1, 1), "expression");
	EXPECT_STR(WALK(buf_str(&old), 12, 1, 1), "BearerToken");
	EXPECT_STR(WALK(buf_str(&old), 13, 1, 2, 2, 1), "apiKey");

	openapi_v3_write(&source, STR("version"), OPENAPI_PROTOBUF, take, &new);
	EXPECT_STR(WALK(buf_str(&new), 1), "3.0.0");
	EXPECT_STR(WALK(buf_str(&new), 4, 1, 1), "/version/");
	EXPECT_STR(WALK(buf_str(&new), 4, 1, 2, 4, 8, 2, 2, 1, 3, 1, 2, 1, 2, 1),
		"#/components/schemas/io.k8s.apimachinery.pkg.version.Info");
	EXPECT_STR(WALK(buf_str(&new), 5, 1, 1, 1), "io.k8s.apimachinery.pkg.version.Info");
	EXPECT_STR(WALK(buf_str(&new), 5, 1, 1, 2, 1, 31, 1, 2, 1, 25), "string");
}
