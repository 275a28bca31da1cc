/*
 * The store under writers, followers, compaction, restarts, power cuts and bad disks, all at
 * random: no event is lost, doubled or out of order; the past is listed as it was; what was
 * acknowledged stands there whatever happened. One seed is one run: KUBE_SIM_SEED=n.
 */
#include "test.h"

#include <kube/mem.h>
#include <kube/sim.h>
#include <kube/store.h>
#include <kube/time.h>

#include <stdio.h>
#include <stdlib.h>

#include "loop_test.h"

#define SEEDS     300
#define STEPS     500
#define KEYS      12
#define BUCKETS   2 /* of durable writes, of lazy ones */
#define SLOTS     24
#define FOLLOWERS 6
#define DOUBTS    SLOTS

/* A write on its way. Its value tells which key it belongs to. */
struct slot {
	struct told told;
	struct commit commit;
	char key[16];
	bool busy;
	int bucket, index;
	int64_t value, order; /* value 0: a deletion */
};

/* What must stand under a key: what was acknowledged, or something later that may have failed. */
struct truth {
	int64_t value, order;
	int64_t doubts[DOUBTS], doubt_orders[DOUBTS];
	int doubt_count;
};

struct follower {
	struct watch watch;
	bool watching;
	int bucket;
	int64_t revisions[KEYS]; /* 0: absent */
	int64_t last;
};

struct event {
	int64_t revision, stands; /* stands: 0 when it was deleted */
	int bucket, index;
};

struct run {
	struct sim *sim;
	struct env *host;
	struct rng *rng;
	struct scope *root;
	struct store *store;
	struct bucket *buckets[BUCKETS];
	struct slot slots[SLOTS];
	struct truth truths[BUCKETS][KEYS];
	struct follower followers[FOLLOWERS], observers[BUCKETS];
	struct event *events; /* all that was ever told, in order */
	size_t event_count;
	int64_t begins[BUCKETS]; /* what was before is not known here */
	int64_t order, highest;
	int acked, failed, relists, cuts, restarts, pasts;
};

static uint64_t draw(struct run *r, uint64_t bound)
{
	return rng_below(r->rng, bound);
}

static void await(struct run *r, struct told *told)
{
	_cleanup_(err_done) struct err err = {0};

	loop_run_until(sim_loop(r->sim), &told->done, &err);
	EXPECT(told->done);
}

static void pass(struct run *r, int64_t ns)
{
	struct told told = {0};

	timer_wait(told_op(&told, r->root, OP_NO_DEADLINE), loop_in(sim_loop(r->sim), ns));
	await(r, &told);
	told_done(&told);
}

static int index_of(struct str key)
{
	uint64_t number = 0;

	str_to_u64(str_skip(key, 2), &number);
	return (int)number;
}

/* ---- followers ---- */

static void no_wake(struct watch *w)
{
	(void)w;
}

static void follower_list(struct run *r, struct follower *f)
{
	struct store_iter it = store_seek(r->buckets[f->bucket], STR("d/"), STR(""));

	memset(f->revisions, 0, sizeof(f->revisions));
	while (store_next(&it))
		f->revisions[index_of(it.key)] = it.object->revision;
	f->last = store_revision(r->store);
	watch_done(&f->watch);
	f->watching = watch_init(&f->watch, r->buckets[f->bucket], f->last, no_wake, NULL) == 0;
	EXPECT(f->watching);
}

static void follower_stop(struct follower *f)
{
	if (f->watching)
		watch_done(&f->watch);
	f->watching = false;
}

/* The same place in a store that was opened anew; from the beginning where that is too old. */
static void follower_resume(struct run *r, struct follower *f)
{
	if (watch_init(&f->watch, r->buckets[f->bucket], f->last, no_wake, NULL) == 0) {
		f->watching = true;
		return;
	}
	r->relists++;
	f->watch = (struct watch){0};
	follower_list(r, f);
}

static void check_change(struct follower *f, const struct store_change *c)
{
	int64_t *stands = &f->revisions[index_of(c->key)];

	EXPECT(c->revision > f->last);
	EXPECT_INT(c->object->revision, c->revision);
	EXPECT_INT(c->old ? c->old->revision : 0, *stands);
	EXPECT_INT(c->type, !*stands                    ? CHANGE_ADDED
			    : c->type == CHANGE_DELETED ? CHANGE_DELETED
							: CHANGE_MODIFIED);
	*stands = c->type == CHANGE_DELETED ? 0 : c->revision;
	f->last = c->revision;
}

/* At most `count` events; gives how many came, or a code. */
static int follow(struct run *r, struct follower *f, int count, bool noted)
{
	struct store_change change;
	int code = 1, n = 0;

	while (n < count && (code = watch_next(&f->watch, &change, NULL)) > 0) {
		check_change(f, &change);
		n++;
		if (!noted)
			continue;
		r->events = mem_resize(r->events, (r->event_count + 1) * sizeof(*r->events));
		r->events[r->event_count++] = (struct event){.revision = change.revision,
			.stands = change.type == CHANGE_DELETED ? 0 : change.revision,
			.bucket = f->bucket,
			.index = index_of(change.key)};
	}
	if (code == 0) /* nothing more: all of it is known up to the present */
		f->last = MAX(f->last, store_revision(r->store));
	return code < 0 ? code : n;
}

static void observe(struct run *r)
{
	for (int b = 0; b < BUCKETS; b++)
		EXPECT(follow(r, &r->observers[b], 1000000, true) >= 0);
}

static void step_follower(struct run *r)
{
	struct follower *f = &r->followers[draw(r, FOLLOWERS)];
	int code = follow(r, f, (int)draw(r, 20), false);

	if (code >= 0)
		return;
	EXPECT_INT(code, ERR_EXPIRED);
	r->relists++;
	follower_list(r, f);
}

/* ---- writers ---- */

static struct draft draft_of(struct run *r, int64_t value)
{
	_cleanup_(arena_done) struct arena a;
	struct cJSON *tree = NULL;
	struct draft d;
	char fill[2049];
	size_t len = draw(r, 4) ? draw(r, 64) : draw(r, sizeof(fill) - 1);

	memset(fill, 'x', len);
	fill[len] = 0;
	arena_init(&a);
	struct str text = arena_print(&a,
		"{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"},"
		"\"data\":{\"v\":\"%lld\",\"fill\":\"%s\"}}",
		(long long)value, fill);
	json_parse(&a, text, NULL, &tree, NULL);
	draft_from_tree(&d, tree);
	return d;
}

static int64_t value_of(const struct object *o)
{
	int64_t value = 0;

	if (o)
		str_to_i64(object_scan(o, "data.v"), &value);
	return value;
}

static int64_t expected_of(struct run *r, const struct slot *s)
{
	struct object *stands = store_newest(r->buckets[s->bucket], str_from(s->key));

	switch (draw(r, 8)) {
	case 0:
		return COMMIT_FRESH;
	case 1:
		return 1 + (int64_t)draw(r, 50);
	case 2:
	case 3:
		return COMMIT_ANY;
	default:
		return stands ? stands->revision : COMMIT_FRESH;
	}
}

static void step_write(struct run *r)
{
	struct slot *s = &r->slots[draw(r, SLOTS)];

	if (s->busy)
		return;
	s->busy = true;
	s->bucket = (int)draw(r, BUCKETS);
	s->index = (int)draw(r, KEYS);
	s->order = ++r->order;
	snprintf(s->key, sizeof(s->key), "d/%02d", s->index);
	bool delete_ = draw(r, 4) == 0;
	s->value = delete_ ? 0 : s->order * KEYS + s->index;
	s->commit = (struct commit){.bucket = r->buckets[s->bucket],
		.key = str_from(s->key),
		.expected = expected_of(r, s),
		.draft = draft_of(r, s->value),
		.delete_ = delete_,
		.lazy = s->bucket == 1};
	store_commit(r->store, told_op(&s->told, r->root, OP_NO_DEADLINE), &s->commit);
}

static void acknowledge(struct run *r, struct slot *s)
{
	struct truth *t = &r->truths[s->bucket][s->index];

	r->acked++;
	EXPECT(s->commit.result->revision > 0);
	r->highest = MAX(r->highest, s->commit.result->revision);
	if (s->order < t->order)
		return;
	t->value = s->value;
	t->order = s->order;
}

/* It was refused, or nobody knows. */
static void refuse(struct run *r, struct slot *s)
{
	struct truth *t = &r->truths[s->bucket][s->index];
	int code = s->told.err.code;

	r->failed++;
	if (code == ERR_CONFLICT || code == ERR_NOT_FOUND || code == ERR_ALREADY_EXISTS)
		return;
	EXPECT(code == ERR_IO || code == ERR_NO_SPACE || code == ERR_CLOSED ||
		code == ERR_CANCELLED);
	if (t->doubt_count == DOUBTS) /* the oldest cannot be there any more */
		memmove(t->doubts, t->doubts + 1, --t->doubt_count * sizeof(t->doubts[0]));
	t->doubt_orders[t->doubt_count] = s->order;
	t->doubts[t->doubt_count++] = s->value;
}

static void reap(struct run *r)
{
	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = &r->slots[i];

		if (!s->busy || !s->told.done)
			continue;
		if (s->told.err.code)
			refuse(r, s);
		else
			acknowledge(r, s);
		object_unref(s->commit.result);
		object_unref(s->commit.found);
		told_done(&s->told);
		s->told = (struct told){0};
		s->busy = false;
	}
}

/* ---- what stands there ---- */

static bool may_stand(const struct truth *t, int64_t value)
{
	if (value == t->value)
		return true;
	for (int i = 0; i < t->doubt_count; i++)
		if (t->doubts[i] == value && t->doubt_orders[i] > t->order)
			return true;
	return false;
}

/* After everything came to rest, or the store was opened again. */
static void check_truth(struct run *r, bool forgot)
{
	char key[16];

	for (int b = 0; b < BUCKETS; b++)
		for (int i = 0; i < KEYS; i++) {
			struct truth *t = &r->truths[b][i];

			snprintf(key, sizeof(key), "d/%02d", i);
			int64_t value = value_of(store_get(r->buckets[b], str_from(key)));
			if (b == 1 && forgot)
				EXPECT(!value || value % KEYS == i);
			else if (!may_stand(t, value))
				EXPECT_INT(value, t->value);
			t->value = value;
			t->doubt_count = 0;
		}
}

/* ---- the past ---- */

static void state_at(const struct run *r, int bucket, int64_t revision, int64_t stands[KEYS])
{
	memset(stands, 0, KEYS * sizeof(*stands));
	for (size_t i = 0; i < r->event_count; i++)
		if (r->events[i].bucket == bucket && r->events[i].revision <= revision)
			stands[r->events[i].index] = r->events[i].stands;
}

/* Lists a revision page by page and compares it with what the events told. */
static void step_past(struct run *r)
{
	int b = (int)draw(r, BUCKETS);
	int64_t low = MAX(store_compacted(r->store), r->begins[b]),
		revision = low + (int64_t)draw(r, (uint64_t)(store_revision(r->store) - low) + 1),
		stands[KEYS], found[KEYS] = {0};
	char from[20] = "";
	size_t limit = 1 + draw(r, 5);

	for (bool more = true; more && !test_failed();) {
		struct store_found page;
		int code = store_list_at(
			r->buckets[b], revision, STR("d/"), str_from(from), limit, &page, NULL);

		REQUIRE(code == 0);
		EXPECT(page.count <= limit);
		for (size_t i = 0; i < page.count; i++) {
			EXPECT(str_cmp(page.keys[i], str_from(from)) >= 0);
			found[index_of(page.keys[i])] = page.items[i]->revision;
			snprintf(from, sizeof(from), "%.*s!", STRF(page.keys[i]));
		}
		more = page.more > 0;
		store_found_done(&page);
	}
	state_at(r, b, revision, stands);
	for (int i = 0; i < KEYS; i++)
		EXPECT_INT(found[i], stands[i]);
	r->pasts++;
}

/* ---- opening and closing ---- */

static void open_store(struct run *r)
{
	struct store_options options = {.path = "/var/lib/kube",
		.history_count = 300,
		.history_bytes = 200 * KIB,
		.history_age = 20 * SEC};
	struct told told = {0};

	store_open(r->host, told_op(&told, r->root, OP_NO_DEADLINE), r->root, &options, &r->store);
	await(r, &told);
	EXPECT_OK(told.err.code, &told.err);
	told_done(&told);
	if (!r->store)
		return;
	r->buckets[0] = store_bucket(r->store, STR("/registry/durable/"));
	r->buckets[1] = store_bucket(r->store, STR("/registry/lazy/"));
	EXPECT(store_revision(r->store) >= r->highest);
}

static void close_store(struct run *r)
{
	struct told told = {0};

	for (int i = 0; i < FOLLOWERS; i++)
		follower_stop(&r->followers[i]);
	for (int b = 0; b < BUCKETS; b++)
		follower_stop(&r->observers[b]);
	store_close(r->store, told_op(&told, r->root, OP_NO_DEADLINE));
	await(r, &told);
	told_done(&told);
	r->store = NULL;
	reap(r);
}

/* Lazy writes may be gone after a cut: who followed them begins again. */
static void resume(struct run *r, struct follower *f, bool forgot)
{
	if (f->bucket == 1 && forgot)
		follower_list(r, f);
	else
		follower_resume(r, f);
}

static void note_all(struct run *r, int b)
{
	for (int i = 0; i < KEYS; i++) {
		r->events = mem_resize(r->events, (r->event_count + 1) * sizeof(*r->events));
		r->events[r->event_count++] = (struct event){.revision = r->observers[b].last,
			.stands = r->observers[b].revisions[i],
			.bucket = b,
			.index = i};
	}
	r->begins[b] = r->observers[b].last;
}

static void reopen(struct run *r, bool forgot)
{
	int relists = r->relists;

	open_store(r);
	if (!r->store)
		return;
	check_truth(r, forgot);
	for (int b = 0; b < BUCKETS; b++)
		resume(r, &r->observers[b], forgot);
	EXPECT_INT(r->relists, relists); /* they knew the newest: that is never too old */
	if (forgot)
		note_all(r, 1);
	for (int i = 0; i < FOLLOWERS; i++)
		resume(r, &r->followers[i], forgot);
	observe(r);
}

static void disk_is_good(struct run *r)
{
	const struct sim_faults good = {.delay_max = 500 * USEC, .torn = 0.5};

	sim_set_faults(r->sim, &good);
	sim_disk_fail(r->host, 0, 0);
	sim_disk_limit(r->host, -1);
}

static void step_restart(struct run *r)
{
	r->restarts++;
	disk_is_good(r);
	close_store(r);
	reopen(r, false);
}

static void step_cut(struct run *r)
{
	r->cuts++;
	sim_disk_cut(r->host, 1 + draw(r, 60));
	for (int i = 0; i < 6; i++) {
		step_write(r);
		pass(r, (int64_t)draw(r, (uint64_t)MSEC));
		observe(r);
	}
	sim_crash(r->host);
	close_store(r);
	disk_is_good(r);
	reopen(r, true);
}

static void step_disk(struct run *r)
{
	const struct sim_faults bad = {.delay_max = 500 * USEC, .torn = 0.5, .disk_error = 0.02};

	switch (draw(r, 4)) {
	case 0:
		sim_set_faults(r->sim, &bad);
		break;
	case 1:
		sim_disk_fail(r->host, 1 + draw(r, 40), draw(r, 2) ? ERR_IO : ERR_NO_SPACE);
		break;
	case 2:
		sim_disk_limit(r->host, (int64_t)draw(r, 300 * KIB));
		break;
	default:
		disk_is_good(r);
	}
}

/* ---- a run ---- */

static void step(struct run *r)
{
	uint64_t what = draw(r, 200);

	if (what < 110)
		step_write(r);
	else if (what < 150)
		step_follower(r);
	else if (what < 165)
		pass(r, (int64_t)draw(r, (uint64_t)(draw(r, 8) ? 3 * MSEC : 5 * SEC)));
	else if (what < 180)
		step_past(r);
	else if (what < 184)
		store_compact(
			r->store, store_compacted(r->store) +
					  (int64_t)draw(r, (uint64_t)(store_revision(r->store) -
								      store_compacted(r->store)) +
								   1));
	else if (what < 190)
		step_disk(r);
	else if (what < 192)
		step_restart(r);
	else if (what < 195)
		step_cut(r);
	else
		disk_is_good(r);
	reap(r);
	if (r->store)
		observe(r);
}

static void come_to_rest(struct run *r)
{
	disk_is_good(r);
	for (int i = 0; i < SLOTS; i++)
		if (r->slots[i].busy)
			await(r, &r->slots[i].told);
	reap(r);
	observe(r);
	check_truth(r, false);
	for (int i = 0; i < FOLLOWERS; i++) {
		struct follower *f = &r->followers[i], now = {.bucket = f->bucket};

		if (follow(r, f, 1000000, false) < 0)
			follower_list(r, f);
		follower_list(r, &now);
		for (int k = 0; k < KEYS; k++)
			EXPECT_INT(f->revisions[k], now.revisions[k]);
		follower_stop(&now);
	}
}

static void run_init(struct run *r, uint64_t seed)
{
	*r = (struct run){.sim = sim_new(seed)};
	r->host = sim_host(r->sim, "a", ip_v4(192, 0, 2, 1));
	r->rng = sim_rng(r->sim);
	r->root = loop_root(sim_loop(r->sim));
	disk_is_good(r);
	open_store(r);
	for (int b = 0; b < BUCKETS; b++) {
		r->observers[b].bucket = b;
		follower_list(r, &r->observers[b]);
	}
	for (int i = 0; i < FOLLOWERS; i++) {
		r->followers[i].bucket = i % BUCKETS;
		follower_list(r, &r->followers[i]);
	}
}

static void run_seed(struct run *r, uint64_t seed)
{
	run_init(r, seed);
	for (int i = 0; i < STEPS && r->store && !test_failed(); i++)
		step(r);
	if (r->store) {
		come_to_rest(r);
		close_store(r);
	}
	mem_free(r->events);
	sim_free(r->sim);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

TEST(events_lists_and_acknowledged_writes_hold_whatever_happens)
{
	static struct run r;
	uint64_t first = number_from("KUBE_SIM_SEED", 1),
		 seeds = number_from("KUBE_SIM_SEEDS", SEEDS);
	int acked = 0, failed = 0, relists = 0, cuts = 0, restarts = 0, pasts = 0;

	for (uint64_t seed = first; seed < first + seeds && !test_failed(); seed++) {
		test_context("seed %llu", (unsigned long long)seed);
		run_seed(&r, seed);
		acked += r.acked;
		failed += r.failed;
		relists += r.relists;
		cuts += r.cuts;
		restarts += r.restarts;
		pasts += r.pasts;
	}
	test_context_end();
	printf("%d acknowledged, %d failed, %d relists, %d cuts, %d restarts, %d pasts\n", acked,
		failed, relists, cuts, restarts, pasts);
	/* Or it would show nothing. */
	EXPECT(test_failed() || seeds < SEEDS ||
		(acked > 50 * (int)seeds && failed > 1000 && cuts > 100 && restarts > 50 &&
			pasts > 500));
}
