/* What time does to the store: history grows old, objects expire. No timer without a reason. */
#include "private.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

struct expiry {
	struct bucket *bucket;
	char *key;
	int64_t revision, expires;
	struct commit commit; /* of the deletion */
	struct op op;
};

/* ---- expiry ---- */

static struct str expiry_key(char out[16], int64_t expires, int64_t revision)
{
	for (int i = 0; i < 8; i++) {
		out[i] = (char)((uint64_t)expires >> (56 - 8 * i));
		out[8 + i] = (char)((uint64_t)revision >> (56 - 8 * i));
	}
	return str_make(out, 16);
}

void store_expiry_add(
	struct store *s, struct bucket *b, const char *key, int64_t revision, int64_t expires)
{
	struct expiry *e = mem_new(sizeof(*e));
	char name[16];

	e->bucket = b;
	e->key = mem_copy_text(key);
	e->revision = revision;
	e->expires = expires;
	omap_set(&s->expiring, expiry_key(name, expires, revision), e);
}

static void expiry_free(struct expiry *e)
{
	object_unref(e->commit.result);
	object_unref(e->commit.found);
	mem_free(e->key);
	mem_free(e);
}

static void expired(struct op *op, struct err *err)
{
	struct expiry *e = CONTAINER_OF(op, struct expiry, op);

	if (err->code == ERR_NO_SPACE || err->code == ERR_IO) /* tried again at the next start */
		log_warning(err, "an expired object was not deleted", LOG_TEXT("key", e->key));
	expiry_free(e);
}

static void expire(struct store *s, struct expiry *e)
{
	struct object *o = omap_get(&e->bucket->objects, str_from(e->key));

	if (!o || o->revision != e->revision) { /* written again: that has its own time */
		expiry_free(e);
		return;
	}
	e->commit = (struct commit){.bucket = e->bucket,
		.key = str_from(e->key),
		.expected = e->revision,
		.delete_ = true,
		.lazy = true};
	draft_from_object(&e->commit.draft, o);
	op_init(&e->op, &s->scope, expired, OP_NO_DEADLINE);
	store_commit(s, &e->op, &e->commit);
}

static void expire_due(struct store *s)
{
	int64_t now = env_wall(s->env);

	for (;;) {
		struct omap_iter it = {0};
		char name[16];

		if (!omap_next(&s->expiring, &it) || ((struct expiry *)it.value)->expires > now)
			return;
		struct expiry *e = it.value;
		omap_remove(&s->expiring, expiry_key(name, e->expires, e->revision));
		expire(s, e);
	}
}

void store_expiry_free(struct store *s)
{
	omap_each (it, &s->expiring)
		expiry_free(it.value);
	omap_done(&s->expiring);
}

/* ---- history ---- */

static int64_t oldest_change(struct store *s)
{
	int64_t oldest = INT64_MAX;

	map_each (it, &s->buckets) {
		struct bucket *b = it.value;

		if (b->first < b->end && history_at(b, b->first)->at < oldest)
			oldest = history_at(b, b->first)->at;
	}
	return oldest;
}

/* The last revision published before that time. */
static int64_t revision_before(struct store *s, int64_t at)
{
	int64_t revision = s->compacted;

	map_each (it, &s->buckets) {
		struct bucket *b = it.value;

		for (uint64_t p = b->first; p < b->end && history_at(b, p)->at < at; p++)
			if (history_at(b, p)->revision > revision)
				revision = history_at(b, p)->revision;
	}
	return revision;
}

void store_bound_history(struct store *s)
{
	while (s->stats.history > s->options.history_count ||
		s->stats.history_bytes > s->options.history_bytes) {
		int64_t span = s->published - s->compacted;

		if (!span)
			return;
		store_compact(s, s->compacted + (span > 8 ? span / 8 : 1));
	}
}

/* ---- the timer ---- */

static void due(struct op *op, struct err *err)
{
	struct store *s = CONTAINER_OF(op, struct store, timer);
	int64_t now = loop_now(s->env->loop);

	if (err->code || s->closing)
		return;
	store_compact(s, revision_before(s, now - s->options.history_age + 1));
	expire_due(s);
	store_write_more(s);
	store_care(s);
}

static int64_t next_moment(struct store *s)
{
	int64_t now = loop_now(s->env->loop), oldest = oldest_change(s), next = INT64_MAX;
	struct omap_iter it = {0};

	if (oldest != INT64_MAX)
		next = oldest + s->options.history_age;
	if (omap_next(&s->expiring, &it)) {
		int64_t at = now + ((struct expiry *)it.value)->expires - env_wall(s->env);

		next = at < next ? at : next;
	}
	/* not more often than every second: a slice of history at a time */
	return next == INT64_MAX || next > now + SEC ? next : now + SEC;
}

void store_care(struct store *s)
{
	if (s->closing || op_active(&s->timer))
		return;
	int64_t at = next_moment(s);
	if (at == INT64_MAX)
		return;
	op_init(&s->timer, &s->scope, due, OP_NO_DEADLINE);
	timer_wait(&s->timer, at);
}
