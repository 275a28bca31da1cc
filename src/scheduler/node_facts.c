/* Reading a node. */
#include "facts.h"

#include <kube/api_codec.h>
#include <kube/mem.h>

static void read_taints(struct node_facts *n, const struct cJSON *list)
{
	n->taints = arena_new(&n->arena, (json_count(list) + 1) * sizeof(*n->taints));
	json_each (item, list) {
		struct taint *t = &n->taints[n->taint_count++];

		t->key = arena_str(&n->arena, tree_str(item, "key"));
		t->value = arena_str(&n->arena, tree_str(item, "value"));
		t->effect = taint_effect_from(tree_str(item, "effect"));
		n->tainted |= t->effect == TAINT_NO_SCHEDULE || t->effect == TAINT_NO_EXECUTE;
		n->avoided |= t->effect == TAINT_PREFER_NO_SCHEDULE;
	}
}

static void read_images(struct node_facts *n, const struct cJSON *list)
{
	size_t count = 0;

	json_each (image, list)
		count += json_count(json_get(image, STR("names")));
	if (!count)
		return;
	n->images = arena_new(&n->arena, count * sizeof(*n->images));
	json_each (image, list)
		json_each (name, json_get(image, STR("names")))
			n->images[n->image_count++] =
				(struct node_image){arena_str(&n->arena, json_str(name)),
					tree_int(image, "sizeBytes", 0)};
}

static struct str label_of(const struct node_facts *n, const char *key, const char *older)
{
	const struct str *value = labels_get(&n->labels, str_from(key));

	if (!value)
		value = labels_get(&n->labels, str_from(older));
	return value ? *value : STR("");
}

struct node_facts *node_facts_from_tree(const struct cJSON *tree)
{
	struct node_facts *n = mem_new(sizeof(*n));
	struct amounts allocatable = {0};
	const struct cJSON *list = json_path(tree, "status.allocatable");
	struct quantity q;

	n->refs = 1;
	arena_init(&n->arena);
	n->name = arena_str(&n->arena, tree_str(tree, "metadata.name"));
	n->labels = labels_from(&n->arena, json_path(tree, "metadata.labels"));
	n->unschedulable = tree_true(tree, "spec.unschedulable");
	read_taints(n, json_path(tree, "spec.taints"));
	sched_amounts_read(&allocatable, list);
	n->allocatable = sched_amounts_keep(&n->arena, &allocatable);
	sched_amounts_done(&allocatable);
	if (!quantity_parse(json_str(json_get(list, STR("pods"))), &q, NULL))
		n->max_pods = quantity_value(q);
	read_images(n, json_path(tree, "status.images"));
	struct str region = label_of(
		n, "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region");
	struct str zone = label_of(
		n, "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone");
	if (region.len || zone.len)
		n->zone = arena_print(&n->arena, "%.*s:%.*s", STRF(region), STRF(zone));
	return n;
}

struct node_facts *node_facts_from(struct object *o)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	return node_facts_from_tree(object_lean_tree(&a, o));
}

void node_facts_unref(struct node_facts *n)
{
	if (!n || --n->refs)
		return;
	arena_done(&n->arena);
	mem_free(n);
}
