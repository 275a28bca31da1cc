/* Objects that the server writes by itself: through strategy and store, without admission. */
#include "server.h"

#include <kube/api_codec.h>
#include <kube/random.h>
#include <kube/strategy.h>
#include <kube/time.h>

static void random_of_env(void *ctx, void *at, size_t len)
{
	env_random(ctx, at, len);
}

/* What the registry would give a new object, or what the old one has. */
static void complete_meta(
	struct api_server *s, struct own_write *w, struct cJSON *tree, const struct cJSON *old)
{
	static const char *const kept[] = {"metadata.uid", "metadata.creationTimestamp",
		"metadata.generation", "metadata.managedFields"};
	char uid[37];
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	for (size_t i = 0; old && i < ARRAY_LEN(kept); i++) {
		const struct cJSON *value = json_path(old, kept[i]);

		if (value)
			tree_set(&w->arena, tree, kept[i], json_copy(&w->arena, value));
	}
	if (old)
		return;
	uuid_make(uid, random_of_env, s->env);
	time_print(&now, env_wall(s->env) / SEC * SEC);
	tree_set_str(&w->arena, tree, "metadata.uid", str_from(uid));
	tree_set_str(&w->arena, tree, "metadata.creationTimestamp", buf_str(&now));
	if (w->resource->strategy && w->resource->strategy->generation == GENERATION_SPEC)
		tree_set_int(&w->arena, tree, "metadata.generation", 1);
}

static struct cJSON *prepare(struct api_server *s, struct own_write *w, const struct cJSON *old)
{
	struct cJSON *tree = json_copy(&w->arena, w->object);
	struct change change = {.arena = &w->arena,
		.resource = w->resource,
		.namespace = tree_str(tree, "metadata.namespace"),
		.name = tree_str(tree, "metadata.name"),
		.object = tree,
		.old = old,
		.now = env_wall(s->env),
		.user = STR("system:apiserver")};

	tree_set_str(&w->arena, tree, "kind", w->resource->kind);
	tree_set_str(&w->arena, tree, "apiVersion", w->resource->api_version);
	complete_meta(s, w, tree, old);
	strategy_set_defaults(&change);
	if (!old && w->resource->strategy && w->resource->strategy->prepare_create)
		w->resource->strategy->prepare_create(&change);
	return api_canonical(&w->arena, w->resource->schema, change.object);
}

/* The registry's rule: a wish that has changed is a generation. */
static void count_generation(struct own_write *w, struct cJSON *tree, const struct cJSON *old)
{
	const struct strategy *strategy = w->resource->strategy;

	if (strategy && strategy->generation == GENERATION_SPEC &&
		!json_equal(json_path(tree, "spec"), json_path(old, "spec")))
		tree_set_int(&w->arena, tree, "metadata.generation",
			tree_int(old, "metadata.generation", 0) + 1);
}

static bool same_but_version(struct arena *a, const struct cJSON *left, const struct cJSON *right)
{
	struct cJSON *l = json_copy(a, left), *r = json_copy(a, right);

	tree_drop(l, "metadata.resourceVersion");
	tree_drop(r, "metadata.resourceVersion");
	return json_equal(l, r);
}

static void end_write(struct own_write *w, int64_t n, struct err *err)
{
	struct op *op = w->op;

	object_unref(TAKE(w->commit.result));
	object_unref(TAKE(w->commit.found));
	arena_done(&w->arena);
	if (err && err->code)
		op_fail(op, err);
	else
		op_finish(op, n);
}

static void written(struct op *op, struct err *err)
{
	struct own_write *w = CONTAINER_OF(op, struct own_write, wait);

	/* Somebody was quicker, with the same intention. */
	if (w->only_create && err->code == ERR_ALREADY_EXISTS)
		err_done(err);
	end_write(w, 1, err);
}

static void own_write_cancel(struct op *op)
{
	struct own_write *w = op->ctx;

	op_cancel(&w->wait);
}

static const struct op_kind own_write_kind = {.name = "own write", .cancel = own_write_cancel};

void server_write(struct api_server *s, struct op *op, struct own_write *w)
{
	struct str namespace = tree_str(w->object, "metadata.namespace");
	struct str name = tree_str(w->object, "metadata.name");
	bool lazy = w->commit.lazy;
	struct object *stored;
	struct cJSON *tree, *old = NULL;

	arena_init(&w->arena);
	if (!op_begin(op, &own_write_kind, w)) {
		arena_done(&w->arena);
		return;
	}
	w->op = op;
	w->commit = (struct commit){.bucket = server_bucket(s, w->resource),
		.key = server_key(&w->arena, w->resource, namespace, name),
		.lazy = lazy};
	stored = store_get(w->commit.bucket, w->commit.key);
	if (stored && w->only_create) {
		end_write(w, 0, NULL);
		return;
	}
	if (stored) {
		old = object_tree(&w->arena, stored);
		w->commit.expected = stored->revision;
	}
	tree = prepare(s, w, old);
	if (old && w->merge)
		tree = w->merge(&(struct own_merge){.arena = &w->arena,
			.now = env_wall(s->env),
			.current = old,
			.wanted = tree});
	if (old && tree)
		count_generation(w, tree, old);
	if (!tree || (old && same_but_version(&w->arena, tree, old))) {
		end_write(w, 0, NULL);
		return;
	}
	draft_from_tree(&w->commit.draft, tree);
	op_init(&w->wait, op->scope, written, OP_NO_DEADLINE);
	store_commit(s->store, &w->wait, &w->commit);
}
