/* Audit events sent to a webhook over real TLS: one that takes them, fails, hangs, comes back. */
#include "loop_torture.h"
#include "webhook_rig.h"

#include "apiserver/audit/hook.h"

#include <kube/scope.h>

enum mood { MOOD_GOOD, MOOD_FORBIDDEN, MOOD_HANGING, MOOD_CUT };

static struct {
	struct loop_test *t;
	struct webhook_rig hook;
	struct audit_sink *sink;
	struct scope scope;
	struct arena arena;
	char dir[64], file[96];
	struct told stopped;
	/* the server's */
	enum mood mood;
	int failures; /* so many calls fail before one is taken */
	size_t taken; /* events */
	struct str body, target;
	/* what was lost */
	size_t lost, lost_in_buffer;
} rig;

/* ---- the receiver ---- */

static void answer(struct webhook_asked *a, void *ctx)
{
	struct cJSON *list = NULL;

	(void)ctx;
	rig.target = arena_str(&rig.arena, a->x->request.target);
	rig.body = arena_str(&rig.arena, buf_str(&a->body));
	a->breaks = rig.mood == MOOD_CUT;
	a->delay = rig.mood == MOOD_HANGING ? INT64_MAX : 0;
	a->status = rig.mood == MOOD_FORBIDDEN ? 403 : 200;
	if (rig.failures > 0) {
		rig.failures--;
		a->status = 500;
	}
	if (a->status != 200 || rig.mood != MOOD_GOOD)
		return;
	EXPECT_INT(json_parse(&rig.arena, rig.body, NULL, &list, NULL), 0);
	EXPECT_STR(json_str(json_get(list, STR("kind"))), "EventList");
	EXPECT_STR(json_str(json_get(list, STR("apiVersion"))), "audit.k8s.io/v1");
	rig.taken += json_count(json_get(list, STR("items")));
}

static void count_lost(void *ctx, const char *plugin, size_t events)
{
	(void)ctx;
	if (strcmp(plugin, "buffered") == 0)
		rig.lost_in_buffer += events;
	else
		EXPECT_STR(str_from(plugin), "webhook");
	rig.lost += events;
}

static void receiver_open(struct loop_test *t)
{
	rig.t = t;
	arena_init(&rig.arena);
	strcpy(rig.dir, "/tmp/kube-audit-XXXXXX");
	EXPECT(mkdtemp(rig.dir) != NULL);
	snprintf(rig.file, sizeof(rig.file), "%s/hook.kubeconfig", rig.dir);
	webhook_rig_open(&rig.hook, t->env, t->root, NULL, answer, NULL);
	webhook_rig_write(&rig.hook, rig.dir, "/audit");
}

static void receiver_close(void)
{
	char command[128];

	webhook_rig_close(&rig.hook);
	arena_done(&rig.arena);
	snprintf(command, sizeof(command), "rm -r %s", rig.dir);
	EXPECT_INT(system(command), 0);
}

/* ---- a queue of its own ---- */

static void sink_open(struct audit_place_options options)
{
	struct audit_writer *writer = NULL;
	_cleanup_(err_done) struct err err = {0};

	scope_init(&rig.scope, rig.t->root, "audit", NULL);
	if (!options.mode.len)
		options.mode = STR("batch");
	if (!options.buffer_size)
		options.buffer_size = 100;
	if (!options.max_size)
		options.max_size = 3;
	if (!options.max_wait)
		options.max_wait = HOUR;
	EXPECT_OK(audit_hook_new(rig.t->env, &rig.scope, str_from(rig.file), MSEC, &writer, &err),
		&err);
	rig.sink = audit_sink_new(rig.t->env, &rig.scope, &options, writer, count_lost, NULL);
}

static struct loop_test alone;

static void world_open(struct audit_place_options options)
{
	memset(&rig, 0, sizeof(rig));
	loop_test_init(&alone, LOOP_TEST_REAL);
	receiver_open(&alone);
	sink_open(options);
}

static void world_close(void)
{
	struct told told = {0};

	if (rig.sink) {
		audit_sink_finish(rig.sink, told_op(&told, alone.root, OP_NO_DEADLINE), HOUR);
		loop_test_run_until(&alone, &told.done);
		audit_sink_free(TAKE(rig.sink));
	}
	scope_close(&rig.scope, told_op(&told, alone.root, OP_NO_DEADLINE));
	loop_test_run_until(&alone, &told.done);
	webhook_rig_stop(&rig.hook, &told);
	loop_test_run_until(&alone, &told.done);
	told_done(&told);
	receiver_close();
	loop_test_done(&alone);
}

static void add(int count)
{
	for (int i = 0; i < count; i++) {
		char text[128];

		snprintf(text, sizeof(text), AUDIT_EVENT_KIND "\"auditID\":\"%d\"}", i);
		audit_sink_add(rig.sink, str_from(text), NULL);
	}
}

/* One that is waited for; what became of it. */
static int add_and_wait(void)
{
	struct told told = {0};
	struct audit_wait wait = {.op = told_op(&told, alone.root, OP_NO_DEADLINE)};
	int code;

	audit_sink_add(rig.sink, STR(AUDIT_EVENT_KIND "\"auditID\":\"a\"}"), &wait);
	loop_test_run_until(&alone, &told.done);
	code = told.err.code;
	told_done(&told);
	return code;
}

static void pause_for(int64_t time)
{
	struct told over = {0};

	timer_wait(told_op(&over, alone.root, OP_NO_DEADLINE), loop_in(alone.loop, time));
	loop_test_run_until(&alone, &over.done);
	told_done(&over);
}

#define UNTIL(condition)                                                                           \
	for (int i_ = 0; i_ < 1000 && !(condition); i_++)                                          \
	pause_for(5 * MSEC)

TEST(events_come_as_a_list)
{
	world_open((struct audit_place_options){0});
	add(3);
	UNTIL(rig.taken);
	EXPECT_STR(rig.body,
		"{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"metadata\":{},"
		"\"items\":[{\"auditID\":\"0\"},{\"auditID\":\"1\"},{\"auditID\":\"2\"}]}\n");
	EXPECT_STR(rig.target, "/audit?timeout=30s");
	world_close();
}

TEST(what_does_not_fill_a_batch_goes_when_it_is_old_enough)
{
	world_open((struct audit_place_options){.max_wait = 10 * MSEC});
	add(2);
	EXPECT_INT(rig.hook.asked, 0);
	UNTIL(rig.taken);
	EXPECT_INT(rig.taken, 2);
	EXPECT_INT(rig.hook.asked, 1);
	world_close();
}

TEST(bytes_fill_a_batch_where_events_are_truncated)
{
	world_open((struct audit_place_options){
		.max_size = 100, .truncate = true, .truncate_batch = 130, .truncate_event = 100});
	add(3);
	UNTIL(rig.taken);
	EXPECT_INT(rig.hook.asked, 2);
	EXPECT_INT(rig.taken, 2);
	world_close();
	EXPECT_INT(rig.taken, 3);
}

TEST(what_is_left_goes_at_the_end)
{
	world_open((struct audit_place_options){
		.throttle = true, .throttle_qps = 0.001, .throttle_burst = 1});
	add(10);
	world_close();
	EXPECT_INT(rig.taken, 10);
	EXPECT_INT(rig.lost, 0);
}

TEST(a_receiver_that_fails_gets_them_again)
{
	world_open((struct audit_place_options){0});
	rig.failures = 4;
	add(3);
	UNTIL(rig.taken);
	EXPECT_INT(rig.hook.asked, 5);
	EXPECT_INT(rig.taken, 3);
	EXPECT_INT(rig.lost, 0);
	world_close();
}

TEST(whatever_it_says_it_gets_them_again_but_not_for_ever)
{
	world_open((struct audit_place_options){0});
	rig.mood = MOOD_FORBIDDEN;
	add(3);
	UNTIL(rig.lost);
	EXPECT_INT(rig.hook.asked, 5);
	EXPECT_INT(rig.lost, 3);
	rig.mood = MOOD_GOOD;
	add(3);
	UNTIL(rig.taken);
	EXPECT_INT(rig.taken, 3);
	world_close();
}

TEST(only_so_many_wait_for_a_slow_receiver)
{
	world_open((struct audit_place_options){
		.buffer_size = 5, .throttle = true, .throttle_qps = 0.001, .throttle_burst = 1});
	rig.mood = MOOD_HANGING;
	add(3 + 3 + 5 + 2);
	EXPECT_INT(rig.lost, 2);
	EXPECT_INT(rig.lost_in_buffer, 2);
	rig.mood = MOOD_GOOD;
	world_close();
	EXPECT_INT(rig.taken, 11);
}

TEST(only_so_many_batches_go_at_once)
{
	world_open((struct audit_place_options){
		.throttle = true, .throttle_qps = 20, .throttle_burst = 2});
	int64_t begun = loop_now(alone.loop);
	add(9);
	UNTIL(rig.taken >= 9);
	EXPECT_INT(rig.taken, 9);
	/* The third has to wait until it may go, however long the first two took. */
	EXPECT(loop_now(alone.loop) - begun >= 45 * MSEC);
	world_close();
}

TEST(a_receiver_that_hangs_is_not_waited_for_at_the_end)
{
	struct told told = {0};

	world_open((struct audit_place_options){0});
	rig.mood = MOOD_HANGING;
	add(5);
	audit_sink_finish(rig.sink, told_op(&told, alone.root, OP_NO_DEADLINE), 50 * MSEC);
	loop_test_run_until(&alone, &told.done);
	EXPECT_INT(told.err.code, 0);
	EXPECT_INT(rig.lost, 5);
	told_done(&told);
	audit_sink_free(TAKE(rig.sink));
	world_close();
}

TEST(whoever_waits_hears_of_failures_only_when_it_is_strict)
{
	world_open((struct audit_place_options){.mode = STR("blocking")});
	EXPECT_INT(add_and_wait(), 0);
	EXPECT_INT(rig.taken, 1);
	rig.mood = MOOD_FORBIDDEN;
	EXPECT_INT(add_and_wait(), 0);
	EXPECT_INT(rig.lost, 1);
	world_close();
	world_open((struct audit_place_options){.mode = STR("blocking-strict")});
	EXPECT_INT(add_and_wait(), 0);
	rig.mood = MOOD_FORBIDDEN;
	EXPECT_INT(add_and_wait(), ERR_UNAVAILABLE);
	world_close();
}

/* ---- torture ---- */

static struct told waited;

static void hook_stopped(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
	rig.stopped = (struct told){0};
	webhook_rig_stop(&rig.hook, &rig.stopped);
}

static struct op closing;

static void sink_finished(struct op *op, struct err *err)
{
	(void)op;
	EXPECT_INT(err->code, 0);
	op_init(&closing, rig.t->root, hook_stopped, OP_NO_DEADLINE);
	scope_close(&rig.scope, &closing);
}

static struct op finishing;

static void round_start(struct loop_test *t, void *ctx)
{
	static struct audit_wait wait;
	const char *mode = ctx;

	memset(&rig, 0, sizeof(rig));
	receiver_open(t);
	sink_open((struct audit_place_options){.mode = str_from(mode), .max_wait = MSEC});
	rig.failures = 1;
	waited = (struct told){0};
	if (audit_sink_blocks(rig.sink)) {
		wait = (struct audit_wait){.op = told_op(&waited, t->root, OP_NO_DEADLINE)};
		audit_sink_add(rig.sink, STR(AUDIT_EVENT_KIND "\"auditID\":\"a\"}"), &wait);
	}
	add(4);
	op_init(&finishing, t->root, sink_finished, OP_NO_DEADLINE);
	audit_sink_finish(rig.sink, &finishing, 2 * SEC);
}

/* Every event is either there or counted. */
static void round_end(struct loop_test *t, void *ctx)
{
	size_t added = 4 + audit_sink_blocks(rig.sink);

	(void)ctx;
	if (!loop_torture_hit(t->loop)) {
		EXPECT_INT(rig.taken, added);
		EXPECT_INT(rig.lost, 0);
	}
	EXPECT(rig.taken + rig.lost >= added);
	EXPECT_INT(waited.times, audit_sink_blocks(rig.sink));
	told_done(&waited);
	told_done(&rig.stopped);
	audit_sink_free(TAKE(rig.sink));
	receiver_close();
}

TEST(sending_survives_torture)
{
	EXPECT(loop_torture_run(LOOP_TEST_REAL, round_start, round_end, (void *)"batch") > 10);
	EXPECT(loop_torture_run(LOOP_TEST_REAL, round_start, round_end, (void *)"blocking-strict") >
		10);
}
