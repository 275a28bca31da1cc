/* /debug/api_priority_and_fairness/…: who runs and who waits, for administrators. */
#include "fair_private.h"
#include "metrics.h"
#include "respond.h"

#include <kube/time.h>

#define COLUMNS 10
#define TYPE    "text/plain; charset=utf-8"

struct rows {
	struct arena *arena;
	struct str (*cells)[COLUMNS];
	size_t count, cap;
};

static struct rows rows_of(struct arena *a, const char *const *headings, size_t cap)
{
	struct rows r = {.arena = a, .cap = cap + 1};

	r.cells = arena_new(a, r.cap * sizeof(*r.cells));
	for (size_t i = 0; i < COLUMNS; i++)
		r.cells[0][i] = str_from(headings[i]);
	r.count = 1;
	return r;
}

static struct str number(struct rows *r, int64_t value)
{
	return arena_print(r->arena, "%lld", (long long)value);
}

/* Columns stand one below the other: a comma behind each cell but the last, then spaces. */
static void answer_rows(struct api_request *q, const struct rows *r)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(16 * MIB);
	size_t width[COLUMNS] = {0};

	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < COLUMNS; k++)
			if (r->cells[i][k].len > width[k])
				width[k] = r->cells[i][k].len;
	for (size_t i = 0; i < r->count; i++) {
		for (size_t k = 0; k + 1 < COLUMNS; k++)
			buf_print(&out, "%.*s,%*s", STRF(r->cells[i][k]),
				(int)(width[k] - r->cells[i][k].len) + 1, "");
		buf_print(&out, "%.*s\n", STRF(r->cells[i][COLUMNS - 1]));
	}
	answer_text(q, 200, TYPE, buf_str(&out));
}

/* ---- levels ---- */

struct level_sums {
	struct str name;
	int64_t waiting, executing, dispatched, rejected, late, cancelled;
};

static int64_t refused(struct api_request *q, struct str labels, const char *why)
{
	return *metrics_number(q->server->metrics, METRIC_FLOW_REJECTED,
		arena_print(q->arena, "%.*s,reason=\"%s\"", STRF(labels), why));
}

static void add_schema(
	struct api_request *q, struct level_sums *sums, size_t *count, const struct flow_match *m)
{
	struct level_sums *s = sums;

	while (s < sums + *count && !str_eq(s->name, m->level))
		s++;
	if (s == sums + *count)
		++*count;
	s->name = m->level;
	s->waiting += *m->numbers.waiting;
	s->executing += *m->numbers.executing;
	s->dispatched += *m->numbers.dispatched;
	s->rejected += refused(q, m->labels, "queue-full");
	s->late += refused(q, m->labels, "time-out");
	s->cancelled += refused(q, m->labels, "cancelled");
}

/* Users with a request of that level in their queue. */
static int64_t queues_with(const struct fair *f, struct str level)
{
	int64_t count = 0;

	list_each (turn, &f->turn) {
		bool has = false;

		list_each (waiter, &LIST_ENTRY(turn, struct flow, in_turn)->waiters)
			has |= str_eq(
				LIST_ENTRY(waiter, struct fair_ticket, in_flow)->level, level);
		count += has;
	}
	return count;
}

void serve_flow_levels(struct api_request *q)
{
	static const char *const headings[COLUMNS] = {"PriorityLevelName", "ActiveQueues", "IsIdle",
		"IsQuiescing", "WaitingRequests", "ExecutingRequests", "DispatchedRequests",
		"RejectedRequests", "TimedoutRequests", "CancelledRequests"};
	struct fair *f = q->server->fair;
	size_t schemas = flow_schemas_count(f->schemas), count = 0;
	struct level_sums *sums = arena_new(q->arena, (schemas + 1) * sizeof(*sums));
	struct rows r = rows_of(q->arena, headings, schemas);

	for (size_t i = 0; i < schemas; i++) {
		struct flow_match m = flow_schemas_at(f->schemas, i);

		add_schema(q, sums, &count, &m);
	}
	for (const struct level_sums *s = sums; s < sums + count; s++) {
		struct str *cells = r.cells[r.count++];

		cells[0] = s->name;
		cells[1] = number(&r, queues_with(f, s->name));
		cells[2] = s->waiting + s->executing ? STR("false") : STR("true");
		cells[3] = STR("false");
		cells[4] = number(&r, s->waiting);
		cells[5] = number(&r, s->executing);
		cells[6] = number(&r, s->dispatched);
		cells[7] = number(&r, s->rejected);
		cells[8] = number(&r, s->late);
		cells[9] = number(&r, s->cancelled);
	}
	answer_rows(q, &r);
}

/* ---- requests ---- */

void serve_flow_requests(struct api_request *q)
{
	static const char *const headings[COLUMNS] = {"PriorityLevelName", "FlowSchemaName",
		"QueueIndex", "RequestIndexInQueue", "FlowDistingsher", "ArriveTime", "UserName",
		"Verb", "APIPath", "Resource"};
	struct fair *f = q->server->fair;
	struct rows r = rows_of(q->arena, headings, f->waiting);
	int64_t queue = 0;

	list_each (turn, &f->turn) {
		int64_t place = 0;

		list_each (waiter, &LIST_ENTRY(turn, struct flow, in_turn)->waiters) {
			const struct fair_ticket *t =
				LIST_ENTRY(waiter, struct fair_ticket, in_flow);
			_cleanup_(buf_done) struct buf when = BUF_INIT(64);
			struct str *cells = r.cells[r.count++];

			time_print(&when, t->request->now);
			cells[0] = t->level;
			cells[1] = t->schema;
			cells[2] = number(&r, queue);
			cells[3] = number(&r, place++);
			cells[4] = cells[6] = t->request->user->name;
			cells[5] = arena_str(q->arena, buf_str(&when));
			cells[7] = t->request->verb;
			cells[8] = t->request->path;
			cells[9] = t->request->plural;
		}
		queue++;
	}
	answer_rows(q, &r);
}
