/* Opening, buckets, reading, closing. */
#include "private.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

/* ---- buckets ---- */

struct bucket *store_bucket(struct store *s, struct str prefix)
{
	struct bucket *b = map_get(&s->buckets, prefix);

	if (b)
		return b;
	b = mem_new(sizeof(*b));
	b->store = s;
	b->prefix = str_dup(prefix);
	map_init(&b->pending);
	omap_init(&b->objects);
	list_init(&b->watches);
	map_set(&s->buckets, prefix, b);
	return b;
}

void **store_bucket_memo(struct bucket *b)
{
	return &b->memo;
}

static void bucket_free(struct bucket *b)
{
	omap_each (it, &b->objects)
		object_unref(it.value);
	omap_done(&b->objects);
	map_done(&b->pending);
	history_free(b);
	mem_free(b->prefix);
	mem_free(b);
}

static void store_free(struct store *s)
{
	map_each (it, &s->buckets)
		bucket_free(it.value);
	map_done(&s->buckets);
	store_expiry_free(s);
	mem_free(s->garbage);
	mem_free(s->stale);
	mem_free(s->path);
	mem_free(s);
}

/* ---- opening ---- */

struct opening {
	struct op *op;
	struct work work;
	struct op wait;
	struct store *store;
	struct store **out;
	struct log_numbers numbers;
	int64_t now; /* the loop's clock is not for other threads */
	struct err err;
};

/* The last state of what a row deletes, with the revision of its end. */
static struct object *tombstone(const struct object *old, int64_t revision)
{
	struct draft d;

	draft_from_object(&d, old);
	struct object *o = object_new(&d, revision);
	draft_done(&d);
	return o;
}

static void remember(struct bucket *b, const struct log_row *r, int64_t at, struct object *now,
	struct object *old)
{
	struct change_record c = {.revision = r->revision,
		.at = at,
		.type = !now  ? CHANGE_DELETED
			: old ? CHANGE_MODIFIED
			      : CHANGE_ADDED,
		.key = str_dup(r->key),
		.object = now ? object_ref(now) : tombstone(old, r->revision),
		.old = old ? object_ref(old) : NULL};

	history_add(b, &c);
}

/* On the worker: nobody else knows the store yet. */
static int read_row(void *ctx, const struct log_row *r)
{
	_cleanup_(buf_done) struct buf opened = BUF_INIT(SIZE_MAX);
	struct opening *o = ctx;
	struct store *s = o->store;
	struct bucket *b = store_bucket(s, r->bucket);
	struct str text = {0};

	if (r->text.at && sealing_open(s, r, &opened, &text, &o->work.err))
		return o->work.err.code;
	struct object *now = text.at ? object_from_text(text, r->revision) : NULL;
	struct object *old =
		now ? omap_set(&b->objects, r->key, now) : omap_get(&b->objects, r->key);

	s->assigned = r->revision;
	if (r->revision > s->compacted && (now || old)) {
		remember(b, r, o->now, now, old);
	} else {
		if (old)
			store_garbage(s, old->revision);
		if (!now)
			store_garbage(s, r->revision);
	}
	if (!now && old)
		omap_remove(&b->objects, r->key);
	s->stats.objects += (size_t)((now != NULL) - (old != NULL));
	s->stats.object_bytes += (now ? now->size : 0) - (size_t)(old ? old->size : 0);
	object_unref(old);
	if (now && r->expires) {
		_cleanup_(mem_done) char *key = str_dup(r->key);

		store_expiry_add(s, b, key, r->revision, r->expires);
	}
	return 0;
}

/* Failing at that is no reason not to open. */
static void renew_seals(struct store *s)
{
	_cleanup_(err_done) struct err err = {0};
	int64_t count = 0;
	bool any = s->stale_count;

	if (sealing_renew(s, &count, &err))
		log_warning(&err, "objects stay sealed as they were");
	if (any)
		log_info("objects were sealed anew", LOG_INT("count", count));
	sealing_cleanse(s);
}

static void open_and_read(struct work *w)
{
	struct opening *o = CONTAINER_OF(w, struct opening, work);
	struct store *s = o->store;

	if (disk_make_dirs(s->env->disk, s->path, 0700, &w->err) ||
		log_file_open(
			s->env->disk, s->path, s->options.no_sync, &s->file, &o->numbers, &w->err))
		return;
	s->compacted = o->numbers.compacted;
	log_file_read(s->file, read_row, o, &w->err);
	if (!w->err.code)
		renew_seals(s);
}

/* Revisions go on behind everything that was ever handed out. */
static void start_counting(struct opening *o)
{
	struct store *s = o->store;
	int64_t last = o->numbers.clean ? o->numbers.revision : o->numbers.ceiling;

	if (last > s->assigned)
		s->assigned = last;
	if (s->assigned < s->compacted)
		s->assigned = s->compacted;
	s->published = s->opened = s->assigned;
	s->ceiling = 0; /* nothing is lazy before the first write has set it anew */
}

static void given_up(struct op *op, struct err *err)
{
	struct opening *o = CONTAINER_OF(op, struct opening, wait);
	struct op *waiter = o->op;

	(void)err;
	log_file_close(o->store->file, false);
	store_free(o->store);
	op_fail(waiter, &o->err);
	mem_free(o);
}

static void opened(struct op *op, struct err *err)
{
	struct opening *o = CONTAINER_OF(op, struct opening, wait);
	struct store *s = o->store;
	struct op *waiter = o->op;

	if (err->code) {
		err_move(&o->err, err);
		op_init(&o->wait, s->scope.parent, given_up, OP_NO_DEADLINE);
		scope_close(&s->scope, &o->wait);
		return;
	}
	start_counting(o);
	s->stats.file_bytes = log_file_size(s->file);
	*o->out = s;
	store_care(s);
	op_finish(waiter, (int64_t)s->stats.objects);
	mem_free(o);
}

static const struct op_kind open_kind = {.name = "store open"};
static const struct op_kind close_kind = {.name = "store close"};

void store_open(struct env *env, struct op *op, struct scope *parent,
	const struct store_options *options, struct store **store)
{
	struct opening *o = mem_new(sizeof(*o));

	if (!op_begin(op, &open_kind, o)) {
		mem_free(o);
		return;
	}
	o->now = loop_now(env->loop);
	struct store *s = mem_new(sizeof(*s));
	s->env = env;
	s->options = *options;
	s->path = mem_copy_text(options->path);
	if (!s->options.history_age)
		s->options.history_age = 5 * MINUTE;
	if (!s->options.history_count)
		s->options.history_count = 100000;
	if (!s->options.history_bytes)
		s->options.history_bytes = 64 * MIB;
	map_init(&s->buckets);
	omap_init(&s->expiring);
	list_init(&s->queue);
	list_init(&s->unwritten);
	list_init(&s->settling);
	list_init(&s->copies);
	scope_init(&s->scope, parent, "store", NULL);
	o->op = op;
	o->store = s;
	o->out = store;
	op_init(&o->wait, &s->scope, opened, OP_NO_DEADLINE);
	work_start(&o->work, &o->wait, WORK_STORE, open_and_read);
}

/* ---- reading ---- */

int64_t store_revision(const struct store *s)
{
	return s->published;
}

void store_bucket_set_lazy(struct bucket *b)
{
	b->begins = b->store->opened;
}

int64_t store_compacted(const struct store *s)
{
	return s->compacted;
}

struct object *store_get(const struct bucket *b, struct str key)
{
	return omap_get(&b->objects, key);
}

size_t store_count(const struct bucket *b)
{
	return b->objects.count;
}

struct seek {
	struct omap_iter it;
	const struct omap *map;
	struct str prefix;
};
_Static_assert(sizeof(struct seek) <= sizeof(((struct store_iter *)0)->private_), "it fits");

struct store_iter store_seek(const struct bucket *b, struct str prefix, struct str from)
{
	struct store_iter it = {0};
	struct seek seek = {.it = omap_seek(&b->objects, str_cmp(from, prefix) < 0 ? prefix : from),
		.map = &b->objects,
		.prefix = prefix};

	memcpy(it.private_, &seek, sizeof(seek));
	return it;
}

bool store_next(struct store_iter *it)
{
	struct seek seek;

	memcpy(&seek, it->private_, sizeof(seek));
	bool found = omap_next(seek.map, &seek.it) && str_starts(seek.it.key, seek.prefix);
	it->key = seek.it.key;
	it->object = found ? seek.it.value : NULL;
	memcpy(it->private_, &seek, sizeof(seek));
	return found;
}

void store_stats(const struct store *s, struct store_stats *stats)
{
	*stats = s->stats;
	stats->revision = s->published;
	stats->compacted = s->compacted;
	stats->queued = 0;
	list_each (link, &s->queue)
		stats->queued++;
	stats->syncs = stats->transactions;
}

/* ---- closing ---- */

struct closing {
	struct op wait, *op;
	struct store *store;
	struct err err;
};

/* The last transaction: what was lazy, what is garbage, and that all is well. */
static void close_file(struct closing *c)
{
	struct store *s = c->store;
	struct log_batch *b = batch_collect(s, true);
	bool good = sealing_write(s, b, &c->err) == 0;

	batch_free(b);
	log_file_close(s->file, good);
}

/*
 * On the loop's thread: the worker cannot be asked any more when the root is closing, and there
 * is nobody left to wait.
 */
static void drained(struct op *op, struct err *err)
{
	struct closing *c = CONTAINER_OF(op, struct closing, wait);
	struct store *s = c->store;
	struct op *waiter = c->op;

	(void)err;
	log_copy_free(s->copy); /* one that did not come to its end */
	close_file(c);
	if (c->err.code)
		log_error(&c->err, "the store was not closed cleanly");
	err_done(&c->err);
	list_each_safe (link, &s->unwritten)
		write_free(CONTAINER_OF(link, struct write, in_list));
	store_free(s);
	mem_free(c);
	op_finish(waiter, 0);
}

void store_close(struct store *s, struct op *op)
{
	struct closing *c = mem_new(sizeof(*c));

	op_begin_always(op, &close_kind, c);
	c->op = op;
	c->store = s;
	s->closing = true;
	op_init(&c->wait, s->scope.parent, drained, OP_NO_DEADLINE);
	scope_close(&s->scope, &c->wait);
}
