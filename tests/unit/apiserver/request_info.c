/* What paths mean: the table is upstream's RequestInfo, asked in its own words. */
#include "test.h"

#include "apiserver/parse.c"

#include <kube/env.h>

/* ---- the pipeline around the stage ---- */

static bool went_on;
static int refused;

void request_next(struct api_request *r)
{
	(void)r;
	went_on = true;
}

void answer_text(struct api_request *r, int code, const char *content_type, struct str body)
{
	(void)r;
	(void)content_type;
	(void)body;
	refused = code;
}

static void no_random(struct env *env, void *at, size_t len)
{
	(void)env;
	memset(at, 0xab, len);
}

static struct env env = {.random = no_random};
static struct api_server server = {.env = &env};
static struct http_exchange exchange;
static struct api_request request;

static const struct api_request *parse(const char *method, const char *target)
{
	arena_done(&exchange.arena);
	exchange = (struct http_exchange){
		.request = {.method = str_from(method), .target = str_from(target)}};
	request = (struct api_request){.server = &server, .x = &exchange, .arena = &exchange.arena};
	went_on = false;
	refused = 0;
	stage_parse(&request);
	return &request;
}

/* "verb group/version plural/name/sub @namespace", parts that are empty left out. */
static struct str told(const struct api_request *r)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);

	if (!r->is_resource)
		return arena_print(r->arena, "%.*s %.*s", STRF(r->verb), STRF(r->cluster_path));
	buf_print(&out, "%.*s %.*s/%.*s %.*s", STRF(r->verb), STRF(r->group), STRF(r->version),
		STRF(r->plural));
	if (r->name.len)
		buf_print(&out, " %.*s", STRF(r->name));
	if (r->subresource.len)
		buf_print(&out, " /%.*s", STRF(r->subresource));
	if (r->namespace.len)
		buf_print(&out, " @%.*s", STRF(r->namespace));
	if (r->rest.len)
		buf_print(&out, " +%.*s", STRF(r->rest));
	return arena_str(r->arena, buf_str(&out));
}

static void expect(const char *method, const char *target, const char *wanted)
{
	test_context("%s %s", method, target);
	EXPECT_STR(told(parse(method, target)), wanted);
	EXPECT(went_on);
	test_context_end();
}

TEST(methods_are_verbs_by_where_they_stand)
{
	expect("GET", "/api/v1/namespaces", "list /v1 namespaces");
	expect("GET", "/api/v1/namespaces/other", "get /v1 namespaces other @other");
	expect("GET", "/api/v1/namespaces/other/pods", "list /v1 pods @other");
	expect("GET", "/api/v1/namespaces/other/pods/foo", "get /v1 pods foo @other");
	expect("HEAD", "/api/v1/namespaces/other/pods/foo", "get /v1 pods foo @other");
	expect("GET", "/api/v1/pods", "list /v1 pods");
	expect("HEAD", "/api/v1/pods", "list /v1 pods");
	expect("POST", "/api/v1/namespaces/other/pods", "create /v1 pods @other");
	expect("PUT", "/api/v1/namespaces/other/pods/foo", "update /v1 pods foo @other");
	expect("PATCH", "/api/v1/namespaces/other/pods/foo", "patch /v1 pods foo @other");
	expect("DELETE", "/api/v1/namespaces/other/pods/foo", "delete /v1 pods foo @other");
	expect("DELETE", "/api/v1/namespaces/other/pods", "deletecollection /v1 pods @other");
	expect("DELETE", "/api/v1/nodes", "deletecollection /v1 nodes");
	expect("PROPFIND", "/api/v1/pods", " /v1 pods");
}

TEST(watches_are_told_by_prefix_and_by_query)
{
	expect("GET", "/api/v1/watch/pods", "watch /v1 pods");
	expect("GET", "/api/v1/watch/namespaces/other/pods", "watch /v1 pods @other");
	expect("GET", "/api/v1/pods?watch=true", "watch /v1 pods");
	expect("GET", "/api/v1/pods?watch=x", "watch /v1 pods");
	expect("GET", "/api/v1/pods?watch", "watch /v1 pods");
	expect("GET", "/api/v1/pods?watch=false", "list /v1 pods");
	expect("GET", "/api/v1/pods?watch=0", "list /v1 pods");
	expect("GET", "/api/v1/namespaces/a/pods/b?watch=true", "get /v1 pods b @a");
	expect("GET", "/api/v1/pods?fieldSelector=metadata.name%3Dfoo", "list /v1 pods foo");
	expect("GET", "/api/v1/pods?watch=1&fieldSelector=metadata.name=foo", "watch /v1 pods foo");
	expect("GET", "/api/v1/pods?fieldSelector=metadata.name%3D..", "list /v1 pods");
	expect("GET", "/api/v1/pods?fieldSelector=metadata.name%3Da%2Fb", "list /v1 pods");
}

TEST(a_name_of_a_selector_is_no_name_of_the_path)
{
	EXPECT(!parse("GET", "/api/v1/pods?fieldSelector=metadata.name%3Dfoo")->has_name);
	EXPECT(parse("GET", "/api/v1/namespaces/a/pods/foo")->has_name);
}

TEST(subresources_and_what_lies_behind_them)
{
	expect("GET", "/api/v1/namespaces/other/pods/foo/log", "get /v1 pods foo /log @other");
	expect("PUT", "/api/v1/namespaces/other/finalize",
		"update /v1 namespaces other /finalize @other");
	expect("PUT", "/api/v1/namespaces/other/status",
		"update /v1 namespaces other /status @other");
	expect("GET", "/api/v1/nodes/n/proxy/a/b/?c=d", "get /v1 nodes n /proxy +a/b/");
	expect("GET", "/apis/apps/v1/namespaces/a/deployments/b/scale",
		"get apps/v1 deployments b /scale @a");
	EXPECT_INT(parse("GET", "/api/v1/nodes/n/status/x/y")->deeper, 2);
	EXPECT_INT(parse("GET", "/api/v1/nodes/n/status")->deeper, 0);
	expect("GET", "/api/v1/proxy/namespaces/other/pods/foo", "proxy /v1 pods foo @other");
}

TEST(short_paths_and_foreign_ones_are_no_resources)
{
	expect("GET", "/", "get /");
	expect("GET", "/api", "get /api");
	expect("GET", "/api/v1", "get /api/v1");
	expect("GET", "/api/v1/", "get /api/v1/");
	expect("GET", "/apis", "get /apis");
	expect("GET", "/apis/apps", "get /apis/apps");
	expect("GET", "/apis/apps/v1", "get /apis/apps/v1");
	expect("GET", "/healthz/ping", "get /healthz/ping");
	expect("POST", "/not/api/v1/pods", "post /not/api/v1/pods");
	expect("OPTIONS", "/version", "options /version");
}

TEST(slashes_and_escapes)
{
	expect("GET", "/api/v1/namespaces/a/configmaps/", "list /v1 configmaps @a");
	expect("GET", "//api/v1/pods", "list /v1 pods");
	expect("GET", "/api/v1//namespaces", "get /v1  namespaces");
	expect("GET", "/api/v1/namespaces/a/configmaps/x%20y", "get /v1 configmaps x y @a");
	expect("GET", "/api/v1/namespaces/a/configmaps/x%2Flog", "get /v1 configmaps x /log @a");
	expect("GET", "https://host:1/api/v1/pods", "list /v1 pods");
}

TEST(what_cannot_be_read_is_refused)
{
	parse("GET", "/api/%zz");
	EXPECT_INT(refused, 400);
	EXPECT(!went_on);
}

TEST(every_request_has_an_audit_id)
{
	EXPECT_STR(parse("GET", "/")->audit_id, "abababab-abab-4bab-abab-abababababab");
}
