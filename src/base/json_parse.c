/*
 * The parser: RFC 8259 and nothing else. It does not recurse; a node's parent says where to go
 * on when a value is complete. Messages are Go's, since clients see them, with the position.
 */
#include "json_parse.h"

#include <kube/mem.h>

#include <stdio.h>

enum {
	DEFAULT_MAX_BYTES = 3 * 1024 * 1024,
	DEFAULT_MAX_DEPTH = 1000,
	/* As upstream: more than so many duplicates nobody reads. */
	DUPLICATES_REPORTED = 100,
	DUPLICATE_PATH_MAX = 1024,
	BITS_INLINE = 32,
	NODES_AT_ONCE = 32,
};

struct parser {
	struct json_lexer x;
	struct arena *arena;
	const struct json_options *options;
	struct json_node *nodes; /* room for `nodes_ready` more, cut off the arena in one piece */
	size_t nodes_ready, nodes_left;
	int depth, max_depth;
	/*
	 * One small set of key hashes for each open object: a bit not set proves a key new, and
	 * nearly all keys are.
	 */
	uint64_t *key_bits, bits_inline[BITS_INLINE];
	int bits_cap;
	struct json_index index; /* the keys of open objects with more than JSON_FEW_KEYS */
	int duplicates_left;
};

/* ---- nodes ---- */

static struct json_node *node_new(struct parser *p)
{
	if (p->nodes_left-- == 0) {
		json_fail_at(&p->x, p->x.at, ERR_TOO_LARGE, "JSON has too many values");
		return NULL;
	}
	if (p->nodes_ready == 0) {
		size_t text_left = (size_t)(p->x.end - p->x.at);
		p->nodes_ready = MIN(text_left / 8 + 1, (size_t)NODES_AT_ONCE);
		p->nodes = arena_alloc(p->arena, p->nodes_ready * sizeof(*p->nodes));
	}
	p->nodes_ready--;
	struct json_node *n = p->nodes++;
	*n = (struct json_node){0};
	return n;
}

static inline void skip_space(struct json_lexer *x)
{
	const char *at = x->at;
	while (at < x->end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
		at++;
	x->at = at;
}

/* ---- duplicate keys ---- */

/* A path is built from its end, since the way from a node leads up. */
struct path {
	char text[DUPLICATE_PATH_MAX];
	size_t start;
};

static bool path_prepend(struct path *path, struct str part)
{
	if (part.len > path->start)
		return false;
	path->start -= part.len;
	if (part.len)
		memcpy(path->text + path->start, part.at, part.len);
	return true;
}

/* As `spec.containers[0].name`; what is too long loses its beginning. */
static void report_duplicate(struct parser *p, const struct json_node *in, struct str key)
{
	if (!p->options || !p->options->duplicate || p->duplicates_left == 0)
		return;
	p->duplicates_left--;
	struct path path = {.start = sizeof(path.text)};
	bool fits = path_prepend(&path, key), dot = true;
	for (const struct json_node *n = in; fits && n->parent; n = n->parent) {
		if (dot)
			fits = path_prepend(&path, STR("."));
		dot = json_node_type(n->parent) == cJSON_Object;
		char index[16];
		struct str part = json_node_key(n);
		if (!dot)
			part = str_make(index,
				(size_t)snprintf(index, sizeof(index), "[%u]", n->parent->len - 1));
		fits = fits && path_prepend(&path, part);
	}
	p->options->duplicate(
		p->options->ctx, str_make(path.text + path.start, sizeof(path.text) - path.start));
}

/* The member of `in` that already has this key. */
static struct json_node *find_duplicate(struct parser *p, struct json_node *in, struct str key)
{
	if (in->len > JSON_FEW_KEYS)
		return json_index_find(&p->index, in, key);
	uint64_t *bits = &p->key_bits[p->depth - 1], bit = 1;
	if (key.len)
		bit <<= (key.len * 7 + (unsigned char)key.at[0] * 3 +
				(unsigned char)key.at[key.len - 1]) &
			63;
	if (!(*bits & bit)) {
		*bits |= bit;
		return NULL;
	}
	return json_node_find(json_node_first(in), key);
}

/* ---- the way through a document ---- */

/* At a key: reads it and its colon, and gives the node that the value belongs into. */
static struct json_node *parse_key(struct parser *p, struct json_node *in)
{
	struct json_lexer *x = &p->x;
	struct str key;
	if (x->at == x->end || *x->at != '"') {
		json_fail(x, x->at, "looking for beginning of object key string");
		return NULL;
	}
	x->at++;
	if (json_lex_string(x, &key))
		return NULL;
	skip_space(x);
	if (x->at == x->end || *x->at != ':') {
		json_fail(x, x->at, "after object key");
		return NULL;
	}
	x->at++;
	struct json_node *n = node_new(p), *before = find_duplicate(p, in, key);
	if (!n)
		return NULL;
	n->c.string = (char *)(uintptr_t)key.at;
	n->key_len = (uint32_t)key.len;
	if (before) {
		/*
		 * The last value wins, in the first one's place; in a new node, because the index
		 * may still know children of the old one.
		 */
		report_duplicate(p, in, key);
		json_node_replace(before, n);
	} else {
		json_node_append(in, n);
	}
	if (in->len == JSON_FEW_KEYS + 1 && !before)
		json_index_add_children(&p->index, in);
	else if (in->len > JSON_FEW_KEYS)
		json_index_add(&p->index, n);
	return n;
}

static struct json_node *parse_child(struct parser *p, struct json_node *in)
{
	if (json_node_type(in) == cJSON_Object) {
		skip_space(&p->x);
		return parse_key(p, in);
	}
	struct json_node *n = node_new(p);
	if (n)
		json_node_append(in, n);
	return n;
}

static int parse_literal(struct json_lexer *x, const char *word, const char *contexts[])
{
	for (size_t i = 1; word[i]; i++)
		if (x->at + i == x->end || x->at[i] != word[i])
			return json_fail(x, x->at + i, contexts[i - 1]);
	x->at += strlen(word);
	return 0;
}

static int parse_number(struct parser *p, struct json_node *n)
{
	struct json_lexer *x = &p->x;
	struct json_digits digits;
	const char *stop, *context;
	const char *end = json_number_scan(x->at, x->end, &digits, &stop, &context);
	if (!end)
		return json_fail(x, stop, context);
	n->c.type = cJSON_Number;
	if (json_digits_plain(&digits)) {
		n->c.valuedouble = digits.negative ? -(double)digits.value : (double)digits.value;
		x->at = end;
		return 0;
	}
	n->len = (uint32_t)(end - x->at);
	n->c.valuestring = x->pool;
	memcpy(x->pool, x->at, n->len);
	x->pool[n->len] = 0;
	x->pool += n->len + 1;
	if (!json_number_double(n->c.valuestring, &digits, &n->c.valuedouble)) {
		char what[96];
		snprintf(what, sizeof(what),
			"cannot unmarshal number %.24s%s into Go value of type float64",
			n->c.valuestring, n->len > 24 ? "..." : "");
		return json_fail_at(x, x->at, ERR_SYNTAX, what);
	}
	x->at = end;
	return 0;
}

static int parse_scalar(struct parser *p, struct json_node *n)
{
	static const char *in_true[] = {"in literal true (expecting 'r')",
		"in literal true (expecting 'u')", "in literal true (expecting 'e')"};
	static const char *in_false[] = {"in literal false (expecting 'a')",
		"in literal false (expecting 'l')", "in literal false (expecting 's')",
		"in literal false (expecting 'e')"};
	static const char *in_null[] = {"in literal null (expecting 'u')",
		"in literal null (expecting 'l')", "in literal null (expecting 'l')"};
	struct json_lexer *x = &p->x;
	struct str text;
	switch (*x->at) {
	case '"':
		x->at++;
		int rc = json_lex_string(x, &text);
		n->c.type = cJSON_String;
		if (rc == 0) {
			n->c.valuestring = (char *)(uintptr_t)text.at;
			n->len = (uint32_t)text.len;
		}
		return rc;
	case 't':
		n->c.type = cJSON_True;
		return parse_literal(x, "true", in_true);
	case 'f':
		n->c.type = cJSON_False;
		return parse_literal(x, "false", in_false);
	case 'n':
		n->c.type = cJSON_NULL;
		return parse_literal(x, "null", in_null);
	default:
		if (*x->at == '-' || (*x->at >= '0' && *x->at <= '9'))
			return parse_number(p, n);
		return json_fail(x, x->at, "looking for beginning of value");
	}
}

/* At a bracket. Leaves x->at behind it and the space that follows. */
static int open_container(struct parser *p, struct json_node *n)
{
	n->c.type = *p->x.at == '{' ? cJSON_Object : cJSON_Array;
	if (p->depth == p->max_depth)
		return json_fail(&p->x, p->x.at, "exceeded max depth");
	if (p->depth == p->bits_cap) {
		uint64_t *larger = mem_alloc((size_t)p->bits_cap * 2 * sizeof(*larger));
		memcpy(larger, p->key_bits, (size_t)p->bits_cap * sizeof(*larger));
		if (p->key_bits != p->bits_inline)
			mem_free(p->key_bits);
		p->key_bits = larger;
		p->bits_cap *= 2;
	}
	p->key_bits[p->depth++] = 0;
	p->x.at++;
	skip_space(&p->x);
	return 0;
}

/*
 * A value is complete. *node becomes the next one to be filled, or NULL when the whole document
 * is complete.
 */
static int parse_after_value(struct parser *p, struct json_node **node)
{
	struct json_lexer *x = &p->x;
	for (struct json_node *in = (*node)->parent; in; in = in->parent) {
		bool object = json_node_type(in) == cJSON_Object;
		skip_space(x);
		char c = x->at < x->end ? *x->at : 0;
		if (c == ',') {
			x->at++;
			*node = parse_child(p, in);
			return *node ? 0 : -1;
		}
		if (c != (object ? '}' : ']'))
			return json_fail(x, x->at,
				object ? "after object key:value pair" : "after array element");
		x->at++;
		p->depth--;
	}
	*node = NULL;
	skip_space(x);
	return x->at == x->end ? 0 : json_fail(x, x->at, "after top-level value");
}

static int parse_document(struct parser *p, struct json_node *n)
{
	struct json_lexer *x = &p->x;
	while (n) {
		skip_space(x);
		if (x->at == x->end)
			return json_fail(x, x->at, NULL);
		int rc;
		if (*x->at == '{' || *x->at == '[') {
			char close = *x->at == '{' ? '}' : ']';
			rc = open_container(p, n);
			if (rc)
				return rc;
			if (x->at == x->end || *x->at != close) {
				n = parse_child(p, n);
				if (!n)
					return -1;
				continue;
			}
			x->at++;
			p->depth--;
		} else if ((rc = parse_scalar(p, n))) {
			return rc;
		}
		rc = parse_after_value(p, &n);
		if (rc)
			return rc;
	}
	return 0;
}

int json_parse(struct arena *a, struct str text, const struct json_options *options,
	struct cJSON **root, struct err *err)
{
	struct json_limits limits = options ? options->limits : (struct json_limits){0};
	size_t max_bytes = limits.max_bytes ? limits.max_bytes : DEFAULT_MAX_BYTES;
	max_bytes = MIN(max_bytes, (size_t)UINT32_MAX); /* lengths in nodes */
	if (text.len > max_bytes)
		return err_set(err, ERR_TOO_LARGE, "JSON of %zu bytes is over the limit of %zu",
			text.len, max_bytes);
	if (text.len == 0)
		text = STR("");
	struct err own = {0};
	struct parser p = {
		.x = {.start = text.at, .at = text.at, .end = text.at + text.len, .err = &own},
		.arena = a,
		.options = options,
		.nodes_left = limits.max_nodes ? limits.max_nodes : SIZE_MAX,
		.max_depth = limits.max_depth > 0 ? limits.max_depth : DEFAULT_MAX_DEPTH,
		.bits_cap = BITS_INLINE,
		.duplicates_left = DUPLICATES_REPORTED,
	};
	p.key_bits = p.bits_inline;
	p.x.pool = arena_alloc(a, text.len + 1);
	struct json_node *n = node_new(&p);
	int rc = n ? parse_document(&p, n) : -1;
	if (p.key_bits != p.bits_inline)
		mem_free(p.key_bits);
	json_index_done(&p.index);
	if (rc)
		return err_move(err, &own);
	*root = &n->c;
	return 0;
}
