/*
 * The end of a definition: its objects are deleted, and when the last of them has gone (those with
 * finalizers wait for whoever set these), so does it.
 *
 *	mark → sweep ⇄ one object
 *	        └→ rest (something is left) → sweep
 *	        └→ end: the finalizer goes, and with the last one the definition
 *
 * Whatever stands in the way (a conflict, a disk that fails) ends this and it is begun again.
 */
#include "definition.h"

#include <kube/api_codec.h>
#include <kube/definition.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

enum cleanup_step { CLEANUP_MARK, CLEANUP_SWEEP, CLEANUP_REST, CLEANUP_END };
static const char *const cleanup_steps[] = {"mark", "sweep", "rest", "end"};

struct cleanup {
	struct task task;
	struct op op;
	struct definition *definition;
	struct bucket *bucket; /* of the objects; NULL: there are none that are its own */
	struct str from;       /* the sweep goes on here */
	struct arena place;    /* of it */
	struct arena work;     /* of one commit */
	struct commit commit;
	struct watch watch;
	struct op *resting;
};

static void cleanup_run(struct task *t, struct err *err);
static const struct task_kind cleanup_kind =
	TASK_KIND("definition cleanup", cleanup_steps, cleanup_run);

/* ---- commits ---- */

static void begin_commit(struct cleanup *c, int step)
{
	store_commit(c->definition->all->server->store, task_await(&c->task, step, OP_NO_DEADLINE),
		&c->commit);
}

static void end_commit(struct cleanup *c)
{
	object_unref(TAKE(c->commit.result));
	object_unref(TAKE(c->commit.found));
	arena_done(&c->work);
	arena_init(&c->work);
}

/* ---- the definition ---- */

static struct cJSON *standing(struct cleanup *c, struct object **o)
{
	*o = store_newest(c->definition->all->bucket, c->definition->name);
	return *o ? object_tree(&c->work, *o) : NULL;
}

static int64_t now(const struct cleanup *c)
{
	return env_wall(c->definition->all->server->env);
}

/* What the server has of its own by that name is not the definition's. */
static bool overlaps(const struct cJSON *tree)
{
	const struct resource *r;

	for (size_t i = 0; (r = resource_at(i)); i++)
		if (str_eq(r->group, tree_str(tree, "spec.group")) &&
			str_eq(r->plural, tree_str(tree, "spec.names.plural")))
			return true;
	return false;
}

static void set_terminating(struct cleanup *c, struct cJSON *tree, const char *status,
	const char *reason, const char *message)
{
	definition_set_condition(
		&c->work, tree, "Terminating", status, reason, str_from(message), now(c));
}

static void mark(struct cleanup *c)
{
	struct definition *d = c->definition;
	struct object *o;
	struct cJSON *tree = standing(c, &o);

	if (!tree || !definition_has_finalizer(tree)) {
		task_finish(&c->task, 0);
		return;
	}
	if (definition_condition_is_true(tree, "Established") && !overlaps(tree) && d->kind)
		c->bucket = server_bucket(d->all->server, &d->kind->storage->resource);
	set_terminating(c, tree, "True", "InstanceDeletionInProgress",
		"CustomResource deletion is in progress");
	definition_draft(d, &c->work, &c->commit, o, tree);
	begin_commit(c, CLEANUP_SWEEP);
}

static void let_go(struct cleanup *c)
{
	struct definition *d = c->definition;
	struct object *o;
	struct cJSON *tree = standing(c, &o);

	if (!tree) {
		task_finish(&c->task, 0);
		return;
	}
	if (c->bucket)
		set_terminating(
			c, tree, "False", "InstanceDeletionCompleted", "removed all instances");
	else if (overlaps(tree))
		set_terminating(c, tree, "False", "OverlappingBuiltInResource",
			"instances overlap with built-in resources in storage");
	else
		set_terminating(
			c, tree, "False", "NeverEstablished", "resource was never established");
	definition_drop_finalizer(tree);
	definition_draft(d, &c->work, &c->commit, o, tree);
	c->commit.delete_ = !tree_has(tree, "metadata.finalizers");
	begin_commit(c, CLEANUP_END);
}

/* ---- its objects ---- */

/* As a DELETE of each would do: gone, or marked when somebody holds it. */
static void delete_one(struct cleanup *c, struct str key, struct object *o)
{
	_cleanup_(buf_done) struct buf time = BUF_INIT(64);
	struct cJSON *tree = object_tree(&c->work, o);
	bool held = json_count(json_path(tree, "metadata.finalizers"));

	if (held) {
		time_print(&time, now(c) / SEC * SEC);
		tree_set_str(&c->work, tree, "metadata.deletionTimestamp", buf_str(&time));
		tree_set_int(&c->work, tree, "metadata.deletionGracePeriodSeconds", 0);
		tree_set_int(&c->work, tree, "metadata.generation",
			tree_int(tree, "metadata.generation", 0) + 1);
	}
	c->commit = (struct commit){.bucket = c->bucket,
		.key = arena_str(&c->work, key),
		.expected = o->revision,
		.delete_ = !held};
	draft_from_tree(&c->commit.draft,
		custom_type_canonical(c->definition->kind->storage->type, &c->work, tree));
	begin_commit(c, CLEANUP_SWEEP);
}

static void woken(struct watch *w)
{
	struct cleanup *c = CONTAINER_OF(w, struct cleanup, watch);

	if (c->resting)
		op_finish(TAKE(c->resting), 0);
}

static void rest_cancel(struct op *op)
{
	struct cleanup *c = op->ctx;

	c->resting = NULL;
	op_fail_cancelled(op);
}

static const struct op_kind rest_kind = {
	.name = "definition's last objects", .cancel = rest_cancel};

/* Until something happens to one of those that are left. */
static void rest(struct cleanup *c)
{
	struct op *op = task_await(&c->task, CLEANUP_REST, OP_NO_DEADLINE);
	struct store_change change;

	if (!op_begin(op, &rest_kind, c))
		return;
	c->resting = op;
	if (watch_init(&c->watch, c->bucket, store_revision(c->definition->all->server->store),
		    woken, NULL) ||
		watch_next(&c->watch, &change, NULL) != 0)
		woken(&c->watch);
}

static void sweep(struct cleanup *c)
{
	struct store_iter it;

	if (!c->bucket || !c->definition->kind) {
		let_go(c);
		return;
	}
	for (it = store_seek(c->bucket, STR(""), c->from); store_next(&it);) {
		if (object_scan(it.object, "metadata.deletionTimestamp").len)
			continue;
		struct str key = it.key;
		arena_reset(&c->place);
		c->from = arena_print(&c->place, "%.*s", STRF(key));
		delete_one(c, c->from, it.object);
		return;
	}
	c->from = STR("");
	if (store_count(c->bucket))
		rest(c);
	else
		let_go(c);
}

/* ---- the whole ---- */

static void cleanup_run(struct task *t, struct err *err)
{
	struct cleanup *c = CONTAINER_OF(t, struct cleanup, task);
	bool clash = err->code == ERR_CONFLICT || err->code == ERR_NOT_FOUND;

	end_commit(c);
	if (err->code && !(clash && t->step == CLEANUP_SWEEP && c->from.len)) {
		task_fail(t, err);
		return;
	}
	switch ((enum cleanup_step)t->step) {
	case CLEANUP_MARK:
		mark(c);
		return;
	case CLEANUP_REST:
		watch_done(&c->watch);
		/* fallthrough */
	case CLEANUP_SWEEP:
		sweep(c);
		return;
	case CLEANUP_END:
		task_finish(t, 0);
		return;
	}
}

static void ended(struct op *op, struct err *err)
{
	struct cleanup *c = CONTAINER_OF(op, struct cleanup, op);
	struct definition *d = c->definition;

	watch_done(&c->watch);
	d->cleanup = NULL;
	arena_done(&c->work);
	arena_done(&c->place);
	mem_free(c);
	if (!err->code || err->code == ERR_CONFLICT || err->code == ERR_NOT_FOUND) {
		definition_touch(d);
		return;
	}
	if (err->code != ERR_CANCELLED)
		log_warning(err, "the objects of a definition were not deleted",
			LOG_STR("name", d->name));
	definition_retry(d);
}

void cleanup_start(struct definition *d)
{
	struct cleanup *c = mem_new(sizeof(*c));

	c->definition = d;
	arena_init(&c->work);
	arena_init(&c->place);
	d->cleanup = c;
	op_init(&c->op, &d->all->scope, ended, OP_NO_DEADLINE);
	task_start(&c->task, &cleanup_kind, &c->op);
}
