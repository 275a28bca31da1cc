#include "log_lines.h"

#include <kube/time.h>

void log_lines_init(struct log_lines *l, const char *stream)
{
	*l = (struct log_lines){.stream = stream};
	buf_init(&l->rest, LOG_LINE_MAX);
}

void log_lines_done(struct log_lines *l)
{
	buf_done(&l->rest);
}

static void add_head(struct buf *out, const char *stream, int64_t wall, char mark)
{
	struct time_parts t = time_split(wall);

	buf_print(out, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ %s %c ", t.year, t.month, t.day, t.hour,
		t.minute, t.second, t.nanosecond, stream, mark);
}

static void add_line(struct log_lines *l, struct str more, int64_t wall, char mark, struct buf *out)
{
	add_head(out, l->stream, wall, mark);
	buf_add_str(out, buf_str(&l->rest));
	buf_add_str(out, more);
	buf_add_char(out, '\n');
	buf_clear(&l->rest);
}

void log_lines_add(struct log_lines *l, struct str bytes, int64_t wall, struct buf *out)
{
	while (bytes.len) {
		const char *end = memchr(bytes.at, '\n', bytes.len);
		size_t len = end ? (size_t)(end - bytes.at) : bytes.len;
		size_t room = LOG_LINE_MAX - l->rest.len;
		if (len > room) {
			add_line(l, str_sub(bytes, 0, room), wall, 'P', out);
			bytes = str_skip(bytes, room);
			continue;
		}
		if (!end) {
			buf_add_str(&l->rest, bytes);
			return;
		}
		add_line(l, str_sub(bytes, 0, len), wall, 'F', out);
		bytes = str_skip(bytes, len + 1);
	}
}

void log_lines_end(struct log_lines *l, int64_t wall, struct buf *out)
{
	if (l->rest.len)
		add_line(l, (struct str){0}, wall, 'P', out);
}
