/* Writes of the store, under the names that requests to etcd have upstream. */
#include "metrics_private.h"

#include <kube/mem.h>
#include <kube/time.h>

#define KINDS (CHANGE_DELETED + 1)

/* Looked up once: many writes a second are counted. */
struct bucket_metrics {
	struct bucket_metrics *next;
	char *group, *resource;
	struct histogram *spent[KINDS];
	int64_t *requests[KINDS], *events;
};

void *metrics_bucket(struct metrics *m, const struct resource *hub)
{
	struct bucket_metrics *b = mem_new(sizeof(*b));

	b->group = str_dup(hub->group);
	b->resource = str_dup(hub->plural);
	b->next = m->buckets;
	m->buckets = b;
	return b;
}

void bucket_metrics_free(struct metrics *m)
{
	for (struct bucket_metrics *b = m->buckets, *next; b; b = next) {
		next = b->next;
		mem_free(b->group);
		mem_free(b->resource);
		mem_free(b);
	}
}

static void labels_of(struct buf *out, const struct bucket_metrics *b, enum change_type what)
{
	static const char *const names[KINDS] = {"create", "update", "delete"};

	buf_print(out, "group=\"%s\",operation=\"%s\",resource=\"%s\"", b->group, names[what],
		b->resource);
}

static void look_up(struct metrics *m, struct bucket_metrics *b, enum change_type what)
{
	_cleanup_(buf_done) struct buf labels = BUF_INIT(4 * KIB);

	labels_of(&labels, b, what);
	b->requests[what] = metrics_number(m, METRIC_STORE_REQUESTS, buf_str(&labels));
	b->spent[what] = metrics_histogram(m, METRIC_STORE_DURATION, buf_str(&labels));
	buf_clear(&labels);
	buf_print(&labels, "group=\"%s\",resource=\"%s\"", b->group, b->resource);
	b->events = metrics_number(m, METRIC_STORE_EVENTS, buf_str(&labels));
}

void metrics_store_observe(
	void *ctx, struct bucket *bucket, enum change_type what, int64_t spent, bool failed)
{
	struct bucket_metrics *b = *store_bucket_memo(bucket);
	struct metrics *m = ctx;

	if (!b)
		return;
	if (!b->requests[what])
		look_up(m, b, what);
	++*b->requests[what];
	metrics_observe_in(METRIC_STORE_DURATION, b->spent[what], (double)spent / (double)SEC);
	if (!failed) {
		++*b->events;
		return;
	}
	_cleanup_(buf_done) struct buf labels = BUF_INIT(4 * KIB);
	labels_of(&labels, b, what);
	++*metrics_number(m, METRIC_STORE_ERRORS, buf_str(&labels));
}
