/* The store on disks that are damaged, full, of another age, or copied while it works. */
#include "test.h"

#include <fcntl.h>
#include <kube/mem.h>
#include <kube/sim.h>
#include <kube/store.h>
#include <kube/time.h>

#include <stdio.h>

#include "loop_test.h"
#include "loop_torture.h"

#define DIR "/var/lib/kube"

struct world {
	struct sim *sim;
	struct env *host;
	struct scope *root;
	struct store *store;
	struct bucket *bucket;
	struct err err; /* of the last call */
};

static int await(struct world *w, struct told *told)
{
	_cleanup_(err_done) struct err err = {0};

	loop_run_until(sim_loop(w->sim), &told->done, &err);
	EXPECT(told->done);
	err_done(&w->err);
	err_move(&w->err, &told->err);
	return w->err.code;
}

static int open_at(struct world *w, const char *path)
{
	struct store_options options = {.path = path};
	struct told told = {0};

	w->store = NULL;
	store_open(w->host, told_op(&told, w->root, OP_NO_DEADLINE), w->root, &options, &w->store);
	int code = await(w, &told);
	w->bucket = code ? NULL : store_bucket(w->store, STR("/registry/things/"));
	return code;
}

static void close_store(struct world *w)
{
	struct told told = {0};

	store_close(w->store, told_op(&told, w->root, OP_NO_DEADLINE));
	await(w, &told);
	w->store = NULL;
}

static void world_init(struct world *w)
{
	*w = (struct world){.sim = sim_new(1)};
	w->host = sim_host(w->sim, "a", ip_v4(192, 0, 2, 1));
	w->root = loop_root(sim_loop(w->sim));
	REQUIRE(open_at(w, DIR) == 0);
}

static void world_done(struct world *w)
{
	if (w->store)
		close_store(w);
	err_done(&w->err);
	sim_free(w->sim);
}

static struct draft draft_of(const char *value)
{
	_cleanup_(arena_done) struct arena a;
	struct cJSON *tree = NULL;
	struct draft d;

	arena_init(&a);
	json_parse(&a, arena_print(&a, "{\"metadata\":{\"name\":\"a\"},\"v\":\"%s\"}", value), NULL,
		&tree, NULL);
	draft_from_tree(&d, tree);
	return d;
}

static int write_value(struct world *w, const char *key, const char *value, bool lazy)
{
	struct told told = {0};
	struct commit c = {.bucket = w->bucket,
		.key = str_from(key),
		.expected = COMMIT_ANY,
		.lazy = lazy,
		.draft = draft_of(value)};

	store_commit(w->store, told_op(&told, w->root, OP_NO_DEADLINE), &c);
	int code = await(w, &told);
	object_unref(c.result);
	object_unref(c.found);
	return code;
}

static int put(struct world *w, const char *key, const char *value)
{
	return write_value(w, key, value, false);
}

static struct str value_at(struct world *w, const char *key)
{
	struct object *o = store_get(w->bucket, str_from(key));

	return o ? object_scan(o, "v") : STR("(nothing)");
}

/* Writes over the middle of a file. */
static void damage(struct world *w, const char *path)
{
	struct disk *d = w->host->disk;
	char rubbish[3000];
	int handle = d->ops->open(d, path, O_RDWR, 0, NULL);

	REQUIRE(handle >= 0);
	memset(rubbish, 0x5a, sizeof(rubbish));
	EXPECT(d->ops->write(d, handle, rubbish, sizeof(rubbish), 4096, NULL) > 0);
	EXPECT_INT(d->ops->write(d, handle, rubbish, 90, 0, NULL), 90);
	d->ops->close(d, handle);
}

static bool is_there(struct world *w, const char *path)
{
	return w->host->disk->ops->changed(w->host->disk, path, NULL) >= 0;
}

TEST(a_damaged_store_gives_way_to_its_last_good_copy)
{
	struct world w;

	world_init(&w);
	put(&w, "a", "1");
	close_store(&w); /* makes the first copy */
	EXPECT(is_there(&w, DIR "/state.db.good"));
	REQUIRE(open_at(&w, DIR) == 0);
	put(&w, "a", "2");
	close_store(&w);
	damage(&w, DIR "/state.db");
	REQUIRE(open_at(&w, DIR) == 0);
	EXPECT_STR(value_at(&w, "a"), "1");
	EXPECT(is_there(&w, DIR "/state.db.damaged"));
	EXPECT_INT(put(&w, "a", "3"), 0);
	world_done(&w);
}

/* After a crash all pages are read: one that cannot be read at that moment is not lost. */
TEST(a_call_that_fails_at_the_start_is_no_damage)
{
	struct world w;
	char value[16];

	world_init(&w);
	put(&w, "a", "0");
	close_store(&w); /* makes a copy to fall back to, which must not happen */
	REQUIRE(open_at(&w, DIR) == 0);
	for (int k = 1; k < 150 && !test_failed(); k++) {
		snprintf(value, sizeof(value), "%d", k);
		EXPECT_INT(put(&w, "a", value), 0);
		sim_crash(w.host);
		close_store(&w);
		sim_disk_fail(w.host, (uint64_t)k, ERR_IO);
		int code = open_at(&w, DIR);
		sim_disk_fail(w.host, 0, 0);
		if (code)
			REQUIRE(open_at(&w, DIR) == 0);
		EXPECT_STR(value_at(&w, "a"), value);
		EXPECT(!is_there(&w, DIR "/state.db.damaged"));
	}
	world_done(&w);
}

TEST(without_a_copy_a_damaged_store_stays_untouched_and_says_so)
{
	struct world w;

	world_init(&w);
	put(&w, "a", "1");
	close_store(&w);
	w.host->disk->ops->remove(w.host->disk, DIR "/state.db.good", NULL);
	damage(&w, DIR "/state.db");
	EXPECT_INT(open_at(&w, DIR), ERR_IO);
	EXPECT(str_find(str_from(err_text(&w.err)), STR("there is no last good copy")) >= 0);
	EXPECT(is_there(&w, DIR "/state.db"));
	EXPECT(!is_there(&w, DIR "/state.db.damaged"));
	world_done(&w);
}

/* The number stands in the file's header, where SQLite keeps it. */
TEST(a_store_of_a_newer_version_is_refused_and_untouched)
{
	struct world w;
	struct disk *d;
	int handle;

	world_init(&w);
	close_store(&w);
	d = w.host->disk;
	handle = d->ops->open(d, DIR "/state.db", O_RDWR, 0, NULL);
	REQUIRE(handle >= 0);
	EXPECT_INT(d->ops->write(d, handle, "\0\0\0\143", 4, 60, NULL), 4);
	d->ops->close(d, handle);
	EXPECT_INT(open_at(&w, DIR), ERR_UNSUPPORTED);
	EXPECT(str_find(str_from(err_text(&w.err)), STR("schema 99")) >= 0);
	EXPECT(!is_there(&w, DIR "/state.db.damaged"));
	world_done(&w);
}

TEST(a_full_disk_refuses_writes_and_nothing_else)
{
	struct world w;
	char fill[20000];

	memset(fill, 'x', sizeof(fill) - 1);
	fill[sizeof(fill) - 1] = 0;
	world_init(&w);
	EXPECT_INT(put(&w, "a", "1"), 0);
	sim_disk_limit(w.host, 30000);
	EXPECT_INT(put(&w, "a", fill), ERR_NO_SPACE);
	EXPECT_STR(value_at(&w, "a"), "1");
	EXPECT_INT(put(&w, "b", fill), ERR_NO_SPACE);
	sim_disk_limit(w.host, -1); /* somebody made room */
	EXPECT_INT(put(&w, "a", "2"), 0);
	close_store(&w);
	REQUIRE(open_at(&w, DIR) == 0);
	EXPECT_STR(value_at(&w, "a"), "2");
	EXPECT_STR(value_at(&w, "b"), "(nothing)");
	world_done(&w);
}

static int drop(struct world *w, const char *key)
{
	struct told told = {0};
	struct commit c = {.bucket = w->bucket,
		.key = str_from(key),
		.expected = COMMIT_ANY,
		.delete_ = true,
		.draft = draft_of("")};

	store_commit(w->store, told_op(&told, w->root, OP_NO_DEADLINE), &c);
	int code = await(w, &told);
	object_unref(c.result);
	object_unref(c.found);
	return code;
}

static void sleep_for(struct world *w, int64_t ns)
{
	struct told told = {0};

	timer_wait(told_op(&told, w->root, OP_NO_DEADLINE), loop_in(sim_loop(w->sim), ns));
	await(w, &told);
}

static void lose_power(struct world *w)
{
	sim_crash(w->host);
	close_store(w);
	REQUIRE(open_at(w, DIR) == 0);
}

/* More rows than are swept by one transaction. */
static void write_and_drop_many(struct world *w)
{
	char key[16];

	for (int i = 0; i < 1500; i++) {
		snprintf(key, sizeof(key), "%d", i % 500);
		REQUIRE((i < 1000 ? put(w, key, "1") : drop(w, key)) == 0);
	}
	sleep_for(w, 10 * MINUTE); /* nobody can ask for them any more */
}

/* No end is forgotten before all that it ended. */
TEST(what_is_deleted_stays_so_when_the_power_goes_while_its_rows_are_swept)
{
	struct world w;

	world_init(&w);
	write_and_drop_many(&w);
	EXPECT_INT(store_count(w.bucket), 0);
	for (int round = 0; round < 8 && !test_failed(); round++) {
		for (int i = 0; i <= round % 3; i++)
			EXPECT_INT(put(&w, "another", "1"), 0);
		lose_power(&w);
		EXPECT_INT(store_count(w.bucket), 1);
	}
	world_done(&w);
}

/* The rows of a transaction that failed are swept by the next one, in the same order. */
TEST(what_is_deleted_stays_so_when_the_disk_fails_while_its_rows_are_swept)
{
	struct world w;

	world_init(&w);
	write_and_drop_many(&w);
	sim_disk_fail(w.host, 1, ERR_NO_SPACE);
	EXPECT(put(&w, "another", "1") != 0);
	EXPECT_INT(put(&w, "another", "1"), 0);
	lose_power(&w);
	EXPECT_INT(store_count(w.bucket), 1);
	world_done(&w);
}

TEST(a_copy_made_while_it_works_opens_by_itself)
{
	struct world w;
	struct told told = {0};

	world_init(&w);
	put(&w, "a", "1");
	store_backup(w.store, told_op(&told, w.root, OP_NO_DEADLINE), DIR "/copy");
	EXPECT_INT(await(&w, &told), 0);
	put(&w, "a", "2");
	close_store(&w);
	w.host->disk->ops->mkdir(w.host->disk, "/restored", 0700, NULL);
	EXPECT_INT(w.host->disk->ops->rename(w.host->disk, DIR "/copy", "/restored/state.db", NULL),
		0);
	REQUIRE(open_at(&w, "/restored") == 0);
	EXPECT_STR(value_at(&w, "a"), "1");
	world_done(&w);
}

static int64_t number_of(struct world *w, const char *key)
{
	return store_get(w->bucket, str_from(key))->revision;
}

/* Many pages, so that the copy takes more than one slice, and writes in between. */
TEST(a_copy_under_load_shows_one_moment_and_all_that_was_there_before)
{
	char fill[4000], key[16], found[16];
	struct world w;
	struct told told = {0};
	int last = 0;

	memset(fill, 'x', sizeof(fill) - 1);
	fill[sizeof(fill) - 1] = 0;
	world_init(&w);
	for (int i = 0; i < 600; i++) {
		snprintf(key, sizeof(key), "old-%d", i);
		REQUIRE(put(&w, key, fill) == 0);
	}
	store_backup(w.store, told_op(&told, w.root, OP_NO_DEADLINE), DIR "/copy");
	for (int i = 0; !told.done && i < 10000; i++, last = i) {
		snprintf(key, sizeof(key), "new-%d", i);
		REQUIRE(put(&w, key, fill) == 0);
	}
	EXPECT_INT(await(&w, &told), 0);
	EXPECT(last > 3); /* none of them waited for the whole of it */
	close_store(&w);
	w.host->disk->ops->mkdir(w.host->disk, "/restored", 0700, NULL);
	REQUIRE(!w.host->disk->ops->rename(w.host->disk, DIR "/copy", "/restored/state.db", NULL));
	REQUIRE(open_at(&w, "/restored") == 0);
	EXPECT(store_count(w.bucket) >= 600);
	int count = (int)store_count(w.bucket) - 600;
	EXPECT(count <= last);
	for (int i = 0; i < count; i++) { /* the first ones, without a gap */
		snprintf(found, sizeof(found), "new-%d", i);
		EXPECT(store_get(w.bucket, str_from(found)) != NULL);
	}
	world_done(&w);
}

TEST(a_copy_has_what_was_answered_lazily)
{
	struct world w;
	struct told told = {0};

	world_init(&w);
	put(&w, "a", "1");
	struct store_stats before, after;
	store_stats(w.store, &before);
	EXPECT_INT(write_value(&w, "b", "2", true), 0);
	store_stats(w.store, &after);
	EXPECT_INT(after.transactions, before.transactions); /* it is on no disk yet */
	store_backup(w.store, told_op(&told, w.root, OP_NO_DEADLINE), DIR "/copy");
	EXPECT_INT(await(&w, &told), 0);
	close_store(&w);
	w.host->disk->ops->mkdir(w.host->disk, "/restored", 0700, NULL);
	REQUIRE(!w.host->disk->ops->rename(w.host->disk, DIR "/copy", "/restored/state.db", NULL));
	REQUIRE(open_at(&w, "/restored") == 0);
	EXPECT_STR(value_at(&w, "b"), "2");
	world_done(&w);
}

TEST(a_full_disk_ends_a_copy_and_not_the_store)
{
	struct world w;
	struct told told = {0};

	world_init(&w);
	put(&w, "a", "1");
	sim_disk_limit(w.host, 20000);
	store_backup(w.store, told_op(&told, w.root, OP_NO_DEADLINE), DIR "/copy");
	EXPECT_INT(await(&w, &told), ERR_NO_SPACE);
	EXPECT(!is_there(&w, DIR "/copy"));
	sim_disk_limit(w.host, -1);
	EXPECT_INT(put(&w, "a", "2"), 0);
	world_done(&w);
}

/* The copy is of the past: what others have seen since is never met again. */
TEST(a_renewed_copy_counts_on_behind_every_future)
{
	struct disk *disk;
	int64_t seen, renewed = 0;
	struct watch watch;
	struct world w;

	world_init(&w);
	disk = w.host->disk;
	put(&w, "a", "1");
	int64_t then = number_of(&w, "a");
	close_store(&w);
	disk->ops->mkdir(disk, "/restored", 0700, NULL);
	REQUIRE(!store_offline_copy(disk, DIR, "/restored/state.db", NULL));
	REQUIRE(open_at(&w, DIR) == 0);
	for (int i = 0; i < 20; i++)
		put(&w, "b", "since");
	seen = store_revision(w.store);
	close_store(&w);
	int64_t last = 0;
	EXPECT_INT(store_offline_revision(disk, DIR, &last, NULL), 0);
	EXPECT(last >= seen);
	EXPECT_INT(store_offline_renew(disk, "/restored", last, &renewed, NULL), 0);
	EXPECT_INT(renewed, last + STORE_RENEWAL_STEP);
	REQUIRE(open_at(&w, "/restored") == 0);
	EXPECT_STR(value_at(&w, "a"), "1");
	EXPECT_STR(value_at(&w, "b"), "(nothing)");
	EXPECT_INT(number_of(&w, "a"), then);
	EXPECT_INT(store_revision(w.store), renewed);
	EXPECT_INT(watch_init(&watch, w.bucket, seen, NULL, NULL), ERR_EXPIRED);
	EXPECT_INT(watch_init(&watch, w.bucket, then, NULL, NULL), ERR_EXPIRED);
	EXPECT_INT(put(&w, "b", "new"), 0);
	EXPECT_INT(number_of(&w, "b"), renewed + 1);
	world_done(&w);
}

/* Somebody has written another object into the file: as long, and as right to SQLite. */
TEST(objects_that_kube_has_not_written_are_not_renewed)
{
	static const char *const bad[] = {
		"{\"metadata\":{ \"name", "[\"metadata\":{\"name\"", "{\"metabata\":{\"name\""};
	struct str sought = STR("{\"metadata\":{\"name\"");

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_cleanup_(buf_done) struct buf bytes = BUF_INIT(MIB);
		_cleanup_(err_done) struct err err = {0};
		struct disk *disk;
		int64_t revision;
		struct world w;

		test_context("%s", bad[i]);
		world_init(&w);
		disk = w.host->disk;
		put(&w, "a", "1");
		close_store(&w);
		disk->ops->mkdir(disk, "/restored", 0700, NULL);
		REQUIRE(!store_offline_copy(disk, DIR, "/restored/state.db", NULL));
		REQUIRE(!disk_read_file(disk, "/restored/state.db", &bytes, NULL));
		ssize_t at = str_find(buf_str(&bytes), sought);
		REQUIRE(at >= 0);
		int handle = disk->ops->open(disk, "/restored/state.db", O_RDWR, 0, NULL);
		disk->ops->write(disk, handle, bad[i], strlen(bad[i]), at, NULL);
		disk->ops->close(disk, handle);
		EXPECT_INT(store_offline_renew(disk, "/restored", 0, &revision, &err), ERR_INVALID);
		EXPECT(str_find(str_from(err_text(&err)), STR("\"a\" is no object")) >= 0);
		world_done(&w);
	}
	test_context_end();
}

TEST(what_is_no_store_is_not_renewed)
{
	struct disk *disk;
	int64_t revision;
	struct world w;

	world_init(&w);
	disk = w.host->disk;
	put(&w, "a", "1");
	close_store(&w);
	EXPECT_INT(store_offline_renew(disk, "/none", 0, &revision, NULL), ERR_NOT_FOUND);
	disk->ops->mkdir(disk, "/restored", 0700, NULL);
	REQUIRE(!store_offline_copy(disk, DIR, "/restored/state.db", NULL));
	int handle = disk->ops->open(disk, "/restored/state.db", O_RDWR, 0, NULL);
	REQUIRE(handle >= 0);
	for (int64_t at = 4096; at < disk->ops->size(disk, handle, NULL); at += 4096)
		disk->ops->write(disk, handle, "garbage!", 8, at, NULL);
	disk->ops->close(disk, handle);
	EXPECT_INT(store_offline_renew(disk, "/restored", 0, &revision, NULL), ERR_IO);
	EXPECT(!is_there(&w, "/restored/state.db.damaged"));
	world_done(&w);
}

/* Opening, writing, copying: each await refused and cancelled; nothing hangs, nothing leaks. */
static void scenario(struct world *w)
{
	struct told told = {0};

	if (open_at(w, DIR))
		return;
	put(w, "a", "1");
	put(w, "b", "2");
	store_backup(w->store, told_op(&told, w->root, OP_NO_DEADLINE), DIR "/copy");
	await(w, &told);
}

TEST(every_await_of_the_store_may_fail)
{
	const int codes[] = {ERR_IO, ERR_CANCELLED};

	for (size_t c = 0; c < ARRAY_LEN(codes); c++) {
		bool hit = true;
		uint64_t k;

		for (k = 1; hit && k < 100 && !test_failed(); k++) {
			struct world w = {.sim = sim_new(1)};

			test_context("await %d: %s", (int)k, err_code_name(codes[c]));
			w.host = sim_host(w.sim, "a", ip_v4(192, 0, 2, 1));
			w.root = loop_root(sim_loop(w.sim));
			loop_torture(sim_loop(w.sim), k, codes[c]);
			scenario(&w);
			hit = loop_torture_hit(sim_loop(w.sim));
			loop_torture(sim_loop(w.sim), 0, 0);
			world_done(&w);
		}
		EXPECT(k > 3 && k < 100);
	}
	test_context_end();
}
