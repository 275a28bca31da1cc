#include <kube/log.h>

#include "log_redact.h"

#include <kube/time.h>

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

enum {
	/* One value, before escaping; one line. Both are cut, and say so. */
	VALUE_MAX = 4096,
	LINE_MAX_BYTES = 64 * 1024,
	/* A value may grow six times by escaping. */
	LINE_ROOM = LINE_MAX_BYTES + 8 * VALUE_MAX,
	REPEATS_MAX = 20,
};
#define REPEATS_WINDOW (10 * SEC)

static _Atomic(int) format = LOG_FORMAT_TEXT, verbosity, descriptor = 2;
static _Atomic(int64_t (*)(void)) clock_hook = clock_wall;
/* Lines lost because the descriptor took none; whether a line stands there unfinished. */
static _Atomic(uint32_t) lost;
static _Atomic(bool) torn;

void log_set_format(enum log_format wanted)
{
	format = wanted;
}

void log_set_verbosity(int level)
{
	verbosity = level;
}

int log_verbosity(void)
{
	return atomic_load_explicit(&verbosity, memory_order_relaxed);
}

void log_set_fd(int fd)
{
	descriptor = fd;
}

void log_set_clock(int64_t (*wall)(void))
{
	clock_hook = wall ? wall : clock_wall;
}

/*
 * Characters that a terminal or a reader of the log might take for something else: controls,
 * invisible ones and those that turn the direction of writing.
 */
static bool is_unprintable(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
	       (c >= 0xe0000 && c <= 0xe0fff);
}

/* The character at the start of s and its length; 0 bytes long if it is not valid UTF-8. */
static size_t decode_char(struct str s, uint32_t *c)
{
	unsigned char first = (unsigned char)s.at[0];
	size_t len = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	if (len > s.len || !str_is_utf8(str_make(s.at, len)))
		return 0;
	*c = len == 1 ? first : first & (0x7fu >> len);
	for (size_t i = 1; i < len; i++)
		*c = *c << 6 | ((unsigned char)s.at[i] & 0x3f);
	return len;
}

static const char *short_escape(uint32_t c, bool json)
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	case '\b':
		return "\\b";
	case '\f':
		return "\\f";
	case '\a':
		return json ? NULL : "\\a";
	case '\v':
		return json ? NULL : "\\v";
	default:
		return NULL;
	}
}

static void add_escape(struct buf *b, uint32_t c, bool json)
{
	if (c < 0x80 && !json)
		buf_print(b, "\\x%02x", c);
	else if (c <= 0xffff)
		buf_print(b, "\\u%04x", c);
	else if (json)
		buf_print(b, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 | (c & 0x3ff));
	else
		buf_print(b, "\\U%08x", c);
}

/* How much of s to show: not more than the limit, and no half character at the end. */
static size_t shown_length(struct str s)
{
	size_t end = MIN(s.len, (size_t)VALUE_MAX);
	for (size_t back = 0; end < s.len && back < 3; back++)
		if (((unsigned char)s.at[end - back] & 0xc0) != 0x80)
			return end - back;
	return end;
}

/* Text is quoted as Go's strconv does, JSON as JSON wants it. */
static void add_quoted(struct buf *b, struct str s, bool json)
{
	size_t plain = 0; /* not yet added: they need no escape */
	bool cut = s.len > VALUE_MAX;
	s = str_sub(s, 0, shown_length(s));
	buf_add_char(b, '"');
	while (plain < s.len) {
		uint32_t c = 0;
		size_t len = decode_char(str_skip(s, plain), &c);
		const char *escape = len ? short_escape(c, json) : NULL;
		if (len && !escape && !is_unprintable(c)) {
			plain += len;
			continue;
		}
		buf_add_str(b, str_sub(s, 0, plain));
		if (escape)
			buf_add_text(b, escape);
		else if (!len && json)
			buf_add_text(b, "\\ufffd");
		else if (!len)
			buf_print(b, "\\x%02x", (unsigned char)s.at[plain]);
		else
			add_escape(b, c, json);
		s = str_skip(s, plain + (len ? len : 1));
		plain = 0;
	}
	buf_add_str(b, s);
	if (cut)
		buf_add_text(b, "...");
	buf_add_char(b, '"');
}

static void add_safe(struct buf *b, struct str s, bool json)
{
	add_quoted(
		b, log_text_is_secret(str_sub(s, 0, 4 * VALUE_MAX)) ? STR("<redacted>") : s, json);
}

static void add_key(struct buf *b, const char *key, bool json)
{
	if (json) {
		buf_add_char(b, ',');
		add_quoted(b, str_from(key), true);
		buf_add_char(b, ':');
	} else {
		buf_print(b, " %s=", key);
	}
}

static void add_field(struct buf *b, const struct log_field *f, bool json)
{
	add_key(b, f->key, json);
	switch (f->kind) {
	case LOG_KIND_STR:
		if (log_key_is_secret(str_from(f->key)))
			add_quoted(b, STR("<redacted>"), json);
		else
			add_safe(b, f->text, json);
		break;
	case LOG_KIND_INT:
		buf_add_i64(b, f->number);
		break;
	case LOG_KIND_BOOL:
		buf_add_text(b, f->number ? "true" : "false");
		break;
	case LOG_KIND_DURATION:
		buf_add_char(b, '"');
		duration_print(b, f->number);
		buf_add_char(b, '"');
		break;
	case LOG_KIND_END:
		break;
	}
}

static void add_count(struct buf *b, const char *key, uint32_t count, bool json)
{
	if (count) {
		add_key(b, key, json);
		buf_add_u64(b, count);
	}
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* klog's: level and date, time, process, place; then the message. */
static void start_text(struct buf *b, const struct log_site *site, enum log_level level,
	int64_t now, const char *message)
{
	struct time_parts p = time_split(now);
	buf_print(b, "%c%02d%02d %02d:%02d:%02d.%06d %7d %s:%d] ", "IWE"[level], p.month, p.day,
		p.hour, p.minute, p.second, p.nanosecond / 1000, (int)getpid(),
		file_name(site->file), site->line);
	add_safe(b, str_from(message), false);
}

/* The fields of Kubernetes' JSON logs: the time in milliseconds. Only what is no info has a level.
 */
static void start_json(struct buf *b, const struct log_site *site, enum log_level level,
	int64_t now, const char *message)
{
	static const char *const levels[] = {NULL, "warning", "error"};
	/* A clock before 1970 is no clock; its two signs would be no number. */
	now = MAX(now, (int64_t)0);
	buf_print(b, "{\"ts\":%lld.%03d,\"v\":%d,", (long long)(now / MSEC),
		(int)(now % MSEC / USEC), site->v);
	if (levels[level])
		buf_print(b, "\"level\":\"%s\",", levels[level]);
	buf_print(b, "\"caller\":\"%s:%d\",\"msg\":", file_name(site->file), site->line);
	add_safe(b, str_from(message), true);
}

/*
 * May this line pass? Threads that meet at the end of a window may let a line more or less
 * through; what matters is that a site in a loop cannot flood the log.
 */
static bool site_passes(struct log_site *site, int64_t now, uint32_t *dropped)
{
	int64_t start = atomic_load(&site->window_start);
	/* Also when the wall clock was set back. */
	if (start == 0 || now < start || now - start >= REPEATS_WINDOW) {
		if (atomic_compare_exchange_strong(&site->window_start, &start, now ? now : 1))
			atomic_store(&site->in_window, 0);
	}
	if (atomic_fetch_add(&site->in_window, 1) >= REPEATS_MAX) {
		atomic_fetch_add(&site->dropped, 1);
		return false;
	}
	*dropped = atomic_exchange(&site->dropped, 0);
	return true;
}

/* Never tries again when the descriptor is full: a slow reader must not hold up the process. */
static bool write_line(struct str line)
{
	int fd = descriptor;
	size_t done = 0;
	while (done < line.len) {
		ssize_t written = write(fd, line.at + done, line.len - done);
		if (written > 0) {
			done += (size_t)written;
		} else if (written == 0 || errno != EINTR) {
			if (done > 0)
				torn = true;
			return false;
		}
	}
	return true;
}

void log_write(struct log_site *site, enum log_level level, const struct err *err,
	const char *message, const struct log_field *fields)
{
	int saved_errno = errno;
	int64_t now = atomic_load(&clock_hook)();
	bool json = format == LOG_FORMAT_JSON;
	uint32_t dropped = 0;
	if (!site_passes(site, now, &dropped))
		return;

	_cleanup_(buf_done) struct buf b = BUF_INIT(LINE_ROOM);
	if (atomic_exchange(&torn, false))
		buf_add_char(&b, '\n');
	(json ? start_json : start_text)(&b, site, level, now, message);
	if (err && err->code) {
		add_key(&b, "err", json);
		add_safe(&b, str_from(err_text(err)), json);
	}
	bool cut = false;
	for (const struct log_field *f = fields; f->key && !cut; f++) {
		size_t before = b.len;
		add_field(&b, f, json);
		cut = b.len > LINE_MAX_BYTES;
		if (cut)
			buf_cut(&b, before);
	}
	add_count(&b, "truncated", cut, json);
	add_count(&b, "dropped", dropped, json);
	uint32_t lost_before = atomic_exchange(&lost, 0);
	add_count(&b, "lost", lost_before, json);
	buf_add_text(&b, json ? "}\n" : "\n");
	if (!write_line(buf_str(&b)))
		atomic_fetch_add(&lost, lost_before + 1);
	errno = saved_errno;
}
