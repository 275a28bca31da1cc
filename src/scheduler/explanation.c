/* Why no node will do: what the plugins have said, counted, and their way out. */
#include "framework.h"

#include <stdlib.h>

struct tally {
	struct str reason, line;
	size_t count;
};

static int by_line(const void *a, const void *b)
{
	return str_cmp(((const struct tally *)a)->line, ((const struct tally *)b)->line);
}

static void tally_add(
	struct tally *tallies, size_t *count, size_t cap, struct verdict v, size_t times)
{
	for (uint32_t r = 0; r < v.count; r++) {
		size_t i = 0;

		while (i < *count && !str_eq(tallies[i].reason, v.reasons[r]))
			i++;
		if (i == cap)
			return;
		if (i == *count)
			tallies[(*count)++] = (struct tally){.reason = v.reasons[r]};
		tallies[i].count += times;
	}
}

/* Reasons beyond this are of no use to anybody who reads them. */
#define TALLIES 256

struct str cycle_explain(struct cycle *c, const struct judged *judged, size_t nodes,
	struct verdict absent, size_t absent_count)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
	struct tally *tallies = arena_new(c->arena, TALLIES * sizeof(*tallies));
	size_t count = 0;

	for (size_t i = 0; i < nodes; i++)
		tally_add(tallies, &count, TALLIES, judged[i].verdict, 1);
	if (absent_count)
		tally_add(tallies, &count, TALLIES, absent, absent_count);
	for (size_t i = 0; i < count; i++)
		tallies[i].line = arena_print(
			c->arena, "%zu %.*s", tallies[i].count, STRF(tallies[i].reason));
	qsort(tallies, count, sizeof(*tallies), by_line);
	buf_print(&text, "0/%zu nodes are available:", c->cluster->node_count);
	for (size_t i = 0; i < count; i++)
		buf_print(&text, "%s %.*s", i ? "," : "", STRF(tallies[i].line));
	if (count)
		buf_add_text(&text, ".");
	return arena_str(c->arena, buf_str(&text));
}

struct str cycle_join_reasons(struct cycle *c, struct verdict v)
{
	struct str all = STR("");

	for (uint32_t i = 0; i < v.count; i++)
		all = arena_print(
			c->arena, "%.*s%s%.*s", STRF(all), i ? ", " : "", STRF(v.reasons[i]));
	return all;
}

static size_t absent_nodes(const struct cycle *c)
{
	size_t absent = 0;

	for (size_t i = 0; i < c->cluster->node_count; i++)
		absent += c->judged[i].verdict.code == VERDICT_OK;
	return absent;
}

/* The plugins' way out: the first that has one ends it, an error too. */
static struct str post_filter(struct cycle *c, struct decision *d)
{
	struct str said = STR("");

	for (uint32_t i = 0; i < c->profile->count; i++) {
		const struct plugin *plugin = c->profile->plugins[i].plugin;

		if (!plugin->post_filter || !c->profile->plugins[i].post_filters)
			continue;
		struct verdict v = plugin->post_filter(c, c->states[i], d);
		struct str reasons = cycle_join_reasons(c, v);
		if (v.code == VERDICT_OK)
			return reasons;
		if (v.code == VERDICT_FAILED)
			return reasons;
		if (reasons.len)
			said = said.len ? arena_print(
						  c->arena, "%.*s, %.*s", STRF(said), STRF(reasons))
					: reasons;
	}
	return said;
}

void cycle_explain_none(struct cycle *c, struct decision *d, struct verdict first)
{
	struct str why;

	if (first.code != VERDICT_OK)
		why = arena_print(c->arena, "0/%zu nodes are available: %.*s.",
			c->cluster->node_count, STRF(cycle_join_reasons(c, first)));
	else
		why = cycle_explain(c, c->judged, c->cluster->node_count, c->absent.verdict,
			c->limited ? absent_nodes(c) : 0);
	if (first.code != VERDICT_OK)
		c->absent.verdict = first;
	struct str more = post_filter(c, d);
	d->message = more.len ? arena_print(c->arena, "%.*s %.*s", STRF(why), STRF(more)) : why;
}
