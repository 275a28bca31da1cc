#include "last_words.h"

#include <kube/buf.h>

/* "TIME STREAM TAG text" → its text; `whole`: a line ends with it. */
static bool text_of(struct str line, struct str *text, bool *whole)
{
	struct str time, stream, tag, rest;

	if (!str_cut(line, ' ', &time, &rest) || !str_cut(rest, ' ', &stream, &rest))
		return false;
	if (!str_cut(rest, ' ', &tag, text)) {
		tag = rest;
		*text = STR("");
	}
	*whole = str_starts(tag, STR("F"));
	return *whole || str_starts(tag, STR("P"));
}

/* Where the last `count` lines of it begin; its end ends one. */
static size_t last_lines(struct str text, size_t count)
{
	size_t at = text.len;

	if (at && text.at[at - 1] == '\n')
		at--;
	for (; at > 0; at--)
		if (text.at[at - 1] == '\n' && --count == 0)
			return at;
	return 0;
}

struct str last_words(struct arena *a, struct str log, bool begins)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(2 * LAST_WORDS_LOG);
	struct str line, text;
	bool whole;

	/* The first line may be half of one. */
	if (!begins)
		str_next(&log, '\n', &line);
	while (str_next(&log, '\n', &line)) {
		if (!text_of(line, &text, &whole))
			continue;
		buf_add_str(&out, text);
		if (whole)
			buf_add_char(&out, '\n');
	}
	text = buf_str(&out);
	text = str_skip(text, last_lines(text, LAST_WORDS_LINES));
	if (text.len > LAST_WORDS_BYTES)
		text = str_skip(text, text.len - LAST_WORDS_BYTES);
	return arena_str(a, text);
}
