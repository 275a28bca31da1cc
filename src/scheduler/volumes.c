#include "volumes.h"

#include <kube/api_codec.h>
#include <kube/quantity.h>

#include <stdlib.h>

#define BIND_COMPLETED "pv.kubernetes.io/bind-completed"
#define OLD_CLASS      "volume.beta.kubernetes.io/storage-class"
#define SELECTED_NODE  "volume.kubernetes.io/selected-node"

static struct str annotation(const struct cJSON *tree, const char *key)
{
	return json_str(json_get(json_path(tree, "metadata.annotations"), str_from(key)));
}

static struct str class_of(const struct cJSON *tree)
{
	struct str old = annotation(tree, OLD_CLASS);

	return old.len ? old : tree_str(tree, "spec.storageClassName");
}

static int64_t size_from(const struct cJSON *n)
{
	struct quantity q;

	return quantity_parse(json_str(n), &q, NULL) ? 0 : quantity_value(q);
}

/* ---- volumes ---- */

static struct volume volume_from(struct arena *a, struct object *o)
{
	struct volume v = {.object = o, .tree = object_lean_tree(a, o)};
	const struct cJSON *required = json_path(v.tree, "spec.nodeAffinity.required");

	v.name = tree_str(v.tree, "metadata.name");
	v.size = size_from(json_path(v.tree, "spec.capacity.storage"));
	v.picky = required;
	if (required)
		v.nodes = node_selector_from(a, required);
	return v;
}

bool volume_accepts(const struct volume *v, const struct node *n)
{
	return !v->picky || node_selector_matches(&v->nodes, &n->facts->labels, n->facts->name);
}

static bool names_claim(const struct volume *v, const struct claim *claim)
{
	struct str uid = tree_str(v->tree, "spec.claimRef.uid");

	return str_eq(tree_str(v->tree, "spec.claimRef.name"), claim->name) &&
	       str_eq(tree_str(v->tree, "spec.claimRef.namespace"),
		       tree_str(claim->tree, "metadata.namespace")) &&
	       (!uid.len || str_eq(uid, tree_str(claim->tree, "metadata.uid")));
}

static struct str mode_of(const struct cJSON *tree)
{
	struct str mode = tree_str(tree, "spec.volumeMode");

	return mode.len ? mode : STR("Filesystem");
}

static bool has_modes(const struct volume *v, const struct claim *claim)
{
	json_each (wanted, json_path(claim->tree, "spec.accessModes")) {
		bool found = false;

		json_each (mode, json_path(v->tree, "spec.accessModes"))
			found |= str_eq(json_str(mode), json_str(wanted));
		if (!found)
			return false;
	}
	return true;
}

/* Could the claim have that volume, nodes apart? */
static bool suits(struct cycle *c, struct volume *v, const struct claim *claim)
{
	const struct cJSON *selector = json_path(claim->tree, "spec.selector");
	const char *promised = map_get(&c->cluster->promised_volumes, v->name);
	struct selector s;

	if (promised && !str_eq_text(claim->key, promised))
		return false;
	v->preferred = names_claim(v, claim);
	if ((tree_has(v->tree, "spec.claimRef") && !v->preferred) || v->size < claim->size ||
		!str_eq(mode_of(v->tree), mode_of(claim->tree)) ||
		tree_has(v->tree, "metadata.deletionTimestamp"))
		return false;
	if (v->preferred)
		return true;
	if (!str_eq_text(tree_str(v->tree, "status.phase"), "Available") ||
		!str_eq(class_of(v->tree), class_of(claim->tree)) || !has_modes(v, claim))
		return false;
	return !selector ||
	       (!label_selector_from(c->arena, selector, &s, NULL) &&
		       label_selector_matches(&s, json_path(v->tree, "metadata.labels")));
}

static int by_fit(const void *a, const void *b)
{
	const struct volume *one = a, *other = b;

	if (one->preferred != other->preferred)
		return one->preferred ? -1 : 1;
	if (one->size != other->size)
		return one->size < other->size ? -1 : 1;
	return str_cmp(one->name, other->name);
}

static void find_candidates(struct cycle *c, struct claim *claim)
{
	const struct omap *shelf = &c->cluster->shelves[SHELF_VOLUMES];

	claim->candidates = arena_new(c->arena, (shelf->count + 1) * sizeof(*claim->candidates));
	omap_each (it, shelf) {
		struct volume v = volume_from(c->arena, it.value);

		if (suits(c, &v, claim))
			claim->candidates[claim->candidate_count++] = v;
	}
	qsort(claim->candidates, claim->candidate_count, sizeof(*claim->candidates), by_fit);
}

/* ---- classes ---- */

/* allowedTopologies: in which places one could be made; its terms are read as a node's are. */
static void read_topologies(struct cycle *c, struct claim *claim, const struct cJSON *list)
{
	claim->topologies =
		arena_new(c->arena, (json_count(list) + 1) * sizeof(*claim->topologies));
	json_each (term, list) {
		struct node_term *t = &claim->topologies[claim->topology_count++];
		const struct cJSON *wanted = json_get(term, STR("matchLabelExpressions"));

		t->labels = arena_new(c->arena, (json_count(wanted) + 1) * sizeof(*t->labels));
		json_each (one, wanted) {
			const struct cJSON *values = json_get(one, STR("values"));
			struct node_demand *d = &t->labels[t->label_count++];

			d->key = tree_str(one, "key");
			d->op = SEL_IN;
			d->values =
				arena_new(c->arena, (json_count(values) + 1) * sizeof(*d->values));
			json_each (value, values)
				d->values[d->count++] = json_str(value);
		}
	}
}

/* true: its claims wait for their first pod. */
static bool read_class(struct cycle *c, struct claim *claim)
{
	struct object *o = cluster_shelved(c->cluster, SHELF_CLASSES, class_of(claim->tree));

	if (!o)
		return false;
	const struct cJSON *tree = object_lean_tree(c->arena, o);
	if (!str_eq_text(tree_str(tree, "volumeBindingMode"), "WaitForFirstConsumer"))
		return false;
	struct str who = tree_str(tree, "provisioner");
	claim->provisions = who.len && !str_eq_text(who, "kubernetes.io/no-provisioner");
	read_topologies(c, claim, json_get(tree, STR("allowedTopologies")));
	return true;
}

/* ---- claims ---- */

/* Is it there, and for this pod? */
static struct verdict check_claim(
	struct cycle *c, const struct claim *claim, const struct claim_use *use)
{
	const struct pod *p = c->pod;
	bool owned = false;

	if (!claim->object && use->ephemeral)
		return cycle_reject(c, VERDICT_UNRESOLVABLE,
			"waiting for ephemeral volume controller to create the "
			"persistentvolumeclaim \"%.*s\"",
			STRF(use->name));
	if (!claim->object)
		return cycle_reject(c, VERDICT_UNRESOLVABLE,
			"persistentvolumeclaim \"%.*s\" not found", STRF(use->name));
	if (str_eq_text(tree_str(claim->tree, "status.phase"), "Lost"))
		return cycle_reject(c, VERDICT_UNRESOLVABLE,
			"persistentvolumeclaim \"%.*s\" bound to non-existent persistentvolume "
			"\"%.*s\"",
			STRF(use->name), STRF(tree_str(claim->tree, "spec.volumeName")));
	if (tree_has(claim->tree, "metadata.deletionTimestamp"))
		return cycle_reject(c, VERDICT_UNRESOLVABLE,
			"persistentvolumeclaim \"%.*s\" is being deleted", STRF(use->name));
	json_each (owner, json_path(claim->tree, "metadata.ownerReferences"))
		owned |= tree_true(owner, "controller") && str_eq(tree_str(owner, "uid"), p->uid);
	if (use->ephemeral && !owned)
		return cycle_reject(c, VERDICT_UNRESOLVABLE,
			"PVC %.*s was not created for pod %.*s (pod is not owner)",
			STRF(claim->key), STRF(p->key));
	return VERDICT_FINE;
}

static void read_claim(struct cycle *c, struct claims *all, struct claim *claim)
{
	struct str volume = tree_str(claim->tree, "spec.volumeName");
	struct object *o;

	claim->size = size_from(json_path(claim->tree, "spec.resources.requests.storage"));
	json_each (mode, json_path(claim->tree, "spec.accessModes"))
		claim->single |= str_eq_text(json_str(mode), "ReadWriteOncePod");
	claim->bound = volume.len && json_get(json_path(claim->tree, "metadata.annotations"),
					     STR(BIND_COMPLETED));
	if (claim->bound) {
		o = cluster_shelved(c->cluster, SHELF_VOLUMES, volume);
		if (o) {
			claim->volume = arena_new(c->arena, sizeof(*claim->volume));
			*claim->volume = volume_from(c->arena, o);
		}
		return;
	}
	if (volume.len || !read_class(c, claim)) {
		all->unbound_now = true;
		return;
	}
	claim->selected = annotation(claim->tree, SELECTED_NODE);
	if (!claim->selected.len) {
		struct str key = arena_print(c->arena, "claim %.*s", STRF(claim->key));
		const char *promised = map_get(&c->cluster->promised_volumes, key);

		claim->selected = promised ? str_from(promised) : STR("");
	}
	if (!claim->selected.len)
		find_candidates(c, claim);
}

static int by_size(const void *a, const void *b)
{
	const struct claim *one = a, *other = b;

	return one->size < other->size ? -1 : one->size > other->size;
}

struct verdict claims_read(struct cycle *c, struct claims *all)
{
	const struct pod *p = c->pod;

	all->items = arena_new(c->arena, (p->claim_count + 1) * sizeof(*all->items));
	for (size_t i = 0; i < p->claim_count; i++) {
		struct claim *claim = &all->items[all->count++];

		claim->name = p->claims[i].name;
		claim->key =
			arena_print(c->arena, "%.*s/%.*s", STRF(p->namespace), STRF(claim->name));
		claim->object = cluster_shelved(c->cluster, SHELF_CLAIMS, claim->key);
		if (claim->object)
			claim->tree = object_lean_tree(c->arena, claim->object);
		struct verdict v = check_claim(c, claim, &p->claims[i]);
		if (v.code != VERDICT_OK)
			return v;
		read_claim(c, all, claim);
	}
	/* The smallest first: large ones should not take small ones' volumes. */
	qsort(all->items, all->count, sizeof(*all->items), by_size);
	return VERDICT_FINE;
}
