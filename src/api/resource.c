#include "resource_tables.h"

const struct resource *resource_at(size_t index)
{
	return index < resource_all_count ? resource_all[index] : NULL;
}

const struct resource *resource_find(struct str group, struct str version, struct str plural)
{
	for (size_t i = 0; i < resource_all_count; i++) {
		const struct resource *r = resource_all[i];

		if (str_eq(r->plural, plural) && str_eq(r->group, group) &&
			str_eq(r->version, version))
			return r;
	}
	return NULL;
}

const struct resource *resource_find_kind(struct str group, struct str version, struct str kind)
{
	for (size_t i = 0; i < resource_all_count; i++) {
		const struct resource *r = resource_all[i];

		if (str_eq(r->kind, kind) && str_eq(r->group, group) && str_eq(r->version, version))
			return r;
	}
	return NULL;
}

const struct resource *resource_in_version(const struct resource *r, struct str api_version)
{
	for (size_t i = 0; i < resource_all_count; i++)
		if (resource_all[i]->hub == r->hub &&
			str_eq(resource_all[i]->api_version, api_version))
			return resource_all[i];
	return NULL;
}

const struct subresource *resource_subresource(const struct resource *r, struct str name)
{
	for (size_t i = 0; i < r->subresource_count; i++)
		if (str_eq(r->subresources[i].name, name))
			return &r->subresources[i];
	return NULL;
}

const char *verb_name(enum verb v)
{
	switch (v) {
	case VERB_CREATE:
		return "create";
	case VERB_DELETE:
		return "delete";
	case VERB_DELETECOLLECTION:
		return "deletecollection";
	case VERB_GET:
		return "get";
	case VERB_LIST:
		return "list";
	case VERB_PATCH:
		return "patch";
	case VERB_UPDATE:
		return "update";
	case VERB_WATCH:
		return "watch";
	case VERBS_ALL:
		break;
	}
	return "";
}

struct str resource_full_name(struct arena *a, const struct resource *r)
{
	if (!r->group.len)
		return r->plural;
	return arena_print(a, "%.*s.%.*s", STRF(r->plural), STRF(r->group));
}

void api_version_split(struct str api_version, struct str *group, struct str *version)
{
	str_cut_last(api_version, '/', group, version);
}
