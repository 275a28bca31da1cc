#include "event_correlate.h"

#include <kube/mem.h>
#include <kube/time.h>

#define RECENT_MAX    4096
#define SPAM_BURST    25
#define SPAM_QPS      (1.0 / 300.0)
#define ALIKE_MAX     10
#define ALIKE_AGE     (600 * SEC)
#define COMBINED_TEXT "(combined from similar events): "

/* ---- the newest of something ---- */

struct known {
	struct link in_order;
	char *key;
	struct rate rate;     /* of rates */
	int64_t last;         /* of groups */
	struct map messages;  /* of groups: the different ones */
	int64_t count, first; /* of counts */
	char *name;           /* of counts */
};

static void known_free(struct recent *r, struct known *k)
{
	map_remove(&r->map, str_from(k->key));
	link_remove(&k->in_order);
	map_done(&k->messages);
	mem_free(k->name);
	mem_free(k->key);
	mem_free(k);
}

static void recent_init(struct recent *r)
{
	map_init(&r->map);
	list_init(&r->order);
}

static void recent_done(struct recent *r)
{
	list_each_safe (k, &r->order)
		known_free(r, LIST_ENTRY(k, struct known, in_order));
	map_done(&r->map);
}

/* *fresh: it was not known. */
static struct known *recent_get(struct recent *r, struct str key, bool *fresh)
{
	struct known *k = map_get(&r->map, key);

	*fresh = !k;
	if (!k) {
		k = mem_new(sizeof(*k));
		k->key = str_dup(key);
		map_init(&k->messages);
		map_set(&r->map, key, k);
	}
	link_remove(&k->in_order);
	list_push(&r->order, &k->in_order);
	if (r->map.count > RECENT_MAX)
		known_free(r, LIST_ENTRY(list_first(&r->order), struct known, in_order));
	return k;
}

void correlator_init(struct correlator *c)
{
	recent_init(&c->rates);
	recent_init(&c->groups);
	recent_init(&c->counts);
}

void correlator_done(struct correlator *c)
{
	recent_done(&c->rates);
	recent_done(&c->groups);
	recent_done(&c->counts);
}

/* ---- keys: texts that no name contains stand between ---- */

static struct str source_key(struct arena *a, const struct event *e)
{
	const struct event_about *o = &e->about;

	return arena_print(a, "%.*s\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s", STRF(e->component),
		STRF(e->host), STRF(o->kind), STRF(o->namespace), STRF(o->name), STRF(o->uid),
		STRF(o->api_version));
}

static struct str group_key(struct arena *a, const struct event *e)
{
	return arena_print(
		a, "%.*s\n%.*s\n%.*s", STRF(source_key(a, e)), STRF(e->type), STRF(e->reason));
}

static struct str whole_key(struct arena *a, const struct event *e)
{
	return arena_print(a, "%.*s\n%.*s\n%.*s", STRF(group_key(a, e)), STRF(e->about.field_path),
		STRF(e->message));
}

/* ---- the three rules ---- */

/* Ten different messages about one thing within ten minutes are told as one from then on. */
static bool is_combined(struct correlator *c, struct arena *a, const struct event *e, int64_t now)
{
	bool fresh;
	struct known *k = recent_get(&c->groups, group_key(a, e), &fresh);

	if (!fresh && now - k->last > ALIKE_AGE) {
		map_done(&k->messages);
		map_init(&k->messages);
	}
	k->last = now;
	map_set(&k->messages, e->message, k);
	if (k->messages.count < ALIKE_MAX)
		return false;
	map_remove(&k->messages, e->message);
	return true;
}

static void count(struct correlator *c, const struct event *e, struct correlated *out)
{
	bool fresh;
	struct known *k = recent_get(&c->counts, out->key, &fresh);

	if (!k->count)
		k->first = e->at;
	out->again = k->count > 0 && k->name;
	k->count++;
	out->count = k->count;
	out->first = k->first;
	out->name = str_from(k->name);
}

static bool is_spam(struct correlator *c, struct arena *a, const struct event *e, int64_t now)
{
	bool fresh;
	struct known *k = recent_get(&c->rates, source_key(a, e), &fresh);

	if (fresh)
		rate_init(&k->rate, SPAM_QPS, SPAM_BURST, now);
	return !rate_try(&k->rate, now);
}

void correlate(struct correlator *c, struct arena *a, const struct event *e, int64_t now,
	struct correlated *out)
{
	*out = (struct correlated){.message = arena_str(a, e->message)};
	if (is_combined(c, a, e, now)) {
		out->message = arena_print(a, COMBINED_TEXT "%.*s", STRF(e->message));
		out->key = group_key(a, e);
	} else {
		out->key = whole_key(a, e);
	}
	count(c, e, out);
	out->held_back = is_spam(c, a, e, now);
}

void correlator_written(struct correlator *c, const struct correlated *written, struct str name)
{
	struct known *k = map_get(&c->counts.map, written->key);

	if (!k)
		return;
	mem_free(k->name);
	k->name = str_dup(name);
}
