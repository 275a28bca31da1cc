/* The documents of discovery. */
#include "aggregate.h"
#include "custom_kind.h"
#include "discovery_private.h"
#include "respond.h"

#include <kube/media.h>

/* ---- trees, piece by piece ---- */

static struct cJSON *text(struct arena *a, struct str s)
{
	return json_new_str(a, s);
}

struct cJSON *discovery_verbs(struct arena *a, unsigned verbs)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);

	for (unsigned bit = 1; bit <= VERB_WATCH; bit <<= 1)
		if (verbs & bit)
			json_append(list, text(a, str_from(verb_name((enum verb)bit))));
	return list;
}

/* Definitions name them in an order of their own, and fewer when they are about to go. */
struct cJSON *discovery_resource_verbs(struct arena *a, const struct resource *r)
{
	static const enum verb order[] = {VERB_DELETE, VERB_DELETECOLLECTION, VERB_GET, VERB_LIST,
		VERB_PATCH, VERB_CREATE, VERB_UPDATE, VERB_WATCH};
	bool ending = r->custom && custom_version_of(r)->kind->terminating;
	struct cJSON *list;

	if (!r->custom)
		return discovery_verbs(a, r->verbs);
	list = json_new(a, JSON_ARRAY);
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (!ending || !(order[i] & (VERB_PATCH | VERB_CREATE | VERB_UPDATE)))
			json_append(list, text(a, str_from(verb_name(order[i]))));
	return list;
}

void discovery_add_words(struct arena *a, struct cJSON *object, struct str key, struct str words)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);
	struct str word;

	if (!words.len)
		return;
	while (str_next(&words, ',', &word))
		json_append(list, text(a, word));
	json_add(a, object, key, list);
}

static bool same_version(const struct resource *a, const struct resource *b)
{
	return str_eq(a->api_version, b->api_version);
}

/* The first served resource of a group, upstream's own versions only unless `removed`. */
static const struct resource *first_of_group(
	const struct discovery *d, struct str group, bool removed)
{
	for (size_t i = 0; i < d->count; i++)
		if (str_eq(d->items[i]->group, group) &&
			(removed || d->items[i]->level != LEVEL_REMOVED))
			return d->items[i];
	return NULL;
}

bool discovery_begins(const struct discovery *d, size_t i, bool version, bool removed)
{
	for (size_t j = 0; j < i; j++) {
		if (!removed && d->items[j]->level == LEVEL_REMOVED)
			continue;
		if (version ? same_version(d->items[j], d->items[i])
			    : str_eq(d->items[j]->group, d->items[i]->group))
			return false;
	}
	return removed || d->items[i]->level != LEVEL_REMOVED;
}

/* ---- plain documents ---- */

static struct cJSON *group_version_tree(struct arena *a, const struct resource *r)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT);

	json_add(a, tree, STR("groupVersion"), text(a, r->api_version));
	json_add(a, tree, STR("version"), text(a, r->version));
	return tree;
}

/* A group that only has removed versions is not in any list, but answers for itself. */
static struct cJSON *group_tree(
	struct arena *a, const struct discovery *d, struct str group, bool removed)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT), *versions = json_new(a, JSON_ARRAY);

	removed |= !first_of_group(d, group, false);

	for (size_t i = 0; i < d->count; i++)
		if (str_eq(d->items[i]->group, group) && discovery_begins(d, i, true, removed))
			json_append(versions, group_version_tree(a, d->items[i]));
	json_add(a, tree, STR("name"), text(a, group));
	json_add(a, tree, STR("versions"), versions);
	json_add(a, tree, STR("preferredVersion"),
		group_version_tree(a, first_of_group(d, group, removed)));
	return tree;
}

static struct cJSON *kind_tree(struct arena *a, const char *kind, bool api_version)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT);

	json_add(a, tree, STR("kind"), text(a, str_from(kind)));
	if (api_version)
		json_add(a, tree, STR("apiVersion"), text(a, STR("v1")));
	return tree;
}

static void answer_meta(struct api_request *r, const char *kind, struct cJSON *tree)
{
	struct str name = arena_print(r->arena, "io.k8s.apimachinery.pkg.apis.meta.v1.%s", kind);

	answer_tree(r, 200, schema_find(name), tree);
}

/*
 * Upstream's lists name no removed version, and neither do ours; but kubectl finds a manifest's
 * kind through them, and shall find the old ones. (The aggregated document has them all.)
 */
static bool maps_manifests(const struct api_request *r)
{
	return str_starts(r->user_agent, STR("kubectl/"));
}

static void answer_groups(struct api_request *r)
{
	const struct discovery *d = r->server->discovery;
	struct cJSON *groups = json_new(r->arena, JSON_ARRAY);
	struct cJSON *tree = kind_tree(r->arena, "APIGroupList", true);
	bool removed = maps_manifests(r);

	for (size_t i = 0; i < d->count; i++)
		if (d->items[i]->group.len && discovery_begins(d, i, false, removed))
			json_append(groups, group_tree(r->arena, d, d->items[i]->group, removed));
	aggregate_add_groups(r->server, r->arena, groups);
	json_add(r->arena, tree, STR("groups"), groups);
	answer_meta(r, "APIGroupList", tree);
}

static void answer_group(struct api_request *r, struct str group)
{
	struct cJSON *tree = kind_tree(r->arena, "APIGroup", true);
	struct cJSON *found = aggregate_group(r->server, r->arena, group);

	if (!found)
		found = group_tree(r->arena, r->server->discovery, group, maps_manifests(r));
	json_each (member, found)
		json_add(r->arena, tree, json_key(member), json_copy(r->arena, member));
	answer_meta(r, "APIGroup", tree);
}

static void answer_core_versions(struct api_request *r)
{
	struct arena *a = r->arena;
	struct cJSON *tree = kind_tree(a, "APIVersions", false);
	struct cJSON *versions = json_new(a, JSON_ARRAY), *cidrs = json_new(a, JSON_ARRAY);
	struct cJSON *cidr = json_new(a, JSON_OBJECT);
	_cleanup_(buf_done) struct buf address = BUF_INIT(256);

	if (r->x->peer)
		address_print(&address, &r->x->peer->local);
	json_append(versions, text(a, STR("v1")));
	json_add(a, cidr, STR("clientCIDR"), text(a, STR("0.0.0.0/0")));
	json_add(a, cidr, STR("serverAddress"), text(a, buf_str(&address)));
	json_append(cidrs, cidr);
	json_add(a, tree, STR("versions"), versions);
	json_add(a, tree, STR("serverAddressByClientCIDRs"), cidrs);
	answer_meta(r, "APIVersions", tree);
}

static struct cJSON *resource_tree(struct arena *a, const struct resource *r)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT);

	json_add(a, tree, STR("name"), text(a, r->plural));
	json_add(a, tree, STR("singularName"), text(a, r->singular));
	json_add(a, tree, STR("namespaced"), json_new_bool(a, r->namespaced));
	json_add(a, tree, STR("kind"), text(a, r->kind));
	json_add(a, tree, STR("verbs"), discovery_resource_verbs(a, r));
	discovery_add_words(a, tree, STR("shortNames"), r->short_names);
	discovery_add_words(a, tree, STR("categories"), r->categories);
	if (r->storage_hash.len)
		json_add(a, tree, STR("storageVersionHash"), text(a, r->storage_hash));
	return tree;
}

static struct cJSON *subresource_tree(
	struct arena *a, const struct resource *r, const struct subresource *s)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT);

	json_add(a, tree, STR("name"),
		text(a, arena_print(a, "%.*s/%.*s", STRF(r->plural), STRF(s->name))));
	json_add(a, tree, STR("singularName"), text(a, STR("")));
	json_add(a, tree, STR("namespaced"), json_new_bool(a, r->namespaced));
	if (!str_eq(s->api_version, r->api_version)) {
		json_add(a, tree, STR("group"), text(a, s->group));
		json_add(a, tree, STR("version"), text(a, s->version));
	}
	json_add(a, tree, STR("kind"), text(a, s->kind));
	json_add(a, tree, STR("verbs"), discovery_verbs(a, s->verbs));
	return tree;
}

static void answer_resources(struct api_request *r, struct str group, struct str version)
{
	const struct discovery *d = r->server->discovery;
	struct arena *a = r->arena;
	struct cJSON *list = json_new(a, JSON_ARRAY);
	struct cJSON *tree = kind_tree(a, "APIResourceList", group.len > 0);
	struct str api_version = {0};

	for (size_t i = 0; i < d->count; i++) {
		const struct resource *item = d->items[i];

		if (!str_eq(item->group, group) || !str_eq(item->version, version))
			continue;
		api_version = item->api_version;
		json_append(list, resource_tree(a, item));
		for (size_t j = 0; j < item->subresource_count; j++)
			json_append(list, subresource_tree(a, item, &item->subresources[j]));
	}
	json_add(a, tree, STR("groupVersion"), text(a, api_version));
	json_add(a, tree, STR("resources"), list);
	answer_meta(r, "APIResourceList", tree);
}

/* ---- which one ---- */

enum wanted { WANT_NOTHING, WANT_PLAIN, WANT_AGGREGATED };

/* The first range that can be satisfied decides. */
/* format: of the aggregated list; NULL where there is none. */
static enum wanted negotiate(struct api_request *r, enum wire_format *format)
{
	struct media_type *ranges;
	size_t count;
	struct str accept = request_header(r, "Accept");

	if (!accept.len || media_parse_accept(r->arena, accept, &ranges, &count, NULL))
		return WANT_PLAIN;
	for (size_t i = 0; i < count; i++) {
		if (!media_param(&ranges[i], "as").len)
			return WANT_PLAIN;
		if (format && discovery_is_aggregated(&ranges[i], format))
			return WANT_AGGREGATED;
	}
	return WANT_NOTHING;
}

static void fail_not_acceptable(struct api_request *r)
{
	request_fail(r, status_new(r->arena, ERR_NOT_ACCEPTABLE,
				"only the following media types are accepted: "
				"application/json, application/yaml, "
				"application/vnd.kubernetes.protobuf"));
}

static void fail_unknown_version(struct api_request *r)
{
	struct status *s = status_new(
		r->arena, ERR_NOT_FOUND, "the server could not find the requested resource");

	s->has_details = true;
	request_fail(r, s);
}

static void serve_tree_top(struct api_request *r, bool core)
{
	enum wire_format format;

	switch (negotiate(r, &format)) {
	case WANT_AGGREGATED:
		discovery_answer_aggregated(r, core, format);
		return;
	case WANT_PLAIN:
		if (core)
			answer_core_versions(r);
		else
			answer_groups(r);
		return;
	case WANT_NOTHING:
		fail_not_acceptable(r);
		return;
	}
}

static void fail_unknown_group(struct api_request *r)
{
	struct status *s = status_new(r->arena, ERR_NOT_FOUND, "404 page not found\n");

	s->plain = true;
	request_fail(r, s);
}

void serve_discovery(struct api_request *r)
{
	const struct discovery *d = r->server->discovery;
	struct str rest = str_skip(r->path, 1), top, group = {0};

	while (str_ends(rest, STR("/")))
		rest.len--;
	str_cut(rest, '/', &top, &rest);
	bool core = str_eq(top, STR("api"));
	bool whole_group = !core && !str_cut(rest, '/', &group, &rest);
	bool remote = whole_group && aggregate_group(r->server, r->arena, group);
	if (!rest.len && !group.len)
		serve_tree_top(r, core);
	else if (!core && !remote && !discovery_has_group(d, group))
		fail_unknown_group(r);
	else if (negotiate(r, NULL) == WANT_NOTHING)
		fail_not_acceptable(r);
	else if (whole_group)
		answer_group(r, group);
	else if (!discovery_has_version(d, group, rest) && !discovery_has_own_group(d, group))
		fail_unknown_group(r);
	else if (!discovery_has_version(d, group, rest))
		fail_unknown_version(r);
	else
		answer_resources(r, group, rest);
}
