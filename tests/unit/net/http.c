#include "net/http_conn.h"

#include <kube/time.h>
#include <test.h>

TEST(headers_are_found_without_regard_to_case)
{
	struct arena a;
	arena_init(&a);
	struct http_headers h = {0};
	for (int i = 0; i < 40; i++)
		http_headers_add(&a, &h, arena_print(&a, "X-%d", i), arena_print(&a, "%d", i));
	http_headers_add(&a, &h, STR("Connection"), STR("keep-alive,  Upgrade ,x"));
	http_headers_add(&a, &h, STR("connection"), STR("close"));
	EXPECT_STR(http_headers_get(&h, STR("x-39")), "39");
	EXPECT_STR(http_headers_get(&h, STR("CONNECTION")), "keep-alive,  Upgrade ,x");
	EXPECT(http_headers_has(&h, STR("x-0")));
	EXPECT(!http_headers_has(&h, STR("x-40")));
	EXPECT_INT(http_headers_get(&h, STR("nothing")).len, 0);
	EXPECT(http_headers_has_token(&h, STR("Connection"), STR("upgrade")));
	EXPECT(http_headers_has_token(&h, STR("Connection"), STR("Close")));
	EXPECT(!http_headers_has_token(&h, STR("Connection"), STR("keep")));
	arena_done(&a);
}

TEST(header_fields_are_checked)
{
	EXPECT(http_header_valid(STR("X-A_b.1"), STR("any \t text \xc3\xa9")));
	EXPECT(http_header_valid(STR("X"), STR("")));
	EXPECT(!http_header_valid(STR(""), STR("x")));
	EXPECT(!http_header_valid(STR("X Y"), STR("x")));
	EXPECT(!http_header_valid(STR("X:"), STR("x")));
	EXPECT(!http_header_valid(STR("X"), STR("a\r\nb")));
	EXPECT(!http_header_valid(STR("X"), STR("a\nb")));
	EXPECT(!http_header_valid(STR("X"), str_make("a\0b", 3)));
}

TEST(statuses_have_names)
{
	EXPECT_TEXT(http_status_text(200), "OK");
	EXPECT_TEXT(http_status_text(404), "Not Found");
	EXPECT_TEXT(http_status_text(431), "Request Header Fields Too Large");
	EXPECT_TEXT(http_status_text(299), "");
	EXPECT_TEXT(http_status_text(-1), "");
}

static int64_t fixed_wall;

static int64_t wall_fixed(struct env *env)
{
	(void)env;
	return fixed_wall;
}

TEST(the_date_follows_the_wall_clock)
{
	struct env env = {.wall = wall_fixed};
	fixed_wall = 1136214245 * SEC;
	EXPECT_STR(http_date(&env), "Mon, 02 Jan 2006 15:04:05 GMT");
	fixed_wall += SEC - 1;
	EXPECT_STR(http_date(&env), "Mon, 02 Jan 2006 15:04:05 GMT");
	fixed_wall += 1;
	EXPECT_STR(http_date(&env), "Mon, 02 Jan 2006 15:04:06 GMT");
	fixed_wall -= 3600 * SEC;
	EXPECT_STR(http_date(&env), "Mon, 02 Jan 2006 14:04:06 GMT");
}

TEST(limits_have_defaults)
{
	struct http_limits l, none = {0}, some = {.header_count = 3, .body_bytes = 7};
	http_limits_fill(&l, &none, true);
	EXPECT_INT(l.header_bytes, 65536);
	EXPECT_INT(l.body_bytes, 3 << 20);
	EXPECT_INT(l.max_connections, 10000);
	http_limits_fill(&l, &none, false);
	EXPECT_INT(l.body_bytes, -1);
	http_limits_fill(&l, &some, true);
	EXPECT_INT(l.header_count, 3);
	EXPECT_INT(l.body_bytes, 7);
}
