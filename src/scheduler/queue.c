#include "queue.h"

#include <kube/mem.h>
#include <kube/time.h>

#define MIN_BACKOFF  (1 * SEC)
#define MAX_BACKOFF  (10 * SEC)
#define LONGEST_WAIT (5 * MINUTE)
#define FLUSH_EVERY  (30 * SEC)

void queue_init(struct queue *q, const struct queue_options *options)
{
	*q = (struct queue){.options = *options};
	q->options.min_backoff = q->options.min_backoff ? q->options.min_backoff : MIN_BACKOFF;
	q->options.max_backoff = q->options.max_backoff ? q->options.max_backoff : MAX_BACKOFF;
	map_init(&q->all);
	list_init(&q->waiters);
}

void queue_done(struct queue *q)
{
	map_each (it, &q->all) {
		pod_facts_unref(((struct queued *)it.value)->pod);
		mem_free(it.value);
	}
	map_done(&q->all);
	mem_free(q->active.items);
	mem_free(q->backoff.items);
}

/* ---- heaps ---- */

static bool goes_first(const struct queue_heap *h, const struct queue *q, const struct queued *a,
	const struct queued *b)
{
	if (h == &q->backoff && a->until != b->until)
		return a->until < b->until;
	for (size_t i = 0; i < a->profile->count; i++)
		if (a->profile->plugins[i].plugin->less && a->profile->plugins[i].queue)
			return a->profile->plugins[i].plugin->less(
				       a->pod, a->since, b->pod, b->since) < 0;
	return a->since < b->since;
}

static void put(struct queue_heap *h, size_t i, struct queued *e)
{
	h->items[i] = e;
	e->index = i;
}

static void sift_up(struct queue *q, struct queue_heap *h, size_t i)
{
	struct queued *e = h->items[i];

	while (i) {
		size_t parent = (i - 1) / 2;

		if (!goes_first(h, q, e, h->items[parent]))
			break;
		put(h, i, h->items[parent]);
		i = parent;
	}
	put(h, i, e);
}

static void sift_down(struct queue *q, struct queue_heap *h, size_t i)
{
	struct queued *e = h->items[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= h->count)
			break;
		if (child + 1 < h->count && goes_first(h, q, h->items[child + 1], h->items[child]))
			child++;
		if (!goes_first(h, q, h->items[child], e))
			break;
		put(h, i, h->items[child]);
		i = child;
	}
	put(h, i, e);
}

static void heap_add(struct queue *q, struct queue_heap *h, struct queued *e)
{
	if (h->count == h->cap) {
		h->cap = h->cap ? 2 * h->cap : 64;
		h->items = mem_resize(h->items, h->cap * sizeof(struct queued *));
	}
	put(h, h->count++, e);
	sift_up(q, h, e->index);
}

static void heap_remove(struct queue *q, struct queue_heap *h, struct queued *e)
{
	size_t i = e->index;
	struct queued *last = h->items[--h->count];

	if (last == e)
		return;
	put(h, i, last);
	sift_up(q, h, i);
	sift_down(q, h, last->index);
}

/* ---- places ---- */

static void leave(struct queue *q, struct queued *e)
{
	switch (e->place) {
	case QUEUE_ACTIVE:
		heap_remove(q, &q->active, e);
		break;
	case QUEUE_BACKOFF:
		heap_remove(q, &q->backoff, e);
		break;
	case QUEUE_WAITING:
		link_remove(&e->in_waiting);
		q->waiting--;
		break;
	case QUEUE_GATED:
		q->gated--;
		break;
	case QUEUE_TAKEN:
		break;
	}
	e->place = QUEUE_TAKEN;
}

static void enter(struct queue *q, struct queued *e, enum queue_place place)
{
	e->place = place;
	switch (place) {
	case QUEUE_ACTIVE:
		heap_add(q, &q->active, e);
		break;
	case QUEUE_BACKOFF:
		heap_add(q, &q->backoff, e);
		break;
	case QUEUE_WAITING:
		list_push(&q->waiters, &e->in_waiting);
		q->waiting++;
		break;
	case QUEUE_GATED:
		q->gated++;
		break;
	case QUEUE_TAKEN:
		break;
	}
}

static bool gated(struct queued *e)
{
	for (uint32_t i = 0; i < e->profile->count; i++) {
		const struct profile_plugin *use = &e->profile->plugins[i];

		if (!use->queue || !use->plugin->pre_enqueue ||
			use->plugin->pre_enqueue(e->pod).code == VERDICT_OK)
			continue;
		e->rejected_by |= 1u << i;
		return true;
	}
	return false;
}

static int64_t backoff_of(const struct queue *q, const struct queued *e)
{
	int count = e->error_backoff ? e->errors : e->rejections;
	int64_t wait = q->options.min_backoff;

	if (!count)
		return 0;
	for (int i = 1; i < count && wait < q->options.max_backoff; i++)
		wait *= 2;
	return MIN(wait, q->options.max_backoff);
}

/* To be tried now, unless it is gated or sits out its backoff. */
static void admit(struct queue *q, struct queued *e, int64_t now)
{
	leave(q, e);
	if (gated(e)) {
		enter(q, e, QUEUE_GATED);
		return;
	}
	e->until = e->since + backoff_of(q, e);
	enter(q, e, e->until > now ? QUEUE_BACKOFF : QUEUE_ACTIVE);
}

/* ---- what comes and goes ---- */

struct queued *queue_find(const struct queue *q, struct str uid)
{
	return map_get(&q->all, uid);
}

static bool may_help(const struct cluster *c, const struct queued *e, const struct happening *h)
{
	if (!(e->events & h->kind))
		return false;
	if (e->any_event)
		return true;
	for (uint32_t i = 0; i < e->profile->count; i++) {
		const struct plugin *plugin = e->profile->plugins[i].plugin;

		if (!(e->rejected_by & 1u << i) || !(plugin->events & h->kind))
			continue;
		if (!plugin->hint || plugin->hint(c, e->pod, h))
			return true;
	}
	return false;
}

static void renew(
	struct queue *q, const struct cluster *c, struct queued *e, struct pod *old, int64_t now)
{
	struct happening self = {.kind = HAPPENED_SELF, .old_pod = old, .pod = e->pod};

	switch (e->place) {
	case QUEUE_TAKEN:
		return;
	case QUEUE_ACTIVE:
	case QUEUE_BACKOFF: {
		/* Its priority may be another one now. */
		enum queue_place place = e->place;

		leave(q, e);
		enter(q, e, place);
		return;
	}
	case QUEUE_GATED:
		if (!gated(e)) {
			e->since = now;
			admit(q, e, now);
		}
		return;
	case QUEUE_WAITING:
		if (may_help(c, e, &self))
			admit(q, e, now);
		return;
	}
}

/* What a pod's own status says is no reason to try it again. */
static bool asks_the_same(const struct pod *a, const struct pod *b)
{
	return a->gate_count == b->gate_count && a->toleration_count == b->toleration_count &&
	       a->requests.cpu == b->requests.cpu && a->requests.memory == b->requests.memory &&
	       a->node_required == b->node_required &&
	       a->node_labels.count == b->node_labels.count && labels_equal(&a->labels, &b->labels);
}

void queue_set(struct queue *q, const struct cluster *c, const struct profile *profile,
	struct pod *p, int64_t now)
{
	struct queued *e = queue_find(q, p->uid);

	pod_facts_ref(p);
	if (e) {
		struct pod *old = e->pod;
		bool same = asks_the_same(old, p);

		e->pod = p;
		if (!same || old->priority != p->priority)
			renew(q, c, e, old, now);
		pod_facts_unref(old);
		return;
	}
	e = mem_new(sizeof(*e));
	*e = (struct queued){
		.pod = p, .profile = profile, .place = QUEUE_TAKEN, .since = now, .first = now};
	map_set(&q->all, p->uid, e);
	admit(q, e, now);
}

void queue_remove(struct queue *q, struct str uid)
{
	struct queued *e = map_remove(&q->all, uid);

	if (!e)
		return;
	leave(q, e);
	pod_facts_unref(e->pod);
	mem_free(e);
}

/* ---- trying ---- */

/* Over: out of backoff. */
static void end_backoffs(struct queue *q, int64_t now)
{
	while (q->backoff.count && q->backoff.items[0]->until <= now) {
		struct queued *e = q->backoff.items[0];

		leave(q, e);
		enter(q, e, QUEUE_ACTIVE);
	}
}

/* Errors sit out their time: whoever caused them needs it. */
static struct queued *first_early(const struct queue *q)
{
	for (size_t i = 0; i < q->backoff.count; i++)
		if (!q->backoff.items[i]->error_backoff)
			return q->backoff.items[i];
	return NULL;
}

struct queued *queue_take(struct queue *q, int64_t now)
{
	struct queued *e;

	end_backoffs(q, now);
	e = q->active.count ? q->active.items[0] : first_early(q);
	if (!e)
		return NULL;
	leave(q, e);
	e->rejected_by = 0;
	e->any_event = e->happened = false;
	return e;
}

void queue_rejected(struct queue *q, struct queued *e, uint32_t by, bool any, int64_t now)
{
	e->rejections++;
	e->errors = 0;
	e->error_backoff = false;
	e->rejected_by = by;
	e->any_event = any;
	e->events = any ? HAPPENED_NODE | HAPPENED_SELF : 0;
	for (uint32_t i = 0; i < e->profile->count; i++)
		if (by & 1u << i)
			e->events |= e->profile->plugins[i].plugin->events;
	e->since = now;
	enter(q, e, QUEUE_WAITING);
}

void queue_failed(struct queue *q, struct queued *e, int64_t now)
{
	e->errors++;
	e->error_backoff = true;
	e->since = now;
	admit(q, e, now);
}

void queue_preempted(struct queue *q, struct queued *e, bool failed, int64_t now)
{
	e->preempting = false;
	if (e->place == QUEUE_WAITING && (failed || e->happened))
		admit(q, e, now);
	e->happened = false;
}

/* ---- what happens ---- */

void queue_happened(
	struct queue *q, const struct cluster *c, const struct happening *h, int64_t now)
{
	list_each_safe (k, &q->waiters) {
		struct queued *e = LIST_ENTRY(k, struct queued, in_waiting);

		if (!may_help(c, e, h))
			continue;
		if (e->preempting)
			e->happened = true;
		else
			admit(q, e, now);
	}
}

void queue_flush(struct queue *q, int64_t now)
{
	if (now < q->flushed + FLUSH_EVERY)
		return;
	q->flushed = now;
	list_each_safe (k, &q->waiters) {
		struct queued *e = LIST_ENTRY(k, struct queued, in_waiting);

		if (!e->preempting && now - e->since > LONGEST_WAIT)
			admit(q, e, now);
	}
}

int64_t queue_next(const struct queue *q)
{
	int64_t next = q->waiting ? q->flushed + FLUSH_EVERY : INT64_MAX;

	if (q->backoff.count)
		next = MIN(next, q->backoff.items[0]->until);
	return next;
}
