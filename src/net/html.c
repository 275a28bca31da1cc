#include <kube/html.h>

#include <limits.h>

void html_escape(struct buf *out, struct str s)
{
	static const char *const names[UCHAR_MAX + 1] = {
		['&'] = "&amp;",
		['\''] = "&#39;",
		['<'] = "&lt;",
		['>'] = "&gt;",
		['"'] = "&#34;",
		['\r'] = "&#13;",
	};

	for (size_t i = 0; i < s.len; i++) {
		const char *name = names[(unsigned char)s.at[i]];

		if (name)
			buf_add_text(out, name);
		else
			buf_add_char(out, s.at[i]);
	}
}
