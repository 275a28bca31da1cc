#include "known_slices.h"

#include <kube/mem.h>

/* A slice of so many is all there is to read: nothing would be spared. */
#define ALONE 1

struct known_slice {
	struct arena arena;
	int64_t revision; /* a state of an object: no other has it */
	const struct slice *slice;
};

struct known_service {
	struct known_slice **slices;
	size_t count;
};

static void slice_free(struct known_slice *s)
{
	if (!s)
		return;
	arena_done(&s->arena);
	mem_free(s);
}

static void service_free(struct known_service *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		slice_free(s->slices[i]);
	mem_free(s->slices);
	mem_free(s);
}

void known_slices_init(struct known_slices *k)
{
	map_init(&k->services);
	buf_init(&k->zone, KIB);
}

void known_slices_done(struct known_slices *k)
{
	map_each (it, &k->services)
		service_free(it.value);
	map_done(&k->services);
	buf_done(&k->zone);
}

/* Whom an endpoint is best for has been compared with the node's zone. */
static void forget_other_zone(struct known_slices *k, struct str zone)
{
	if (str_eq(buf_str(&k->zone), zone))
		return;
	known_slices_done(k);
	known_slices_init(k);
	buf_add(&k->zone, zone.at, zone.len);
}

static const struct slice *read_slice(
	struct arena *a, const struct proxy_node *node, const struct object *o)
{
	_cleanup_(arena_done) struct arena trees;

	arena_init(&trees);
	return slice_read(a, node, object_lean_tree(&trees, o));
}

/* Taken out of what was; `guess`: where it stood if none has come or gone before it. */
static struct known_slice *take(struct known_service *was, size_t guess, int64_t revision)
{
	for (size_t i = 0; was && revision > 0 && i < was->count; i++) {
		struct known_slice **s = &was->slices[(guess + i) % was->count];

		if (*s && (*s)->revision == revision)
			return TAKE(*s);
	}
	return NULL;
}

static struct known_slice *learn(const struct proxy_node *node, const struct object *o)
{
	struct known_slice *s = mem_new(sizeof(*s));

	arena_init(&s->arena);
	s->revision = o->revision;
	s->slice = read_slice(&s->arena, node, o);
	return s;
}

const struct slice *const *known_slices_read(struct known_slices *k, struct arena *a,
	const struct proxy_node *node, struct str service, struct object *const *objects,
	size_t count)
{
	const struct slice **slices = arena_alloc(a, count * sizeof(const struct slice *));

	forget_other_zone(k, node->zone);
	if (count <= ALONE) {
		service_free(map_remove(&k->services, service));
		for (size_t i = 0; i < count; i++)
			slices[i] = read_slice(a, node, objects[i]);
		return slices;
	}
	struct known_service *was = map_get(&k->services, service), *is = mem_new(sizeof(*is));
	is->slices = mem_new(count * sizeof(struct known_slice *));
	for (; is->count < count; is->count++) {
		struct known_slice *s = take(was, is->count, objects[is->count]->revision);

		is->slices[is->count] = s ? s : learn(node, objects[is->count]);
		slices[is->count] = is->slices[is->count]->slice;
	}
	service_free(map_set(&k->services, service, is));
	return slices;
}
