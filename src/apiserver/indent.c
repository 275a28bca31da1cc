/* JSON for people: as Go indents it, by two. */
#include "represent_private.h"

static void new_line(struct buf *out, int depth)
{
	buf_add_char(out, '\n');
	for (int i = 0; i < depth; i++)
		buf_add_text(out, "  ");
}

/* The text is compact and ours, so only strings need care. */
void indent_json(struct buf *out, struct str json)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < json.len; i++) {
		char c = json.at[i];

		if (in_string) {
			size_t from = i;

			while (i < json.len && json.at[i] != '"')
				i += json.at[i] == '\\' ? 2 : 1;
			buf_add(out, json.at + from, MIN(i + 1, json.len) - from);
			in_string = false;
			continue;
		}
		switch (c) {
		case '"':
			in_string = true;
			buf_add_char(out, c);
			break;
		case '{':
		case '[':
			buf_add_char(out, c);
			if (i + 1 < json.len && (json.at[i + 1] == '}' || json.at[i + 1] == ']')) {
				buf_add_char(out, json.at[++i]);
				break;
			}
			new_line(out, ++depth);
			break;
		case '}':
		case ']':
			new_line(out, --depth);
			buf_add_char(out, c);
			break;
		case ',':
			buf_add_char(out, c);
			new_line(out, depth);
			break;
		case ':':
			buf_add_text(out, ": ");
			break;
		default:
			buf_add_char(out, c);
		}
	}
}
