/* Values within values in string.format: what they would be as literals. */
#include "format_text.h"

#include <math.h>
#include <stdlib.h>

enum { NESTING_MAX = 200 };

static void print_quoted(struct buf *out, struct str s, bool bytes)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (c == '"' || c == '\\')
			buf_print(out, "\\%c", c);
		else if (c == '\n')
			buf_add_text(out, "\\n");
		else if (c == '\t')
			buf_add_text(out, "\\t");
		else if (c == '\r')
			buf_add_text(out, "\\r");
		else if (c < 0x20 || c == 0x7f || (bytes && c >= 0x80 && !str_is_utf8(s)))
			buf_print(out, "\\x%02x", c);
		else
			buf_add_char(out, (char)c);
	}
}

static bool print_list(struct printer *p, struct cel_value list)
{
	struct cel_value item;
	struct walk w = {0};
	bool first = true;

	buf_add_char(&p->out, '[');
	while (list_next(p->arena, list, &w, &item)) {
		if (!first)
			buf_add_text(&p->out, ", ");
		first = false;
		if (!print_inside(p, item))
			return false;
	}
	buf_add_char(&p->out, ']');
	return true;
}

struct pair {
	struct str key, value;
};

static int by_key(const void *x, const void *y)
{
	return str_cmp(((const struct pair *)x)->key, ((const struct pair *)y)->key);
}

/* What print_inside would print, apart. */
static bool print_apart(struct printer *p, struct cel_value v, struct str *text)
{
	struct printer apart = {
		.arena = p->arena, .out = BUF_INIT(FORMATTED_MAX), .depth = p->depth};
	bool done = print_inside(&apart, v);

	p->why = apart.why;
	*text = arena_str(p->arena, buf_str(&apart.out));
	buf_done(&apart.out);
	return done;
}

static bool print_map(struct printer *p, struct cel_value map)
{
	size_t size = map_size(map), n = 0;
	struct pair *pairs = arena_alloc(p->arena, (size + 1) * sizeof(*pairs));
	struct cel_value key, value;
	struct walk w = {0};

	while (map_walk(p->arena, map, &w, &key, &value)) {
		if (key.kind != CEL_STRING && key.kind != CEL_BOOL && key.kind != CEL_INT &&
			key.kind != CEL_UINT) {
			p->why = arena_print(p->arena,
				"no formatting function for map key of type %.*s",
				STRF(value_type_name(key)))
					 .at;
			return false;
		}
		if (!print_apart(p, key, &pairs[n].key) || !print_apart(p, value, &pairs[n].value))
			return false;
		n++;
	}
	if (n)
		qsort(pairs, n, sizeof(*pairs), by_key);
	buf_add_char(&p->out, '{');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add_text(&p->out, ", ");
		buf_add_str(&p->out, pairs[i].key);
		buf_add_char(&p->out, ':');
		buf_add_str(&p->out, pairs[i].value);
	}
	buf_add_char(&p->out, '}');
	return true;
}

static bool no_function(struct printer *p, struct cel_value v)
{
	p->why = arena_print(p->arena, "no formatting function for %.*s", STRF(value_type_name(v)))
			 .at;
	return false;
}

/* As an element: what it would be as a literal. */
bool print_inside(struct printer *p, struct cel_value v)
{
	bool done;

	switch (v.kind) {
	case CEL_STRING:
	case CEL_BYTES:
		buf_add_text(&p->out, v.kind == CEL_BYTES ? "b\"" : "\"");
		print_quoted(&p->out, v.str, v.kind == CEL_BYTES);
		buf_add_char(&p->out, '"');
		return true;
	case CEL_DOUBLE:
		if (isnan(v.d) || isinf(v.d)) {
			buf_add_char(&p->out, '"');
			print_double(&p->out, v.d);
			buf_add_char(&p->out, '"');
		} else {
			buf_print(&p->out, "%.6f", v.d);
		}
		return true;
	case CEL_TIMESTAMP:
	case CEL_DURATION:
		buf_add_text(&p->out, v.kind == CEL_TIMESTAMP ? "timestamp(\"" : "duration(\"");
		print_plain(&p->out, v);
		buf_add_text(&p->out, "\")");
		return true;
	case CEL_LIST:
	case CEL_MAP:
		if (++p->depth > NESTING_MAX) {
			p->why = "the value is nested too deeply";
			return false;
		}
		done = v.kind == CEL_LIST ? print_list(p, v) : print_map(p, v);
		p->depth--;
		return done;
	case CEL_OBJECT:
	case CEL_OPAQUE:
	case CEL_OPTIONAL:
		return no_function(p, v);
	default:
		print_plain(&p->out, v);
		return true;
	}
}
