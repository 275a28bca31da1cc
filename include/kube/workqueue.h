/*
 * workqueue: keys to be worked on, each at most once at a time. A key added while it waits is not
 * there twice; one added while it is worked on comes again when that is over. Failures come back
 * after a delay that doubles with each.
 */
#ifndef KUBE_WORKQUEUE_H
#define KUBE_WORKQUEUE_H

#include <kube/loop.h>

struct workqueue;

struct workqueue_options {
	const char *name;
	int64_t base_delay, max_delay; /* 0: 5 ms, 1000 s */
	/* Of all delays by failure together, as client-go has it. 0: 10 a second, 100 at once. */
	double qps;
	int burst;
};

struct workqueue *workqueue_new(
	struct loop *loop, struct scope *parent, const struct workqueue_options *options);
/* Takers come back with ERR_CLOSED, nothing can be added. Never refused. Then only free. */
void workqueue_stop(struct workqueue *q, struct op *op);
void workqueue_free(struct workqueue *q); /* NULL is fine */

/* Keys are copied, at most 1 KiB each (asserted). */
void workqueue_add(struct workqueue *q, struct str key);
/* After a delay, or at once; of several delays of one key the shortest counts. */
void workqueue_add_after(struct workqueue *q, struct str key, int64_t ns);
/* After the delay that its failures deserve; counts one more. */
void workqueue_add_failed(struct workqueue *q, struct str key);
void workqueue_forget(struct workqueue *q, struct str key); /* its failures */
int workqueue_failures(const struct workqueue *q, struct str key);

/* The next key, in the order in which they came: *key lives until workqueue_done of it. */
void workqueue_take(struct workqueue *q, struct op *op, struct str *key);
void workqueue_done(struct workqueue *q, struct str key);
/* The same; whatever is added meanwhile, the key does not come again before the time is over. */
void workqueue_done_resting(struct workqueue *q, struct str key, int64_t ns);

size_t workqueue_length(const struct workqueue *q); /* that could be taken now */
size_t workqueue_delayed(const struct workqueue *q);

#endif
