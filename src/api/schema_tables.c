/* The tables of types.def, expanded: field arrays first, then the types, then the list of all. */
#include "schema_tables.h"

#include "types.h"

#define REQUIRED  FIELD_REQUIRED
#define KEEP      FIELD_KEEP
#define POINTER   FIELD_POINTER
#define TYPE_META FIELD_TYPE_META
#define ATOMIC    SCHEMA_ATOMIC
#define NO_FIELDS
#define AT(a, b)     ((a) << 8 | (b))
#define AT3(a, b, c) ((a) << 16 | (b) << 8 | (c))

#define F_AS(c_name, json, form, what, bits, number, text, ...)                                    \
	{.name = STR_INIT(json),                                                                   \
		.kind = KIND_##what,                                                               \
		.shape = SHAPE_##form,                                                             \
		.flags = (bits),                                                                   \
		.proto = (number),                                                                 \
		.doc = text,                                                                       \
		##__VA_ARGS__},
#define O_AS(c_name, json, form, package, type, bits, number, text, ...)                           \
	{.name = STR_INIT(json),                                                                   \
		.kind = KIND_OBJECT,                                                               \
		.shape = SHAPE_##form,                                                             \
		.flags = (bits),                                                                   \
		.of = &schema_##package##_##type,                                                  \
		.proto = (number),                                                                 \
		.doc = text,                                                                       \
		##__VA_ARGS__},
#define F(name, ...) F_AS(name, #name, __VA_ARGS__)
#define O(name, ...) O_AS(name, #name, __VA_ARGS__)

#define TYPE(package, name, bits, text, ...)                                                       \
	static const struct schema_field fields_##package##_##name[] = {__VA_ARGS__};
#include "def/types.def"
#undef TYPE

#define PACKAGE(id, schema_prefix, proto_prefix, go_name)                                          \
	static const char proto_##id[] = proto_prefix;                                             \
	static const char go_##id[] = go_name;                                                     \
	static const char package_##id[] = schema_prefix;
#include "def/packages.def"
#undef PACKAGE

#define TYPE(package_id, type, bits, text, ...)                                                    \
	const struct schema schema_##package_id##_##type = {                                       \
		.package = {package_##package_id, sizeof(package_##package_id) - 1},               \
		.name = STR_INIT(#type),                                                           \
		.go = go_##package_id,                                                             \
		.proto = proto_##package_id,                                                       \
		.doc = text,                                                                       \
		.flags = (bits),                                                                   \
		.field_count = sizeof(fields_##package_id##_##type) / sizeof(struct schema_field), \
		.fields = fields_##package_id##_##type,                                            \
	};
#include "def/types.def"
#undef TYPE

const struct schema *const schema_all[] = {
#define TYPE(package, name, ...) &schema_##package##_##name,
#include "def/types.def"
#undef TYPE
};
const size_t schema_all_count = sizeof(schema_all) / sizeof(schema_all[0]);
