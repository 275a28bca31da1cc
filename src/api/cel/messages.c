/* What well-known messages of protobuf are made of, and into which values they turn. */
#include "messages.h"

#include "dates.h"

#include <kube/time.h>

#define WRAPPER(symbol, its_kind, its_name)                                                        \
	static const struct cel_type symbol = {.kind = its_kind,                                   \
		.wraps = true,                                                                     \
		.name = STR_INIT(its_name),                                                        \
		.max_size = SIZE_UNTOLD}

WRAPPER(wrapped_bool, CEL_BOOL, "bool");
WRAPPER(wrapped_int, CEL_INT, "int");
WRAPPER(wrapped_uint, CEL_UINT, "uint");
WRAPPER(wrapped_double, CEL_DOUBLE, "double");
WRAPPER(wrapped_string, CEL_STRING, "string");
WRAPPER(wrapped_bytes, CEL_BYTES, "bytes");

static const struct cel_type any_list = {
	.kind = CEL_LIST, .name = STR_INIT("list"), .first = &cel_dyn, .max_size = SIZE_UNTOLD};
static const struct cel_type any_map = {.kind = CEL_MAP,
	.name = STR_INIT("map"),
	.first = &cel_string,
	.second = &cel_dyn,
	.max_size = SIZE_UNTOLD};

/* ---- what they turn into ---- */

static struct cel_value field_or(
	struct arena *a, struct cel_value fields, const char *name, struct cel_value otherwise)
{
	struct cel_value v;

	if (!map_find(a, fields, cel_str(str_from(name)), &v))
		return otherwise;
	if (v.kind != otherwise.kind)
		return cel_error(
			a, "unsupported field type for %s: %.*s", name, STRF(value_type_name(v)));
	return v;
}

static struct cel_value make_bool(struct arena *a, struct cel_value fields)
{
	return field_or(a, fields, "value", cel_truth(false));
}

static struct cel_value make_int64(struct arena *a, struct cel_value fields)
{
	return field_or(a, fields, "value", cel_number(0));
}

static struct cel_value make_int32(struct arena *a, struct cel_value fields)
{
	struct cel_value v = make_int64(a, fields);

	return v.kind == CEL_INT && v.i != (int32_t)v.i ? value_error_text("integer overflow") : v;
}

static struct cel_value make_uint64(struct arena *a, struct cel_value fields)
{
	return field_or(a, fields, "value", value_uint(0));
}

static struct cel_value make_uint32(struct arena *a, struct cel_value fields)
{
	struct cel_value v = make_uint64(a, fields);

	return v.kind == CEL_UINT && v.u > UINT32_MAX
		       ? value_error_text("unsigned integer overflow")
		       : v;
}

static struct cel_value make_double(struct arena *a, struct cel_value fields)
{
	return field_or(a, fields, "value", value_double(0));
}

static struct cel_value make_float(struct arena *a, struct cel_value fields)
{
	struct cel_value v = make_double(a, fields);

	return v.kind == CEL_DOUBLE ? value_double((float)v.d) : v;
}

static struct cel_value make_string(struct arena *a, struct cel_value fields)
{
	return field_or(a, fields, "value", cel_str(STR("")));
}

static struct cel_value make_bytes(struct arena *a, struct cel_value fields)
{
	return field_or(a, fields, "value", value_bytes(STR("")));
}

static struct cel_value make_timestamp(struct arena *a, struct cel_value fields)
{
	struct cel_value seconds = field_or(a, fields, "seconds", cel_number(0));
	struct cel_value nanos = field_or(a, fields, "nanos", cel_number(0));
	struct cel_value t = value_of(CEL_TIMESTAMP);

	if (value_fails(seconds) || value_fails(nanos))
		return value_fails(seconds) ? seconds : nanos;
	if (!time_in_range(seconds.i) || nanos.i < 0 || nanos.i >= 1000000000)
		return value_error_text("timestamp overflow");
	t.time.seconds = seconds.i;
	t.nanos = (int32_t)nanos.i;
	return t;
}

static struct cel_value make_duration(struct arena *a, struct cel_value fields)
{
	struct cel_value seconds = field_or(a, fields, "seconds", cel_number(0));
	struct cel_value nanos = field_or(a, fields, "nanos", cel_number(0));
	int64_t all;

	if (value_fails(seconds) || value_fails(nanos))
		return value_fails(seconds) ? seconds : nanos;
	if (__builtin_mul_overflow(seconds.i, 1000000000, &all) ||
		__builtin_add_overflow(all, nanos.i, &all))
		return value_error_text("duration overflow");
	return value_duration(all);
}

static struct cel_value make_struct(struct arena *a, struct cel_value fields)
{
	return field_or(a, fields, "fields", map_new(a, 0));
}

static struct cel_value make_list(struct arena *a, struct cel_value fields)
{
	return field_or(a, fields, "values", list_new(a, 0));
}

/* One of its fields; of several, any: null when there is none. */
static struct cel_value make_any(struct arena *a, struct cel_value fields)
{
	struct cel_value key, v = value_of(CEL_NULL);
	struct walk w = {0};

	while (map_walk(a, fields, &w, &key, &v))
		if (str_eq_text(key.str, "null_value"))
			v = value_of(CEL_NULL);
	return v;
}

/* ---- all of them ---- */

#define NAMED(last) STR_INIT("google.protobuf." last)
/* clang-format off */
static const struct message messages[] = {
	{NAMED("BoolValue"), &wrapped_bool, {{STR_INIT("value"), &cel_bool}}, make_bool},
	{NAMED("Int32Value"), &wrapped_int, {{STR_INIT("value"), &cel_int}}, make_int32},
	{NAMED("Int64Value"), &wrapped_int, {{STR_INIT("value"), &cel_int}}, make_int64},
	{NAMED("UInt32Value"), &wrapped_uint, {{STR_INIT("value"), &cel_uint}}, make_uint32},
	{NAMED("UInt64Value"), &wrapped_uint, {{STR_INIT("value"), &cel_uint}}, make_uint64},
	{NAMED("FloatValue"), &wrapped_double, {{STR_INIT("value"), &cel_double}}, make_float},
	{NAMED("DoubleValue"), &wrapped_double, {{STR_INIT("value"), &cel_double}}, make_double},
	{NAMED("StringValue"), &wrapped_string, {{STR_INIT("value"), &cel_string}}, make_string},
	{NAMED("BytesValue"), &wrapped_bytes, {{STR_INIT("value"), &cel_bytes}}, make_bytes},
	{NAMED("Timestamp"), &cel_timestamp,
		{{STR_INIT("seconds"), &cel_int}, {STR_INIT("nanos"), &cel_int}}, make_timestamp},
	{NAMED("Duration"), &cel_duration,
		{{STR_INIT("seconds"), &cel_int}, {STR_INIT("nanos"), &cel_int}}, make_duration},
	{NAMED("Struct"), &any_map, {{STR_INIT("fields"), &any_map}}, make_struct},
	{NAMED("ListValue"), &any_list, {{STR_INIT("values"), &any_list}}, make_list},
	{NAMED("Value"), &cel_dyn,
		{{STR_INIT("null_value"), &cel_int}, {STR_INIT("bool_value"), &cel_bool},
			{STR_INIT("number_value"), &cel_double},
			{STR_INIT("string_value"), &cel_string},
			{STR_INIT("list_value"), &any_list}, {STR_INIT("struct_value"), &any_map}},
		make_any},
};
/* clang-format on */

const struct message *message_find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(messages); i++)
		if (str_eq(messages[i].name, name))
			return &messages[i];
	return NULL;
}

const struct cel_type *message_field(const struct message *m, struct str name)
{
	for (size_t i = 0; i < MESSAGE_FIELDS && m->fields[i].type; i++)
		if (str_eq(m->fields[i].name, name))
			return m->fields[i].type;
	return NULL;
}
