/* What a pod asks for must be left; and nodes with more left are better (LeastAllocated). */
#include "plugins.h"

/* Four of its own, and as many others as a reader can bear. */
#define REASONS_MAX 32

struct shortage {
	struct str *reasons;
	uint32_t count;
	bool unresolvable;
};

static void lacks(struct cycle *c, struct shortage *s, struct str reason)
{
	if (!s->reasons)
		s->reasons = arena_new(c->arena, REASONS_MAX * sizeof(*s->reasons));
	if (s->count < REASONS_MAX)
		s->reasons[s->count++] = reason;
}

static void check(struct cycle *c, struct shortage *s, int64_t asked, int64_t all, int64_t used,
	struct str reason)
{
	if (!asked || asked <= all - used)
		return;
	lacks(c, s, reason);
	s->unresolvable |= asked > all;
}

static void check_scalars(struct cycle *c, struct shortage *s, const struct node *n)
{
	const struct amounts *asks = &c->pod->requests;

	for (uint32_t i = 0; i < asks->scalar_count; i++) {
		struct str name = asks->scalars[i].name;
		int64_t all = sched_amounts_scalar(&n->facts->allocatable, name);
		int64_t used = sched_amounts_scalar(&n->used, name);

		if (!asks->scalars[i].value || asks->scalars[i].value <= all - used)
			continue;
		check(c, s, asks->scalars[i].value, all, used,
			arena_print(c->arena, "Insufficient %.*s", STRF(name)));
	}
}

static struct verdict filter(struct cycle *c, void *state, const struct node *n)
{
	const struct amounts *asks = &c->pod->requests, *all = &n->facts->allocatable;
	struct shortage s = {0};

	(void)state;
	if ((int64_t)n->pods.count + 1 > n->facts->max_pods)
		lacks(c, &s, STR("Too many pods"));
	check(c, &s, asks->cpu, all->cpu, n->used.cpu, STR("Insufficient cpu"));
	check(c, &s, asks->memory, all->memory, n->used.memory, STR("Insufficient memory"));
	check(c, &s, asks->storage, all->storage, n->used.storage,
		STR("Insufficient ephemeral-storage"));
	if (asks->scalar_count)
		check_scalars(c, &s, n);
	if (!s.count)
		return VERDICT_FINE;
	return (struct verdict){.code = s.unresolvable ? VERDICT_UNRESOLVABLE : VERDICT_REJECTED,
		.count = s.count,
		.reasons = s.reasons};
}

static int64_t share_left(int64_t all, int64_t used)
{
	return all <= 0 || used > all ? 0 : (all - used) * SCORE_MAX / all;
}

/* The mean of what would be left of CPU and memory; who asks for nothing counts a little. */
static int64_t score(struct cycle *c, void *state, const struct node *n)
{
	const struct amounts *all = &n->facts->allocatable;
	int64_t parts = (all->cpu != 0) + (all->memory != 0);

	(void)state;
	if (!parts)
		return 0;
	return (share_left(all->cpu, n->nonzero_cpu + c->pod->nonzero_cpu) +
		       share_left(all->memory, n->nonzero_memory + c->pod->nonzero_memory)) /
	       parts;
}

static bool fits_empty(const struct pod *p, const struct node_facts *n)
{
	const struct amounts *asks = &p->requests;

	if (asks->cpu > n->allocatable.cpu || asks->memory > n->allocatable.memory ||
		asks->storage > n->allocatable.storage || n->max_pods < 1)
		return false;
	for (uint32_t i = 0; i < asks->scalar_count; i++)
		if (asks->scalars[i].value >
			sched_amounts_scalar(&n->allocatable, asks->scalars[i].name))
			return false;
	return true;
}

static bool hint(const struct cluster *c, const struct pod *p, const struct happening *h)
{
	(void)c;
	if (h->node)
		return fits_empty(p, h->node);
	return true;
}

const struct plugin plugin_node_resources_fit = {
	.name = "NodeResourcesFit",
	.weight = 1,
	.filter = filter,
	.score = score,
	.events = HAPPENED_NODE_ADD | HAPPENED_NODE_ALLOCATABLE | HAPPENED_POD_DELETE |
		  HAPPENED_POD_SCALE_DOWN | HAPPENED_SELF,
	.hint = hint,
};
