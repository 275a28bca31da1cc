/*
 * A pod goes only where its volumes can be had. Claims that wait for their first pod are given a
 * volume, or a node to make one for, together with the pod: that is written, and the pod is bound
 * when the controllers have bound the claims.
 */
#include "plugins.h"
#include "volumes.h"

#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/resource.h>

#define BOUND_BY      "pv.kubernetes.io/bound-by-controller"
#define COMPLETED     "pv.kubernetes.io/bind-completed"
#define SELECTED_NODE "volume.kubernetes.io/selected-node"

static struct verdict pre_filter(struct cycle *c, void **state)
{
	struct claims *claims;

	if (!c->pod->claim_count)
		return (struct verdict){.code = VERDICT_SKIP};
	*state = claims = arena_new(c->arena, sizeof(*claims));
	struct verdict v = claims_read(c, claims);
	if (v.code == VERDICT_OK && claims->unbound_now)
		return VERDICT_OF(
			VERDICT_UNRESOLVABLE, "pod has unbound immediate PersistentVolumeClaims");
	return v;
}

/* ---- one node ---- */

static bool is_chosen(const struct volume *const *chosen, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (chosen[i] && str_eq(chosen[i]->name, name))
			return true;
	return false;
}

static const struct volume *choose(const struct claim *claim, const struct node *n,
	const struct volume *const *chosen, size_t count)
{
	for (size_t i = 0; i < claim->candidate_count; i++) {
		const struct volume *v = &claim->candidates[i];

		if (is_chosen(chosen, count, v->name))
			continue;
		if (volume_accepts(v, n))
			return v;
		/* The one that is meant for it is elsewhere. */
		if (v->preferred)
			return NULL;
	}
	return NULL;
}

static bool can_be_made(const struct claim *claim, const struct node *n)
{
	if (!claim->provisions)
		return false;
	for (size_t i = 0; i < claim->topology_count; i++)
		if (node_term_matches(&claim->topologies[i], &n->facts->labels, n->facts->name))
			return true;
	return !claim->topology_count;
}

/*
 * For each claim the volume it would have there; NULL: none, or it is bound, or it would be made.
 * false: one can neither be had nor made.
 */
static bool find_volumes(
	const struct claims *claims, const struct node *n, const struct volume **chosen)
{
	for (size_t i = 0; i < claims->count; i++) {
		const struct claim *claim = &claims->items[i];

		chosen[i] = NULL;
		if (claim->bound)
			continue;
		if (claim->selected.len) {
			if (!str_eq(claim->selected, n->facts->name))
				return false;
			continue;
		}
		chosen[i] = choose(claim, n, chosen, i);
		if (!chosen[i] && !can_be_made(claim, n))
			return false;
	}
	return true;
}

static struct verdict filter(struct cycle *c, void *state, const struct node *n)
{
	const struct claims *claims = state;
	const struct volume **chosen = arena_new(c->arena, claims->count * sizeof(*chosen));
	bool lost = false, elsewhere = false;
	struct str *reasons;
	uint32_t count = 0;

	for (size_t i = 0; i < claims->count; i++) {
		const struct claim *claim = &claims->items[i];

		if (!claim->bound)
			continue;
		lost |= !claim->volume;
		elsewhere |= claim->volume && !volume_accepts(claim->volume, n);
	}
	bool found = find_volumes(claims, n, chosen);
	if (found && !lost && !elsewhere)
		return VERDICT_FINE;
	reasons = arena_new(c->arena, 3 * sizeof(*reasons));
	if (elsewhere)
		reasons[count++] = STR("node(s) didn't match PersistentVolume's node affinity");
	if (!found)
		reasons[count++] = STR("node(s) didn't find available persistent volumes to bind");
	if (lost)
		reasons[count++] = STR("node(s) unavailable due to one or more pvc(s) bound to "
				       "non-existent pv(s)");
	return (struct verdict){.code = VERDICT_UNRESOLVABLE, .count = count, .reasons = reasons};
}

/* ---- giving ---- */

static void add_write(struct gift *g, const struct resource *r, struct cJSON *tree)
{
	struct write *writes = arena_new(&g->arena, (g->write_count + 1) * sizeof(*writes));

	if (g->write_count)
		memcpy(writes, g->writes, g->write_count * sizeof(*writes));
	writes[g->write_count++] = (struct write){.resource = r,
		.namespace = tree_str(tree, "metadata.namespace"),
		.name = tree_str(tree, "metadata.name"),
		.body = tree};
	g->writes = writes;
}

static void set_annotation(struct arena *a, struct cJSON *tree, const char *key, struct str value)
{
	if (!tree_has(tree, "metadata.annotations"))
		tree_set(a, tree, "metadata.annotations", json_new(a, JSON_OBJECT));
	json_set(a, json_path(tree, "metadata.annotations"), str_from(key), json_new_str(a, value));
}

static void promise(struct cluster *c, struct str key, struct str what)
{
	mem_free(map_set(&c->promised_volumes, key, str_dup(what)));
}

static void write_volume(struct gift *g, const struct claim *claim, const struct volume *v)
{
	struct arena *a = &g->arena;
	struct cJSON *tree = object_lean_tree(a, v->object), *ref = json_new(a, JSON_OBJECT);

	if (!v->preferred || !tree_has(tree, "spec.claimRef.uid")) {
		if (!v->preferred)
			set_annotation(a, tree, BOUND_BY, STR("yes"));
		tree_set_str(a, ref, "kind", STR("PersistentVolumeClaim"));
		tree_set_str(a, ref, "namespace", g->pod->namespace);
		tree_set_str(a, ref, "name", claim->name);
		tree_set_str(a, ref, "uid", tree_str(claim->tree, "metadata.uid"));
		tree_set_str(a, ref, "apiVersion", STR("v1"));
		tree_set_str(a, ref, "resourceVersion",
			tree_str(claim->tree, "metadata.resourceVersion"));
		tree_set(a, tree, "spec.claimRef", ref);
	}
	add_write(g, resource_find(STR(""), STR("v1"), STR("persistentvolumes")), tree);
}

static void write_claim(struct gift *g, const struct claim *claim)
{
	struct cJSON *tree = object_lean_tree(&g->arena, claim->object);

	if (json_get(json_path(tree, "metadata.annotations"), STR(SELECTED_NODE)))
		return;
	set_annotation(&g->arena, tree, SELECTED_NODE, str_from(g->node));
	add_write(g, resource_find(STR(""), STR("v1"), STR("persistentvolumeclaims")), tree);
}

/* What it promised, to be taken back or forgotten. */
struct promises {
	struct str *keys, *claims;
	size_t count, claim_count;
};

static struct verdict reserve(struct cycle *c, void *state, struct gift *g)
{
	const struct claims *claims = state;
	struct arena *a = &g->arena;
	const struct node *n = cluster_node(c->cluster, str_from(g->node));
	const struct volume **chosen = arena_new(c->arena, claims->count * sizeof(*chosen));
	struct promises *p = arena_new(a, sizeof(*p));

	if (!n || !find_volumes(claims, n, chosen))
		return VERDICT_OF(VERDICT_REJECTED,
			"node(s) didn't find available persistent volumes to bind");
	p->keys = arena_new(a, claims->count * sizeof(*p->keys));
	p->claims = arena_new(a, claims->count * sizeof(*p->claims));
	g->volumes = p;
	for (size_t i = 0; i < claims->count; i++) {
		const struct claim *claim = &claims->items[i];

		if (claim->bound)
			continue;
		p->claims[p->claim_count++] = arena_str(a, claim->key);
		g->waits = true;
		struct str key = chosen[i] ? arena_str(a, chosen[i]->name)
					   : arena_print(a, "claim %.*s", STRF(claim->key));
		p->keys[p->count++] = key;
		promise(c->cluster, key, chosen[i] ? claim->key : str_from(g->node));
		if (chosen[i])
			write_volume(g, claim, chosen[i]);
		else
			write_claim(g, claim);
	}
	return VERDICT_FINE;
}

static void forget(struct cluster *c, const struct gift *g)
{
	const struct promises *p = g->volumes;

	for (size_t i = 0; p && i < p->count; i++)
		mem_free(map_remove(&c->promised_volumes, p->keys[i]));
}

/* All claims are bound, to volumes that the node can reach. */
static struct verdict pre_bind_done(struct cluster *c, const struct gift *g, struct arena *a)
{
	const struct promises *p = g->volumes;
	const struct node *n = cluster_node(c, str_from(g->node));

	for (size_t i = 0; p && i < p->claim_count; i++) {
		struct object *claim = cluster_shelved(c, SHELF_CLAIMS, p->claims[i]), *volume;

		if (!claim)
			return VERDICT_OF(VERDICT_FAILED, "a claim of the pod is gone");
		const struct cJSON *tree = object_lean_tree(a, claim);
		const struct cJSON *notes = json_path(tree, "metadata.annotations");
		struct str name = tree_str(tree, "spec.volumeName");
		if (!name.len || !json_get(notes, STR(COMPLETED)))
			return VERDICT_OF(VERDICT_WAIT, "timed out waiting for the condition");
		volume = cluster_shelved(c, SHELF_VOLUMES, name);
		if (!volume)
			return VERDICT_OF(VERDICT_WAIT, "timed out waiting for the condition");
		const struct cJSON *required =
			json_path(object_lean_tree(a, volume), "spec.nodeAffinity.required");
		if (!required || !n)
			continue;
		struct node_selector s = node_selector_from(a, required);
		if (!node_selector_matches(&s, &n->facts->labels, n->facts->name))
			return VERDICT_OF(VERDICT_FAILED,
				"a claim was bound to a volume that the node cannot reach");
	}
	return VERDICT_FINE;
}

/* ---- what may help ---- */

static bool hint(const struct cluster *c, const struct pod *p, const struct happening *h)
{
	struct str namespace, name;

	(void)c;
	if (!(h->kind & HAPPENED_CLAIM))
		return true;
	if (!str_cut(h->key, '/', &namespace, &name) || !str_eq(namespace, p->namespace))
		return false;
	for (size_t i = 0; i < p->claim_count; i++)
		if (str_eq(p->claims[i].name, name))
			return true;
	return false;
}

const struct plugin plugin_volume_binding = {
	.name = "VolumeBinding",
	.pre_filter = pre_filter,
	.filter = filter,
	.reserve = reserve,
	.unreserve = forget,
	.pre_bind_done = pre_bind_done,
	.post_bind = forget,
	.events = HAPPENED_CLAIM | HAPPENED_VOLUME | HAPPENED_CLASS | HAPPENED_CSI_NODE |
		  HAPPENED_NODE_ADD | HAPPENED_NODE_LABELS,
	.hint = hint,
};
