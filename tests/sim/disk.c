/* The disk that forgets. */
#include "test.h"

#include <fcntl.h>
#include <kube/mem.h>
#include <kube/sim.h>
#include <stdio.h>

struct box {
	struct sim *sim;
	struct env *host;
	struct disk *disk;
};

static void box_init(struct box *b)
{
	b->sim = sim_new(1);
	b->host = sim_host(b->sim, "a", ip_v4(192, 0, 2, 1));
	b->disk = b->host->disk;
}

static const char *content(struct box *b, const char *path)
{
	static char kept[256];
	_cleanup_(buf_done) struct buf out = BUF_INIT(200);
	_cleanup_(err_done) struct err err = {0};

	if (disk_read_file(b->disk, path, &out, &err))
		snprintf(kept, sizeof(kept), "(%s)", err_code_name(err.code));
	else
		snprintf(kept, sizeof(kept), "%s", buf_text(&out));
	return kept;
}

TEST(a_whole_file_written_survives_a_power_cut)
{
	struct box b;

	box_init(&b);
	EXPECT_INT(disk_make_dirs(b.disk, "/var/lib/kube", 0700, NULL), 0);
	EXPECT_INT(b.disk->ops->sync_dir(b.disk, "/", NULL), 0);
	EXPECT_INT(b.disk->ops->sync_dir(b.disk, "/var", NULL), 0);
	EXPECT_INT(b.disk->ops->sync_dir(b.disk, "/var/lib", NULL), 0);
	EXPECT_INT(disk_write_file(b.disk, "/var/lib/kube/ca", STR("one"), 0600, NULL), 0);
	EXPECT_INT(disk_write_file(b.disk, "/var/lib/kube/ca", STR("two"), 0600, NULL), 0);
	sim_crash(b.host);
	EXPECT_TEXT(content(&b, "/var/lib/kube/ca"), "two");
	sim_free(b.sim);
}

/* Fails each call in turn: the file is old or new, never half, whatever happened. */
TEST(a_whole_file_is_old_or_new_whichever_call_fails)
{
	for (uint64_t k = 1; k < 100; k++) {
		struct box b;
		test_context("k = %llu", (unsigned long long)k);
		box_init(&b);
		EXPECT_INT(disk_write_file(b.disk, "/f", STR("old"), 0600, NULL), 0);
		sim_disk_fail(b.host, k, ERR_IO);
		int code = disk_write_file(b.disk, "/f", STR("new"), 0600, NULL);
		sim_disk_fail(b.host, 0, 0);
		sim_crash(b.host);
		const char *now = content(&b, "/f");
		EXPECT(strcmp(now, "old") == 0 || strcmp(now, "new") == 0);
		if (!code)
			EXPECT_TEXT(now, "new");
		sim_free(b.sim);
		if (!code) {
			EXPECT(k > 4);
			return;
		}
	}
	test_fail(__FILE__, __LINE__, "it fails in every round");
}

TEST(what_was_not_synced_is_gone)
{
	struct box b;
	_cleanup_(err_done) struct err err = {0};

	box_init(&b);
	int h = b.disk->ops->open(b.disk, "/f", O_RDWR | O_CREAT, 0600, &err);
	REQUIRE(h >= 0);
	EXPECT_INT(b.disk->ops->write(b.disk, h, "abc", 3, 0, &err), 3);
	EXPECT_INT(b.disk->ops->sync(b.disk, h, &err), 0);
	EXPECT_INT(b.disk->ops->sync_dir(b.disk, "/", &err), 0);
	EXPECT_INT(b.disk->ops->write(b.disk, h, "XYZ", 3, 2, &err), 3);
	EXPECT_TEXT(content(&b, "/f"), "abXYZ");
	sim_crash(b.host);
	EXPECT_TEXT(content(&b, "/f"), "abc");
	EXPECT(b.disk->ops->write(b.disk, h, "z", 1, 0, &err) < 0);
	b.disk->ops->close(b.disk, h);
	sim_free(b.sim);
}

TEST(a_name_needs_its_directory_synced)
{
	struct box b;

	box_init(&b);
	int h = b.disk->ops->open(b.disk, "/f", O_RDWR | O_CREAT, 0600, NULL);
	REQUIRE(h >= 0);
	EXPECT_INT(b.disk->ops->write(b.disk, h, "abc", 3, 0, NULL), 3);
	EXPECT_INT(b.disk->ops->sync(b.disk, h, NULL), 0);
	b.disk->ops->close(b.disk, h);
	sim_crash(b.host);
	EXPECT_TEXT(content(&b, "/f"), "(NOT_FOUND)");
	sim_free(b.sim);
}

TEST(a_removed_name_comes_back_unless_the_directory_was_synced)
{
	struct box b;

	box_init(&b);
	EXPECT_INT(disk_write_file(b.disk, "/f", STR("x"), 0600, NULL), 0);
	EXPECT_INT(b.disk->ops->remove(b.disk, "/f", NULL), 0);
	EXPECT_TEXT(content(&b, "/f"), "(NOT_FOUND)");
	sim_crash(b.host);
	EXPECT_TEXT(content(&b, "/f"), "x");
	EXPECT_INT(b.disk->ops->remove(b.disk, "/f", NULL), 0);
	EXPECT_INT(b.disk->ops->sync_dir(b.disk, "/", NULL), 0);
	sim_crash(b.host);
	EXPECT_TEXT(content(&b, "/f"), "(NOT_FOUND)");
	sim_free(b.sim);
}

TEST(a_full_disk_says_so_and_reads_go_on)
{
	struct box b;

	box_init(&b);
	EXPECT_INT(disk_write_file(b.disk, "/f", STR("12345"), 0600, NULL), 0);
	sim_disk_limit(b.host, 8);
	EXPECT_INT(disk_write_file(b.disk, "/g", STR("12345"), 0600, NULL), ERR_NO_SPACE);
	EXPECT_TEXT(content(&b, "/f"), "12345");
	EXPECT_TEXT(content(&b, "/g"), "(NOT_FOUND)");
	sim_disk_limit(b.host, -1);
	EXPECT_INT(disk_write_file(b.disk, "/g", STR("12345"), 0600, NULL), 0);
	sim_free(b.sim);
}

static int count_name(void *ctx, const char *name)
{
	int *count = ctx;

	EXPECT(name[0] == 'n');
	(*count)++;
	return 0;
}

TEST(directories_list_what_is_in_them)
{
	struct box b;
	int count = 0;

	box_init(&b);
	EXPECT_INT(disk_make_dirs(b.disk, "/d/ne", 0700, NULL), 0);
	for (int i = 0; i < 100; i++) {
		_cleanup_(mem_done) char *path = mem_print("/d/n%d", i);
		EXPECT_INT(disk_write_file(b.disk, path, STR("x"), 0600, NULL), 0);
	}
	EXPECT_INT(b.disk->ops->list(b.disk, "/d", count_name, &count, NULL), 0);
	EXPECT_INT(count, 101);
	EXPECT_INT(b.disk->ops->remove(b.disk, "/d", NULL), ERR_CONFLICT);
	EXPECT_INT(b.disk->ops->remove(b.disk, "/d/ne", NULL), 0);
	EXPECT_INT(b.disk->ops->list(b.disk, "/none", count_name, &count, NULL), ERR_NOT_FOUND);
	sim_free(b.sim);
}

TEST(errors_come_by_chance_when_asked_for)
{
	struct box b;
	struct sim_faults faults = {.disk_error = 0.3};
	int failed = 0;

	box_init(&b);
	sim_set_faults(b.sim, &faults);
	for (int i = 0; i < 100; i++)
		failed += disk_write_file(b.disk, "/f", STR("x"), 0600, NULL) != 0;
	EXPECT(failed > 30 && failed < 100);
	sim_free(b.sim);
}
