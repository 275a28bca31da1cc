/* The worker threads behind work.h, as the loop that owns them sees them. */
#ifndef KUBE_LOOP_WORK_POOL_H
#define KUBE_LOOP_WORK_POOL_H

#include <kube/work.h>

struct work_pool;

void work_pool_free(struct work_pool *pool); /* joins; nothing may be queued; NULL is fine */
/* On the loop's thread: delivers what the threads have finished since the last time. */
void work_pool_collect(struct work_pool *pool);

#endif
