#include <kube/env.h>
#include <kube/mem.h>
#include <kube/time.h>

#include "loop_torture.h"

static struct addresses resolve(struct loop_test *t, struct str host, int *code)
{
	struct told told = {0};
	struct addresses found = {0};
	net_resolve(t->env, told_op(&told, t->root, OP_NO_DEADLINE), host, &found);
	EXPECT(!told.done);
	loop_test_run_until(t, &told.done);
	EXPECT_INT(told.n, found.count);
	EXPECT((told.err.code == 0) == (found.count > 0));
	*code = told.err.code;
	told_done(&told);
	return found;
}

static void expect_resolved(struct loop_test *t, const char *host, const char *first, size_t count)
{
	int code = 0;
	struct buf out = BUF_INIT(64);
	struct addresses found = resolve(t, str_from(host), &code);
	EXPECT_INT(code, 0);
	EXPECT_INT(found.count, count);
	if (found.count)
		ip_print(&out, &found.items[0]);
	EXPECT_STR(buf_str(&out), first);
	buf_done(&out);
	mem_free(found.items);
}

TEST(literals_and_localhost_need_nobody)
{
	struct loop_test t;
	loop_test_init(&t, LOOP_TEST_REAL);
	expect_resolved(&t, "192.0.2.7", "192.0.2.7", 1);
	expect_resolved(&t, "2001:db8::7", "2001:db8::7", 1);
	expect_resolved(&t, "localhost", "127.0.0.1", 2);
	expect_resolved(&t, "LOCALHOST.", "127.0.0.1", 2);
	expect_resolved(&t, "a.localhost", "127.0.0.1", 2);
	loop_test_done(&t);
}

TEST(what_is_no_name_is_refused)
{
	char lengthy[300];
	const struct str names[] = {{0}, {lengthy, sizeof(lengthy)}, {"a\0b", 3}};
	struct loop_test t;
	memset(lengthy, 'a', sizeof(lengthy));
	loop_test_init(&t, LOOP_TEST_REAL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int code = 0;
		struct addresses found = resolve(&t, names[i], &code);
		EXPECT_INT(code, ERR_ADDRESS);
		mem_free(found.items);
	}
	loop_test_done(&t);
}

TEST(an_unknown_name_fails_however_the_resolver_says_so)
{
	struct loop_test t;
	int code = 0;
	loop_test_init(&t, LOOP_TEST_REAL);
	struct addresses found = resolve(&t, STR("nobody.invalid"), &code);
	EXPECT(code == ERR_ADDRESS || code == ERR_UNREACHABLE || code == ERR_IO);
	mem_free(found.items);
	loop_test_done(&t);
}

TEST(a_question_that_is_given_up_ends_at_once)
{
	struct loop_test t;
	struct told told = {0};
	struct addresses found = {0};
	struct scope s;
	struct told closed = {0};
	loop_test_init(&t, LOOP_TEST_REAL);
	scope_init(&s, t.root, "s", NULL);
	net_resolve(t.env, told_op(&told, &s, OP_NO_DEADLINE), STR("nobody.invalid"), &found);
	op_cancel(&told.op);
	loop_test_run_until(&t, &told.done);
	EXPECT_INT(told.err.code, ERR_CANCELLED);
	/* Its scope does not wait for the name server. */
	scope_close(&s, told_op(&closed, t.root, OP_NO_DEADLINE));
	loop_test_run_until(&t, &closed.done);
	EXPECT(!found.items);
	loop_test_done(&t);
}

struct questions {
	struct told literal, name;
	struct addresses literal_found, name_found;
};

static void ask(struct loop_test *t, void *ctx)
{
	struct questions *q = ctx;
	net_resolve(t->env, told_op(&q->literal, t->root, OP_NO_DEADLINE), STR("10.0.0.1"),
		&q->literal_found);
	net_resolve(t->env, told_op(&q->name, t->root, OP_NO_DEADLINE), STR("nobody.invalid"),
		&q->name_found);
}

static void asked(struct loop_test *t, void *ctx)
{
	struct questions *q = ctx;
	(void)t;
	mem_free(TAKE(q->literal_found.items));
	mem_free(TAKE(q->name_found.items));
	EXPECT(q->name.err.code != 0);
}

TEST(resolving_survives_torture)
{
	struct questions q = {0};
	loop_torture_run(LOOP_TEST_REAL, ask, asked, &q);
	told_done(&q.literal);
	told_done(&q.name);
}
