/* Accept and Content-Type: what is given, and the two ways in which upstream says no. */
#include "test.h"

#include "apiserver/negotiate.c"

void request_next(struct api_request *r)
{
	(void)r;
}

void request_fail(struct api_request *r, struct status *status)
{
	(void)r;
	(void)status;
}

static struct http_exchange x;
static struct api_request r;
static struct resource configmaps = {.plural = STR_INIT("configmaps"),
	.kind = STR_INIT("ConfigMap"),
	.verbs = VERBS_ALL,
	.hub = &configmaps};

static void ask(const char *method, const char *verb, const char *header, const char *value)
{
	arena_done(&x.arena);
	x = (struct http_exchange){.request.method = str_from(method)};
	r = (struct api_request){.x = &x,
		.arena = &x.arena,
		.is_resource = true,
		.resource = &configmaps,
		.method = str_from(method),
		.verb = str_from(verb),
		.has_name = !str_eq_text(str_from(verb), "list"),
		.now = 1};
	if (value)
		http_headers_add(&x.arena, &x.request.headers, str_from(header), str_from(value));
}

static struct str message(const struct status *s)
{
	return s ? s->message : STR("");
}

static const struct representation *accepted(const char *value)
{
	ask("GET", "get", "Accept", value);
	EXPECT_STR(message(negotiate_accept(&r)), "");
	return &r.wants;
}

static struct str refused(const char *value)
{
	ask("GET", "get", "Accept", value);
	return message(negotiate_accept(&r));
}

TEST(the_best_range_wins)
{
	EXPECT_INT(accepted(NULL)->format, WIRE_JSON);
	EXPECT_INT(accepted("*/*")->format, WIRE_JSON);
	EXPECT_INT(accepted("application/yaml")->format, WIRE_YAML);
	EXPECT_INT(accepted("application/yaml;q=0.1,application/json;q=0.9")->format, WIRE_JSON);
	EXPECT_INT(accepted("application/yaml;q=0.9,application/json;q=0.1")->format, WIRE_YAML);
	EXPECT_INT(accepted("text/html,*/*;q=0.8")->format, WIRE_JSON);
	EXPECT_INT(accepted("application/vnd.kubernetes.protobuf")->format, WIRE_PROTOBUF);
}

TEST(kubectl_gets_its_table)
{
	const struct representation *w =
		accepted("application/json;as=Table;v=v1;g=meta.k8s.io,"
			 "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json");

	EXPECT_INT(w->as, AS_TABLE);
	EXPECT_STR(w->as_version, "v1");
	EXPECT_INT(w->objects, TABLE_OBJECT_METADATA);
	configmaps.verbs = VERB_CREATE;
	EXPECT_INT(accepted("application/json;as=Table;v=v1;g=meta.k8s.io,application/json")->as,
		AS_OBJECT);
	configmaps.verbs = VERBS_ALL;
}

TEST(a_table_is_no_protobuf_and_other_groups_have_none)
{
	const char *only = "only the following media types are accepted: application/json, "
			   "application/yaml, application/vnd.kubernetes.protobuf";

	EXPECT_STR(
		refused("application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1"), only);
	EXPECT_STR(refused("application/json;as=Table;g=wrong.io;v=v1"), only);
	EXPECT_STR(refused("application/json;as=Table;g=meta.k8s.io;v=v9"), only);
	EXPECT_STR(refused("application/json;as=Foo;g=meta.k8s.io;v=v1"), only);
	EXPECT_STR(refused("application/json;g=meta.k8s.io;v=v1"), only);
	EXPECT_STR(refused("text/html"), only);
}

TEST(a_watch_is_no_yaml)
{
	ask("GET", "watch", "Accept", "application/yaml");
	EXPECT(negotiate_accept(&r) != NULL);
	ask("GET", "watch", "Accept", "application/vnd.kubernetes.protobuf;stream=watch");
	EXPECT(negotiate_accept(&r) == NULL);
	EXPECT(r.wants.stream);
}

TEST(people_see_lines)
{
	ask("GET", "get", "Accept", NULL);
	r.user_agent = STR("curl/8.1");
	negotiate_accept(&r);
	EXPECT(r.wants.pretty);
	r.user_agent = STR("kubectl/v1.36");
	negotiate_accept(&r);
	EXPECT(!r.wants.pretty);
	EXPECT(accepted("application/json;pretty=1")->pretty);
}

static struct str route(const char *method, const char *verb, const char *header, const char *value)
{
	ask(method, verb, header, value);
	return message(negotiate_route(&r));
}

TEST(the_router_compares_bare_types)
{
	EXPECT_STR(route("GET", "list", "Accept", "application/json;stream=watch"), "");
	EXPECT_STR(route("GET", "list", "Accept", "text/plain, application/json"), "");
	EXPECT_STR(route("GET", "get", "Accept", ""), "");
	EXPECT_STR(route("GET", "get", "Accept", "application/*"),
		"406: Not Acceptable\n\nAvailable representations: " TYPES);
	EXPECT_STR(route("GET", "list", "Accept", "image/*"),
		"406: Not Acceptable\n\nAvailable representations: " TYPES ", " STREAM_TYPES);
	EXPECT_STR(route("PATCH", "patch", "Content-Type", "application/json"),
		"415: Unsupported Media Type");
	EXPECT_STR(
		route("PATCH", "patch", "Content-Type", "application/merge-patch+json; a=b"), "");
	configmaps.custom = true;
	EXPECT_STR(route("GET", "get", "Accept", "text/html"), "");
	configmaps.custom = false;
}

static struct str sent(const char *type)
{
	ask("POST", "create", "Content-Type", type);
	return message(negotiate_content_type(&r));
}

TEST(bodies_are_of_three_types_or_json)
{
	const char *no = "the body of the request was in an unknown format - accepted media types "
			 "include: " TYPES;

	EXPECT_STR(sent(NULL), "");
	EXPECT_STR(r.content_type, "application/json");
	EXPECT_STR(sent("application/json; charset=utf-8"), "");
	EXPECT_STR(r.content_type, "application/json");
	EXPECT_STR(sent("application/yaml"), "");
	EXPECT_STR(sent("text/plain"), no);
	EXPECT_STR(sent("garbage"), no);
	EXPECT_STR(sent("application/merge-patch+json"), no);
}

TEST(a_refusal_speaks_the_format_that_was_asked_for)
{
	ask("GET", "get", "Accept", "application/vnd.kubernetes.protobuf;as=Table;g=x;v=y");
	EXPECT_INT(negotiate_status(&r).format, WIRE_PROTOBUF);
	ask("GET", "watch", "Accept", "application/yaml");
	EXPECT_INT(negotiate_status(&r).format, WIRE_YAML);
	ask("GET", "get", "Accept", "text/html");
	EXPECT_INT(negotiate_status(&r).format, WIRE_JSON);
}
