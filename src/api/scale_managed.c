/* The managed fields of a scale: those of its object that are about the number of replicas. */
#include "managed.h"

#define IN_SCALE      "spec.replicas"
#define SCALE_VERSION "autoscaling/v1"

/* Names of managers of updates carry their version; those of applies do not. */
static bool is_same(const struct manager *a, const struct manager *b)
{
	return a->apply == b->apply && str_eq(a->name, b->name) &&
	       str_eq(a->subresource, b->subresource);
}

static struct field_set *number_of(const struct field_set *s, const char *dotted)
{
	struct str rest = str_from(dotted), name;
	char element[64];

	while (s && str_next(&rest, '.', &name)) {
		if (name.len + 2 > sizeof(element))
			return NULL;
		memcpy(element, "f:", 2);
		memcpy(element + 2, name.at, name.len);
		s = field_set_find(s, str_make(element, name.len + 2));
	}
	return s && s->member ? (struct field_set *)(uintptr_t)s : NULL;
}

static struct field_set *only_number(struct arena *a, const char *dotted)
{
	struct field_set *set = field_set_new(a), *at = set;
	struct str rest = str_from(dotted), name;

	while (str_next(&rest, '.', &name))
		at = field_set_child(a, at, arena_print(a, "f:%.*s", STRF(name)));
	at->member = true;
	return set;
}

void scale_managed_show(struct arena *a, const struct resource *r, const char *replicas,
	const struct cJSON *object, struct cJSON *scale)
{
	struct managed of_object, of_scale = {.arena = a};

	managed_read(a, object, &of_object);
	of_scale.items = arena_alloc(a, (of_object.count + 2) * sizeof(*of_scale.items));
	for (size_t i = 0; i < of_object.count; i++) {
		struct manager *w = &of_object.items[i];

		if (!resource_in_version(r, w->api_version) || !number_of(w->set, replicas))
			continue;
		of_scale.items[of_scale.count] = *w;
		of_scale.items[of_scale.count].api_version = STR(SCALE_VERSION);
		of_scale.items[of_scale.count++].set = only_number(a, IN_SCALE);
	}
	managed_write(&of_scale, scale);
}

/* The scale's entry that this one was shown as, if it stands as it was. */
static struct manager *still_there(struct managed *of_scale, const struct manager *w)
{
	for (size_t i = 0; i < of_scale->count; i++) {
		struct manager *s = &of_scale->items[i];

		if (is_same(s, w) && number_of(s->set, IN_SCALE) &&
			(w->apply || str_eq(s->time, w->time)))
			return s;
	}
	return NULL;
}

void scale_managed_take(struct arena *a, const struct resource *r, const char *replicas,
	struct cJSON *object, const struct cJSON *scale)
{
	struct managed of_object, of_scale, out = {.arena = a};

	managed_read(a, object, &of_object);
	managed_read(a, scale, &of_scale);
	out.items = arena_alloc(a, (of_object.count + of_scale.count + 2) * sizeof(*out.items));
	for (size_t i = 0; i < of_object.count; i++) {
		struct manager *w = &of_object.items[i], *s;

		if (!resource_in_version(r, w->api_version))
			continue;
		s = number_of(w->set, replicas) ? still_there(&of_scale, w) : NULL;
		if (s)
			managed_drop(&of_scale, s);
		else
			field_set_cut(w->set, replicas);
		if (!field_set_empty(w->set))
			out.items[out.count++] = *w;
	}
	/* Whoever took the number: upstream knows no time of theirs. */
	for (size_t i = 0; i < of_scale.count; i++) {
		struct manager *s = &of_scale.items[i];

		if (!number_of(s->set, IN_SCALE))
			continue;
		out.items[out.count] = *s;
		out.items[out.count].api_version = r->api_version;
		out.items[out.count].time = (struct str){0};
		out.items[out.count++].set = only_number(a, replicas);
	}
	managed_write(&out, object);
}
