/* When CronJobs are due, and what they start. */
#include "plan_rig.h"
#include "zone_file.h"

#include "controllers/cron.h"

#include <kube/time.h>

static int64_t at(const char *text)
{
	int64_t wall = 0;

	EXPECT_INT(time_parse(str_from(text), &wall, NULL), 0);
	return wall;
}

TEST(the_next_time_of_a_schedule)
{
	static const struct {
		const char *schedule, *after, *next; /* NULL: never */
	} table[] = {
		{"* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"},
		{"* * * * *", "2026-01-01T00:00:59Z", "2026-01-01T00:01:00Z"},
		{"30 4 * * *", "2026-01-01T05:00:00Z", "2026-01-02T04:30:00Z"},
		{"0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"0 0 30 2 *", "2026-01-01T00:00:00Z", NULL},
		/* Both days named: either will do. */
		{"0 0 13 * 5", "2026-01-03T00:00:00Z", "2026-01-09T00:00:00Z"},
		{"0 0 * * 1-5", "2026-01-02T00:00:00Z", "2026-01-05T00:00:00Z"},
		{"*/20 9-10 * 6 *", "2026-01-01T00:00:00Z", "2026-06-01T09:00:00Z"},
		{"@every 90s", "2026-01-01T00:00:00Z", "2026-01-01T00:01:30Z"},
		{"@daily", "2026-12-31T12:00:00Z", "2027-01-01T00:00:00Z"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct cron_schedule s = {0};
		struct err err = {0};

		test_context("row %zu", i);
		REQUIRE_OK(cron_parse(str_from(table[i].schedule), &s, &err), &err);
		EXPECT_INT(cron_next(&s, NULL, at(table[i].after)),
			table[i].next ? at(table[i].next) : 0);
	}
	test_context_end();
}

TEST(the_next_time_by_the_clocks_of_a_zone)
{
#define CET "CET-1CEST,M3.5.0,M10.5.0/3"
#define EST "EST5EDT,M3.2.0,M11.1.0"
	static const struct {
		const char *rule, *schedule, *after, *next;
	} table[] = {
		{"<+0545>-5:45", "0 0 1 * *", "2026-01-15T00:00:00Z", "2026-01-31T18:15:00Z"},
		{CET, "0 9 * * *", "2026-01-15T12:00:00Z", "2026-01-16T08:00:00Z"},
		{CET, "0 9 * * *", "2026-07-15T12:00:00Z", "2026-07-16T07:00:00Z"},
		/* Half past two is left out when summer begins. */
		{CET, "30 2 * * *", "2026-03-28T02:00:00Z", "2026-03-30T00:30:00Z"},
		{CET, "0 0 * * *", "2026-03-28T12:00:00Z", "2026-03-28T23:00:00Z"},
		{CET, "0 0 * * *", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		/* The day of the month is the zone's, not ours. */
		{EST, "0 22 31 12 *", "2026-06-01T00:00:00Z", "2027-01-01T03:00:00Z"},
		/* Half past one comes twice when it ends. */
		{EST, "30 1 * * *", "2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z"},
		{EST, "30 1 * * *", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"},
		{EST, "30 1 * * *", "2026-11-01T06:30:00Z", "2026-11-02T06:30:00Z"},
		{EST, "0 0 * * 1", "2026-11-01T03:00:00Z", "2026-11-02T05:00:00Z"},
		/* There is no midnight on that day. */
		{"EET-2EEST,M3.5.0/0,M10.5.0/0", "0 0 * * *", "2026-03-28T12:00:00Z",
			"2026-03-29T21:00:00Z"},
		{"EET-2EEST,M3.5.0/0,M10.5.0/0", "15 1 29 * *", "2026-03-28T12:00:00Z",
			"2026-03-28T22:15:00Z"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		_cleanup_(buf_done) struct buf file = BUF_INIT(MIB);
		_cleanup_(arena_done) struct arena a;
		struct cron_schedule s = {0};
		struct zone *zone = NULL;

		arena_init(&a);
		test_context("row %zu", i);
		zone_file(&file, 0, NULL, 0, table[i].rule);
		REQUIRE(zone_parse(&a, buf_str(&file), &zone, NULL) == 0);
		REQUIRE(cron_parse(str_from(table[i].schedule), &s, NULL) == 0);
		EXPECT_INT(cron_next(&s, zone, at(table[i].after)), at(table[i].next));
	}
	test_context_end();
}

#define META                                                                                       \
	"'metadata':{'name':'cj','namespace':'n','uid':'u','creationTimestamp':"                   \
	"'2026-01-01T00:00:30Z'}"
#define REF                                                                                        \
	"{'kind':'Job','apiVersion':'batch/v1','namespace':'n','name':'old','uid':'j',"            \
	"'resourceVersion':'7'}"
#define DONE(when) "'conditions':[{'type':'Complete','status':'True'}],'completionTime':'" when "'"

TEST(a_time_that_has_come_starts_a_job_once)
{
	static const struct {
		const char *spec, *status, *job, *plan;
	} table[] = {
		{"", "", NULL,
			"create jobs cj-29453762\n"
			"event Normal SuccessfulCreate Created job cj-29453762\n"
			"status cronjobs cj {'lastScheduleTime':'2026-01-01T00:02:00Z'}\n"
			"again in 50100 ms\n"},
		{"", "'lastScheduleTime':'2026-01-01T00:02:00Z'", NULL, "again in 50100 ms\n"},
		{",'suspend':true", "", NULL, ""},
		{",'startingDeadlineSeconds':5", "", NULL, "again in 50100 ms\n"},
		{",'concurrencyPolicy':'Forbid'", "'active':[" REF "]", "",
			"event Normal JobAlreadyActive Not starting job because prior execution is "
			"running and concurrency policy is Forbid\nagain in 50100 ms\n"},
		{",'concurrencyPolicy':'Replace'", "'active':[" REF "]", "",
			"delete jobs old\nevent Normal SuccessfulDelete Deleted job old\n"
			"create jobs cj-29453762\n"
			"event Normal SuccessfulCreate Created job cj-29453762\n"
			"status cronjobs cj {'active':[" REF
			"],'lastScheduleTime':'2026-01-01T00:02:00Z'}\nagain in 50100 ms\n"},
		{",'suspend':true", "'active':[" REF "]", DONE("2026-01-01T00:01:05Z"),
			"event Normal SawCompletedJob Saw completed job: old, condition: Complete\n"
			"status cronjobs cj {'lastSuccessfulTime':'2026-01-01T00:01:05Z'}\n"},
		{",'suspend':true,'successfulJobsHistoryLimit':0",
			"'lastSuccessfulTime':'2026-01-01T00:01:05Z'", DONE("2026-01-01T00:01:05Z"),
			"delete jobs old\nevent Normal SuccessfulDelete Deleted job old\n"},
		{",'suspend':true", "'active':[" REF "]", NULL,
			"event Normal MissingJob Active job went missing: old\n"
			"status cronjobs cj {}\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct plan_rig r;
		struct arena *a = &r.arena;

		test_context("row %zu", i);
		plan_rig_start(&r);
		struct cron_view v = {
			.crons = resource_find(STR("batch"), STR("v1"), STR("cronjobs")),
			.jobs_resource = resource_find(STR("batch"), STR("v1"), STR("jobs"))};
		v.cron = plan_rig_tree(&r, arena_print(a,
						   "{'apiVersion':'batch/v1','kind':'CronJob'," META
						   ",'spec':{'schedule':'* * * * "
						   "*','jobTemplate':{}%s},'status':{%s}}",
						   table[i].spec, table[i].status)
						   .at);
		if (table[i].job)
			trees_add(a, &v.jobs,
				plan_rig_tree(&r,
					arena_print(a,
						"{'metadata':{'name':'old','namespace':'n','uid':"
						"'j','resourceVersion':'7'},'status':{%s}}",
						table[i].job)
						.at));
		cron_plan(&v, at("2026-01-01T00:02:10Z"), &r.plan);
		EXPECT_STR(plan_rig_text(&r), table[i].plan);
		plan_rig_stop(&r);
	}
	test_context_end();
}

TEST(a_clock_that_is_set_is_noticed_long_before_the_next_day)
{
	static const struct {
		const char *now, *plan;
	} table[] = {
		{"2026-01-02T03:00:00Z", "again in 600100 ms\n"},
		/* Six hours on: it was due. */
		{"2026-01-02T09:00:00Z",
			"create jobs cj-29455620\n"
			"event Normal SuccessfulCreate Created job cj-29455620\n"
			"status cronjobs cj {'lastScheduleTime':'2026-01-02T07:00:00Z'}\n"
			"again in 600100 ms\n"},
		/* Six hours back: what was served is not served again. */
		{"2026-01-01T01:30:00Z", "again in 600100 ms\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct plan_rig r;

		test_context("row %zu", i);
		plan_rig_start(&r);
		struct cron_view v = {
			.crons = resource_find(STR("batch"), STR("v1"), STR("cronjobs")),
			.jobs_resource = resource_find(STR("batch"), STR("v1"), STR("jobs"))};
		v.cron = plan_rig_tree(&r, "{'apiVersion':'batch/v1','kind':'CronJob'," META
					   ",'spec':{'schedule':'0 7 * * *','jobTemplate':{}},"
					   "'status':{'lastScheduleTime':'2026-01-01T07:00:00Z'}}");
		cron_plan(&v, at(table[i].now), &r.plan);
		EXPECT_STR(plan_rig_text(&r), table[i].plan);
		plan_rig_stop(&r);
	}
	test_context_end();
}
