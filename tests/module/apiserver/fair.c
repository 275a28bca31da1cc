/* Seats and queues on a virtual loop: who goes first, who is refused, and that none is lost. */
#include "loop_torture.h"

#include "apiserver/fair.c"

#define CALLERS_MAX 80
#define WORK        (10 * MSEC)
#define LABELS      "flow_schema=\"all\""

struct caller {
	struct http_exchange x;
	struct api_request r;
	struct api_user user;
	struct op work;
	struct told closed;
	int order; /* in which it was let in; 0: never */
	int refused;
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
	bool exempt;
	int64_t executing, waiting, dispatched, full, late, cancelled, waits;
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
	EXPECT_INT(which, METRIC_FLOW_REJECTED);
	EXPECT(str_starts(labels, STR(LABELS ",reason=")));
	if (str_ends(labels, STR("=\"cancelled\"")))
		return &world.cancelled;
	return str_ends(labels, STR("=\"queue-full\"")) ? &world.full : &world.late;
}

void metrics_observe(
	struct metrics *m, enum metric_histogram which, struct str labels, double value)
{
	(void)m;
	EXPECT_INT(which, METRIC_FLOW_WAIT);
	EXPECT(str_ends(labels, STR(LABELS)));
	EXPECT(value >= 0);
	world.waits++;
}

struct flow_schemas *flow_schemas_new(struct api_server *s)
{
	(void)s;
	return NULL;
}

void flow_schemas_free(struct flow_schemas *f)
{
	(void)f;
}

struct flow_match flow_schemas_match(struct flow_schemas *f, const struct api_request *r)
{
	(void)f;
	(void)r;
	return (struct flow_match){.exempt = world.exempt,
		.labels = STR(LABELS),
		.numbers = {&world.executing, &world.waiting, &world.dispatched}};
}

static void respond(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t count, struct str body)
{
	bool told = false;

	(void)body;
	for (size_t i = 0; i < count; i++)
		told |= str_eq(headers[i].name, STR("Retry-After"));
	EXPECT(told);
	CONTAINER_OF(x, struct caller, x)->refused = status;
	op_finish(op, 0);
}

static const struct http_exchange_ops exchange_ops = {.respond = respond};

/* ---- the world ---- */

static void world_open(struct loop_test *t, int64_t seats)
{
	memset(&world, 0, sizeof(world));
	world.work = WORK;
	world.env.loop = t->loop;
	world.options.max_in_flight = seats;
	world.options.request_timeout = MINUTE;
	world.server.env = &world.env;
	world.server.options = &world.options;
	world.server.fair = fair_new(&world.server);
}

static struct caller *call(struct loop_test *t, const char *user)
{
	struct caller *c = &world.callers[world.count++];

	c->x.ops = &exchange_ops;
	c->x.env = &world.env;
	scope_init(&c->x.scope, t->root, "exchange", NULL);
	c->user.name = str_from(user);
	c->r = (struct api_request){
		.server = &world.server, .x = &c->x, .arena = &c->x.arena, .user = &c->user};
	stage_throttle(&c->r);
	return c;
}

static void world_close(void)
{
	EXPECT_INT(world.server.fair->taken, 0);
	EXPECT_INT(world.server.fair->waiting, 0);
	EXPECT_INT(world.server.fair->flows.count, 0);
	EXPECT_INT(world.executing, 0);
	EXPECT_INT(world.waiting, 0);
	EXPECT_INT(world.waits, world.dispatched + world.full + world.late);
	fair_free(world.server.fair);
	for (size_t i = 0; i < world.count; i++) {
		EXPECT(world.callers[i].ended);
		arena_done(&world.callers[i].x.arena);
		told_done(&world.callers[i].closed);
	}
}

TEST(freed_seats_go_round_the_users)
{
	struct loop_test t;

	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	world_open(&t, 1);
	struct caller *a1 = call(&t, "a"), *a2 = call(&t, "a"), *a3 = call(&t, "a");
	struct caller *b1 = call(&t, "b");
	EXPECT_INT(a1->order, 1);
	EXPECT_INT(a2->order, 0);
	loop_test_run(&t);
	EXPECT_INT(a2->order, 2);
	EXPECT_INT(b1->order, 3);
	EXPECT_INT(a3->order, 4);
	world_close();
	loop_test_done(&t);
}

TEST(who_is_exempt_does_not_wait_and_takes_no_seat)
{
	struct loop_test t;

	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	world_open(&t, 1);
	call(&t, "a");
	world.exempt = true;
	EXPECT(call(&t, "probe")->order > 0);
	EXPECT_INT(world.server.fair->taken, 1);
	loop_test_run(&t);
	world_close();
	loop_test_done(&t);
}

TEST(a_user_who_asks_for_too_much_is_refused_and_others_are_not)
{
	struct loop_test t;

	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	world_open(&t, 1);
	for (int i = 0; i < 1 + QUEUE_MAX; i++)
		call(&t, "a");
	struct caller *one_more = call(&t, "a"), *other = call(&t, "b");
	loop_test_run(&t);
	EXPECT_INT(one_more->refused, 429);
	EXPECT_INT(one_more->order, 0);
	EXPECT_INT(other->order, 3);
	EXPECT_INT(world.full, 1);
	EXPECT_INT(world.dispatched, QUEUE_MAX + 2);
	world_close();
	loop_test_done(&t);
}

TEST(waiting_ends_after_a_quarter_of_the_time_a_request_has)
{
	struct loop_test t;

	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	world_open(&t, 1);
	world.work = 20 * SEC;
	call(&t, "a");
	struct caller *late = call(&t, "b");
	loop_test_run(&t);
	EXPECT_INT(late->refused, 429);
	EXPECT_INT(world.late, 1);
	EXPECT_INT(world.dispatched, 1);
	world_close();
	loop_test_done(&t);
}

static void crowd(struct loop_test *t, void *ctx)
{
	(void)ctx;
	world_open(t, 2);
	for (int i = 0; i < 3; i++) {
		call(t, "a");
		call(t, "b");
		call(t, "c");
	}
}

static void crowd_is_gone(struct loop_test *t, void *ctx)
{
	(void)ctx;
	if (!loop_torture_hit(t->loop))
		EXPECT_INT(world.order, 9);
	world_close();
}

TEST(no_seat_is_lost_whatever_fails)
{
	EXPECT(loop_torture_run(LOOP_TEST_VIRTUAL, crowd, crowd_is_gone, NULL) > 20);
}
