/* URLs as Go reads them. */
#include "api/go_url.h"

#include "test.h"

static struct arena a;

static const char *fault(const char *text)
{
	struct go_url url;
	struct str problem;

	if (go_url_parse(&a, str_from(text), &url, &problem))
		return "";
	return arena_str(&a, problem).at;
}

TEST(a_url_falls_into_its_parts)
{
	struct go_url url;
	struct str problem;

	arena_init(&a);
	EXPECT(go_url_parse(&a, STR("HTTPS://me:pw@h.example:8443/a/b?q=1#top"), &url, &problem));
	EXPECT_STR(url.scheme, "https");
	EXPECT_STR(url.host, "h.example:8443");
	EXPECT(url.has_user);
	EXPECT_STR(url.user, "me:pw");
	EXPECT_STR(url.path, "/a/b");
	EXPECT_STR(url.query, "q=1");
	EXPECT_STR(url.fragment, "top");
	EXPECT(go_url_parse(&a, STR("https://[::1]:443"), &url, &problem));
	EXPECT_STR(url.host, "[::1]:443");
	EXPECT(go_url_parse(&a, STR("mailto:x"), &url, &problem));
	EXPECT_STR(url.host, "");
	arena_done(&a);
}

TEST(what_is_no_url_is_refused_in_the_words_of_go)
{
	arena_init(&a);
	EXPECT_TEXT(fault("://x"), "parse \"://x\": missing protocol scheme");
	EXPECT_TEXT(
		fault("https://h:p/"), "parse \"https://h:p/\": invalid port \":p\" after host");
	EXPECT_TEXT(fault("https://[::1/"), "parse \"https://[::1/\": missing ']' in host");
	EXPECT_TEXT(
		fault("https://h/%zz#f"), "parse \"https://h/%zz\": invalid URL escape \"%zz\"");
	EXPECT_TEXT(
		fault("a b:c"), "parse \"a b:c\": first path segment in URL cannot contain colon");
	EXPECT_TEXT(fault("h\n"), "parse \"h\\n\": net/url: invalid control character in URL");
	EXPECT_TEXT(fault("https://h o/"),
		"parse \"https://h o/\": invalid character \" \" in host name");
	arena_done(&a);
}
