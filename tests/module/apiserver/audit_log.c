/* The audit log's file: lines in order, files put aside and packed, disks that fail. */
#include "loop_test.h"

#include "apiserver/audit/log.h"

#include <dirent.h>
#include <kube/gzip.h>
#include <kube/loop.h>
#include <kube/scope.h>
#include <kube/time.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
	struct loop_test t;
	struct audit_sink *sink;
	struct scope scope;
	char dir[64], path[128];
	size_t lost;
	/* a disk that fails at what is asked for, so many times */
	struct disk_ops ops;
	struct disk disk, *below;
	int renames_fail, writes_fail;
	const char *closed_to; /* paths that end so cannot be opened */
} world;

/* ---- the disk ---- */

static int failing_rename(struct disk *d, const char *from, const char *to, struct err *err)
{
	if (world.renames_fail > 0) {
		world.renames_fail--;
		return err_set(err, ERR_IO, "rename");
	}
	return world.below->ops->rename(d, from, to, err);
}

/* Half of it is written. */
static ssize_t failing_write(
	struct disk *d, int handle, const void *at, size_t len, int64_t offset, struct err *err)
{
	if (world.writes_fail > 0) {
		world.writes_fail--;
		world.below->ops->write(d, handle, at, len / 2, offset, err);
		return err_set(err, ERR_IO, "write");
	}
	return world.below->ops->write(d, handle, at, len, offset, err);
}

static int failing_open(struct disk *d, const char *path, int flags, unsigned mode, struct err *err)
{
	if (world.closed_to && strstr(path, world.closed_to))
		return err_set(err, ERR_IO, "open");
	return world.below->ops->open(d, path, flags, mode, err);
}

/* ---- the world ---- */

static void count_lost(void *ctx, const char *plugin, size_t events)
{
	(void)ctx;
	EXPECT_STR(str_from(plugin), "log");
	world.lost += events;
}

static void sink_open(struct audit_log_options options, const char *mode)
{
	struct audit_place_options place = {
		.mode = str_from(mode), .buffer_size = 10, .max_size = 3, .max_wait = HOUR};

	if (!options.path)
		options.path = world.path;
	world.sink = audit_sink_new(world.t.env, &world.scope, &place,
		audit_log_new(world.t.env, &options), count_lost, NULL);
}

static void world_open(struct audit_log_options options, const char *mode)
{
	memset(&world, 0, sizeof(world));
	loop_test_init(&world.t, LOOP_TEST_REAL);
	world.below = world.t.env->disk;
	world.ops = *world.below->ops;
	world.ops.rename = failing_rename;
	world.ops.write = failing_write;
	world.ops.open = failing_open;
	world.disk = (struct disk){.ops = &world.ops, .is_machine = true};
	world.t.env->disk = &world.disk;
	strcpy(world.dir, "/tmp/kube-audit-XXXXXX");
	EXPECT(mkdtemp(world.dir) != NULL);
	snprintf(world.path, sizeof(world.path), "%s/deep/audit.log", world.dir);
	scope_init(&world.scope, world.t.root, "log", NULL);
	sink_open(options, mode);
}

static void add(const char *line)
{
	audit_sink_add(world.sink, str_from(line), NULL);
}

/* A line that is waited for, as requests do; what became of it. */
static int add_and_wait(const char *line)
{
	struct told written = {0};
	struct audit_wait wait = {.op = told_op(&written, world.t.root, OP_NO_DEADLINE)};
	int code;

	audit_sink_add(world.sink, str_from(line), &wait);
	loop_test_run_until(&world.t, &written.done);
	code = written.err.code;
	told_done(&written);
	return code;
}

static void sink_end(void)
{
	struct told finished = {0};

	audit_sink_finish(world.sink, told_op(&finished, world.t.root, OP_NO_DEADLINE), HOUR);
	loop_test_run_until(&world.t, &finished.done);
	EXPECT_INT(finished.err.code, 0);
	told_done(&finished);
	audit_sink_free(TAKE(world.sink));
}

static void pause_for(int64_t time)
{
	struct told over = {0};

	timer_wait(told_op(&over, world.t.root, OP_NO_DEADLINE), loop_in(world.t.loop, time));
	loop_test_run_until(&world.t, &over.done);
	told_done(&over);
}

#define UNTIL(condition)                                                                           \
	for (int i_ = 0; i_ < 1000 && !(condition); i_++)                                          \
	pause_for(5 * MSEC)

static void world_close(void)
{
	struct told closed = {0};
	char command[128];

	if (world.sink)
		sink_end();
	scope_close(&world.scope, told_op(&closed, world.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&world.t, &closed.done);
	told_done(&closed);
	snprintf(command, sizeof(command), "rm -r %s", world.dir);
	EXPECT_INT(system(command), 0);
	loop_test_done(&world.t);
}

/* Files of the log's directory whose names end so; *last: one of them. */
static int count_files(const char *end, char *last, size_t size)
{
	char dir[128];
	int n = 0;

	snprintf(dir, sizeof(dir), "%s/deep", world.dir);
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		size_t len = strlen(e->d_name);

		if (len < strlen(end) || strcmp(e->d_name + len - strlen(end), end) != 0)
			continue;
		snprintf(last, size, "%s/%s", dir, e->d_name);
		n++;
	}
	if (d)
		closedir(d);
	return n;
}

static void expect_file(const char *path, const char *text)
{
	_cleanup_(buf_done) struct buf got = BUF_INIT(MIB);

	EXPECT_INT(disk_read_file(world.t.env->disk, path, &got, NULL), 0);
	EXPECT_STR(buf_str(&got), text);
}

static bool file_exists(void)
{
	return world.disk.ops->changed(&world.disk, world.path, NULL) >= 0;
}

/* ---- lines ---- */

TEST(lines_stand_in_their_order)
{
	world_open((struct audit_log_options){0}, "blocking");
	add("one");
	EXPECT_INT(add_and_wait("two"), 0);
	expect_file(world.path, "one\ntwo\n");
	EXPECT_INT(add_and_wait("three"), 0);
	expect_file(world.path, "one\ntwo\nthree\n");
	world_close();
}

TEST(what_stood_there_before_is_gone_on_with)
{
	world_open((struct audit_log_options){0}, "blocking");
	add_and_wait("before");
	sink_end();
	sink_open((struct audit_log_options){0}, "blocking");
	add_and_wait("after");
	expect_file(world.path, "before\nafter\n");
	world_close();
}

TEST(a_batch_waits_until_it_is_full)
{
	world_open((struct audit_log_options){0}, "batch");
	EXPECT(!audit_sink_blocks(world.sink));
	add("one");
	add("two");
	pause_for(20 * MSEC);
	EXPECT(!file_exists());
	add("three");
	UNTIL(file_exists());
	expect_file(world.path, "one\ntwo\nthree\n");
	add("rest");
	sink_end();
	expect_file(world.path, "one\ntwo\nthree\nrest\n");
	EXPECT_INT(world.lost, 0);
	world_close();
}

/* ---- files put aside ---- */

TEST(a_full_file_is_put_aside_and_packed)
{
	_cleanup_(buf_done) struct buf packed = BUF_INIT(MIB), plain = BUF_INIT(MIB);
	char aside[512];

	world_open((struct audit_log_options){.max_bytes = 10, .pack = true}, "blocking");
	add_and_wait("12345678");
	add_and_wait("next");
	expect_file(world.path, "next\n");
	EXPECT_INT(count_files(".log.gz", aside, sizeof(aside)), 1);
	EXPECT_INT(disk_read_file(world.t.env->disk, aside, &packed, NULL), 0);
	EXPECT_INT(gzip_decode(buf_str(&packed), &plain, NULL), 0);
	EXPECT_STR(buf_str(&plain), "12345678\n");
	world_close();
}

TEST(a_full_file_found_at_the_start_is_put_aside)
{
	char aside[512];

	world_open((struct audit_log_options){0}, "blocking");
	add_and_wait("12345678");
	sink_end();
	sink_open((struct audit_log_options){.max_bytes = 10}, "blocking");
	add_and_wait("next");
	expect_file(world.path, "next\n");
	EXPECT_INT(count_files(".log", aside, sizeof(aside)), 2);
	world_close();
}

TEST(no_file_is_larger_than_asked_for_but_for_a_line_that_is)
{
	char aside[512];

	world_open((struct audit_log_options){.max_bytes = 10}, "batch");
	add("1234");
	add("5678");
	add("a long line is written nevertheless");
	UNTIL(count_files(".log", aside, sizeof(aside)) == 2);
	expect_file(world.path, "a long line is written nevertheless\n");
	EXPECT_INT(count_files(".log", aside, sizeof(aside)), 2);
	EXPECT_INT(world.lost, 0);
	world_close();
}

TEST(only_so_many_are_kept)
{
	char aside[512];

	world_open((struct audit_log_options){.max_bytes = 4, .max_files = 2}, "blocking");
	for (int i = 0; i < 6; i++) {
		add_and_wait("12345678");
		pause_for(2 * MSEC); /* names tell milliseconds */
	}
	EXPECT_INT(count_files(".log", aside, sizeof(aside)), 3);
	world_close();
}

/* ---- disks that fail ---- */

TEST(a_place_that_cannot_be_written_loses_lines_and_nothing_else)
{
	world_open((struct audit_log_options){.path = "/proc/none/audit.log"}, "blocking");
	EXPECT_INT(add_and_wait("one"), 0);
	EXPECT_INT(world.lost, 1);
	EXPECT_INT(add_and_wait("two"), 0);
	EXPECT_INT(world.lost, 2);
	world_close();
}

TEST(whoever_is_strict_hears_of_it)
{
	world_open((struct audit_log_options){0}, "blocking-strict");
	EXPECT_INT(add_and_wait("one"), 0);
	world.writes_fail = 1;
	EXPECT_INT(add_and_wait("two"), ERR_UNAVAILABLE);
	EXPECT_INT(add_and_wait("three"), 0);
	EXPECT_INT(world.lost, 1);
	world_close();
}

TEST(a_batch_that_fails_counts_all_its_lines)
{
	world_open((struct audit_log_options){0}, "batch");
	world.writes_fail = 1;
	add("one");
	add("two");
	add("three");
	UNTIL(world.lost);
	EXPECT_INT(world.lost, 3);
	world_close();
}

TEST(half_a_line_does_not_spoil_the_next)
{
	world_open((struct audit_log_options){0}, "blocking");
	add_and_wait("one");
	world.writes_fail = 1;
	add_and_wait("lost by half");
	EXPECT_INT(world.lost, 1);
	expect_file(world.path, "one\n");
	add_and_wait("two");
	expect_file(world.path, "one\ntwo\n");
	world_close();
}

TEST(a_file_that_cannot_be_put_aside_grows)
{
	char aside[512];

	world_open((struct audit_log_options){.max_bytes = 10}, "blocking");
	add_and_wait("12345678");
	world.renames_fail = 1;
	EXPECT_INT(add_and_wait("grows"), 0);
	expect_file(world.path, "12345678\ngrows\n");
	add_and_wait("next");
	expect_file(world.path, "next\n");
	EXPECT_INT(count_files(".log", aside, sizeof(aside)), 2);
	EXPECT_INT(world.lost, 0);
	world_close();
}

TEST(a_file_that_cannot_be_packed_stays_as_it_is)
{
	char aside[512];

	world_open((struct audit_log_options){.max_bytes = 10, .pack = true}, "blocking");
	add_and_wait("12345678");
	world.closed_to = ".gz";
	EXPECT_INT(add_and_wait("next"), 0);
	expect_file(world.path, "next\n");
	EXPECT_INT(count_files(".gz", aside, sizeof(aside)), 0);
	EXPECT_INT(count_files(".log", aside, sizeof(aside)), 2);
	EXPECT_INT(world.lost, 0);
	world_close();
}
