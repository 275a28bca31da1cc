#include <kube/bits.h>
#include <kube/random.h>

#include <test.h>

TEST(bits_remember_what_was_added)
{
	_cleanup_(bits_done) struct bits b;
	bits_init(&b, 130);
	EXPECT(bits_add(&b, 0));
	EXPECT(bits_add(&b, 129));
	EXPECT(!bits_add(&b, 129));
	EXPECT(bits_has(&b, 129));
	EXPECT(!bits_has(&b, 128));
	EXPECT(!bits_has(&b, 130));
	EXPECT(!bits_has(&b, SIZE_MAX));
	EXPECT_INT(b.count, 2);
	EXPECT(bits_remove(&b, 0));
	EXPECT(!bits_remove(&b, 0));
	EXPECT(!bits_remove(&b, 4000));
	EXPECT_INT(b.count, 1);
}

TEST(bits_find_the_next_free_and_the_next_set)
{
	static const size_t sizes[] = {1, 63, 64, 65, 128, 200};
	for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
		size_t size = sizes[k];
		test_context("size %zu", size);
		_cleanup_(bits_done) struct bits b;
		bits_init(&b, size);
		EXPECT_INT(bits_next_set(&b, 0), -1);
		for (size_t i = 0; i < size; i++) {
			EXPECT_INT(bits_next_free(&b, 0), i);
			EXPECT(bits_add(&b, i));
			EXPECT_INT(bits_next_set(&b, i), i);
		}
		EXPECT_INT(bits_next_free(&b, 0), -1);
		EXPECT_INT(bits_next_free(&b, size), -1);
		EXPECT_INT(bits_next_set(&b, size), -1);
		bits_remove(&b, size - 1);
		EXPECT_INT(bits_next_free(&b, 0), size - 1);
	}
}

TEST(bits_of_size_zero_hold_nothing)
{
	_cleanup_(bits_done) struct bits b;
	bits_init(&b, 0);
	EXPECT(!bits_has(&b, 0));
	EXPECT_INT(bits_next_free(&b, 0), -1);
	EXPECT_INT(bits_next_set(&b, 0), -1);
}

TEST(bits_agree_with_an_array_of_bools)
{
	enum { SIZE = 300 };
	bool model[SIZE] = {0};
	struct rng rng;
	rng_init(&rng, 7);
	_cleanup_(bits_done) struct bits b;
	bits_init(&b, SIZE);
	for (int round = 0; round < 3000; round++) {
		size_t n = rng_below(&rng, SIZE), from = rng_below(&rng, SIZE);
		bool add = rng_below(&rng, 2);
		EXPECT_INT(add ? bits_add(&b, n) : bits_remove(&b, n), model[n] != add);
		model[n] = add;
		ssize_t set = -1, unset = -1;
		size_t count = 0;
		for (size_t i = 0; i < SIZE; i++) {
			count += model[i];
			if (i >= from && set < 0 && model[i])
				set = (ssize_t)i;
			if (i >= from && unset < 0 && !model[i])
				unset = (ssize_t)i;
		}
		EXPECT_INT(bits_next_set(&b, from), set);
		EXPECT_INT(bits_next_free(&b, from), unset);
		EXPECT_INT(b.count, count);
	}
}
