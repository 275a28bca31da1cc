/* ABAC's files: what a line says, whom it lets do what, and which lines are none. */
#include "test.h"

#include "apiserver/authz/abac.h"

#include <stdio.h>

#define HEAD                                                                                       \
	"{\"apiVersion\":\"abac.authorization.kubernetes.io/"                                      \
	"v1beta1\",\"kind\":\"Policy\",\"spec\":"

static struct str groups[2];

static struct api_user user(const char *name, const char *group)
{
	groups[0] = str_from(group);
	groups[1] = STR("system:authenticated");
	return (struct api_user){.name = str_from(name), .groups = groups, .group_count = 2};
}

struct question {
	const char *policy; /* a line, or several */
	const char *name, *group, *verb;
	const char *namespace, *resource, *api_group; /* resource NULL: path */
	const char *path;
	bool yes;
};

static bool ask(const struct question *q)
{
	_cleanup_(err_done) struct err err = {0};
	struct api_user u = user(q->name, q->group ? q->group : "g");
	struct access_query query = {.user = &u,
		.verb = str_from(q->verb),
		.is_resource = q->resource != NULL,
		.namespace = str_from(q->namespace),
		.resource = str_from(q->resource),
		.group = str_from(q->api_group),
		.path = str_from(q->path)};
	struct abac *a = NULL;
	bool yes;

	if (abac_parse(STR("f"), str_from(q->policy), &a, &err)) {
		EXPECT_STR(str_from(err_text(&err)), "");
		return !q->yes;
	}
	yes = abac_allows(a, &query);
	abac_free(a);
	return yes;
}

TEST(policies_let_do_what_they_say)
{
	static const struct question all[] = {
		/* documentation's examples: alice all, bob reads pods of one project */
		{HEAD "{\"user\":\"alice\",\"namespace\":\"*\",\"resource\":\"*\",\"apiGroup\":\"*"
		      "\"}}",
			"alice", NULL, "delete", "x", "pods", "", NULL, true},
		{HEAD "{\"user\":\"alice\",\"namespace\":\"*\",\"resource\":\"*\",\"apiGroup\":\"*"
		      "\"}}",
			"bob", NULL, "delete", "x", "pods", "", NULL, false},
		{HEAD "{\"user\":\"alice\",\"namespace\":\"*\",\"resource\":\"*\",\"apiGroup\":\"*"
		      "\"}}",
			"alice", NULL, "get", NULL, NULL, NULL, "/version", false},
		{HEAD "{\"user\":\"bob\",\"namespace\":\"projectCaribou\",\"resource\":\"pods\","
		      "\"readonly\":true}}",
			"bob", NULL, "get", "projectCaribou", "pods", "", NULL, true},
		{HEAD "{\"user\":\"bob\",\"namespace\":\"projectCaribou\",\"resource\":\"pods\","
		      "\"readonly\":true}}",
			"bob", NULL, "watch", "projectCaribou", "pods", "", NULL, true},
		{HEAD "{\"user\":\"bob\",\"namespace\":\"projectCaribou\",\"resource\":\"pods\","
		      "\"readonly\":true}}",
			"bob", NULL, "create", "projectCaribou", "pods", "", NULL, false},
		{HEAD "{\"user\":\"bob\",\"namespace\":\"projectCaribou\",\"resource\":\"pods\","
		      "\"readonly\":true}}",
			"bob", NULL, "get", "other", "pods", "", NULL, false},
		{HEAD "{\"user\":\"bob\",\"namespace\":\"projectCaribou\",\"resource\":\"pods\","
		      "\"readonly\":true}}",
			"bob", NULL, "get", "projectCaribou", "pods", "apps", NULL, false},
		/* both must match; neither given matches nobody */
		{HEAD "{\"user\":\"a\",\"group\":\"g\",\"nonResourcePath\":\"*\"}}", "a", "g",
			"get", NULL, NULL, NULL, "/x", true},
		{HEAD "{\"user\":\"a\",\"group\":\"g\",\"nonResourcePath\":\"*\"}}", "a", "h",
			"get", NULL, NULL, NULL, "/x", false},
		{HEAD "{\"nonResourcePath\":\"*\"}}", "a", "g", "get", NULL, NULL, NULL, "/x",
			false},
		/* a star is everybody who is known */
		{HEAD "{\"user\":\"*\",\"nonResourcePath\":\"/x\"}}", "a", "g", "get", NULL, NULL,
			NULL, "/x", true},
		{HEAD "{\"user\":\"b\",\"group\":\"*\",\"nonResourcePath\":\"/x\"}}", "a", "g",
			"get", NULL, NULL, NULL, "/x", true},
		/* paths */
		{HEAD "{\"group\":\"g\",\"nonResourcePath\":\"/v*\"}}", "a", "g", "get", NULL, NULL,
			NULL, "/version", true},
		{HEAD "{\"group\":\"g\",\"nonResourcePath\":\"/v\"}}", "a", "g", "get", NULL, NULL,
			NULL, "/version", false},
		{HEAD "{\"group\":\"g\",\"nonResourcePath\":\"/v*\",\"readonly\":true}}", "a", "g",
			"post", NULL, NULL, NULL, "/version", false},
		{HEAD "{\"group\":\"g\"}}", "a", "g", "get", "", "", "", NULL, true},
		/* the format of old: what is not said is everything */
		{"{}", "anybody", "g", "delete", "n", "pods", "apps", NULL, true},
		{"{}", "anybody", "g", "delete", NULL, NULL, NULL, "/x", true},
		{"{\"user\":\"a\"}", "b", "g", "get", "n", "pods", "", NULL, false},
		{"{\"user\":\"a\",\"resource\":\"pods\"}", "a", "g", "get", NULL, NULL, NULL, "/x",
			false},
		{"{\"User\":\"a\",\"READONLY\":true}", "a", "g", "get", "n", "pods", "", NULL,
			true},
		{"{\"user\":\"a\",\"readonly\":true}", "a", "g", "create", "n", "pods", "", NULL,
			false},
		{"{\"user\":\"*\"}", "b", "g", "get", "n", "pods", "", NULL, true},
		{"{\"apiVersion\":\"abac.authorization.kubernetes.io/v0\",\"kind\":\"Policy\","
		 "\"namespace\":\"n\",\"user\":\"a\"}",
			"a", "g", "get", "n", "pods", "", NULL, true},
		/* comments, empty lines, the second line */
		{"# x\n\n  # y\r\n" HEAD "{\"user\":\"a\",\"nonResourcePath\":\"/x\"}}\r\n", "a",
			"g", "get", NULL, NULL, NULL, "/x", true},
		{"", "a", "g", "get", NULL, NULL, NULL, "/x", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		test_context("%zu: %s", i, all[i].policy);
		EXPECT(ask(&all[i]) == all[i].yes);
	}
	test_context_end();
}

TEST(lines_that_are_no_policies_are_named)
{
	static const struct {
		const char *text, *error;
	} all[] = {
		{"{\"user\":1}",
			"error reading policy file f, line 1: {\"user\":1}: json: cannot "
			"unmarshal number into Go struct field Policy.user of type string"},
		{"# c\n{",
			"error reading policy file f, line 2: {: couldn't get version/kind; json "
			"parse error: unexpected end of JSON input"},
		{HEAD "3}", "error reading policy file f, line 1: " HEAD
			    "3}: json: cannot unmarshal number into Go struct field Policy.spec of "
			    "type v1beta1.PolicySpec"},
		{"{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}",
			"error reading policy file f, line 1: {\"apiVersion\":\"v1\",\"kind\":"
			"\"Pod\"}: no kind \"Pod\" is registered for version \"v1\" in scheme "
			"\"k8s.io/kubernetes/pkg/apis/abac/register.go:30\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		_cleanup_(err_done) struct err err = {0};
		struct abac *a = NULL;

		test_context("%s", all[i].text);
		EXPECT_INT(abac_parse(STR("f"), str_from(all[i].text), &a, &err), ERR_SYNTAX);
		EXPECT_STR(str_from(err_text(&err)), all[i].error);
		EXPECT(!a);
	}
	test_context_end();
}

TEST(a_line_has_a_ceiling)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
	_cleanup_(err_done) struct err err = {0};
	struct abac *a = NULL;

	for (int i = 0; i < 70000; i++)
		buf_add_char(&text, ' ');
	EXPECT_INT(abac_parse(STR("f"), buf_str(&text), &a, &err), ERR_SYNTAX);
	EXPECT_STR(str_from(err_text(&err)),
		"error reading policy file f: bufio.Scanner: token too long");
}
