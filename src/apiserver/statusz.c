/* /statusz: text for people, or an object for programs that ask for it by all of its names. */
#include "api_options.h"
#include "metrics.h"
#include "negotiate.h"
#include "respond.h"
#include "version.h"
#include "version_generated.h"

#include <kube/media.h>
#include <kube/time.h>

#define NAME "kube-apiserver"

static const char *const shown_paths[] = {
	"/healthz", "/livez", "/metrics", "/readyz", "/statusz", "/version"};

/* "1.36.0+kube0.1.0", and "1.36" of which it behaves as one */
static struct str binary_version(void)
{
	return str_skip(STR(KUBE_API_VERSION "+kube" KUBE_VERSION), 1);
}

static struct str emulated_version(void)
{
	struct str head, rest;

	str_cut_last(str_skip(STR(KUBE_API_VERSION), 1), '.', &head, &rest);
	return head;
}

static void answer_as_text(struct api_request *r, int64_t started)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(16 * KIB), date = BUF_INIT(KIB);
	int64_t up = (r->now - started) / SEC;

	time_print(&date, started);
	buf_print(&out,
		"\n%s statusz\n"
		"Warning: This endpoint is not meant to be machine parseable, has no formatting "
		"compatibility guarantees and is for debugging purposes only.\n\n"
		"Started: %.*s\nUp: %lld hr %02lld min %02lld sec\nGo version: \n"
		"Binary version: %.*s\nEmulation version: %.*s\nPaths:",
		NAME, STRF(buf_str(&date)), (long long)(up / 3600), (long long)(up / 60 % 60),
		(long long)(up % 60), STRF(binary_version()), STRF(emulated_version()));
	for (size_t i = 0; i < ARRAY_LEN(shown_paths); i++)
		buf_print(&out, " %s", shown_paths[i]);
	buf_add_char(&out, '\n');
	answer_text(r, 200, "text/plain; charset=utf-8", buf_str(&out));
}

static void answer_as_object(struct api_request *r, int64_t started, struct str version)
{
	_cleanup_(buf_done) struct buf date = BUF_INIT(KIB), out = BUF_INIT(16 * KIB);
	struct arena *a = r->arena;
	struct cJSON *tree = json_new(a, JSON_OBJECT), *meta = json_new(a, JSON_OBJECT);
	struct cJSON *paths = json_new(a, JSON_ARRAY);

	time_print(&date, started);
	for (size_t i = 0; i < ARRAY_LEN(shown_paths); i++)
		json_append(paths, json_new_str(a, str_from(shown_paths[i])));
	json_add(a, meta, STR("name"), json_new_str(a, STR(NAME)));
	json_add(a, tree, STR("kind"), json_new_str(a, STR("Statusz")));
	json_add(a, tree, STR("apiVersion"),
		json_new_str(a, arena_print(a, "config.k8s.io/%.*s", STRF(version))));
	json_add(a, tree, STR("metadata"), meta);
	json_add(a, tree, STR("startTime"), json_new_str(a, buf_str(&date)));
	json_add(a, tree, STR("uptimeSeconds"), json_new_int(a, (r->now - started) / SEC));
	json_add(a, tree, STR("goVersion"), json_new_str(a, STR("")));
	json_add(a, tree, STR("binaryVersion"), json_new_str(a, binary_version()));
	json_add(a, tree, STR("emulationVersion"), json_new_str(a, emulated_version()));
	json_add(a, tree, STR("paths"), paths);
	json_print(&out, tree, JSON_COMPACT);
	buf_add_char(&out, '\n');
	answer_text(r, 200, "application/json", buf_str(&out));
}

static bool wants_text(const struct media_type *m)
{
	return media_is(m, "text/plain") || media_is(m, "text/*") || media_is(m, "*/*");
}

static bool wants_object(const struct media_type *m, struct str *version)
{
	*version = media_param(m, "v");
	return media_is(m, "application/json") && str_eq_text(media_param(m, "as"), "Statusz") &&
	       str_eq_text(media_param(m, "g"), "config.k8s.io") &&
	       (str_eq_text(*version, "v1alpha1") || str_eq_text(*version, "v1beta1"));
}

void serve_statusz(struct api_request *r)
{
	int64_t started = metrics_started(r->server->metrics);
	struct str accept = request_header(r, "Accept"), version;
	struct media_type *ranges;
	size_t count = 0;

	if (!api_gate(r->server->options, "ComponentStatusz")) {
		request_fail(r, status_page_not_found(r->arena));
		return;
	}
	if (accept.len && media_parse_accept(r->arena, accept, &ranges, &count, NULL))
		count = 0;
	for (size_t i = 0; i < count; i++) {
		if (wants_object(&ranges[i], &version)) {
			answer_as_object(r, started, version);
			return;
		}
		if (wants_text(&ranges[i]))
			accept.len = 0;
		if (!accept.len)
			break;
	}
	if (!accept.len)
		answer_as_text(r, started);
	else
		request_fail(r, status_new(r->arena, ERR_NOT_ACCEPTABLE,
					"only the following media types are accepted: text/plain, "
					"application/json;v=v1alpha1;g=config.k8s.io;as=Statusz"));
}
