/* Types: what there is, what it is called, which are the same. */
#include "value.h"

#define SIMPLE(symbol, its_kind, its_name)                                                         \
	const struct cel_type symbol = {                                                           \
		.kind = its_kind, .name = STR_INIT(its_name), .max_size = SIZE_UNTOLD}

SIMPLE(cel_dyn, CEL_DYN, "dyn");
SIMPLE(cel_error_type, CEL_ERROR, "!error!");
SIMPLE(cel_null, CEL_NULL, "null_type");
SIMPLE(cel_bool, CEL_BOOL, "bool");
SIMPLE(cel_int, CEL_INT, "int");
SIMPLE(cel_uint, CEL_UINT, "uint");
SIMPLE(cel_double, CEL_DOUBLE, "double");
SIMPLE(cel_string, CEL_STRING, "string");
SIMPLE(cel_bytes, CEL_BYTES, "bytes");
SIMPLE(cel_timestamp, CEL_TIMESTAMP, "google.protobuf.Timestamp");
SIMPLE(cel_duration, CEL_DURATION, "google.protobuf.Duration");
SIMPLE(cel_any_type, CEL_TYPE, "type");
SIMPLE(cel_url_type, CEL_OPAQUE, "kubernetes.URL");
SIMPLE(cel_ip_type, CEL_OPAQUE, "net.IP");
SIMPLE(cel_cidr_type, CEL_OPAQUE, "net.CIDR");
SIMPLE(cel_quantity_type, CEL_OPAQUE, "kubernetes.Quantity");
SIMPLE(cel_semver_type, CEL_OPAQUE, "kubernetes.Semver");
SIMPLE(cel_format_type, CEL_OPAQUE, "kubernetes.NamedFormat");
SIMPLE(cel_authorizer_type, CEL_OPAQUE, "kubernetes.authorization.Authorizer");
SIMPLE(cel_path_check_type, CEL_OPAQUE, "kubernetes.authorization.PathCheck");
SIMPLE(cel_group_check_type, CEL_OPAQUE, "kubernetes.authorization.GroupCheck");
SIMPLE(cel_resource_check_type, CEL_OPAQUE, "kubernetes.authorization.ResourceCheck");
SIMPLE(cel_decision_type, CEL_OPAQUE, "kubernetes.authorization.Decision");

static const struct cel_type list_of_dyn = {
	.kind = CEL_LIST, .name = STR_INIT("list"), .first = &cel_dyn, .max_size = SIZE_UNTOLD};
static const struct cel_type map_of_dyn = {.kind = CEL_MAP,
	.name = STR_INIT("map"),
	.first = &cel_dyn,
	.second = &cel_dyn,
	.max_size = SIZE_UNTOLD};
static const struct cel_type optional_of_dyn = {.kind = CEL_OPTIONAL,
	.name = STR_INIT("optional_type"),
	.first = &cel_dyn,
	.max_size = SIZE_UNTOLD};

static const struct cel_type *const named[] = {&cel_bool, &cel_int, &cel_uint, &cel_double,
	&cel_string, &cel_bytes, &cel_null, &cel_timestamp, &cel_duration, &list_of_dyn,
	&map_of_dyn, &cel_any_type, &cel_dyn, &optional_of_dyn, &cel_url_type, &cel_ip_type,
	&cel_cidr_type, &cel_quantity_type, &cel_semver_type, &cel_format_type,
	&cel_authorizer_type, &cel_path_check_type, &cel_group_check_type, &cel_resource_check_type,
	&cel_decision_type};

const struct cel_type *type_named(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(named); i++)
		if (str_eq(named[i]->name, name))
			return named[i];
	return NULL;
}

const struct cel_type *type_new(struct arena *a, enum cel_kind kind, const struct cel_type *first,
	const struct cel_type *second)
{
	struct cel_type *t = arena_new(a, sizeof(*t));

	t->kind = (uint8_t)kind;
	t->first = first;
	t->second = second;
	t->max_size = SIZE_UNTOLD;
	t->name = kind == CEL_LIST       ? STR("list")
		  : kind == CEL_MAP      ? STR("map")
		  : kind == CEL_OPTIONAL ? STR("optional_type")
		  : kind == CEL_TYPE     ? STR("type")
					 : STR("");
	return t;
}

const struct cel_type *type_param(struct arena *a, uint32_t number)
{
	struct cel_type *t = (struct cel_type *)(uintptr_t)type_new(a, CEL_PARAM, NULL, NULL);

	t->param = number;
	return t;
}

const struct cel_type *cel_type_list(struct cel_env *env, const struct cel_type *of)
{
	return type_new(&env->arena, CEL_LIST, of, NULL);
}

const struct cel_type *cel_type_map(
	struct cel_env *env, const struct cel_type *key, const struct cel_type *value)
{
	return type_new(&env->arena, CEL_MAP, key, value);
}

const struct cel_type *cel_type_optional(struct cel_env *env, const struct cel_type *of)
{
	return type_new(&env->arena, CEL_OPTIONAL, of, NULL);
}

bool cel_kind_is_scalar(enum cel_kind kind)
{
	switch (kind) {
	case CEL_BOOL:
	case CEL_INT:
	case CEL_UINT:
	case CEL_DOUBLE:
	case CEL_STRING:
	case CEL_BYTES:
	case CEL_TIMESTAMP:
	case CEL_DURATION:
		return true;
	default:
		return false;
	}
}

const struct cel_type *cel_type_composed(struct cel_env *env, const struct cel_type *of)
{
	if (cel_kind_is_scalar(of->kind))
		return of;
	switch (of->kind) {
	case CEL_NULL:
		return of;
	case CEL_LIST:
		return cel_type_list(env, cel_type_composed(env, of->first));
	case CEL_MAP:
		return cel_type_map(
			env, cel_type_composed(env, of->first), cel_type_composed(env, of->second));
	default:
		return &cel_dyn;
	}
}

uint64_t cel_type_size(const struct cel_type *type)
{
	return type->min_text;
}

enum cel_kind cel_type_kind(const struct cel_type *type)
{
	return type->kind;
}

const struct cel_type *cel_type_element(const struct cel_type *type)
{
	return type->kind == CEL_MAP ? type->second : type->kind == CEL_LIST ? type->first : NULL;
}

const struct cel_type *cel_type_field(const struct cel_type *type, struct str name)
{
	if (type->kind != CEL_OBJECT)
		return NULL;
	if (type->table)
		return type_find(type, name) ? type_find(type, name)->type : NULL;
	for (const struct cel_field *f = type->fields; f; f = f->next)
		if (str_eq(f->in_json, name))
			return f->type;
	return NULL;
}

bool type_same(const struct cel_type *a, const struct cel_type *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->kind != b->kind)
		return false;
	switch (a->kind) {
	case CEL_LIST:
	case CEL_OPTIONAL:
		return type_same(a->first, b->first);
	case CEL_TYPE:
		return !a->first || !b->first || type_same(a->first, b->first);
	case CEL_MAP:
		return type_same(a->first, b->first) && type_same(a->second, b->second);
	case CEL_OBJECT:
	case CEL_OPAQUE:
		return str_eq(a->name, b->name);
	case CEL_PARAM:
		return a->param == b->param;
	default:
		return true;
	}
}

static void print_wrapped(struct buf *out, const char *name, const struct cel_type *t)
{
	buf_add_text(out, name);
	buf_add_char(out, '(');
	type_print(out, t);
	buf_add_char(out, ')');
}

void type_print(struct buf *out, const struct cel_type *t)
{
	if (t->wraps) {
		buf_print(out, "wrapper(%.*s)", STRF(t->name));
		return;
	}
	switch (t->kind) {
	case CEL_LIST:
		print_wrapped(out, "list", t->first);
		break;
	case CEL_OPTIONAL:
		print_wrapped(out, "optional_type", t->first);
		break;
	case CEL_TYPE:
		if (t->first)
			print_wrapped(out, "type", t->first);
		else
			buf_add_text(out, "type");
		break;
	case CEL_MAP:
		buf_add_text(out, "map(");
		type_print(out, t->first);
		buf_add_text(out, ", ");
		type_print(out, t->second);
		buf_add_char(out, ')');
		break;
	case CEL_NULL:
		buf_add_text(out, "null");
		break;
	case CEL_TIMESTAMP:
		buf_add_text(out, "timestamp");
		break;
	case CEL_DURATION:
		buf_add_text(out, "duration");
		break;
	case CEL_PARAM:
		buf_print(out, "_var%u", t->param);
		break;
	default:
		buf_add_str(out, t->name);
	}
}

struct str cel_type_text(struct arena *a, const struct cel_type *type)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);

	type_print(&out, type);
	return arena_str(a, buf_str(&out));
}

struct str type_runtime_name(const struct cel_type *t)
{
	return t->kind == CEL_PARAM ? STR("dyn") : t->name;
}

/* ---- the language of signatures ---- */

static const struct cel_type *named_shortly(struct str name)
{
	static const struct {
		struct str name;
		const struct cel_type *type;
	} short_names[] = {
		{STR_INIT("timestamp"), &cel_timestamp},
		{STR_INIT("duration"), &cel_duration},
		{STR_INIT("null"), &cel_null},
		{STR_INIT("url"), &cel_url_type},
		{STR_INIT("ip"), &cel_ip_type},
		{STR_INIT("cidr"), &cel_cidr_type},
		{STR_INIT("quantity"), &cel_quantity_type},
		{STR_INIT("semver"), &cel_semver_type},
		{STR_INIT("format"), &cel_format_type},
		{STR_INIT("authorizer"), &cel_authorizer_type},
		{STR_INIT("pathcheck"), &cel_path_check_type},
		{STR_INIT("groupcheck"), &cel_group_check_type},
		{STR_INIT("resourcecheck"), &cel_resource_check_type},
		{STR_INIT("decision"), &cel_decision_type},
	};

	for (size_t i = 0; i < ARRAY_LEN(short_names); i++)
		if (str_eq(short_names[i].name, name))
			return short_names[i].type;
	return type_named(name);
}

const struct cel_type *type_read(
	struct arena *a, struct str *text, const struct cel_type **letters, uint32_t *next)
{
	const struct cel_type *first, *second = NULL;
	struct str name = *text;
	size_t end = 0;
	char kind;

	while (end < text->len && !strchr("(),-", text->at[end]))
		end++;
	name.len = end;
	*text = str_skip(*text, end);
	if (name.len == 1 && name.at[0] >= 'A' && name.at[0] <= 'Z') {
		const struct cel_type **letter = &letters[name.at[0] - 'A'];
		if (!*letter)
			*letter = type_param(a, (*next)++);
		return *letter;
	}
	if (!str_starts(*text, STR("(")))
		return named_shortly(name);
	*text = str_skip(*text, 1);
	kind = name.at[0];
	first = type_read(a, text, letters, next);
	if (str_starts(*text, STR(","))) {
		*text = str_skip(*text, 1);
		second = type_read(a, text, letters, next);
	}
	*text = str_skip(*text, 1);
	return type_new(a,
		kind == 'l'   ? CEL_LIST
		: kind == 'm' ? CEL_MAP
		: kind == 'o' ? CEL_OPTIONAL
			      : CEL_TYPE,
		first, second);
}
