#include <kube/field.h>

#include <stdarg.h>

/* ---- paths ---- */

void path_print(struct buf *out, const struct path *p)
{
	if (!p)
		return;
	path_print(out, p->parent);
	if (p->name) {
		if (out->len)
			buf_add_char(out, '.');
		buf_add_text(out, p->name);
	} else if (p->index >= 0) {
		buf_print(out, "[%lld]", (long long)p->index);
	} else {
		buf_print(out, "[%.*s]", STRF(p->key));
	}
}

/* ---- errors ---- */

static const struct {
	const char *name, *prefix;
} reasons[] = {
	[FIELD_NOT_FOUND] = {"FieldValueNotFound", "Not found"},
	[FIELD_REQUIRED_VALUE] = {"FieldValueRequired", "Required value"},
	[FIELD_DUPLICATE] = {"FieldValueDuplicate", "Duplicate value"},
	[FIELD_INVALID] = {"FieldValueInvalid", "Invalid value"},
	[FIELD_NOT_SUPPORTED] = {"FieldValueNotSupported", "Unsupported value"},
	[FIELD_FORBIDDEN] = {"FieldValueForbidden", "Forbidden"},
	[FIELD_TOO_LONG] = {"FieldValueTooLong", "Too long"},
	[FIELD_TOO_MANY] = {"FieldValueTooMany", "Too many"},
	[FIELD_TOO_FEW] = {"FieldValueTooFew", "Too few"},
	[FIELD_TOO_SHORT] = {"FieldValueTooShort", "Too short"},
	[FIELD_TYPE_INVALID] = {"FieldValueTypeInvalid", "Invalid value"},
	[FIELD_INTERNAL] = {"InternalError", "Internal error"},
};

const char *field_reason_name(enum field_reason r)
{
	return reasons[r].name;
}

void field_add(
	struct field_errors *e, enum field_reason reason, const struct path *p, struct str rest)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(64 * KIB);

	ARENA_ROOM(e->arena, e->items, e->count, e->cap, 8);
	path_print(&path, p);
	e->items[e->count++] = (struct field_error){
		.reason = reason,
		.path = arena_str(e->arena, buf_str(&path)),
		.body = rest.len ? arena_print(
					   e->arena, "%s: %.*s", reasons[reason].prefix, STRF(rest))
				 : str_from(reasons[reason].prefix),
	};
}

/* "<value>: <detail>", either of them missing. */
static void add_detail(struct field_errors *e, enum field_reason reason, const struct path *p,
	struct str value, const char *detail, va_list args)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	buf_add_str(&text, value);
	if (detail[0] && !str_eq_text(str_from(detail), "%s")) {
		if (value.len)
			buf_add_text(&text, ": ");
		buf_vprint(&text, detail, args);
	} else if (detail[0]) {
		const char *only = va_arg(args, const char *);

		if (only[0])
			buf_print(&text, "%s%s", value.len ? ": " : "", only);
	}
	field_add(e, reason, p, buf_str(&text));
}

/* As Go's %q: what cannot be printed is escaped; HTML is left alone. */
struct str field_quote(struct arena *a, struct str s)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	buf_add_char(&text, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		static const char plain[] = "\a\b\f\n\r\t\v", letters[] = "abfnrtv";
		const char *named = c ? memchr(plain, c, sizeof(plain) - 1) : NULL;

		if (c == '"' || c == '\\')
			buf_print(&text, "\\%c", c);
		else if (named)
			buf_print(&text, "\\%c", letters[named - plain]);
		else if (c < 0x20 || c == 0x7f)
			buf_print(&text, "\\x%02x", c);
		else
			buf_add_char(&text, (char)c);
	}
	buf_add_char(&text, '"');
	return arena_str(a, buf_str(&text));
}

static struct str shown(struct arena *a, const struct cJSON *value)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	if (json_type(value) == JSON_NULL)
		return STR("null");
	if (json_is(value, JSON_STRING))
		return field_quote(a, json_str(value));
	json_print(&text, value, JSON_COMPACT);
	return arena_str(a, buf_str(&text));
}

/* ---- one function a reason ---- */

void field_not_found(struct field_errors *e, const struct path *p, const struct cJSON *value)
{
	field_add(e, FIELD_NOT_FOUND, p, shown(e->arena, value));
}

void field_not_found_str(struct field_errors *e, const struct path *p, struct str value)
{
	field_add(e, FIELD_NOT_FOUND, p, field_quote(e->arena, value));
}

void field_duplicate(struct field_errors *e, const struct path *p, const struct cJSON *value)
{
	field_add(e, FIELD_DUPLICATE, p, shown(e->arena, value));
}

void field_duplicate_str(struct field_errors *e, const struct path *p, struct str value)
{
	field_add(e, FIELD_DUPLICATE, p, field_quote(e->arena, value));
}

void field_required(struct field_errors *e, const struct path *p, const char *detail, ...)
{
	va_list args;

	va_start(args, detail);
	add_detail(e, FIELD_REQUIRED_VALUE, p, STR(""), detail, args);
	va_end(args);
}

void field_forbidden(struct field_errors *e, const struct path *p, const char *detail, ...)
{
	va_list args;

	va_start(args, detail);
	add_detail(e, FIELD_FORBIDDEN, p, STR(""), detail, args);
	va_end(args);
}

void field_internal(struct field_errors *e, const struct path *p, const char *detail, ...)
{
	va_list args;

	va_start(args, detail);
	add_detail(e, FIELD_INTERNAL, p, STR(""), detail, args);
	va_end(args);
}

void field_invalid(struct field_errors *e, const struct path *p, const struct cJSON *value,
	const char *detail, ...)
{
	va_list args;

	va_start(args, detail);
	add_detail(e, FIELD_INVALID, p, shown(e->arena, value), detail, args);
	va_end(args);
}

void field_invalid_str(
	struct field_errors *e, const struct path *p, struct str value, const char *detail, ...)
{
	va_list args;

	va_start(args, detail);
	add_detail(e, FIELD_INVALID, p, field_quote(e->arena, value), detail, args);
	va_end(args);
}

void field_invalid_raw(
	struct field_errors *e, const struct path *p, struct str value, const char *detail, ...)
{
	va_list args;

	va_start(args, detail);
	add_detail(e, FIELD_INVALID, p, value, detail, args);
	va_end(args);
}

void field_invalid_int(
	struct field_errors *e, const struct path *p, int64_t value, const char *detail, ...)
{
	va_list args;

	va_start(args, detail);
	add_detail(
		e, FIELD_INVALID, p, arena_print(e->arena, "%lld", (long long)value), detail, args);
	va_end(args);
}

static void not_supported(
	struct field_errors *e, const struct path *p, struct str value, const char *const *choices)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	buf_add_str(&text, value);
	for (size_t i = 0; choices[i]; i++)
		buf_print(&text, "%s\"%s\"", i ? ", " : ": supported values: ", choices[i]);
	field_add(e, FIELD_NOT_SUPPORTED, p, buf_str(&text));
}

void field_not_supported(struct field_errors *e, const struct path *p, const struct cJSON *value,
	const char *const *choices)
{
	not_supported(e, p, shown(e->arena, value), choices);
}

void field_not_supported_str(
	struct field_errors *e, const struct path *p, struct str value, const char *const *choices)
{
	not_supported(e, p, field_quote(e->arena, value), choices);
}

void field_too_long(struct field_errors *e, const struct path *p, size_t max)
{
	field_add(
		e, FIELD_TOO_LONG, p, arena_print(e->arena, "may not be more than %zu bytes", max));
}

void field_too_many(struct field_errors *e, const struct path *p, int64_t actual, size_t max)
{
	field_add(e, FIELD_TOO_MANY, p,
		arena_print(e->arena, "%lld: must have at most %zu item%s", (long long)actual, max,
			max == 1 ? "" : "s"));
}

/* ---- all of them ---- */

static bool said_before(const struct field_errors *e, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (str_eq(e->items[i].path, e->items[index].path) &&
			str_eq(e->items[i].body, e->items[index].body))
			return true;
	return false;
}

struct str field_errors_text(struct arena *a, const struct field_errors *e)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * MIB);
	size_t said = 0;

	for (size_t i = 0; i < e->count; i++) {
		if (said_before(e, i))
			continue;
		if (said++)
			buf_add_text(&text, ", ");
		buf_print(&text, "%.*s: %.*s", STRF(e->items[i].path), STRF(e->items[i].body));
	}
	if (said > 1)
		return arena_print(a, "[%.*s]", STRF(buf_str(&text)));
	return arena_str(a, buf_str(&text));
}
