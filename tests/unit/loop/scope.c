#include <kube/mem.h>
#include <kube/time.h>

#include "loop_test.h"

TEST(an_empty_scope_closes_from_the_run_queue)
{
	struct loop_test t;
	struct scope s;
	struct told closed = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&s, t.root, "s", NULL);
	EXPECT(!scope_empty(t.root));
	scope_close(&s, told_op(&closed, t.root, OP_NO_DEADLINE));
	EXPECT(scope_closing(&s) && !closed.done);
	loop_test_run(&t);
	EXPECT_INT(closed.times, 1);
	EXPECT_INT(closed.err.code, 0);
	loop_test_done(&t);
}

TEST(closing_cancels_in_start_order_and_tells_the_closer_last)
{
	struct loop_test t;
	struct scope s;
	struct told closed = {0}, waits[3] = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&s, t.root, "s", NULL);
	for (int i = 0; i < 3; i++)
		timer_wait(told_op(&waits[i], &s, OP_NO_DEADLINE), loop_in(t.loop, HOUR - i));
	scope_close(&s, told_op(&closed, t.root, OP_NO_DEADLINE));
	loop_test_run(&t);
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(waits[i].err.code, ERR_CANCELLED);
		EXPECT(waits[i].order < closed.order);
		EXPECT(i == 0 || waits[i - 1].order < waits[i].order);
	}
	loop_test_done(&t);
}

TEST(a_closing_scope_refuses_new_ops)
{
	struct loop_test t;
	struct scope s;
	struct told closed = {0}, late = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&s, t.root, "s", NULL);
	scope_close(&s, told_op(&closed, t.root, OP_NO_DEADLINE));
	timer_wait(told_op(&late, &s, OP_NO_DEADLINE), loop_in(t.loop, HOUR));
	loop_test_run(&t);
	EXPECT_INT(late.err.code, ERR_CANCELLED);
	EXPECT(late.order < closed.order);
	loop_test_done(&t);
}

TEST(a_scope_may_be_closed_by_an_op_of_a_closing_scope)
{
	struct loop_test t;
	struct scope outer, inner;
	struct told outer_closed = {0}, inner_closed = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&outer, t.root, "outer", NULL);
	scope_init(&inner, &outer, "inner", NULL);
	scope_close(&outer, told_op(&outer_closed, t.root, OP_NO_DEADLINE));
	scope_close(&inner, told_op(&inner_closed, &outer, OP_NO_DEADLINE));
	loop_test_run(&t);
	EXPECT_INT(inner_closed.err.code, 0);
	EXPECT(inner_closed.order < outer_closed.order);
	loop_test_done(&t);
}

TEST(a_closer_of_a_scope_elsewhere_works_too)
{
	struct loop_test t;
	struct scope outer, inner;
	struct told outer_closed = {0}, inner_closed = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&outer, t.root, "outer", NULL);
	scope_init(&inner, &outer, "inner", NULL);
	scope_close(&outer, told_op(&outer_closed, t.root, OP_NO_DEADLINE));
	scope_close(&inner, told_op(&inner_closed, t.root, OP_NO_DEADLINE));
	loop_test_run(&t);
	EXPECT(inner_closed.order < outer_closed.order);
	loop_test_done(&t);
}

/* ---- children are told ---- */

struct child {
	struct scope scope;
	struct op closer;
	struct op graceful;
	int asked, ended;
};

static void child_ended(struct op *op, struct err *err)
{
	(void)err;
	CONTAINER_OF(op, struct child, closer)->ended++;
}

static void child_last_word(struct op *op, struct err *err)
{
	struct child *c = CONTAINER_OF(op, struct child, graceful);
	EXPECT_INT(err->code, 0);
	op_init(&c->closer, c->scope.parent, child_ended, OP_NO_DEADLINE);
	scope_close(&c->scope, &c->closer);
}

static void child_asked(struct scope *s)
{
	struct child *c = CONTAINER_OF(s, struct child, scope);
	c->asked++;
	/* Not closing itself yet: its ops go on. */
	op_init(&c->graceful, s, child_last_word, OP_NO_DEADLINE);
	timer_wait(&c->graceful, loop_in(s->loop, SEC));
}

TEST(children_are_told_once_and_end_at_their_own_pace)
{
	struct loop_test t;
	struct scope s;
	struct child c = {0};
	struct told closed = {0}, busy = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&s, t.root, "s", NULL);
	scope_init(&c.scope, &s, "child", child_asked);
	timer_wait(told_op(&busy, &c.scope, OP_NO_DEADLINE), loop_in(t.loop, MSEC));
	scope_close(&s, told_op(&closed, t.root, OP_NO_DEADLINE));
	EXPECT_INT(c.asked, 0);
	loop_test_run(&t);
	EXPECT_INT(c.asked, 1);
	EXPECT_INT(c.ended, 1);
	EXPECT_INT(busy.err.code, 0);
	EXPECT(closed.done);
	loop_test_done(&t);
}

TEST(a_child_without_asked_is_stopped_with_its_parent)
{
	struct loop_test t;
	struct scope s, child, grandchild;
	struct told closed = {0}, child_closed = {0}, grandchild_closed = {0};
	struct told waiting = {0}, late = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&s, t.root, "s", NULL);
	scope_init(&child, &s, "child", NULL);
	scope_init(&grandchild, &child, "grandchild", NULL);
	timer_wait(told_op(&waiting, &grandchild, OP_NO_DEADLINE), loop_in(t.loop, HOUR));
	scope_close(&s, told_op(&closed, t.root, OP_NO_DEADLINE));
	EXPECT(scope_closing(&child) && scope_closing(&grandchild));
	loop_run_until(t.loop, &waiting.done, NULL);
	EXPECT_INT(waiting.err.code, ERR_CANCELLED);
	op_yield(told_op(&late, &child, OP_NO_DEADLINE));
	scope_close(&grandchild, told_op(&grandchild_closed, &child, OP_NO_DEADLINE));
	scope_close(&child, told_op(&child_closed, &s, OP_NO_DEADLINE));
	loop_test_run(&t);
	EXPECT_INT(late.err.code, ERR_CANCELLED);
	EXPECT(grandchild_closed.done && child_closed.done && closed.done);
	loop_test_done(&t);
}

TEST(a_child_made_in_a_closing_scope_is_told_as_well)
{
	struct loop_test t;
	struct scope s, plain;
	struct child c = {0};
	struct told closed = {0}, plain_closed = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&s, t.root, "s", NULL);
	scope_close(&s, told_op(&closed, t.root, OP_NO_DEADLINE));
	scope_init(&c.scope, &s, "child", child_asked);
	scope_init(&plain, &s, "plain", NULL);
	EXPECT(scope_closing(&plain) && !scope_closing(&c.scope));
	scope_close(&plain, told_op(&plain_closed, &s, OP_NO_DEADLINE));
	loop_test_run(&t);
	EXPECT_INT(c.asked, 1);
	EXPECT(closed.done && c.ended);
	loop_test_done(&t);
}

TEST(a_child_that_closes_by_itself_is_not_told_any_more)
{
	struct loop_test t;
	struct scope s;
	struct child c = {0};
	struct told closed = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&s, t.root, "s", NULL);
	scope_init(&c.scope, &s, "child", child_asked);
	scope_close(&s, told_op(&closed, t.root, OP_NO_DEADLINE));
	op_init(&c.closer, &s, child_ended, OP_NO_DEADLINE);
	scope_close(&c.scope, &c.closer);
	loop_test_run(&t);
	EXPECT_INT(c.asked, 0);
	EXPECT_INT(c.ended, 1);
	loop_test_done(&t);
}

TEST(shutting_down_closes_the_root)
{
	struct loop_test t;
	struct child c = {0};
	struct told waiting = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&c.scope, t.root, "child", child_asked);
	timer_wait(told_op(&waiting, t.root, OP_NO_DEADLINE), loop_in(t.loop, HOUR));
	loop_shutdown(t.loop);
	loop_test_run(&t);
	EXPECT_INT(c.asked, 1);
	EXPECT_INT(waiting.err.code, ERR_CANCELLED);
	loop_test_done(&t);
}

/* ---- who frees what inside done ---- */

struct owner {
	struct scope scope;
	struct op op, closer;
	int *freed;
	struct loop *loop;
};

static void owner_closed(struct op *op, struct err *err)
{
	(void)err;
	struct owner *o = CONTAINER_OF(op, struct owner, closer);
	++*o->freed;
	memset(o, 0xee, sizeof(*o));
	mem_free(o);
}

static void owner_close(struct owner *o)
{
	op_init(&o->closer, o->scope.parent, owner_closed, OP_NO_DEADLINE);
	scope_close(&o->scope, &o->closer);
}

static void owner_op_done_then_close(struct op *op, struct err *err)
{
	(void)err;
	owner_close(CONTAINER_OF(op, struct owner, op));
}

static struct owner *owner_new(struct scope *parent, int *freed, op_done_fn *done)
{
	struct owner *o = mem_new(sizeof(*o));
	o->freed = freed;
	o->loop = parent->loop;
	scope_init(&o->scope, parent, "owner", NULL);
	op_init(&o->op, &o->scope, done, OP_NO_DEADLINE);
	timer_wait(&o->op, loop_in(parent->loop, SEC));
	return o;
}

TEST(the_last_op_of_a_scope_may_close_it_and_the_closer_free_both)
{
	struct loop_test t;
	int freed = 0;
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	for (int i = 0; i < 10; i++)
		owner_new(t.root, &freed, owner_op_done_then_close);
	loop_test_run(&t);
	EXPECT_INT(freed, 10);
	loop_test_done(&t);
}

static void ignore(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

TEST(an_owner_closed_from_outside_is_freed_after_its_op)
{
	struct loop_test t;
	int freed = 0;
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	owner_close(owner_new(t.root, &freed, ignore));
	EXPECT_INT(freed, 0);
	loop_test_run(&t);
	EXPECT_INT(freed, 1);
	loop_test_done(&t);
}

/* The op lives in a block of its own, which its done frees, being the last of a closing scope. */
static void free_own_block(struct op *op, struct err *err)
{
	(void)err;
	memset(op, 0xee, sizeof(*op));
	mem_free(op);
}

TEST(done_may_free_the_memory_of_the_last_op_of_a_closing_scope)
{
	struct loop_test t;
	struct scope s;
	struct told closed = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&s, t.root, "s", NULL);
	for (int i = 0; i < 3; i++) {
		struct op *op = mem_new(sizeof(*op));
		op_init(op, &s, free_own_block, OP_NO_DEADLINE);
		timer_wait(op, loop_in(t.loop, HOUR));
	}
	scope_close(&s, told_op(&closed, t.root, OP_NO_DEADLINE));
	loop_test_run(&t);
	EXPECT_INT(closed.times, 1);
	loop_test_done(&t);
}

/* Being told of the cancel, the owner still begins something in the closing scope. */
struct late {
	struct scope scope;
	struct told closed;
	struct op op;
	struct told last;
	struct scope child;
	struct told child_closed;
};

static void late_begins(struct op *op, struct err *err)
{
	struct late *l = CONTAINER_OF(op, struct late, op);
	EXPECT_INT(err->code, ERR_CANCELLED);
	EXPECT(!l->closed.done);
	op_yield(told_op(&l->last, &l->scope, OP_NO_DEADLINE));
	scope_init(&l->child, &l->scope, "child", NULL);
	scope_close(&l->child, told_op(&l->child_closed, &l->scope, OP_NO_DEADLINE));
}

TEST(a_scope_is_not_reported_empty_while_its_last_done_begins_more)
{
	struct loop_test t;
	struct late l = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&l.scope, t.root, "s", NULL);
	op_init(&l.op, &l.scope, late_begins, OP_NO_DEADLINE);
	timer_wait(&l.op, loop_in(t.loop, HOUR));
	scope_close(&l.scope, told_op(&l.closed, t.root, OP_NO_DEADLINE));
	loop_test_run(&t);
	EXPECT_INT(l.last.err.code, ERR_CANCELLED);
	EXPECT(l.last.order < l.closed.order);
	EXPECT(l.child_closed.order < l.closed.order);
	EXPECT_INT(l.closed.times, 1);
	loop_test_done(&t);
}

TEST(an_op_begun_between_the_last_end_and_the_closer_is_waited_for)
{
	struct loop_test t;
	struct scope s;
	struct told closed = {0}, late = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&s, t.root, "s", NULL);
	scope_close(&s, told_op(&closed, t.root, OP_NO_DEADLINE));
	/* The closer is posted already; this is begun behind its back. */
	op_yield(told_op(&late, &s, OP_NO_DEADLINE));
	loop_test_run(&t);
	EXPECT(late.order < closed.order);
	EXPECT_INT(closed.times, 1);
	loop_test_done(&t);
}

TEST(a_tree_of_owners_is_freed_from_the_leaves_up)
{
	struct loop_test t;
	int freed = 0;
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	struct owner *top = owner_new(t.root, &freed, ignore);
	struct owner *o = top;
	for (int depth = 0; depth < 20; depth++) {
		struct owner *child = owner_new(&o->scope, &freed, owner_op_done_then_close);
		owner_new(&o->scope, &freed, owner_op_done_then_close);
		o = child;
	}
	owner_close(top);
	loop_test_run(&t);
	EXPECT_INT(freed, 41);
	loop_test_done(&t);
}
