/*
 * A copy while everything goes on: in slices on the store's worker, so that no write waits for
 * longer than one of them. It begins when all that had been answered is on the disk, and shows the
 * moment of its last slice.
 */
#include "private.h"

#include <kube/mem.h>

#define SLICE 128 /* pages of 4 KiB */

struct copy {
	struct link in_store;
	struct store *store;
	struct op *op;
	char *path;
	int64_t revision; /* the last one that had been handed out */
	bool begun, more;
	struct work work;
	struct op wait;
};

static void start_slice(struct copy *c);

static struct copy *first(const struct store *s)
{
	return CONTAINER_OF(s->copies.head.next, struct copy, in_store);
}

static bool none_before(const struct list *writes, int64_t revision)
{
	return list_empty(writes) ||
	       CONTAINER_OF(writes->head.next, struct write, in_list)->revision > revision;
}

static bool on_disk(const struct store *s, const struct copy *c)
{
	return none_before(&s->unwritten, c->revision) && none_before(&s->queue, c->revision);
}

bool store_copy_waits(const struct store *s)
{
	return !list_empty(&s->copies) &&
	       !on_disk(s, CONTAINER_OF(s->copies.head.prev, struct copy, in_store));
}

static void end(struct copy *c, const struct err *err)
{
	struct err copy = {0};

	link_remove(&c->in_store);
	err_copy(&copy, err);
	if (copy.code)
		op_fail(c->op, &copy);
	else
		op_finish(c->op, 0);
	mem_free(c->path);
	mem_free(c);
}

void store_copy_next(struct store *s)
{
	if (s->copying || list_empty(&s->copies) || !on_disk(s, first(s)))
		return;
	s->copying = true;
	start_slice(first(s));
}

/* What they wait for will not be. */
void store_copy_fail(struct store *s, const struct err *err)
{
	list_each_safe (link, &s->copies) {
		struct copy *c = CONTAINER_OF(link, struct copy, in_store);

		if (!(s->copying && c == first(s)) && !on_disk(s, c))
			end(c, err);
	}
}

static void ended(struct op *op, struct err *err)
{
	struct copy *c = CONTAINER_OF(op, struct copy, wait);
	struct store *s = c->store;

	s->copying = false;
	end(c, err);
	store_copy_next(s);
}

static void settle(struct work *w)
{
	struct copy *c = CONTAINER_OF(w, struct copy, work);

	log_copy_settle(c->store->copy, &w->err);
}

static void slice(struct work *w)
{
	struct copy *c = CONTAINER_OF(w, struct copy, work);
	struct store *s = c->store;

	if (!c->begun) {
		log_copy_free(s->copy);
		s->copy = NULL;
		c->begun = true;
		if (log_copy_begin(s->file, c->path, &s->copy, &w->err))
			return;
	}
	log_copy_step(s->copy, SLICE, &c->more, &w->err);
}

static void sliced(struct op *op, struct err *err)
{
	struct copy *c = CONTAINER_OF(op, struct copy, wait);

	if (err->code) {
		ended(op, err);
	} else if (c->more) {
		start_slice(c);
	} else {
		op_init(&c->wait, &c->store->scope, ended, OP_NO_DEADLINE);
		work_start(&c->work, &c->wait, WORK_DISK, settle);
	}
}

static void start_slice(struct copy *c)
{
	op_init(&c->wait, &c->store->scope, sliced, OP_NO_DEADLINE);
	work_start(&c->work, &c->wait, WORK_STORE, slice);
}

void store_backup(struct store *s, struct op *op, const char *path)
{
	static const struct op_kind kind = {.name = "store backup"};
	struct copy *c = mem_new(sizeof(*c));

	if (!op_begin(op, &kind, c)) {
		mem_free(c);
		return;
	}
	if (s->closing) {
		op_fail_with(op, ERR_CLOSED, "the store is closing");
		mem_free(c);
		return;
	}
	c->store = s;
	c->op = op;
	c->path = mem_copy_text(path);
	c->revision = s->assigned;
	list_push(&s->copies, &c->in_store);
	store_write_more(s);
	store_copy_next(s);
}
