/* Semantic versions. */
#include "functions.h"

#include "opaque.h"

static bool refuse(struct arena *a, struct str *why, const char *what, struct str part)
{
	*why = arena_print(a, "%s \"%.*s\"", what, STRF(part));
	return false;
}

static bool only(struct str s, bool digits_only)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		bool digit = c >= '0' && c <= '9';
		if (!digit && (digits_only || (!((c | 32) >= 'a' && (c | 32) <= 'z') && c != '-')))
			return false;
	}
	return s.len > 0;
}

static bool read_part(
	struct arena *a, struct str s, const char *name, uint64_t *value, struct str *why)
{
	static const char *const capital[] = {"Major", "Minor", "Patch"};
	const char *named =
		name[0] == 'm' ? (name[1] == 'a' ? capital[0] : capital[1]) : capital[2];

	if (!only(s, true))
		return refuse(a, why,
			arena_print(a, "Invalid character(s) found in %s number", name).at, s);
	if (s.len > 1 && s.at[0] == '0')
		return refuse(a, why,
			arena_print(a, "%s number must not contain leading zeroes", named).at, s);
	if (!str_to_u64(s, value)) {
		*why = arena_print(
			a, "strconv.ParseUint: parsing \"%.*s\": value out of range", STRF(s));
		return false;
	}
	return true;
}

static bool read_before(struct arena *a, struct str s, struct str *why)
{
	struct str rest = s, part;

	while (str_next(&rest, '.', &part)) {
		if (!part.len) {
			*why = STR("Prerelease is empty");
			return false;
		}
		if (only(part, true) && part.len > 1 && part.at[0] == '0')
			return refuse(a, why,
				"Numeric PreRelease version must not contain leading zeroes", part);
		if (!only(part, false))
			return refuse(a, why, "Invalid character(s) found in prerelease", part);
	}
	return true;
}

static bool read_build(struct arena *a, struct str s, struct str *why)
{
	struct str rest = s, part;

	while (str_next(&rest, '.', &part)) {
		if (!part.len) {
			*why = STR("Build meta data is empty");
			return false;
		}
		if (!only(part, false))
			return refuse(
				a, why, "Invalid character(s) found in build meta data", part);
	}
	return true;
}

static bool read_version(struct arena *a, struct str s, struct semver *v, struct str *why)
{
	struct str major, minor, patch, build;
	bool built, marked;

	if (!s.len) {
		*why = STR("Version string empty");
		return false;
	}
	if (!str_cut(s, '.', &major, &patch) || !str_cut(patch, '.', &minor, &patch)) {
		*why = STR("No Major.Minor.Patch elements found");
		return false;
	}
	built = str_cut(patch, '+', &patch, &build);
	marked = str_cut(patch, '-', &patch, &v->before);
	v->before = marked ? v->before : STR("");
	if (!read_part(a, major, "major", &v->major, why) ||
		!read_part(a, minor, "minor", &v->minor, why) ||
		!read_part(a, patch, "patch", &v->patch, why))
		return false;
	if (marked && !read_before(a, v->before.at ? v->before : STR(""), why))
		return false;
	return !built || read_build(a, build, why);
}

/* "v1", "01.2" → "1.0.0", "1.2.0"; false: *why. */
static bool normalize(struct arena *a, struct str *s, struct str *why)
{
	struct str parts[3], rest = str_skip(*s, str_starts(*s, STR("v")));
	size_t count = 0;
	bool more = true;

	while (more && count < 3) {
		if (count == 2) {
			parts[count++] = rest;
			break;
		}
		more = str_cut(rest, '.', &parts[count++], &rest);
	}
	for (size_t i = 0; i < count; i++) {
		struct str p = parts[i];
		if (p.len <= 1)
			continue;
		while (p.len && p.at[0] == '0')
			p = str_skip(p, 1);
		if (!p.len || p.at[0] < '0' || p.at[0] > '9')
			p = arena_print(a, "0%.*s", STRF(p));
		parts[i] = p;
	}
	if (count < 3 && (str_find_char(parts[count - 1], '+') >= 0 ||
				 str_find_char(parts[count - 1], '-') >= 0)) {
		*why = STR("short version cannot contain PreRelease/Build meta data");
		return false;
	}
	while (count < 3)
		parts[count++] = STR("0");
	*s = arena_print(a, "%.*s.%.*s.%.*s", STRF(parts[0]), STRF(parts[1]), STRF(parts[2]));
	return true;
}

/* NULL: *error. */
static const struct semver *version_of(struct call *c, struct cel_value *error)
{
	struct semver *v = arena_new(c->arena, sizeof(*v));
	struct str text = ARG_STR(c, 0), why;

	if (c->count > 1 && c->args[1].b && !normalize(c->arena, &text, &why))
		*error = (struct cel_value){.kind = CEL_ERROR, .str = why};
	else if (!read_version(c->arena, text, v, &why))
		*error = (struct cel_value){.kind = CEL_ERROR, .str = why};
	else
		return v;
	return NULL;
}

struct cel_value cel_semver(struct arena *a, struct str text)
{
	struct semver *v = arena_new(a, sizeof(*v));
	struct str why;

	return read_version(a, text, v, &why) ? value_opaque(&cel_semver_type, v)
					      : (struct cel_value){.kind = CEL_ERROR, .str = why};
}

static bool version_args(const struct call *c)
{
	return arg_is(c, 0, CEL_STRING) && (c->count < 2 || arg_is(c, 1, CEL_BOOL));
}

struct cel_value run_semver(struct call *c)
{
	const struct semver *v;
	struct cel_value error;

	if (!version_args(c))
		return value_no_signature(c);
	v = version_of(c, &error);
	return v ? value_opaque(&cel_semver_type, v) : error;
}

struct cel_value run_is_semver(struct call *c)
{
	struct cel_value error;

	return version_args(c) ? cel_truth(version_of(c, &error)) : value_no_signature(c);
}

#define NUMBER(function, part)                                                                     \
	struct cel_value function(struct call *c)                                                  \
	{                                                                                          \
		const struct semver *v;                                                            \
                                                                                                   \
		if (!arg_is_opaque(c, 0, &cel_semver_type))                                        \
			return value_no_signature(c);                                              \
		v = c->args[0].opaque;                                                             \
		return cel_number((int64_t)v->part);                                               \
	}

NUMBER(run_major, major)
NUMBER(run_minor, minor)
NUMBER(run_patch, patch)

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Parts in turn: numbers before words, numbers by value, words by bytes; fewer parts first. */
static int compare_before(struct str x, struct str y)
{
	struct str p, q;
	int c;

	if (!x.len || !y.len)
		return !x.len - !y.len;
	for (;;) {
		bool more_x = str_next(&x, '.', &p), more_y = str_next(&y, '.', &q);
		bool number_x, number_y;
		if (!more_x || !more_y)
			return (int)more_x - (int)more_y;
		number_x = only(p, true);
		number_y = only(q, true);
		if (number_x != number_y)
			return number_x ? -1 : 1;
		c = number_x && p.len != q.len ? order(p.len, q.len) : str_cmp(p, q);
		if (c)
			return c < 0 ? -1 : 1;
	}
}

int semver_compare(const struct semver *a, const struct semver *b)
{
	int c = order(a->major, b->major);

	if (!c)
		c = order(a->minor, b->minor);
	if (!c)
		c = order(a->patch, b->patch);
	return c ? c : compare_before(a->before, b->before);
}
