/*
 * The order in which kubectl prints keys: by character, letters behind all others, runs of digits
 * by their value.
 */
#include "yaml_emit.h"

static uint32_t rune_of(struct str s, size_t *i)
{
	unsigned char first = (unsigned char)s.at[*i];
	size_t width = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	uint32_t code = width == 1 ? first : first & (0xffU >> (width + 1));

	for (size_t k = 1; k < width && *i + k < s.len; k++)
		code = code << 6 | ((unsigned char)s.at[*i + k] & 0x3fU);
	*i = MIN(*i + width, s.len);
	return code;
}

/* Exact in Latin-1; beyond, everything that is not in a block of marks and symbols. */
static bool is_letter(uint32_t c)
{
	if (c < 0x80)
		return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
	if (c < 0x100)
		return c == 0xaa || c == 0xb5 || c == 0xba || (c >= 0xc0 && c != 0xd7 && c != 0xf7);
	return !((c >= 0x300 && c < 0x370) || (c >= 0x2000 && c < 0x2c00) ||
		 (c >= 0x3000 && c < 0x3005) || (c >= 0xe000 && c < 0xf900) ||
		 (c >= 0xfe00 && c < 0xfe70) || (c >= 0xfeff && c < 0xff21) ||
		 (c >= 0x1f000 && c < 0x20000));
}

static bool is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

/* A run of digits from i on, added to the value; wraps as Go's int64 does. */
static size_t digits_value(struct str s, size_t i, uint64_t *value)
{
	size_t start = i;

	for (; i < s.len && is_digit((unsigned char)s.at[i]); i++)
		*value = *value * 10 + (uint64_t)(s.at[i] - '0');
	return i - start;
}

/* The digits before a zero make it count: 10 against 1x, but not 00 against 0x. */
static bool digit_before(struct str s, size_t i)
{
	while (i-- > 0 && is_digit((unsigned char)s.at[i]))
		if (s.at[i] != '0')
			return true;
	return false;
}

static int order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_keys(struct str a, struct str b)
{
	size_t i = 0, most = MIN(a.len, b.len);

	while (i < most && a.at[i] == b.at[i])
		i++;
	/* Back to where the character begins that differs. */
	while (i > 0 && i < most && ((unsigned char)a.at[i] & 0xc0) == 0x80)
		i--;
	if (i >= most)
		return order(a.len, b.len);
	size_t ai = i, bi = i;
	uint32_t ar = rune_of(a, &ai), br = rune_of(b, &bi);
	bool al = is_letter(ar), bl = is_letter(br);
	if (al && bl)
		return order(ar, br);
	if (al || bl)
		return bl ? -1 : 1;
	uint64_t an = 0, bn = 0;
	if ((ar == '0' || br == '0') && digit_before(a, i))
		an = bn = 1;
	size_t a_digits = digits_value(a, i, &an), b_digits = digits_value(b, i, &bn);
	if (an != bn)
		return (int64_t)an < (int64_t)bn ? -1 : 1;
	return a_digits != b_digits ? order(a_digits, b_digits) : order(ar, br);
}

static bool precedes(const struct json_node *a, const struct json_node *b)
{
	return compare_keys(json_node_key(a), json_node_key(b)) <= 0;
}

/* Bottom-up merge sort: it stays within its arrays even though the order is not quite one. */
void yaml_sort_members(struct json_node **nodes, struct json_node **spare, size_t count)
{
	struct json_node **from = nodes, **to = spare;
	size_t sorted = 1;

	while (sorted < count && precedes(nodes[sorted - 1], nodes[sorted]))
		sorted++;
	if (sorted >= count)
		return;
	for (size_t run = 1; run < count; run *= 2) {
		for (size_t start = 0; start < count; start += 2 * run) {
			size_t a = start, middle = MIN(start + run, count);
			size_t b = middle, end = MIN(start + 2 * run, count);
			for (size_t i = start; i < end; i++)
				to[i] = a < middle && (b >= end || precedes(from[a], from[b]))
						? from[a++]
						: from[b++];
		}
		struct json_node **swap = from;
		from = to;
		to = swap;
	}
	if (from != nodes)
		memcpy(nodes, from, count * sizeof(*nodes));
}
