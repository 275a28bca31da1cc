/* Paths as Go's path.Clean leaves them. */
#include "test.h"

#include <kube/url.h>

TEST(paths_are_cleaned)
{
	static const char *const pairs[][2] = {{"/", "/"}, {"//", "/"}, {"/a", "/a"}, {"/a/", "/a"},
		{"/a//b", "/a/b"}, {"/./a/.", "/a"}, {"/a/../b", "/b"}, {"/../..", "/"},
		{"/a/b/../../..//c", "/c"}, {"/...", "/..."}, {"/a/..b", "/a/..b"}};
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		EXPECT_STR(url_clean_path(&a, str_from(pairs[i][0])), pairs[i][1]);
}
