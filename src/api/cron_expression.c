#include <kube/cron.h>

#include <kube/time.h>

#define FIELDS 5

struct bounds {
	uint64_t low, high;
	const char *names; /* three letters each, from `low` on; NULL: none */
};

static const struct bounds limits[FIELDS] = {
	{0, 59, NULL},
	{0, 23, NULL},
	{1, 31, NULL},
	{1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
	{0, 6, "sunmontuewedthufrisat"},
};

/* ---- numbers ---- */

static bool name_value(struct str text, const struct bounds *b, uint64_t *value)
{
	for (size_t i = 0; b->names && text.len == 3 && b->names[3 * i]; i++)
		if (str_eq_nocase(text, str_make(b->names + 3 * i, 3))) {
			*value = b->low + i;
			return true;
		}
	return false;
}

static int parse_number(struct str text, uint64_t *value, struct err *err)
{
	int64_t number;

	if (!str_to_i64(text, &number))
		return err_set(err, ERR_BAD_REQUEST,
			"failed to parse int from %.*s: strconv.Atoi: parsing \"%.*s\": invalid "
			"syntax",
			STRF(text), STRF(text));
	if (number < 0)
		return err_set(err, ERR_BAD_REQUEST, "negative number (%lld) not allowed: %.*s",
			(long long)number, STRF(text));
	*value = (uint64_t)number;
	return 0;
}

static int parse_value(struct str text, const struct bounds *b, uint64_t *value, struct err *err)
{
	return name_value(text, b, value) ? 0 : parse_number(text, value, err);
}

/* ---- fields ---- */

static uint64_t bits(uint64_t from, uint64_t to, uint64_t step)
{
	uint64_t set = 0;

	for (uint64_t i = from; i <= to; i += step)
		set |= 1ULL << i;
	return set;
}

/* How many pieces a separator makes of the text. */
static size_t pieces(struct str text, char sep)
{
	size_t count = 1;

	for (size_t i = 0; i < text.len; i++)
		count += text.at[i] == sep;
	return count;
}

struct range {
	uint64_t from, to, step;
	bool star, single;
};

static int parse_ends(
	struct str text, struct str whole, const struct bounds *b, struct range *r, struct err *err)
{
	struct str low, high;

	r->single = !str_cut(text, '-', &low, &high);
	r->star = str_eq_text(low, "*") || str_eq_text(low, "?");
	if (r->star) {
		r->from = b->low;
		r->to = b->high;
		return 0;
	}
	if (parse_value(low, b, &r->from, err))
		return ERR_BAD_REQUEST;
	if (pieces(text, '-') > 2)
		return err_set(err, ERR_BAD_REQUEST, "too many hyphens: %.*s", STRF(whole));
	r->to = r->from;
	return r->single ? 0 : parse_value(high, b, &r->to, err);
}

static int parse_step(
	struct str text, struct str whole, const struct bounds *b, struct range *r, struct err *err)
{
	struct str ends, step;
	size_t count = pieces(text, '/');

	str_cut(text, '/', &ends, &step);
	r->step = 1;
	if (count == 1)
		return 0;
	if (count > 2)
		return err_set(err, ERR_BAD_REQUEST, "too many slashes: %.*s", STRF(whole));
	if (parse_number(step, &r->step, err))
		return ERR_BAD_REQUEST;
	if (r->single)
		r->to = b->high; /* N/step means from N on */
	if (r->step > 1)
		r->star = false;
	return 0;
}

static int parse_range(
	struct str text, const struct bounds *b, uint64_t *set, bool *star, struct err *err)
{
	struct range r = {0};
	struct str ends, step;

	str_cut(text, '/', &ends, &step);
	if (parse_ends(ends, text, b, &r, err) || parse_step(text, text, b, &r, err))
		return ERR_BAD_REQUEST;
	if (r.from < b->low)
		return err_set(err, ERR_BAD_REQUEST,
			"beginning of range (%llu) below minimum (%llu): %.*s",
			(unsigned long long)r.from, (unsigned long long)b->low, STRF(text));
	if (r.to > b->high)
		return err_set(err, ERR_BAD_REQUEST,
			"end of range (%llu) above maximum (%llu): %.*s", (unsigned long long)r.to,
			(unsigned long long)b->high, STRF(text));
	if (r.from > r.to)
		return err_set(err, ERR_BAD_REQUEST,
			"beginning of range (%llu) beyond end of range (%llu): %.*s",
			(unsigned long long)r.from, (unsigned long long)r.to, STRF(text));
	if (!r.step)
		return err_set(err, ERR_BAD_REQUEST,
			"step of range should be a positive number: %.*s", STRF(text));
	*set |= bits(r.from, r.to, r.step);
	*star |= r.star;
	return 0;
}

static int parse_field(
	struct str text, const struct bounds *b, uint64_t *set, bool *star, struct err *err)
{
	struct str rest = text, one;

	*set = 0;
	*star = false;
	while (str_next(&rest, ',', &one))
		if (one.len && parse_range(one, b, set, star, err))
			return ERR_BAD_REQUEST;
	return 0;
}

/* ---- descriptors ---- */

static const struct {
	const char *name, *fields;
} descriptors[] = {
	{"@yearly", "0 0 1 1 *"},
	{"@annually", "0 0 1 1 *"},
	{"@monthly", "0 0 1 * *"},
	{"@weekly", "0 0 * * 0"},
	{"@daily", "0 0 * * *"},
	{"@midnight", "0 0 * * *"},
	{"@hourly", "0 * * * *"},
};

static int parse_fields(struct str text, struct cron_schedule *s, struct err *err);

static int parse_descriptor(struct str text, struct cron_schedule *s, struct err *err)
{
	_cleanup_(err_done) struct err inner = {0};
	const struct str every = STR_INIT("@every ");

	for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++)
		if (str_eq_text(text, descriptors[i].name))
			return parse_fields(str_from(descriptors[i].fields), s, err);
	if (!str_starts(text, every))
		return err_set(err, ERR_BAD_REQUEST, "unrecognized descriptor: %.*s", STRF(text));
	if (duration_parse(str_skip(text, every.len), &s->every, &inner))
		return err_set(err, ERR_BAD_REQUEST, "failed to parse duration %.*s: %s",
			STRF(text), err_text(&inner));
	if (s->every < SEC)
		s->every = SEC;
	return 0;
}

/* ---- the whole ---- */

static bool next_word(struct str *rest, struct str *word)
{
	size_t end = 0;

	*rest = str_trim(*rest);
	while (end < rest->len && !strchr(" \t\r\n", rest->at[end]))
		end++;
	*word = str_sub(*rest, 0, end);
	*rest = str_skip(*rest, end);
	return word->len > 0;
}

static int parse_fields(struct str text, struct cron_schedule *s, struct err *err)
{
	uint64_t *const sets[FIELDS] = {&s->minutes, &s->hours, &s->days, &s->months, &s->weekdays};
	struct str rest = text, word, words[FIELDS];
	_cleanup_(buf_done) struct buf shown = BUF_INIT(64 * KIB);
	bool stars[FIELDS] = {0};
	size_t count = 0;

	while (next_word(&rest, &word)) {
		if (count < FIELDS)
			words[count] = word;
		buf_print(&shown, "%s%.*s", count++ ? " " : "", STRF(word));
	}
	if (count != FIELDS)
		return err_set(err, ERR_BAD_REQUEST, "expected exactly 5 fields, found %zu: [%.*s]",
			count, STRF(buf_str(&shown)));
	for (size_t i = 0; i < FIELDS; i++)
		if (parse_field(words[i], &limits[i], sets[i], &stars[i], err))
			return ERR_BAD_REQUEST;
	s->any_day = stars[2];
	s->any_weekday = stars[4];
	return 0;
}

int cron_parse(struct str text, struct cron_schedule *s, struct err *err)
{
	*s = (struct cron_schedule){0};
	if (!text.len)
		return err_set(err, ERR_BAD_REQUEST, "empty spec string");
	if (str_starts(text, STR("TZ=")) || str_starts(text, STR("CRON_TZ="))) {
		ssize_t space = str_find_char(text, ' ');

		text = space < 0 ? (struct str){0} : str_trim(str_skip(text, (size_t)space));
	}
	if (text.len && text.at[0] == '@')
		return parse_descriptor(text, s, err);
	return parse_fields(text, s, err);
}

/* ---- zones ---- */

bool time_zone_known(struct str name)
{
	static const char *const zones[] = {
#define ZONE(name) name,
#include "def/timezones.def"
#undef ZONE
	};
	size_t low = 0, high = sizeof(zones) / sizeof(zones[0]);

	if (!name.len || str_eq_text(name, "Local"))
		return true;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = str_cmp(str_from(zones[mid]), name);

		if (!order)
			return true;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}
