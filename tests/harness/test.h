/*
 * The test harness. A file defines TESTs; each registers itself; the program runs them all, or
 * those whose names contain one of its arguments, and ends with "N passed, N failed".
 *
 *	TEST(durations_print_as_go_prints_them)
 *	{
 *		EXPECT_STR(printed, "1h0m0.5s");
 *	}
 *
 * EXPECT_* note a failure and go on; REQUIRE_* leave the test. The name says the behaviour.
 */
#ifndef KUBE_TEST_H
#define KUBE_TEST_H

#include <kube/err.h>
#include <kube/str.h>

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

void test_register(struct test *t);
/* Prints where and what; marks the running test failed. Always false. */
bool test_fail(const char *file, int line, const char *format, ...) KUBE_PRINTF(3, 4);
bool test_expect_int(const char *file, int line, const char *what, int64_t got, int64_t wanted);
bool test_expect_str(
	const char *file, int line, const char *what, struct str got, struct str wanted);
/* Says in which round of a loop (seed, k, input) failures happen. */
void test_context(const char *format, ...) KUBE_PRINTF(1, 2);
void test_context_end(void);
bool test_failed(void); /* has the running test failed so far? */

#define TEST(test_name)                                                                            \
	static void test_run_##test_name(void);                                                    \
	__attribute__((constructor)) static void test_register_##test_name(void)                   \
	{                                                                                          \
		static struct test t = {.name = #test_name, .run = test_run_##test_name};          \
		test_register(&t);                                                                 \
	}                                                                                          \
	static void test_run_##test_name(void)

#define EXPECT(condition) ((condition) ? true : test_fail(__FILE__, __LINE__, "%s", #condition))
#define EXPECT_INT(got, wanted)                                                                    \
	test_expect_int(__FILE__, __LINE__, #got, (int64_t)(got), (int64_t)(wanted))
/* got: struct str; wanted: NUL-terminated text. */
#define EXPECT_STR(got, wanted) test_expect_str(__FILE__, __LINE__, #got, (got), str_from(wanted))
#define EXPECT_TEXT(got, wanted)                                                                   \
	test_expect_str(__FILE__, __LINE__, #got, str_from(got), str_from(wanted))
/* An int-returning call that must give 0; prints the err's text otherwise. */
#define EXPECT_OK(call, err)                                                                       \
	((call) == 0 ? true : test_fail(__FILE__, __LINE__, "%s: %s", #call, err_text(err)))
#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!EXPECT(condition))                                                            \
			return;                                                                    \
	} while (0)
#define REQUIRE_OK(call, err)                                                                      \
	do {                                                                                       \
		if (!EXPECT_OK(call, err))                                                         \
			return;                                                                    \
	} while (0)

#endif
