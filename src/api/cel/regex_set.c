/* Sets of characters. Classes of Unicode are PCRE2's, asked for one character at a time. */
#include "regex_parts.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

size_t char_read(struct str s, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = s.len ? (unsigned char)s.at[0] : 0;
	size_t n = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	uint32_t value = n == 1 ? first : first & (0x7fU >> n);

	*c = 0xfffd;
	if (first >= 0x80 && (first < 0xc2 || first > 0xf4))
		return 1;
	if (n > s.len)
		return 1;
	for (size_t i = 1; i < n; i++) {
		if ((s.at[i] & 0xc0) != 0x80)
			return 1;
		value = value << 6 | ((unsigned char)s.at[i] & 0x3f);
	}
	if (value < least[n] || value > CHAR_MAX_VALUE || (value >= 0xd800 && value <= 0xdfff))
		return 1;
	*c = value;
	return n;
}

static size_t char_write(uint32_t c, char *to)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};

	if (n == 1) {
		to[0] = (char)c;
		return 1;
	}
	for (size_t i = n - 1; i > 0; i--) {
		to[i] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	to[0] = (char)(marks[n] | c);
	return n;
}

void set_add(struct arena *a, struct char_set *set, uint32_t low, uint32_t high)
{
	ARENA_ROOM(a, set->ranges, set->count, set->cap, 4);
	set->ranges[set->count++] = (struct char_range){low, high};
}

/* PCRE2's memory comes from the arena and goes with it. */
static void *take_memory(size_t size, void *arena)
{
	return arena_alloc(arena, size);
}

static void leave_memory(void *at, void *arena)
{
	(void)at;
	(void)arena;
}

bool set_add_class(struct arena *a, struct char_set *set, struct str pattern, bool negated)
{
	pcre2_general_context *memory = pcre2_general_context_create(take_memory, leave_memory, a);
	pcre2_compile_context *context = pcre2_compile_context_create(memory);
	struct char_class *c = arena_new(a, sizeof(*c));
	PCRE2_SIZE at;
	int code;

	c->code = pcre2_compile((PCRE2_SPTR)pattern.at, pattern.len,
		PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &code, &at, context);
	c->data = pcre2_match_data_create(1, memory);
	c->negated = negated;
	c->next = set->classes;
	if (c->code)
		set->classes = c;
	return c->code;
}

static bool class_has(const struct char_class *class, uint32_t c)
{
	char text[4];
	size_t length = char_write(c, text);

	return pcre2_match(class->code, (PCRE2_SPTR)text, length, 0, PCRE2_NO_UTF_CHECK,
		       class->data, NULL) >= 0;
}

bool set_has(const struct char_set *set, uint32_t c)
{
	for (size_t i = 0; i < set->count; i++)
		if (c >= set->ranges[i].low && c <= set->ranges[i].high)
			return !set->negated;
	for (const struct char_class *class = set->classes; class; class = class->next)
		if (class_has(class, c) != class->negated)
			return !set->negated;
	return set->negated;
}
