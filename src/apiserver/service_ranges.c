#include "service_ranges.h"
#include "api_options.h"

#include <kube/api_codec.h>

static bool same(const struct cidr *a, const struct cidr *b)
{
	return a->bits == b->bits && ip_eq(&a->ip, &b->ip);
}

static void add(struct service_ranges *r, const struct cidr *range, size_t room)
{
	for (size_t i = 0; i < r->count; i++)
		if (same(&r->items[i], range))
			return;
	if (r->count < room)
		r->items[r->count++] = *range;
}

static bool is_ready(const struct cJSON *tree)
{
	if (tree_has(tree, "metadata.deletionTimestamp"))
		return false;
	json_each (condition, json_path(tree, "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), "Ready"))
			return str_eq_text(tree_str(condition, "status"), "True");
	return false;
}

/* Is there an object that says whether the range is ready? */
static bool is_told(struct bucket *b, struct arena *a, const struct cidr *range)
{
	struct store_iter it = store_seek(b, STR(""), STR(""));
	struct cidr other;

	while (store_next(&it))
		json_each (item, json_path(object_lean_tree(a, it.object), "spec.cidrs"))
			if (cidr_parse(json_str(item), &other) && same(&other, range))
				return true;
	return false;
}

struct service_ranges service_ranges_of(struct api_server *s, struct arena *a, bool v6)
{
	const struct resource *cidrs =
		resource_find(STR("networking.k8s.io"), STR("v1"), STR("servicecidrs"));
	struct bucket *b = server_bucket(s, cidrs);
	size_t room = 2 * store_count(b) + s->options->service_cidr_count;
	struct service_ranges r = {.items = arena_new(a, room * sizeof(struct cidr) + 1)};
	struct store_iter it = store_seek(b, STR(""), STR(""));

	for (size_t i = 0; i < s->options->service_cidr_count; i++)
		if ((s->options->services[i].ip.len == 16) == v6 &&
			!is_told(b, a, &s->options->services[i]))
			add(&r, &s->options->services[i], room);
	while (store_next(&it)) {
		const struct cJSON *tree = object_tree(a, it.object);
		struct cidr range;

		if (!is_ready(tree))
			continue;
		json_each (item, json_path(tree, "spec.cidrs"))
			if (cidr_parse(json_str(item), &range) && (range.ip.len == 16) == v6)
				add(&r, &range, room);
	}
	return r;
}
