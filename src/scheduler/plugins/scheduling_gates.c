/* A pod with gates is not even tried. */
#include "plugins.h"

static struct verdict pre_enqueue(const struct pod *p)
{
	if (!p->gate_count)
		return VERDICT_FINE;
	return VERDICT_OF(VERDICT_UNRESOLVABLE, "waiting for scheduling gates");
}

static bool hint(const struct cluster *c, const struct pod *p, const struct happening *h)
{
	(void)c;
	(void)h;
	return !p->gate_count;
}

const struct plugin plugin_scheduling_gates = {
	.name = "SchedulingGates",
	.pre_enqueue = pre_enqueue,
	.events = HAPPENED_SELF,
	.hint = hint,
};
