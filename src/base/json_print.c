/*
 * The printer: what Go's encoding/json would have written. Bytes go straight into the buffer's
 * memory; only when that is full does the buffer hear of them.
 */
#include "json_node.h"

#include "json_scan.h"

#include <kube/mem.h>

struct writer {
	char *to, *end;
	struct buf *out;
	bool html;
};

static void writer_stop(struct writer *w)
{
	w->out->len = (size_t)(w->to - w->out->at);
}

static void writer_start(struct writer *w)
{
	struct buf *b = w->out;
	if (!b->at)
		buf_reserve(b, 0);
	w->to = b->at + b->len;
	w->end = b->at + MIN(b->cap, b->max);
}

/* Room for n bytes. When the ceiling forbids it, the buffer's `over` says so. */
static bool room(struct writer *w, size_t n)
{
	if (__builtin_expect((size_t)(w->end - w->to) >= n, 1))
		return true;
	writer_stop(w);
	bool given = buf_reserve(w->out, n);
	writer_start(w);
	return given;
}

static void put_char(struct writer *w, char c)
{
	if (room(w, 1))
		*w->to++ = c;
}

static void put(struct writer *w, const char *at, size_t len)
{
	if (!len || !room(w, len))
		return;
	memcpy(w->to, at, len);
	w->to += len;
}

/* ---- strings ---- */

/* The byte at `at` may need an escape: writes it, or what stands for it. Returns bytes eaten. */
static size_t put_special(struct writer *w, const char *at, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[] = "btn\0fr"; /* 0x08 to 0x0d; there is none for 0x0b */
	unsigned char c = (unsigned char)*at;
	if (c == 0xe2) {
		bool separator = len >= 3 && (unsigned char)at[1] == 0x80 &&
				 ((unsigned char)at[2] | 1) == 0xa9;
		if (!separator) {
			put_char(w, *at);
			return 1;
		}
		put(w, at[2] & 1 ? "\\u2029" : "\\u2028", 6);
		return 3;
	}
	if (c == '"' || c == '\\')
		put(w, (char[]){'\\', *at}, 2);
	else if (c >= 0x08 && c <= 0x0d && letters[c - 0x08])
		put(w, (char[]){'\\', letters[c - 0x08]}, 2);
	else
		put(w, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
	return 1;
}

static void put_by_byte(struct writer *w, const char *at, size_t len)
{
	size_t i = 0;
	while (i < len) {
		size_t from = i;
		while (i < len && !json_escapes((unsigned char)at[i], w->html))
			i++;
		put(w, at + from, i - from);
		if (i < len)
			i += put_special(w, at + i, len - i);
	}
}

#ifdef KUBE_JSON_SIMD
/* Fewer than 16 bytes, without reading or writing beyond them. False: something to escape. */
static inline bool put_short(char *to, const char *at, size_t len, bool html)
{
	uint64_t low, high;
	uint32_t low4, high4;
	if (len >= 8) {
		memcpy(&low, at, 8);
		memcpy(&high, at + len - 8, 8);
		memcpy(to, &low, 8);
		memcpy(to + len - 8, &high, 8);
	} else if (len >= 4) {
		memcpy(&low4, at, 4);
		memcpy(&high4, at + len - 4, 4);
		memcpy(to, &low4, 4);
		memcpy(to + len - 4, &high4, 4);
		low = high = (uint64_t)high4 << 32 | low4;
	} else {
		for (size_t i = 0; i < len; i++) {
			if (json_escapes((unsigned char)at[i], html))
				return false;
			to[i] = at[i];
		}
		return true;
	}
	return !json_scan_escapes(_mm_set_epi64x((int64_t)high, (int64_t)low), html);
}

/* How much of the text is plain; it has been copied to w->to, where there is room for all. */
static inline size_t put_plain(struct writer *w, const char *at, size_t len)
{
	if (len < 16)
		return put_short(w->to, at, len, w->html) ? len : 0;
	for (size_t i = 0;; i = MIN(i + 16, len - 16)) {
		/* The last step goes over some bytes a second time. */
		__m128i x = json_scan_load(at + i);
		json_scan_store(w->to + i, x);
		unsigned escapes = json_scan_escapes(x, w->html);
		if (escapes)
			return i + (size_t)__builtin_ctz(escapes);
		if (i == len - 16)
			return len;
	}
}

static void put_text(struct writer *w, const char *at, size_t len)
{
	while (len >= 16) {
		if (!room(w, len))
			return;
		size_t plain = put_plain(w, at, len);
		w->to += plain;
		at += plain;
		len -= plain;
		if (!len)
			return;
		size_t eaten = put_special(w, at, len);
		at += eaten;
		len -= eaten;
	}
	if (!room(w, len))
		return;
	if (put_plain(w, at, len) == len)
		w->to += len;
	else
		put_by_byte(w, at, len);
}
#else
static void put_text(struct writer *w, const char *at, size_t len)
{
	put_by_byte(w, at, len);
}
#endif

static void put_quoted(struct writer *w, struct str s)
{
	put_char(w, '"');
	put_text(w, s.at, s.len);
	put_char(w, '"');
}

/* ---- values ---- */

static void put_number(struct writer *w, const struct json_node *n)
{
	if (n->c.valuestring) {
		put(w, n->c.valuestring, n->len);
		return;
	}
	char text[JSON_NUMBER_MAX];
	put(w, text, json_int_text((int64_t)n->c.valuedouble, text));
}

static void put_scalar(struct writer *w, const struct json_node *n)
{
	switch (json_node_type(n)) {
	case cJSON_String:
		put_quoted(w, json_node_text(n));
		break;
	case cJSON_Number:
		put_number(w, n);
		break;
	case cJSON_True:
		put(w, "true", 4);
		break;
	case cJSON_False:
		put(w, "false", 5);
		break;
	default:
		put(w, "null", 4);
	}
}

/* ---- the way through a tree ---- */

struct printer {
	struct writer w;
	bool pretty, sorted;
	int depth;
	/* Sorted: members still to be printed, innermost object last, its next one at the end. */
	struct json_node **pending;
	size_t pending_count, pending_cap;
};

static void put_newline(struct printer *p)
{
	enum { INDENT = 4 };
	size_t spaces = (size_t)p->depth * INDENT;
	if (!room(&p->w, spaces + 1))
		return;
	*p->w.to++ = '\n';
	memset(p->w.to, ' ', spaces);
	p->w.to += spaces;
}

static const struct json_node *pop_pending(struct printer *p, const struct json_node *in)
{
	if (p->pending_count == 0 || p->pending[p->pending_count - 1]->parent != in)
		return NULL;
	return p->pending[--p->pending_count];
}

static const struct json_node *first_child(struct printer *p, const struct json_node *in)
{
	if (!p->sorted || json_node_type(in) != cJSON_Object)
		return json_node_first(in);
	if (in->len == 0)
		return NULL;
	if (p->pending_cap - p->pending_count < in->len) {
		p->pending_cap = (p->pending_cap + in->len) * 2;
		p->pending = mem_resize(p->pending, p->pending_cap * sizeof(*p->pending));
	}
	json_sort_children(p->pending + p->pending_count, in, true);
	p->pending_count += in->len;
	return pop_pending(p, in);
}

static const struct json_node *next_child(struct printer *p, const struct json_node *n)
{
	if (!p->sorted || json_node_type(n->parent) != cJSON_Object)
		return json_node_next(n);
	return pop_pending(p, n->parent);
}

static void put_key(struct printer *p, const struct json_node *n)
{
	put_quoted(&p->w, json_node_key(n));
	put_char(&p->w, ':');
	if (p->pretty)
		put_char(&p->w, ' ');
}

/* Before a child: what separates it from what stands before, and its key. */
static void put_before(struct printer *p, const struct json_node *n, bool first)
{
	if (!first)
		put_char(&p->w, ',');
	if (p->pretty)
		put_newline(p);
	if (json_node_type(n->parent) == cJSON_Object)
		put_key(p, n);
}

static void put_close(struct printer *p, const struct json_node *n)
{
	p->depth--;
	if (p->pretty && n->c.child)
		put_newline(p);
	put_char(&p->w, json_node_type(n) == cJSON_Object ? '}' : ']');
}

static void put_tree(struct printer *p, const struct json_node *root)
{
	const struct json_node *n = root;
	while (!p->w.out->over) {
		const struct json_node *next = NULL;
		if (json_node_is_container(n)) {
			put_char(&p->w, json_node_type(n) == cJSON_Object ? '{' : '[');
			p->depth++;
			next = first_child(p, n);
			if (next) {
				put_before(p, next, true);
				n = next;
				continue;
			}
			put_close(p, n);
		} else {
			put_scalar(&p->w, n);
		}
		for (; n != root && !(next = next_child(p, n)); n = n->parent)
			put_close(p, n->parent);
		if (n == root)
			return;
		put_before(p, next, false);
		n = next;
	}
}

void json_print(struct buf *out, const struct cJSON *n, enum json_style style)
{
	static const struct json_node null = {.c = {.type = cJSON_NULL}};
	if (out->over)
		return;
	size_t before = out->len;
	struct printer p = {
		.w = {.out = out, .html = style != JSON_COMPACT_RAW_HTML},
		.pretty = style == JSON_PRETTY,
		.sorted = style == JSON_SORTED,
	};
	writer_start(&p.w);
	put_tree(&p, n ? json_node_of(n) : &null);
	writer_stop(&p.w);
	mem_free(p.pending);
	if (out->over)
		buf_cut(out, before); /* dropped whole, as buffers do */
}

void json_print_str(struct buf *out, struct str s)
{
	if (out->over)
		return;
	size_t before = out->len;
	struct writer w = {.out = out, .html = true};
	writer_start(&w);
	put_char(&w, '"');
	if (str_is_utf8(s)) {
		put_text(&w, s.at, s.len);
		s.len = 0;
	}
	while (s.len && !out->over) {
		/* Go writes every byte that is not UTF-8 as U+FFFD, and that as an escape. */
		size_t len = json_char_length(s);
		if (len)
			put_text(&w, s.at, len);
		else
			put(&w, "\\ufffd", 6);
		s = str_skip(s, MAX(len, (size_t)1));
	}
	put_char(&w, '"');
	writer_stop(&w);
	if (out->over)
		buf_cut(out, before);
}
