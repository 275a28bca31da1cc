/*
 * Running a regular expression: all states that the text read so far may have led to, in order of
 * preference, step over it one character at a time (Pike's machine).
 */
#include "regex_parts.h"

/* ---- from nodes to instructions ---- */

static uint32_t emit(struct arena *a, struct regex *r, enum op op)
{
	if (r->count == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 16;
		struct instruction *to = arena_new(a, cap * sizeof(*to));
		if (r->count)
			memcpy(to, r->code, r->count * sizeof(*to));
		r->code = to;
		r->cap = cap;
	}
	r->code[r->count] = (struct instruction){.op = (uint8_t)op};
	return (uint32_t)r->count++;
}

static void emit_node(struct arena *a, struct regex *r, const struct node *n);

/* A way in to what follows, or past it to `other`, which is set later. */
static void set_split(struct regex *r, uint32_t at, uint32_t in, uint32_t past, bool lazy)
{
	r->code[at].to = lazy ? past : in;
	r->code[at].other = lazy ? in : past;
}

static void emit_repeat(struct arena *a, struct regex *r, const struct node *n)
{
	uint32_t splits[REPEAT_MAX], split, jump;
	int optional = n->max - n->min;

	for (int i = 0; i < n->min; i++)
		emit_node(a, r, n->left);
	if (n->max < 0) {
		split = emit(a, r, OP_SPLIT);
		emit_node(a, r, n->left);
		jump = emit(a, r, OP_JUMP); /* may move the code */
		r->code[jump].to = split;
		set_split(r, split, split + 1, (uint32_t)r->count, n->lazy);
		return;
	}
	for (int i = 0; i < optional; i++) {
		splits[i] = emit(a, r, OP_SPLIT);
		emit_node(a, r, n->left);
	}
	for (int i = 0; i < optional; i++)
		set_split(r, splits[i], splits[i] + 1, (uint32_t)r->count, n->lazy);
}

static void emit_node(struct arena *a, struct regex *r, const struct node *n)
{
	uint32_t at, jump;

	switch ((enum node_kind)n->kind) {
	case NODE_EMPTY:
		break;
	case NODE_SET:
		at = emit(a, r, OP_SET);
		r->code[at].set = n->set;
		break;
	case NODE_ASSERT:
		at = emit(a, r, OP_ASSERT);
		r->code[at].assertion = n->assertion;
		break;
	case NODE_JOIN:
		emit_node(a, r, n->left);
		emit_node(a, r, n->right);
		break;
	case NODE_EITHER:
		at = emit(a, r, OP_SPLIT);
		emit_node(a, r, n->left);
		jump = emit(a, r, OP_JUMP);
		set_split(r, at, at + 1, (uint32_t)r->count, false);
		emit_node(a, r, n->right);
		r->code[jump].to = (uint32_t)r->count;
		break;
	case NODE_REPEAT:
		emit_repeat(a, r, n);
		break;
	}
}

struct regex *regex_compile(struct arena *a, struct str pattern, struct str *why)
{
	struct node *n = regex_parse(a, pattern, why);
	struct regex *r;

	if (!n)
		return NULL;
	r = arena_new(a, sizeof(*r));
	emit_node(a, r, n);
	emit(a, r, OP_MATCH);
	return r;
}

/* ---- running ---- */

struct state {
	uint32_t at;
	size_t start;
};

struct states {
	struct state *at;
	size_t count;
	uint64_t *seen; /* by instruction: the step in which it was put in */
};

struct regex_run {
	const struct regex *regex;
	struct str text;
	struct state *stack;
	struct states now, then;
	uint64_t step;
};

static bool is_word(struct str text, size_t at)
{
	char c;

	if (at >= text.len)
		return false;
	c = text.at[at];
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '_';
}

static bool holds(struct str text, size_t at, enum assertion what)
{
	bool edge = (at > 0 && is_word(text, at - 1)) != is_word(text, at);

	switch (what) {
	case AT_TEXT_START:
		return at == 0;
	case AT_TEXT_END:
		return at == text.len;
	case AT_LINE_START:
		return at == 0 || text.at[at - 1] == '\n';
	case AT_LINE_END:
		return at == text.len || text.at[at] == '\n';
	case AT_WORD:
		return edge;
	default:
		return !edge;
	}
}

/* Puts a state in, with all that it leads to without reading; preferred ways first. */
static void add(
	struct regex_run *run, struct states *to, struct state from, size_t at, uint64_t step)
{
	size_t depth = 0;

	run->stack[depth++] = from;
	while (depth) {
		struct state s = run->stack[--depth];
		const struct instruction *i = &run->regex->code[s.at];
		if (to->seen[s.at] == step)
			continue;
		to->seen[s.at] = step;
		switch ((enum op)i->op) {
		case OP_JUMP:
			run->stack[depth++] = (struct state){i->to, s.start};
			break;
		case OP_SPLIT:
			run->stack[depth++] = (struct state){i->other, s.start};
			run->stack[depth++] = (struct state){i->to, s.start};
			break;
		case OP_ASSERT:
			if (holds(run->text, at, i->assertion))
				run->stack[depth++] = (struct state){s.at + 1, s.start};
			break;
		default:
			to->at[to->count++] = s;
		}
	}
}

static struct states states_new(struct arena *a, size_t count)
{
	return (struct states){.at = arena_alloc(a, count * sizeof(struct state)),
		.seen = arena_new(a, count * sizeof(uint64_t))};
}

struct regex_run *regex_start(const struct regex *r, struct arena *a)
{
	struct regex_run *run = arena_new(a, sizeof(*run));

	run->regex = r;
	run->now = states_new(a, r->count);
	run->then = states_new(a, r->count);
	run->stack = arena_alloc(a, (2 * r->count + 2) * sizeof(struct state));
	return run;
}

/* Takes every state over the character; true: it matches here, and what is less preferred is lost.
 */
static bool advance(struct regex_run *run, size_t at, size_t length, uint32_t c, size_t *start)
{
	for (size_t i = 0; i < run->now.count; i++) {
		struct state s = run->now.at[i];
		const struct instruction *op = &run->regex->code[s.at];
		if (op->op == OP_MATCH) {
			*start = s.start;
			return true;
		}
		if (length && set_has(op->set, c))
			add(run, &run->then, (struct state){s.at + 1, s.start}, at + length,
				run->step + 1);
	}
	return false;
}

bool regex_find(struct regex_run *run, struct str text, size_t from, size_t *start, size_t *end)
{
	bool found = false;
	uint32_t c = 0;

	run->text = text;
	run->now.count = 0;
	run->step += 2; /* nothing that was seen before counts */
	for (size_t at = from;; run->step++) {
		size_t length = at < text.len ? char_read(str_skip(text, at), &c) : 0;
		struct states swap;
		if (!found)
			add(run, &run->now, (struct state){0, at}, at, run->step);
		if (!run->now.count && found)
			break;
		run->then.count = 0;
		if (advance(run, at, length, c, start)) {
			*end = at;
			found = true;
		}
		if (!length)
			break;
		at += length;
		swap = run->now;
		run->now = run->then;
		run->then = swap;
	}
	return found;
}
