/* A driver attaches only so many volumes to a node; its CSINode says how many. */
#include "plugins.h"

#include <kube/api_codec.h>

struct attached {
	struct str driver, handle; /* the handle of one that is not made yet: its claim */
};
struct attachments {
	struct attached *items;
	size_t count;
};

/* What is attached for a claim; false: nothing that a driver counts. */
static bool attached_for(
	struct cycle *c, struct str namespace, struct str name, struct attached *to)
{
	struct cluster *cluster = c->cluster;
	struct str key = arena_print(c->arena, "%.*s/%.*s", STRF(namespace), STRF(name));
	struct object *claim = cluster_shelved(cluster, SHELF_CLAIMS, key), *o;

	if (!claim)
		return false;
	struct str volume = object_scan(claim, "spec.volumeName");
	if (volume.len) {
		o = cluster_shelved(cluster, SHELF_VOLUMES, volume);
		to->driver = o ? object_scan(o, "spec.csi.driver") : STR("");
		to->handle = o ? object_scan(o, "spec.csi.volumeHandle") : STR("");
		return to->driver.len;
	}
	o = cluster_shelved(cluster, SHELF_CLASSES, object_scan(claim, "spec.storageClassName"));
	to->driver = o ? object_scan(o, "provisioner") : STR("");
	to->handle = arena_print(c->arena, "claim %.*s", STRF(key));
	return to->driver.len;
}

static bool is_among(const struct attachments *list, const struct attached *one)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(list->items[i].driver, one->driver) &&
			str_eq(list->items[i].handle, one->handle))
			return true;
	return false;
}

static void add_pod(struct cycle *c, struct attachments *list, const struct pod *p)
{
	struct attached *items =
		arena_new(c->arena, (list->count + p->claim_count + 1) * sizeof(*items));

	if (list->count)
		memcpy(items, list->items, list->count * sizeof(*items));
	list->items = items;
	for (size_t i = 0; i < p->claim_count; i++)
		if (attached_for(c, p->namespace, p->claims[i].name, &items[list->count]) &&
			!is_among(list, &items[list->count]))
			list->count++;
}

static struct verdict pre_filter(struct cycle *c, void **state)
{
	struct attachments *fresh;

	if (!c->pod->claim_count || !c->cluster->shelves[SHELF_CSI_NODES].count)
		return (struct verdict){.code = VERDICT_SKIP};
	*state = fresh = arena_new(c->arena, sizeof(*fresh));
	add_pod(c, fresh, c->pod);
	return (struct verdict){.code = fresh->count ? VERDICT_OK : VERDICT_SKIP};
}

/* How many the driver attaches there; < 0: it does not say. */
static int64_t limit_of(const struct cJSON *csi_node, struct str driver)
{
	json_each (one, json_path(csi_node, "spec.drivers"))
		if (str_eq(tree_str(one, "name"), driver))
			return tree_int(one, "allocatable.count", -1);
	return -1;
}

static int64_t count_of(const struct attachments *list, struct str driver)
{
	int64_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		count += str_eq(list->items[i].driver, driver);
	return count;
}

static struct verdict filter(struct cycle *c, void *state, const struct node *n)
{
	const struct attachments *fresh = state;
	struct attachments all = {0};
	struct object *o = cluster_shelved(c->cluster, SHELF_CSI_NODES, n->facts->name);

	if (!o)
		return VERDICT_FINE;
	for (size_t i = 0; i < n->pods.count; i++)
		if (n->pods.items[i]->claim_count)
			add_pod(c, &all, n->pods.items[i]);
	struct attachments before = all;
	add_pod(c, &all, c->pod);
	const struct cJSON *tree = object_lean_tree(c->arena, o);
	for (size_t i = 0; i < fresh->count; i++) {
		struct str driver = fresh->items[i].driver;
		int64_t limit = limit_of(tree, driver), wanted = count_of(&all, driver);

		/* One that is there already costs nothing, however many there are. */
		if (limit >= 0 && wanted > limit && wanted > count_of(&before, driver))
			return VERDICT_OF(VERDICT_REJECTED, "node(s) exceed max volume count");
	}
	return VERDICT_FINE;
}

static bool hint(const struct cluster *c, const struct pod *p, const struct happening *h)
{
	(void)c;
	(void)p;
	return !(h->kind & HAPPENED_POD_DELETE) || (h->old_pod && h->old_pod->claim_count);
}

const struct plugin plugin_node_volume_limits = {
	.name = "NodeVolumeLimits",
	.pre_filter = pre_filter,
	.filter = filter,
	.events = HAPPENED_CSI_NODE | HAPPENED_NODE_ADD | HAPPENED_POD_DELETE | HAPPENED_CLAIM |
		  HAPPENED_VOLUME,
	.hint = hint,
};
