#include <kube/html.h>

void html_escape(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];

		switch (c) {
		case '&':
			buf_add_text(out, "&amp;");
			break;
		case '\'':
			buf_add_text(out, "&#39;");
			break;
		case '<':
			buf_add_text(out, "&lt;");
			break;
		case '>':
			buf_add_text(out, "&gt;");
			break;
		case '"':
			buf_add_text(out, "&#34;");
			break;
		case '\r':
			buf_add_text(out, "&#13;");
			break;
		default:
			buf_add_char(out, c);
		}
	}
}
