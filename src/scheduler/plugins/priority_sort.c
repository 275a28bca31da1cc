/* The most important first; among equals, who has waited longest. */
#include "plugins.h"

static int less(const struct pod *a, int64_t a_since, const struct pod *b, int64_t b_since)
{
	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	return a_since < b_since ? -1 : a_since > b_since;
}

const struct plugin plugin_priority_sort = {.name = "PrioritySort", .less = less};
