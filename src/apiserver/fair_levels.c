/* The priority levels: what they are given, what they lend and borrow. */
#include "fair_private.h"

#include <kube/mem.h>
#include <kube/time.h>

#include <math.h>

#define WIDEST_PART   0.15 /* of a level's seats, for one request */
#define RETRY_MAX     32
#define PERIODS_MAX   1000
#define REFUSALS_RISE 3

struct fair_level *fair_level_find(struct fair *f, struct str name)
{
	list_each (l, &f->levels) {
		struct fair_level *level = LIST_ENTRY(l, struct fair_level, in_all);

		if (str_eq_text(name, level->name))
			return level;
	}
	return NULL;
}

static int64_t now_of(const struct fair *f)
{
	return loop_now(f->server->env->loop);
}

void fair_level_note(struct fair *f, struct fair_level *l)
{
	fair_demand_set(&l->demand, (double)(l->queues.seats + l->queues.waiting_seats), now_of(f));
	fair_level_observe(f, l);
}

/* ---- sharing out ---- */

static struct fair_claim claim_of(struct fair_level *l)
{
	double needed = MIN((double)l->nominal, round(l->needs.most));
	double least = MAX((double)l->least, needed);

	l->target = MAX(least, l->needs.smooth);
	return (struct fair_claim){.least = least, .most = (double)l->most, .target = l->target};
}

static void share_out(struct fair *f)
{
	size_t count = 0, i = 0;
	struct fair_claim *claims;

	list_each (l, &f->levels)
		count++;
	claims = mem_new((count + 1) * sizeof(*claims));
	list_each (l, &f->levels)
		claims[i++] = claim_of(LIST_ENTRY(l, struct fair_level, in_all));
	double proportion = fair_share_out((double)f->nominal_sum, claims, count);
	i = 0;
	list_each (l, &f->levels) {
		struct fair_level *level = LIST_ENTRY(l, struct fair_level, in_all);

		if (proportion >= 0)
			level->current = (int64_t)round(claims[i].share);
		i++;
		struct fair_shape shape = level->queues.shape;
		fair_queues_change(&level->queues, &shape, level->current, now_of(f));
	}
	f->proportion = MAX(proportion, 0.0);
	mem_free(claims);
}

/* The periods that nobody looked at were all like the end of the first. */
static void read_needs(struct fair *f, struct fair_level *l, int64_t periods)
{
	int64_t now = now_of(f);

	fair_needs_update(&l->needs, &l->demand, now - (periods - 1) * FAIR_PERIOD);
	for (int64_t i = periods - 2; i >= 0; i--)
		fair_needs_update(&l->needs, &l->demand, now - i * FAIR_PERIOD);
}

bool fair_levels_adjust(struct fair *f)
{
	int64_t periods = (now_of(f) - f->shared_out) / FAIR_PERIOD;

	if (periods < 1)
		return false;
	f->shared_out = now_of(f);
	list_each (l, &f->levels)
		read_needs(f, LIST_ENTRY(l, struct fair_level, in_all), MIN(periods, PERIODS_MAX));
	share_out(f);
	return true;
}

/* ---- what there is ---- */

static struct fair_level *level_new(struct fair *f, struct str name)
{
	struct fair_level *l = mem_new(sizeof(*l));

	l->name = str_dup(name);
	l->current = -1;
	fair_queues_init(&l->queues, now_of(f));
	l->demand.since = now_of(f);
	l->seats_taken.since = l->executing.since = l->waiting.since = l->demanded.since =
		now_of(f);
	list_push(&f->levels, &l->in_all);
	return l;
}

static void level_free(struct fair_level *l)
{
	link_remove(&l->in_all);
	fair_queues_done(&l->queues);
	mem_free(l->name);
	mem_free(l->uid);
	mem_free(l);
}

static void level_read(struct fair *f, const struct fair_level_spec *spec)
{
	struct fair_level *l = fair_level_find(f, spec->name);

	if (!l)
		l = level_new(f, spec->name);
	mem_free(l->uid);
	l->uid = str_dup(spec->uid);
	l->wanted = true;
	l->exempt = spec->exempt;
	l->shares = spec->shares;
	l->lendable = spec->lendable;
	l->borrowing = spec->borrowing;
	l->queues.shape.hand = spec->shape.hand;
	fair_queues_change(&l->queues, &spec->shape, MAX(l->current, 0), now_of(f));
}

/* What stays until it is empty goes on having its share. */
static void give_seats(struct fair *f, struct fair_level *l, int64_t shares)
{
	int64_t hand = l->queues.shape.hand, lent;

	l->nominal = shares ? (f->seats * l->shares + shares - 1) / shares : 0;
	lent = (int64_t)round((double)l->nominal * (double)l->lendable / 100);
	l->least = l->nominal - lent;
	l->most = l->nominal + (l->borrowing < 0 ? f->seats
						 : (int64_t)round((double)l->nominal *
								  (double)l->borrowing / 100));
	l->widest = INT64_MAX;
	if (l->queues.shape.queues > 0 && hand > 0)
		l->widest = MAX(
			1, MIN((int64_t)ceil((double)l->nominal * WIDEST_PART), l->nominal / hand));
	if (l->current < 0)
		l->current = l->nominal - lent / 2;
	f->nominal_sum += l->nominal;
}

void fair_levels_set(struct fair *f, const struct fair_level_spec *specs, size_t count)
{
	int64_t shares = 0;

	list_each (l, &f->levels)
		LIST_ENTRY(l, struct fair_level, in_all)->wanted = false;
	for (size_t i = 0; i < count; i++)
		level_read(f, &specs[i]);
	list_each_safe (l, &f->levels) {
		struct fair_level *level = LIST_ENTRY(l, struct fair_level, in_all);
		const struct fair_queues *q = &level->queues;

		if (!level->wanted && !q->waiting && !q->executing && !q->seats)
			level_free(level);
		else
			shares += level->shares;
	}
	f->nominal_sum = 0;
	list_each (l, &f->levels)
		give_seats(f, LIST_ENTRY(l, struct fair_level, in_all), shares);
	list_each (l, &f->levels) {
		struct fair_level *level = LIST_ENTRY(l, struct fair_level, in_all);

		fair_needs_update(&level->needs, &level->demand, now_of(f));
	}
	f->shared_out = now_of(f);
	share_out(f);
}

void fair_levels_free(struct fair *f)
{
	list_each_safe (l, &f->levels)
		level_free(LIST_ENTRY(l, struct fair_level, in_all));
}

/* ---- refusals ---- */

static int64_t refused_before(const struct fair_refusals *r, int64_t second)
{
	int64_t sum = 0;

	for (size_t i = 0; i < REFUSALS_KEPT; i++)
		if (r->kept[i].second < second && second - r->kept[i].second <= r->retry)
			sum += r->kept[i].count;
	return sum;
}

/* As TCP does with its windows the other way round: doubled when many come, one less when few do.
 */
static void change_retry(struct fair_refusals *r, int64_t second)
{
	int64_t sum = refused_before(r, second);

	if (second - r->raised >= r->retry && sum >= REFUSALS_RISE * r->retry) {
		r->retry = MIN(r->retry * 2, RETRY_MAX);
		r->raised = second;
	} else if (sum < r->retry && r->retry > 1) {
		r->retry--;
	}
}

int64_t fair_refuse_for(struct fair_refusals *r, int64_t second)
{
	size_t at = (size_t)second % REFUSALS_KEPT;

	r->retry = MAX(r->retry, 1);
	if (r->kept[at].second != second) {
		r->kept[at].second = second;
		r->kept[at].count = 0;
		change_retry(r, second);
	}
	r->kept[at].count++;
	return r->retry;
}
