/* What clients and backends are told of one another: the headers of both directions. */
#include "origins.h"
#include "passage_private.h"

/* Of one connection, not of the request; `in` may name others that are. */
static bool is_of_hop(const struct http_headers *in, struct str name)
{
	static const char *const names[] = {"Connection", "Keep-Alive", "Proxy-Authenticate",
		"Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding",
		"Upgrade"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_nocase(name, str_from(names[i])))
			return true;
	return http_headers_has_token(in, STR("Connection"), name);
}

/* ---- there ---- */

/* Who asked here is nobody's business there. */
static bool is_credential(struct str name)
{
	return str_eq_nocase(name, STR("Authorization")) ||
	       str_starts_nocase(name, STR("Impersonate-"));
}

static void add_forwarded_for(struct passage *p)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
	const struct http_peer *peer = p->r->x->peer;
	struct str before = request_header(p->r, "X-Forwarded-For");

	if (before.len)
		buf_print(&text, "%.*s, ", STRF(before));
	if (peer)
		ip_print(&text, &peer->remote.ip);
	if (text.len)
		http_headers_add(p->r->arena, &p->call.headers, STR("X-Forwarded-For"),
			arena_str(p->r->arena, buf_str(&text)));
}

/* The path as the client knows it. */
static void add_forwarded_uri(struct passage *p)
{
	http_headers_add(p->r->arena, &p->call.headers, STR("X-Forwarded-Uri"), p->r->path);
}

static bool is_forwarded(struct str name, bool upgrades)
{
	return str_eq_nocase(name, STR("X-Forwarded-For")) ||
	       (!upgrades && str_eq_nocase(name, STR("X-Forwarded-Uri")));
}

/* A backend behind an own name is called by it; what is reached by address, as we were. */
static bool is_ours(const struct passage *p, struct str name)
{
	return is_credential(name) || str_eq_nocase(name, STR("Content-Length")) ||
	       (str_eq_nocase(name, STR("Host")) && p->options.kind != PASSAGE_PROXY) ||
	       (passage_is_through(p) && is_forwarded(name, p->upgrades)) ||
	       (p->options.kind == PASSAGE_AGGREGATE && str_starts_nocase(name, STR("X-Remote-")));
}

static bool goes_there(const struct passage *p, const struct http_headers *in, struct str name)
{
	bool of_upgrade =
		str_eq_nocase(name, STR("Upgrade")) || str_eq_nocase(name, STR("Connection"));

	return !is_ours(p, name) && (!is_of_hop(in, name) || (p->upgrades && of_upgrade));
}

void passage_copy_headers(struct passage *p)
{
	const struct http_request *asked = &p->r->x->request;
	const struct http_headers *in = &asked->headers;
	struct http_headers *out = &p->call.headers;
	struct arena *a = p->r->arena;
	bool proxy = p->options.kind == PASSAGE_PROXY;

	for (size_t i = 0; i < in->count; i++)
		if (goes_there(p, in, in->items[i].name))
			http_headers_add(a, out, in->items[i].name, in->items[i].value);
	/* Over HTTP/2 there is no such header. */
	if (proxy && asked->authority.len && !http_headers_has(out, STR("Host")))
		http_headers_add(a, out, STR("Host"), asked->authority);
	/* The one word of it that is about the request. */
	if (http_headers_has_token(in, STR("Te"), STR("trailers")))
		http_headers_add(a, out, STR("Te"), STR("trailers"));
	for (size_t i = 0; i < p->options.headers.count; i++)
		http_headers_add(a, out, p->options.headers.items[i].name,
			p->options.headers.items[i].value);
	if (!passage_is_through(p))
		return;
	add_forwarded_for(p);
	if (!p->upgrades)
		add_forwarded_uri(p);
}

/* ---- back ---- */

/* Which pages may see the API is not for backends to say. */
static bool is_for_origins(struct str name)
{
	static const char *const names[] = {"Access-Control-Allow-Credentials",
		"Access-Control-Allow-Headers", "Access-Control-Allow-Methods",
		"Access-Control-Allow-Origin"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_nocase(name, str_from(names[i])))
			return true;
	return false;
}

struct http_headers passage_answer_headers(struct passage *p, bool upgraded)
{
	const struct http_headers *in = &p->call.response;
	struct arena *a = p->r->arena;
	struct http_headers out = {0};
	bool through = passage_is_through(p) && !upgraded;

	if (!upgraded) {
		http_headers_add(a, &out, STR("Audit-Id"), p->r->audit_id);
		http_headers_add(a, &out, STR("Cache-Control"), STR("no-cache, private"));
		origins_add_headers(p->r, &out);
	}
	for (size_t i = 0; i < in->count; i++) {
		struct str name = in->items[i].name, value = in->items[i].value;

		if ((is_of_hop(in, name) && !upgraded) ||
			str_eq_nocase(name, STR("Content-Length")) ||
			(through && is_for_origins(name)))
			continue;
		if (through && str_eq_nocase(name, STR("Location")))
			value = passage_move_address(p, a, value);
		http_headers_add(a, &out, name, value);
	}
	return out;
}
