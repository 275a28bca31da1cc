/* What a server's refusals become, and which objects are believed. */
#include "client/send.h"

#include "test.h"

#include <kube/api_codec.h>
#include <kube/url.h>

static const struct resource *pods(void)
{
	return resource_find(STR(""), STR("v1"), STR("pods"));
}

TEST(a_status_is_read)
{
	struct arena a;

	arena_init(&a);
	struct status *s = answer_status_parse(&a, 409, STR("PUT"), pods(), STR("web"),
		STR("{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\","
		    "\"message\":\"no\",\"reason\":\"Conflict\",\"details\":{\"name\":\"web\","
		    "\"kind\":\"pods\",\"uid\":\"u\",\"retryAfterSeconds\":3,\"causes\":[{"
		    "\"reason\":\"r\",\"message\":\"m\",\"field\":\"f\"}]},\"code\":409}"));
	EXPECT_INT(s->code, 409);
	EXPECT_INT(s->retry_after, 3);
	EXPECT_STR(s->uid, "u");
	EXPECT_INT(s->cause_count, 1);
	EXPECT_STR(s->causes[0].field, "f");
	EXPECT_INT(answer_error_code(s), ERR_CONFLICT);
	arena_done(&a);
}

TEST(what_is_no_status_is_said_in_client_go_s_words)
{
	static const struct {
		int http;
		const char *method, *body, *text;
		int code;
	} cases[] = {
		{404, "GET", "404 page not found",
			"the server could not find the requested resource (get pods web)",
			ERR_NOT_FOUND},
		{409, "POST", "", "the server reported a conflict (post pods web)",
			ERR_ALREADY_EXISTS},
		{403, "GET", "go away", "go away (get pods web)", ERR_FORBIDDEN},
		{500, "GET", "oops\n",
			"an error on the server (\"oops\") has prevented the request from "
			"succeeding (get pods web)",
			ERR_INTERNAL},
		{502, "GET", "",
			"an error on the server (\"unknown\") has prevented the request from "
			"succeeding (get pods web)",
			ERR_INTERNAL},
		{302, "GET", "{}",
			"the server responded with the status code 302 but did not return more "
			"information (get pods web)",
			ERR_INTERNAL},
		{429, "GET", "[1]",
			"the server has received too many requests and has asked us to try again "
			"later (get pods web)",
			ERR_TOO_MANY_REQUESTS},
	};
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct status *s = answer_status_parse(&a, cases[i].http, str_from(cases[i].method),
			pods(), STR("web"), str_from(cases[i].body));

		EXPECT_STR(s->message, cases[i].text);
		EXPECT_INT(s->code, cases[i].http);
		EXPECT_INT(answer_error_code(s), cases[i].code);
	}
	arena_done(&a);
}

TEST(warnings_are_unquoted)
{
	static const char *const values[] = {"299 - \"a \\\"b\\\" \\\\ c\"", "199 - \"x\"",
		"299 - \"dated\" \"Thu, 01 Jan 1970 00:00:00 GMT\"", "299 - \"open", "299 -",
		"299 - \"\\", ""};
	struct http_headers h = {0};
	struct str *warnings;
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		http_headers_add(&a, &h, STR("warning"), str_from(values[i]));
	REQUIRE(answer_warnings(&a, &h, &warnings) == 2);
	EXPECT_STR(warnings[0], "a \"b\" \\ c");
	EXPECT_STR(warnings[1], "dated");
	h.count = 0;
	EXPECT_INT(answer_warnings(&a, &h, &warnings), 0);
	arena_done(&a);
}

static struct cJSON *parse(struct arena *a, const char *text)
{
	struct cJSON *tree = NULL;

	EXPECT_INT(json_parse(a, str_from(text), NULL, &tree, NULL), 0);
	return tree;
}

TEST(items_of_lists_get_their_kind)
{
	struct arena a;
	struct object *o = NULL;
	struct err err = {0};

	arena_init(&a);
	EXPECT_OK(client_object_new(parse(&a, "{ \"metadata\": {\"name\":\"web\",\"namespace\":"
					      "\"d\",\"labels\":{\"a\":\"b\"},"
					      "\"resourceVersion\":\"7\"}, \"spec\":{}}"),
			  pods(), &o, &err),
		&err);
	EXPECT_STR(object_text(o),
		"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\","
		"\"namespace\":\"d\",\"resourceVersion\":\"7\",\"labels\":{\"a\":\"b\"}},"
		"\"spec\":{}}");
	EXPECT_INT(o->revision, 7);
	EXPECT_STR(object_labels(o), "{\"a\":\"b\"}");
	EXPECT_STR(client_object_key(&a, o), "d/web");
	object_unref(o);
	arena_done(&a);
}

TEST(what_is_no_object_is_refused)
{
	static const char *const texts[] = {"{}", "[]", "{\"metadata\":3}", "{\"metadata\":{}}",
		"{\"metadata\":{\"name\":\"a\"}}",
		"{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"x\"}}",
		"{\"metadata\":{\"name\":\"a\",\"resourceVersion\":7}}",
		"{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"-7\"}}",
		"{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\",\"labels\":[]}}",
		"{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\",\"labels\":{\"a\":1}}}"};
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct object *o = NULL;
		struct err err = {0};

		test_context("%s", texts[i]);
		EXPECT_INT(client_object_new(parse(&a, texts[i]), pods(), &o, &err), ERR_SYNTAX);
		EXPECT(!o);
		err_done(&err);
	}
	test_context_end();
	arena_done(&a);
}

TEST(targets_are_escaped)
{
	const struct resource *deployments =
		resource_find(STR("apps"), STR("v1"), STR("deployments"));
	struct target t;
	struct arena a;

	arena_init(&a);
	target_begin(&t, deployments, STR("a/b"), STR("x y"), STR("scale"));
	target_query(&t, "labelSelector", STR("a in (b,c)"));
	target_query(&t, "none", STR(""));
	target_flag(&t, "watch", true);
	EXPECT_STR(target_end(&t, &a), "/apis/apps/v1/namespaces/a%2Fb/deployments/x%20y/scale"
				       "?labelSelector=a+in+%28b%2Cc%29&watch=true");
	target_begin(
		&t, resource_find(STR(""), STR("v1"), STR("nodes")), STR("ns"), STR(""), STR(""));
	EXPECT_STR(target_end(&t, &a), "/api/v1/nodes");
	arena_done(&a);
}
