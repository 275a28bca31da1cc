/* Named formats: format.dns1123Label().validate(…) and its like. */
#include "functions.h"

#include "opaque.h"
#include "urls.h"

#include <kube/codec.h>
#include <kube/names.h>
#include <math.h>

struct named_format {
	struct str name;
	name_check_fn *check; /* NULL: see validate */
	bool prefix;          /* a '-' at the end is fine */
	uint16_t regex;       /* characters of the expression that upstream counts */
};

static const struct named_format formats[] = {
	{STR_INIT("dns1123Label"), name_check_dns_label, false, 30},
	{STR_INIT("dns1123Subdomain"), name_check_dns_subdomain, false, 60},
	{STR_INIT("dns1035Label"), name_check_dns_label_1035, false, 30},
	{STR_INIT("qualifiedName"), name_check_qualified, false, 60},
	{STR_INIT("dns1123LabelPrefix"), name_check_dns_label, true, 30},
	{STR_INIT("dns1123SubdomainPrefix"), name_check_dns_subdomain, true, 60},
	{STR_INIT("dns1035LabelPrefix"), name_check_dns_label_1035, true, 30},
	{STR_INIT("labelValue"), name_check_label_value, false, 40},
	{STR_INIT("uri"), NULL, false, 1120},
	{STR_INIT("uuid"), NULL, false, 70},
	{STR_INIT("byte"), NULL, false, 84},
	{STR_INIT("date"), NULL, false, 71},
	{STR_INIT("datetime"), NULL, false, 71},
};

static const struct named_format *find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (str_eq(formats[i].name, name))
			return &formats[i];
	return NULL;
}

uint64_t format_cost(struct cel_value v, double factor)
{
	const struct named_format *f =
		v.kind == CEL_OPAQUE && v.type == &cel_format_type ? v.opaque : NULL;

	return f ? (uint64_t)ceil(f->regex * factor) : 1;
}

struct cel_value run_format_constant(struct call *c)
{
	struct str name = str_skip(c->expr->name, sizeof("format.") - 1);

	return value_opaque(&cel_format_type, find(name));
}

struct cel_value run_format_named(struct call *c)
{
	const struct named_format *f;

	if (!arg_is(c, 0, CEL_STRING))
		return value_no_overload();
	f = find(ARG_STR(c, 0));
	return f ? cel_some(c->arena, value_opaque(&cel_format_type, f)) : cel_none;
}

static bool is_uuid(struct str s)
{
	static const size_t groups[] = {8, 4, 4, 4, 12};
	size_t at = 0;

	for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
		if (g && at < s.len && s.at[at] == '-')
			at++;
		for (size_t i = 0; i < groups[g]; i++, at++)
			if (at >= s.len || !strchr("0123456789abcdefABCDEF", s.at[at]))
				return false;
	}
	return at == s.len;
}

static bool is_base64(struct str s)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(s.len + 4);

	return s.len > 0 && base64_decode(&out, s, NULL) == 0;
}

static bool is_date(struct str s)
{
	struct cel_value v;
	char text[20];

	if (s.len != 10)
		return false;
	memcpy(text, s.at, 10);
	memcpy(text + 10, "T00:00:00Z", 10);
	return read_time(str_make(text, sizeof(text)), &v);
}

/* Empty: all is well. */
static struct str check_other(struct arena *a, const struct named_format *f, struct str s)
{
	struct cel_value v;
	struct cel_url u;
	struct str why = STR("");

	if (str_eq_text(f->name, "uri"))
		return url_read(a, s, &u, &why) ? STR("") : why;
	if (str_eq_text(f->name, "uuid"))
		return is_uuid(s) ? STR("") : STR("does not match the UUID format");
	if (str_eq_text(f->name, "byte"))
		return is_base64(s) ? STR("") : STR("invalid base64");
	if (str_eq_text(f->name, "date"))
		return is_date(s) ? STR("") : STR("invalid date");
	return read_time(s, &v) ? STR("") : STR("invalid datetime");
}

struct cel_value run_validate(struct call *c)
{
	const struct named_format *f;
	struct name_faults faults = {0};
	struct cel_value list;
	struct str s, why;

	if (!arg_is_opaque(c, 0, &cel_format_type) || !arg_is(c, 1, CEL_STRING))
		return value_no_overload();
	f = c->args[0].opaque;
	s = ARG_STR(c, 1);
	list = list_new(c->arena, 4);
	if (!f->check) {
		why = check_other(c->arena, f, s);
		if (!why.len)
			return cel_none;
		list_push(c->arena, &list, cel_str(why));
		return cel_some(c->arena, list);
	}
	if (f->prefix && s.len > 1 && s.at[s.len - 1] == '-')
		s = arena_print(c->arena, "%.*sa", (int)s.len - 2, s.at);
	f->check(s, &faults);
	for (size_t i = 0; i < faults.count; i++)
		list_push(c->arena, &list, cel_str(str_from(faults.items[i])));
	return faults.count ? cel_some(c->arena, list) : cel_none;
}
