/* What other servers serve, in our discovery. */
#include "aggregate_private.h"
#include "discovery.h"

/* ---- groups, the most important first ---- */

static void text(struct arena *a, struct cJSON *tree, const char *name, struct str value)
{
	json_add(a, tree, str_from(name), json_new_str(a, value));
}

static bool is_ours(struct api_server *s, struct str group)
{
	return discovery_has_group(s->discovery, group);
}

/* Versions of the group in their order: the next behind `after`, NULL to begin with. */
static bool comes_before(const struct remote *x, const struct remote *y)
{
	if (x->version_rank != y->version_rank)
		return x->version_rank > y->version_rank;
	return api_version_compare(x->version, y->version) > 0;
}

static const struct remote *next_version(
	const struct aggregate *a, struct str group, const struct remote *after)
{
	const struct remote *best = NULL;

	list_each (l, &a->all) {
		const struct remote *m = LIST_ENTRY(l, struct remote, in_all);

		if (!str_eq(m->group, group) || m == after || (after && !comes_before(after, m)))
			continue;
		if (!best || comes_before(m, best))
			best = m;
	}
	return best;
}

static bool group_begins(const struct aggregate *a, const struct remote *m)
{
	list_each (l, &a->all) {
		const struct remote *other = LIST_ENTRY(l, struct remote, in_all);

		if (other == m)
			return true;
		if (str_eq(other->group, m->group))
			return false;
	}
	return true;
}

/* ---- plain ---- */

static struct cJSON *version_tree(struct arena *a, const struct remote *m)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT);

	text(a, tree, "groupVersion",
		arena_print(a, "%.*s/%.*s", STRF(m->group), STRF(m->version)));
	text(a, tree, "version", m->version);
	return tree;
}

struct cJSON *aggregate_group(struct api_server *s, struct arena *a, struct str group)
{
	const struct remote *m = next_version(s->aggregate, group, NULL);
	struct cJSON *tree, *versions;

	if (!m || is_ours(s, group))
		return NULL;
	tree = json_new(a, JSON_OBJECT);
	versions = json_new(a, JSON_ARRAY);
	text(a, tree, "name", group);
	json_add(a, tree, STR("versions"), versions);
	json_add(a, tree, STR("preferredVersion"), version_tree(a, m));
	for (; m; m = next_version(s->aggregate, group, m))
		json_append(versions, version_tree(a, m));
	return tree;
}

void aggregate_add_groups(struct api_server *s, struct arena *a, struct cJSON *groups)
{
	list_each (l, &s->aggregate->all) {
		const struct remote *m = LIST_ENTRY(l, struct remote, in_all);
		struct cJSON *tree =
			group_begins(s->aggregate, m) ? aggregate_group(s, a, m->group) : NULL;

		if (tree)
			json_append(groups, tree);
	}
}

/* ---- aggregated ---- */

static struct cJSON *kind_tree(struct arena *a, const struct cJSON *resource)
{
	static const char *const members[] = {"group", "version", "kind"};
	struct cJSON *tree = json_new(a, JSON_OBJECT);

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		text(a, tree, members[i], tree_str(resource, members[i]));
	return tree;
}

static void copy(struct arena *a, struct cJSON *to, const struct cJSON *from, const char *name)
{
	const struct cJSON *value = json_get(from, str_from(name));

	if (value && json_type(value) != JSON_NULL)
		json_add(a, to, str_from(name), json_copy(a, value));
}

static void add_subresources(
	struct arena *a, struct cJSON *tree, const struct cJSON *list, struct str plural)
{
	struct cJSON *subs = json_new(a, JSON_ARRAY);

	json_each (resource, list) {
		struct str parent, sub;
		struct cJSON *one;

		if (!str_cut(tree_str(resource, "name"), '/', &parent, &sub) ||
			!str_eq(parent, plural))
			continue;
		one = json_new(a, JSON_OBJECT);
		text(a, one, "subresource", sub);
		json_add(a, one, STR("responseKind"), kind_tree(a, resource));
		copy(a, one, resource, "verbs");
		json_append(subs, one);
	}
	if (json_first(subs))
		json_add(a, tree, STR("subresources"), subs);
}

static struct cJSON *resource_tree(
	struct arena *a, const struct cJSON *resource, const struct cJSON *list)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT);
	bool namespaced = json_bool(json_get(resource, STR("namespaced")));

	text(a, tree, "resource", tree_str(resource, "name"));
	json_add(a, tree, STR("responseKind"), kind_tree(a, resource));
	text(a, tree, "scope", namespaced ? STR("Namespaced") : STR("Cluster"));
	text(a, tree, "singularResource", tree_str(resource, "singularName"));
	copy(a, tree, resource, "verbs");
	copy(a, tree, resource, "shortNames");
	copy(a, tree, resource, "categories");
	add_subresources(a, tree, list, tree_str(resource, "name"));
	return tree;
}

static struct cJSON *version_discovery(struct arena *a, const struct remote *m)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT), *resources = json_new(a, JSON_ARRAY);
	const struct cJSON *list = json_get(m->resources, STR("resources"));

	json_each (resource, list)
		if (str_find_char(tree_str(resource, "name"), '/') < 0)
			json_append(resources, resource_tree(a, resource, list));
	text(a, tree, "version", m->version);
	if (json_first(resources))
		json_add(a, tree, STR("resources"), resources);
	text(a, tree, "freshness", m->resources && !m->stale ? STR("Current") : STR("Stale"));
	return tree;
}

void aggregate_add_discovery(struct api_server *s, struct arena *a, struct cJSON *items)
{
	list_each (l, &s->aggregate->all) {
		const struct remote *m = LIST_ENTRY(l, struct remote, in_all);
		struct cJSON *tree, *meta, *versions;

		if (!group_begins(s->aggregate, m) || is_ours(s, m->group))
			continue;
		tree = json_new(a, JSON_OBJECT);
		meta = json_new(a, JSON_OBJECT);
		versions = json_new(a, JSON_ARRAY);
		text(a, meta, "name", m->group);
		json_add(a, tree, STR("metadata"), meta);
		json_add(a, tree, STR("versions"), versions);
		for (m = next_version(s->aggregate, m->group, NULL); m;
			m = next_version(s->aggregate, m->group, m))
			json_append(versions, version_discovery(a, m));
		json_append(items, tree);
	}
}

/* ---- OpenAPI ---- */

/* Their server knows the hash, and leads there who comes without it. */
void aggregate_add_openapi(struct api_server *s, struct arena *a, struct cJSON *paths)
{
	list_each (l, &s->aggregate->all) {
		const struct remote *m = LIST_ENTRY(l, struct remote, in_all);
		struct str name =
			arena_print(a, "apis/%.*s/%.*s", STRF(m->group), STRF(m->version));
		struct cJSON *one;

		if (!m->available || json_get(paths, name))
			continue;
		one = json_new(a, JSON_OBJECT);
		text(a, one, "serverRelativeURL", arena_print(a, "/openapi/v3/%.*s", STRF(name)));
		json_add(a, paths, name, one);
	}
}
