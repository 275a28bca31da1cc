/* Values: making them, what they are called, their sizes. */
#include "value.h"

#include <stdarg.h>

const struct cel_value cel_none = {.kind = CEL_OPTIONAL};

struct cel_value cel_str(struct str s)
{
	return (struct cel_value){.kind = CEL_STRING, .str = s};
}

struct cel_value cel_number(int64_t i)
{
	return (struct cel_value){.kind = CEL_INT, .i = i};
}

struct cel_value cel_truth(bool b)
{
	return (struct cel_value){.kind = CEL_BOOL, .b = b};
}

struct cel_value cel_some(struct arena *a, struct cel_value v)
{
	return (struct cel_value){.kind = CEL_OPTIONAL, .inner = arena_copy(a, &v, sizeof(v))};
}

struct cel_value cel_lazy(const struct cel_lazy *lazy)
{
	return (struct cel_value){.kind = CEL_LAZY, .lazy = lazy};
}

struct cel_value cel_lazy_object(const struct cel_lazy *lazy, const struct cel_type *record)
{
	return (struct cel_value){
		.kind = CEL_OBJECT, .held = HELD_LAZY, .type = record, .lazy = lazy};
}

struct cel_value value_opaque(const struct cel_type *type, const void *at)
{
	return (struct cel_value){.kind = CEL_OPAQUE, .type = type, .opaque = at};
}

/* ---- errors ---- */

struct cel_value value_error_text(const char *constant)
{
	return (struct cel_value){.kind = CEL_ERROR, .str = str_from(constant)};
}

struct cel_value cel_error(struct arena *a, const char *format, ...)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	va_list args;

	va_start(args, format);
	buf_vprint(&text, format, args);
	va_end(args);
	return (struct cel_value){.kind = CEL_ERROR, .str = arena_str(a, buf_str(&text))};
}

struct cel_value value_no_overload(void)
{
	return value_error_text("no such overload");
}

/* Some types answer for operators they do not have: upstream's receivers. */
struct cel_value value_no_trait(struct call *c)
{
	switch (c->count ? c->args[0].kind : CEL_NULL) {
	case CEL_STRING:
	case CEL_TIMESTAMP:
	case CEL_DURATION:
		return value_no_overload();
	default:
		return cel_error(c->arena, "no such overload: %.*s", STRF(c->expr->name));
	}
}

struct cel_value value_no_signature(struct call *c)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(4 * KIB);

	for (size_t i = 0; i < c->count; i++) {
		if (i)
			buf_add_text(&out, ", ");
		buf_add_str(&out, value_type_name(c->args[i]));
	}
	return cel_error(
		c->arena, "no such overload: %.*s(%.*s)", STRF(c->expr->name), STRF(buf_str(&out)));
}

struct cel_value value_print(struct arena *a, struct buf *out)
{
	return buf_over(out) ? value_error_text("the text is too long")
			     : cel_str(arena_str(a, buf_str(out)));
}

/* ---- types of values ---- */

const struct cel_type *value_type_of(struct cel_value v)
{
	static const struct cel_type *const simple[] = {
		[CEL_NULL] = &cel_null,
		[CEL_BOOL] = &cel_bool,
		[CEL_INT] = &cel_int,
		[CEL_UINT] = &cel_uint,
		[CEL_DOUBLE] = &cel_double,
		[CEL_STRING] = &cel_string,
		[CEL_BYTES] = &cel_bytes,
		[CEL_TIMESTAMP] = &cel_timestamp,
		[CEL_DURATION] = &cel_duration,
		[CEL_TYPE] = &cel_any_type,
	};

	if (v.kind < ARRAY_LEN(simple) && simple[v.kind])
		return simple[v.kind];
	switch (v.kind) {
	case CEL_LIST:
		return type_named(STR("list"));
	case CEL_MAP:
		return type_named(STR("map"));
	case CEL_OPTIONAL:
		return type_named(STR("optional_type"));
	default:
		return v.type ? v.type : &cel_dyn;
	}
}

struct str value_type_name(struct cel_value v)
{
	return type_runtime_name(value_type_of(v));
}

size_t text_length(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += (s.at[i] & 0xc0) != 0x80;
	return n;
}

uint64_t value_size(struct cel_value v)
{
	switch (v.kind) {
	case CEL_STRING:
		return text_length(v.str);
	case CEL_BYTES:
		return v.str.len;
	case CEL_LIST:
		return list_size(v);
	case CEL_MAP:
		return map_size(v);
	case CEL_OBJECT:
		return v.held == HELD_JSON ? json_count(v.json) : 1;
	case CEL_OPAQUE:
		/* Addresses have a size: that of their bytes, or of their prefix in bytes. */
		return v.type == &cel_ip_type || v.type == &cel_cidr_type ? address_size(v) : 1;
	default:
		return 1;
	}
}

bool value_is_zero(struct cel_value v)
{
	switch (v.kind) {
	case CEL_NULL:
		return true;
	case CEL_BOOL:
		return !v.b;
	case CEL_INT:
	case CEL_DURATION:
		return v.i == 0;
	case CEL_UINT:
		return v.u == 0;
	case CEL_DOUBLE:
		return v.d == 0;
	case CEL_STRING:
	case CEL_BYTES:
		return v.str.len == 0;
	case CEL_LIST:
		return list_size(v) == 0;
	case CEL_MAP:
	case CEL_OBJECT:
		return v.held != HELD_LAZY && map_size(v) == 0;
	case CEL_OPTIONAL:
		return !v.inner || value_is_zero(*v.inner);
	default:
		return false;
	}
}
