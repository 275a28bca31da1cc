#include "quota_ledger.h"

#include <kube/log.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <kube/quota.h>

#define ACCOUNTS_MAX 1000 /* quotas that are kept read */

struct quota_ledger {
	struct api_server *server;
	struct map accounts; /* "namespace/name" → struct account * */
	struct list charged; /* accounts */
	struct list waits;
	struct op turn; /* its end, while there are charges */
	bool turning;
};

/* A quota, read once for all that ask between two writes of it. */
struct account {
	struct arena read, charges;
	struct str key;
	int64_t revision;
	struct cJSON *tree;
	struct cJSON *waiting; /* charged, and not under way to the store */
	struct link in_charged;
};

/* A status under way to the store. */
struct status_write {
	struct arena arena;
	struct str key;
	struct commit commit;
	struct op op;
};

static const struct resource *quotas(void)
{
	return resource_find(STR(""), STR("v1"), STR("resourcequotas"));
}

static struct object *newest(const struct quota_ledger *l, struct str key)
{
	return store_newest(server_bucket(l->server, quotas()), key);
}

struct quota_ledger *quota_ledger_new(struct api_server *s)
{
	struct quota_ledger *l = mem_new(sizeof(*l));

	l->server = s;
	map_init(&l->accounts);
	list_init(&l->charged);
	list_init(&l->waits);
	return l;
}

static void account_free(struct account *a)
{
	link_remove(&a->in_charged);
	arena_done(&a->read);
	arena_done(&a->charges);
	mem_free(a);
}

static void forget(struct quota_ledger *l)
{
	map_each (it, &l->accounts)
		account_free(it.value);
	map_done(&l->accounts);
	map_init(&l->accounts);
}

void quota_ledger_free(struct quota_ledger *l)
{
	if (!l)
		return;
	forget(l);
	map_done(&l->accounts);
	mem_free(l);
}

/* ---- asking ---- */

static struct account *account_of(struct quota_ledger *l, struct str key)
{
	struct account *a = map_get(&l->accounts, key);

	if (a)
		return a;
	a = mem_new(sizeof(*a));
	arena_init(&a->read);
	arena_init(&a->charges);
	map_set(&l->accounts, key, a);
	return a;
}

const struct cJSON *quota_ledger_quota(struct quota_ledger *l, struct str key)
{
	const struct object *stands = newest(l, key);
	struct account *a;

	if (!stands)
		return NULL;
	a = account_of(l, key);
	if (a->revision != stands->revision) {
		arena_reset(&a->read);
		a->tree = object_tree(&a->read, stands);
		a->key = arena_str(&a->read, key);
		a->revision = stands->revision;
	}
	return a->tree;
}

struct cJSON *quota_ledger_used(struct quota_ledger *l, struct arena *arena, struct str key)
{
	const struct account *a = account_of(l, key);

	return amounts_add(arena, json_path(a->tree, "status.used"), a->waiting);
}

/* ---- writing ---- */

static void written(struct op *op, struct err *err)
{
	struct status_write *w = CONTAINER_OF(op, struct status_write, op);

	/* What could not be written the quota's controller counts again. */
	if (err->code && err->code != ERR_NOT_FOUND && err->code != ERR_CANCELLED)
		log_warning(err, "the use of a quota was not written", LOG_STR("quota", w->key));
	object_unref(w->commit.result);
	object_unref(w->commit.found);
	arena_done(&w->arena);
	mem_free(w);
}

static void write(struct quota_ledger *l, struct account *a)
{
	const struct object *stands = newest(l, a->key);
	struct status_write *w;
	struct cJSON *tree;

	if (!stands)
		return;
	w = mem_new(sizeof(*w));
	arena_init(&w->arena);
	w->key = arena_str(&w->arena, a->key);
	tree = object_tree(&w->arena, stands);
	tree_set(&w->arena, tree, "status.used",
		amounts_add(&w->arena, json_path(tree, "status.used"), a->waiting));
	w->commit = (struct commit){.bucket = server_bucket(l->server, quotas()),
		.key = w->key,
		.expected = stands->revision};
	draft_from_tree(&w->commit.draft, api_canonical(&w->arena, quotas()->schema, tree));
	op_init(&w->op, &l->server->scope, written, OP_NO_DEADLINE);
	store_commit(l->server->store, &w->op, &w->commit);
}

static void turn_over(struct op *op, struct err *err)
{
	struct quota_ledger *l = CONTAINER_OF(op, struct quota_ledger, turn);

	(void)err; /* the server ends: so do those who wait */
	l->turning = false;
	list_each_safe (link, &l->charged) {
		struct account *a = CONTAINER_OF(link, struct account, in_charged);

		link_remove(link);
		write(l, a);
		a->waiting = NULL;
		arena_reset(&a->charges);
	}
	if (l->accounts.count > ACCOUNTS_MAX) /* nobody looks at what was read any more */
		forget(l);
	list_each_safe (link, &l->waits) {
		link_remove(link);
		op_finish(CONTAINER_OF(link, struct quota_wait, in_ledger)->op, 0);
	}
}

void quota_ledger_charge(struct quota_ledger *l, struct str key, const struct cJSON *amounts)
{
	static const struct op_kind kind = {.name = "quotas' charges"};
	struct account *a = account_of(l, key);

	if (!a->waiting)
		list_push(&l->charged, &a->in_charged);
	a->waiting = amounts_add(&a->charges, a->waiting, amounts);
	if (l->turning)
		return;
	l->turning = true;
	op_init(&l->turn, &l->server->scope, turn_over, OP_NO_DEADLINE);
	op_begin_always(&l->turn, &kind, l);
	op_finish(&l->turn, 0);
}

/* ---- waiting ---- */

static void wait_cancel(struct op *op)
{
	struct quota_wait *w = op->ctx;

	link_remove(&w->in_ledger);
	op_fail_cancelled(op);
}

void quota_ledger_wait(struct quota_ledger *l, struct op *op, struct quota_wait *wait)
{
	static const struct op_kind kind = {.name = "quotas", .cancel = wait_cancel};

	*wait = (struct quota_wait){.op = op};
	if (!op_begin(op, &kind, wait))
		return;
	if (l->turning)
		list_push(&l->waits, &wait->in_ledger);
	else
		op_finish(op, 0);
}
