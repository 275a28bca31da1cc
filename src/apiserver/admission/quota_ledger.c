#include "quota_ledger.h"

#include <kube/log.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <kube/quota.h>

#define ATTEMPTS_MAX 16

struct quota_ledger {
	struct api_server *server;
	struct map entries; /* "namespace/name" → struct entry * */
	uint64_t charges;   /* so many there were */
};

struct entry {
	struct quota_ledger *ledger;
	struct arena arena; /* of all below */
	struct str key;
	struct cJSON *waiting; /* charged, and not under way to the store */
	struct cJSON *writing; /* under way */
	struct cJSON *written; /* the status.used that is under way */
	uint64_t under_way;    /* the last charge that a status on its way to the store holds */
	struct list waits;     /* for a later one */
	int attempts;
	struct commit commit;
	struct op op;
};

static struct bucket *quotas(struct quota_ledger *l)
{
	return server_bucket(l->server, resource_find(STR(""), STR("v1"), STR("resourcequotas")));
}

struct quota_ledger *quota_ledger_new(struct api_server *s)
{
	struct quota_ledger *l = mem_new(sizeof(*l));

	l->server = s;
	map_init(&l->entries);
	return l;
}

static void entry_free(struct entry *e)
{
	arena_done(&e->arena);
	mem_free(e);
}

void quota_ledger_free(struct quota_ledger *l)
{
	if (!l)
		return;
	map_each (it, &l->entries)
		entry_free(it.value);
	map_done(&l->entries);
	mem_free(l);
}

/* ---- asking ---- */

struct cJSON *quota_ledger_used(
	struct quota_ledger *l, struct arena *a, struct str key, const struct cJSON *quota)
{
	const struct cJSON *stored = json_path(quota, "status.used");
	struct cJSON *used = amounts_add(a, stored, NULL);
	const struct entry *e = map_get(&l->entries, key);

	if (!e)
		return used;
	/* The write is published a moment before it is heard of here. */
	if (e->writing && !json_equal(stored, e->written))
		used = amounts_add(a, used, e->writing);
	return amounts_add(a, used, e->waiting);
}

/* ---- writing ---- */

static void write(struct entry *e, const struct object *stands);

static void tell_waiting(struct entry *e)
{
	list_each_safe (link, &e->waits) {
		struct quota_wait *w = CONTAINER_OF(link, struct quota_wait, in_entry);

		link_remove(link);
		op_finish(w->op, 0);
	}
}

static void forget(struct entry *e)
{
	tell_waiting(e);
	map_remove(&e->ledger->entries, e->key);
	entry_free(e);
}

static void written(struct op *op, struct err *err)
{
	struct entry *e = CONTAINER_OF(op, struct entry, op);
	struct object *found = TAKE(e->commit.found);

	object_unref(TAKE(e->commit.result));
	if (err->code == ERR_CONFLICT && ++e->attempts < ATTEMPTS_MAX) {
		e->waiting = amounts_add(&e->arena, e->writing, e->waiting);
		write(e, found); /* which may not be published yet */
		object_unref(found);
		return;
	}
	object_unref(found);
	e->attempts = 0;
	e->writing = NULL;
	/* What could not be written the quota's controller counts again. */
	if (err->code && err->code != ERR_NOT_FOUND && err->code != ERR_CANCELLED)
		log_warning(err, "the use of a quota was not written", LOG_STR("quota", e->key));
	if (err->code || !json_count(e->waiting))
		forget(e);
	else
		write(e, store_get(quotas(e->ledger), e->key));
}

static void write(struct entry *e, const struct object *stands)
{
	struct quota_ledger *l = e->ledger;
	const struct resource *r = resource_find(STR(""), STR("v1"), STR("resourcequotas"));
	struct cJSON *tree;

	if (!stands) {
		forget(e);
		return;
	}
	tree = object_tree(&e->arena, stands);
	e->writing = TAKE(e->waiting);
	e->written = amounts_add(&e->arena, json_path(tree, "status.used"), e->writing);
	tree_set(&e->arena, tree, "status.used", json_copy(&e->arena, e->written));
	e->commit =
		(struct commit){.bucket = quotas(l), .key = e->key, .expected = stands->revision};
	draft_from_tree(&e->commit.draft, api_canonical(&e->arena, r->schema, tree));
	op_init(&e->op, &l->server->scope, written, OP_NO_DEADLINE);
	store_commit(l->server->store, &e->op, &e->commit);
	if (e->commit.found)
		return; /* somebody else writes it just now: it is for the next attempt */
	e->under_way = l->charges;
	tell_waiting(e);
}

uint64_t quota_ledger_charge(struct quota_ledger *l, struct str key, const struct cJSON *amounts)
{
	struct entry *e = map_get(&l->entries, key);

	if (!e) {
		e = mem_new(sizeof(*e));
		arena_init(&e->arena);
		e->ledger = l;
		e->key = arena_str(&e->arena, key);
		list_init(&e->waits);
		map_set(&l->entries, key, e);
	}
	e->waiting = amounts_add(&e->arena, e->waiting, amounts);
	uint64_t charge = ++l->charges;
	if (!e->writing)
		write(e, store_get(quotas(l), key));
	return charge;
}

/* ---- waiting ---- */

bool quota_ledger_is_under_way(const struct quota_ledger *l, struct str key, uint64_t charge)
{
	const struct entry *e = map_get(&l->entries, key);

	return !e || e->under_way >= charge;
}

static void wait_cancel(struct op *op)
{
	struct quota_wait *w = op->ctx;

	link_remove(&w->in_entry);
	op_fail_cancelled(op);
}

void quota_ledger_wait(
	struct quota_ledger *l, struct str key, struct op *op, struct quota_wait *wait)
{
	static const struct op_kind kind = {.name = "quota", .cancel = wait_cancel};
	struct entry *e = map_get(&l->entries, key);

	*wait = (struct quota_wait){.op = op};
	if (op_begin(op, &kind, wait))
		list_push(&e->waits, &wait->in_entry);
}
