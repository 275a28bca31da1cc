/* Simple values as text: what string() and "%s" make of them. */
#include "dates.h"
#include "value.h"

#include <math.h>
#include <stdlib.h>

#define SECOND_NS ((int64_t)1000000000)

/* Go's strconv with 'g' and the fewest digits: exponents below -4 and from 6 on are written. */
void print_double(struct buf *out, double d)
{
	char digits[64];
	int exponent, precision, count;

	if (isnan(d) || isinf(d)) {
		buf_add_text(out, isnan(d) ? "NaN" : d < 0 ? "-Inf" : "+Inf");
		return;
	}
	for (precision = 0; precision < 17; precision++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(sizeof(digits));
		buf_print(&text, "%.*e", precision, d);
		memcpy(digits, buf_text(&text), text.len + 1);
		if (strtod(digits, NULL) == d)
			break;
	}
	exponent = (int)strtol(strchr(digits, 'e') + 1, NULL, 10);
	count = precision + 1;
	if (exponent < -4 || exponent >= 6) {
		*strchr(digits, 'e') = '\0';
		buf_print(out, "%se%c%02d", digits, exponent < 0 ? '-' : '+', abs(exponent));
		return;
	}
	buf_print(out, "%.*f", MAX(count - 1 - exponent, 0), d);
}

/* "90061.5s" */
static void print_span(struct buf *out, int64_t ns)
{
	/* Upstream goes by seconds as a double, which FormatFloat writes without an exponent. */
	double seconds = (double)(ns / SECOND_NS) + (double)(ns % SECOND_NS) / 1e9;
	char text[64];
	int precision = 0;

	for (; precision < 10; precision++) {
		_cleanup_(buf_done) struct buf b = BUF_INIT(sizeof(text));
		buf_print(&b, "%.*f", precision, seconds);
		memcpy(text, buf_text(&b), b.len + 1);
		if (strtod(text, NULL) == seconds)
			break;
	}
	buf_print(out, "%ss", text);
}

static void print_time(struct buf *out, struct cel_value v)
{
	struct time_parts t;
	int64_t local = v.time.seconds + v.time.offset;
	int64_t days = local / 86400, rest = local % 86400;
	int offset = v.time.offset / 60;

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	t = date_of_days(days);
	buf_print(out, "%04d-%02d-%02dT%02d:%02d:%02d", t.year, t.month, t.day, (int)(rest / 3600),
		(int)(rest / 60 % 60), (int)(rest % 60));
	if (v.nanos) {
		char fraction[16];
		int len = 9;
		_cleanup_(buf_done) struct buf b = BUF_INIT(sizeof(fraction));
		buf_print(&b, "%09d", v.nanos);
		memcpy(fraction, buf_text(&b), 10);
		while (fraction[len - 1] == '0')
			len--;
		buf_print(out, ".%.*s", len, fraction);
	}
	if (!v.time.offset)
		buf_add_char(out, 'Z');
	else
		buf_print(out, "%c%02d:%02d", offset < 0 ? '-' : '+', abs(offset) / 60,
			abs(offset) % 60);
}

void print_plain(struct buf *out, struct cel_value v)
{
	switch (v.kind) {
	case CEL_NULL:
		buf_add_text(out, "null");
		break;
	case CEL_BOOL:
		buf_add_text(out, v.b ? "true" : "false");
		break;
	case CEL_INT:
		buf_add_i64(out, v.i);
		break;
	case CEL_UINT:
		buf_add_u64(out, v.u);
		break;
	case CEL_DOUBLE:
		print_double(out, v.d);
		break;
	case CEL_TIMESTAMP:
		print_time(out, v);
		break;
	case CEL_DURATION:
		print_span(out, v.i);
		break;
	case CEL_TYPE:
		buf_add_str(out, type_runtime_name(v.of));
		break;
	default:
		buf_add_str(out, v.str);
	}
}
