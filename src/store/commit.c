/*
 * Writing. The loop is the sole arbiter: a commit is compared with the newest write of its key,
 * gets its revision at once and waits in the queue; the worker writes all that is queued in one
 * transaction, and what is on disk is published in the order of revisions.
 */
#include "private.h"

#include <kube/log.h>
#include <kube/mem.h>

#define OBJECT_MAX   (3 * MIB)
#define CEILING_STEP 10000
#define DROPS_MAX    256 /* rows deleted with one transaction */

/* ---- the newest state of a key ---- */

struct object *store_newest(const struct bucket *b, struct str key)
{
	const struct write *w = map_get(&b->pending, key);

	if (w)
		return w->deleted ? NULL : w->object;
	return omap_get(&b->objects, key);
}

static int compare(struct commit *c, struct err *err)
{
	struct object *stands = store_newest(c->bucket, c->key);

	if (c->draft.text.len > OBJECT_MAX)
		return err_set(
			err, ERR_TOO_LARGE, "the object is larger than %d bytes", (int)OBJECT_MAX);
	if (c->expected == COMMIT_ANY && (stands || !c->delete_))
		return 0;
	if (!stands && c->expected == COMMIT_FRESH && !c->delete_)
		return 0;
	if (!stands)
		return err_set(err, ERR_NOT_FOUND, "nothing stands there");
	if (c->expected == stands->revision)
		return 0;
	c->found = object_ref(stands);
	if (c->expected == COMMIT_FRESH)
		return err_set(err, ERR_ALREADY_EXISTS, "something stands there already");
	return err_set(err, ERR_CONFLICT, "revision %lld stands there, not %lld",
		(long long)stands->revision, (long long)c->expected);
}

/* ---- queueing ---- */

void write_free(struct write *w)
{
	link_remove(&w->in_list);
	object_unref(w->object);
	mem_free(w->key);
	mem_free(w);
}

static void enqueue(struct store *s, struct commit *c)
{
	struct write *w = mem_new(sizeof(*w));

	w->bucket = c->bucket;
	w->begun = loop_now(s->env->loop);
	w->made = !store_newest(c->bucket, c->key);
	w->key = str_dup(c->key);
	w->revision = ++s->assigned;
	w->object = object_new(&c->draft, w->revision);
	w->deleted = c->delete_;
	w->expires = c->expires;
	w->lazy = c->lazy && !s->options.all_durable && w->revision < s->ceiling;
	w->done = w->lazy;
	w->commit = c;
	map_set(&c->bucket->pending, c->key, w);
	list_push(&s->queue, &w->in_list);
	draft_done(&c->draft);
}

static const struct op_kind commit_kind = {.name = "store commit"};

void store_commit(struct store *s, struct op *op, struct commit *c)
{
	_cleanup_(err_done) struct err err = {0};

	c->result = c->found = NULL;
	if (!op_begin(op, &commit_kind, c)) {
		draft_done(&c->draft);
		return;
	}
	c->op = op;
	s->stats.commits++;
	if (s->closing)
		err_set(&err, ERR_CLOSED, "the store is closing");
	else
		compare(c, &err);
	if (err.code) {
		draft_done(&c->draft);
		op_fail(op, &err);
		return;
	}
	enqueue(s, c);
	store_publish_ready(s);
	store_write_more(s);
}

/* ---- waiting for what others have written ---- */

static void settle_cancel(struct op *op)
{
	struct settling *settling = op->ctx;

	link_remove(&settling->in_store);
	op_fail_cancelled(op);
}

void store_settle(struct store *s, struct op *op, struct settling *settling)
{
	static const struct op_kind kind = {.name = "store settle", .cancel = settle_cancel};

	*settling = (struct settling){.op = op, .revision = s->assigned};
	if (!op_begin(op, &kind, settling))
		return;
	list_push(&s->settling, &settling->in_store);
	store_publish_ready(s);
}

/* All of them when `err` befell what they wait for. */
static void settle(struct store *s, const struct err *err)
{
	list_each_safe (link, &s->settling) {
		struct settling *settling = CONTAINER_OF(link, struct settling, in_store);
		struct err copy = {0};

		if (!err && !list_empty(&s->queue) && settling->revision > s->published)
			return;
		link_remove(link);
		if (!err) {
			op_finish(settling->op, 0);
			continue;
		}
		err_copy(&copy, err);
		op_fail(settling->op, &copy);
	}
}

/* ---- publishing ---- */

static void wake_watches(struct bucket *b)
{
	list_each_safe (link, &b->watches) {
		struct watch *w = CONTAINER_OF(link, struct watch, in_bucket);

		if (w->armed) {
			w->armed = false;
			w->wake(w);
		}
	}
}

static void publish(struct store *s, struct write *w)
{
	struct bucket *b = w->bucket;
	struct str key = str_from(w->key);
	struct object *old = omap_get(&b->objects, key);
	struct change_record c = {.revision = w->revision,
		.at = loop_now(s->env->loop),
		.type = w->deleted ? CHANGE_DELETED
			: old      ? CHANGE_MODIFIED
				   : CHANGE_ADDED,
		.key = str_dup(key),
		.object = object_ref(w->object),
		.old = old};

	if (w->deleted) {
		omap_remove(&b->objects, key);
		s->stats.objects--;
	} else {
		omap_set(&b->objects, key, object_ref(w->object));
		s->stats.objects += !old;
		s->stats.object_bytes += w->object->size;
	}
	if (old)
		s->stats.object_bytes -= old->size;
	history_add(b, &c); /* takes the map's reference to the old one */
	s->published = w->revision;
	if (map_get(&b->pending, key) == w)
		map_remove(&b->pending, key);
	if (w->expires && !w->deleted)
		store_expiry_add(s, b, w->key, w->revision, w->expires);
	wake_watches(b);
}

static void observe(struct store *s, const struct write *w, bool failed)
{
	if (s->options.observe)
		s->options.observe(s->options.observe_ctx, w->bucket,
			w->deleted ? CHANGE_DELETED
			: w->made  ? CHANGE_ADDED
				   : CHANGE_MODIFIED,
			loop_now(s->env->loop) - w->begun, failed);
}

static void answer(struct store *s, struct write *w)
{
	struct commit *c = w->commit;

	w->commit = NULL;
	observe(s, w, false);
	c->result = object_ref(w->object);
	op_finish(c->op, w->revision);
}

void store_publish_ready(struct store *s)
{
	while (!list_empty(&s->queue)) {
		struct write *w = CONTAINER_OF(s->queue.head.next, struct write, in_list);

		if (!w->done)
			break;
		link_remove(&w->in_list);
		publish(s, w);
		answer(s, w);
		if (w->lazy)
			list_push(&s->unwritten, &w->in_list);
		else
			write_free(w);
	}
	settle(s, NULL);
	store_bound_history(s);
	store_care(s);
}

/* ---- transactions ---- */

static void add_row(struct log_batch *b, const struct write *w)
{
	b->rows[b->row_count++] = (struct log_row){.revision = w->revision,
		.expires = w->expires,
		.bucket = str_from(w->bucket->prefix),
		.key = str_from(w->key),
		.text = w->deleted ? (struct str){0} : object_text(w->object)};
}

static bool durable_waits(const struct store *s)
{
	list_each (link, &s->queue)
		if (!CONTAINER_OF(link, struct write, in_list)->done)
			return true;
	return false;
}

struct log_batch *batch_collect(struct store *s, bool last)
{
	struct log_batch *b = mem_new(sizeof(*b));
	size_t garbage = s->garbage_end - s->garbage_first, count = 0;

	list_each (link, &s->unwritten)
		count++;
	list_each (link, &s->queue)
		count++;
	b->rows = mem_alloc((count + 1) * sizeof(*b->rows));
	list_each (link, &s->unwritten)
		add_row(b, CONTAINER_OF(link, struct write, in_list));
	list_each (link, &s->queue)
		add_row(b, CONTAINER_OF(link, struct write, in_list));
	b->drop_count = garbage < DROPS_MAX || last ? garbage : DROPS_MAX;
	b->drops = mem_alloc((b->drop_count + 1) * sizeof(*b->drops));
	for (size_t i = 0; i < b->drop_count; i++) /* still garbage until they are gone */
		b->drops[i] = s->garbage[s->garbage_first + i];
	b->numbers = (struct log_numbers){.revision = s->assigned,
		.ceiling = s->ceiling,
		.compacted = s->compacted,
		.clean = last};
	if (s->assigned + CEILING_STEP / 2 > s->ceiling)
		b->numbers.ceiling = s->assigned + CEILING_STEP;
	return b;
}

void batch_free(struct log_batch *b)
{
	mem_free(b->rows);
	mem_free(b->drops);
	mem_free(b);
}

static void write_batch(struct work *w)
{
	struct store *s = CONTAINER_OF(w, struct store, work);

	sealing_write(s, s->batch, &w->err);
}

/* Everything up to the batch's last revision is on disk. */
static void batch_written(struct store *s)
{
	int64_t last = s->batch->row_count ? s->batch->rows[s->batch->row_count - 1].revision : 0;

	s->ceiling = s->batch->numbers.ceiling;
	s->garbage_first += s->batch->drop_count;
	list_each_safe (link, &s->unwritten) {
		struct write *w = CONTAINER_OF(link, struct write, in_list);

		if (w->revision <= last)
			write_free(w);
	}
	list_each (link, &s->queue) {
		struct write *w = CONTAINER_OF(link, struct write, in_list);

		if (w->revision <= last) {
			w->done = true;
			w->lazy = false;
		}
	}
	s->stats.failing = false;
}

/* Nothing of the queue has happened, and nothing of it will. */
static void fail_queue(struct store *s, const struct err *err)
{
	while (!list_empty(&s->queue)) {
		struct write *w = CONTAINER_OF(s->queue.head.next, struct write, in_list);
		struct err copy = {0};

		map_remove(&w->bucket->pending, str_from(w->key));
		err_copy(&copy, err);
		observe(s, w, true);
		op_fail(w->commit->op, &copy);
		write_free(w);
	}
	settle(s, err);
	store_copy_fail(s, err);
}

/*
 * What came after the batch was compared with what is not there now: it fails, too. What had been
 * published lazily stays, and is tried again with the next write.
 */
static void batch_failed(struct store *s, struct err *err)
{
	fail_queue(s, err);
	if (err->code == ERR_IO) /* who knows what the disk has: nothing overtakes it */
		s->ceiling = 0;
	if (!s->stats.failing)
		log_error(err, "the store cannot be written; reading goes on");
	s->stats.failing = true;
}

/* What came while the last transaction was under way, before the end. */
static void turn_away(struct store *s)
{
	_cleanup_(err_done) struct err err = {0};

	err_set(&err, ERR_CLOSED, "the store is closing");
	fail_queue(s, &err);
}

static void wrote(struct op *op, struct err *err)
{
	struct store *s = CONTAINER_OF(op, struct store, op);

	s->writing = false;
	s->stats.transactions++;
	s->stats.file_bytes = log_file_size(s->file);
	if (err->code)
		batch_failed(s, err);
	else
		batch_written(s);
	batch_free(s->batch);
	s->batch = NULL;
	store_publish_ready(s);
	if (s->closing)
		turn_away(s);
	store_write_more(s);
	store_copy_next(s);
}

void store_write_more(struct store *s)
{
	bool much_garbage = s->garbage_end - s->garbage_first > 64 * (size_t)DROPS_MAX;

	if (s->writing || s->closing ||
		(!durable_waits(s) && !much_garbage && !store_copy_waits(s)))
		return;
	s->writing = true;
	s->batch = batch_collect(s, false);
	op_init(&s->op, &s->scope, wrote, OP_NO_DEADLINE);
	work_start(&s->work, &s->op, WORK_STORE, write_batch);
}
