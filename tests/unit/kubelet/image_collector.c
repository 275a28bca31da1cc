#include "test.h"

#include <kube/time.h>

#include "kubelet/image_collector.h"

#define NOW (1000 * HOUR)

static size_t choose(struct arena *a, int64_t bytes, int64_t max_age, struct str **ids)
{
	static const struct image all[] = {
		{.id = STR_INIT("used"), .size = 50, .last_used = 0},
		{.id = STR_INIT("pinned"), .size = 50, .last_used = 0, .pinned = true},
		{.id = STR_INIT("young"), .size = 50, .last_used = NOW - MINUTE},
		{.id = STR_INIT("newer"), .size = 50, .last_used = NOW - HOUR},
		{.id = STR_INIT("older"), .size = 50, .last_used = NOW - 2 * HOUR},
	};
	static const struct container container = {.image = STR_INIT("used")};
	static const struct container *const containers[] = {&container};
	const struct image *list[5];

	for (int i = 0; i < 5; i++)
		list[i] = &all[i];
	const struct image_choice in = {.images = list,
		.count = 5,
		.containers = containers,
		.container_count = 1,
		.bytes = bytes,
		.min_age = 2 * MINUTE,
		.max_age = max_age,
		.now = NOW};
	return images_to_remove(a, &in, ids);
}

TEST(the_longest_unused_image_goes_first_and_no_more_than_needed)
{
	struct arena a;
	struct str *ids;

	arena_init(&a);
	EXPECT_INT(choose(&a, 10, 0, &ids), 1);
	EXPECT_STR(ids[0], "older");
	EXPECT_INT(choose(&a, 60, 0, &ids), 2);
	EXPECT_STR(ids[1], "newer");
	EXPECT_INT(choose(&a, 1000, 0, &ids), 2);
	EXPECT_INT(choose(&a, 0, 0, &ids), 0);
	arena_done(&a);
}

TEST(what_is_unused_for_too_long_goes_though_there_is_room)
{
	struct arena a;
	struct str *ids;

	arena_init(&a);
	EXPECT_INT(choose(&a, 0, 90 * MINUTE, &ids), 1);
	EXPECT_STR(ids[0], "older");
	arena_done(&a);
}

TEST(a_disk_is_too_full_from_85_percent_on)
{
	EXPECT_INT(images_excess(1000, 200, 85, 80), 0);
	EXPECT_INT(images_excess(1000, 150, 85, 80), 50);
	EXPECT_INT(images_excess(1000, 0, 85, 80), 200);
	EXPECT_INT(images_excess(0, 0, 85, 80), 0);
	EXPECT_INT(images_excess(1000, 0, 100, 80), 0);
}
