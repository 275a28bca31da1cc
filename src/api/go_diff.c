/*
 * What changed between two values of a type, as messages show it: both as indented Go JSON, the
 * difference as a unified diff. Which lines count as unchanged is decided as Python's difflib
 * does: the longest common run first, then what is before it and behind it.
 */
#include <kube/api_codec.h>
#include <kube/map.h>

#define LINES_MAX 4000 /* of each side; beyond them nothing is compared */
#define CONTEXT   3
#define POPULAR   200 /* from so many lines on, frequent ones are no anchors */

struct lines {
	struct str *at;
	int *id; /* equal lines have equal numbers */
	int count;
};

struct block {
	int a, b, len;
};

struct diff {
	struct arena *arena;
	struct lines a, b;
	int *first, *next; /* id → its lines in b, in order */
	int *run, *stamp;  /* of one search: length of the run that ends at a line of b */
	struct block *blocks;
	int block_count;
};

/* ---- text ---- */

static void new_line(struct buf *out, int depth)
{
	buf_add_char(out, '\n');
	while (depth--)
		buf_add_char(out, ' ');
}

/* As Go's json.Indent with one space; empty containers stay together. */
static void indent(struct buf *out, struct str json)
{
	bool quoted = false;
	int depth = 0;

	for (size_t i = 0; i < json.len; i++) {
		char c = json.at[i], next = i + 1 < json.len ? json.at[i + 1] : 0;

		if (quoted || c == '"') {
			buf_add_char(out, c);
			if (quoted && c == '\\')
				buf_add_char(out, json.at[++i]);
			else if (c == '"')
				quoted = !quoted;
		} else if ((c == '{' && next == '}') || (c == '[' && next == ']')) {
			buf_add_char(out, c);
			buf_add_char(out, json.at[++i]);
		} else if (c == '{' || c == '[') {
			buf_add_char(out, c);
			new_line(out, ++depth);
		} else if (c == '}' || c == ']') {
			new_line(out, --depth);
			buf_add_char(out, c);
		} else {
			buf_add_char(out, c);
			if (c == ',')
				new_line(out, depth);
			else if (c == ':')
				buf_add_char(out, ' ');
		}
	}
}

static struct lines split(
	struct arena *a, const struct schema *s, const struct cJSON *value, struct map *ids)
{
	_cleanup_(buf_done) struct buf flat = BUF_INIT(4 * MIB), text = BUF_INIT(16 * MIB);
	struct lines lines = {.at = arena_alloc(a, LINES_MAX * sizeof(struct str)),
		.id = arena_alloc(a, LINES_MAX * sizeof(int))};
	struct str rest, line;

	if (value)
		api_print_go(&flat, s, value);
	else
		buf_add_text(&flat, "null");
	indent(&text, buf_str(&flat));
	rest = arena_str(a, buf_str(&text));
	while (lines.count < LINES_MAX && str_next(&rest, '\n', &line)) {
		intptr_t id = (intptr_t)map_get(ids, line);

		if (!id)
			map_set(ids, line, (void *)(id = (intptr_t)ids->count + 1));
		lines.at[lines.count] = line;
		lines.id[lines.count++] = (int)id - 1;
	}
	return lines;
}

/* ---- common runs ---- */

static void index_lines(struct diff *d, int ids)
{
	int *seen = arena_new(d->arena, (size_t)ids * sizeof(int));

	d->first = arena_alloc(d->arena, (size_t)ids * sizeof(int));
	for (int i = 0; i < ids; i++)
		d->first[i] = -1;
	for (int j = d->b.count - 1; j >= 0; j--) {
		d->next[j] = d->first[d->b.id[j]];
		d->first[d->b.id[j]] = j;
		seen[d->b.id[j]]++;
	}
	for (int i = 0; i < ids && d->b.count >= POPULAR; i++)
		if (seen[i] > d->b.count / 100 + 1)
			d->first[i] = -1;
}

/* The longest common run of a[alo, ahi) and b[blo, bhi), the first of several. */
static struct block longest(struct diff *d, int alo, int ahi, int blo, int bhi)
{
	struct block best = {alo, blo, 0};
	int previous = 0; /* run of j-1 in the line of a before this one */

	for (int j = blo; j < bhi; j++)
		d->stamp[j] = -2; /* no line stands before this one */
	for (int i = alo; i < ahi; i++) {
		int last = -1;

		for (int j = d->first[d->a.id[i]]; j >= 0 && j < bhi; j = d->next[j]) {
			if (j < blo)
				continue;
			/* j-1 was overwritten just now if it is the same line as this one */
			int before = last == j - 1 && last >= 0            ? previous
				     : j > blo && d->stamp[j - 1] == i - 1 ? d->run[j - 1]
									   : 0;
			previous = d->stamp[j] == i - 1 ? d->run[j] : 0;
			last = j;
			d->stamp[j] = i;
			d->run[j] = before + 1;
			if (d->run[j] > best.len)
				best = (struct block){
					i - d->run[j] + 1, j - d->run[j] + 1, d->run[j]};
		}
	}
	while (best.a > alo && best.b > blo && d->a.id[best.a - 1] == d->b.id[best.b - 1]) {
		best.a--;
		best.b--;
		best.len++;
	}
	while (best.a + best.len < ahi && best.b + best.len < bhi &&
		d->a.id[best.a + best.len] == d->b.id[best.b + best.len])
		best.len++;
	return best;
}

/* Depth first from the left, so that the blocks come in order. */
static void find_blocks(struct diff *d, int alo, int ahi, int blo, int bhi)
{
	struct block m = longest(d, alo, ahi, blo, bhi);

	if (!m.len)
		return;
	if (alo < m.a && blo < m.b)
		find_blocks(d, alo, m.a, blo, m.b);
	struct block *last = d->block_count ? &d->blocks[d->block_count - 1] : NULL;
	if (last && last->a + last->len == m.a && last->b + last->len == m.b)
		last->len += m.len;
	else
		d->blocks[d->block_count++] = m;
	if (m.a + m.len < ahi && m.b + m.len < bhi)
		find_blocks(d, m.a + m.len, ahi, m.b + m.len, bhi);
}

/* ---- hunks ---- */

static void print_range(struct buf *out, int from, int count)
{
	if (count == 1)
		buf_print(out, "%d", from + 1);
	else
		buf_print(out, "%d,%d", count ? from + 1 : from, count);
}

static void print_lines(struct buf *out, const struct lines *l, int from, int to, char mark)
{
	for (int i = from; i < to; i++)
		buf_print(out, "%c%.*s\n", mark, STRF(l->at[i]));
}

/* The unchanged lines between two changes, when there are few, belong to one hunk with both. */
static int hunk_end(const struct diff *d, int from)
{
	int i = from;

	while (i + 1 < d->block_count && d->blocks[i].len <= 2 * CONTEXT)
		i++;
	return i;
}

/* From the end of block `from` - 1 to the beginning of block `to`. */
static void print_hunk(struct buf *out, const struct diff *d, int from, int to)
{
	const struct block *before = from ? &d->blocks[from - 1] : NULL, *after = &d->blocks[to];
	int lead = before ? (before->len < CONTEXT ? before->len : CONTEXT) : 0;
	int tail = after->len < CONTEXT ? after->len : CONTEXT;
	int a = before ? before->a + before->len : 0, b = before ? before->b + before->len : 0;

	buf_add_text(out, "@@ -");
	print_range(out, a - lead, after->a + tail - (a - lead));
	buf_add_text(out, " +");
	print_range(out, b - lead, after->b + tail - (b - lead));
	buf_add_text(out, " @@\n");
	print_lines(out, &d->a, a - lead, a, ' ');
	for (int i = from; i <= to; i++) {
		const struct block *same = &d->blocks[i];

		print_lines(out, &d->a, a, same->a, '-');
		print_lines(out, &d->b, b, same->b, '+');
		a = same->a + same->len;
		b = same->b + same->len;
		print_lines(out, &d->a, same->a, i == to ? same->a + tail : a, ' ');
	}
}

void api_diff_go(struct buf *out, struct arena *a, const struct schema *s, const struct cJSON *old,
	const struct cJSON *now)
{
	struct map ids = {0};
	struct diff d = {.arena = a};

	d.a = split(a, s, old, &ids);
	d.b = split(a, s, now, &ids);
	size_t ints = (size_t)(d.b.count + 1) * sizeof(int);
	d.next = arena_alloc(a, ints);
	d.run = arena_alloc(a, ints);
	d.stamp = arena_alloc(a, ints);
	d.blocks = arena_alloc(a, (size_t)(d.a.count + 2) * sizeof(struct block));
	index_lines(&d, (int)ids.count);
	map_done(&ids);
	if (d.a.count == LINES_MAX || d.b.count == LINES_MAX)
		return;
	find_blocks(&d, 0, d.a.count, 0, d.b.count);
	const struct block *last = d.block_count ? &d.blocks[d.block_count - 1] : NULL;
	if (!last || last->a + last->len < d.a.count || last->b + last->len < d.b.count)
		d.blocks[d.block_count++] = (struct block){d.a.count, d.b.count, 0};
	for (int i = 0; i < d.block_count; i++) {
		if (i == 0 && !d.blocks[0].a && !d.blocks[0].b)
			continue; /* it begins alike */
		int to = hunk_end(&d, i);

		print_hunk(out, &d, i, to);
		i = to;
	}
}
