/* Differences of values as messages show them. */
#include "test.h"

#include <kube/api_codec.h>

static struct arena a;

static struct cJSON *parse(const char *text)
{
	struct cJSON *tree = NULL;

	EXPECT_INT(json_parse(&a, str_from(text), NULL, &tree, NULL), 0);
	return tree;
}

static const char *diff(const char *name, const char *old, const char *now)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1 * MIB);

	api_diff_go(&out, &a, schema_find(arena_print(&a, "io.k8s.api.core.v1.%s", name)),
		parse(old), parse(now));
	return arena_str(&a, buf_str(&out)).at;
}

TEST(equal_values_have_no_difference)
{
	arena_init(&a);
	EXPECT_TEXT(diff("Taint", "{\"key\":\"k\"}", "{\"key\":\"k\"}"), "");
	arena_done(&a);
}

TEST(a_change_stands_between_three_lines_on_each_side)
{
	arena_init(&a);
	EXPECT_TEXT(diff("PersistentVolumeClaimSpec",
			    "{\"accessModes\":[\"ReadWriteOnce\"],\"volumeName\":\"v\"}",
			    "{\"accessModes\":[\"ReadWriteOnce\"],\"volumeName\":\"w\"}"),
		"@@ -7,7 +7,7 @@\n   \"Limits\": null,\n   \"Requests\": null\n  },\n"
		"- \"VolumeName\": \"v\",\n+ \"VolumeName\": \"w\",\n"
		"  \"StorageClassName\": null,\n  \"VolumeMode\": null,\n"
		"  \"DataSource\": null,\n");
	arena_done(&a);
}

TEST(the_first_and_the_last_member_have_lines_on_one_side)
{
	arena_init(&a);
	EXPECT_TEXT(diff("Taint", "{\"key\":\"a\"}", "{\"key\":\"b\"}"),
		"@@ -1,5 +1,5 @@\n {\n- \"Key\": \"a\",\n+ \"Key\": \"b\",\n  \"Value\": \"\",\n"
		"  \"Effect\": \"\",\n  \"TimeAdded\": null\n");
	EXPECT_TEXT(diff("Taint", "{}", "{\"timeAdded\":\"2024-01-02T03:04:05Z\"}"),
		"@@ -2,5 +2,5 @@\n  \"Key\": \"\",\n  \"Value\": \"\",\n  \"Effect\": \"\",\n"
		"- \"TimeAdded\": null\n+ \"TimeAdded\": \"2024-01-02T03:04:05Z\"\n }\n");
	arena_done(&a);
}

TEST(what_is_added_in_front_of_its_like_is_told_from_it)
{
	arena_init(&a);
	EXPECT_TEXT(diff("TopologySelectorTerm",
			    "{\"matchLabelExpressions\":[{\"key\":\"b\",\"values\":[\"1\"]}]}",
			    "{\"matchLabelExpressions\":[{\"key\":\"a\",\"values\":[\"2\"]},"
			    "{\"key\":\"b\",\"values\":[\"1\"]}]}"),
		"@@ -1,5 +1,11 @@\n {\n  \"MatchLabelExpressions\": [\n+  {\n+   \"Key\": \"a\",\n"
		"+   \"Values\": [\n+    \"2\"\n+   ]\n+  },\n   {\n    \"Key\": \"b\",\n"
		"    \"Values\": [\n");
	arena_done(&a);
}

TEST(changes_far_from_each_other_are_two_hunks)
{
	arena_init(&a);
	const char *text = diff("PersistentVolumeClaimSpec",
		"{\"accessModes\":[\"x\"],\"volumeAttributesClassName\":\"a\"}",
		"{\"accessModes\":[\"y\"],\"volumeAttributesClassName\":\"b\"}");
	ssize_t first = str_find(str_from(text), STR("@@ -1,6 +1,6 @@"));
	ssize_t second = str_find(str_from(text), STR("@@ -12,5 +12,5 @@"));

	EXPECT_INT(first, 0);
	EXPECT(second > 0);
	arena_done(&a);
}

TEST(values_of_thousands_of_lines_are_not_compared)
{
	_cleanup_(buf_done) struct buf list = BUF_INIT(1 * MIB);

	arena_init(&a);
	buf_add_text(&list, "{\"accessModes\":[\"x\"");
	for (int i = 0; i < 5000; i++)
		buf_add_text(&list, ",\"x\"");
	buf_add_text(&list, "]}");
	EXPECT_TEXT(diff("PersistentVolumeClaimSpec", buf_text(&list), "{}"), "");
	arena_done(&a);
}
