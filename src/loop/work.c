#include "work_pool.h"
void work_pool_free(struct work_pool *pool)
{
	(void)pool;
}
void work_pool_collect(struct work_pool *pool)
{
	(void)pool;
}
