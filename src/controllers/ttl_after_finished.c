/* ttl_after_finished: deletes Jobs some time after they have ended. */
#include "job.h"

static void changed(struct usual *u, struct object *old, struct object *fresh)
{
	(void)old;
	if (fresh && object_scan(fresh, "spec.ttlSecondsAfterFinished").len)
		usual_enqueue_object(u, fresh);
}

/* Foreground, so that its pods go with it. */
static void plan_end(const struct resource *jobs, const struct cJSON *job, struct plan *p)
{
	struct cJSON *options = json_new(p->arena, JSON_OBJECT);

	tree_set_str(p->arena, options, "propagationPolicy", STR("Foreground"));
	plan_confirm(p, jobs, job);
	plan_delete(p, jobs, tree_str(job, "metadata.namespace"), tree_str(job, "metadata.name"),
		tree_str(job, "metadata.uid"), options);
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct object *o = informer_get_key(usual_informer(u, "jobs"), key);
	int64_t ended;

	if (!o)
		return;
	const struct cJSON *job = object_lean_tree(p->arena, o);
	int64_t ttl = tree_int(job, "spec.ttlSecondsAfterFinished", -1);
	const struct cJSON *end = job_condition(job, "Complete");
	if (!end)
		end = job_condition(job, "Failed");
	if (ttl < 0 || !end || is_being_deleted(job) || !time_of(end, "lastTransitionTime", &ended))
		return;
	int64_t left = ended + ttl * SEC - now;
	if (left > 0)
		plan_requeue_after(p, left);
	else
		plan_end(usual_resource(u, "jobs"), job, p);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {{"batch", "v1", "jobs", changed}, {0}};

	return usual_new(w, k, &(struct usual_options){.sources = sources, .reconcile = reconcile});
}

const struct controller_kind ttl_after_finished_kind = {
	.name = "ttl-after-finished-controller",
	.aliases = "ttl-after-finished",
	.start = start,
};
