/* Sets of completion indexes as a Job's status writes them. */
#include "job.h"

/* Where the first interval stands that ends at or behind the index. */
static size_t place_of(const struct indexes *x, int64_t index)
{
	size_t low = 0, high = x->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (x->items[middle].last < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool indexes_have(const struct indexes *x, int64_t index)
{
	size_t at = place_of(x, index);

	return at < x->count && x->items[at].first <= index;
}

static void insert_at(struct arena *a, struct indexes *x, size_t at, struct interval interval)
{
	ARENA_ROOM(a, x->items, x->count, x->cap, 8);
	memmove(&x->items[at + 1], &x->items[at], (x->count - at) * sizeof(*x->items));
	x->items[at] = interval;
	x->count++;
}

static void add_interval(struct arena *a, struct indexes *x, struct interval new)
{
	size_t from = place_of(x, new.first - 1), to = from;

	for (; to < x->count && x->items[to].first <= new.last + 1; to++) {
		new.first = MIN(new.first, x->items[to].first);
		new.last = MAX(new.last, x->items[to].last);
	}
	if (to == from) {
		insert_at(a, x, from, new);
		return;
	}
	x->items[from] = new;
	memmove(&x->items[from + 1], &x->items[to], (x->count - to) * sizeof(*x->items));
	x->count -= to - from - 1;
}

void indexes_add(struct arena *a, struct indexes *x, int64_t index)
{
	add_interval(a, x, (struct interval){index, index});
}

void indexes_add_all(struct arena *a, struct indexes *x, const struct indexes *from)
{
	for (size_t i = 0; i < from->count; i++)
		add_interval(a, x, from->items[i]);
}

void indexes_parse(struct arena *a, struct indexes *x, struct str text, int64_t limit)
{
	struct str piece, first, last;

	*x = (struct indexes){0};
	while (text.len && str_next(&text, ',', &piece)) {
		struct interval i = {0};
		bool wide = str_cut(piece, '-', &first, &last);

		if (!str_to_i64(first, &i.first) || (wide && !str_to_i64(last, &i.last)))
			continue;
		i.last = MIN(wide ? i.last : i.first, limit - 1);
		if (i.first >= 0 && i.first <= i.last)
			add_interval(a, x, i);
	}
}

struct str indexes_print(struct arena *a, const struct indexes *x)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);

	for (size_t i = 0; i < x->count; i++) {
		const struct interval *v = &x->items[i];

		buf_print(&out, "%s%lld", i ? "," : "", (long long)v->first);
		if (v->last > v->first)
			buf_print(&out, "%c%lld", v->last == v->first + 1 ? ',' : '-',
				(long long)v->last);
	}
	return arena_str(a, buf_str(&out));
}

int64_t indexes_total(const struct indexes *x)
{
	int64_t total = 0;

	for (size_t i = 0; i < x->count; i++)
		total += x->items[i].last - x->items[i].first + 1;
	return total;
}

int64_t indexes_shared(const struct indexes *x, const struct indexes *with)
{
	int64_t total = 0;

	for (size_t i = 0, k = 0; i < x->count && k < with->count;) {
		int64_t first = MAX(x->items[i].first, with->items[k].first);
		int64_t last = MIN(x->items[i].last, with->items[k].last);

		total += MAX(last - first + 1, 0);
		if (x->items[i].last < with->items[k].last)
			i++;
		else
			k++;
	}
	return total;
}
