#include "log_text.h"

#include <kube/time.h>

void log_text_start(struct log_text *l, const struct log_wish *wish)
{
	*l = (struct log_text){.wish = *wish};
	buf_init(&l->rest, LOG_FILE_LINE_MAX);
}

void log_text_stop(struct log_text *l)
{
	buf_done(&l->rest);
}

static void add_text(struct log_text *l, struct str text, struct buf *out)
{
	if ((int64_t)text.len >= l->wish.limit) {
		text = str_sub(text, 0, (size_t)l->wish.limit);
		l->full = true;
	}
	if (l->wish.limit != LOG_NO_LIMIT)
		l->wish.limit -= (int64_t)text.len;
	buf_add_str(out, text);
}

static bool is_wanted(struct log_text *l, struct str when, struct str stream)
{
	int64_t at;

	if (l->wish.stream.len && !str_eq(l->wish.stream, stream))
		return false;
	if (!l->wish.since || l->newer)
		return true;
	if (time_parse(when, &at, NULL))
		return false;
	l->newer = at >= l->wish.since;
	return l->newer;
}

/* "2026-01-02T15:04:05.123456789Z stdout F text": tags are separated by colons. */
static void add_line(struct log_text *l, struct str line, struct buf *out)
{
	struct str when, stream, tags, text, tag;

	if (!str_cut(line, ' ', &when, &text) || !str_cut(text, ' ', &stream, &text) ||
		!(str_cut(text, ' ', &tags, &text) || tags.len))
		return;
	if (!str_eq_text(stream, "stdout") && !str_eq_text(stream, "stderr"))
		return;
	if (!is_wanted(l, when, stream))
		return;
	if (l->wish.timestamps && !l->inside) {
		add_text(l, when, out);
		if (!l->full)
			add_text(l, STR(" "), out);
	}
	str_cut(tags, ':', &tag, &tags);
	l->inside = str_eq_text(tag, "P");
	if (!l->full)
		add_text(l, text, out);
	if (!l->full && !l->inside)
		add_text(l, STR("\n"), out);
}

int log_text_take(struct log_text *l, struct str bytes, struct buf *out, struct err *err)
{
	while (bytes.len && !l->full) {
		ssize_t end = str_find_char(bytes, '\n');

		if (end < 0) {
			buf_add_str(&l->rest, bytes);
			break;
		}
		if (l->rest.len) {
			buf_add(&l->rest, bytes.at, (size_t)end);
			add_line(l, buf_str(&l->rest), out);
			buf_clear(&l->rest);
		} else {
			add_line(l, str_sub(bytes, 0, (size_t)end), out);
		}
		bytes = str_skip(bytes, (size_t)end + 1);
	}
	return buf_over(&l->rest) ? err_set(err, ERR_LIMIT, "a line of the log is too long") : 0;
}

size_t log_text_back(struct str piece, bool last, int64_t *count)
{
	size_t at = piece.len;

	/* The end of the file's last line begins no other. */
	if (last && at && piece.at[at - 1] == '\n')
		at--;
	while (at > 0) {
		const char *end = memrchr(piece.at, '\n', at);

		if (!end)
			return 0;
		if (--*count == 0)
			return (size_t)(end - piece.at) + 1;
		at = (size_t)(end - piece.at);
	}
	return 0;
}
