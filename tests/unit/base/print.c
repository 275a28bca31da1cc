#include "base/print.c"

#include <kube/arena.h>
#include <kube/buf.h>

#include <limits.h>
#include <test.h>

/* The same as the C library, at every room. */
KUBE_PRINTF(1, 2) static void check(const char *format, ...)
{
	char ours[400], theirs[400];
	va_list args, again;

	va_start(args, format);
	for (size_t room = 0; room < 200; room++) {
		va_copy(again, args);
		memset(theirs, '~', sizeof(theirs));
		int len = vsnprintf(theirs, room, format, again);
		va_end(again);
		va_copy(again, args);
		memset(ours, '~', sizeof(ours));
		size_t printed = print_text(ours, room, format, again);
		va_end(again);
		test_context("%s in %zu bytes", format, room);
		EXPECT_INT(printed, len);
		if (room)
			EXPECT_TEXT(ours, theirs);
		EXPECT_INT(ours[room], '~');
	}
	va_end(args);
}

TEST(print_writes_strings_as_the_c_library_does)
{
	const char *volatile none = NULL;

	check("nothing to fill in");
	check("%s and %s", "one", "");
	check("%.*s|%.*s|%.*s|%.*s", 3, "abcdef", 0, "abc", 9, "abc", -1, "whole");
	check("%.*s", 5, "a\0b");
	check("%s %.*s %.*s", none, 6, none, 3, none);
	check("%.*s", 0, none);
	check("%c%c%c %%", 'a', '%', 'z');
	check("%s%s%s", "a longer text, ", "that does not fit ", "into small rooms at all");
}

TEST(print_writes_numbers_as_the_c_library_does)
{
	check("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
	check("%u %u %x %x", 0U, UINT_MAX, 0U, UINT_MAX);
	check("%ld %lu %lx", LONG_MIN, ULONG_MAX, ULONG_MAX);
	check("%lld %lld %llu %llx", LLONG_MAX, LLONG_MIN, ULLONG_MAX, ULLONG_MAX);
	check("%zu %zd %zx", SIZE_MAX, (ssize_t)-7, SIZE_MAX);
	check("%02d:%02d.%09d %04d %03d", 7, -7, 123, 12345, -5);
	check("%02x%04x %06lld", 10U, 0xffffU, -12LL);
}

TEST(print_leaves_to_the_c_library_what_it_does_not_know)
{
	check("%s is %.3f of %g", "it", 1.0 / 3, 1e100);
	check("%d %5d|%-5d|%+d|% d|%*d", 1, 2, 3, 4, 5, 6, 7);
	check("%s %10s|%-10s|%.3s", "a", "b", "c", "defgh");
	check("%#x %X %o %016llx", 255U, 255U, 8U, 255ULL);
	check("%.5d %hhd %hd %jd %td", 42, 1, 2, (intmax_t)3, (ptrdiff_t)4);
	check("%p %a", NULL, 0.5);
}

TEST(print_into_an_arena_fits_at_every_place)
{
	for (size_t before = 0; before < 1100; before++) {
		_cleanup_(arena_done) struct arena a = {0};

		test_context("behind %zu bytes", before);
		arena_alloc(&a, before);
		EXPECT_STR(arena_print(&a, "%s-%04d", "text", 12), "text-0012");
		EXPECT_STR(arena_print(&a, "%*d", 9, 1), "        1");
		EXPECT_INT(a.size, before + 20);
		char *next = arena_alloc(&a, 64);
		memset(next, 'x', 64);
	}
}
