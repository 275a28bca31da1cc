/* Is a policy, or a binding, for this review? Without rules it is for every one. */
#include "policies.h"

bool policy_matches(struct hook_subject *s, const struct policy_match *m, struct hook_view *view,
	struct status **no)
{
	struct status *unknown;

	*no = NULL;
	if (!hook_selects(s, &m->hook, &unknown) || hook_match_rules(s, m->exclude, m->hook.exact))
		return false;
	*view = (struct hook_view){.hook = &m->hook, .resource = s->resource};
	if (json_count(m->hook.rules))
		view->resource = hook_match_rules(s, m->hook.rules, m->hook.exact);
	if (!view->resource)
		return false;
	*no = unknown;
	return true;
}
