#include <kube/flags.h>

#include <kube/mem.h>

#define LONGEST_WORD 64

static char plain(char c)
{
	if (c == '_')
		return '-';
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/*
 * Damerau-Levenshtein in its restricted form: insertions, deletions, replacements and swaps of
 * neighbours, each one step.
 */
static size_t distance(struct str a, struct str b)
{
	size_t rows[3][LONGEST_WORD + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b.len; j++)
		last[j] = j;
	memcpy(before, last, (b.len + 1) * sizeof(*last));
	for (size_t i = 1; i <= a.len; i++) {
		now[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			char x = plain(a.at[i - 1]), y = plain(b.at[j - 1]);
			size_t steps = last[j - 1] + (x != y);
			size_t one_more = MIN(last[j], now[j - 1]) + 1;
			steps = MIN(steps, one_more);
			if (i > 1 && j > 1 && x == plain(b.at[j - 2]) && plain(a.at[i - 2]) == y)
				steps = MIN(steps, before[j - 2] + 1);
			now[j] = steps;
		}
		size_t *free_row = before;
		before = last;
		last = now;
		now = free_row;
	}
	return last[b.len];
}

const char *flags_nearest(struct str word, const char *const *candidates, size_t count)
{
	const char *nearest = NULL;
	size_t least = SIZE_MAX;

	if (word.len == 0 || word.len > LONGEST_WORD)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct str candidate = str_from(candidates[i]);
		if (candidate.len == 0 || candidate.len > LONGEST_WORD)
			continue;
		size_t steps = distance(word, candidate);
		/* A third of the longer word wrong is a slip; more is another word. */
		if (steps <= MAX(word.len, candidate.len) / 3 && steps < least) {
			least = steps;
			nearest = candidates[i];
		}
	}
	return nearest;
}
