#include "apply_merge.h"

/* ---- merging ---- */

static struct typed or_nothing(const struct typed_child *c, struct typed like)
{
	return c ? c->at : (struct typed){.field = like.field};
}

static struct cJSON *merge_members(
	struct arena *a, const struct typed_children *live, const struct typed_children *config)
{
	struct cJSON *out = json_new(a, JSON_OBJECT);

	for (size_t i = 0; i < live->count; i++) {
		const struct typed_child *c = &live->items[i];
		const struct typed_child *mine = typed_find(config, c->element);

		json_add(a, out, json_key(c->at.value),
			merge_values(a, c->at, or_nothing(mine, c->at)));
	}
	for (size_t i = 0; i < config->count; i++) {
		const struct typed_child *c = &config->items[i];

		if (!typed_find(live, c->element))
			json_add(a, out, json_key(c->at.value), json_copy(a, c->at.value));
	}
	return out;
}

/*
 * Lists keep the config's order of what it names; what only the live list has stays behind what
 * it stood behind. `due` is the first item both have that has not been written yet.
 */
struct zipper {
	struct arena *arena;
	const struct typed_children *live, *config;
	struct cJSON *out;
	bool *written; /* by the config's index */
	size_t l, r, due;
};

static bool is_due(const struct zipper *z, const struct typed_child *c)
{
	return z->due < z->config->count && str_eq(z->config->items[z->due].element, c->element);
}

static void find_due(struct zipper *z, size_t from)
{
	for (z->due = from; z->due < z->config->count; z->due++)
		if (typed_find(z->live, z->config->items[z->due].element))
			return;
}

static void write_live(struct zipper *z)
{
	json_append(z->out, json_copy(z->arena, z->live->items[z->l++].at.value));
}

static void write_config(struct zipper *z)
{
	const struct typed_child *c = &z->config->items[z->r];
	const struct typed_child *standing = typed_find(z->live, c->element);
	bool due = is_due(z, c);

	json_append(z->out, merge_values(z->arena, or_nothing(standing, c->at), c->at));
	z->written[z->r++] = true;
	if (due)
		find_due(z, z->due + 1);
}

static void step(struct zipper *z)
{
	const struct typed_child *live = NULL, *mine = NULL;

	if (z->l < z->live->count) {
		live = &z->live->items[z->l];
		mine = typed_find(z->config, live->element);
	}
	if (live && z->r < z->config->count) {
		if (str_eq(live->element, z->config->items[z->r].element)) {
			z->l++;
			write_config(z);
			return;
		}
		if (mine && z->due < z->config->count && !is_due(z, live)) {
			z->l++;
			return;
		}
	}
	if (live && !mine) {
		write_live(z);
		return;
	}
	if (live && z->written[mine - z->config->items])
		z->l++;
	if (z->r < z->config->count)
		write_config(z);
}

static struct cJSON *merge_items(
	struct arena *a, const struct typed_children *live, const struct typed_children *config)
{
	struct zipper z = {.arena = a,
		.live = live,
		.config = config,
		.out = json_new(a, JSON_ARRAY),
		.written = arena_alloc(a, config->count + 1)};

	memset(z.written, 0, config->count + 1);
	find_due(&z, 0);
	while (z.l < live->count || z.r < config->count)
		step(&z);
	return z.out;
}

struct cJSON *merge_values(struct arena *a, struct typed live, struct typed config)
{
	struct typed_children l, c;

	if (!config.value)
		return json_copy(a, live.value);
	if (!live.value || typed_is_atomic(typed_settled(live).field) ||
		typed_is_atomic(typed_settled(config).field))
		return json_copy(a, config.value);
	l = typed_children_of(a, live);
	c = typed_children_of(a, config);
	if (!l.count && !c.count)
		return json_copy(a, config.value);
	return c.list || l.list ? merge_items(a, &l, &c) : merge_members(a, &l, &c);
}

/* ---- taking out ---- */

/* For each child in the value's order what the set has of it: both are walked in theirs. */
static const struct field_set **match(
	struct arena *a, const struct typed_children *children, const struct field_set *set)
{
	const struct field_set **found = arena_alloc(a, children->count * sizeof(set));
	const struct field_set *at = set->children;

	for (size_t i = 0; i < children->count; i++) {
		const struct typed_child *c = children->sorted[i];

		while (at && str_cmp(at->element, c->element) < 0)
			at = at->next;
		found[c - children->items] = at && str_eq(at->element, c->element) ? at : NULL;
	}
	return found;
}

struct cJSON *remove_fields(struct arena *a, struct typed t, const struct field_set *set)
{
	struct typed_children children = typed_children_of(a, t);
	const struct field_set **found;
	struct cJSON *out;

	if (!children.count)
		return json_copy(a, t.value);
	out = json_new(a, children.list ? JSON_ARRAY : JSON_OBJECT);
	found = match(a, &children, set);
	for (size_t i = 0; i < children.count; i++) {
		const struct typed_child *c = &children.items[i];
		const struct field_set *here = found[i];
		struct cJSON *left;

		if (here && here->member)
			continue;
		left = here ? remove_fields(a, c->at, here) : json_copy(a, c->at.value);
		if (children.list)
			json_append(out, left);
		else
			json_add(a, out, json_key(c->at.value), left);
	}
	return json_count(out) ? out : json_new(a, JSON_NULL);
}
