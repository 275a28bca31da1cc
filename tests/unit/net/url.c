#include "test.h"

#include <kube/url.h>
#include <stdio.h>

static struct arena a;

static const char *parse_error(const char *text)
{
	static char kept[512];
	_cleanup_(err_done) struct err err = {0};
	struct url url;

	kept[0] = 0;
	if (url_parse(&a, str_from(text), &url, &err))
		snprintf(kept, sizeof(kept), "%s", err_text(&err));
	return kept;
}

TEST(urls_come_apart_as_in_go)
{
	static const struct {
		const char *text, *scheme, *user, *host, *port, *path, *query, *fragment, *opaque;
	} cases[] = {
		{"https://u:p@h.example:8443/a%20b/c?x=1&y#f%21", "https", "u", "h.example", "8443",
			"/a b/c", "x=1&y", "f!", ""},
		{"http://[::1]:80/", "http", "", "::1", "80", "/", "", "", ""},
		{"http://[fe80::1%25en0]/", "http", "", "fe80::1%en0", "", "/", "", "", ""},
		{"HTTP://x", "http", "", "x", "", "", "", "", ""},
		{"/only/path", "", "", "", "", "/only/path", "", "", ""},
		{"//host/path", "", "", "host", "", "/path", "", "", ""},
		{"///path", "", "", "", "", "///path", "", "", ""},
		{"mailto:joe@x.example", "mailto", "", "", "", "", "", "", "joe@x.example"},
		{"http://x:/", "http", "", "x", "", "/", "", "", ""},
		{"http://a%C3%BC/", "http", "", "a\xc3\xbc", "", "/", "", "", ""},
		{"?a=b", "", "", "", "", "", "a=b", "", ""},
		{"http://h?q", "http", "", "h", "", "", "q", "", ""},
		{"", "", "", "", "", "", "", "", ""},
		{"*", "", "", "", "", "*", "", "", ""},
		{"a/b:c", "", "", "", "", "a/b:c", "", "", ""},
	};

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_(err_done) struct err err = {0};
		struct url url;
		test_context("%s", cases[i].text);
		if (!EXPECT_OK(url_parse(&a, str_from(cases[i].text), &url, &err), &err))
			continue;
		EXPECT_STR(url.scheme, cases[i].scheme);
		EXPECT_STR(url.user, cases[i].user);
		EXPECT_STR(url.host, cases[i].host);
		EXPECT_STR(url.port, cases[i].port);
		EXPECT_STR(url.path, cases[i].path);
		EXPECT_STR(url.raw_query, cases[i].query);
		EXPECT_STR(url.fragment, cases[i].fragment);
		EXPECT_STR(url.opaque, cases[i].opaque);
	}
	arena_done(&a);
}

TEST(bad_urls_say_what_go_says)
{
	arena_init(&a);
	EXPECT_TEXT(parse_error(":foo"), "parse \":foo\": missing protocol scheme");
	EXPECT_TEXT(parse_error("1:foo"),
		"parse \"1:foo\": first path segment in URL cannot contain colon");
	EXPECT_TEXT(parse_error("http://h:x/"),
		"parse \"http://h:x/\": invalid port \":x\" after host");
	EXPECT_TEXT(parse_error("http://localhost:80:80/"),
		"parse \"http://localhost:80:80/\": invalid port \":80:80\" after host");
	EXPECT_TEXT(parse_error("https://::1/"),
		"parse \"https://::1/\": invalid port \"::1\" after host");
	EXPECT_TEXT(parse_error("http://[::1"), "parse \"http://[::1\": missing ']' in host");
	EXPECT_TEXT(
		parse_error("http://h/%zz"), "parse \"http://h/%zz\": invalid URL escape \"%zz\"");
	EXPECT_TEXT(parse_error("http://h/%a"), "parse \"http://h/%a\": invalid URL escape \"%a\"");
	EXPECT_TEXT(
		parse_error("http://%41/"), "parse \"http://%41/\": invalid URL escape \"%41\"");
	EXPECT_TEXT(parse_error("http://a b/"),
		"parse \"http://a b/\": invalid character \" \" in host name");
	EXPECT_TEXT(parse_error("http://u ser@h/"),
		"parse \"http://u ser@h/\": net/url: invalid userinfo");
	EXPECT(strstr(parse_error("http://h/\x01"), "invalid control character in URL") != NULL);
	arena_done(&a);
}

TEST(printing_gives_back_what_was_parsed)
{
	static const char *const texts[] = {"https://u:p@h.example:8443/a%20b/c?x=1&y#f",
		"http://[::1]:80/", "/only/path", "mailto:joe@x.example", "http://h/a%2Fb",
		"http://h/?", "//h/p", "*", "http://u@h", "http://h/%E2%82%AC", "http://h/[x]",
		"./a:b", "http://h/%41", ""};

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		_cleanup_(buf_done) struct buf out = BUF_INIT(4096);
		struct url url;
		test_context("%s", texts[i]);
		if (!EXPECT(url_parse(&a, str_from(texts[i]), &url, NULL) == 0))
			continue;
		url_print(&out, &url);
		EXPECT_STR(buf_str(&out), texts[i]);
	}
	arena_done(&a);
}

TEST(built_urls_are_escaped)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(4096);
	struct url url = {.scheme = STR("https"),
		.host = STR("::1"),
		.port = STR("6443"),
		.path = STR("/a b/?/\xe2\x82\xac"),
		.raw_query = STR("watch=1")};

	url_print(&out, &url);
	EXPECT_STR(buf_str(&out), "https://[::1]:6443/a%20b/%3F/%E2%82%AC?watch=1");
	url = (struct url){.path = STR("a:b")};
	buf_clear(&out);
	url_print(&out, &url);
	EXPECT_STR(buf_str(&out), "./a:b");
}

TEST(request_targets_are_read_by_their_own_rules)
{
	struct url url;

	arena_init(&a);
	EXPECT_INT(url_parse_request(&a, STR("GET"), STR("/api/v1?watch=1#x"), &url, NULL), 0);
	EXPECT_STR(url.path, "/api/v1");
	EXPECT_STR(url.raw_query, "watch=1#x");
	EXPECT_INT(url_parse_request(&a, STR("GET"), STR("//a/b"), &url, NULL), 0);
	EXPECT_STR(url.path, "//a/b");
	EXPECT_INT(url_parse_request(&a, STR("GET"), STR("http://h/p"), &url, NULL), 0);
	EXPECT_STR(url.host, "h");
	EXPECT_INT(url_parse_request(&a, STR("OPTIONS"), STR("*"), &url, NULL), 0);
	EXPECT_STR(url.path, "*");
	EXPECT_INT(url_parse_request(&a, STR("CONNECT"), STR("h:443"), &url, NULL), 0);
	EXPECT_STR(url.host, "h");
	EXPECT_STR(url.port, "443");
	EXPECT_STR(url.scheme, "");
	EXPECT(url_parse_request(&a, STR("GET"), STR("api"), &url, NULL) != 0);
	EXPECT(url_parse_request(&a, STR("GET"), STR(""), &url, NULL) != 0);
	arena_done(&a);
}

TEST(a_url_has_a_ceiling)
{
	char *text = arena_alloc(&a, 70 * KIB);
	struct url url;

	memset(text, 'a', 70 * KIB);
	EXPECT_INT(url_parse(&a, str_make(text, 70 * KIB), &url, NULL), ERR_TOO_LARGE);
	EXPECT_INT(url_parse(&a, str_make(text, 64 * KIB), &url, NULL), 0);
	arena_done(&a);
}

TEST(ports_follow_from_schemes)
{
	struct url url = {.scheme = STR("https")};

	EXPECT_INT(url_port(&url), 443);
	url.scheme = STR("http");
	EXPECT_INT(url_port(&url), 80);
	url.port = STR("8080");
	EXPECT_INT(url_port(&url), 8080);
	url.port = STR("65536");
	EXPECT_INT(url_port(&url), 0);
}

TEST(queries_keep_order_and_skip_bad_pairs)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(4096);
	struct query q;

	arena_init(&a);
	EXPECT_INT(query_parse(&a, STR("b=1&a=%20x+y&b=2&c&&=v&d=%zz&e;f=1"), &q, NULL), 0);
	EXPECT(q.bad);
	EXPECT_INT(q.count, 5);
	EXPECT_STR(query_get(&q, "b"), "1");
	EXPECT_STR(query_get(&q, "a"), " x y");
	EXPECT(query_has(&q, "c"));
	EXPECT(!query_has(&q, "d"));
	query_print(&out, &q);
	EXPECT_STR(buf_str(&out), "b=1&a=+x+y&b=2&c=&=v");
	EXPECT_INT(query_parse(&a, STR(""), &q, NULL), 0);
	EXPECT_INT(q.count, 0);
	arena_done(&a);
}

TEST(a_query_has_a_ceiling)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	struct query q;

	arena_init(&a);
	for (int i = 0; i < 999; i++)
		buf_add_text(&text, "a=b&");
	EXPECT_INT(query_parse(&a, buf_str(&text), &q, NULL), 0);
	EXPECT_INT(q.count, 999);
	buf_add_text(&text, "a=b&");
	EXPECT_INT(query_parse(&a, buf_str(&text), &q, NULL), ERR_TOO_LARGE);
	arena_done(&a);
}

TEST(escaping_round_trips_every_byte)
{
	char all[256];
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	_cleanup_(buf_done) struct buf text = BUF_INIT(4096), back = BUF_INIT(4096);

	url_escape_path(&text, str_make(all, 256));
	EXPECT_INT(url_unescape_path(&back, buf_str(&text), NULL), 0);
	EXPECT(str_eq(buf_str(&back), str_make(all, 256)));
	buf_clear(&text);
	buf_clear(&back);
	url_escape_query(&text, str_make(all, 256));
	EXPECT_INT(url_unescape_query(&back, buf_str(&text), NULL), 0);
	EXPECT(str_eq(buf_str(&back), str_make(all, 256)));
}
