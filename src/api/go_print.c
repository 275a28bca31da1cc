#include "go_print.h"

#include <kube/patch.h>

#include <math.h>
#include <stdlib.h>

static int by_key(const void *x, const void *y)
{
	const struct cJSON *const *a = x, *const *b = y;

	return str_cmp(json_key(*a), json_key(*b));
}

static const struct cJSON **sorted_members(struct arena *a, const struct cJSON *map)
{
	const struct cJSON **items = arena_alloc(a, (json_count(map) + 1) * sizeof(*items));
	size_t count = 0;

	json_each (item, map)
		items[count++] = item;
	qsort(items, count, sizeof(*items), by_key);
	return items;
}

/* Whole numbers were decoded as int64; of the others %v shows what strconv's 'g' shows. */
static void print_number(struct buf *out, struct arena *a, const struct cJSON *value)
{
	struct str text = json_number_text(a, value);
	double number = json_double(value);
	double size = fabs(number);

	if (json_is_int_text(value) || (size >= 1e-4 && size < 1e21 && number != floor(number))) {
		buf_add_str(out, text);
		return;
	}
	if (size >= 1e-4 && size < 1e21) {
		buf_print(out, "%.0f", number);
		return;
	}
	for (int digits = 0; digits < 17; digits++) {
		size_t start = out->len;

		buf_print(out, "%.*e", digits, number);
		if (digits == 16 || strtod(buf_text(out) + start, NULL) == number)
			return;
		buf_cut(out, start);
	}
}

void go_print_plain(struct buf *out, struct arena *a, const struct cJSON *value)
{
	const struct cJSON **items;
	size_t count = json_count(value), i = 0;

	switch (json_type(value)) {
	case JSON_OBJECT:
		items = sorted_members(a, value);
		buf_add_text(out, "map[");
		for (i = 0; i < count; i++) {
			buf_print(out, "%s%.*s:", i ? " " : "", STRF(json_key(items[i])));
			go_print_plain(out, a, items[i]);
		}
		buf_add_char(out, ']');
		break;
	case JSON_ARRAY:
		buf_add_char(out, '[');
		json_each (item, value) {
			buf_add_text(out, i++ ? " " : "");
			go_print_plain(out, a, item);
		}
		buf_add_char(out, ']');
		break;
	case JSON_STRING:
		buf_add_str(out, json_str(value));
		break;
	case JSON_NUMBER:
		print_number(out, a, value);
		break;
	case JSON_BOOL:
		buf_add_text(out, json_bool(value) ? "true" : "false");
		break;
	default:
		buf_add_text(out, "<nil>");
		break;
	}
}

void go_print_syntax(struct buf *out, struct arena *a, const struct cJSON *value)
{
	const struct cJSON **items;
	size_t count = json_count(value), i = 0;

	switch (json_type(value)) {
	case JSON_OBJECT:
		items = sorted_members(a, value);
		buf_add_text(out, "map[string]interface {}{");
		for (i = 0; i < count; i++) {
			buf_add_text(out, i ? ", " : "");
			json_print_str(out, json_key(items[i]));
			buf_add_char(out, ':');
			go_print_syntax(out, a, items[i]);
		}
		buf_add_char(out, '}');
		break;
	case JSON_ARRAY:
		buf_add_text(out, "[]interface {}{");
		json_each (item, value) {
			buf_add_text(out, i++ ? ", " : "");
			go_print_syntax(out, a, item);
		}
		buf_add_char(out, '}');
		break;
	case JSON_NULL:
		buf_add_text(out, "interface {}(nil)");
		break;
	case JSON_STRING:
		json_print_str(out, json_str(value));
		break;
	default:
		go_print_plain(out, a, value);
		break;
	}
}

const char *go_type_of(const struct cJSON *value)
{
	switch (json_type(value)) {
	case JSON_OBJECT:
		return "map[string]interface {}";
	case JSON_ARRAY:
		return "[]interface {}";
	case JSON_STRING:
		return "string";
	case JSON_NUMBER:
		return json_is_int_text(value) ? "int64" : "float64";
	case JSON_BOOL:
		return "bool";
	default:
		return "<nil>";
	}
}

struct str patch_print_go(struct arena *a, const struct cJSON *patch)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * MIB);

	go_print_plain(&text, a, patch);
	return arena_str(a, buf_str(&text));
}
