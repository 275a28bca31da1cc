/* Levels on a virtual loop: who waits, who is refused, who borrows, and that no seat is lost. */
#include "loop_torture.h"

#include "apiserver/fair.c"

#include <kube/hash.h>

#define CALLERS_MAX 400
#define WORK        (10 * MSEC)
#define LABELS      "flow_schema=\"all\""

struct caller {
	struct http_exchange x;
	struct api_request r;
	struct api_user user;
	struct op work;
	struct told closed;
	struct fair_work takes;
	const char *level;
	int order; /* in which it was let in; 0: never */
	int refused;
	int64_t retry, began;
	bool ended;
};

static struct {
	struct api_options options;
	struct env env;
	struct api_server server;
	struct caller callers[CALLERS_MAX];
	size_t count;
	int order;
	int64_t work;
	bool closes; /* the server, behind the last caller */
	struct told closed;
	int64_t executing, seats, waiting, waiting_seats, dispatched;
	int64_t full, late, cancelled, limited, blocked, waits;
} world;

static struct caller *caller_of(struct api_request *r)
{
	return CONTAINER_OF(r, struct caller, r);
}

static void end(struct caller *c)
{
	EXPECT(!c->ended);
	c->ended = true;
	fair_leave(&c->r);
	scope_close(&c->x.scope, told_op(&c->closed, c->x.scope.parent, OP_NO_DEADLINE));
	for (size_t i = 0; i < world.count; i++)
		if (!world.closes || !world.callers[i].ended)
			return;
	scope_close(&world.server.scope, told_op(&world.closed, c->x.scope.parent, OP_NO_DEADLINE));
}

/* ---- the pipeline around the stage ---- */

static void worked(struct op *op, struct err *err)
{
	(void)err;
	end(CONTAINER_OF(op, struct caller, work));
}

void request_next(struct api_request *r)
{
	struct caller *c = caller_of(r);

	c->order = ++world.order;
	c->began = loop_now(world.env.loop);
	op_init(&c->work, &c->x.scope, worked, OP_NO_DEADLINE);
	timer_wait(&c->work, loop_in(world.env.loop, world.work));
}

void request_fail_err(struct api_request *r, const struct err *err)
{
	EXPECT(err->code != 0);
	end(caller_of(r));
}

void respond_sent(struct op *op, struct err *err)
{
	(void)err;
	end(caller_of(CONTAINER_OF(op, struct api_request, op)));
}

struct http_headers respond_headers(struct api_request *r, const char *content_type)
{
	(void)r;
	(void)content_type;
	return (struct http_headers){0};
}

bool user_in_group(const struct api_user *u, struct str group)
{
	for (size_t i = 0; i < u->group_count; i++)
		if (str_eq(u->groups[i], group))
			return true;
	return false;
}

int64_t *metrics_number(struct metrics *m, enum metric_series which, struct str labels)
{
	(void)m;
	if (which == METRIC_FLOW_NO_ROOM)
		return &world.blocked;
	EXPECT_INT(which, METRIC_FLOW_REJECTED);
	EXPECT(str_starts(labels, STR(LABELS ",reason=")));
	if (str_ends(labels, STR("=\"cancelled\"")))
		return &world.cancelled;
	if (str_ends(labels, STR("=\"concurrency-limit\"")))
		return &world.limited;
	return str_ends(labels, STR("=\"queue-full\"")) ? &world.full : &world.late;
}

void metrics_observe_in(enum metric_histogram which, struct histogram *h, double value)
{
	(void)h;
	EXPECT(value >= 0);
	world.waits += which == METRIC_FLOW_WAIT;
}

struct flow_schemas *flow_schemas_new(struct api_server *s, struct fair *f)
{
	(void)s;
	(void)f;
	return NULL;
}

void flow_schemas_free(struct flow_schemas *f)
{
	(void)f;
}

struct str flow_schemas_labels_of(const struct flow_schemas *f, struct str level)
{
	(void)f;
	(void)level;
	return STR(LABELS);
}

struct flow_match flow_schemas_match(struct flow_schemas *f, struct api_request *r)
{
	unsigned char digest[32];
	struct flow_match m = {
		.of = fair_level_find(world.server.fair, str_from(caller_of(r)->level)),
		.labels = STR(LABELS),
		.flow = r->user->name,
		.numbers = {.executing = &world.executing,
			.seats = &world.seats,
			.waiting = &world.waiting,
			.waiting_seats = &world.waiting_seats,
			.dispatched = &world.dispatched}};

	(void)f;
	sha256_of(r->user->name, digest);
	memcpy(&m.hash, digest, sizeof(m.hash));
	return m;
}

struct fair_work fair_estimate(struct fair *f, struct api_request *r, int64_t widest)
{
	(void)f;
	(void)widest;
	return caller_of(r)->takes;
}

void fair_watch_count(struct fair *f, struct fair_ticket *t)
{
	(void)f;
	(void)t;
}

void fair_watch_uncount(struct fair *f, struct fair_ticket *t)
{
	(void)f;
	(void)t;
}

static void respond(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t count, struct str body)
{
	struct caller *c = CONTAINER_OF(x, struct caller, x);

	(void)body;
	for (size_t i = 0; i < count; i++)
		if (str_eq(headers[i].name, STR("Retry-After")))
			str_to_i64(headers[i].value, &c->retry);
	EXPECT(c->retry > 0);
	c->refused = status;
	op_finish(op, 0);
}

static const struct http_exchange_ops exchange_ops = {.respond = respond};

/* ---- the world ---- */

static const struct fair_level_spec queued = {.name = STR_INIT("queued"),
	.shares = 10,
	.borrowing = 0,
	.shape = {.queues = 8, .hand = 2, .length = 20}};

static void world_open(
	struct loop_test *t, int64_t seats, const struct fair_level_spec *specs, size_t count)
{
	memset(&world, 0, sizeof(world));
	world.work = WORK;
	world.env.loop = t->loop;
	world.options.max_in_flight = seats;
	world.options.request_timeout = MINUTE;
	world.options.fair_queuing = true;
	world.server.env = &world.env;
	world.server.options = &world.options;
	scope_init(&world.server.scope, t->root, "server", NULL);
	world.server.fair = fair_new(&world.server);
	fair_levels_set(world.server.fair, specs, count);
}

static struct caller *call_wide(
	struct loop_test *t, const char *level, const char *user, struct fair_work takes)
{
	struct caller *c = &world.callers[world.count++];

	c->x.ops = &exchange_ops;
	c->x.env = &world.env;
	scope_init(&c->x.scope, t->root, "exchange", NULL);
	c->user.name = str_from(user);
	c->level = level;
	c->takes = takes;
	c->r = (struct api_request){.server = &world.server,
		.x = &c->x,
		.arena = &c->x.arena,
		.user = &c->user,
		.verb = STR("get")};
	stage_throttle(&c->r);
	return c;
}

static struct caller *call(struct loop_test *t, const char *user)
{
	return call_wide(t, "queued", user, (struct fair_work){.seats = 1});
}

static void sleep_for(struct loop_test *t, int64_t ns)
{
	struct told told = {0};

	timer_wait(told_op(&told, t->root, OP_NO_DEADLINE), loop_in(t->loop, ns));
	loop_test_run_until(t, &told.done);
	told_done(&told);
}

static bool all_ended(void)
{
	for (size_t i = 0; i < world.count; i++)
		if (!world.callers[i].ended)
			return false;
	return true;
}

/* Until everybody has been answered, and has given back what they had. */
static void settle(struct loop_test *t)
{
	for (int i = 0; i < 1000 && (!all_ended() || world.seats); i++)
		sleep_for(t, 100 * MSEC);
	EXPECT(all_ended());
}

/* Everybody is gone, and has left nothing. */
static void world_check(void)
{
	list_each (l, &world.server.fair->levels) {
		const struct fair_queues *q = &LIST_ENTRY(l, struct fair_level, in_all)->queues;

		EXPECT_INT(q->waiting, 0);
		EXPECT_INT(q->waiting_seats, 0);
		EXPECT_INT(q->executing, 0);
		EXPECT_INT(q->seats, 0);
	}
	EXPECT_INT(world.executing, 0);
	EXPECT_INT(world.seats, 0);
	EXPECT_INT(world.waiting, 0);
	EXPECT_INT(world.waiting_seats, 0);
	EXPECT_INT(world.waits, world.dispatched + world.full + world.late + world.limited);
	fair_free(world.server.fair);
	told_done(&world.closed);
	for (size_t i = 0; i < world.count; i++) {
		EXPECT(world.callers[i].ended);
		arena_done(&world.callers[i].x.arena);
		told_done(&world.callers[i].closed);
	}
}

static void world_close(struct loop_test *t)
{
	settle(t);
	scope_close(&world.server.scope, told_op(&world.closed, t->root, OP_NO_DEADLINE));
	loop_test_run(t);
	world_check();
}

/* One user asks for everything, again and again; others wait no longer than for their turn. */
TEST(one_user_cannot_starve_the_rest)
{
	struct loop_test t;
	struct caller *others[10];
	static const char *const names[] = {"b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};
	int64_t longest = 0;

	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	world_open(&t, 4,
		&(struct fair_level_spec){.name = STR("queued"),
			.shares = 1,
			.borrowing = 0,
			.shape = {.queues = 64, .hand = 6, .length = 50}},
		1);
	for (int i = 0; i < 380; i++)
		call(&t, "greedy");
	EXPECT(world.full > 50); /* its hand is full */
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		others[i] = call(&t, names[i]);
		EXPECT_INT(others[i]->refused, 0);
	}
	int64_t asked = loop_now(t.loop);
	settle(&t);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		longest = MAX(longest, others[i]->began - asked);
	/* sixteen queues share four seats: their turn comes in a few rounds of ten */
	EXPECT(longest <= 8 * WORK);
	EXPECT(world.dispatched > 200);
	world_close(&t);
	loop_test_done(&t);
}

TEST(who_is_exempt_does_not_wait)
{
	const struct fair_level_spec specs[] = {queued,
		{.name = STR("exempt"), .exempt = true, .borrowing = -1, .shape = {.queues = -1}}};
	struct loop_test t;

	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	world_open(&t, 1, specs, ARRAY_LEN(specs));
	call(&t, "a");
	EXPECT_INT(call(&t, "a")->order, 0);
	for (int i = 0; i < 5; i++)
		EXPECT(call_wide(&t, "exempt", "probe", (struct fair_work){.seats = 1})->order > 0);
	settle(&t);
	world_close(&t);
	loop_test_done(&t);
}

TEST(waiting_ends_after_a_quarter_of_the_time_a_request_has)
{
	struct loop_test t;

	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	world_open(&t, 1, &queued, 1);
	world.work = 20 * SEC;
	call(&t, "a");
	struct caller *late = call(&t, "b");
	settle(&t);
	EXPECT_INT(late->refused, 429);
	EXPECT_INT(late->retry, 1);
	EXPECT_INT(world.late, 1);
	EXPECT_INT(world.dispatched, 1);
	world_close(&t);
	loop_test_done(&t);
}

TEST(without_queues_requests_are_refused_and_told_to_stay_away_longer_and_longer)
{
	struct fair_level_spec spec = {.name = STR("queued"), .shares = 1, .borrowing = 0};
	struct loop_test t;
	int64_t retry = 0;

	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	world_open(&t, 1, &spec, 1);
	world.work = 60 * SEC;
	call(&t, "a");
	for (int second = 0; second < 8; second++) {
		for (int i = 0; i < 30; i++) {
			struct caller *c = call(&t, "b");

			EXPECT_INT(c->order, 0);
			EXPECT(c->r.answer_code == 429);
		}
		sleep_for(&t, SEC);
		struct caller *last = &world.callers[world.count - 1];
		EXPECT_INT(last->refused, 429);
		EXPECT(last->retry >= retry);
		retry = last->retry;
	}
	EXPECT(retry >= 4);
	EXPECT_INT(world.limited, 240);
	settle(&t);
	world_close(&t);
	loop_test_done(&t);
}

TEST(seats_are_given_by_shares_and_given_anew_when_levels_change)
{
	struct fair_level_spec specs[] = {
		{.name = STR("one"), .shares = 30, .lendable = 50, .borrowing = 0},
		{.name = STR("two"), .shares = 10, .borrowing = -1}, queued};
	struct loop_test t;

	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	world_open(&t, 100, specs, 3);
	struct fair *f = world.server.fair;
	struct fair_level *one = fair_level_find(f, STR("one")),
			  *two = fair_level_find(f, STR("two"));
	EXPECT_INT(one->nominal, 60);
	EXPECT_INT(one->least, 30);
	EXPECT_INT(one->most, 60);
	EXPECT_INT(two->nominal, 20);
	EXPECT_INT(two->most, 120);
	EXPECT_INT(fair_level_find(f, STR("queued"))->widest, 3);
	EXPECT_INT(one->current + two->current + fair_level_find(f, STR("queued"))->current, 100);
	fair_levels_set(f, specs, 2);
	EXPECT(!fair_level_find(f, STR("queued")));
	EXPECT_INT(one->nominal, 75);
	EXPECT_INT(two->nominal, 25);
	world_close(&t);
	loop_test_done(&t);
}

TEST(a_level_that_is_gone_goes_when_it_is_empty)
{
	const struct fair_level_spec other = {.name = STR("other"), .shares = 10, .borrowing = -1};
	struct loop_test t;

	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	world_open(&t, 1, &queued, 1);
	call(&t, "a");
	struct caller *waits = call(&t, "b");
	fair_levels_set(world.server.fair, &other, 1);
	EXPECT(fair_level_find(world.server.fair, STR("queued")) != NULL);
	EXPECT(!fair_level_find(world.server.fair, STR("queued"))->wanted);
	settle(&t);
	EXPECT(waits->order > 0);
	fair_levels_set(world.server.fair, &other, 1);
	EXPECT(!fair_level_find(world.server.fair, STR("queued")));
	world_close(&t);
	loop_test_done(&t);
}

/* An idle level lends what it may; whoever needs it gets it within a period. */
TEST(seats_are_borrowed_and_come_back)
{
	const struct fair_level_spec specs[] = {
		{.name = STR("queued"),
			.shares = 10,
			.borrowing = -1,
			.shape = {.queues = 4, .hand = 1, .length = 50}},
		{.name = STR("idle"),
			.shares = 10,
			.lendable = 80,
			.borrowing = -1,
			.shape = {.queues = 4, .hand = 1, .length = 50}}};
	struct loop_test t;
	int running = 0;

	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	world_open(&t, 20, specs, 2);
	struct fair_level *busy = fair_level_find(world.server.fair, STR("queued"));
	struct fair_level *idle = fair_level_find(world.server.fair, STR("idle"));
	int64_t before = busy->current;
	world.work = 14 * SEC;
	for (int i = 0; i < 30; i++)
		running += call(&t, "a")->order > 0;
	EXPECT_INT(running, before);
	sleep_for(&t, FAIR_PERIOD + SEC);
	EXPECT(busy->current >= 16);
	EXPECT_INT(busy->current + idle->current, 20);
	EXPECT_INT(busy->queues.seats, busy->current);
	world.work = WORK;
	settle(&t);
	for (int i = 0; i < 12; i++)
		call_wide(&t, "idle", "b", (struct fair_work){.seats = 1});
	sleep_for(&t, FAIR_PERIOD + SEC);
	call_wide(&t, "idle", "b", (struct fair_work){.seats = 1});
	EXPECT(idle->current >= 10);
	settle(&t);
	world_close(&t);
	loop_test_done(&t);
}

TEST(what_watchers_are_told_takes_seats_a_little_longer)
{
	struct loop_test t;

	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	world_open(&t, 4, &queued, 1);
	struct caller *change = call_wide(&t, "queued", "a",
		(struct fair_work){.seats = 1, .final_seats = 4, .latency = 50 * MSEC});
	struct caller *next = call(&t, "b");
	EXPECT_INT(next->order, 0);
	EXPECT_INT(world.seats, 4);
	sleep_for(&t, WORK + MSEC);
	EXPECT(change->ended);
	EXPECT_INT(next->order, 0);
	EXPECT_INT(world.executing, 0);
	settle(&t);
	EXPECT_INT(next->began - change->began, WORK + 50 * MSEC);
	world_close(&t);
	loop_test_done(&t);
}

TEST(without_levels_two_numbers_limit_all)
{
	struct loop_test t;

	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	world_open(&t, 2, NULL, 0);
	world.options.fair_queuing = false;
	EXPECT(call(&t, "a")->order && call(&t, "a")->order);
	EXPECT(!call(&t, "b")->order);
	settle(&t);
	EXPECT(call(&t, "b")->order > 0);
	settle(&t);
	EXPECT_INT(world.server.fair->reading, 0);
	world_close(&t);
	loop_test_done(&t);
}

static void crowd(struct loop_test *t, void *ctx)
{
	(void)ctx;
	world_open(t, 2, &queued, 1);
	for (int i = 0; i < 3; i++) {
		call(t, "a");
		call_wide(t, "queued", "b", (struct fair_work){.seats = 2});
		call_wide(t, "queued", "c",
			(struct fair_work){.seats = 1, .final_seats = 2, .latency = 5 * MSEC});
	}
	world.closes = true;
}

static void crowd_is_gone(struct loop_test *t, void *ctx)
{
	(void)ctx;
	if (!loop_torture_hit(t->loop))
		EXPECT_INT(world.order, 9);
	world_check();
}

TEST(no_seat_is_lost_whatever_fails)
{
	EXPECT(loop_torture_run(LOOP_TEST_VIRTUAL, crowd, crowd_is_gone, NULL) > 20);
}
