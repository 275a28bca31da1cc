#include <kube/map.h>
#include <kube/mem.h>
#include <kube/random.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <test.h>
#include <unistd.h>

enum { KEYS = 600 };

static struct str key_of(char space[16], size_t n)
{
	return str_make(space, (size_t)snprintf(space, 16, "key-%zu", n));
}

static void *value_of(size_t n)
{
	return (void *)(n + 1);
}

TEST(map_keeps_what_is_set)
{
	_cleanup_(map_done) struct map m;
	map_init(&m);
	EXPECT(!map_get(&m, STR("a")));
	EXPECT(!map_remove(&m, STR("a")));
	EXPECT(!map_set(&m, STR("a"), value_of(1)));
	EXPECT(map_set(&m, STR("a"), value_of(2)) == value_of(1));
	EXPECT(map_get(&m, STR("a")) == value_of(2));
	EXPECT(!map_set(&m, STR("null"), NULL));
	EXPECT(map_has(&m, STR("null")));
	EXPECT(!map_get(&m, STR("null")));
	EXPECT(!map_set(&m, (struct str){0}, value_of(3)));
	EXPECT(map_get(&m, STR("")) == value_of(3));
	EXPECT(!map_set(&m, STR("a\0b"), value_of(4)));
	EXPECT(map_get(&m, STR("a")) == value_of(2));
	EXPECT_INT(m.count, 4);
	EXPECT(map_remove(&m, STR("a")) == value_of(2));
	EXPECT(!map_has(&m, STR("a")));
	EXPECT_INT(m.count, 3);
}

TEST(map_copies_keys_unless_borrowed)
{
	_cleanup_(map_done) struct map m;
	map_init(&m);
	char key[] = "abc";
	map_set(&m, STR("abc"), NULL);
	map_set(&m, str_from(key), value_of(1));
	key[0] = 'x';
	EXPECT(map_has(&m, STR("abc")));

	_cleanup_(map_done) struct map borrowed;
	map_init_borrowed(&borrowed);
	static const char kept[] = "kept";
	map_set(&borrowed, str_from(kept), value_of(1));
	map_each (it, &borrowed)
		EXPECT(it.key.at == kept);
}

TEST(map_borrows_the_key_of_the_newest_value)
{
	struct item {
		char name[8];
	};
	struct map m;
	map_init_borrowed(&m);
	struct item *old = mem_new(sizeof(*old)), *new = mem_new(sizeof(*new));
	strcpy(old->name, "same");
	strcpy(new->name, "same");
	map_set(&m, str_from(old->name), old);
	mem_free(map_set(&m, str_from(new->name), new));
	EXPECT(map_get(&m, STR("same")) == new);
	map_each (it, &m)
		EXPECT(it.key.at == new->name);
	mem_free(new);
	map_done(&m);
}

TEST(map_agrees_with_an_array_under_random_changes)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		test_context("seed %llu", (unsigned long long)seed);
		struct rng r;
		rng_init(&r, seed);
		struct map m = {0};
		void *model[KEYS] = {0};
		size_t count = 0;
		for (int round = 0; round < 4000; round++) {
			char space[16];
			size_t n = rng_below(&r, KEYS);
			struct str key = key_of(space, n);
			/* Phases of growing and of shrinking. */
			if (rng_below(&r, 10) < (round / 500 % 2 ? 2u : 7u)) {
				void *value = value_of(rng_below(&r, 1000));
				EXPECT(map_set(&m, key, value) == model[n]);
				count += !model[n];
				model[n] = value;
			} else {
				EXPECT(map_remove(&m, key) == model[n]);
				count -= !!model[n];
				model[n] = NULL;
			}
			EXPECT_INT(m.count, count);
		}
		for (size_t n = 0; n < KEYS; n++) {
			char space[16];
			EXPECT(map_get(&m, key_of(space, n)) == model[n]);
		}
		map_done(&m);
		EXPECT_INT(m.count, 0);
	}
}

/* Which elements the iteration meets, how often; some are removed as they are met. */
static void iterate_and_remove(struct map *m, bool present[KEYS], struct rng *r, uint64_t odds)
{
	int seen[KEYS] = {0};
	struct map_iter it = {0};
	while (map_next(m, &it)) {
		size_t n = (size_t)it.value - 1;
		REQUIRE(n < KEYS);
		seen[n]++;
		if (rng_below(r, 100) < odds) {
			EXPECT(map_remove(m, it.key) == value_of(n));
			EXPECT_INT(seen[n], present[n]);
			present[n] = false;
			seen[n] = 0;
		}
	}
	EXPECT(!map_next(m, &it));
	size_t count = 0;
	for (size_t n = 0; n < KEYS; n++) {
		EXPECT_INT(seen[n], present[n]);
		count += present[n];
	}
	EXPECT_INT(m->count, count);
}

TEST(map_iteration_survives_removing_the_current_element)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		test_context("seed %llu", (unsigned long long)seed);
		struct rng r;
		rng_init(&r, seed);
		_cleanup_(map_done) struct map m = {0};
		bool present[KEYS] = {0};
		size_t fill = rng_below(&r, KEYS) + 1;
		/* Also at exactly 7/8, where the runs are longest. */
		if (seed % 3 == 0)
			fill = (size_t)7 << rng_below(&r, 7);
		for (size_t n = 0; n < fill && n < KEYS; n++) {
			char space[16];
			map_set(&m, key_of(space, n), value_of(n));
			present[n] = true;
		}
		iterate_and_remove(&m, present, &r, 0);
		iterate_and_remove(&m, present, &r, 1 + rng_below(&r, 99));
		iterate_and_remove(&m, present, &r, 50);
		iterate_and_remove(&m, present, &r, 100);
		EXPECT_INT(m.count, 0);
	}
}

TEST(map_values_may_be_replaced_while_iterating)
{
	_cleanup_(map_done) struct map m = {0};
	for (size_t n = 0; n < 100; n++) {
		char space[16];
		map_set(&m, key_of(space, n), value_of(n));
	}
	size_t met = 0;
	map_each (it, &m) {
		map_set(&m, it.key, NULL);
		met++;
	}
	EXPECT_INT(met, 100);
	map_each (it, &m)
		EXPECT(!it.value);
}

TEST(map_iteration_of_an_empty_map_ends_at_once)
{
	struct map m = {0};
	map_each (it, &m)
		EXPECT(!it.started);
	map_set(&m, STR("x"), NULL);
	map_remove(&m, STR("x"));
	map_each (it, &m)
		EXPECT(!it.started);
	map_done(&m);
}

TEST(map_seeds_differ_unless_fixed)
{
	struct map a = {0}, b = {0}, c = {0}, d = {0};
	map_set(&a, STR("x"), NULL);
	map_set(&b, STR("x"), NULL);
	EXPECT(a.seed != b.seed);
	map_fix_seeds(5);
	map_set(&c, STR("x"), NULL);
	map_fix_seeds(5);
	map_set(&d, STR("x"), NULL);
	EXPECT(c.seed == d.seed);
	map_done(&a);
	map_done(&b);
	map_done(&c);
	map_done(&d);
}

/* What an iteration that breaks the rule ends with: 0, or the signal of a failed assert. */
static int fate_of(void (*mistake)(void))
{
	int status = 0;
	pid_t child = fork();
	if (child == 0) {
		close(STDERR_FILENO);
		mistake();
		_exit(0);
	}
	EXPECT(waitpid(child, &status, 0) == child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void add_while_iterating(void)
{
	struct map m = {0};
	map_set(&m, STR("a"), NULL);
	map_set(&m, STR("b"), NULL);
	map_each (it, &m)
		map_set(&m, STR("c"), NULL);
}

static void remove_another_while_iterating(void)
{
	struct map m = {0};
	map_set(&m, STR("a"), NULL);
	map_set(&m, STR("b"), NULL);
	map_each (it, &m)
		map_remove(&m, str_eq_text(it.key, "a") ? STR("b") : STR("a"));
}

static void add_while_iterating_in_order(void)
{
	struct omap m = {0};
	omap_set(&m, STR("a"), NULL);
	omap_each (it, &m)
		omap_set(&m, STR("c"), NULL);
}

TEST(maps_assert_that_nothing_else_changes_while_iterating)
{
	EXPECT_INT(fate_of(add_while_iterating), SIGABRT);
	EXPECT_INT(fate_of(remove_another_while_iterating), SIGABRT);
	EXPECT_INT(fate_of(add_while_iterating_in_order), SIGABRT);
}
