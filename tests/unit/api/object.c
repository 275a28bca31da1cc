/* Objects as texts: where labels stand, whatever order the members are in. */
#include "test.h"

#include <kube/object.h>

struct sample {
	const char *text, *labels;
};

/* The types' order, the alphabet's, and names that only look like what is sought. */
static const struct sample samples[] = {
	{"{\"kind\":\"A\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":"
	 "\"y\"},\"annotations\":{\"labels\":\"no\"},\"managedFields\":[{\"f\":1}]}}",
		"{\"x\":\"y\"}"},
	{"{\"apiVersion\":\"g/v1\",\"kind\":\"A\",\"metadata\":{\"annotations\":{\"q\":\"\\\"}{\"},"
	 "\"labels\":{\"x\":\"\\\\\"},\"managedFields\":[],\"name\":\"a\"},\"spec\":{}}",
		"{\"x\":\"\\\\\"}"},
	{"{\"kind\":\"A\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"labels\","
	 "\"managedFields\":"
	 "[{\"labels\":{}}]},\"spec\":{\"labels\":{\"x\":\"y\"}}}",
		""},
	{"{\"kind\":\"A\",\"apiVersion\":\"v1\",\"metadata\":{\"annotations\":{\"managedFields\":"
	 "\"a\"},\"labels\":{\"x\":\"y\"}}}",
		"{\"x\":\"y\"}"},
	{"{\"kind\":\"A\",\"apiVersion\":\"v1\",\"metadata\":{}}", ""},
};

TEST(labels_are_found_in_any_order_of_members)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct object *o = object_from_text(str_from(samples[i].text), 7);

		test_context("sample %zu", i);
		EXPECT_STR(object_labels(o), samples[i].labels);
		object_unref(o);
	}
	test_context_end();
}

TEST(another_revision_moves_what_stands_behind_it)
{
	static const char text[] =
		"{\"kind\":\"A\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\","
		"\"resourceVersion\":\"9\",\"labels\":{\"x\":\"y\"},\"managedFields\":[]}}";
	struct object *o = object_from_text(str_from(text), 9);
	struct draft d;

	draft_from_object(&d, o);
	struct object *later = object_new(&d, 123456);
	EXPECT_STR(object_labels(later), "{\"x\":\"y\"}");
	EXPECT_STR(object_scan(later, "metadata.resourceVersion"), "123456");
	EXPECT_STR(str_skip(object_text(later), later->rest_at),
		"\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"123456\",\"labels\":{\"x\":"
		"\"y\"},\"managedFields\":[]}}");
	draft_done(&d);
	object_unref(later);
	object_unref(o);
}

TEST(a_lean_tree_has_all_but_managed_fields)
{
	static const struct sample cases[] = {
		{"{\"kind\":\"A\",\"metadata\":{\"name\":\"a\",\"managedFields\":[{\"f\":{\"}\":1}}"
		 "]},"
		 "\"spec\":{\"managedFields\":1}}",
			"{\"kind\":\"A\",\"metadata\":{\"name\":\"a\"},\"spec\":{"
			"\"managedFields\":1}}"},
		{"{\"metadata\":{\"managedFields\":[],\"name\":\"a\"},\"kind\":\"A\"}",
			"{\"metadata\":{\"name\":\"a\"},\"kind\":\"A\"}"},
		{"{\"metadata\":{\"managedFields\":[]}}", "{\"metadata\":{}}"},
		{"{\"metadata\":{\"name\":\"a\"}}", "{\"metadata\":{\"name\":\"a\"}}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_(arena_done) struct arena a;
		_cleanup_(buf_done) struct buf out = BUF_INIT(KIB);
		struct object *o = object_from_text(str_from(cases[i].text), 7);

		arena_init(&a);
		test_context("case %zu", i);
		json_print(&out, object_lean_tree(&a, o), JSON_COMPACT);
		EXPECT_STR(buf_str(&out), cases[i].labels);
		object_unref(o);
	}
	test_context_end();
}
