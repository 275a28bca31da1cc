/* Scalars: what each kind reads, and the text it is kept as. */
#include "codec_parts.h"

#include <kube/codec.h>
#include <kube/quantity.h>
#include <kube/time.h>

#include <stdlib.h>

bool codec_scalar_accepts(const struct schema_field *f, const struct cJSON *in)
{
	enum json_type type = json_type(in);
	int64_t number;

	switch (f->kind) {
	case KIND_STRING:
	case KIND_BYTES:
	case KIND_TIME:
	case KIND_MICRO_TIME:
	case KIND_DURATION:
		return type == JSON_STRING;
	case KIND_BOOL:
		return type == JSON_BOOL;
	case KIND_INT32:
		return json_int(in, &number) && number >= INT32_MIN && number <= INT32_MAX;
	case KIND_INT64:
		return json_int(in, &number);
	case KIND_DOUBLE:
		return type == JSON_NUMBER;
	case KIND_INT_OR_STRING:
		return type == JSON_STRING ||
		       (json_int(in, &number) && number >= INT32_MIN && number <= INT32_MAX);
	default: /* KIND_QUANTITY reads strings and numbers; the rest any JSON */
		return true;
	}
}

/* ---- text ---- */

static int bytes(struct arena *a, const struct cJSON *in, struct cJSON **out, struct err *err)
{
	_cleanup_(buf_done) struct buf plain = BUF_INIT(16 * MIB), again = BUF_INIT(24 * MIB);

	if (base64_decode(&plain, json_str(in), err))
		return ERR_BAD_REQUEST;
	base64_encode(&again, buf_str(&plain));
	*out = str_eq(buf_str(&again), json_str(in)) ? json_share(a, in)
						     : json_new_str(a, buf_str(&again));
	return 0;
}

static int time_seconds(
	struct arena *a, const struct cJSON *in, struct cJSON **out, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	struct time_parts parts;

	if (!json_str(in).len) { /* Go's zero time prints as null */
		*out = json_new(a, JSON_NULL);
		return 0;
	}
	if (time_parse_parts(json_str(in), &parts, err))
		return ERR_BAD_REQUEST;
	time_print_parts(&text, &parts);
	*out = str_eq(buf_str(&text), json_str(in)) ? json_share(a, in)
						    : json_new_str(a, buf_str(&text));
	return 0;
}

#define MICRO_LAYOUT "2006-01-02T15:04:05.000000Z07:00"

/* What is wrong with a time that would do with another number of digits. */
static int micros_refused(struct str s, size_t dot, size_t digits, struct err *err)
{
	struct str rest = digits > 6 ? str_skip(s, dot + 7) : str_skip(s, dot);

	return err_set(err, ERR_BAD_REQUEST,
		"parsing time \"%.*s\" as \"" MICRO_LAYOUT "\": cannot parse \"%.*s\" as \"%s\"",
		STRF(s), STRF(rest), digits > 6 ? "Z07:00" : ".000000");
}

/* Go's words with the other layout in them. */
static int micros_unreadable(struct str s, struct err *err)
{
	static const struct str plain = STR_INIT("\"2006-01-02T15:04:05Z07:00\"");
	_cleanup_(err_done) struct err inner = {0};
	struct time_parts parts;

	time_parse_parts(s, &parts, &inner);
	struct str text = str_from(err_text(&inner));
	ssize_t at = str_find(text, plain);
	if (at < 0)
		return err_set(err, ERR_BAD_REQUEST, "%.*s", STRF(text));
	return err_set(err, ERR_BAD_REQUEST, "%.*s\"" MICRO_LAYOUT "\"%.*s",
		STRF(str_sub(text, 0, (size_t)at)), STRF(str_skip(text, (size_t)at + plain.len)));
}

/* Exactly six digits are read, as Go's layout says. */
static int time_micros(struct arena *a, const struct cJSON *in, struct cJSON **out, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	struct str s = json_str(in);
	struct time_parts parts;
	size_t dot = 19, digits = 0; /* "2006-01-02T15:04:05" */

	if (!s.len) {
		*out = json_new(a, JSON_NULL);
		return 0;
	}
	if (time_parse_parts(s, &parts, NULL))
		return micros_unreadable(s, err);
	while (s.at[dot] == '.' && dot + 1 + digits < s.len && s.at[dot + 1 + digits] >= '0' &&
		s.at[dot + 1 + digits] <= '9')
		digits++;
	if (digits != 6)
		return micros_refused(s, dot, digits, err);
	int nanos = parts.nanosecond;
	time_print_parts(&text, &parts);
	buf_cut(&text, text.len - 1); /* the Z */
	buf_print(&text, ".%06dZ", nanos / 1000);
	*out = json_new_str(a, buf_str(&text));
	return 0;
}

static int duration(struct arena *a, const struct cJSON *in, struct cJSON **out, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	int64_t ns;

	if (duration_parse(json_str(in), &ns, err))
		return ERR_BAD_REQUEST;
	duration_print(&text, ns);
	*out = json_new_str(a, buf_str(&text));
	return 0;
}

static int quantity(struct arena *a, const struct cJSON *in, struct cJSON **out, struct err *err)
{
	struct str text, canonical;

	if (json_is(in, JSON_NUMBER)) {
		text = json_number_text(a, in);
	} else if (json_is(in, JSON_STRING)) {
		text = str_trim(json_str(in));
	} else { /* upstream reads the raw text of whatever stands there */
		_cleanup_(buf_done) struct buf raw = BUF_INIT(64 * KIB);

		json_print(&raw, in, JSON_COMPACT);
		text = arena_str(a, buf_str(&raw));
	}
	if (quantity_canonical(a, text, &canonical, err))
		return ERR_BAD_REQUEST;
	*out = json_is(in, JSON_STRING) && str_eq(json_str(in), canonical)
		       ? json_share(a, in)
		       : json_new_str(a, canonical);
	return 0;
}

int codec_scalar(struct arena *a, const struct schema_field *f, const struct cJSON *in,
	struct cJSON **out, struct err *err)
{
	switch (f->kind) {
	case KIND_BYTES:
		return bytes(a, in, out, err);
	case KIND_TIME:
		return time_seconds(a, in, out, err);
	case KIND_MICRO_TIME:
		return time_micros(a, in, out, err);
	case KIND_DURATION:
		return duration(a, in, out, err);
	case KIND_QUANTITY:
		return quantity(a, in, out, err);
	case KIND_STRING:
	case KIND_BOOL:
	case KIND_INT32:
	case KIND_INT64:
	case KIND_DOUBLE:
	case KIND_INT_OR_STRING:
		*out = json_share(a, in);
		return 0;
	default:
		*out = json_copy(a, in);
		return 0;
	}
}
