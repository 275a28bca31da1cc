#include "flags_value.h"
#include "go_text.h"

#include <kube/time.h>

static int set_bool(bool *target, struct str text, struct err *err)
{
	if (!go_parse_bool(text, target))
		return go_number_error(err, "ParseBool", text, GO_NUMBER_SYNTAX);
	return 0;
}

static int set_int(int64_t *target, struct str text, struct err *err)
{
	enum go_number why = go_parse_int(text, target);

	return why == GO_NUMBER_OK ? 0 : go_number_error(err, "ParseInt", text, why);
}

static int set_double(double *target, struct str text, struct err *err)
{
	enum go_number why = go_parse_float(text, target);

	return why == GO_NUMBER_OK ? 0 : go_number_error(err, "ParseFloat", text, why);
}

static int set_duration(int64_t *target, struct str text, struct err *err)
{
	int code = duration_parse(text, target, err);

	if (code && err)
		err->code = ERR_USAGE;
	return code ? ERR_USAGE : 0;
}

int flags_set(struct flag *f, struct arena *a, struct str text, bool replace, struct err *err)
{
	if (text.len > FLAGS_MAX_VALUE)
		return err_set(err, ERR_USAGE, "value is longer than %zu bytes", FLAGS_MAX_VALUE);
	switch (f->kind) {
	case FLAG_KIND_STRING:
		*(struct str *)f->target = arena_str(a, text);
		return 0;
	case FLAG_KIND_BOOL:
		return set_bool(f->target, text, err);
	case FLAG_KIND_INT:
		return set_int(f->target, text, err);
	case FLAG_KIND_DOUBLE:
		return set_double(f->target, text, err);
	case FLAG_KIND_DURATION:
		return set_duration(f->target, text, err);
	case FLAG_KIND_QUANTITY:
		return quantity_parse_whole(text, f->target, err);
	case FLAG_KIND_LIST:
		return flags_set_list(f, a, text, replace, err);
	case FLAG_KIND_STRINGS:
		if (replace)
			flags_clear(f);
		return flags_add_item(f->target, a, text, err);
	case FLAG_KIND_MAP:
		return flags_set_map(f, a, text, replace, err);
	case FLAG_KIND_GATES:
		return flags_set_gates(f, a, text, replace, err);
	}
	assert(!"a flag of no kind");
	return ERR_INTERNAL;
}

void flags_clear(struct flag *f)
{
	static const size_t sizes[] = {
		[FLAG_KIND_STRING] = sizeof(struct str),
		[FLAG_KIND_BOOL] = sizeof(bool),
		[FLAG_KIND_INT] = sizeof(int64_t),
		[FLAG_KIND_DOUBLE] = sizeof(double),
		[FLAG_KIND_DURATION] = sizeof(int64_t),
		[FLAG_KIND_QUANTITY] = sizeof(int64_t),
		[FLAG_KIND_LIST] = sizeof(struct flag_list),
		[FLAG_KIND_STRINGS] = sizeof(struct flag_list),
		[FLAG_KIND_MAP] = sizeof(struct flag_map),
		[FLAG_KIND_GATES] = sizeof(struct flag_map),
	};

	memset(f->target, 0, sizes[f->kind]);
}
