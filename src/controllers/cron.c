/* When CronJobs are due and what they start. */
#include "cron.h"

#include "job.h"

#define MISSED_MAX  100
#define DAY         (24 * HOUR)
#define YEARS       5 /* what does not come in that time never does */
#define STAMP       "batch.kubernetes.io/cronjob-scheduled-timestamp"
#define SOON_ENOUGH (100 * MSEC)
/* Waiting is not by the clock that schedules are by: that one may be set meanwhile. */
#define LOOK_EVERY (10 * MINUTE)

/* ---- times ---- */

static bool has(uint64_t set, int value)
{
	return set >> value & 1;
}

static bool day_matches(const struct cron_schedule *s, const struct time_parts *t)
{
	bool day = has(s->days, t->day), weekday = has(s->weekdays, t->weekday);

	return s->any_day || s->any_weekday ? day && weekday : day || weekday;
}

static int64_t local_time(const struct zone *zone, int64_t t)
{
	return t + zone_offset(zone, t) * SEC;
}

/* Where the zone's next day begins: behind midnight where clocks leave that out. */
static int64_t next_day(const struct zone *zone, int64_t t)
{
	int64_t next = t + DAY - local_time(zone, t) % DAY;
	int64_t shown = local_time(zone, next), early = next - shown % DAY;

	/* Of a day that was an hour shorter that hour is too far. */
	if (shown % DAY < DAY / 2 && local_time(zone, early) / DAY == shown / DAY)
		return early;
	return next;
}

int64_t cron_next(const struct cron_schedule *s, const struct zone *zone, int64_t after)
{
	if (s->every)
		return (after + s->every) / SEC * SEC;
	int64_t t = after + MINUTE - local_time(zone, after) % MINUTE, end = t + YEARS * 366 * DAY;
	while (t < end) {
		int64_t shown = local_time(zone, t);
		struct time_parts parts = time_split(shown);

		if (!has(s->months, parts.month) || !day_matches(s, &parts))
			t = next_day(zone, t);
		else if (!has(s->hours, parts.hour))
			t += HOUR - shown % HOUR;
		else if (!has(s->minutes, parts.minute))
			t += MINUTE - shown % MINUTE;
		else
			return t;
	}
	return 0;
}

struct cron {
	const struct cron_view *view;
	struct plan *plan;
	struct arena *arena;
	int64_t now;
	struct cJSON *fresh, *active; /* as they are to be */
	struct cron_schedule schedule;
	bool changed;
};

static void tell(struct cron *c, const char *type, const char *reason, struct str message)
{
	plan_event(c->plan, c->view->cron, type, reason, message);
}

/* ---- what has run ---- */

static const char *end_of(const struct cJSON *job)
{
	return job_condition(job, "Complete") ? "Complete"
	       : job_condition(job, "Failed") ? "Failed"
					      : NULL;
}

static bool is_listed(const struct cJSON *list, const struct cJSON *job)
{
	json_each (ref, list)
		if (str_eq(tree_str(ref, "uid"), tree_str(job, "metadata.uid")))
			return true;
	return false;
}

static void add_reference(struct cron *c, const struct cJSON *job)
{
	struct cJSON *ref = json_new(c->arena, JSON_OBJECT);

	tree_set_str(c->arena, ref, "kind", STR("Job"));
	tree_set_str(c->arena, ref, "apiVersion", STR("batch/v1"));
	tree_set_str(c->arena, ref, "namespace", tree_str(job, "metadata.namespace"));
	tree_set_str(c->arena, ref, "name", tree_str(job, "metadata.name"));
	tree_set_str(c->arena, ref, "uid", tree_str(job, "metadata.uid"));
	tree_set_str(c->arena, ref, "resourceVersion", tree_str(job, "metadata.resourceVersion"));
	json_append(c->active, ref);
}

static void note_success(struct cron *c, const struct cJSON *job)
{
	struct str done = tree_str(job, "status.completionTime");
	struct str last = tree_str(c->fresh, "status.lastSuccessfulTime");

	/* Both are written alike: their order is that of their texts. */
	if (!done.len || (last.len && str_cmp(done, last) <= 0))
		return;
	tree_set_str(c->arena, c->fresh, "status.lastSuccessfulTime", done);
	c->changed = true;
}

static void review_jobs(struct cron *c)
{
	const struct cJSON *had = json_path(c->view->cron, "status.active");

	for (size_t i = 0; i < c->view->jobs.count; i++) {
		const struct cJSON *job = c->view->jobs.items[i];
		const char *end = end_of(job);
		bool listed = is_listed(had, job);

		if (end && str_eq_text(str_from(end), "Complete"))
			note_success(c, job);
		if (end && listed)
			tell(c, "Normal", "SawCompletedJob",
				arena_print(c->arena, "Saw completed job: %.*s, condition: %s",
					STRF(tree_str(job, "metadata.name")), end));
		if (!end)
			add_reference(c, job);
		c->changed |= !end != listed;
	}
	json_each (ref, had) {
		bool found = false;

		for (size_t i = 0; i < c->view->jobs.count; i++)
			found |= str_eq(tree_str(ref, "uid"),
				tree_str(c->view->jobs.items[i], "metadata.uid"));
		if (found)
			continue;
		tell(c, "Normal", "MissingJob",
			arena_print(c->arena, "Active job went missing: %.*s",
				STRF(tree_str(ref, "name"))));
		c->changed = true;
	}
}

static void delete_job(struct cron *c, const struct cJSON *job)
{
	struct cJSON *options = json_new(c->arena, JSON_OBJECT);

	tree_set_str(c->arena, options, "propagationPolicy", STR("Background"));
	plan_delete(c->plan, c->view->jobs_resource, tree_str(job, "metadata.namespace"),
		tree_str(job, "metadata.name"), tree_str(job, "metadata.uid"), options);
	tell(c, "Normal", "SuccessfulDelete",
		arena_print(c->arena, "Deleted job %.*s", STRF(tree_str(job, "metadata.name"))));
}

static int by_start(const void *left, const void *right)
{
	const struct cJSON *a = *(struct cJSON *const *)left, *b = *(struct cJSON *const *)right;
	int order = str_cmp(tree_str(a, "status.startTime"), tree_str(b, "status.startTime"));

	return order ? order : str_cmp(tree_str(a, "metadata.name"), tree_str(b, "metadata.name"));
}

static void trim(struct cron *c, const char *end, const char *limit, int64_t fallback)
{
	int64_t most = tree_int(json_path(c->view->cron, "spec"), limit, fallback);
	struct trees ended = {0};

	for (size_t i = 0; i < c->view->jobs.count; i++) {
		struct cJSON *job = c->view->jobs.items[i];

		if (job_condition(job, end) && !is_being_deleted(job))
			trees_add(c->arena, &ended, job);
	}
	trees_sort(&ended, by_start);
	for (size_t i = 0; (int64_t)(ended.count - i) > most; i++)
		delete_job(c, ended.items[i]);
}

/* ---- what is due ---- */

/* The last time that has come and was not served; 0: none. */
static int64_t due(struct cron *c)
{
	const struct cJSON *cron = c->view->cron;
	int64_t deadline = tree_int(cron, "spec.startingDeadlineSeconds", -1), from = 0, last = 0;
	size_t missed = 0;

	if (!time_of(cron, "status.lastScheduleTime", &from))
		time_of(cron, "metadata.creationTimestamp", &from);
	if (deadline >= 0)
		from = MAX(from, c->now - deadline * SEC);
	for (int64_t t = cron_next(&c->schedule, c->view->zone, from); t && t <= c->now;
		t = cron_next(&c->schedule, c->view->zone, t)) {
		last = t;
		missed++;
		/* After a long time away only the latest is of interest. */
		if (missed == MISSED_MAX + 1) {
			tell(c, "Warning", "TooManyMissedTimes",
				STR("too many missed start times. Set or decrease "
				    ".spec.startingDeadlineSeconds or check clock skew"));
			from = MAX(t, c->now - DAY);
			t = MAX(t, from);
		}
	}
	return last;
}

static void start_job(struct cron *c, int64_t when)
{
	struct arena *a = c->arena;
	const struct cJSON *cron = c->view->cron;
	const struct cJSON *template = json_path(cron, "spec.jobTemplate");
	struct cJSON *job = json_new(a, JSON_OBJECT), *owners = json_new(a, JSON_ARRAY);
	struct cJSON *notes = json_copy(a, json_path(template, "metadata.annotations"));
	struct str name = arena_print(
		a, "%.*s-%lld", STRF(tree_str(cron, "metadata.name")), (long long)(when / MINUTE));

	for (size_t i = 0; i < c->view->jobs.count; i++)
		if (str_eq(tree_str(c->view->jobs.items[i], "metadata.name"), name))
			return;
	if (!notes)
		notes = json_new(a, JSON_OBJECT);
	json_set(a, notes, STR(STAMP), json_new_str(a, time_text(a, when)));
	tree_set_str(a, job, "apiVersion", STR("batch/v1"));
	tree_set_str(a, job, "kind", STR("Job"));
	tree_set_str(a, job, "metadata.name", name);
	tree_set_str(a, job, "metadata.namespace", tree_str(cron, "metadata.namespace"));
	if (tree_has(template, "metadata.labels"))
		tree_set(a, job, "metadata.labels",
			json_copy(a, json_path(template, "metadata.labels")));
	tree_set(a, job, "metadata.annotations", notes);
	json_append(owners, controller_ref(a, cron));
	tree_set(a, job, "metadata.ownerReferences", owners);
	tree_set(a, job, "spec", json_copy(a, json_path(template, "spec")));
	plan_create(c->plan, c->view->jobs_resource, job);
	tell(c, "Normal", "SuccessfulCreate", arena_print(a, "Created job %.*s", STRF(name)));
}

static void serve(struct cron *c, int64_t when)
{
	const struct cJSON *cron = c->view->cron;
	struct str policy = tree_str(cron, "spec.concurrencyPolicy");

	if (str_eq_text(policy, "Forbid") && json_count(c->active)) {
		tell(c, "Normal", "JobAlreadyActive",
			STR("Not starting job because prior execution is running and concurrency "
			    "policy is Forbid"));
		return;
	}
	if (str_eq_text(policy, "Replace"))
		for (size_t i = 0; i < c->view->jobs.count; i++)
			if (!end_of(c->view->jobs.items[i]))
				delete_job(c, c->view->jobs.items[i]);
	start_job(c, when);
	tree_set_str(c->arena, c->fresh, "status.lastScheduleTime", time_text(c->arena, when));
	c->changed = true;
}

bool cron_is_utc(struct str zone)
{
	return str_eq_text(zone, "UTC") || str_eq_text(zone, "Etc/UTC");
}

static void look_at_schedule(struct cron *c)
{
	const struct cJSON *cron = c->view->cron;
	struct str text = tree_str(cron, "spec.schedule"), zone = tree_str(cron, "spec.timeZone");
	struct err err = {0};

	if (is_being_deleted(cron) || tree_true(cron, "spec.suspend"))
		return;
	if (zone.len && !cron_is_utc(zone) && !c->view->zone) {
		tell(c, "Warning", "UnknownTimeZone",
			arena_print(c->arena, "invalid timeZone: \"%.*s\": unknown time zone %.*s",
				STRF(zone), STRF(zone)));
		return;
	}
	if (cron_parse(text, &c->schedule, &err)) {
		tell(c, "Warning", "UnparseableSchedule",
			arena_print(c->arena, "unparseable schedule: \"%.*s\" : %s", STRF(text),
				err_text(&err)));
		return;
	}
	int64_t when = due(c), next = cron_next(&c->schedule, c->view->zone, c->now);
	if (when)
		serve(c, when);
	if (next)
		plan_requeue_after(c->plan, MIN(next - c->now, LOOK_EVERY) + SOON_ENOUGH);
}

void cron_plan(const struct cron_view *v, int64_t now, struct plan *p)
{
	struct cron *c = arena_new(p->arena, sizeof(*c));

	*c = (struct cron){.view = v, .plan = p, .arena = p->arena, .now = now};
	c->fresh = json_copy(p->arena, v->cron);
	c->active = json_new(p->arena, JSON_ARRAY);
	review_jobs(c);
	trim(c, "Complete", "successfulJobsHistoryLimit", 3);
	trim(c, "Failed", "failedJobsHistoryLimit", 1);
	look_at_schedule(c);
	if (!c->changed)
		return;
	if (json_count(c->active))
		tree_set(c->arena, c->fresh, "status.active", c->active);
	else
		tree_drop(c->fresh, "status.active");
	plan_update_status(p, v->crons, c->fresh);
}
