/* What a server said: Status objects, and refusals without one in client-go's words. */
#include "send.h"

#include <kube/api_codec.h>

/* ---- refusals without a Status ---- */

struct generic {
	int http;
	int code;
	const char *text;
};

static const struct generic generics[] = {
	{400, ERR_BAD_REQUEST, "the server rejected our request for an unknown reason"},
	{401, ERR_UNAUTHORIZED, "the server has asked for the client to provide credentials"},
	{403, ERR_FORBIDDEN, "the server does not allow access to the requested resource"},
	{404, ERR_NOT_FOUND, "the server could not find the requested resource"},
	{405, ERR_METHOD_NOT_ALLOWED,
		"the server does not allow this method on the requested resource"},
	{406, ERR_NOT_ACCEPTABLE,
		"the server was unable to respond with a content type that the client supports"},
	{409, ERR_CONFLICT, "the server reported a conflict"},
	{410, ERR_GONE,
		"the server responded with the status code 410 but did not return more "
		"information"},
	{413, ERR_TOO_LARGE, "the request is too large"},
	{415, ERR_UNSUPPORTED_MEDIA_TYPE,
		"the server was unable to respond with a content type that the client supports"},
	{422, ERR_INVALID, "the server rejected our request due to an error in our request"},
	{429, ERR_TOO_MANY_REQUESTS,
		"the server has received too many requests and has asked us to try again later"},
	{503, ERR_UNAVAILABLE, "the server is currently unable to handle the request"},
	{504, ERR_TIMEOUT,
		"the server was unable to return a response in the time allotted, but may still be "
		"processing the request"},
};

#define SHOWN_MAX 2048 /* of a body that is no Status */

static struct str generic_text(struct arena *a, int http_code, struct str body, int *code)
{
	body = str_trim(str_sub(body, 0, SHOWN_MAX));
	for (size_t i = 0; i < ARRAY_LEN(generics); i++) {
		const struct generic *g = &generics[i];

		if (g->http != http_code)
			continue;
		*code = g->code;
		bool own = http_code == 403 || http_code == 406 || http_code == 415;
		return own && body.len ? arena_str(a, body) : str_from(g->text);
	}
	if (http_code >= 500)
		return arena_print(a,
			"an error on the server (%.*s) has prevented the request from succeeding",
			STRF(field_quote(a, body.len ? body : STR("unknown"))));
	return arena_print(a,
		"the server responded with the status code %d but did not return more information",
		http_code);
}

static struct status *generic(struct arena *a, int http_code, struct str method,
	const struct resource *r, struct str name, struct str body)
{
	int code = ERR_INTERNAL;
	struct str text = generic_text(a, http_code, body, &code);
	_cleanup_(buf_done) struct buf verb = BUF_INIT(64);

	for (size_t i = 0; i < method.len; i++)
		buf_add_char(&verb, (char)(method.at[i] | 0x20));
	if (code == ERR_CONFLICT && str_eq(method, STR("POST")))
		code = ERR_ALREADY_EXISTS;
	if (r && name.len)
		text = arena_print(a, "%.*s (%.*s %.*s %.*s)", STRF(text), STRF(buf_str(&verb)),
			STRF(resource_full_name(a, r)), STRF(name));
	else if (r)
		text = arena_print(a, "%.*s (%.*s %.*s)", STRF(text), STRF(buf_str(&verb)),
			STRF(resource_full_name(a, r)));
	struct status *s = status_new(a, code, "%.*s", STRF(text));
	s->code = http_code;
	return s;
}

/* ---- Status ---- */

struct status *answer_status_parse(struct arena *a, int http_code, struct str method,
	const struct resource *r, struct str name, struct str text)
{
	struct cJSON *tree = NULL;

	if (json_parse(a, text, NULL, &tree, NULL) ||
		!str_eq_text(tree_str(tree, "kind"), "Status"))
		return generic(a, http_code, method, r, name, text);
	struct status *s = arena_new(a, sizeof(*s));
	const struct cJSON *details = json_get(tree, STR("details"));
	s->code = (int)tree_int(tree, "code", http_code);
	s->reason = tree_str(tree, "reason");
	s->message = tree_str(tree, "message");
	s->success = str_eq_text(tree_str(tree, "status"), "Success");
	s->continue_token = tree_str(tree, "metadata.continue");
	if (json_is(details, JSON_OBJECT))
		status_read_details(a, s, details);
	return s;
}

/* By reason; where that is none of ours, by what its number means. */
int answer_error_code(const struct status *s)
{
	for (int code = ERR_BEFORE_FIRST_ + 1; code < ERR_AFTER_LAST_; code++)
		if (s->reason.len && str_eq_text(s->reason, err_code_reason(code)))
			return code;
	for (size_t i = 0; i < ARRAY_LEN(generics); i++)
		if (generics[i].http == s->code)
			return generics[i].code;
	return ERR_INTERNAL;
}

void answer_fail(struct err *err, const struct status *s)
{
	err_set(err, answer_error_code(s), "%.*s", STRF(s->message));
}

int client_read_refusal(
	struct arena *a, int http_code, struct str method, struct str body, struct err *err)
{
	answer_fail(err, answer_status_parse(a, http_code, method, NULL, STR(""), body));
	return err->code;
}

bool answer_revision(const struct cJSON *tree, int64_t *revision)
{
	return str_to_i64(tree_str(tree, "metadata.resourceVersion"), revision) && *revision >= 0;
}

/* ---- warnings ---- */

#define WARNINGS_MAX 100

/* `299 - "text"`, with backslashes in front of quotes; maybe a date behind. */
static bool read_warning(struct arena *a, struct str value, struct str *text)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	struct str agent;
	size_t i;

	value = str_trim(value);
	if (!str_starts(value, STR("299 ")))
		return false;
	str_cut(str_skip(value, 4), ' ', &agent, &value);
	if (!agent.len || !value.len || value.at[0] != '"')
		return false;
	for (i = 1; i < value.len && value.at[i] != '"'; i++) {
		i += value.at[i] == '\\' && i + 1 < value.len;
		buf_add_char(&out, value.at[i]);
	}
	if (i >= value.len)
		return false;
	*text = arena_str(a, buf_str(&out));
	return true;
}

size_t answer_warnings(struct arena *a, const struct http_headers *h, struct str **warnings)
{
	size_t count = 0;

	*warnings = NULL;
	for (size_t i = 0; i < h->count && count < WARNINGS_MAX; i++) {
		struct str text;

		if (!str_eq_nocase(h->items[i].name, STR("Warning")) ||
			!read_warning(a, h->items[i].value, &text))
			continue;
		if (!*warnings)
			*warnings = arena_new(a, WARNINGS_MAX * sizeof(**warnings));
		(*warnings)[count++] = text;
	}
	return count;
}

/* ---- objects ---- */

static bool labels_are_sound(const struct cJSON *labels)
{
	if (json_is(labels, JSON_NULL))
		return true;
	if (!json_is(labels, JSON_OBJECT))
		return false;
	json_each (label, labels)
		if (!json_is(label, JSON_STRING))
			return false;
	return true;
}

/* kind and apiVersion first, as items of lists do not have them; a null for labels is none. */
static struct cJSON *in_order(struct arena *a, const struct cJSON *tree, const struct resource *r)
{
	struct cJSON *out = json_new(a, JSON_OBJECT);

	json_add_borrowed(out, STR("kind"), json_new_str(a, r->kind));
	json_add_borrowed(out, STR("apiVersion"), json_new_str(a, r->api_version));
	json_each (member, tree) {
		struct str key = json_key(member);

		if (str_eq_text(key, "kind") || str_eq_text(key, "apiVersion"))
			continue;
		json_add(a, out, key, json_copy(a, member));
	}
	struct cJSON *meta = json_get(out, STR("metadata"));
	struct cJSON *labels = json_get(meta, STR("labels"));
	if (labels && json_is(labels, JSON_NULL))
		json_remove(meta, labels);
	return out;
}

static bool is_in_order(const struct cJSON *tree)
{
	const struct cJSON *first = json_first(tree);
	const struct cJSON *labels = json_path(tree, "metadata.labels");

	return first && str_eq_text(json_key(first), "kind") && json_next(first) &&
	       str_eq_text(json_key(json_next(first)), "apiVersion") &&
	       (!labels || json_is(labels, JSON_OBJECT));
}

int client_object_new(const struct cJSON *tree, const struct resource *resource,
	struct object **object, struct err *err)
{
	_cleanup_(arena_done) struct arena scratch;
	const struct cJSON *meta = json_get(tree, STR("metadata"));
	struct draft d;
	int64_t revision;

	arena_init(&scratch);
	if (!json_is(meta, JSON_OBJECT) || !tree_str(tree, "metadata.name").len)
		return err_set(err, ERR_SYNTAX, "%.*s without a name", STRF(resource->kind));
	if (!answer_revision(tree, &revision))
		return err_set(err, ERR_SYNTAX, "%.*s \"%.*s\": resourceVersion is no number",
			STRF(resource->kind), STRF(tree_str(tree, "metadata.name")));
	if (!labels_are_sound(json_get(meta, STR("labels"))))
		return err_set(err, ERR_SYNTAX, "%.*s \"%.*s\": labels are none",
			STRF(resource->kind), STRF(tree_str(tree, "metadata.name")));
	if (!is_in_order(tree))
		tree = in_order(&scratch, tree, resource);
	draft_from_tree(&d, tree);
	*object = object_new(&d, revision);
	draft_done(&d);
	return 0;
}

int answer_publish(struct client *c, const struct cJSON *tree, const struct resource *r,
	struct object **object, struct err *err)
{
	struct client_transport *t = c->transport;
	struct object *own = NULL;
	int64_t revision;

	if (t->ops->find && answer_revision(tree, &revision))
		own = t->ops->find(t, r, tree_str(tree, "metadata.namespace"),
			tree_str(tree, "metadata.name"), revision);
	if (!own)
		return client_object_new(tree, r, object, err);
	*object = own;
	return 0;
}

struct str client_object_name(const struct object *o)
{
	return object_scan(o, "metadata.name");
}

struct str client_object_namespace(const struct object *o)
{
	return object_scan(o, "metadata.namespace");
}

struct str client_object_key(struct arena *a, const struct object *o)
{
	struct str namespace = client_object_namespace(o), name = client_object_name(o);

	if (!namespace.len)
		return arena_str(a, name);
	return arena_print(a, "%.*s/%.*s", STRF(namespace), STRF(name));
}
