/* Who follows a log reads all of it, however slowly, while its files are put away. */
#include "server/log_reader.h"

#include "host_runtime.h"
#include "log_files.h"
#include "loop_test.h"

#include <stdio.h>
#include <stdlib.h>

struct follower {
	struct loop_test t;
	struct host_runtime host;
	struct log_reader reader;
	char dir[32], path[64];
	int64_t wall;
};

/* A line as the runtime writes it. */
static void say(struct follower *f, const char *text)
{
	FILE *file = fopen(f->path, "ae");

	REQUIRE(file);
	fprintf(file, "2026-01-02T15:04:05.000000000Z stdout F %s\n", text);
	fclose(file);
}

static void put_away(struct follower *f)
{
	static const _Atomic(bool) stop;
	struct arena a;
	struct str to;

	arena_init(&a);
	f->wall += 10 * SEC;
	EXPECT_INT(log_files_rotate(&a, f->path, 5, f->wall, &stop, &to, NULL), 0);
	arena_done(&a);
}

static void open_follower(struct follower *f)
{
	const struct log_wish wish = {.limit = LOG_NO_LIMIT};
	struct told told = {0};

	*f = (struct follower){.dir = "/tmp/kube-log-XXXXXX"};
	REQUIRE(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/0.log", f->dir);
	loop_test_init(&f->t, LOOP_TEST_REAL);
	f->wall = env_wall(f->t.env);
	host_runtime_init(&f->host, f->t.env);
	host_runtime_add(&f->host, "p", "uid", "c", "c1", f->path);
	say(f, "one");
	log_reader_init(&f->reader, f->t.env, &f->host.runtime, STR("c1"), f->path, &wish);
	f->reader.follow = true;
	log_reader_open(&f->reader, told_op(&told, f->t.root, OP_NO_DEADLINE));
	loop_test_run_until(&f->t, &told.done);
	EXPECT_INT(told.err.code, 0);
	told_done(&told);
}

/* What comes until all of it has, or nothing for ten seconds. */
static void expect_read(struct follower *f, const char *wanted)
{
	_cleanup_(buf_done) struct buf all = BUF_INIT(64 * KIB);
	bool more = true;

	while (more && all.len < strlen(wanted)) {
		struct told told = {0};

		log_reader_next(
			&f->reader, told_op(&told, f->t.root, loop_in(f->t.loop, 10 * SEC)));
		loop_test_run_until(&f->t, &told.done);
		buf_add_str(&all, buf_str(&f->reader.out));
		buf_clear(&f->reader.out);
		more = !told.err.code;
		told_done(&told);
	}
	EXPECT_STR(buf_str(&all), wanted);
}

static void close_follower(struct follower *f)
{
	char command[64];

	log_reader_done(&f->reader);
	loop_test_done(&f->t);
	snprintf(command, sizeof(command), "rm -r '%s'", f->dir);
	EXPECT_INT(system(command), 0);
}

TEST(a_file_that_was_put_away_is_read_to_its_end_first)
{
	struct follower f;

	open_follower(&f);
	expect_read(&f, "one\n");
	say(&f, "two");
	put_away(&f);
	say(&f, "three");
	expect_read(&f, "two\nthree\n");
	close_follower(&f);
}

TEST(no_file_is_left_out_when_two_are_put_away)
{
	struct follower f;

	open_follower(&f);
	expect_read(&f, "one\n");
	/* Our own is packed by the second time. */
	put_away(&f);
	say(&f, "two");
	put_away(&f);
	say(&f, "three");
	expect_read(&f, "two\nthree\n");
	put_away(&f);
	say(&f, "four");
	expect_read(&f, "four\n");
	close_follower(&f);
}

TEST(what_is_older_is_not_read_again)
{
	struct follower f;
	char away[80];

	open_follower(&f);
	put_away(&f);
	say(&f, "two");
	expect_read(&f, "one\ntwo\n");
	/* Somebody else moves ours out of sight. */
	snprintf(away, sizeof(away), "%s/away", f.dir);
	EXPECT_INT(rename(f.path, away), 0);
	say(&f, "three");
	expect_read(&f, "three\n");
	close_follower(&f);
}
