/* The table of resources.def, expanded. */
#include "resource_tables.h"

#include "kinds.h"

#define NAMESPACED true
#define CLUSTER    false
#define NO_SUBRESOURCES

/* ---- subresources: one array a resource ---- */
#define GROUP_VERSION(...)
#define SUBRESOURCE(sub_name, sub_group, sub_version, sub_api_version, package, body, verb_bits)   \
	{.name = STR_INIT(sub_name),                                                               \
		.schema = &schema_##package##_##body,                                              \
		.group = STR_INIT(sub_group),                                                      \
		.version = STR_INIT(sub_version),                                                  \
		.api_version = STR_INIT(sub_api_version),                                          \
		.kind = STR_INIT(#body),                                                           \
		.verbs = (verb_bits)},
#define RESOURCE(package, group_, version_, api_version_, plural_, kind_, singular_, scope,        \
	shorts, groups, verb_bits, stored, strategy_, hash, ...)                                   \
	static const struct subresource sub_##package##_##plural_[] = {__VA_ARGS__};
#include "def/resources.def"
#undef RESOURCE
#undef SUBRESOURCE

/* ---- declared before they are defined: a resource names its hub ---- */
#define RESOURCE(package, group_, version_, api_version_, plural_, ...)                            \
	static const struct resource resource_##package##_##plural_;
#include "def/resources.def"
#undef RESOURCE
#undef GROUP_VERSION

#define GROUP_VERSION(package, group, version, level) enum { level_##package = LEVEL_##level };
#define RESOURCE(package, group_, version_, api_version_, plural_, kind_, singular_, scope,        \
	shorts, groups, verb_bits, stored, strategy_, hash, ...)                                   \
	static const struct resource resource_##package##_##plural_ = {                            \
		.group = STR_INIT(group_),                                                         \
		.version = STR_INIT(version_),                                                     \
		.api_version = STR_INIT(api_version_),                                             \
		.kind = STR_INIT(#kind_),                                                          \
		.list_kind = STR_INIT(#kind_ "List"),                                              \
		.plural = STR_INIT(#plural_),                                                      \
		.singular = STR_INIT(singular_),                                                   \
		.short_names = STR_INIT(shorts),                                                   \
		.categories = STR_INIT(groups),                                                    \
		.storage_hash = STR_INIT(hash),                                                    \
		.level = (enum resource_level)level_##package,                                     \
		.namespaced = scope,                                                               \
		.verbs = (verb_bits),                                                              \
		.schema = &schema_##package##_##kind_,                                             \
		.hub = &resource_##stored##_##plural_,                                             \
		.strategy = strategy_,                                                             \
		.subresources = sub_##package##_##plural_,                                         \
		.subresource_count =                                                               \
			sizeof(sub_##package##_##plural_) / sizeof(struct subresource),            \
	};
#include "def/resources.def"
#undef RESOURCE
#undef GROUP_VERSION

/* ---- what upstream has removed: other versions of the same hubs ---- */
#define SUBRESOURCE(sub_name, sub_group, sub_version, sub_api_version, package, body, verb_bits)   \
	SUBRESOURCE_OF(                                                                            \
		sub_name, sub_group, sub_version, sub_api_version, package, body, body, verb_bits)
#define SUBRESOURCE_OF(                                                                            \
	sub_name, sub_group, sub_version, sub_api_version, package, body, kind_, verb_bits)        \
	{.name = STR_INIT(sub_name),                                                               \
		.schema = &schema_##package##_##body,                                              \
		.group = STR_INIT(sub_group),                                                      \
		.version = STR_INIT(sub_version),                                                  \
		.api_version = STR_INIT(sub_api_version),                                          \
		.kind = STR_INIT(#kind_),                                                          \
		.verbs = (verb_bits)},
#define REMOVED(id, group_, version_, api_version_, plural_, kind_, singular_, scope, shorts,      \
	verb_bits, package, shape, stored, since_, until_, ...)                                    \
	static const struct subresource old_sub_##id##_##plural_[] = {__VA_ARGS__};                \
	static const struct resource old_##id##_##plural_ = {                                      \
		.group = STR_INIT(group_),                                                         \
		.version = STR_INIT(version_),                                                     \
		.api_version = STR_INIT(api_version_),                                             \
		.kind = STR_INIT(#kind_),                                                          \
		.list_kind = STR_INIT(#kind_ "List"),                                              \
		.plural = STR_INIT(#plural_),                                                      \
		.singular = STR_INIT(singular_),                                                   \
		.short_names = STR_INIT(shorts),                                                   \
		.level = LEVEL_REMOVED,                                                            \
		.since = since_,                                                                   \
		.until = until_,                                                                   \
		.namespaced = scope,                                                               \
		.verbs = (verb_bits),                                                              \
		.schema = &schema_##package##_##shape,                                             \
		.hub = &resource_##stored,                                                         \
		.subresources = old_sub_##id##_##plural_,                                          \
		.subresource_count =                                                               \
			sizeof(old_sub_##id##_##plural_) / sizeof(struct subresource),             \
	};
#include "def/removed.def"
#undef REMOVED
#undef SUBRESOURCE
#undef SUBRESOURCE_OF

#define GROUP_VERSION(...)
#define RESOURCE(package, group_, version_, api_version_, plural_, ...)                            \
	&resource_##package##_##plural_,
#define REMOVED(id, group_, version_, api_version_, plural_, ...) &old_##id##_##plural_,
const struct resource *const resource_all[] = {
#include "def/resources.def"
/* and behind all that */
#include "def/removed.def"
};
const size_t resource_all_count = sizeof(resource_all) / sizeof(resource_all[0]);
