/* /debug/api_priority_and_fairness/…: who runs and who waits, for administrators. */
#include "fair_private.h"
#include "metrics.h"
#include "respond.h"

#include <kube/time.h>

#include <stdlib.h>

#define COLUMNS_MAX 17
#define WIDTH_MIN   8
#define TYPE        "text/plain; charset=utf-8"

typedef struct str dump_row[COLUMNS_MAX];

struct dump {
	struct arena *arena;
	dump_row *rows;
	size_t columns, count, cap;
};

static struct str *add_row(struct dump *d)
{
	ARENA_ROOM(d->arena, d->rows, d->count, d->cap, 64);
	return d->rows[d->count++];
}

static struct dump dump_of(struct arena *a, const char *const *headings, size_t columns)
{
	struct dump d = {.arena = a, .columns = columns};
	struct str *row = add_row(&d);

	for (size_t i = 0; i < columns; i++)
		row[i] = str_from(headings[i]);
	return d;
}

static struct str number(struct dump *d, int64_t value)
{
	return arena_print(d->arena, "%lld", (long long)value);
}

/* Columns stand one below the other: a comma behind each cell but the last, then spaces. */
static void answer_dump(struct api_request *q, const struct dump *d)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(16 * MIB);
	size_t width[COLUMNS_MAX] = {0};

	for (size_t k = 0; k < d->columns; k++) {
		for (size_t i = 0; i < d->count; i++)
			if (d->rows[i][k].len + 2 > width[k])
				width[k] = d->rows[i][k].len + 2;
		if (width[k] < WIDTH_MIN)
			width[k] = WIDTH_MIN;
	}
	for (size_t i = 0; i < d->count; i++) {
		for (size_t k = 0; k + 1 < d->columns; k++)
			buf_print(&out, "%.*s,%*s", STRF(d->rows[i][k]),
				(int)(width[k] - d->rows[i][k].len - 1), "");
		buf_print(&out, "%.*s\n", STRF(d->rows[i][d->columns - 1]));
	}
	answer_text(q, 200, TYPE, buf_str(&out));
}

/* ---- levels ---- */

/* Of the requests of a level's schemas: refused for that reason, or (NULL) dispatched. */
static int64_t counted(struct api_request *q, const struct fair_level *l, const char *refused)
{
	struct flow_schemas *schemas = q->server->fair->schemas;
	size_t count = flow_schemas_count(schemas);
	int64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		struct flow_match m = flow_schemas_at(schemas, i);

		if (m.of != l)
			continue;
		sum += !refused ? *m.numbers.dispatched
				: *metrics_number(q->server->metrics, METRIC_FLOW_REJECTED,
					  arena_print(q->arena, "%.*s,reason=\"%s\"",
						  STRF(m.labels), refused));
	}
	return sum;
}

static struct str yes_or_no(bool yes)
{
	return yes ? STR("true") : STR("false");
}

static int64_t active_queues(const struct fair_queues *q)
{
	int64_t count = 0;

	for (size_t i = 0; i < q->count; i++)
		count += q->items[i]->count > 0;
	return count;
}

void serve_flow_levels(struct api_request *q)
{
	static const char *const headings[] = {"PriorityLevelName", "ActiveQueues", "IsIdle",
		"IsQuiescing", "WaitingRequests", "ExecutingRequests", "DispatchedRequests",
		"RejectedRequests", "TimedoutRequests", "CancelledRequests"};
	struct dump d = dump_of(q->arena, headings, ARRAY_LEN(headings));

	list_each (at, &q->server->fair->levels) {
		const struct fair_level *l = LIST_ENTRY(at, struct fair_level, in_all);
		const struct fair_queues *queues = &l->queues;
		struct str *cells = add_row(&d);
		int64_t late = counted(q, l, "time-out"), gone = counted(q, l, "cancelled");

		cells[0] = str_from(l->name);
		cells[1] = number(&d, active_queues(queues));
		cells[2] = yes_or_no(!queues->waiting && !queues->executing);
		cells[3] = yes_or_no(!l->wanted);
		cells[4] = number(&d, queues->waiting);
		cells[5] = number(&d, queues->executing);
		cells[6] = number(&d, counted(q, l, NULL));
		cells[7] = number(&d, late + gone + counted(q, l, "queue-full") +
					      counted(q, l, "concurrency-limit"));
		cells[8] = number(&d, late);
		cells[9] = number(&d, gone);
	}
	answer_dump(q, &d);
}

/* ---- queues ---- */

/* "0.00300000ss": seats times seconds. */
static struct str seat_seconds(struct dump *d, seat_time t)
{
	return arena_print(
		d->arena, "%lld.%08lldss", (long long)(t / 100000000), (long long)(t % 100000000));
}

void serve_flow_queues(struct api_request *q)
{
	static const char *const headings[] = {"PriorityLevelName", "Index", "PendingRequests",
		"ExecutingRequests", "SeatsInUse", "NextDispatchR", "InitialSeatsSum",
		"MaxSeatsSum", "TotalWorkSum"};
	struct dump d = dump_of(q->arena, headings, ARRAY_LEN(headings));

	list_each (at, &q->server->fair->levels) {
		const struct fair_level *l = LIST_ENTRY(at, struct fair_level, in_all);

		for (size_t i = 0; i < l->queues.count; i++) {
			const struct fair_queue *queue = l->queues.items[i];
			struct str *cells = add_row(&d);

			cells[0] = str_from(l->name);
			cells[1] = number(&d, (int64_t)i);
			cells[2] = number(&d, queue->count);
			cells[3] = number(&d, queue->executing);
			cells[4] = number(&d, queue->seats);
			cells[5] = seat_seconds(&d, queue->next);
			cells[6] = number(&d, queue->first_seats);
			cells[7] = number(&d, queue->most_seats);
			cells[8] = seat_seconds(&d, queue->work);
		}
	}
	answer_dump(q, &d);
}

/* ---- requests ---- */

/* As Go prints it: no more digits of the second than there are. */
static struct str nano_time(struct arena *a, int64_t wall)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64);
	struct str seconds, digits;
	int64_t part = wall % SEC;

	time_print(&out, wall / SEC * SEC);
	seconds = str_sub(buf_str(&out), 0, out.len - 1);
	if (!part)
		return arena_str(a, buf_str(&out));
	digits = arena_print(a, "%09lld", (long long)part);
	while (str_ends(digits, STR("0")))
		digits.len--;
	return arena_print(a, "%.*s.%.*sZ", STRF(seconds), STRF(digits));
}

static void describe(struct dump *d, struct str *cells, const struct api_request *r)
{
	cells[9] = r->user->name;
	cells[10] = r->verb;
	cells[11] = r->path;
	cells[12] = r->namespace;
	cells[13] = r->name;
	cells[14] = r->group.len
			    ? arena_print(d->arena, "%.*s/%.*s", STRF(r->group), STRF(r->version))
			    : r->version;
	cells[15] = r->plural;
	cells[16] = r->subresource;
}

static void add_request(
	struct dump *d, const struct fair_queue *queue, int64_t place, const struct fair_waiter *w)
{
	const struct fair_ticket *t = CONTAINER_OF(w, struct fair_ticket, waiter);
	_cleanup_(buf_done) struct buf latency = BUF_INIT(64);
	struct str *cells = add_row(d);

	duration_print(&latency, w->work.latency);
	cells[0] = str_from(t->level->name);
	cells[1] = t->schema;
	cells[2] = number(d, (int64_t)queue->index);
	cells[3] = number(d, place);
	cells[4] = t->flow;
	cells[5] = nano_time(d->arena, t->request->now);
	cells[6] = number(d, w->work.seats);
	cells[7] = number(d, w->work.final_seats);
	cells[8] = arena_str(d->arena, buf_str(&latency));
	if (d->columns > 9)
		describe(d, cells, t->request);
}

void serve_flow_requests(struct api_request *q)
{
	static const char *const headings[] = {"PriorityLevelName", "FlowSchemaName", "QueueIndex",
		"RequestIndexInQueue", "FlowDistingsher", "ArriveTime", "InitialSeats",
		"FinalSeats", "AdditionalLatency", "UserName", "Verb", "APIPath", "Namespace",
		"Name", "APIVersion", "Resource", "SubResource"};
	struct str asked = {0};
	bool details = request_query(q, "includeRequestDetails", &asked) && asked.len;
	struct dump d = dump_of(q->arena, headings, details ? ARRAY_LEN(headings) : 9);

	list_each (at, &q->server->fair->levels) {
		const struct fair_level *l = LIST_ENTRY(at, struct fair_level, in_all);

		for (size_t i = 0; i < l->queues.count; i++) {
			int64_t place = 0;

			list_each (w, &l->queues.items[i]->waiters)
				add_request(&d, l->queues.items[i], place++,
					LIST_ENTRY(w, struct fair_waiter, in_queue));
		}
	}
	answer_dump(q, &d);
}
