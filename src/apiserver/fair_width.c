/* How many seats a request is thought to take: lists take some, and changes that many watch. */
#include "api_options.h"
#include "fair_private.h"

#include <kube/mem.h>
#include <kube/time.h>

#define SEATS_MAX         10
#define LIST_SEATS_MAX    100
#define BYTES_A_SEAT      100000
#define STREAMED_BYTES    1000000 /* at most at one time, of a list that is sent as it is made */
#define OBJECTS_A_SEAT    100
#define WATCHES_A_SEAT    10
#define WATCHES_TAKE      (5 * MSEC)
#define OBJECTS_LOOKED_AT 16

static int64_t up(int64_t value, int64_t step)
{
	return (value + step - 1) / step;
}

/* ---- lists ---- */

static struct str parameter(const struct api_request *r, const char *name)
{
	struct str value = STR("");

	request_query(r, name, &value);
	return value;
}

/* What upstream answers from its watch cache. */
static bool is_streamed(const struct api_request *r)
{
	struct str match = parameter(r, "resourceVersionMatch");
	int64_t limit;
	bool limited = str_to_i64(parameter(r, "limit"), &limit) && limit > 0 &&
		       !str_eq_text(parameter(r, "resourceVersion"), "0");

	return str_eq_text(r->verb, "watch") ||
	       (!parameter(r, "continue").len && !limited &&
		       (!match.len || str_eq_text(match, "NotOlderThan")));
}

static int64_t average_size(struct bucket *b)
{
	struct store_iter it = store_seek(b, STR(""), STR(""));
	int64_t sum = 0, count = 0;

	while (count < OBJECTS_LOOKED_AT && store_next(&it)) {
		sum += (int64_t)object_text(it.object).len;
		count++;
	}
	return count ? sum / count : 0;
}

static int64_t list_seats(struct fair *f, const struct api_request *r, int64_t widest)
{
	struct bucket *b = server_bucket(f->server, r->resource->hub);
	int64_t stored = (int64_t)store_count(b), limit = stored, asked;
	bool selects = parameter(r, "fieldSelector").len || parameter(r, "labelSelector").len;
	bool streamed = is_streamed(r);
	int64_t by_bytes = MIN(widest, LIST_SEATS_MAX), by_count = MIN(widest, SEATS_MAX), seats;

	if (str_to_i64(parameter(r, "limit"), &asked) && asked > 0)
		limit = MIN(limit, asked);
	if (api_gate(f->server->options, "SizeBasedListCostEstimate")) {
		int64_t bytes = average_size(b) * (streamed || selects ? stored : limit);

		if (streamed)
			bytes = MIN(bytes, STREAMED_BYTES);
		seats = MIN(up(bytes, BYTES_A_SEAT), by_bytes);
		return MAX(1, seats);
	}
	int64_t objects = streamed ? stored : selects ? stored + limit : 2 * limit;
	seats = MIN(up(objects, OBJECTS_A_SEAT), by_count);
	return MAX(1, seats);
}

/* ---- changes ---- */

static struct str watch_key(
	struct arena *a, const struct api_request *r, struct str namespace, struct str name)
{
	return arena_print(a, "%.*s/%.*s/%.*s/%.*s", STRF(r->group), STRF(r->plural),
		STRF(namespace), STRF(name));
}

static int64_t watchers_of(
	struct fair *f, const struct api_request *r, struct str namespace, struct str name)
{
	const int64_t *count = map_get(&f->watchers, watch_key(r->arena, r, namespace, name));

	return count ? *count : 0;
}

/* Of the object: all, those of its namespace, those of it alone. */
static int64_t interested(struct fair *f, const struct api_request *r)
{
	int64_t sum = watchers_of(f, r, STR(""), STR(""));

	if (r->namespace.len)
		sum += watchers_of(f, r, r->namespace, STR(""));
	if (r->name.len)
		sum += watchers_of(f, r, r->namespace, r->name);
	return sum;
}

static struct fair_work change_work(struct fair *f, const struct api_request *r, int64_t widest)
{
	int64_t watches = interested(f, r), most = MIN(widest, SEATS_MAX);
	struct fair_work w = {.seats = 1};

	if (watches < WATCHES_A_SEAT)
		return w;
	w.final_seats = up(watches, WATCHES_A_SEAT);
	w.latency = WATCHES_TAKE;
	if (w.final_seats > most) {
		w.latency = w.latency * w.final_seats / most;
		w.final_seats = most;
	}
	return w;
}

/* ---- */

struct fair_work fair_estimate(struct fair *f, struct api_request *r, int64_t widest)
{
	static const char *const changes[] = {"create", "update", "patch", "delete"};
	bool whole = request_is_on(r, "sendInitialEvents");
	bool lists = str_eq_text(r->verb, "list") || (str_eq_text(r->verb, "watch") && whole);

	if (!r->is_resource || !r->resource)
		return (struct fair_work){.seats = 1};
	if (lists && !r->name.len)
		return (struct fair_work){.seats = list_seats(f, r, widest)};
	for (size_t i = 0; i < ARRAY_LEN(changes); i++)
		if (str_eq_text(r->verb, changes[i]))
			return change_work(f, r, widest);
	return (struct fair_work){.seats = 1};
}

void fair_watch_count(struct fair *f, struct fair_ticket *t)
{
	const struct api_request *r = t->request;

	t->watched = watch_key(r->arena, r, r->namespace, r->name);
	t->watcher = map_get(&f->watchers, t->watched);
	if (!t->watcher) {
		t->watcher = mem_new(sizeof(*t->watcher));
		map_set(&f->watchers, t->watched, t->watcher);
	}
	++*t->watcher;
}

void fair_watch_uncount(struct fair *f, struct fair_ticket *t)
{
	int64_t *count = TAKE(t->watcher);

	if (count && !--*count)
		mem_free(map_remove(&f->watchers, t->watched));
}
