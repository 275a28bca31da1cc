/*
 * Reading a list item by item. The reader follows only the structure: brackets, commas, colons,
 * where strings and numbers end. What is inside of them is checked when the pieces are parsed:
 * the items by whoever takes them, the rest by json_reader_end. Together that accepts exactly
 * what the parser accepts.
 *
 *	{"kind":"List","metadata":{…},"items":[ {…}, {…} ],"more":1}
 *	└────────────── rest ────────────────┘  item  item └─ rest ─┘
 */
#include "json_parse.h"

#include "json_scan.h"

#include <kube/mem.h>

enum {
	READER_MAX_DEPTH = 1000, /* as the parser */
	READER_MAX_PARTS = 16,
};

enum reader_state {
	AT_VALUE,
	AT_VALUE_OR_CLOSE, /* behind '[' */
	AT_KEY,
	AT_KEY_OR_CLOSE, /* behind '{' */
	AT_COLON,
	IN_KEY,
	IN_STRING,
	IN_SCALAR, /* number, true, false, null: ends where something else begins */
	AFTER_VALUE,
	AT_END,
};

struct json_reader {
	char *path;
	struct str parts[READER_MAX_PARTS];
	int part_count;
	size_t max_item;
	json_item_fn *item;
	void *ctx;

	enum reader_state state;
	bool escaped; /* the byte behind a backslash comes next */
	int depth;
	uint8_t objects[READER_MAX_DEPTH / 8 + 1]; /* by depth: object or array */

	/*
	 * The first `matched` parts of the path lead to the object at depth matched + 1. If that is
	 * the innermost open one, its keys are compared with the next part.
	 */
	int matched;
	bool key_matched;
	size_t key_start; /* of the key being read, in rest, with its quote */
	bool in_array, array_seen, in_item;

	/* The chunk at hand: [run, at) belongs to rest or to the open item and is not yet there. */
	const char *run, *at, *end;
	size_t chunk_offset, items;
	const char *chunk;
	struct buf rest, held; /* held: the open item as far as earlier chunks had it */
	struct err *err;
	int failed;
};

struct json_reader *json_reader_new(
	const char *array_path, size_t max_item, size_t max_rest, json_item_fn *item, void *ctx)
{
	struct json_reader *r = mem_new(sizeof(*r));
	r->path = mem_copy_text(array_path);
	struct str left = str_from(r->path);
	while (str_next(&left, '.', &r->parts[r->part_count])) {
		r->part_count++;
		assert(r->part_count < READER_MAX_PARTS);
	}
	r->max_item = max_item;
	r->item = item;
	r->ctx = ctx;
	buf_init(&r->rest, max_rest);
	buf_init(&r->held, max_item);
	return r;
}

void json_reader_free(struct json_reader *r)
{
	if (!r)
		return;
	mem_free(r->path);
	buf_done(&r->rest);
	buf_done(&r->held);
	mem_free(r);
}

/* ---- failing ---- */

static int fail_at(struct json_reader *r, const char *context)
{
	char quoted[12];
	json_quote_char(quoted, (unsigned char)*r->at);
	return err_set(r->err, ERR_SYNTAX, "invalid character %s %s at offset %zu", quoted, context,
		r->chunk_offset + (size_t)(r->at - r->chunk));
}

static int fail_item_size(struct json_reader *r)
{
	return err_set(r->err, ERR_TOO_LARGE, "element %zu of %s is over the limit of %zu bytes",
		r->items, r->path, r->max_item);
}

static int fail_rest_size(struct json_reader *r)
{
	return err_set(r->err, ERR_TOO_LARGE, "what surrounds %s is over the limit of %zu bytes",
		r->path, r->rest.max);
}

/* ---- where bytes go ---- */

/* Moves the run up to `to` where it belongs. */
static int flush(struct json_reader *r, const char *to)
{
	const char *from = r->run;
	r->run = to;
	if (r->in_array && !r->in_item)
		return 0; /* white space and commas between items */
	struct buf *b = r->in_item ? &r->held : &r->rest;
	buf_add(b, from, (size_t)(to - from));
	if (!buf_over(b))
		return 0;
	return r->in_item ? fail_item_size(r) : fail_rest_size(r);
}

/* The item ends before r->at. Without a copy if it all came in this chunk. */
static int hand_over(struct json_reader *r)
{
	struct str item = str_make(r->run, (size_t)(r->at - r->run));
	if (r->held.len) {
		int rc = flush(r, r->at);
		if (rc)
			return rc;
		item = buf_str(&r->held);
	}
	if (item.len > r->max_item)
		return fail_item_size(r);
	int rc = r->item(r->ctx, item, r->err);
	r->items++;
	r->in_item = false;
	r->run = r->at;
	buf_clear(&r->held);
	return rc;
}

/* ---- structure ---- */

static bool in_object(const struct json_reader *r)
{
	return r->objects[r->depth / 8] >> r->depth % 8 & 1;
}

static bool on_path(const struct json_reader *r)
{
	return !r->in_array && r->matched == r->depth - 1;
}

/* r->at is behind a complete value. */
static int value_done(struct json_reader *r)
{
	r->state = r->depth ? AFTER_VALUE : AT_END;
	return r->in_item && r->depth == r->part_count + 1 ? hand_over(r) : 0;
}

static int close_container(struct json_reader *r)
{
	if (*r->at != (in_object(r) ? '}' : ']'))
		return fail_at(
			r, in_object(r) ? "after object key:value pair" : "after array element");
	if (r->in_array && r->depth == r->part_count + 1) {
		r->run = r->at; /* the bracket is the rest's */
		r->in_array = false;
	}
	r->at++;
	r->depth--;
	if (r->matched >= r->depth)
		r->matched = r->depth > 0 ? r->depth - 1 : 0;
	return value_done(r);
}

static int open_container(struct json_reader *r)
{
	bool object = *r->at == '{';
	if (r->depth == READER_MAX_DEPTH)
		return fail_at(r, "exceeded max depth");
	r->at++;
	r->depth++;
	uint8_t bit = (uint8_t)(1 << r->depth % 8), *byte = &r->objects[r->depth / 8];
	*byte = object ? *byte | bit : *byte & (uint8_t)~bit;
	r->state = object ? AT_KEY_OR_CLOSE : AT_VALUE_OR_CLOSE;
	if (!r->key_matched)
		return 0;
	r->key_matched = false;
	if (object) {
		r->matched += r->matched + 1 < r->part_count;
		return 0;
	}
	if (r->matched + 1 < r->part_count)
		return 0;
	int rc = flush(r, r->at);
	r->in_array = r->array_seen = true;
	return rc;
}

static int begin_value(struct json_reader *r)
{
	char c = *r->at;
	if (r->depth == 0 && c != '{')
		return fail_at(r, "looking for beginning of object");
	if (c == ']' && r->state == AT_VALUE_OR_CLOSE)
		return close_container(r);
	if (r->in_array && r->depth == r->part_count + 1) {
		r->run = r->at;
		r->in_item = true;
	}
	if (c == '{' || c == '[')
		return open_container(r);
	r->key_matched = false;
	if (c == '"') {
		r->at++;
		r->state = IN_STRING;
	} else if (c == '-' || (c >= '0' && c <= '9') || c == 't' || c == 'f' || c == 'n') {
		r->state = IN_SCALAR;
	} else {
		return fail_at(r, "looking for beginning of value");
	}
	return 0;
}

static int begin_key(struct json_reader *r)
{
	if (*r->at == '}' && r->state == AT_KEY_OR_CLOSE)
		return close_container(r);
	if (*r->at != '"')
		return fail_at(r, "looking for beginning of object key string");
	r->key_start = r->rest.len + (size_t)(r->at - r->run);
	r->at++;
	r->state = IN_KEY;
	return 0;
}

/* Is this key, with its quotes, the next part of the path? An escape in it makes no difference. */
static bool key_is(struct str quoted, struct str part)
{
	struct str inner = str_sub(quoted, 1, quoted.len - 1);
	if (str_find_char(inner, '\\') < 0)
		return str_eq(inner, part);
	struct arena a = {0};
	struct cJSON *key;
	struct json_options options = {.limits.max_bytes = quoted.len};
	bool is = json_parse(&a, quoted, &options, &key, NULL) == 0 && str_eq(json_str(key), part);
	arena_done(&a);
	return is;
}

/* r->at is behind the closing quote. */
static int key_done(struct json_reader *r)
{
	r->state = AT_COLON;
	r->key_matched = false;
	if (!on_path(r))
		return 0;
	int rc = flush(r, r->at);
	if (rc)
		return rc;
	r->key_matched = key_is(str_skip(buf_str(&r->rest), r->key_start), r->parts[r->matched]);
	/* The parser would take the last one; the items of the first are already out. */
	if (r->key_matched && r->array_seen)
		return err_set(r->err, ERR_SYNTAX, "duplicate field \"%.*s\"",
			(int)(r->parts[r->matched].at + r->parts[r->matched].len - r->path),
			r->path);
	return 0;
}

static int pass_string(struct json_reader *r)
{
	while (r->at < r->end) {
		if (r->escaped) {
			r->escaped = false;
			r->at++;
			continue;
		}
		r->at += json_skip_plain(r->at, (size_t)(r->end - r->at));
		if (r->at == r->end)
			break;
		char c = *r->at++;
		if (c == '"')
			return r->state == IN_KEY ? key_done(r) : value_done(r);
		r->escaped = c == '\\';
	}
	return 0;
}

static int pass_scalar(struct json_reader *r)
{
	for (; r->at < r->end; r->at++) {
		char c = *r->at;
		bool part = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
			    c == '+' || c == '-' || c == '.';
		if (!part)
			return value_done(r);
	}
	return 0;
}

static int after_value(struct json_reader *r)
{
	if (*r->at != ',')
		return close_container(r);
	r->at++;
	r->state = in_object(r) ? AT_KEY : AT_VALUE;
	return 0;
}

static int step(struct json_reader *r)
{
	switch (r->state) {
	case IN_KEY:
	case IN_STRING:
		return pass_string(r);
	case IN_SCALAR:
		return pass_scalar(r);
	default:
		break;
	}
	if (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t') {
		r->at++;
		return 0;
	}
	switch (r->state) {
	case AT_VALUE:
	case AT_VALUE_OR_CLOSE:
		return begin_value(r);
	case AT_KEY:
	case AT_KEY_OR_CLOSE:
		return begin_key(r);
	case AT_COLON:
		if (*r->at != ':')
			return fail_at(r, "after object key");
		r->at++;
		r->state = AT_VALUE;
		return 0;
	case AFTER_VALUE:
		return after_value(r);
	default:
		return fail_at(r, "after top-level value");
	}
}

/* ---- the way in and out ---- */

static int fail_again(const struct json_reader *r, struct err *err)
{
	/* A callback may stop the reading with a number that is no code. */
	if (r->failed > 0)
		return r->failed;
	return err_set(err, r->failed, "reading %s has failed before", r->path);
}

int json_reader_feed(struct json_reader *r, struct str chunk, struct err *err)
{
	if (r->failed)
		return fail_again(r, err);
	if (chunk.len == 0)
		return 0;
	r->err = err;
	r->chunk = r->run = r->at = chunk.at;
	r->end = chunk.at + chunk.len;
	int rc = 0;
	while (rc == 0 && r->at < r->end)
		rc = step(r);
	if (rc == 0)
		rc = flush(r, r->end);
	r->chunk_offset += chunk.len;
	r->failed = rc;
	return rc;
}

int json_reader_end(struct json_reader *r, struct str *rest, struct err *err)
{
	if (r->failed)
		return fail_again(r, err);
	if (r->state != AT_END)
		return r->failed = err_set(err, ERR_SYNTAX, "unexpected end of JSON input");
	struct arena a = {0};
	struct cJSON *root;
	struct json_options options = {.limits.max_bytes = r->rest.max};
	r->failed = json_parse(&a, buf_str(&r->rest), &options, &root, err);
	arena_done(&a);
	if (r->failed)
		return err_wrap(err, r->failed, "outside of %s", r->path);
	*rest = buf_str(&r->rest);
	return 0;
}
