/* /debug/api_priority_and_fairness/…: who runs and who waits, for administrators. */
#include "fair_private.h"
#include "metrics.h"
#include "respond.h"

#include <kube/time.h>

#include <stdlib.h>

#define COLUMNS_MAX 17
#define WIDTH_MIN   8
#define TYPE        "text/plain; charset=utf-8"
#define NOTHING     STR_INIT("<none>")

typedef struct str dump_row[COLUMNS_MAX];

struct dump {
	struct arena *arena;
	dump_row *rows;
	size_t columns, count, cap;
};

static struct str *add_row(struct dump *d)
{
	static const struct str nothing = NOTHING;

	if (d->count == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 64;
		dump_row *rows = arena_alloc(d->arena, cap * sizeof(*rows));

		if (d->count)
			memcpy(rows, d->rows, d->count * sizeof(*rows));
		d->rows = rows;
		d->cap = cap;
	}
	for (size_t i = 0; i < d->columns; i++)
		d->rows[d->count][i] = nothing;
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

struct level_sums {
	struct str name;
	int64_t waiting, executing, dispatched, rejected, late, cancelled;
};

struct levels {
	struct level_sums *items; /* by name */
	size_t count;
};

static int64_t refused(struct api_request *q, struct str labels, const char *why)
{
	return *metrics_number(q->server->metrics, METRIC_FLOW_REJECTED,
		arena_print(q->arena, "%.*s,reason=\"%s\"", STRF(labels), why));
}

static void add_schema(struct api_request *q, struct levels *levels, const struct flow_match *m)
{
	for (struct level_sums *s = levels->items; s < levels->items + levels->count; s++) {
		if (!str_eq(s->name, m->level))
			continue;
		s->waiting += *m->numbers.waiting;
		s->executing += *m->numbers.executing;
		s->dispatched += *m->numbers.dispatched;
		s->rejected += refused(q, m->labels, "queue-full");
		s->late += refused(q, m->labels, "time-out");
		s->cancelled += refused(q, m->labels, "cancelled");
	}
}

/* Those that no schema leads to, too. */
static struct levels read_levels(struct api_request *q)
{
	const struct resource *r = resource_find(
		STR("flowcontrol.apiserver.k8s.io"), STR("v1"), STR("prioritylevelconfigurations"));
	struct bucket *b = server_bucket(q->server, r->hub);
	struct flow_schemas *schemas = q->server->fair->schemas;
	struct levels levels = {
		.items = arena_new(q->arena, (store_count(b) + 1) * sizeof(struct level_sums))};
	struct store_iter it = store_seek(b, STR(""), STR(""));
	size_t count = flow_schemas_count(schemas);

	while (store_next(&it))
		levels.items[levels.count++].name = arena_str(q->arena, it.key);
	for (size_t i = 0; i < count; i++) {
		struct flow_match m = flow_schemas_at(schemas, i);

		add_schema(q, &levels, &m);
	}
	return levels;
}

/* Of one user's queue. */
static int64_t waiting_in(const struct flow *flow, struct str level)
{
	int64_t count = 0;

	list_each (waiter, &flow->waiters)
		count += str_eq(LIST_ENTRY(waiter, struct fair_ticket, in_flow)->level, level);
	return count;
}

static int64_t queues_with(const struct fair *f, struct str level)
{
	int64_t count = 0;

	list_each (turn, &f->turn)
		count += waiting_in(LIST_ENTRY(turn, struct flow, in_turn), level) > 0;
	return count;
}

void serve_flow_levels(struct api_request *q)
{
	static const char *const headings[] = {"PriorityLevelName", "ActiveQueues", "IsIdle",
		"IsQuiescing", "WaitingRequests", "ExecutingRequests", "DispatchedRequests",
		"RejectedRequests", "TimedoutRequests", "CancelledRequests"};
	struct dump d = dump_of(q->arena, headings, ARRAY_LEN(headings));
	struct levels levels = read_levels(q);

	for (const struct level_sums *s = levels.items; s < levels.items + levels.count; s++) {
		struct str *cells = add_row(&d);

		cells[0] = s->name;
		cells[1] = number(&d, queues_with(q->server->fair, s->name));
		cells[2] = s->waiting + s->executing ? STR("false") : STR("true");
		cells[3] = STR("false");
		cells[4] = number(&d, s->waiting);
		cells[5] = number(&d, s->executing);
		cells[6] = number(&d, s->dispatched);
		cells[7] = number(&d, s->rejected);
		cells[8] = number(&d, s->late);
		cells[9] = number(&d, s->cancelled);
	}
	answer_dump(q, &d);
}

/* ---- queues: users who wait have one each, whatever the level ---- */

void serve_flow_queues(struct api_request *q)
{
	static const char *const headings[] = {"PriorityLevelName", "Index", "PendingRequests",
		"ExecutingRequests", "SeatsInUse", "NextDispatchR", "InitialSeatsSum",
		"MaxSeatsSum", "TotalWorkSum"};
	struct dump d = dump_of(q->arena, headings, ARRAY_LEN(headings));
	struct levels levels = read_levels(q);

	for (const struct level_sums *s = levels.items; s < levels.items + levels.count; s++) {
		int64_t index = 0, shown = 0;

		list_each (turn, &q->server->fair->turn) {
			int64_t waiting =
				waiting_in(LIST_ENTRY(turn, struct flow, in_turn), s->name);

			if (waiting) {
				struct str *cells = add_row(&d);

				cells[0] = s->name;
				cells[1] = number(&d, index);
				cells[2] = number(&d, waiting);
				/* each will take one seat */
				cells[6] = cells[7] = cells[2];
				shown++;
			}
			index++;
		}
		if (!shown)
			add_row(&d)[0] = s->name;
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

void serve_flow_requests(struct api_request *q)
{
	static const char *const headings[] = {"PriorityLevelName", "FlowSchemaName", "QueueIndex",
		"RequestIndexInQueue", "FlowDistingsher", "ArriveTime", "InitialSeats",
		"FinalSeats", "AdditionalLatency", "UserName", "Verb", "APIPath", "Namespace",
		"Name", "APIVersion", "Resource", "SubResource"};
	struct str asked = {0};
	bool details = request_query(q, "includeRequestDetails", &asked) && asked.len;
	struct dump d = dump_of(q->arena, headings, details ? ARRAY_LEN(headings) : 9);
	int64_t queue = 0;

	list_each (turn, &q->server->fair->turn) {
		int64_t place = 0;

		list_each (waiter, &LIST_ENTRY(turn, struct flow, in_turn)->waiters) {
			const struct fair_ticket *t =
				LIST_ENTRY(waiter, struct fair_ticket, in_flow);
			struct str *cells = add_row(&d);

			cells[0] = t->level;
			cells[1] = t->schema;
			cells[2] = number(&d, queue);
			cells[3] = number(&d, place++);
			cells[4] = t->request->user->name;
			cells[5] = nano_time(q->arena, t->request->now);
			cells[6] = STR("1");
			cells[7] = STR("0");
			cells[8] = STR("0s");
			if (details)
				describe(&d, cells, t->request);
		}
		queue++;
	}
	answer_dump(q, &d);
}
