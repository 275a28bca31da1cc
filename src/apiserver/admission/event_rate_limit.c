/*
 * EventRateLimit: events come no faster than the administrator allows, counted over the server,
 * a namespace, a user, or what the event is about and who tells it.
 */
#include "plugins.h"
#include "settings.h"

#include <kube/list.h>
#include <kube/loop.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <kube/time.h>

#define USUAL_CACHE 4096
#define MOST_CACHE  (1 << 20)
#define MOST_LIMITS 64

enum rate_kind { BY_SERVER, BY_NAMESPACE, BY_USER, BY_SOURCE_AND_OBJECT, RATE_KINDS };
static const char *const rate_kinds[RATE_KINDS] = {
	"Server", "Namespace", "User", "SourceAndObject"};

/* Tokens that are left for one key. */
struct rate_bucket {
	struct link used; /* in the limit's, the latest first */
	double tokens;
	int64_t at;
	size_t key_size;
	char key[];
};

struct rate_limit {
	enum rate_kind kind;
	double qps, burst;
	size_t most; /* buckets; the one unused for longest makes room */
	struct map buckets;
	struct list used;
};

struct event_rates {
	struct env *env;
	size_t count;
	struct rate_limit limits[];
};

/* ---- configuration ---- */

static int check_limit(const struct cJSON *limit, size_t i, struct field_errors *errors)
{
	struct path limits = PATH(NULL, "limits"), at = PATH_INDEX(&limits, i);
	static const char *const sorted[] = {
		"Namespace", "Server", "SourceAndObject", "User", NULL};
	struct str type = tree_str(limit, "type");
	int kind = 0;

	while (kind < RATE_KINDS && !str_eq_text(type, rate_kinds[kind]))
		kind++;
	if (kind == RATE_KINDS)
		field_not_supported_str(errors, &PATH(&at, "type"), type, sorted);
	if (tree_int(limit, "burst", 0) <= 0)
		field_invalid_int(errors, &PATH(&at, "burst"), tree_int(limit, "burst", 0),
			"must be positive");
	if (tree_int(limit, "qps", 0) <= 0)
		field_invalid_int(
			errors, &PATH(&at, "qps"), tree_int(limit, "qps", 0), "must be positive");
	if (kind != BY_SERVER && tree_int(limit, "cacheSize", 0) < 0)
		field_invalid_int(errors, &PATH(&at, "cacheSize"), tree_int(limit, "cacheSize", 0),
			"must not be negative");
	return kind;
}

static void limit_init(struct rate_limit *l, const struct cJSON *limit, int kind)
{
	int64_t cache = tree_int(limit, "cacheSize", 0);

	l->kind = (enum rate_kind)kind;
	l->qps = (double)tree_int(limit, "qps", 0);
	l->burst = (double)tree_int(limit, "burst", 0);
	l->most = cache > MOST_CACHE ? MOST_CACHE : cache ? (size_t)cache : USUAL_CACHE;
	map_init_borrowed(&l->buckets); /* the keys stand in the buckets */
	list_init(&l->used);
}

int event_rates_new(
	struct event_rates **rates, const struct cJSON *config, struct env *env, struct err *err)
{
	_cleanup_(arena_done) struct arena a;
	struct field_errors errors = {.arena = &a};
	const struct cJSON *limits = json_get(config, STR("limits"));
	size_t count = json_count(limits), i = 0;
	int kinds[MOST_LIMITS];

	arena_init(&a);
	if (!count)
		return err_set(err, ERR_USAGE,
			"EventRateLimit: limits: Invalid value: null: must not be empty");
	if (count > MOST_LIMITS)
		return err_set(err, ERR_USAGE, "EventRateLimit: more than %d limits", MOST_LIMITS);
	json_each (limit, limits) {
		kinds[i] = check_limit(limit, i, &errors);
		i++;
	}
	if (errors.count)
		return err_set(err, ERR_USAGE, "EventRateLimit: %.*s",
			STRF(field_errors_text(&a, &errors)));
	*rates = mem_new(sizeof(**rates) + count * sizeof(struct rate_limit));
	(*rates)->env = env;
	(*rates)->count = count;
	i = 0;
	json_each (limit, limits) {
		limit_init(&(*rates)->limits[i], limit, kinds[i]);
		i++;
	}
	return 0;
}

/* ---- buckets ---- */

static void bucket_drop(struct rate_limit *l, struct rate_bucket *b)
{
	map_remove(&l->buckets, (struct str){b->key, b->key_size});
	link_remove(&b->used);
	mem_free(b);
}

void event_rates_free(struct event_rates *r)
{
	for (size_t i = 0; r && i < r->count; i++) {
		struct rate_limit *l = &r->limits[i];

		while (!list_empty(&l->used))
			bucket_drop(l, LIST_ENTRY(list_first(&l->used), struct rate_bucket, used));
		map_done(&l->buckets);
	}
	mem_free(r);
}

static struct rate_bucket *bucket_of(struct rate_limit *l, struct str key, int64_t now)
{
	struct rate_bucket *b = map_get(&l->buckets, key);

	if (b) {
		link_remove(&b->used);
		list_push_front(&l->used, &b->used);
		return b;
	}
	if (l->buckets.count >= l->most)
		bucket_drop(l, LIST_ENTRY(list_last(&l->used), struct rate_bucket, used));
	b = mem_new(sizeof(*b) + key.len);
	b->tokens = l->burst;
	b->at = now;
	b->key_size = key.len;
	memcpy(b->key, key.at, key.len);
	map_set(&l->buckets, (struct str){b->key, b->key_size}, b);
	list_push_front(&l->used, &b->used);
	return b;
}

static bool take_token(const struct rate_limit *l, struct rate_bucket *b, int64_t now)
{
	b->tokens += (double)(now - b->at) / SEC * l->qps;
	b->at = now;
	if (b->tokens > l->burst)
		b->tokens = l->burst;
	if (b->tokens < 1)
		return false;
	b->tokens--;
	return true;
}

/* ---- the plugin ---- */

static struct str key_of(struct admission_review *r, enum rate_kind kind)
{
	static const char *const parts[] = {"source.component", "source.host",
		"involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
		"involvedObject.uid", "involvedObject.apiVersion"};
	_cleanup_(buf_done) struct buf key = BUF_INIT(64 * KIB);

	if (kind == BY_NAMESPACE)
		return r->namespace;
	if (kind == BY_USER)
		return r->user ? r->user->name : STR("");
	for (size_t i = 0; kind == BY_SOURCE_AND_OBJECT && i < ARRAY_LEN(parts); i++)
		buf_add_str(&key, tree_str(r->object, parts[i]));
	return arena_str(r->arena, buf_str(&key));
}

struct status *validate_event_rate(struct admission_review *r)
{
	struct event_rates *rates = admission_settings(r->server->admission)->event_rates;
	struct status *no = NULL;

	if (!str_eq_text(r->resource->kind, "Event"))
		return NULL;
	for (size_t i = 0; i < rates->count; i++) {
		struct rate_limit *l = &rates->limits[i];
		struct str key = key_of(r, l->kind);
		int64_t now = loop_now(rates->env->loop);

		if (!take_token(l, bucket_of(l, key, now), now))
			no = status_new(r->arena, ERR_TOO_MANY_REQUESTS,
				"Too many requests: limit reached on type %s for key %.*s",
				rate_kinds[l->kind], STRF(key));
	}
	return no;
}
