/* From trees to text in block style. Walks without recursion. */
#include "go_text.h"
#include "yaml_emit.h"

#include <kube/mem.h>
#include <kube/yaml.h>

#include <math.h>

struct level {
	const struct json_node *node;
	size_t first, next; /* the members of a mapping, in the writer's pool */
	const struct json_node *element;
	int indent_outside;
};

struct writer {
	struct yaml_emitter emit;
	struct level *levels;
	size_t depth, levels_cap;
	/* Pointers to the members of all open mappings, those of the innermost last. */
	struct json_node **pool;
	size_t pool_len, pool_cap;
};

static void *grow(void *at, size_t *cap, size_t want, size_t size)
{
	if (want <= *cap)
		return at;
	while (*cap < want)
		*cap = *cap ? *cap * 2 : 64;
	return mem_resize(at, *cap * size);
}

/* As kubectl prints them, which has been through float64: whole ones plainly, others as %g. */
static void write_number(struct writer *w, const struct json_node *n)
{
	struct buf text = BUF_INIT(64);
	char printed[JSON_NUMBER_MAX];
	int64_t whole;
	uint64_t natural;

	if (json_int(&n->c, &whole)) {
		buf_add_i64(&text, whole);
	} else if (str_to_u64(json_node_text(n), &natural)) {
		buf_add_u64(&text, natural);
	} else if (isfinite(n->c.valuedouble)) {
		size_t len = json_double_text(n->c.valuedouble, printed);
		struct str plain = str_make(printed, len);
		if (str_to_i64(plain, &whole))
			buf_add_i64(&text, whole);
		else if (str_to_u64(plain, &natural))
			buf_add_u64(&text, natural);
		else
			go_print_float(&text, n->c.valuedouble, 64);
	}
	yaml_emit_word(&w->emit, buf_str(&text));
	buf_done(&text);
}

static void write_scalar(struct writer *w, const struct json_node *n)
{
	switch (n ? json_node_type(n) : cJSON_NULL) {
	case cJSON_String:
		yaml_emit_string(&w->emit, json_node_text(n), false);
		return;
	case cJSON_True:
		yaml_emit_word(&w->emit, STR("true"));
		return;
	case cJSON_False:
		yaml_emit_word(&w->emit, STR("false"));
		return;
	case cJSON_Number:
		write_number(w, n);
		return;
	case cJSON_Array:
	case cJSON_Object:
		yaml_emit_indicator(
			&w->emit, json_node_type(n) == cJSON_Array ? "[]" : "{}", true, false);
		return;
	default:
		yaml_emit_word(&w->emit, STR("null"));
		return;
	}
}

static void open_level(struct writer *w, const struct json_node *n, bool in_mapping)
{
	struct yaml_emitter *e = &w->emit;
	bool mapping = json_node_type(n) == cJSON_Object;
	/* "- " of a sequence stands right below the first letter of its key. */
	bool indentless = !mapping && in_mapping && !e->indention;

	w->levels = grow(w->levels, &w->levels_cap, w->depth + 1, sizeof(*w->levels));
	struct level *l = &w->levels[w->depth++];
	*l = (struct level){.node = n, .first = w->pool_len, .indent_outside = e->indent};
	if (e->indent < 0)
		e->indent = 0;
	else if (!indentless)
		e->indent += 2;
	if (!mapping) {
		l->element = json_node_first(n);
		return;
	}
	/* As much again behind the members for sorting. */
	w->pool = grow(w->pool, &w->pool_cap, w->pool_len + 2 * (size_t)n->len, sizeof(*w->pool));
	for (struct json_node *m = json_node_first(n); m; m = json_node_next(m))
		w->pool[w->pool_len++] = m;
	yaml_sort_members(w->pool + l->first, w->pool + w->pool_len, w->pool_len - l->first);
	l->next = l->first;
}

static void close_level(struct writer *w)
{
	struct level *l = &w->levels[--w->depth];

	w->pool_len = l->first;
	w->emit.indent = l->indent_outside;
}

static void write_key(struct writer *w, struct str key)
{
	struct yaml_emitter *e = &w->emit;

	yaml_emit_indent(e);
	if (yaml_is_simple_key(key)) {
		yaml_emit_string(e, key, true);
		yaml_emit_indicator(e, ":", false, false);
		return;
	}
	yaml_emit_indicator(e, "?", true, true);
	yaml_emit_string(e, key, false);
	yaml_emit_indent(e);
	yaml_emit_indicator(e, ":", true, true);
}

/* What comes next in the innermost level, its key or dash written; NULL at its end. */
static const struct json_node *next_node(struct writer *w)
{
	struct level *l = &w->levels[w->depth - 1];
	const struct json_node *n;

	if (json_node_type(l->node) == cJSON_Object) {
		if (l->next == w->pool_len)
			return NULL;
		n = w->pool[l->next++];
		write_key(w, json_node_key(n));
		return n;
	}
	n = l->element;
	if (n) {
		l->element = json_node_next(n);
		yaml_emit_indent(&w->emit);
		yaml_emit_indicator(&w->emit, "-", true, true);
	}
	return n;
}

void yaml_write(struct buf *out, const struct cJSON *root)
{
	struct writer w = {
		.emit = {.out = out, .indent = -1, .whitespace = true, .indention = true}};
	const struct json_node *n = root ? json_node_of(root) : NULL;
	size_t before = out->len;
	bool in_mapping = false;

	while (!out->over) {
		if (n && json_node_first(n))
			open_level(&w, n, in_mapping);
		else
			write_scalar(&w, n);
		for (n = NULL; w.depth && !n;) {
			n = next_node(&w);
			if (!n)
				close_level(&w);
		}
		if (!n)
			break;
		in_mapping = json_node_type(w.levels[w.depth - 1].node) == cJSON_Object;
	}
	yaml_emit_indent(&w.emit);
	mem_free(w.levels);
	mem_free(w.pool);
	if (out->over)
		buf_cut(out, before); /* dropped whole, as buffers do */
}
