#include <kube/block.h>

#include <pthread.h>
#include <test.h>

TEST(block_lives_until_its_last_reference)
{
	struct block *b = block_from(STR("bytes"));
	EXPECT_INT(b->refs, 1);
	EXPECT(block_ref(b) == b);
	block_unref(b);
	EXPECT_STR(block_str(b), "bytes");
	block_unref(b);
	block_unref(NULL);
	EXPECT_INT(block_str(NULL).len, 0);
	b = block_new(0);
	EXPECT_INT(block_str(b).len, 0);
	block_unref(b);
}

static void *ref_and_unref(void *arg)
{
	for (int i = 0; i < 10000; i++)
		block_unref(block_ref(arg));
	block_unref(arg);
	return NULL;
}

TEST(block_is_counted_by_many_threads)
{
	struct block *b = block_from(STR("shared"));
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, ref_and_unref, block_ref(b));
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	EXPECT_INT(b->refs, 1);
	EXPECT_STR(block_str(b), "shared");
	block_unref(b);
}
