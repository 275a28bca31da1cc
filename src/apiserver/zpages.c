/* /statusz and /flagz: text for people, or an object for who asks for it by all of its names. */
#include "api_options.h"
#include "metrics.h"
#include "negotiate.h"
#include "respond.h"
#include "version.h"
#include "version_generated.h"

#include <kube/media.h>
#include <kube/time.h>

#define NAME "kube-apiserver"
#define WARNING                                                                                    \
	"Warning: This endpoint is not meant to be machine parseable, has no formatting "          \
	"compatibility guarantees and is for debugging purposes only.\n\n"

/* ---- text or object ---- */

enum form { FORM_NONE, FORM_TEXT, FORM_OBJECT };

static bool wants_text(const struct media_type *m)
{
	return media_is(m, "text/plain") || media_is(m, "text/*") || media_is(m, "*/*");
}

static bool wants_object(const struct media_type *m, const char *kind, struct str *version)
{
	*version = media_param(m, "v");
	return media_is(m, "application/json") && str_eq_text(media_param(m, "as"), kind) &&
	       str_eq_text(media_param(m, "g"), "config.k8s.io") &&
	       (str_eq_text(*version, "v1alpha1") || str_eq_text(*version, "v1beta1"));
}

static enum form negotiate(struct api_request *r, const char *kind, struct str *version)
{
	struct str accept = request_header(r, "Accept");
	struct media_type *ranges;
	size_t count = 0;

	if (!accept.len)
		return FORM_TEXT;
	if (media_parse_accept(r->arena, accept, &ranges, &count, NULL))
		return FORM_NONE;
	for (size_t i = 0; i < count; i++) {
		if (wants_object(&ranges[i], kind, version))
			return FORM_OBJECT;
		if (wants_text(&ranges[i]))
			return FORM_TEXT;
	}
	return FORM_NONE;
}

static void fail_not_acceptable(struct api_request *r, const char *kind)
{
	struct str types = arena_print(r->arena,
		"only the following media types are accepted: text/plain, "
		"application/json;v=v1alpha1;g=config.k8s.io;as=%s",
		kind);

	request_fail(r, status_new(r->arena, ERR_NOT_ACCEPTABLE, "%.*s", STRF(types)));
}

static struct cJSON *page_object(struct arena *a, const char *kind, struct str version)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT), *meta = json_new(a, JSON_OBJECT);

	json_add(a, meta, STR("name"), json_new_str(a, STR(NAME)));
	json_add(a, tree, STR("kind"), json_new_str(a, str_from(kind)));
	json_add(a, tree, STR("apiVersion"),
		json_new_str(a, arena_print(a, "config.k8s.io/%.*s", STRF(version))));
	json_add(a, tree, STR("metadata"), meta);
	return tree;
}

static void answer_json(struct api_request *r, const struct cJSON *tree)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);

	json_print(&out, tree, JSON_COMPACT);
	buf_add_char(&out, '\n');
	answer_text(r, 200, "application/json", buf_str(&out));
}

/* ---- /statusz ---- */

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

static void status_as_text(struct api_request *r, int64_t started)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(16 * KIB), date = BUF_INIT(KIB);
	int64_t up = (r->now - started) / SEC;

	time_print(&date, started);
	buf_print(&out,
		"\n%s statusz\n" WARNING
		"Started: %.*s\nUp: %lld hr %02lld min %02lld sec\nGo version: \n"
		"Binary version: %.*s\nEmulation version: %.*s\nPaths:",
		NAME, STRF(buf_str(&date)), (long long)(up / 3600), (long long)(up / 60 % 60),
		(long long)(up % 60), STRF(binary_version()), STRF(emulated_version()));
	for (size_t i = 0; i < ARRAY_LEN(shown_paths); i++)
		buf_print(&out, " %s", shown_paths[i]);
	buf_add_char(&out, '\n');
	answer_text(r, 200, "text/plain; charset=utf-8", buf_str(&out));
}

static void status_as_object(struct api_request *r, int64_t started, struct str version)
{
	_cleanup_(buf_done) struct buf date = BUF_INIT(KIB);
	struct arena *a = r->arena;
	struct cJSON *tree = page_object(a, "Statusz", version), *paths = json_new(a, JSON_ARRAY);

	time_print(&date, started);
	for (size_t i = 0; i < ARRAY_LEN(shown_paths); i++)
		json_append(paths, json_new_str(a, str_from(shown_paths[i])));
	json_add(a, tree, STR("startTime"), json_new_str(a, buf_str(&date)));
	json_add(a, tree, STR("uptimeSeconds"), json_new_int(a, (r->now - started) / SEC));
	json_add(a, tree, STR("goVersion"), json_new_str(a, STR("")));
	json_add(a, tree, STR("binaryVersion"), json_new_str(a, binary_version()));
	json_add(a, tree, STR("emulationVersion"), json_new_str(a, emulated_version()));
	json_add(a, tree, STR("paths"), paths);
	answer_json(r, tree);
}

void serve_statusz(struct api_request *r)
{
	int64_t started = metrics_started(r->server->metrics);
	struct str version;

	if (!api_gate(r->server->options, "ComponentStatusz")) {
		request_fail(r, status_page_not_found(r->arena));
		return;
	}
	switch (negotiate(r, "Statusz", &version)) {
	case FORM_TEXT:
		status_as_text(r, started);
		return;
	case FORM_OBJECT:
		status_as_object(r, started, version);
		return;
	case FORM_NONE:
		fail_not_acceptable(r, "Statusz");
		return;
	}
}

/* ---- /flagz ---- */

static void flags_as_text(struct api_request *r)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);

	buf_print(&out, "\n%s flags\n" WARNING, NAME);
	for (const struct flag *f = r->server->options->flags; f->name; f++) {
		if (f->hidden)
			continue;
		buf_print(&out, "%s=", f->name);
		flags_print_value(f, &out);
		buf_add_char(&out, '\n');
	}
	answer_text(r, 200, "text/plain; charset=utf-8", buf_str(&out));
}

static void flags_as_object(struct api_request *r, struct str version)
{
	struct arena *a = r->arena;
	struct cJSON *tree = page_object(a, "Flagz", version), *flags = json_new(a, JSON_OBJECT);

	for (const struct flag *f = r->server->options->flags; f->name; f++) {
		_cleanup_(buf_done) struct buf value = BUF_INIT(MIB);

		if (f->hidden)
			continue;
		flags_print_value(f, &value);
		json_add(a, flags, str_from(f->name), json_new_str(a, buf_str(&value)));
	}
	json_add(a, tree, STR("flags"), flags);
	answer_json(r, tree);
}

/* A server that was started from inside, without a command line, has no table of flags. */
void serve_flagz(struct api_request *r)
{
	const struct api_options *o = r->server->options;
	struct str version;

	if (!api_gate(o, "ComponentFlagz") || !o->flags) {
		request_fail(r, status_page_not_found(r->arena));
		return;
	}
	switch (negotiate(r, "Flagz", &version)) {
	case FORM_TEXT:
		flags_as_text(r);
		return;
	case FORM_OBJECT:
		flags_as_object(r, version);
		return;
	case FORM_NONE:
		fail_not_acceptable(r, "Flagz");
		return;
	}
}
