/*
 * cronjob: Jobs at certain times. The decisions are in cron.h. Zones are the machine's files, each
 * read once, when the first CronJob names it.
 */
#include "cron.h"

#include <kube/zones.h>

/* ---- keys ---- */

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct object *o = informer_get_key(usual_informer(u, "cronjobs"), key);
	struct cron_view v = {
		.crons = usual_resource(u, "cronjobs"), .jobs_resource = usual_resource(u, "jobs")};
	struct str zone;

	if (!o)
		return;
	zone = object_scan(o, "spec.timeZone");
	v.zone = cron_is_utc(zone) ? NULL : zones_find(usual_ctx(u), zone);
	v.cron = object_lean_tree(p->arena, o);
	informer_each(it,
		informer_by(usual_informer(u, "jobs"), "claim", tree_str(v.cron, "metadata.uid")))
		trees_add(p->arena, &v.jobs, object_lean_tree(p->arena, it.object));
	cron_plan(&v, now, p);
}

static void own_changed(struct usual *u, struct object *old, struct object *fresh)
{
	(void)old;
	if (fresh)
		usual_enqueue_object(u, fresh);
}

static void job_changed(struct usual *u, struct object *old, struct object *fresh)
{
	usual_enqueue_owner(u, fresh ? fresh : old, "CronJob", "batch");
}

static void done(void *ctx)
{
	zones_free(ctx);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"batch", "v1", "cronjobs", own_changed},
		{"batch", "v1", "jobs", job_changed},
		{0},
	};

	return usual_new(w, k,
		&(struct usual_options){.recorder = "cronjob-controller",
			.sources = sources,
			.reconcile = reconcile,
			.ctx = zones_new(w->base.env->disk),
			.done = done});
}

const struct controller_kind cronjob_kind = {
	.name = "cronjob-controller",
	.aliases = "cronjob",
	.start = start,
};
