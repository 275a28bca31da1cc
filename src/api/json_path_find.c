/* Asking with a path: lists of values go from one node of the path to the next. */
#include "go_print.h"
#include "json_path_own.h"

#define VALUES_MAX 1000000 /* that one question may look at */

struct values {
	const struct cJSON **items;
	size_t count, cap;
};

struct finding {
	struct arena *arena;
	bool missing_ok;
	struct err *err;
	struct json_path_results *out;
	size_t out_cap;
	size_t seen;
};

static int add(struct finding *f, struct values *v, const struct cJSON *value)
{
	if (++f->seen > VALUES_MAX)
		return err_set(f->err, ERR_TOO_LARGE, "the path finds too many values");
	ARENA_ROOM(f->arena, v->items, v->count, v->cap, 4);
	v->items[v->count++] = value;
	return 0;
}

static int walk(
	struct finding *f, const struct path_node *n, const struct values *in, struct values *out);

static int walk_list(struct finding *f, const struct path_node *list, const struct values *in,
	struct values *out)
{
	struct values now = *in;
	int code = 0;

	for (const struct path_node *n = list->first; n && !code; n = n->next) {
		struct values next = {0};

		code = walk(f, n, &now, &next);
		now = next;
	}
	*out = now;
	return code;
}

/* ---- fields ---- */

static int walk_field(
	struct finding *f, const struct path_node *n, const struct values *in, struct values *out)
{
	int code = 0;

	if (!in->count)
		return 0;
	for (size_t i = 0; i < in->count && !code; i++) {
		const struct cJSON *value =
			json_is(in->items[i], JSON_OBJECT) ? json_get(in->items[i], n->name) : NULL;

		if (value)
			code = add(f, out, value);
	}
	if (!code && !out->count && !f->missing_ok)
		return err_set(f->err, ERR_NOT_FOUND, "%.*s is not found", STRF(n->name));
	return code;
}

static int walk_children(struct finding *f, const struct values *in, struct values *out)
{
	int code = 0;

	for (size_t i = 0; i < in->count; i++) {
		if (json_is(in->items[i], JSON_STRING))
			continue;
		for (const struct cJSON *c = json_first(in->items[i]); c && !code; c = json_next(c))
			code = add(f, out, c);
	}
	return code;
}

/* Every value that has some within it, itself before those. */
static int walk_down(struct finding *f, const struct values *in, struct values *out)
{
	int code = 0;

	for (size_t i = 0; i < in->count && !code; i++) {
		struct values one = {.items = &in->items[i], .count = 1}, below = {0};

		code = walk_children(f, &one, &below);
		if (code || !below.count)
			continue;
		code = add(f, out, in->items[i]);
		if (!code)
			code = walk_down(f, &below, out);
	}
	return code;
}

/* ---- lists ---- */

static int slice_bounds(struct finding *f, const struct path_node *n, int64_t count, int64_t *from,
	int64_t *to, int64_t *step)
{
	*from = n->from.known ? n->from.value : 0;
	*to = n->to.known ? n->to.value : count;
	*step = n->step.known ? n->step.value : 1;
	if (*from < 0)
		*from += count;
	if (*to < 0 || (*to == 0 && n->to.derived))
		*to += count;
	if (*from == *to)
		return 0;
	if (*from >= count || *from < 0)
		return err_set(f->err, ERR_INVALID,
			"array index out of bounds: index %lld, length %lld", (long long)*from,
			(long long)count);
	if (*to > count || *to < 0)
		return err_set(f->err, ERR_INVALID,
			"array index out of bounds: index %lld, length %lld", (long long)*to - 1,
			(long long)count);
	if (*from > *to)
		return err_set(f->err, ERR_INVALID,
			"starting index %lld is greater than ending index %lld", (long long)*from,
			(long long)*to);
	if (*step <= 0)
		return err_set(f->err, ERR_INVALID, "step must be > 0");
	return 0;
}

static int walk_slice(
	struct finding *f, const struct path_node *n, const struct values *in, struct values *out)
{
	int code = 0;

	for (size_t i = 0; i < in->count && !code; i++) {
		const struct cJSON *list = in->items[i];
		int64_t from, to, step, at = 0;

		if (json_is(list, JSON_NULL))
			continue;
		if (!json_is(list, JSON_ARRAY))
			return err_set(
				f->err, ERR_INVALID, "%s is not array or slice", go_type_of(list));
		code = slice_bounds(f, n, (int64_t)json_count(list), &from, &to, &step);
		if (!code && from == to) /* upstream looks at no other list then */
			return 0;
		for (const struct cJSON *c = json_first(list); c && !code && at < to;
			c = json_next(c), at++)
			if (at >= from && (at - from) % step == 0)
				code = add(f, out, c);
	}
	return code;
}

static int walk_union(
	struct finding *f, const struct path_node *n, const struct values *in, struct values *out)
{
	int code = 0;

	for (const struct path_node *list = n->first; list && !code; list = list->next) {
		struct values found = {0};

		code = walk_list(f, list, in, &found);
		for (size_t i = 0; i < found.count && !code; i++)
			code = add(f, out, found.items[i]);
	}
	return code;
}

/* ---- filters ---- */

static int compare_numbers(const struct cJSON *a, const struct cJSON *b)
{
	int64_t x, y;

	if (json_int(a, &x) && json_int(b, &y))
		return x < y ? -1 : x > y;
	double l = json_double(a), r = json_double(b);
	return l < r ? -1 : l > r;
}

/* Go compares what is of one kind; integers and other numbers are two. */
static int compare(
	struct finding *f, struct str op, const struct cJSON *a, const struct cJSON *b, bool *pass)
{
	bool equality = str_eq_text(op, "==") || str_eq_text(op, "!=");
	enum json_type type = json_type(a);
	int order;

	if (type == JSON_NULL || type == JSON_ARRAY || type == JSON_OBJECT ||
		json_is(b, JSON_NULL) || json_is(b, JSON_ARRAY) || json_is(b, JSON_OBJECT) ||
		(type == JSON_BOOL && json_is(b, JSON_BOOL) && !equality))
		return err_set(f->err, ERR_INVALID, "invalid type for comparison");
	if (type != json_type(b) ||
		(type == JSON_NUMBER && json_is_int_text(a) != json_is_int_text(b)))
		return err_set(f->err, ERR_INVALID, "incompatible types for comparison");
	if (type == JSON_BOOL)
		order = json_bool(a) != json_bool(b);
	else if (type == JSON_STRING)
		order = str_cmp(json_str(a), json_str(b));
	else
		order = compare_numbers(a, b);
	if (equality)
		*pass = (order == 0) == str_eq_text(op, "==");
	else if (str_eq_text(op, "<"))
		*pass = order < 0;
	else if (str_eq_text(op, "<="))
		*pass = order <= 0;
	else if (str_eq_text(op, ">"))
		*pass = order > 0;
	else if (str_eq_text(op, ">="))
		*pass = order >= 0;
	else
		return err_set(f->err, ERR_INVALID, "unrecognized filter operator %.*s", STRF(op));
	return 0;
}

static int passes(
	struct finding *f, const struct path_node *n, const struct cJSON *item, bool *pass)
{
	struct values one = {.items = &item, .count = 1}, left = {0}, right = {0};
	int code;

	*pass = false;
	if (str_eq_text(n->name, "exists")) {
		_cleanup_(err_done) struct err ignored = {0};
		struct err *kept = f->err;

		f->err = &ignored;
		walk_list(f, n->first, &one, &left);
		f->err = kept;
		*pass = left.count > 0;
		return 0;
	}
	code = walk_list(f, n->first, &one, &left);
	if (code || !left.count)
		return code;
	if (left.count == 1)
		code = walk_list(f, n->last, &one, &right);
	if (code || (left.count == 1 && !right.count))
		return code;
	if (left.count > 1 || right.count > 1)
		return err_set(f->err, ERR_INVALID, "can only compare one element at a time");
	return compare(f, n->name, left.items[0], right.items[0], pass);
}

static int walk_filter(
	struct finding *f, const struct path_node *n, const struct values *in, struct values *out)
{
	int code = 0;

	for (size_t i = 0; i < in->count && !code; i++) {
		if (!json_is(in->items[i], JSON_ARRAY)) {
			_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
			const struct cJSON *value = in->items[i];
			struct json_path_result shown = {.values = &value, .count = 1};

			json_path_print(&text, &shown);
			return err_set(f->err, ERR_INVALID,
				"%.*s is not array or slice and cannot be filtered",
				STRF(buf_str(&text)));
		}
		for (const struct cJSON *c = json_first(in->items[i]); c && !code;
			c = json_next(c)) {
			bool pass;

			code = passes(f, n, c, &pass);
			if (!code && pass)
				code = add(f, out, c);
		}
	}
	return code;
}

/* ---- a whole path ---- */

static int walk(
	struct finding *f, const struct path_node *n, const struct values *in, struct values *out)
{
	switch (n->type) {
	case NODE_LIST:
		return walk_list(f, n, in, out);
	case NODE_VALUE:
		/* as often as there are values it stands behind; at the beginning that is one */
		return add(f, out, n->value);
	case NODE_FIELD:
		return walk_field(f, n, in, out);
	case NODE_WILDCARD:
		return walk_children(f, in, out);
	case NODE_RECURSIVE:
		return walk_down(f, in, out);
	case NODE_SLICE:
		return walk_slice(f, n, in, out);
	case NODE_UNION:
		return walk_union(f, n, in, out);
	case NODE_FILTER:
		return walk_filter(f, n, in, out);
	case NODE_RANGE:
	case NODE_END:
		*out = *in;
		return 0;
	}
	return 0;
}

static bool holds(const struct path_node *list, enum path_node_type type)
{
	if (list->type != NODE_LIST)
		return false;
	for (const struct path_node *n = list->first; n; n = n->next)
		if (n->type == type)
			return true;
	return false;
}

/* The matching end of a range that begins before `n`; NULL: it is never ended. */
static const struct path_node *end_of(const struct path_node *n)
{
	for (int depth = 0; n; n = n->next) {
		if (holds(n, NODE_RANGE))
			depth++;
		else if (holds(n, NODE_END) && depth-- == 0)
			return n;
	}
	return NULL;
}

static void tell(struct finding *f, const struct values *v)
{
	struct json_path_results *out = f->out;

	ARENA_ROOM(f->arena, out->items, out->count, f->out_cap, 4);
	out->items[out->count++] = (struct json_path_result){.count = v->count,
		.values = arena_copy(f->arena, v->items, v->count * sizeof(*v->items))};
}

/* The pieces from `n` to `end` over one value; within a range once for each of its values. */
static int find_pieces(struct finding *f, const struct path_node *n, const struct path_node *end,
	const struct cJSON *root, int depth)
{
	int code = 0;

	for (; n && n != end && !code; n = n->next) {
		struct values in = {.items = &root, .count = 1}, found = {0};

		if (holds(n, NODE_END))
			return err_set(f->err, ERR_INVALID, "not in range, nothing to end");
		code = walk(f, n, &in, &found);
		if (code)
			return code;
		if (!holds(n, NODE_RANGE)) {
			tell(f, &found);
			continue;
		}
		const struct path_node *stop = end_of(n->next);
		if (depth == JSON_PATH_DEPTH)
			return err_set(f->err, ERR_TOO_LARGE, "ranges are nested too deeply");
		for (size_t i = 0; i < found.count && !code; i++)
			code = find_pieces(f, n->next, stop, found.items[i], depth + 1);
		if (!stop)
			break;
		n = stop;
	}
	return code;
}

int json_path_find(const struct json_path *p, struct arena *a, const struct cJSON *root,
	bool missing_ok, struct json_path_results *out, struct err *err)
{
	struct finding f = {.arena = a, .missing_ok = missing_ok, .err = err, .out = out};

	*out = (struct json_path_results){0};
	return find_pieces(&f, p->root->first, NULL, root, 0);
}

/* ---- printing ---- */

static void print_value(struct buf *out, const struct cJSON *value)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	switch (json_type(value)) {
	case JSON_NULL:
		buf_add_text(out, "<no value>");
		return;
	case JSON_STRING:
		buf_add_str(out, json_str(value));
		return;
	case JSON_NUMBER:
		go_print_plain(out, &a, value);
		return;
	default:
		json_print(out, value, JSON_SORTED);
	}
}

void json_path_print(struct buf *out, const struct json_path_result *result)
{
	for (size_t i = 0; i < result->count; i++) {
		if (i)
			buf_add_char(out, ' ');
		print_value(out, result->values[i]);
	}
}
