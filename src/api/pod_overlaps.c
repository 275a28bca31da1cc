/* Warnings about files of one volume that stand in each other's place. */
#include "pod_update.h"

/* What has been placed so far: paths, and where each comes from. */
struct placed {
	struct change *c;
	struct str volume, kind; /* quoted name; `ConfigMap "x"` */
	struct cJSON *paths;     /* path → origin, "" when the volume has but one */
};

static bool is_below(struct str path, struct str directory)
{
	return str_starts(path, directory) &&
	       (path.len == directory.len || path.at[directory.len] == '/');
}

static struct str shown(struct arena *a, struct str path, struct str origin)
{
	struct str quoted = field_quote(a, path);

	return origin.len ? arena_print(a, "%.*s (%.*s)", STRF(quoted), STRF(origin)) : quoted;
}

static void place(struct placed *p, struct str path, struct str origin)
{
	struct arena *a = p->c->arena;

	while (path.len > 1 && path.at[path.len - 1] == '/')
		path.len--;
	if (!path.len)
		return;
	json_each (other, p->paths)
		if (is_below(path, json_key(other)) || is_below(json_key(other), path))
			change_warn(p->c, "volume %.*s (%.*s): overlapping paths: %.*s with %.*s",
				STRF(p->volume), STRF(p->kind), STRF(shown(a, path, origin)),
				STRF(shown(a, json_key(other), json_str(other))));
	json_add(a, p->paths, path, json_new_str(a, origin));
}

static void place_items(struct placed *p, const struct cJSON *source, struct str origin)
{
	json_each (item, json_get(source, STR("items")))
		place(p, tree_str(item, "path"), origin);
}

static struct str origin_of(struct arena *a, const char *kind, struct str name)
{
	return arena_print(a, "%s %.*s", kind, STRF(field_quote(a, name)));
}

static void place_source(struct placed *p, const struct cJSON *source)
{
	struct arena *a = p->c->arena;
	const struct cJSON *one;

	if ((one = json_get(source, STR("secret"))))
		place_items(p, one, origin_of(a, "Secret", tree_str(one, "name")));
	if ((one = json_get(source, STR("configMap"))))
		place_items(p, one, origin_of(a, "ConfigMap", tree_str(one, "name")));
	if ((one = json_get(source, STR("downwardAPI"))))
		place_items(p, one, STR("DownwardAPI"));
	if ((one = json_get(source, STR("serviceAccountToken"))))
		place(p, tree_str(one, "path"), STR("ServiceAccountToken"));
}

void pod_warn_overlaps(struct change *c, const struct cJSON *spec)
{
	struct arena *a = c->arena;

	json_each (volume, json_get(spec, STR("volumes"))) {
		struct placed p = {.c = c,
			.volume = field_quote(a, tree_str(volume, "name")),
			.paths = json_new(a, JSON_OBJECT)};
		const struct cJSON *one;

		if ((one = json_get(volume, STR("configMap"))))
			p.kind = origin_of(a, "ConfigMap", tree_str(one, "name"));
		else if ((one = json_get(volume, STR("secret"))))
			p.kind = origin_of(a, "Secret", tree_str(one, "secretName"));
		else if ((one = json_get(volume, STR("downwardAPI"))))
			p.kind = STR("DownwardAPI");
		place_items(&p, one, STR(""));
		p.kind = STR("Projected");
		json_each (source, json_path(volume, "projected.sources"))
			place_source(&p, source);
	}
}
