/* What has been read stays known until it changes, or the node does. */
#include "test.h"

#include "proxy/known_slices.h"

#include <stdio.h>

struct given {
	struct arena arena;
	struct proxy_node node;
	struct known_slices known;
	struct object *objects[3];
	size_t count;
};

static struct object *slice_object(const char *address, int64_t revision)
{
	char text[512];

	snprintf(text, sizeof(text),
		"{\"metadata\":{\"name\":\"s\"},\"addressType\":\"IPv4\",\"ports\":[{\"name\":"
		"\"http\",\"port\":8080}],\"endpoints\":[{\"addresses\":[\"%s\"],\"hints\":{"
		"\"forZones\":[{\"name\":\"west\"}]}}]}",
		address);
	return object_from_text(str_from(text), revision);
}

static void given_init(struct given *g)
{
	*g = (struct given){.node = {.name = STR("here"), .zone = STR("west")}};
	arena_init(&g->arena);
	known_slices_init(&g->known);
	g->objects[g->count++] = slice_object("10.42.0.1", 11);
	g->objects[g->count++] = slice_object("10.42.0.2", 12);
	g->objects[g->count++] = slice_object("10.42.0.3", 13);
}

static void given_done(struct given *g)
{
	known_slices_done(&g->known);
	for (size_t i = 0; i < ARRAY_LEN(g->objects); i++)
		object_unref(g->objects[i]);
	arena_done(&g->arena);
}

static const struct slice *const *read_all(struct given *g)
{
	return known_slices_read(&g->known, &g->arena, &g->node, STR("n/s"), g->objects, g->count);
}

static void replace(struct given *g, size_t i, const char *address, int64_t revision)
{
	object_unref(g->objects[i]);
	g->objects[i] = slice_object(address, revision);
}

static int last_byte(const struct slice *s)
{
	return s->endpoint_count == 1 ? s->endpoints[0].ip.bytes[3] : -1;
}

TEST(only_the_slice_that_changed_is_read_again)
{
	const struct slice *first, *third;
	struct given g;

	given_init(&g);
	const struct slice *const *slices = read_all(&g);
	EXPECT_INT(last_byte(slices[1]), 2);
	first = slices[0];
	third = slices[2];
	replace(&g, 1, "10.42.0.9", 14);
	slices = read_all(&g);
	EXPECT(slices[0] == first && slices[2] == third);
	EXPECT_INT(last_byte(slices[1]), 9);
	/* in another order, and without one */
	struct object *gone = g.objects[1];
	g.objects[1] = g.objects[0];
	g.objects[0] = g.objects[2];
	g.objects[2] = gone;
	g.count = 2;
	slices = read_all(&g);
	EXPECT(slices[0] == third && slices[1] == first);
	given_done(&g);
}

TEST(a_state_without_a_revision_is_read_each_time)
{
	struct given g;

	given_init(&g);
	replace(&g, 0, "10.42.0.1", 0);
	EXPECT_INT(last_byte(read_all(&g)[0]), 1);
	replace(&g, 0, "10.42.0.7", 0);
	EXPECT_INT(last_byte(read_all(&g)[0]), 7);
	given_done(&g);
}

TEST(a_single_slice_is_read_each_time_and_none_is_none)
{
	struct given g;

	given_init(&g);
	read_all(&g);
	g.count = 1;
	EXPECT_INT(last_byte(read_all(&g)[0]), 1);
	EXPECT_INT(g.known.services.count, 0);
	g.count = 0;
	read_all(&g);
	given_done(&g);
}

TEST(another_zone_makes_others_the_nearest)
{
	struct given g;

	given_init(&g);
	EXPECT(read_all(&g)[2]->endpoints[0].is.for_zone);
	g.node.zone = STR("east");
	EXPECT(!read_all(&g)[2]->endpoints[0].is.for_zone);
	given_done(&g);
}
