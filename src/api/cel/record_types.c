/* Object types: records that are put together, and the tables of built-in types. */
#include "program.h"

struct cel_type *cel_type_record(struct cel_env *env, struct str name)
{
	struct cel_type *t =
		(struct cel_type *)(uintptr_t)type_new(&env->arena, CEL_OBJECT, NULL, NULL);

	t->name = arena_str(&env->arena, name);
	t->env = env;
	return t;
}

void type_add_field(
	struct cel_type *object, struct str name, struct str in_json, const struct cel_type *type)
{
	struct cel_field *f = arena_new(&object->env->arena, sizeof(*f));

	f->name = arena_str(&object->env->arena, name);
	f->in_json = str_eq(name, in_json) ? f->name : arena_str(&object->env->arena, in_json);
	f->type = type;
	f->next = object->fields;
	object->fields = f;
}

void cel_type_add(
	struct cel_env *env, struct cel_type *record, struct str field, const struct cel_type *type)
{
	(void)env;
	type_add_field(record, field, field, type);
}

/* ---- tables of built-in types ---- */

const struct cel_type *cel_type_of_table(struct cel_env *env, const struct schema *schema)
{
	struct str name =
		arena_print(&env->arena, "%.*s.%.*s", STRF(schema->package), STRF(schema->name));
	struct cel_type *t = cel_type_record(env, name);

	t->table = schema;
	return t;
}

static const struct cel_type *type_of_kind(struct cel_env *env, const struct schema_field *f)
{
	switch ((enum field_kind)f->kind) {
	case KIND_STRING:
	case KIND_DURATION:
	case KIND_QUANTITY:
		return &cel_string;
	case KIND_BOOL:
		return &cel_bool;
	case KIND_INT32:
	case KIND_INT64:
		return &cel_int;
	case KIND_DOUBLE:
		return &cel_double;
	case KIND_BYTES:
		return &cel_bytes;
	case KIND_TIME:
	case KIND_MICRO_TIME:
		return &cel_timestamp;
	case KIND_OBJECT:
		return f->of ? cel_type_of_table(env, f->of) : &cel_dyn;
	default:
		return &cel_dyn;
	}
}

static const struct cel_type *type_of_shape(struct cel_env *env, const struct schema_field *f)
{
	const struct cel_type *one = type_of_kind(env, f);

	switch ((enum field_shape)f->shape) {
	case SHAPE_LIST:
		return cel_type_list(env, one);
	case SHAPE_MAP:
		return cel_type_map(env, &cel_string, one);
	case SHAPE_MAP_OF_LISTS:
		return cel_type_map(env, &cel_string, cel_type_list(env, one));
	default:
		return one;
	}
}

static const struct cel_field *find_in_table(const struct cel_type *object, struct str name)
{
	struct cel_type *grows = (struct cel_type *)(uintptr_t)object;
	const struct schema *s = object->table;
	struct str escaped;

	for (size_t i = 0; i < s->field_count; i++) {
		const struct schema_field *f = &s->fields[i];
		if (!cel_escape_name(&grows->env->arena, f->name, &escaped) ||
			!str_eq(escaped, name))
			continue;
		type_add_field(grows, escaped, f->name, type_of_shape(grows->env, f));
		return grows->fields;
	}
	return NULL;
}

const struct cel_field *type_find(const struct cel_type *object, struct str name)
{
	for (const struct cel_field *f = object->fields; f; f = f->next)
		if (str_eq(f->name, name))
			return f;
	return object->table ? find_in_table(object, name) : NULL;
}
