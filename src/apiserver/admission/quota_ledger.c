#include "quota_ledger.h"

#include <kube/log.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <kube/quota.h>

#define ATTEMPTS_MAX 16

struct quota_ledger {
	struct api_server *server;
	struct map entries; /* "namespace/name" → struct entry * */
};

struct entry {
	struct quota_ledger *ledger;
	struct arena arena; /* of all below */
	struct str key;
	struct cJSON *waiting; /* charged, and not under way to the store */
	struct cJSON *writing; /* under way */
	struct cJSON *written; /* the status.used that is under way */
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

static void write(struct entry *e);

static void forget(struct entry *e)
{
	map_remove(&e->ledger->entries, e->key);
	entry_free(e);
}

static void written(struct op *op, struct err *err)
{
	struct entry *e = CONTAINER_OF(op, struct entry, op);

	object_unref(TAKE(e->commit.result));
	object_unref(TAKE(e->commit.found));
	if (err->code == ERR_CONFLICT && ++e->attempts < ATTEMPTS_MAX) {
		e->waiting = amounts_add(&e->arena, e->writing, e->waiting);
		write(e);
		return;
	}
	e->attempts = 0;
	e->writing = NULL;
	/* What could not be written the quota's controller counts again. */
	if (err->code && err->code != ERR_NOT_FOUND && err->code != ERR_CANCELLED)
		log_warning(err, "the use of a quota was not written", LOG_STR("quota", e->key));
	if (err->code || !json_count(e->waiting))
		forget(e);
	else
		write(e);
}

static void write(struct entry *e)
{
	struct quota_ledger *l = e->ledger;
	const struct resource *r = resource_find(STR(""), STR("v1"), STR("resourcequotas"));
	const struct object *stored = store_get(quotas(l), e->key);
	struct cJSON *tree;

	if (!stored) {
		forget(e);
		return;
	}
	tree = object_tree(&e->arena, stored);
	e->writing = TAKE(e->waiting);
	e->written = amounts_add(&e->arena, json_path(tree, "status.used"), e->writing);
	tree_set(&e->arena, tree, "status.used", json_copy(&e->arena, e->written));
	e->commit =
		(struct commit){.bucket = quotas(l), .key = e->key, .expected = stored->revision};
	draft_from_tree(&e->commit.draft, api_canonical(&e->arena, r->schema, tree));
	op_init(&e->op, &l->server->scope, written, OP_NO_DEADLINE);
	store_commit(l->server->store, &e->op, &e->commit);
}

void quota_ledger_charge(struct quota_ledger *l, struct str key, const struct cJSON *amounts)
{
	struct entry *e = map_get(&l->entries, key);

	if (!e) {
		e = mem_new(sizeof(*e));
		arena_init(&e->arena);
		e->ledger = l;
		e->key = arena_str(&e->arena, key);
		map_set(&l->entries, key, e);
	}
	e->waiting = amounts_add(&e->arena, e->waiting, amounts);
	if (!e->writing)
		write(e);
}
