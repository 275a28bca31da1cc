/* Paths and queries as strangers send them: whatever they are, the stage ends in one way. */
#include "apiserver/parse.c"

#include <kube/env.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned ends;

static void expect(bool good)
{
	if (!good)
		abort();
}

void request_next(struct api_request *r)
{
	ends++;
	if (!r->is_resource) {
		expect(r->cluster_path.len > 0);
		return;
	}
	/* Nothing is made up: all parts are of the path. */
	expect(r->plural.len + r->name.len + r->subresource.len + r->rest.len <=
		r->path.len + r->x->request.target.len);
	expect(!r->has_name || r->name.len);
}

void answer_text(struct api_request *r, int code, const char *content_type, struct str body)
{
	(void)r;
	(void)content_type;
	(void)body;
	expect(code == 400);
	ends++;
}

static void no_random(struct env *env, void *at, size_t len)
{
	(void)env;
	memset(at, 1, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const methods[] = {"GET", "POST", "DELETE", "WATCH"};
	static struct env env = {.random = no_random};
	static struct api_server server = {.env = &env};
	struct http_exchange x = {0};
	struct api_request r = {.server = &server, .x = &x, .arena = &x.arena};

	if (!size)
		return 0;
	x.request.method = str_from(methods[data[0] % ARRAY_LEN(methods)]);
	x.request.target = str_make((const char *)data + 1, size - 1);
	ends = 0;
	stage_parse(&r);
	expect(ends == 1);
	arena_done(&x.arena);
	return 0;
}
