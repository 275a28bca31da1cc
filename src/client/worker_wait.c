/* What a worker keeps its key for: that the caches show what it has written. */
#include "worker.h"

#include <kube/api_codec.h>

static struct catch_up *add_wait(struct worker *w, struct informer *informer, bool gone)
{
	/* One revision a cache is enough: the highest. */
	for (size_t i = 0; i < w->wait_count && !gone; i++)
		if (w->waits[i].informer == informer && !w->waits[i].gone_key.len)
			return &w->waits[i];
	ARENA_ROOM(&w->arena, w->waits, w->wait_count, w->wait_cap, 8);
	struct catch_up *wait = &w->waits[w->wait_count++];
	*wait = (struct catch_up){.informer = informer};
	return wait;
}

void worker_note_wait(
	struct worker *w, const struct plan_step *s, bool gone, struct str uid, int64_t revision)
{
	const struct controller *c = w->controller;
	struct arena *a = &w->arena;

	for (size_t i = 0; i < c->options.informer_count; i++) {
		struct informer *informer = c->informers[i];

		if (informer_resource(informer) != s->resource ||
			!informer_covers(informer, s->namespace))
			continue;
		struct catch_up *wait = add_wait(w, informer, gone);
		wait->revision = MAX(wait->revision, revision);
		if (!gone)
			continue;
		wait->gone_uid = arena_str(a, uid);
		wait->gone_key = s->namespace.len ? arena_print(a, "%.*s/%.*s", STRF(s->namespace),
							    STRF(s->name))
						  : s->name;
	}
}

/* By a deletion, or by a write that took away the last of what held it: the answer shows it then
 * at the revision that it had. */
static bool went(const struct plan_step *s, const struct cJSON *answer)
{
	bool ending = tree_has(answer, "metadata.deletionTimestamp");

	if (s->verb == PLAN_DELETE)
		return !ending;
	return ending && !json_count(json_path(answer, "metadata.finalizers")) &&
	       tree_int(answer, "metadata.deletionGracePeriodSeconds", 0) == 0;
}

void worker_note_written(struct worker *w, const struct plan_step *s)
{
	const struct client_request *r = &w->request;
	bool gone = went(s, r->object);
	struct str uid = s->precondition_uid;
	int64_t revision = 0;

	w->last_name = arena_str(&w->arena, s->name);
	if (s->verb == PLAN_CREATE)
		w->last_name = arena_str(&w->arena, tree_str(r->object, "metadata.name"));
	if (gone && !uid.len)
		uid = tree_str(r->object, s->verb == PLAN_DELETE ? "details.uid" : "metadata.uid");
	if (gone || str_to_i64(tree_str(r->object, "metadata.resourceVersion"), &revision))
		worker_note_wait(w, s, gone, uid, revision);
}

void worker_catch_up(struct worker *w, struct op *op)
{
	const struct catch_up *wait = &w->waits[w->waited];

	if (wait->gone_key.len)
		informer_wait_gone(wait->informer, op, wait->gone_key, wait->gone_uid);
	else
		informer_wait_revision(wait->informer, op, wait->revision);
}
