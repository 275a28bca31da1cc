#include "fair_queues.h"

#include <kube/mem.h>
#include <kube/time.h>

/* What a request is thought to take before it has been served. */
#define GUESS (3 * MSEC)

int64_t fair_work_seats(const struct fair_work *w)
{
	return MAX(w->seats, w->final_seats);
}

static seat_time times(int64_t seats, int64_t ns)
{
	return seats * (ns / 10);
}

static seat_time work_of(const struct fair_waiter *w)
{
	return times(w->work.seats, GUESS) + times(w->work.final_seats, w->work.latency);
}

static struct fair_waiter *oldest_of(struct fair_queue *q)
{
	return q->count ? LIST_ENTRY(list_first(&q->waiters), struct fair_waiter, in_queue) : NULL;
}

static bool is_idle(const struct fair_queue *q)
{
	return !q->count && !q->executing && !q->seats;
}

/* ---- how many queues ---- */

static struct fair_queue *queue_new(size_t index)
{
	struct fair_queue *q = mem_new(sizeof(*q));

	q->index = index;
	list_init(&q->waiters);
	return q;
}

static void drop_surplus(struct fair_queues *q)
{
	while (q->count > (size_t)MAX(q->shape.queues, 0) && is_idle(q->items[q->count - 1]))
		mem_free(q->items[--q->count]);
}

void fair_queues_init(struct fair_queues *q, int64_t now)
{
	*q = (struct fair_queues){.looked = now};
}

void fair_queues_done(struct fair_queues *q)
{
	q->shape.queues = 0;
	drop_surplus(q);
	assert(!q->count && !q->executing && !q->seats);
	mem_free(q->items);
}

/* ---- time ---- */

/* How far a queue has come that is always served: seats that are asked for, shared by queues. */
static void advance(struct fair_queues *q, int64_t now)
{
	int64_t passed = now - q->looked, active = 0, seats = 0;

	q->looked = now;
	for (size_t i = 0; i < q->count; i++) {
		seats += q->items[i]->seats + q->items[i]->most_seats;
		active += q->items[i]->count || q->items[i]->executing;
	}
	if (active)
		q->progress += (seat_time)((double)MIN(seats, q->limit) / (double)active *
					   (double)passed / 10.0);
}

/* A queue that was not short of work for a while has not saved up for later. */
static void bound_next(struct fair_queue *queue)
{
	const struct fair_waiter *oldest = oldest_of(queue);

	if (oldest && queue->next < oldest->arrived)
		queue->next = oldest->arrived;
}

void fair_queues_change(
	struct fair_queues *q, const struct fair_shape *shape, int64_t limit, int64_t now)
{
	size_t wanted = (size_t)MAX(shape->queues, 0);

	advance(q, now);
	q->shape = *shape;
	q->limit = limit;
	if (wanted > q->count) {
		q->items = mem_resize(q->items, wanted * sizeof(struct fair_queue *));
		for (; q->count < wanted; q->count++)
			q->items[q->count] = queue_new(q->count);
	}
	drop_surplus(q);
}

/* ---- in ---- */

/* A hand without two of the same card, of as many as fit into 64 bits. */
void fair_deal(uint64_t flow, int64_t queues, int64_t hand, size_t *cards)
{
	size_t left[FAIR_HAND_MAX];

	for (int64_t i = 0; i < hand; i++) {
		uint64_t deck = (uint64_t)(queues - i);

		left[i] = flow % deck;
		flow /= deck;
	}
	for (int64_t i = 0; i < hand; i++) {
		cards[i] = left[i];
		for (int64_t k = i; k > 0; k--)
			cards[i] += cards[i] >= left[k - 1];
	}
}

/* Hands that overlap are looked at from different ends. */
static struct fair_queue *choose(struct fair_queues *q, uint64_t flow)
{
	int64_t most = MIN(q->shape.queues, FAIR_HAND_MAX);
	int64_t dealt = MIN(q->shape.hand, most), hand = MAX(dealt, 1);
	size_t cards[FAIR_HAND_MAX], first = q->enqueued++ % (size_t)hand;
	struct fair_queue *best = NULL;

	fair_deal(flow, q->shape.queues, hand, cards);
	for (size_t i = 0; i < (size_t)hand; i++) {
		struct fair_queue *queue = q->items[cards[(first + i) % (size_t)hand]];

		if (!best || queue->work < best->work)
			best = queue;
	}
	return best;
}

static bool has_room(const struct fair_queues *q, int64_t seats)
{
	if (q->shape.queues < 0)
		return true;
	/* Who asks for more than there are has them all. */
	if (seats > q->limit)
		return !q->executing;
	return q->seats + seats <= q->limit;
}

static void take_seats(struct fair_queues *q, struct fair_waiter *w, int64_t now)
{
	w->started = now;
	q->executing++;
	q->seats += fair_work_seats(&w->work);
	if (!w->queue)
		return;
	w->queue->executing++;
	w->queue->seats += fair_work_seats(&w->work);
}

static void enqueue(struct fair_queues *q, struct fair_waiter *w)
{
	struct fair_queue *queue = w->queue;

	if (!queue->count && !queue->executing)
		queue->next = q->progress;
	list_push(&queue->waiters, &w->in_queue);
	w->waits = true;
	w->arrived = q->progress;
	queue->count++;
	queue->first_seats += w->work.seats;
	queue->most_seats += fair_work_seats(&w->work);
	queue->work += work_of(w);
	q->waiting++;
	q->waiting_seats += fair_work_seats(&w->work);
	bound_next(queue);
}

static void unqueue(struct fair_queues *q, struct fair_waiter *w)
{
	struct fair_queue *queue = w->queue;

	link_remove(&w->in_queue);
	w->waits = false;
	queue->count--;
	queue->first_seats -= w->work.seats;
	queue->most_seats -= fair_work_seats(&w->work);
	queue->work -= work_of(w);
	q->waiting--;
	q->waiting_seats -= fair_work_seats(&w->work);
}

enum fair_verdict fair_queues_start(
	struct fair_queues *q, struct fair_waiter *w, uint64_t flow, int64_t now)
{
	advance(q, now);
	if (q->shape.queues < 1) {
		if (!has_room(q, fair_work_seats(&w->work)))
			return FAIR_LIMITED;
		take_seats(q, w, now);
		return FAIR_SEATED;
	}
	w->queue = choose(q, flow);
	if (q->seats >= q->limit && w->queue->count >= q->shape.length) {
		w->queue = NULL;
		return FAIR_FULL;
	}
	enqueue(q, w);
	return FAIR_WAITS;
}

/* ---- on ---- */

/* Of queues that would be done at the same time the one behind the last goes first. */
static struct fair_queue *next_queue(struct fair_queues *q)
{
	struct fair_queue *best = NULL;
	seat_time soonest = INT64_MAX;
	size_t robin = q->robin;

	for (size_t i = 0; i < q->count; i++) {
		robin = (robin + 1) % q->count;
		struct fair_queue *queue = q->items[robin];
		const struct fair_waiter *oldest = oldest_of(queue);

		if (oldest && queue->next + work_of(oldest) < soonest) {
			soonest = queue->next + work_of(oldest);
			best = queue;
		}
	}
	return best;
}

/* Telling watchers may not take more seats than there are: then it takes longer. */
static void fit_final(struct fair_work *w, int64_t limit)
{
	if (!limit || w->final_seats <= limit)
		return;
	w->latency = w->latency * w->final_seats / limit;
	w->final_seats = limit;
}

struct fair_waiter *fair_queues_next(struct fair_queues *q, int64_t now)
{
	advance(q, now);
	if (!q->waiting || q->seats >= q->limit)
		return NULL;
	struct fair_queue *queue = next_queue(q);
	struct fair_waiter *w = oldest_of(queue);
	if (!has_room(q, fair_work_seats(&w->work))) {
		q->blocked++;
		return NULL;
	}
	unqueue(q, w);
	fit_final(&w->work, q->limit);
	q->robin = queue->index;
	take_seats(q, w, now);
	queue->next += work_of(w);
	bound_next(queue);
	return w;
}

void fair_queues_leave(struct fair_queues *q, struct fair_waiter *w, int64_t now)
{
	advance(q, now);
	unqueue(q, w);
	bound_next(w->queue);
	drop_surplus(q);
}

/* ---- out ---- */

void fair_queues_finish(struct fair_queues *q, struct fair_waiter *w, int64_t now)
{
	advance(q, now);
	q->executing--;
	if (!w->queue)
		return;
	w->queue->executing--;
	/* What was guessed too high comes back to the queue, what was too low is taken. */
	w->queue->next -= times(w->work.seats, GUESS - (now - w->started));
	bound_next(w->queue);
}

void fair_queues_release(struct fair_queues *q, struct fair_waiter *w, int64_t now)
{
	advance(q, now);
	q->seats -= fair_work_seats(&w->work);
	if (w->queue)
		w->queue->seats -= fair_work_seats(&w->work);
	drop_surplus(q);
}
