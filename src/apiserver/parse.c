/* What a path means, by the rules that authorization and clients know: upstream's RequestInfo. */
#include "api_options.h"
#include "request.h"
#include "respond.h"

#include <kube/random.h>

#define SEGMENTS_MAX 64

struct segments {
	const struct str *items;
	size_t count;
	const char *end; /* of the path */
};

static struct segments split(struct str path, struct str items[SEGMENTS_MAX])
{
	struct segments s = {.items = items};
	struct str rest = path, piece;

	while (str_starts(rest, STR("/")))
		rest = str_skip(rest, 1);
	s.end = rest.at + rest.len;
	while (str_ends(rest, STR("/")))
		rest.len--;
	/* What is deeper than any path of ours only counts as such. */
	while (rest.len && s.count < SEGMENTS_MAX && str_next(&rest, '/', &piece))
		items[s.count++] = piece;
	return s;
}

static struct segments drop(const struct segments *s, size_t n)
{
	return (struct segments){s->items + n, s->count - n, s->end};
}

static struct str verb_of_method(struct str method)
{
	static const struct {
		const char *method;
		struct str verb;
	} verbs[] = {{"POST", STR_INIT("create")}, {"GET", STR_INIT("get")},
		{"HEAD", STR_INIT("get")}, {"PUT", STR_INIT("update")},
		{"PATCH", STR_INIT("patch")}, {"DELETE", STR_INIT("delete")}};

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq_text(method, verbs[i].method))
			return verbs[i].verb;
	return STR("");
}

static struct str lower(struct arena *a, struct str s)
{
	char *at = arena_alloc(a, s.len + 1);

	for (size_t i = 0; i < s.len; i++)
		at[i] = (char)(s.at[i] >= 'A' && s.at[i] <= 'Z' ? s.at[i] + 32 : s.at[i]);
	at[s.len] = 0;
	return str_make(at, s.len);
}

/* A selector of one name makes a request about that object, for authorization. */
static void name_from_selector(struct api_request *r)
{
	struct str text, name;
	struct selector fields;

	if (!request_query(r, "fieldSelector", &text) || !text.len ||
		field_selector_parse(r->arena, text, &fields, NULL))
		return;
	if (field_selector_requires(&fields, STR("metadata.name"), &name) && name.len &&
		!str_eq(name, STR(".")) && !str_eq(name, STR("..")) &&
		str_find_char(name, '/') < 0 && str_find_char(name, '%') < 0)
		r->name = name;
}

/* namespaces/NAME/status and …/finalize are about the namespace itself. */
static bool is_namespace_part(struct str s)
{
	return str_eq(s, STR("status")) || str_eq(s, STR("finalize"));
}

static void read_names(struct api_request *r, struct segments s)
{
	if (s.count && str_eq(s.items[0], STR("namespaces"))) {
		if (s.count > 1) {
			r->namespace = s.items[1];
			if (s.count > 2 && !is_namespace_part(s.items[2]))
				s = drop(&s, 2);
		}
	}
	if (s.count > 0)
		r->plural = s.items[0];
	if (s.count > 1) {
		r->name = s.items[1];
		r->has_name = r->name.len > 0;
	}
	if (s.count > 2 && !str_eq(r->verb, STR("proxy")))
		r->subresource = s.items[2];
	if (s.count > 3) {
		r->deeper = s.count - 3;
		r->rest = str_make(s.items[3].at, (size_t)(s.end - s.items[3].at));
	}
}

/* Below /api/VERSION and /apis/GROUP/VERSION. False: it is no resource. */
static bool read_resource(struct api_request *r, struct segments s)
{
	bool core = s.count && str_eq(s.items[0], STR("api"));

	if (s.count < 3 || (!core && !str_eq(s.items[0], STR("apis"))))
		return false;
	s = drop(&s, 1);
	if (!core) {
		if (s.count < 3)
			return false;
		r->group = s.items[0];
		s = drop(&s, 1);
	}
	r->is_resource = true;
	r->version = s.items[0];
	s = drop(&s, 1);
	if (str_eq(s.items[0], STR("watch")) || str_eq(s.items[0], STR("proxy"))) {
		r->verb = s.items[0];
		s = drop(&s, 1);
		if (!s.count)
			return true;
	} else {
		r->verb = verb_of_method(r->method);
	}
	read_names(r, s);
	if (!r->name.len && str_eq(r->verb, STR("get"))) {
		r->verb = request_is_on(r, "watch") ? STR("watch") : STR("list");
		name_from_selector(r);
	} else if (!r->name.len && str_eq(r->verb, STR("delete"))) {
		r->verb = STR("deletecollection");
	}
	return true;
}

static void give_audit_id(struct api_request *r)
{
	char id[37];
	struct str given = request_header(r, "Audit-Id");

	if (given.len && given.len <= 64 && http_header_valid(STR("Audit-Id"), given)) {
		r->audit_id = given;
		return;
	}
	uint8_t bytes[16];
	env_random(r->server->env, bytes, sizeof(bytes));
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
	size_t at = 0;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			id[at++] = '-';
		id[at++] = "0123456789abcdef"[bytes[i] >> 4];
		id[at++] = "0123456789abcdef"[bytes[i] & 15];
	}
	r->audit_id = arena_str(r->arena, str_make(id, at));
}

void stage_parse(struct api_request *r)
{
	struct str segments[SEGMENTS_MAX];
	struct url url;

	r->method = r->x->request.method;
	r->user_agent = request_header(r, "User-Agent");
	give_audit_id(r);
	if (url_parse_request(r->arena, r->method, r->x->request.target, &url, NULL)) {
		answer_text(r, 400, "text/plain; charset=utf-8", STR("400 Bad Request"));
		return;
	}
	r->path = url.path.len ? url.path : STR("/");
	r->query = url.raw_query;
	if (query_parse(r->arena, url.raw_query, &r->parameters, NULL)) {
		answer_text(r, 400, "text/plain; charset=utf-8",
			STR("400 Bad Request: too many query parameters"));
		return;
	}
	if (!read_resource(r, split(r->path, segments))) {
		r->verb = lower(r->arena, r->method);
		r->cluster_path = r->path;
	}
	request_next(r);
}
