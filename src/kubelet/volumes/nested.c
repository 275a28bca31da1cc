/*
 * Volumes in volumes: containers see the outer one read-only, so that the places of the inner ones
 * must be in it from the start.
 */
#include "volume_plan.h"

#include <kube/api_codec.h>
#include <kube/url.h>

#include <stdlib.h>

/* Without "." and the like, and the root is nothing: what is below has a slash behind it. */
static struct str clean(struct arena *a, struct str path)
{
	struct str cleaned = url_clean_path(a, path);

	return str_eq(cleaned, STR("/")) ? STR("") : cleaned;
}

struct mounted {
	struct str path;
	bool mine;
};

static int by_path(const void *x, const void *y)
{
	const struct mounted *a = x, *b = y;

	return str_cmp(a->path, b->path);
}

static bool is_below(struct str path, struct str above)
{
	return path.len > above.len + 1 && str_starts(path, above) && path.at[above.len] == '/';
}

struct places {
	struct arena *arena;
	struct str *items;
	size_t count, cap;
};

static void add_place(struct places *p, struct str place)
{
	for (size_t i = 0; i < p->count; i++)
		if (str_eq(p->items[i], place))
			return;
	ARENA_ROOM(p->arena, p->items, p->count, p->cap, 4);
	p->items[p->count++] = arena_str(p->arena, place);
}

static void look_at(struct places *p, const struct cJSON *container, struct str name)
{
	const struct cJSON *mounts = json_get(container, STR("volumeMounts"));
	size_t count = 0;
	struct mounted *all = arena_alloc(p->arena, (json_count(mounts) + 1) * sizeof(*all));

	json_each (mount, mounts)
		all[count++] =
			(struct mounted){.path = clean(p->arena, tree_str(mount, "mountPath")),
				.mine = str_eq(tree_str(mount, "name"), name) &&
					!tree_str(mount, "subPath").len &&
					!tree_str(mount, "subPathExpr").len};
	qsort(all, count, sizeof(*all), by_path);
	for (size_t i = 0; i < count; i++) {
		struct str last = STR("");

		for (size_t k = i + 1; all[i].mine && k < count; k++) {
			/* What is in the inner one is the inner one's affair. */
			if (!is_below(all[k].path, all[i].path) ||
				(last.len && is_below(all[k].path, last)))
				continue;
			last = all[k].path;
			add_place(p, str_skip(last, all[i].path.len + 1));
		}
	}
}

void volume_nested(struct arena *a, const struct cJSON *pod, struct str name, struct str **places,
	size_t *count)
{
	static const char *const lists[] = {
		"spec.containers", "spec.initContainers", "spec.ephemeralContainers"};
	struct places found = {.arena = a};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(pod, lists[i]))
			look_at(&found, container, name);
	*places = found.items;
	*count = found.count;
}
