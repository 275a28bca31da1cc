/* matches, find, findAll. */
#include "functions.h"

#include <kube/regex.h>

/* The expression's own, made beforehand when it is constant. NULL: *error. */
static const struct regex *regex_of(struct call *c, bool illegal, struct cel_value *error)
{
	const struct regex *r = c->expr->regex;
	struct str why;

	if (r)
		return r;
	r = regex_compile(c->arena, ARG_STR(c, 1), &why);
	if (!r)
		*error = cel_error(c->arena, "%s%.*s", illegal ? "Illegal regex: " : "", STRF(why));
	return r;
}

struct cel_value run_matches(struct call *c)
{
	const struct regex *r;
	struct cel_value error;
	size_t start, end;

	if (!arg_is(c, 0, CEL_STRING) || !arg_is(c, 1, CEL_STRING))
		return value_no_overload();
	r = regex_of(c, false, &error);
	if (!r)
		return error;
	return cel_truth(regex_find(regex_start(r, c->arena), ARG_STR(c, 0), 0, &start, &end));
}

struct cel_value run_find(struct call *c)
{
	const struct regex *r;
	struct cel_value error;
	size_t start, end;

	if (!arg_is(c, 0, CEL_STRING) || !arg_is(c, 1, CEL_STRING))
		return value_no_overload();
	r = regex_of(c, true, &error);
	if (!r)
		return error;
	if (!regex_find(regex_start(r, c->arena), ARG_STR(c, 0), 0, &start, &end))
		return cel_str(STR(""));
	return cel_str(str_sub(ARG_STR(c, 0), start, end));
}

struct cel_value run_find_all(struct call *c)
{
	int64_t left = c->count > 2 ? c->args[2].i : -1;
	struct cel_value list = list_new(c->arena, 4), error;
	const struct regex *r;
	struct regex_run *run;
	size_t at = 0, start, end, last = SIZE_MAX;
	struct str text;

	if (!arg_is(c, 0, CEL_STRING) || !arg_is(c, 1, CEL_STRING) ||
		(c->count > 2 && !arg_is(c, 2, CEL_INT)))
		return value_no_overload();
	r = regex_of(c, true, &error);
	if (!r)
		return error;
	text = ARG_STR(c, 0);
	run = regex_start(r, c->arena);
	while (left && at <= text.len && regex_find(run, text, at, &start, &end)) {
		/* An empty match right behind the last one is none. */
		if (end > start || start != last) {
			list_push(c->arena, &list, cel_str(str_sub(text, start, end)));
			left -= left > 0;
		}
		last = end;
		at = end;
		if (end == start)
			do
				at++;
			while (at < text.len && (text.at[at] & 0xc0) == 0x80);
	}
	return list;
}
