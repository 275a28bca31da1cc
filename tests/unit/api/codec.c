/* Decoding, canonical form, standards. */
#include "test.h"

#include <kube/api_codec.h>
#include <kube/quantity.h>

static struct arena a;

static const struct schema *schema(const char *name)
{
	const struct schema *s = schema_find(str_from(name));

	EXPECT(s != NULL);
	return s;
}

static struct cJSON *parse(const char *text)
{
	struct cJSON *tree = NULL;

	EXPECT_INT(json_parse(&a, str_from(text), NULL, &tree, NULL), 0);
	return tree;
}

/* What decoding makes of a text, printed; or the error. */
static const char *decoded(const char *name, const char *text, struct decode_notes *notes)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1 * MIB);
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *tree = NULL;

	if (api_decode(&a, schema(name), parse(text), notes, &tree, &err))
		return arena_text(&a, err_text(&err));
	json_print(&out, tree, JSON_COMPACT);
	return arena_text(&a, buf_text(&out));
}

#define CORE "io.k8s.api.core.v1."
#define APPS "io.k8s.api.apps.v1."

TEST(keys_come_in_the_order_of_the_schema_and_maps_sorted)
{
	arena_init(&a);
	EXPECT_TEXT(decoded(CORE "ConfigMap",
			    "{\"data\":{\"b\":\"2\",\"a\":null},\"metadata\":{\"name\":\"x\"},"
			    "\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"immutable\":false}",
			    NULL),
		"{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"x\"},"
		"\"immutable\":false,\"data\":{\"a\":\"\",\"b\":\"2\"}}");
	arena_done(&a);
}

TEST(empties_stand_where_go_prints_them)
{
	arena_init(&a);
	EXPECT_TEXT(decoded(APPS "Deployment", "{\"spec\":{\"paused\":false}}", NULL),
		"{\"metadata\":{},\"spec\":{\"selector\":null,\"template\":{\"metadata\":{},"
		"\"spec\":{\"containers\":null}},\"strategy\":{}},\"status\":{}}");
	arena_done(&a);
}

TEST(wrong_types_are_told_in_gos_words)
{
	arena_init(&a);
	EXPECT_TEXT(decoded(APPS "Deployment", "{\"spec\":{\"replicas\":\"3\"}}", NULL),
		"json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas "
		"of type int32");
	EXPECT_TEXT(decoded(APPS "Deployment", "{\"spec\":{\"replicas\":1.5}}", NULL),
		"json: cannot unmarshal number 1.5 into Go struct field "
		"DeploymentSpec.spec.replicas of type int32");
	EXPECT_TEXT(decoded(CORE "ConfigMap", "{\"data\":{\"a\":1}}", NULL),
		"json: cannot unmarshal number into Go struct field ConfigMap.data of type string");
	EXPECT_TEXT(decoded(CORE "ConfigMap", "{\"binaryData\":{\"a\":1}}", NULL),
		"json: cannot unmarshal number into Go struct field ConfigMap.binaryData of type "
		"[]uint8");
	EXPECT_TEXT(decoded(CORE "Pod", "{\"spec\":{\"containers\":[\"x\"]}}", NULL),
		"json: cannot unmarshal string into Go struct field PodSpec.spec.containers of "
		"type v1.Container");
	EXPECT_TEXT(decoded(CORE "Pod",
			    "{\"spec\":{\"containers\":[{\"env\":[{\"value\":true}]}]}}", NULL),
		"json: cannot unmarshal bool into Go struct field EnvVar.spec.containers.env.value "
		"of type string");
	arena_done(&a);
}

TEST(unknown_fields_are_noted_with_their_whole_path)
{
	struct decode_notes notes = {.arena = &a};

	arena_init(&a);
	decoded(CORE "Pod",
		"{\"spec\":{\"nope\":1,\"containers\":[{\"name\":\"c\",\"foo\":{}}]},\"x\":1}",
		&notes);
	REQUIRE(notes.count == 3);
	EXPECT_STR(notes.items[0], "unknown field \"spec.nope\"");
	EXPECT_STR(notes.items[1], "unknown field \"spec.containers[0].foo\"");
	EXPECT_STR(notes.items[2], "unknown field \"x\"");
	arena_done(&a);
}

TEST(micro_times_have_six_digits)
{
	arena_init(&a);
	EXPECT_TEXT(decoded("io.k8s.api.coordination.v1.LeaseSpec",
			    "{\"renewTime\":\"2024-01-02T03:04:05.123456+01:00\"}", NULL),
		"{\"renewTime\":\"2024-01-02T02:04:05.123456Z\"}");
	EXPECT_TEXT(decoded("io.k8s.api.coordination.v1.LeaseSpec",
			    "{\"renewTime\":\"2024-01-01T00:00:00Z\"}", NULL),
		"parsing time \"2024-01-01T00:00:00Z\" as \"2006-01-02T15:04:05.000000Z07:00\": "
		"cannot parse \"Z\" as \".000000\"");
	EXPECT_TEXT(decoded("io.k8s.api.coordination.v1.LeaseSpec", "{\"renewTime\":\"yesterday\"}",
			    NULL),
		"parsing time \"yesterday\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse "
		"\"yesterday\" as \"2006\"");
	arena_done(&a);
}

TEST(standards_are_set_inside_what_they_make)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1 * MIB);

	arena_init(&a);
	struct cJSON *tree = parse("{\"spec\":{\"containers\":[{\"name\":\"c\"}]}}");
	api_set_standards(&a, schema(CORE "Pod"), tree);
	EXPECT_STR(tree_str(tree, "spec.restartPolicy"), "Always");
	EXPECT_STR(
		tree_str(tree, "spec.containers.0.terminationMessagePath"), "/dev/termination-log");
	EXPECT(tree_has(tree, "spec.securityContext"));
	json_print(&out, api_canonical(&a, schema(CORE "Pod"), tree), JSON_COMPACT);
	EXPECT(str_find(buf_str(&out), STR("\"schedulerName\":\"default-scheduler\"")) > 0);
	arena_done(&a);
}
