/* Documents of other servers in ours: what is shared, what is renamed, what is left out. */
#include "test.h"

#include <kube/json.h>
#include <kube/openapi.h>

static struct arena a;

static void take(void *ctx, struct str bytes)
{
	buf_add_str(ctx, bytes);
}

static struct cJSON *merged(const struct openapi_foreign *foreign, size_t count)
{
	const struct json_options options = {.limits = {.max_bytes = 64 * MIB}};
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * MIB), again = BUF_INIT(64 * MIB);
	const struct resource *items[] = {resource_find(STR(""), STR("v1"), STR("pods")),
		resource_find(STR(""), STR("v1"), STR("configmaps"))};
	struct openapi_source source = {.resources = items,
		.count = ARRAY_LEN(items),
		.version = STR("v1.36.0"),
		.build = STR("test"),
		.foreign = foreign,
		.foreign_count = count};
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *tree = NULL;

	openapi_v2_write(&source, OPENAPI_JSON, take, &text);
	EXPECT_OK(json_parse(&a, arena_str(&a, buf_str(&text)), &options, &tree, &err), &err);
	openapi_v2_write(&source, OPENAPI_PROTOBUF, take, &again);
	EXPECT(again.len > 100);
	return tree;
}

static struct str text_at(const struct cJSON *tree, const char *section, const char *key)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
	const struct cJSON *found = json_get(json_get(tree, str_from(section)), str_from(key));

	if (!found)
		return STR("none");
	json_print(&out, found, JSON_SORTED);
	return arena_str(&a, buf_str(&out));
}

#define WIDGETS "/apis/w.example.com/v1/"
#define PATH(name, ref)                                                                            \
	"\"" name "\":{\"get\":{\"responses\":{\"200\":{\"schema\":{\"$ref\":\"#/definitions/" ref \
	"\"}}}}}"

TEST(paths_below_the_prefix_come_with_what_they_refer_to)
{
	const struct openapi_foreign one = {
		STR("{\"swagger\":\"2.0\",\"paths\":{" PATH(WIDGETS "widgets", "Widget") "," PATH(
			"/apis/",
			"Unused") "},\"definitions\":{\"Widget\":{\"properties\":{\"size\":{"
				  "\"$ref\":\"#/definitions/"
				  "Size\"}}},\"Size\":{\"type\":\"integer\"},"
				  "\"Unused\":{\"type\":\"string\"}}}"),
		STR(WIDGETS)};

	arena_init(&a);
	struct cJSON *tree = merged(&one, 1);
	EXPECT(json_get(json_get(tree, STR("paths")), STR("/api/v1/pods")) != NULL);
	EXPECT(str_find(text_at(tree, "paths", WIDGETS "widgets"), STR("#/definitions/Widget\"")) >
		0);
	EXPECT_STR(text_at(tree, "definitions", "Size"), "{\"type\":\"integer\"}");
	EXPECT_STR(text_at(tree, "definitions", "Unused"), "none");
	EXPECT(str_find(text_at(tree, "paths", "/apis/"), STR("Unused")) < 0);
	arena_done(&a);
}

TEST(what_is_the_same_is_shared_and_what_is_not_is_renamed)
{
	const struct openapi_foreign both[] = {
		{STR("{\"paths\":{" PATH(WIDGETS "a", "io.k8s.api.core.v1.Pod") "," PATH(
			 WIDGETS "b", "io.k8s.api.core.v1.LocalObjectReference") "," PATH(WIDGETS
			 "t",
			 "Thing") "},\"definitions\":{\"Thing\":{\"type\":\"string\"},"
				  "\"io.k8s.api.core.v1.Pod\":{\"type\":\"object\",\"properties\":{"
				  "\"thing\":{\"$ref\":\"#/definitions/Thing\"}}},"
				  "\"io.k8s.api.core.v1.LocalObjectReference\":{\"description\":"
				  "\"other words\",\"type\":\"object\","
				  "\"properties\":{\"name\":{\"description\":\"others, "
				  "too\",\"type\":\"string\"}},\"x-kubernetes-map-type\":"
				  "\"atomic\","
				  "\"x-kubernetes-group-version-kind\":[{\"group\":\"w.example."
				  "com\",\"version\":\"v1\",\"kind\":\"LocalObjectReference\"}]}}"
				  "}"),
			STR(WIDGETS)},
		{STR("{\"paths\":{" PATH("/apis/x/v1/a", "io.k8s.api.core.v1.Pod") "," PATH(
			 "/apis/x/v1/t",
			 "Thing") "},\"definitions\":{\"Thing\":{\"type\":\"boolean\"},"
				  "\"io.k8s.api.core.v1.Pod\":{\"type\":\"object\",\"properties\":{"
				  "\"thing\":{\"$ref\":\"#/definitions/Thing\"}}}}}"),
			STR("/apis/x/v1/")}};

	arena_init(&a);
	struct cJSON *tree = merged(both, 2);
	EXPECT(str_find(text_at(tree, "paths", WIDGETS "a"), STR("core.v1.Pod_v2\"")) > 0);
	EXPECT(str_find(text_at(tree, "paths", "/apis/x/v1/a"), STR("core.v1.Pod_v2\"")) > 0);
	EXPECT(str_find(text_at(tree, "definitions", "io.k8s.api.core.v1.Pod_v2"),
		       STR("#/definitions/Thing\"")) > 0);
	EXPECT_STR(text_at(tree, "definitions", "io.k8s.api.core.v1.Pod_v3"), "none");
	EXPECT(str_find(text_at(tree, "definitions", "io.k8s.api.core.v1.Pod"), STR("spec")) > 0);
	EXPECT_STR(text_at(tree, "definitions", "Thing"), "{\"type\":\"string\"}");
	EXPECT_STR(text_at(tree, "definitions", "Thing_v2"), "{\"type\":\"boolean\"}");
	EXPECT(str_find(text_at(tree, "paths", "/apis/x/v1/t"), STR("Thing_v2\"")) > 0);
	EXPECT_STR(
		text_at(tree, "definitions", "io.k8s.api.core.v1.LocalObjectReference_v2"), "none");
	EXPECT(str_find(text_at(tree, "definitions", "io.k8s.api.core.v1.LocalObjectReference"),
		       STR("[{\"group\":\"w.example.com\",\"kind\":\"LocalObjectReference\","
			   "\"version\":\"v1\"}]")) > 0);
	arena_done(&a);
}

TEST(parameters_are_shared_or_renamed_as_well)
{
	const struct openapi_foreign one = {
		STR("{\"paths\":{\"" WIDGETS
		    "a\":{\"parameters\":[{\"$ref\":\"#/parameters/limit-1NfNmdNH\"},"
		    "{\"$ref\":\"#/parameters/own\"},{\"$ref\":\"#/parameters/"
		    "gone\"}]}},\"parameters\":{"
		    "\"own\":{\"in\":\"query\",\"name\":\"own\"},\"unused\":{},"
		    "\"limit-1NfNmdNH\":{\"in\":\"query\",\"name\":\"limit\",\"type\":\"string\"}}"
		    "}"),
		STR(WIDGETS)};

	arena_init(&a);
	struct cJSON *tree = merged(&one, 1);
	EXPECT_STR(text_at(tree, "paths", WIDGETS "a"),
		"{\"parameters\":[{\"$ref\":\"#/parameters/limit-1NfNmdNH_v2\"},{\"$ref\":"
		"\"#/parameters/own\"},{\"$ref\":\"#/parameters/gone\"}]}");
	EXPECT_STR(text_at(tree, "parameters", "unused"), "none");
	EXPECT(str_find(text_at(tree, "parameters", "limit-1NfNmdNH_v2"), STR("\"string\"")) > 0);
	EXPECT(str_find(text_at(tree, "parameters", "limit-1NfNmdNH"), STR("\"integer\"")) > 0);
	arena_done(&a);
}

TEST(what_is_no_document_adds_nothing)
{
	static const char *const texts[] = {"", "{", "[]", "{}", "{\"paths\":[]}",
		"{\"paths\":{\"" WIDGETS "a\":7}}", "{\"paths\":{\"/api/v1/pods\":{\"get\":{}}}}"};

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const struct openapi_foreign one = {str_from(texts[i]), STR("/api/v1/")};

		EXPECT(str_find(text_at(merged(&one, 1), "paths", "/api/v1/pods"),
			       STR("listCoreV1Pod")) > 0);
	}
	arena_done(&a);
}
