/* matchConditions: expressions over the request that say whether a hook is asked at all. */
#include "hooks.h"

bool hook_conditions_hold(struct hook_subject *s, const struct hook_view *view, struct status **no)
{
	if (*no || !json_count(view->hook->conditions))
		return true;
	*no = admission_forbidden(
		s->review, "match conditions of webhooks are not part of this version");
	return true;
}
