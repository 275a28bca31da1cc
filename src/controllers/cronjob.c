/*
 * cronjob: Jobs at certain times. The decisions are in cron.h. Zones are the machine's files, each
 * read once, when the first CronJob names it.
 */
#include "cron.h"

#include <kube/log.h>
#include <kube/map.h>

#define ZONES     "/usr/share/zoneinfo"
#define ZONES_MAX 1000

struct zones {
	struct arena arena;
	struct map by_name; /* struct zone, NULL where there is none */
};

/* ---- zones ---- */

static struct zone *zone_read(struct zones *z, struct env *env, struct str name)
{
	_cleanup_(buf_done) struct buf bytes = BUF_INIT(ZONE_BYTES_MAX + 1);
	_cleanup_(err_done) struct err err = {0};
	struct zone *zone = NULL;
	struct str path = arena_print(&z->arena, ZONES "/%.*s", STRF(name));

	if (disk_read_file(env->disk, path.at, &bytes, &err) ||
		zone_parse(&z->arena, buf_str(&bytes), &zone, &err))
		log_warning(&err, "no such time zone", LOG_STR("zone", name));
	return zone;
}

static void zone_learn(struct usual *u, struct str name)
{
	struct zones *z = usual_ctx(u);

	/* Only names that the API knows: no other file is read. */
	if (!name.len || cron_is_utc(name) || map_has(&z->by_name, name) ||
		!time_zone_known(name) || z->by_name.count >= ZONES_MAX)
		return;
	map_set(&z->by_name, name, zone_read(z, usual_world(u)->base.env, name));
}

static void zones_free(void *ctx)
{
	struct zones *z = ctx;

	map_done(&z->by_name);
	arena_done(&z->arena);
	mem_free(z);
}

/* ---- keys ---- */

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct object *o = informer_get_key(usual_informer(u, "cronjobs"), key);
	struct cron_view v = {
		.crons = usual_resource(u, "cronjobs"), .jobs_resource = usual_resource(u, "jobs")};

	if (!o)
		return;
	v.zone = map_get(&((struct zones *)usual_ctx(u))->by_name, object_scan(o, "spec.timeZone"));
	v.cron = object_lean_tree(p->arena, o);
	informer_each(it,
		informer_by(usual_informer(u, "jobs"), "claim", tree_str(v.cron, "metadata.uid")))
		trees_add(p->arena, &v.jobs, object_lean_tree(p->arena, it.object));
	cron_plan(&v, now, p);
}

static void own_changed(struct usual *u, struct object *old, struct object *fresh)
{
	(void)old;
	if (!fresh)
		return;
	zone_learn(u, object_scan(fresh, "spec.timeZone"));
	usual_enqueue_object(u, fresh);
}

static void job_changed(struct usual *u, struct object *old, struct object *fresh)
{
	usual_enqueue_owner(u, fresh ? fresh : old, "CronJob", "batch");
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"batch", "v1", "cronjobs", own_changed},
		{"batch", "v1", "jobs", job_changed},
		{0},
	};

	struct zones *z = mem_new(sizeof(*z));
	arena_init(&z->arena);
	map_init(&z->by_name);
	return usual_new(w, k,
		&(struct usual_options){.recorder = "cronjob-controller",
			.sources = sources,
			.reconcile = reconcile,
			.ctx = z,
			.done = zones_free});
}

const struct controller_kind cronjob_kind = {
	.name = "cronjob-controller",
	.aliases = "cronjob",
	.start = start,
};
