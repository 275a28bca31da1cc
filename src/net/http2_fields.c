/* Header lists on their way to nghttp2. */
#include "http2_session.h"

void h2_fields_init(struct h2_fields *f, struct arena *a, size_t cap)
{
	*f = (struct h2_fields){.arena = a, .cap = cap};
	f->items = arena_alloc(a, MAX(cap, (size_t)1) * sizeof(*f->items));
}

/* RFC 9113 8.2.2: what speaks of the connection has no place here. */
static bool h2_field_is_hop(struct str name)
{
	static const struct str hop[] = {STR_INIT("connection"), STR_INIT("keep-alive"),
		STR_INIT("proxy-connection"), STR_INIT("transfer-encoding"), STR_INIT("upgrade")};
	for (size_t i = 0; i < ARRAY_LEN(hop); i++)
		if (name.len == hop[i].len && str_eq_nocase(name, hop[i]))
			return true;
	return false;
}

void h2_fields_add(struct h2_fields *f, struct str name, struct str value)
{
	assert(f->count < f->cap);
	f->items[f->count++] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name.at,
		.namelen = name.len,
		.value = (uint8_t *)(uintptr_t)value.at,
		.valuelen = value.len};
}

void h2_fields_add_all(struct h2_fields *f, const struct http_header *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct str name = items[i].name, value = str_trim(items[i].value);
		if (!name.len || http_token_span(name) != name.len || h2_field_is_hop(name))
			continue;
		if (http_value_span(value) != value.len) {
			char *clean = arena_copy(f->arena, value.at, value.len);
			for (size_t k = 0; k < value.len; k++)
				if (!http_value_span(str_make(&clean[k], 1)))
					clean[k] = ' ';
			value = str_trim(str_make(clean, value.len));
		}
		h2_fields_add(f, name, value);
	}
}
