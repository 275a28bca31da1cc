/* Scalars: from an event to a JSON value, by its tag, its style and its text. */
#include "go_text.h"
#include "yaml_reader.h"
#include "yaml_scalar.h"

#include <kube/codec.h>

#include <math.h>

#define TAG_PREFIX "tag:yaml.org,2002:"

static void set_text(struct yaml_reader *r, struct json_node *n, struct str text)
{
	n->c.type |= cJSON_String;
	n->c.valuestring = (char *)(uintptr_t)arena_str(r->arena, text).at;
	n->len = (uint32_t)text.len;
}

static void set_number_text(
	struct yaml_reader *r, struct json_node *n, struct str text, double value)
{
	n->c.type |= cJSON_Number;
	n->c.valuestring = (char *)(uintptr_t)arena_str(r->arena, text).at;
	n->len = (uint32_t)text.len;
	n->c.valuedouble = value;
}

static void set_int(struct yaml_reader *r, struct json_node *n, int64_t value)
{
	char text[JSON_NUMBER_MAX];

	if (value >= -JSON_EXACT_MAX && value <= JSON_EXACT_MAX) {
		n->c.type |= cJSON_Number;
		n->c.valuedouble = (double)value;
		return;
	}
	set_number_text(r, n, str_make(text, json_int_text(value, text)), (double)value);
}

/* As Go's encoding/json prints a float64: whole ones without a point. */
static int set_float(struct yaml_reader *r, struct json_node *n, double value)
{
	char text[JSON_NUMBER_MAX];
	int64_t whole;

	if (!isfinite(value))
		return yaml_fail(r, ERR_SYNTAX, "json: unsupported value: %s",
			isnan(value) ? "NaN"
			: value > 0  ? "+Inf"
				     : "-Inf");
	struct str printed = str_make(text, json_double_text(value, text));
	if (str_to_i64(printed, &whole) && !(whole == 0 && signbit(value)))
		set_int(r, n, whole);
	else
		set_number_text(r, n, printed, value);
	return 0;
}

static void set_uint(struct yaml_reader *r, struct json_node *n, uint64_t value)
{
	struct buf text = BUF_INIT(32);

	buf_add_u64(&text, value);
	set_number_text(r, n, buf_str(&text), (double)value);
	buf_done(&text);
}

/* JSON text is UTF-8: Go puts U+FFFD for every byte that is not. */
static struct str replace_bad_bytes(struct yaml_reader *r, struct str bytes)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(bytes.len * 3 + 1);

	while (bytes.len) {
		size_t most = MIN(bytes.len, (size_t)4), width = 1;
		while (width <= most && !str_is_utf8(str_sub(bytes, 0, width)))
			width++;
		if (width > most)
			buf_add_text(&text, "\xef\xbf\xbd");
		else
			buf_add(&text, bytes.at, width);
		bytes = str_skip(bytes, width > most ? 1 : width);
	}
	return arena_str(r->arena, buf_str(&text));
}

static int decode_binary(struct yaml_reader *r, struct str *text)
{
	_cleanup_(buf_done) struct buf bytes = BUF_INIT(text->len + 1);

	if (base64_decode(&bytes, *text, NULL))
		return yaml_fail(
			r, ERR_SYNTAX, "yaml: !!binary value contains invalid base64 data");
	*text = replace_bad_bytes(r, buf_str(&bytes));
	return 0;
}

static const char *kind_tag(enum yaml_kind kind)
{
	static const char *const tags[] = {
		[YAML_KIND_STRING] = "str",
		[YAML_KIND_NULL] = "null",
		[YAML_KIND_BOOL] = "bool",
		[YAML_KIND_INT] = "int",
		[YAML_KIND_UINT] = "int",
		[YAML_KIND_FLOAT] = "float",
		[YAML_KIND_TIMESTAMP] = "timestamp",
	};
	return tags[kind];
}

/* A tag says what the text must be; it does not convert, but an int will do as a float. */
static int resolve_tagged(
	struct yaml_reader *r, struct str tag, struct str *text, struct yaml_scalar *s)
{
	struct str name = str_skip(tag, sizeof(TAG_PREFIX) - 1);
	bool resolvable = str_starts(tag, STR(TAG_PREFIX)) &&
			  (str_eq_text(name, "bool") || str_eq_text(name, "int") ||
				  str_eq_text(name, "float") || str_eq_text(name, "null") ||
				  str_eq_text(name, "timestamp"));

	if (str_eq_text(tag, TAG_PREFIX "binary"))
		return decode_binary(r, text);
	if (!resolvable)
		return 0;
	*s = yaml_resolve(*text, str_eq_text(name, "timestamp"));
	if (s->kind == YAML_KIND_INT && str_eq_text(name, "float")) {
		s->kind = YAML_KIND_FLOAT;
		s->real = (double)s->integer;
	}
	if (!str_eq_text(name, kind_tag(s->kind)))
		return yaml_fail(r, ERR_SYNTAX, "yaml: cannot decode !!%s `%.*s` as a !!%.*s",
			kind_tag(s->kind), STRF(str_sub(*text, 0, 256)), STRF(name));
	return 0;
}

/*
 * `! 1` is a string, yet libyaml hands it over exactly as it does `1`, but for where it began:
 * such a scalar spans more characters than it has. (So does one with an anchor; `&a ! 1` is 1.)
 */
static bool spans_more_than_its_text(const yaml_event_t *e, struct str text)
{
	size_t characters = 0;

	if (e->data.scalar.anchor)
		return false;
	if (e->start_mark.line != e->end_mark.line)
		return true; /* text with a line break in it is a string anyway */
	for (size_t i = 0; i < text.len; i++)
		characters += ((unsigned char)text.at[i] & 0xc0) != 0x80;
	return e->end_mark.column - e->start_mark.column != characters;
}

/* The event's scalar: what it is, and its text. */
static int resolve_event(struct yaml_reader *r, struct str *text, struct yaml_scalar *s)
{
	const yaml_event_t *e = &r->event;

	*s = (struct yaml_scalar){.kind = YAML_KIND_STRING};
	*text = str_make((const char *)e->data.scalar.value, e->data.scalar.length);
	if (e->data.scalar.tag)
		return resolve_tagged(r, str_from((const char *)e->data.scalar.tag), text, s);
	if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && e->data.scalar.plain_implicit)
		*s = yaml_resolve(*text, true);
	if (s->kind != YAML_KIND_STRING && spans_more_than_its_text(e, *text))
		s->kind = YAML_KIND_STRING;
	return 0;
}

static int set_resolved(
	struct yaml_reader *r, struct json_node *n, const struct yaml_scalar *s, struct str text)
{
	switch (s->kind) {
	case YAML_KIND_NULL:
		n->c.type |= cJSON_NULL;
		return 0;
	case YAML_KIND_BOOL:
		n->c.type |= s->truth ? cJSON_True : cJSON_False;
		return 0;
	case YAML_KIND_INT:
		set_int(r, n, s->integer);
		return 0;
	case YAML_KIND_UINT:
		set_uint(r, n, s->natural);
		return 0;
	case YAML_KIND_FLOAT:
		return set_float(r, n, s->real);
	case YAML_KIND_STRING:
	case YAML_KIND_TIMESTAMP:
		break;
	}
	set_text(r, n, text);
	return 0;
}

int yaml_read_scalar(struct yaml_reader *r, struct json_node *n)
{
	struct yaml_scalar s;
	struct str text;
	int code = resolve_event(r, &text, &s);

	return code ? code : set_resolved(r, n, &s, text);
}

/* ---- keys ---- */

static int unsupported_key(struct yaml_reader *r, const char *type)
{
	return yaml_fail(r, ERR_SYNTAX, "yaml: line %zu: unsupported map key of type: %s",
		r->event.start_mark.line + 1, type);
}

static struct str print_real_key(struct yaml_reader *r, double value)
{
	struct buf text = BUF_INIT(64);

	if (isfinite(value))
		go_print_float(&text, value, 32); /* yes, as a float32 */
	else
		buf_add_text(&text, isnan(value) ? ".nan" : value > 0 ? ".inf" : "-.inf");
	struct str key = arena_str(r->arena, buf_str(&text));
	buf_done(&text);
	return key;
}

int yaml_read_key(struct yaml_reader *r, struct str *key)
{
	char text[JSON_NUMBER_MAX];
	struct yaml_scalar s;
	int code = resolve_event(r, key, &s);

	if (code)
		return code;
	switch (s.kind) {
	case YAML_KIND_NULL:
		return unsupported_key(r, "null");
	case YAML_KIND_UINT:
		return unsupported_key(r, "uint64");
	case YAML_KIND_BOOL:
		*key = s.truth ? STR("true") : STR("false");
		return 0;
	case YAML_KIND_FLOAT:
		*key = print_real_key(r, s.real);
		return 0;
	case YAML_KIND_INT:
		*key = str_make(text, json_int_text(s.integer, text));
		break;
	case YAML_KIND_STRING:
	case YAML_KIND_TIMESTAMP:
		break;
	}
	*key = arena_str(r->arena, *key);
	return 0;
}

int yaml_alias_key(struct yaml_reader *r, const struct json_node *n, struct str *key)
{
	int64_t whole;

	switch (n->c.type & JSON_TYPE_MASK) {
	case cJSON_String:
		*key = json_node_text(n);
		return 0;
	case cJSON_True:
	case cJSON_False:
		*key = n->c.type & cJSON_True ? STR("true") : STR("false");
		return 0;
	case cJSON_Number:
		if (json_int(&n->c, &whole))
			*key = json_number_text(r->arena, &n->c);
		else if (json_is_int_text(&n->c))
			return unsupported_key(r, "uint64");
		else
			*key = print_real_key(r, json_double(&n->c));
		return 0;
	case cJSON_NULL:
		return unsupported_key(r, "null");
	default:
		return yaml_fail(r, ERR_SYNTAX, "yaml: line %zu: invalid map key",
			r->event.start_mark.line + 1);
	}
}
