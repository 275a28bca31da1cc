/* Texts that lie sealed: there and back, sealers that fail, seals that change. */
#include "loop_test.h"

#include <kube/mem.h>
#include <kube/store.h>

#include <stdio.h>
#include <stdlib.h>

/* Seals by one exclusive or; the prefix names it. */
struct masking {
	struct store_sealer sealer;
	char mask;
	char lost;                /* what was sealed by this mask cannot be opened any more */
	int fail_seal, fail_open; /* so many calls from now; 0: never */
	int sealed, opened;
};

static bool fails(int *left, struct err *err)
{
	if (!*left || --*left)
		return false;
	err_set(err, ERR_INTERNAL, "no luck");
	return true;
}

static int seal(const struct store_sealer *s, struct str bucket, struct str place, struct str text,
	struct buf *out, struct err *err)
{
	struct masking *m =
		CONTAINER_OF((struct store_sealer *)(uintptr_t)s, struct masking, sealer);

	EXPECT(str_starts(place, bucket));
	if (fails(&m->fail_seal, err))
		return ERR_INTERNAL;
	if (!m->mask || !str_starts(bucket, STR("/registry/secrets/")))
		return 0;
	buf_print(out, "k8s:enc:%c:", m->mask);
	for (size_t i = 0; i < text.len; i++)
		buf_add_char(out, (char)(text.at[i] ^ m->mask));
	m->sealed++;
	return 1;
}

static int unseal(const struct store_sealer *s, struct str bucket, struct str place,
	struct str text, struct buf *out, bool *stale, struct err *err)
{
	struct masking *m =
		CONTAINER_OF((struct store_sealer *)(uintptr_t)s, struct masking, sealer);
	bool is_sealed = str_starts(text, STR("k8s:enc:"));

	(void)place;
	if (fails(&m->fail_open, err))
		return ERR_INTERNAL;
	if (!str_starts(bucket, STR("/registry/secrets/")))
		return 0;
	if (is_sealed && m->lost && text.at[8] == m->lost)
		return err_set(err, ERR_REFUSED, "the key is lost");
	*stale = is_sealed ? text.at[8] != m->mask : m->mask;
	if (!is_sealed)
		return 0;
	for (size_t i = 10; i < text.len; i++)
		buf_add_char(out, (char)(text.at[i] ^ text.at[8]));
	m->opened++;
	return 1;
}

static struct {
	struct loop_test t;
	struct masking masking;
	struct store_options options;
	struct store *store;
	struct told told;
	char dir[64];
} world;

static int world_open(void)
{
	struct told told = {0};
	int code;

	loop_test_init(&world.t, LOOP_TEST_REAL);
	world.store = NULL;
	store_open(world.t.env, told_op(&told, world.t.root, OP_NO_DEADLINE), world.t.root,
		&world.options, &world.store);
	loop_test_run_until(&world.t, &told.done);
	code = told.err.code;
	told_done(&told);
	return code;
}

static void world_close(void)
{
	struct told told = {0};

	if (world.store) {
		store_close(world.store, told_op(&told, world.t.root, OP_NO_DEADLINE));
		loop_test_run_until(&world.t, &told.done);
		EXPECT_INT(told.err.code, 0);
		told_done(&told);
	}
	loop_test_done(&world.t);
}

static void world_init(void)
{
	memset(&world, 0, sizeof(world));
	strcpy(world.dir, "/tmp/kube-sealing-XXXXXX");
	EXPECT(mkdtemp(world.dir) != NULL);
	world.masking = (struct masking){.sealer = {.seal = seal, .open = unseal}, .mask = 'A'};
	world.options = (struct store_options){
		.path = world.dir, .no_sync = true, .sealer = &world.masking.sealer};
	EXPECT_INT(world_open(), 0);
}

static void world_done(void)
{
	char command[128];

	world_close();
	snprintf(command, sizeof(command), "rm -r %s", world.dir);
	EXPECT_INT(system(command), 0);
}

static int put(const char *bucket, const char *key, const char *value)
{
	_cleanup_(arena_done) struct arena a;
	struct told told = {0};
	struct cJSON *tree = NULL;
	struct commit c = {.bucket = store_bucket(world.store, str_from(bucket)),
		.key = str_from(key),
		.expected = COMMIT_ANY};
	int code;

	arena_init(&a);
	json_parse(&a,
		arena_print(&a,
			"{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\"},"
			"\"data\":{\"v\":\"%s\"}}",
			key, value),
		NULL, &tree, NULL);
	draft_from_tree(&c.draft, tree);
	store_commit(world.store, told_op(&told, world.t.root, OP_NO_DEADLINE), &c);
	loop_test_run_until(&world.t, &told.done);
	code = told.err.code;
	object_unref(c.result);
	told_done(&told);
	return code;
}

static void expect_value(const char *bucket, const char *key, const char *value)
{
	const struct object *o =
		store_get(store_bucket(world.store, str_from(bucket)), str_from(key));

	if (EXPECT(o != NULL))
		EXPECT_STR(object_scan(o, "data.v"), value);
}

/* Does any file hold these bytes? */
static bool lies_there(const char *bytes)
{
	char command[256];

	snprintf(command, sizeof(command), "grep -qraF -- '%s' %s", bytes, world.dir);
	return system(command) == 0;
}

#define SECRETS "/registry/secrets/"
#define MAPS    "/registry/configmaps/"

TEST(what_is_sealed_is_read_again_and_lies_nowhere)
{
	world_init();
	EXPECT_INT(put(SECRETS, "a", "first-word"), 0);
	EXPECT_INT(put(SECRETS, "a", "second-word"), 0);
	EXPECT_INT(put(MAPS, "m", "open-word"), 0);
	expect_value(SECRETS, "a", "second-word");
	world_close();
	EXPECT(!lies_there("first-word") && !lies_there("second-word"));
	EXPECT(lies_there("open-word"));
	EXPECT_INT(world_open(), 0);
	expect_value(SECRETS, "a", "second-word");
	expect_value(MAPS, "m", "open-word");
	EXPECT(world.masking.opened >= 1);
	world_done();
}

TEST(another_seal_is_put_on_at_the_start)
{
	world_init();
	EXPECT_INT(put(SECRETS, "a", "the-word"), 0);
	world_close();
	world.masking.mask = 'B';
	EXPECT(lies_there("k8s:enc:A:"));
	EXPECT_INT(world_open(), 0);
	expect_value(SECRETS, "a", "the-word");
	world_close();
	EXPECT(!lies_there("k8s:enc:A:") && lies_there("k8s:enc:B:"));
	world.masking.mask = 0;
	EXPECT_INT(world_open(), 0);
	world_close();
	EXPECT(!lies_there("k8s:enc:") && lies_there("the-word"));
	EXPECT_INT(world_open(), 0);
	expect_value(SECRETS, "a", "the-word");
	world_done();
}

TEST(a_seal_that_fails_fails_its_write_alone)
{
	world_init();
	world.masking.fail_seal = 1;
	EXPECT_INT(put(SECRETS, "a", "one"), ERR_INTERNAL);
	EXPECT_INT(put(SECRETS, "a", "two"), 0);
	expect_value(SECRETS, "a", "two");
	world_done();
}

TEST(what_cannot_be_opened_keeps_the_store_closed)
{
	world_init();
	EXPECT_INT(put(SECRETS, "a", "one"), 0);
	world_close();
	world.masking.fail_open = 1;
	EXPECT_INT(world_open(), ERR_INTERNAL);
	world_close();
	world.options.sealer = NULL;
	EXPECT_INT(world_open(), ERR_REFUSED);
	world_close();
	world.options.sealer = &world.masking.sealer;
	EXPECT_INT(world_open(), 0);
	expect_value(SECRETS, "a", "one");
	world_done();
}

TEST(a_new_seal_that_fails_leaves_the_old_one)
{
	world_init();
	EXPECT_INT(put(SECRETS, "a", "one"), 0);
	world_close();
	world.masking.mask = 'B';
	world.masking.fail_seal = 1;
	EXPECT_INT(world_open(), 0);
	expect_value(SECRETS, "a", "one");
	world_close();
	EXPECT(lies_there("k8s:enc:A:"));
	EXPECT_INT(world_open(), 0);
	world_close();
	EXPECT(!lies_there("k8s:enc:A:"));
	EXPECT_INT(world_open(), 0);
	world_done();
}

/* ---- another seal while it runs ---- */

static void take_b(void *ctx)
{
	((struct masking *)ctx)->mask = 'B';
}

/* Begins; world.told hears of the end. */
static void seal_anew(int64_t deadline)
{
	world.told = (struct told){0};
	store_seal_anew(
		world.store, told_op(&world.told, world.t.root, deadline), take_b, &world.masking);
}

static void put_many(int count)
{
	for (int i = 0; i < count; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%03d", i);
		EXPECT_INT(put(SECRETS, key, "the-word"), 0);
	}
}

TEST(another_seal_is_put_on_while_it_runs)
{
	world_init();
	put_many(450);
	EXPECT_INT(put(MAPS, "m", "open-word"), 0);
	seal_anew(OP_NO_DEADLINE);
	EXPECT_INT(put(SECRETS, "meanwhile", "the-word"), 0);
	loop_test_run_until(&world.t, &world.told.done);
	EXPECT_INT(world.told.err.code, 0);
	EXPECT_INT(world.told.n, 450);
	told_done(&world.told);
	world_close();
	world.masking.lost = 'A';
	EXPECT_INT(world_open(), 0);
	expect_value(SECRETS, "k000", "the-word");
	expect_value(SECRETS, "k449", "the-word");
	expect_value(SECRETS, "meanwhile", "the-word");
	world_done();
}

/* Texts of all lengths, within a page and over several, many of them replaced and deleted. */
static void put_some_twice(void)
{
	static char value[9000];

	for (int i = 0; i < 400; i++) {
		char key[16];
		size_t len = (size_t)(i * 977 % 8900) + 20;

		snprintf(key, sizeof(key), "k%03d", i % 150);
		memset(value, 'x', len);
		memcpy(value + len / 2, "open-word", 9);
		value[len] = 0;
		EXPECT_INT(put(SECRETS, key, value), 0);
	}
}

TEST(what_lay_open_is_nowhere_once_it_is_sealed)
{
	world_init();
	world.masking.mask = 0;
	put_some_twice();
	world_close();
	EXPECT(lies_there("open-word"));
	EXPECT_INT(world_open(), 0);
	store_compact(world.store, store_revision(world.store));
	put_some_twice();
	seal_anew(OP_NO_DEADLINE);
	loop_test_run_until(&world.t, &world.told.done);
	EXPECT_INT(world.told.err.code, 0);
	EXPECT(world.told.n >= 150);
	told_done(&world.told);
	EXPECT(!lies_there("open-word")); /* it runs: in no WAL, in no copy */
	EXPECT_INT(put(SECRETS, "k000", "open-word"), 0);
	world_close();
	EXPECT(!lies_there("open-word"));
	EXPECT_INT(world_open(), 0);
	expect_value(SECRETS, "k000", "open-word");
	world_done();
}

TEST(what_lay_open_is_nowhere_once_the_next_start_has_sealed_it)
{
	world_init();
	world.masking.mask = 0;
	put_some_twice();
	world_close();
	world.masking.mask = 'B';
	EXPECT_INT(world_open(), 0);
	EXPECT(!lies_there("open-word"));
	EXPECT(lies_there("k8s:enc:B:"));
	world_done();
}

TEST(a_seal_that_cannot_be_changed_stays)
{
	int *const faults[] = {&world.masking.fail_open, &world.masking.fail_seal};

	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		world_init();
		put_many(3);
		*faults[i] = 2;
		seal_anew(OP_NO_DEADLINE);
		loop_test_run_until(&world.t, &world.told.done);
		EXPECT_INT(world.told.err.code, ERR_INTERNAL);
		told_done(&world.told);
		EXPECT_INT(put(SECRETS, "after", "the-word"), 0);
		seal_anew(OP_NO_DEADLINE);
		loop_test_run_until(&world.t, &world.told.done);
		EXPECT_INT(world.told.err.code, 0);
		EXPECT_INT(world.told.n, 3);
		told_done(&world.told);
		world_done();
	}
}

TEST(a_store_that_closes_gives_up_sealing_anew)
{
	world_init();
	put_many(450);
	seal_anew(OP_NO_DEADLINE);
	world_close();
	EXPECT_INT(world.told.times, 1);
	told_done(&world.told);
	EXPECT_INT(world_open(), 0);
	expect_value(SECRETS, "k449", "the-word");
	world_done();
}

TEST(sealing_anew_survives_torture)
{
	const int codes[] = {ERR_IO, ERR_CANCELLED};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		bool hit = true;

		for (uint64_t k = 1; hit && !test_failed() && k < 50; k++) {
			test_context("await %llu", (unsigned long long)k);
			world_init();
			put_many(250);
			loop_torture(world.t.loop, k, codes[i]);
			seal_anew(OP_NO_DEADLINE);
			loop_test_run_until(&world.t, &world.told.done);
			hit = loop_torture_hit(world.t.loop);
			loop_torture(world.t.loop, 0, 0);
			/* or it hit what the store does besides */
			EXPECT(!world.told.err.code || (hit && world.told.err.code == codes[i]));
			told_done(&world.told);
			EXPECT_INT(put(SECRETS, "after", "the-word"), 0);
			world_close();
			EXPECT_INT(world_open(), 0);
			expect_value(SECRETS, "k249", "the-word");
			world_done();
		}
		EXPECT(!hit);
	}
	test_context_end();
}
