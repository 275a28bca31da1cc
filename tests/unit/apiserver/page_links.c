/* Which parts of a page are addresses, and what stands in their place afterwards. */
#include "test.h"

#include "apiserver/page_links.h"

#include <kube/arena.h>

static struct arena arena;

/* What begins with a slash moves. */
static struct str move(void *ctx, struct str address)
{
	++*(int *)ctx;
	return str_starts(address, STR("/")) ? arena_print(&arena, "/moved%.*s", STRF(address))
					     : address;
}

static void check(const char *page, const char *wanted, int addresses)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	int count = 0;

	test_context("page %s", page);
	page_links_change(&out, str_from(page), move, &count);
	EXPECT_STR(buf_str(&out), wanted);
	EXPECT_INT(count, addresses);
	arena_reset(&arena);
}

TEST(addresses_move_however_they_are_written)
{
	check("<a href=\"/x\">t</a>", "<a href=\"/moved/x\">t</a>", 1);
	check("<A class=c HREF = '/x' >t</A>", "<A class=c HREF = '/moved/x' >t</A>", 1);
	check("<a href=/x>t", "<a href=\"/moved/x\">t", 1);
	check("<a\nhref=/x/>t", "<a\nhref=\"/moved/x/\">t", 1);
	check("<img src='/a' usemap=\"/b\" alt='/c'/>",
		"<img src='/moved/a' usemap=\"/moved/b\" alt='/c'/>", 2);
	check("<a =href=/x href=/y>", "<a =href=/x href=\"/moved/y\">", 1);
	check("<a href=relative>", "<a href=relative>", 1);
	check("<a href=''>", "<a href=''>", 0);
}

TEST(each_element_has_attributes_of_its_own)
{
	check("<div href=/x src=/y>", "<div href=/x src=/y>", 0);
	check("<form action=/x src=/y>", "<form action=\"/moved/x\" src=/y>", 1);
	check("<object classid=/1 codebase=/2 data=/3 usemap=/4>",
		"<object classid=\"/moved/1\" codebase=\"/moved/2\" data=\"/moved/3\" "
		"usemap=\"/moved/4\">",
		4);
	check("<video poster=/p src=/v>", "<video poster=\"/moved/p\" src=\"/moved/v\">", 2);
}

TEST(entities_are_read_and_written_again)
{
	check("<a href=\"/x?a=1&amp;b=2\">", "<a href=\"/moved/x?a=1&amp;b=2\">", 1);
	check("<a href=\"/x?a=1&b=2\">", "<a href=\"/moved/x?a=1&amp;b=2\">", 1);
	check("<a href=\"&#47;x\">", "<a href=\"/moved/x\">", 1);
	check("<a href='&#x2F;&#39;&#xe9;'>", "<a href='/moved/&#39;\xc3\xa9'>", 1);
	check("<a href=\"/x?lt=1&lt=2&lt;&quot\">", "<a href=\"/moved/x?lt=1&amp;lt=2&lt;&#34;\">",
		1);
	/* what we cannot read we do not touch */
	check("<a href='/x&eacute;'>", "<a href='/x&eacute;'>", 0);
	check("<a href='/x&#0;&#xd800;'>", "<a href='/x&#0;&#xd800;'>", 0);
}

TEST(what_is_no_markup_is_left_alone)
{
	check("<!-- <a href=/x> --><a href=/y>", "<!-- <a href=/x> --><a href=\"/moved/y\">", 1);
	check("<!--><a href=/x>", "<!--><a href=\"/moved/x\">", 1);
	check("<!-- a --!><a href=/x>", "<!-- a --!><a href=\"/moved/x\">", 1);
	check("<!doctype html><a href=/x>", "<!doctype html><a href=\"/moved/x\">", 1);
	check("a < b <a href=/x>", "a < b <a href=\"/moved/x\">", 1);
	check("</a href=/x><? <a href=/y>", "</a href=/x><? <a href=/y>", 0);
	check("<title><a href=/x></title><a href=/y>",
		"<title><a href=/x></title><a href=\"/moved/y\">", 1);
	check("<script src=/s>a='<a href=/x>'</script ><a href=/y>",
		"<script src=\"/moved/s\">a='<a href=/x>'</script ><a href=\"/moved/y\">", 2);
	check("<script><!-- <script></script><a href=/x>--></script><a href=/y>",
		"<script><!-- <script></script><a href=/x>--></script><a href=\"/moved/y\">", 1);
	check("<textarea><a href=/x></textareas></TEXTAREA><a href=/y>",
		"<textarea><a href=/x></textareas></TEXTAREA><a href=\"/moved/y\">", 1);
	check("<plaintext><a href=/x>", "<plaintext><a href=/x>", 0);
}

TEST(pages_may_end_anywhere)
{
	static const char whole[] = "<p a=\"1\"><!-- x --><script><!--<script></script>--></script>"
				    "<img src = '/a&amp;b' usemap=/c /></p><a href=\"&#47;\">x</a>";

	for (size_t len = 0; len < sizeof(whole); len++) {
		_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
		int count = 0;

		page_links_change(&out, str_make(whole, len), move, &count);
		EXPECT(out.len >= len);
	}
	arena_done(&arena);
}
