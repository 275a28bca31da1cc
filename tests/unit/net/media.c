#include "test.h"

#include <kube/buf.h>
#include <kube/media.h>

static struct arena a;

TEST(media_types_and_parameters_are_read)
{
	_cleanup_(err_done) struct err err = {0};
	struct media_type m;

	arena_init(&a);
	REQUIRE_OK(
		media_parse(&a, STR("Application/JSON; Charset=\"ut\\\"f\";as=Table ;"), &m, &err),
		&err);
	EXPECT(media_is(&m, "application/json"));
	EXPECT_STR(media_param(&m, "charset"), "ut\"f");
	EXPECT_STR(media_param(&m, "as"), "Table");
	EXPECT_STR(media_param(&m, "none"), "");
	arena_done(&a);
}

TEST(malformed_media_types_are_refused)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"", "mime: no media type"},
		{"/json", "mime: no media type"},
		{"text", "mime: expected slash after first token"},
		{"text/", "mime: expected token after slash"},
		{"text/plain x", "mime: invalid media parameter"},
		{"text/plain;a", "mime: invalid media parameter"},
		{"text/plain;a=", "mime: invalid media parameter"},
		{"text/plain;a=\"x", "mime: invalid media parameter"},
		{"text/plain;a=1;A=2", "mime: duplicate parameter name"},
		{"text/plain, text/html", "mime: unexpected content after media subtype"},
	};

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_(err_done) struct err err = {0};
		struct media_type m;
		test_context("%s", cases[i].text);
		EXPECT(media_parse(&a, str_from(cases[i].text), &m, &err) != 0);
		EXPECT_TEXT(err_text(&err), cases[i].wanted);
	}
	arena_done(&a);
}

TEST(accept_ranges_come_best_first)
{
	struct media_type *ranges;
	size_t count;

	arena_init(&a);
	REQUIRE(media_parse_accept(&a,
			STR("text/*;q=0.5, */*;q=0.5, a/b;q=0.5, "
			    "application/json;as=Table;g=meta.k8s.io;v=v1,"
			    " application/json, x/y;q=nan"),
			&ranges, &count, NULL) == 0);
	REQUIRE(count == 6);
	EXPECT_STR(media_param(&ranges[0], "as"), "Table");
	EXPECT(media_is(&ranges[1], "application/json"));
	EXPECT(media_is(&ranges[2], "a/b"));
	EXPECT(media_is(&ranges[3], "text/*"));
	EXPECT(media_is(&ranges[4], "*/*"));
	EXPECT(media_is(&ranges[5], "x/y"));
	arena_done(&a);
}

TEST(negotiation_takes_the_best_offer)
{
	static const char *const offers[] = {
		"application/json", "application/yaml", "application/vnd.kubernetes.protobuf"};

	arena_init(&a);
	EXPECT_INT(media_negotiate(&a, STR(""), offers, 3), 0);
	EXPECT_INT(media_negotiate(&a, STR("*/*"), offers, 3), 0);
	EXPECT_INT(media_negotiate(&a, STR("application/yaml"), offers, 3), 1);
	EXPECT_INT(media_negotiate(&a, STR("application/vnd.kubernetes.protobuf,application/json"),
			   offers, 3),
		2);
	EXPECT_INT(media_negotiate(&a, STR("application/yaml;q=0.1, */*;q=0.2"), offers, 3), 0);
	EXPECT_INT(media_negotiate(&a, STR("text/html"), offers, 3), -1);
	EXPECT_INT(media_negotiate(&a, STR("application/json;q=0"), offers, 3), -1);
	EXPECT_INT(media_negotiate(&a, STR("garbage"), offers, 3), -1);
	arena_done(&a);
}

TEST(accept_has_a_ceiling)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	struct media_type *ranges;
	size_t count;

	arena_init(&a);
	for (int i = 0; i < 100; i++)
		buf_add_text(&text, "a/b,");
	EXPECT_INT(media_parse_accept(&a, buf_str(&text), &ranges, &count, NULL), ERR_TOO_LARGE);
	arena_done(&a);
}

TEST(gzip_is_taken_when_it_is_welcome)
{
	EXPECT(media_accepts_gzip(STR("gzip")));
	EXPECT(media_accepts_gzip(STR("deflate, GZIP;q=0.1")));
	EXPECT(media_accepts_gzip(STR("*")));
	EXPECT(!media_accepts_gzip(STR("gzip;q=0")));
	EXPECT(!media_accepts_gzip(STR("*, gzip; q=0.0")));
	EXPECT(!media_accepts_gzip(STR("identity")));
	EXPECT(!media_accepts_gzip(STR("")));
}
