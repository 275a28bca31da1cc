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
	for (size_t i = 0; r->custom && r->versions && r->versions[i]; i++)
		if (str_eq(r->versions[i]->api_version, api_version))
			return r->versions[i];
	for (size_t i = 0; !r->custom && i < resource_all_count; i++)
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

/* ---- which version is the better one ---- */

enum version_level { VERSION_OTHER, VERSION_ALPHA, VERSION_BETA, VERSION_GA };
struct version_name {
	enum version_level level;
	uint64_t major, minor;
};

/* As strconv reads them; what is too long for a number is no number. */
static bool take_number(struct str *s, uint64_t *n)
{
	size_t len = 0;

	while (len < s->len && s->at[len] >= '0' && s->at[len] <= '9')
		len++;
	if (!len || !str_to_u64(str_sub(*s, 0, len), n) || *n > INT64_MAX)
		return false;
	*s = str_skip(*s, len);
	return true;
}

static struct version_name read_version(struct str s)
{
	struct version_name v = {.level = VERSION_OTHER};
	enum version_level level = VERSION_GA;

	if (!str_starts(s, STR("v")))
		return v;
	s = str_skip(s, 1);
	if (!take_number(&s, &v.major))
		return v;
	if (str_starts(s, STR("alpha"))) {
		level = VERSION_ALPHA;
		s = str_skip(s, 5);
	} else if (str_starts(s, STR("beta"))) {
		level = VERSION_BETA;
		s = str_skip(s, 4);
	}
	if (level != VERSION_GA && !take_number(&s, &v.minor))
		return v;
	if (!s.len)
		v.level = level;
	return v;
}

int api_version_compare(struct str a, struct str b)
{
	struct version_name x = read_version(a), y = read_version(b);

	if (x.level != y.level)
		return x.level > y.level ? 1 : -1;
	if (x.level == VERSION_OTHER)
		return str_cmp(b, a);
	if (x.major != y.major)
		return x.major > y.major ? 1 : -1;
	if (x.minor != y.minor)
		return x.minor > y.minor ? 1 : -1;
	return 0;
}
