/* Durations and times: whatever is read prints as text that reads as the same value. */
#include <kube/time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_duration(struct str s)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(256);
	struct err err = {0};
	int64_t ns, back;
	if (duration_parse(s, &ns, &err) != 0) {
		assert(err.code == ERR_SYNTAX && str_starts(str_from(err.text), STR("time: ")));
		assert(str_is_utf8(str_from(err.text)));
		err_done(&err);
		return;
	}
	assert(!err.code);
	duration_print(&b, ns);
	int code = duration_parse(buf_str(&b), &back, &err);
	assert(code == 0 && back == ns);
	buf_clear(&b);
	duration_print_human(&b, ns);
	assert(b.len > 0 && !buf_over(&b));
}

static void check_time(struct str s)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(256);
	struct err err = {0};
	struct time_parts parts, back;
	int64_t ns;
	if (time_parse_parts(s, &parts, &err) != 0) {
		assert(err.code == ERR_SYNTAX && str_is_utf8(str_from(err.text)));
		err_done(&err);
		return;
	}
	int code = time_parse(s, &ns, NULL);
	assert(code == 0 && ns == time_join(&parts));
	/* An offset may lead just out of the years that can be written. */
	if (parts.year >= 0 && parts.year <= 9999) {
		time_print_parts(&b, &parts);
		code = time_parse_parts(buf_str(&b), &back, NULL);
		back.nanosecond = parts.nanosecond;
		assert(code == 0 && time_join(&back) == time_join(&parts));
		assert(back.year == parts.year && back.second == parts.second);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_make((const char *)data, size);
	check_duration(s);
	check_time(s);
	return 0;
}
