/* A claim for one pod only (ReadWriteOncePod) is had by one pod only, wherever that is. */
#include "plugins.h"

#include <kube/api_codec.h>

struct singles {
	struct str *names; /* of the pod's claims of that kind */
	size_t count;
	int64_t taken; /* by how many pods' uses */
};

static int64_t uses(const struct singles *s, const struct cycle *c, const struct pod *placed)
{
	int64_t count = 0;

	if (!str_eq(placed->namespace, c->pod->namespace))
		return 0;
	for (size_t i = 0; i < placed->claim_count; i++)
		for (size_t k = 0; k < s->count; k++)
			count += str_eq(placed->claims[i].name, s->names[k]);
	return count;
}

static bool is_single(struct cycle *c, struct str name)
{
	struct str key = arena_print(c->arena, "%.*s/%.*s", STRF(c->pod->namespace), STRF(name));
	struct object *o = cluster_shelved(c->cluster, SHELF_CLAIMS, key);

	/* Found by the text: names of claims cannot contain the word's capitals. */
	return o && str_find(object_scan(o, "spec.accessModes"), STR("ReadWriteOncePod")) >= 0;
}

static struct verdict pre_filter(struct cycle *c, void **state)
{
	const struct pod *p = c->pod;
	struct singles *s;

	if (!p->claim_count)
		return (struct verdict){.code = VERDICT_SKIP};
	*state = s = arena_new(c->arena, sizeof(*s));
	s->names = arena_new(c->arena, p->claim_count * sizeof(*s->names));
	for (size_t i = 0; i < p->claim_count; i++)
		if (is_single(c, p->claims[i].name))
			s->names[s->count++] = p->claims[i].name;
	if (!s->count)
		return (struct verdict){.code = VERDICT_SKIP};
	for (size_t i = 0; i < c->cluster->node_count; i++)
		for (size_t k = 0; k < c->cluster->nodes[i]->pods.count; k++)
			s->taken += uses(s, c, c->cluster->nodes[i]->pods.items[k]);
	return VERDICT_FINE;
}

static void pod_changed(
	struct cycle *c, void *state, const struct node *n, const struct pod *p, int sign)
{
	struct singles *s = state;

	(void)n;
	s->taken += sign * uses(s, c, p);
}

static struct verdict filter(struct cycle *c, void *state, const struct node *n)
{
	(void)c;
	(void)n;
	if (((const struct singles *)state)->taken <= 0)
		return VERDICT_FINE;
	return VERDICT_OF(VERDICT_REJECTED,
		"node has pod using PersistentVolumeClaim with the same name and "
		"ReadWriteOncePod access mode");
}

static bool hint(const struct cluster *c, const struct pod *p, const struct happening *h)
{
	(void)c;
	return !(h->kind & HAPPENED_POD_DELETE) ||
	       (h->old_pod && h->old_pod->claim_count &&
		       str_eq(h->old_pod->namespace, p->namespace));
}

const struct plugin plugin_volume_restrictions = {
	.name = "VolumeRestrictions",
	.pre_filter = pre_filter,
	.filter = filter,
	.pod_changed = pod_changed,
	.events = HAPPENED_POD_DELETE | HAPPENED_CLAIM | HAPPENED_NODE_ADD,
	.hint = hint,
};
