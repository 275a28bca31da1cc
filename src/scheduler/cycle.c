/*
 * The decision: which node for this pod, or why none. As upstream: the nodes are searched from
 * where the last search ended, no longer than until enough have been found; those are scored.
 */
#include "framework.h"

#include <kube/mem.h>

#include <stdarg.h>
#include <stdio.h>

#define ENOUGH_MIN  100 /* nodes that are always worth finding */
#define PERCENT_MIN 5
#define REASON_MAX  1024

/* ---- for plugins ---- */

struct verdict cycle_reject(struct cycle *c, enum verdict_code code, const char *format, ...)
{
	char text[REASON_MAX];
	struct str *reason = arena_new(c->arena, sizeof(*reason));
	va_list args;

	va_start(args, format);
	int len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	*reason = arena_str(c->arena, str_make(text, MIN((size_t)len, sizeof(text) - 1)));
	return (struct verdict){.code = code, .count = 1, .reasons = reason};
}

static bool among(const struct str *names, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}

void cycle_only(struct cycle *c, const char *plugin, const struct str *names, size_t count)
{
	struct str *both = arena_new(c->arena, (count + 1) * sizeof(*both));
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (!among(both, kept, names[i]) &&
			(!c->limited || among(c->only, c->only_count, names[i])))
			both[kept++] = names[i];
	c->only_by = c->limited ? arena_print(c->arena, "%.*s %s", STRF(c->only_by), plugin)
				: str_from(plugin);
	c->limited = true;
	c->only = both;
	c->only_count = kept;
}

void scores_normalize(int64_t *scores, size_t count, bool reverse)
{
	int64_t most = 0;

	for (size_t i = 0; i < count; i++)
		most = MAX(most, scores[i]);
	for (size_t i = 0; i < count; i++) {
		int64_t s = most ? scores[i] * SCORE_MAX / most : 0;

		scores[i] = reverse ? SCORE_MAX - s : s;
	}
}

void cycle_pod_changed(struct cycle *c, const struct node *n, const struct pod *p, int sign)
{
	for (size_t i = 0; i < c->profile->count; i++) {
		const struct plugin *plugin = c->profile->plugins[i].plugin;

		if (plugin->pod_changed && !(c->skipped & 1u << i))
			plugin->pod_changed(c, c->states[i], n, p, sign);
	}
}

/* ---- filters ---- */

static struct verdict ask_filters(struct cycle *c, const struct node *n, uint32_t *by)
{
	for (uint32_t i = 0; i < c->profile->count; i++) {
		const struct plugin *plugin = c->profile->plugins[i].plugin;

		if (!plugin->filter || c->skipped & 1u << i)
			continue;
		struct verdict v = plugin->filter(c, c->states[i], n);
		if (v.code == VERDICT_OK)
			continue;
		*by = i;
		return v;
	}
	return VERDICT_FINE;
}

/*
 * Pods nominated for the node are thought to be there, if they are at least as important. Since
 * they may never come, the node must do without them too: another pod's affinity must not rest
 * on them.
 */
static struct verdict ask_with_nominated(
	struct cycle *c, struct node *n, const struct pod_list *nominated, bool *any, uint32_t *by)
{
	struct verdict v = VERDICT_FINE;
	struct node *copy = node_copy(n);

	for (size_t i = 0; i < nominated->count; i++) {
		struct pod *p = nominated->items[i];

		if (p->priority < c->pod->priority || str_eq(p->uid, c->pod->uid))
			continue;
		*any = true;
		node_add_pod(copy, p);
		cycle_pod_changed(c, copy, p, 1);
	}
	if (*any)
		v = ask_filters(c, copy, by);
	for (size_t i = 0; i < nominated->count && *any; i++) {
		struct pod *p = nominated->items[i];

		if (p->priority < c->pod->priority || str_eq(p->uid, c->pod->uid))
			continue;
		node_remove_pod(copy, p);
		cycle_pod_changed(c, copy, p, -1);
	}
	node_free(copy);
	return v;
}

struct verdict cycle_filter_node(struct cycle *c, struct node *n, uint32_t *by)
{
	const struct pod_list *nominated = cluster_nominated(c->cluster, n->facts->name);
	bool any = false;

	if (nominated) {
		struct verdict v = ask_with_nominated(c, n, nominated, &any, by);

		if (v.code != VERDICT_OK)
			return v;
	}
	return ask_filters(c, n, by);
}

/* How many nodes are worth finding in a cluster of that size. */
static size_t enough(const struct cycle *c, size_t all)
{
	size_t percent = (size_t)c->profile->percent_scored;

	if (all < ENOUGH_MIN)
		return all;
	if (!percent) {
		percent = all / 125 < 50 ? 50 - all / 125 : 0;
		percent = MAX(percent, (size_t)PERCENT_MIN);
	}
	if (percent >= 100)
		return all;
	return MAX(all * percent / 100, (size_t)ENOUGH_MIN);
}

/* true: it is a candidate. */
static bool judge_node(struct cycle *c, struct decision *d, struct node *n)
{
	struct judged *j = &c->judged[n->index];

	d->evaluated++;
	j->verdict = cycle_filter_node(c, n, &j->plugin);
	if (j->verdict.code == VERDICT_OK)
		return true;
	if (j->verdict.code == VERDICT_FAILED)
		d->failed = true;
	d->rejected_by |= 1u << j->plugin;
	return false;
}

static size_t search_all(struct cycle *c, struct decision *d, struct node **found)
{
	struct cluster *cluster = c->cluster;
	size_t all = cluster->node_count, wanted = enough(c, all), count = 0, i;

	for (i = 0; i < all && count < wanted && !d->failed; i++) {
		struct node *n = cluster->nodes[(cluster->next_start + i) % all];

		if (judge_node(c, d, n))
			found[count++] = n;
	}
	cluster->next_start = (cluster->next_start + i) % all;
	return count;
}

static size_t search_only(struct cycle *c, struct decision *d, struct node **found)
{
	size_t count = 0;

	for (size_t i = 0; i < c->only_count && !d->failed; i++) {
		struct node *n = cluster_node(c->cluster, c->only[i]);

		if (n && judge_node(c, d, n))
			found[count++] = n;
	}
	return count;
}

/* The node that was made free for it comes first. */
static size_t search(struct cycle *c, struct decision *d, struct node **found)
{
	struct str name = cluster_nomination(c->cluster, c->pod->uid);
	struct node *n = cluster_node(c->cluster, name.len ? name : c->pod->nominated);

	if (n && (!c->limited || among(c->only, c->only_count, n->facts->name)) &&
		judge_node(c, d, n)) {
		found[0] = n;
		return 1;
	}
	return c->limited ? search_only(c, d, found) : search_all(c, d, found);
}

static struct verdict pre_filter(struct cycle *c, struct decision *d)
{
	for (uint32_t i = 0; i < c->profile->count; i++) {
		const struct plugin *plugin = c->profile->plugins[i].plugin;

		if (!c->profile->plugins[i].filters) {
			c->skipped |= 1u << i;
			continue;
		}
		if (!plugin->pre_filter)
			continue;
		struct verdict v = plugin->pre_filter(c, &c->states[i]);
		if (v.code == VERDICT_SKIP)
			c->skipped |= 1u << i;
		if (v.code == VERDICT_OK || v.code == VERDICT_SKIP) {
			if (!c->limited || c->only_count)
				continue;
			v = cycle_reject(c, VERDICT_UNRESOLVABLE,
				"node(s) didn't satisfy plugin %.*s", STRF(c->only_by));
		}
		d->rejected_by |= 1u << i;
		d->failed = v.code == VERDICT_FAILED;
		return v;
	}
	return VERDICT_FINE;
}

/* ---- scores ---- */

static struct node *best_of(
	struct cycle *c, struct node **nodes, const int64_t *totals, size_t count)
{
	struct node *best = NULL;
	int64_t most = -1;
	uint64_t ties = 0;

	for (size_t i = 0; i < count; i++) {
		if (totals[i] > most) {
			most = totals[i];
			best = nodes[i];
			ties = 1;
		} else if (totals[i] == most && cluster_random(c->cluster) % ++ties == 0) {
			best = nodes[i];
		}
	}
	return best;
}

static struct node *choose(struct cycle *c, struct node **nodes, size_t count)
{
	int64_t *totals = arena_new(c->arena, count * sizeof(*totals));
	int64_t *scores = arena_alloc(c->arena, count * sizeof(*scores));

	for (size_t p = 0; p < c->profile->count; p++) {
		const struct profile_plugin *use = &c->profile->plugins[p];
		const struct plugin *plugin = use->plugin;
		void *state = NULL;

		if (!plugin->score || !use->scores)
			continue;
		if (plugin->pre_score &&
			plugin->pre_score(c, &state, nodes, count).code == VERDICT_SKIP)
			continue;
		for (size_t i = 0; i < count; i++)
			scores[i] = plugin->score(c, state, nodes[i]);
		if (plugin->normalize)
			plugin->normalize(c, state, nodes, scores, count);
		for (size_t i = 0; i < count; i++)
			totals[i] += scores[i] * use->weight;
	}
	return best_of(c, nodes, totals, count);
}

void schedule(struct cycle *c, struct decision *d)
{
	struct cluster *cluster = c->cluster;

	*d = (struct decision){0};
	cluster_settle(cluster);
	c->skipped = 0;
	c->limited = false;
	c->absent = (struct judged){0};
	if (!cluster->node_count) {
		d->no_nodes = true;
		d->message = STR("no nodes available to schedule pods");
		return;
	}
	c->judged = arena_new(c->arena, cluster->node_count * sizeof(*c->judged));
	struct node **found = arena_alloc(c->arena, cluster->node_count * sizeof(struct node *));
	struct verdict first = pre_filter(c, d);
	if (first.code == VERDICT_FAILED) {
		d->message = cycle_join_reasons(c, first);
		return;
	}
	if (c->limited)
		c->absent.verdict = cycle_reject(c, VERDICT_UNRESOLVABLE,
			"node(s) didn't satisfy plugin(s) [%.*s]", STRF(c->only_by));
	if (first.code == VERDICT_OK)
		d->feasible = search(c, d, found);
	if (!d->feasible)
		cycle_explain_none(c, d, first);
	else
		d->node = d->feasible == 1 ? found[0] : choose(c, found, d->feasible);
}

/* ---- giving ---- */

void gift_unreserve(struct cluster *c, const struct gift *g)
{
	for (size_t i = g->profile->count; i-- > 0;)
		if (g->profile->plugins[i].plugin->unreserve)
			g->profile->plugins[i].plugin->unreserve(c, g);
}

struct verdict gift_reserve(struct cycle *c, struct gift *g)
{
	for (uint32_t i = 0; i < c->profile->count; i++) {
		const struct plugin *plugin = c->profile->plugins[i].plugin;
		struct verdict v = VERDICT_FINE;

		if (plugin->reserve && !(c->skipped & 1u << i))
			v = plugin->reserve(c, c->states[i], g);
		if (v.code == VERDICT_OK && plugin->permit)
			v = plugin->permit(c, g);
		if (v.code == VERDICT_OK)
			continue;
		gift_unreserve(c->cluster, g);
		return v;
	}
	return VERDICT_FINE;
}
