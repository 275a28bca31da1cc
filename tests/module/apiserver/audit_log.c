/* The audit log's file: lines in order, files put aside and packed, disks that fail. */
#include "loop_test.h"

#include "apiserver/audit/log.h"

#include <dirent.h>
#include <kube/gzip.h>
#include <kube/loop.h>
#include <kube/time.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
	struct loop_test t;
	struct audit_log *log;
	struct scope scope;
	char dir[64], path[128];
} world;

static void world_open(struct audit_log_options options)
{
	memset(&world, 0, sizeof(world));
	loop_test_init(&world.t, LOOP_TEST_REAL);
	strcpy(world.dir, "/tmp/kube-audit-XXXXXX");
	EXPECT(mkdtemp(world.dir) != NULL);
	snprintf(world.path, sizeof(world.path), "%s/deep/audit.log", world.dir);
	if (!options.path)
		options.path = world.path;
	scope_init(&world.scope, world.t.root, "log", NULL);
	world.log = audit_log_new(world.t.env, &world.scope, &options);
}

static void flush(void)
{
	struct told flushed = {0};

	audit_log_flush(world.log, told_op(&flushed, world.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&world.t, &flushed.done);
	EXPECT_INT(flushed.err.code, 0);
	told_done(&flushed);
}

static void pause_for(int64_t time)
{
	struct told over = {0};

	timer_wait(told_op(&over, world.t.root, OP_NO_DEADLINE), loop_in(world.t.loop, time));
	loop_test_run_until(&world.t, &over.done);
	told_done(&over);
}

static void world_close(void)
{
	struct told closed = {0};
	char command[128];

	flush();
	audit_log_free(world.log);
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

TEST(lines_stand_in_their_order)
{
	world_open((struct audit_log_options){0});
	audit_log_add(world.log, STR("one"));
	audit_log_add(world.log, STR("two"));
	flush();
	expect_file(world.path, "one\ntwo\n");
	audit_log_add(world.log, STR("three"));
	flush();
	expect_file(world.path, "one\ntwo\nthree\n");
	world_close();
}

TEST(a_full_file_is_put_aside_and_packed)
{
	_cleanup_(buf_done) struct buf packed = BUF_INIT(MIB), plain = BUF_INIT(MIB);
	char aside[512];

	world_open((struct audit_log_options){.max_bytes = 10, .pack = true});
	audit_log_add(world.log, STR("12345678"));
	flush();
	audit_log_add(world.log, STR("next"));
	flush();
	expect_file(world.path, "next\n");
	EXPECT_INT(count_files(".log.gz", aside, sizeof(aside)), 1);
	EXPECT_INT(disk_read_file(world.t.env->disk, aside, &packed, NULL), 0);
	EXPECT_INT(gzip_decode(buf_str(&packed), &plain, NULL), 0);
	EXPECT_STR(buf_str(&plain), "12345678\n");
	world_close();
}

TEST(only_so_many_are_kept)
{
	char aside[512];

	world_open((struct audit_log_options){.max_bytes = 4, .max_files = 2});
	for (int i = 0; i < 6; i++) {
		audit_log_add(world.log, STR("12345678"));
		flush();
		pause_for(2 * MSEC); /* names tell milliseconds */
	}
	EXPECT_INT(count_files(".log", aside, sizeof(aside)), 3);
	world_close();
}

TEST(what_stood_there_before_is_gone_on_with)
{
	struct audit_log_options options = {0};

	world_open(options);
	audit_log_add(world.log, STR("before"));
	flush();
	audit_log_free(world.log);
	options.path = world.path;
	world.log = audit_log_new(world.t.env, &world.scope, &options);
	audit_log_add(world.log, STR("after"));
	flush();
	expect_file(world.path, "before\nafter\n");
	world_close();
}

TEST(a_place_that_cannot_be_written_loses_lines_and_nothing_else)
{
	world_open((struct audit_log_options){.path = "/proc/none/audit.log"});
	audit_log_add(world.log, STR("one"));
	flush();
	EXPECT_INT(audit_log_lost(world.log), 1);
	audit_log_add(world.log, STR("two"));
	flush();
	EXPECT_INT(audit_log_lost(world.log), 2);
	world_close();
}
