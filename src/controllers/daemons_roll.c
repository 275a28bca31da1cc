/* How pods of an old template give way to those of the newest. */
#include "daemons_round.h"

/* False: the node is not in a state to be judged; manage brings it there. */
static bool find_versions(const struct daemons *d, const struct daemons_place *place,
	struct cJSON **fresh, struct cJSON **old)
{
	*fresh = *old = NULL;
	for (size_t i = 0; i < place->pods.count; i++) {
		struct cJSON *pod = place->pods.items[i];
		struct cJSON **kept = daemons_is_updated(d, pod) ? fresh : old;

		if (is_being_deleted(pod))
			continue;
		if (*kept)
			return false;
		*kept = pod;
	}
	return true;
}

static void replace_old(struct daemons *d, int64_t most)
{
	struct trees candidates = {0};
	int64_t unavailable = 0;

	for (size_t i = 0; i < d->count; i++) {
		struct cJSON *fresh, *old;

		if (!d->places[i].pods.count)
			continue;
		if (!find_versions(d, &d->places[i], &fresh, &old) || !fresh == !old) {
			unavailable++;
		} else if (fresh) {
			unavailable += !daemons_is_available(d, fresh);
		} else if (!daemons_is_available(d, old)) {
			/* Nothing is lost with it. */
			unavailable++;
			daemons_remove_pod(d, old);
		} else {
			trees_add(d->arena, &candidates, old);
		}
	}
	for (size_t i = 0; i < candidates.count && (int64_t)i < most - unavailable; i++)
		daemons_remove_pod(d, candidates.items[i]);
}

static void surge_new(struct daemons *d, int64_t most)
{
	struct daemons_place **candidates =
		arena_new(d->arena, (d->count + 1) * sizeof(*candidates));
	int64_t surging = 0;
	size_t count = 0;

	for (size_t i = 0; i < d->count; i++) {
		struct daemons_place *place = &d->places[i];
		struct cJSON *fresh, *old;

		if (!place->pods.count)
			continue;
		if (!find_versions(d, place, &fresh, &old)) {
			surging++;
		} else if (!old) {
			continue;
		} else if (!fresh) {
			if (!daemons_is_available(d, old))
				daemons_make_pod(d, place);
			else
				candidates[count++] = place;
		} else if (!daemons_is_available(d, fresh)) {
			surging++;
		} else {
			daemons_remove_pod(d, old);
		}
	}
	for (size_t i = 0; i < count && (int64_t)i < most - surging; i++)
		daemons_make_pod(d, candidates[i]);
}

void daemons_roll(struct daemons *d)
{
	int64_t wanted = 0;

	if (!str_eq_text(tree_str(d->view->set, "spec.updateStrategy.type"), "RollingUpdate"))
		return;
	for (size_t i = 0; i < d->count; i++)
		wanted += d->places[i].fit.runs;
	int64_t surge = daemons_limit(d, "maxSurge", wanted);
	int64_t unavailable = daemons_limit(d, "maxUnavailable", wanted);
	if (surge > 0)
		surge_new(d, surge);
	else
		replace_old(d, MAX(unavailable, 1));
}
