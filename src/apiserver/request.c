/* What all stages ask of a request. */
#include "request.h"

struct str request_header(const struct api_request *r, const char *name)
{
	return http_headers_get(&r->x->request.headers, str_from(name));
}

size_t request_query_all(
	const struct api_request *r, const char *name, struct str *values, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < r->parameters.count && count < max; i++)
		if (str_eq_text(r->parameters.pairs[i].key, name))
			values[count++] = r->parameters.pairs[i].value;
	return count;
}

bool request_query(const struct api_request *r, const char *name, struct str *value)
{
	return request_query_all(r, name, value, 1) == 1;
}

bool request_is_on(const struct api_request *r, const char *name)
{
	struct str value;

	return request_query(r, name, &value) && !str_eq_nocase(value, STR("false")) &&
	       !str_eq(value, STR("0"));
}

bool user_in_group(const struct api_user *u, struct str group)
{
	for (size_t i = 0; i < u->group_count; i++)
		if (str_eq(u->groups[i], group))
			return true;
	return false;
}

void request_warn(struct api_request *r, struct str text)
{
	for (size_t i = 0; i < r->warning_count; i++)
		if (str_eq(r->warnings[i], text))
			return;
	if (!text.len || !str_is_utf8(text))
		return;
	if (r->warning_count == r->warning_cap) {
		size_t cap = r->warning_cap ? r->warning_cap * 2 : 4;
		struct str *more = arena_new(r->arena, cap * sizeof(*more));

		if (r->warning_count)
			memcpy(more, r->warnings, r->warning_count * sizeof(*more));
		r->warnings = more;
		r->warning_cap = cap;
	}
	r->warnings[r->warning_count++] = arena_str(r->arena, text);
}

struct kept_object {
	struct object *object;
	struct kept_object *next;
};

void request_keep(struct api_request *r, struct object *o)
{
	struct kept_object *k = arena_new(r->arena, sizeof(*k));

	k->object = object_ref(o);
	k->next = r->kept;
	r->kept = k;
}

void request_release_kept(struct api_request *r)
{
	for (const struct kept_object *k = TAKE(r->kept); k; k = k->next)
		object_unref(k->object);
}
