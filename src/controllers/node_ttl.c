/*
 * ttl: how long kubelets may keep what they have read of secrets and config maps: the more nodes,
 * the longer. The steps overlap, so that a node more or less does not rewrite all of them.
 */
#include "controllers.h"

#define ANNOTATION "node.alpha.kubernetes.io/ttl"

struct ttl {
	size_t step;
};

static const struct {
	size_t from, to; /* nodes */
	int64_t seconds;
} steps[] = {{0, 100, 0}, {90, 500, 15}, {450, 1000, 30}, {900, 2000, 60}, {1800, SIZE_MAX, 300}};

static bool step_changes(struct ttl *t, size_t nodes)
{
	size_t before = t->step;

	while (nodes > steps[t->step].to)
		t->step++;
	while (nodes < steps[t->step].from)
		t->step--;
	return t->step != before;
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct ttl *t = usual_ctx(u);
	struct informer *nodes = usual_informer(u, "nodes");
	struct arena *a = p->arena;

	(void)now;
	if (step_changes(t, informer_count(nodes)))
		informer_each(it, informer_all(nodes)) usual_enqueue_object(u, it.object);
	struct object *o = informer_get_key(nodes, key);
	if (!o)
		return;
	const struct cJSON *node = object_lean_tree(a, o);
	struct str wanted = arena_print(a, "%lld", (long long)steps[t->step].seconds);
	struct str found =
		json_str(json_get(json_path(node, "metadata.annotations"), STR(ANNOTATION)));
	if (str_eq(found, wanted))
		return;
	struct cJSON *patch = json_new(a, JSON_OBJECT), *notes = json_new(a, JSON_OBJECT);
	json_set(a, notes, STR(ANNOTATION), json_new_str(a, wanted));
	tree_set(a, patch, "metadata.annotations", notes);
	plan_patch(p, usual_resource(u, "nodes"), STR(""), key, patch);
}

static void node_changed(struct usual *u, struct object *old, struct object *fresh)
{
	/* One that has gone can only change the step, which any key does. */
	if (!old || !fresh ||
		!str_eq(object_scan(old, "metadata.annotations"),
			object_scan(fresh, "metadata.annotations")))
		usual_enqueue_object(u, fresh ? fresh : old);
}

static void done(void *ctx)
{
	mem_free(ctx);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {{"", "v1", "nodes", node_changed}, {0}};

	return usual_new(w, k,
		&(struct usual_options){.sources = sources,
			.reconcile = reconcile,
			.ctx = mem_new(sizeof(struct ttl)),
			.done = done});
}

const struct controller_kind node_ttl_kind = {
	.name = "ttl-controller",
	.aliases = "ttl",
	.start = start,
};
