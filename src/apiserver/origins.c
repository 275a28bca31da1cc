#include "origins.h"
#include "api_options.h"
#include "respond.h"

#include <kube/regex.h>

struct origins {
	size_t count;
	struct regex *patterns[];
};

struct origins *origins_new(struct api_server *s)
{
	const struct flag_list *list = &s->options->cors_allowed_origins;
	struct origins *o;
	struct str why;

	if (!list->count)
		return NULL;
	o = arena_new(&s->arena, sizeof(*o) + list->count * sizeof(struct regex *));
	for (size_t i = 0; i < list->count; i++) {
		o->patterns[i] = regex_compile(&s->arena, list->items[i], &why);
		assert(o->patterns[i]); /* api_options_check has seen it */
	}
	o->count = list->count;
	return o;
}

static bool is_allowed(struct api_request *r, struct str origin)
{
	const struct origins *o = r->server->origins;
	size_t from, to;

	for (size_t i = 0; o && i < o->count; i++)
		if (regex_find(regex_start(o->patterns[i], r->arena), origin, 0, &from, &to))
			return true;
	return false;
}

void origins_add_headers(struct api_request *r, struct http_headers *h)
{
	static const char *const says[][2] = {
		{"Access-Control-Allow-Methods", "POST, GET, OPTIONS, PUT, DELETE, PATCH"},
		{"Access-Control-Allow-Headers",
			"Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, "
			"Authorization, X-Requested-With, If-Modified-Since"},
		{"Access-Control-Expose-Headers", "Date"},
		{"Access-Control-Allow-Credentials", "true"},
	};

	if (!r->origin.len)
		return;
	http_headers_add(r->arena, h, STR("Access-Control-Allow-Origin"), r->origin);
	for (size_t i = 0; i < ARRAY_LEN(says); i++)
		http_headers_add(r->arena, h, str_from(says[i][0]), str_from(says[i][1]));
}

/* Browsers ask first whether they may, before anybody has said who asks. */
static void answer_preflight(struct api_request *r)
{
	struct http_headers h = respond_headers(r, NULL);

	r->answered = true;
	r->answer_code = 204;
	op_init(&r->op, &r->x->scope, respond_sent, OP_NO_DEADLINE);
	http_respond(r->x, &r->op, 204, h.items, h.count, STR(""));
}

void stage_origins(struct api_request *r)
{
	struct str origin = r->server->origins ? request_header(r, "Origin") : STR("");

	if (origin.len && is_allowed(r, origin))
		r->origin = origin;
	if (r->origin.len && str_eq_text(r->method, "OPTIONS"))
		answer_preflight(r);
	else
		request_next(r);
}
