/*
 * TZif files: a head, tables for programs that know 32 bits only, a head, the same tables with 64
 * bits, and behind them, between two line ends, the rule that goes on for ever as POSIX writes it.
 */
#include <kube/zone.h>

#include <kube/time.h>

#define HEAD        44
#define OFFSET_MAX  (26 * 3600) /* no place is further away */
#define DAY_SECONDS (24 * 3600)
#define FAR         (INT64_MAX / SEC - 1000 * DAY_SECONDS) /* years round it can be counted */

/* When a rule's half of the year begins. */
struct turn {
	char kind;             /* J: 1…365 without leap days; 0: 0…365 with them; M */
	int day;               /* of M: of the week */
	int month, week;       /* of M; week 5: the last */
	int64_t second_of_day; /* on the clock that is then put forward or back */
};

struct rule {
	bool stands, changes;
	int64_t standard, summer; /* seconds east */
	struct turn to_summer, to_standard;
};

struct zone {
	size_t count;
	int64_t *times; /* s */
	int32_t *offsets;
	int32_t first; /* before all of them */
	struct rule rule;
};

/* ---- POSIX's rule: "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

static bool take_char(struct str *s, char c)
{
	if (!s->len || s->at[0] != c)
		return false;
	*s = str_skip(*s, 1);
	return true;
}

static bool take_number(struct str *s, int64_t most, int64_t *value)
{
	size_t n = 0;

	*value = 0;
	for (; n < s->len && n < 6 && s->at[n] >= '0' && s->at[n] <= '9'; n++)
		*value = *value * 10 + (s->at[n] - '0');
	*s = str_skip(*s, n);
	return n > 0 && *value <= most;
}

static bool take_name(struct str *s)
{
	bool quoted = take_char(s, '<');
	size_t n = 0;

	for (; n < s->len; n++) {
		char c = s->at[n], low = (char)(c | 32);

		if ((low < 'a' || low > 'z') &&
			!(quoted && (c == '+' || c == '-' || (c >= '0' && c <= '9'))))
			break;
	}
	*s = str_skip(*s, n);
	return n > 0 && (!quoted || take_char(s, '>'));
}

/* [+-]hours[:minutes[:seconds]] */
static bool take_clock(struct str *s, int64_t most_hours, int64_t *seconds)
{
	int64_t sign = take_char(s, '-') ? -1 : 1, part;

	if (sign > 0)
		take_char(s, '+');
	if (!take_number(s, most_hours, &part))
		return false;
	*seconds = part * 3600;
	for (int unit = 60; unit && take_char(s, ':'); unit = unit == 60 ? 1 : 0) {
		if (!take_number(s, 59, &part))
			return false;
		*seconds += part * unit;
	}
	*seconds *= sign;
	return true;
}

static bool take_turn(struct str *s, struct turn *t)
{
	int64_t month = 0, week = 0, day;

	t->kind = '0';
	if (take_char(s, 'J'))
		t->kind = 'J';
	else if (take_char(s, 'M'))
		t->kind = 'M';
	if (t->kind == 'M' && (!take_number(s, 12, &month) || !take_char(s, '.') ||
				      !take_number(s, 5, &week) || !take_char(s, '.')))
		return false;
	if (!take_number(s, t->kind == 'M' ? 6 : 365, &day))
		return false;
	if ((t->kind == 'M' && (!month || !week)) || (t->kind == 'J' && !day))
		return false;
	t->month = (int)month;
	t->week = (int)week;
	t->day = (int)day;
	t->second_of_day = 2 * 3600;
	return !take_char(s, '/') || take_clock(s, 167, &t->second_of_day);
}

static bool parse_rule(struct str s, struct rule *r)
{
	r->stands = true;
	/* POSIX counts to the west. */
	if (!take_name(&s) || !take_clock(&s, 24, &r->standard))
		return false;
	r->standard = -r->standard;
	if (!s.len)
		return true;
	r->changes = true;
	if (!take_name(&s))
		return false;
	r->summer = r->standard + 3600;
	if (s.len && s.at[0] != ',') {
		if (!take_clock(&s, 24, &r->summer))
			return false;
		r->summer = -r->summer;
	}
	return take_char(&s, ',') && take_turn(&s, &r->to_summer) && take_char(&s, ',') &&
	       take_turn(&s, &r->to_standard) && !s.len;
}

/* ---- when a rule turns ---- */

static int64_t first_of(int year, int month)
{
	return time_join(&(struct time_parts){.year = year, .month = month, .day = 1}) / SEC;
}

static int64_t month_turn(const struct turn *t, int year)
{
	int64_t first = first_of(year, t->month);
	int64_t next = t->month == 12 ? first_of(year + 1, 1) : first_of(year, t->month + 1);
	int weekday = time_split(first * SEC).weekday;
	int64_t at =
		first + (int64_t)((t->day - weekday + 7) % 7 + (t->week - 1) * 7) * DAY_SECONDS;

	return at < next ? at : at - 7 * DAY_SECONDS; /* the fifth is the last there is */
}

/* UTC seconds, with the offset that held until then. */
static int64_t turn_at(const struct turn *t, int year, int64_t offset)
{
	int64_t days = t->day, at = first_of(year, 1);
	bool leap = first_of(year, 3) - first_of(year, 2) == 29 * DAY_SECONDS;

	if (t->kind == 'M')
		at = month_turn(t, year);
	else
		at += (t->kind == '0' ? days : days - 1 + (leap && days >= 60)) * DAY_SECONDS;
	return at + t->second_of_day - offset;
}

static int64_t rule_offset(const struct rule *r, int64_t at)
{
	if (!r->changes)
		return r->standard;
	int year = time_split((at + r->standard) * SEC).year;
	int64_t summer = turn_at(&r->to_summer, year, r->standard);
	int64_t standard = turn_at(&r->to_standard, year, r->summer);
	/* South of the equator the year begins in summer. */
	bool is_summer =
		summer < standard ? at >= summer && at < standard : at >= summer || at < standard;

	return is_summer ? r->summer : r->standard;
}

/* ---- the file ---- */

static uint64_t big(struct str s, size_t at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | (uint8_t)s.at[at + i];
	return value;
}

struct tables {
	size_t utc, standard, leaps, times, types, letters;
	size_t time_bytes;
};

static bool read_head(struct str s, size_t time_bytes, struct tables *t)
{
	size_t *const counts[] = {
		&t->utc, &t->standard, &t->leaps, &t->times, &t->types, &t->letters};

	if (s.len < HEAD || !str_starts(s, STR("TZif")))
		return false;
	for (size_t i = 0; i < 6; i++) {
		*counts[i] = (size_t)big(s, 20 + 4 * i, 4);
		if (*counts[i] > ZONE_BYTES_MAX)
			return false;
	}
	t->time_bytes = time_bytes;
	return t->types > 0;
}

static size_t tables_size(const struct tables *t)
{
	return t->times * (t->time_bytes + 1) + t->types * 6 + t->letters +
	       t->leaps * (t->time_bytes + 4) + t->standard + t->utc;
}

static bool take_offset(struct str s, size_t types_at, size_t type, int32_t *offset)
{
	*offset = (int32_t)(uint32_t)big(s, types_at + 6 * type, 4);
	return *offset > -OFFSET_MAX && *offset < OFFSET_MAX;
}

static bool read_tables(struct arena *a, struct str s, const struct tables *t, struct zone *z)
{
	size_t kinds_at = HEAD + t->times * t->time_bytes, types_at = kinds_at + t->times;

	z->count = t->times;
	z->times = arena_alloc(a, (z->count + 1) * sizeof(*z->times));
	z->offsets = arena_alloc(a, (z->count + 1) * sizeof(*z->offsets));
	for (size_t i = 0; i < z->count; i++) {
		uint64_t raw = big(s, HEAD + i * t->time_bytes, t->time_bytes);
		size_t type = (uint8_t)s.at[kinds_at + i];

		z->times[i] = t->time_bytes == 4 ? (int32_t)(uint32_t)raw : (int64_t)raw;
		if ((i && z->times[i] <= z->times[i - 1]) || type >= t->types ||
			!take_offset(s, types_at, type, &z->offsets[i]))
			return false;
	}
	return take_offset(s, types_at, 0, &z->first);
}

static bool read_footer(struct str s, struct rule *r)
{
	struct str text, rest;

	if (!take_char(&s, '\n') || !str_cut(s, '\n', &text, &rest))
		return false;
	return !text.len || parse_rule(text, r); /* none: the last offset holds */
}

static bool read_file(struct arena *a, struct str s, struct zone *z)
{
	struct tables t;

	if (!read_head(s, 4, &t) || s.len < HEAD + tables_size(&t))
		return false;
	if (s.at[4] < '2')
		return read_tables(a, s, &t, z);
	s = str_skip(s, HEAD + tables_size(&t));
	if (!read_head(s, 8, &t) || s.len < HEAD + tables_size(&t))
		return false;
	return read_tables(a, s, &t, z) &&
	       read_footer(str_skip(s, HEAD + tables_size(&t)), &z->rule);
}

int zone_parse(struct arena *a, struct str bytes, struct zone **zone, struct err *err)
{
	struct zone *z = arena_new(a, sizeof(*z));

	if (bytes.len > ZONE_BYTES_MAX)
		return err_set(err, ERR_TOO_LARGE, "a time zone of more than %d bytes",
			(int)ZONE_BYTES_MAX);
	if (!read_file(a, bytes, z))
		return err_set(err, ERR_SYNTAX, "malformed time zone information");
	*zone = z;
	return 0;
}

int64_t zone_offset(const struct zone *zone, int64_t wall)
{
	return zone_offset_at(zone, wall / SEC - (wall % SEC < 0));
}

int64_t zone_offset_at(const struct zone *zone, int64_t seconds)
{
	int64_t at = MIN(MAX(seconds, -FAR), FAR);
	size_t low = 0, high;

	if (!zone)
		return 0;
	for (high = zone->count; low < high;) {
		size_t middle = low + (high - low) / 2;

		if (zone->times[middle] <= at)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == zone->count && zone->rule.stands)
		return rule_offset(&zone->rule, at);
	return low ? zone->offsets[low - 1] : zone->first;
}
