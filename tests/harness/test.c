#include "test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct test *first, **last = &first;
static bool running_failed;
static char context[256];

void test_register(struct test *t)
{
	*last = t;
	last = &t->next;
}

bool test_fail(const char *file, int line, const char *format, ...)
{
	running_failed = true;
	fprintf(stderr, "  %s:%d: ", file, line);
	if (context[0])
		fprintf(stderr, "[%s] ", context);
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return false;
}

bool test_expect_int(const char *file, int line, const char *what, int64_t got, int64_t wanted)
{
	if (got == wanted)
		return true;
	test_fail(file, line, "%s is %lld, wanted %lld", what, (long long)got, (long long)wanted);
	return false;
}

bool test_expect_str(
	const char *file, int line, const char *what, struct str got, struct str wanted)
{
	if (str_eq(got, wanted))
		return true;
	test_fail(file, line, "%s is\n    \"%.*s\"\n  wanted\n    \"%.*s\"", what, STRF(got),
		STRF(wanted));
	return false;
}

void test_context(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(context, sizeof(context), format, args);
	va_end(args);
}

void test_context_end(void)
{
	context[0] = 0;
}

bool test_failed(void)
{
	return running_failed;
}

static bool wanted(const struct test *t, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strstr(t->name, argv[i]))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	int passed = 0, failed = 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (struct test *t = first; t; t = t->next) {
		if (!wanted(t, argc, argv))
			continue;
		running_failed = false;
		test_context_end();
		t->run();
		printf("%s %s\n", running_failed ? "FAIL" : "ok  ", t->name);
		running_failed ? failed++ : passed++;
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed || !passed;
}
