/* Volumes that are labelled with a zone are only had there. */
#include "plugins.h"
#include "volumes.h"

#include <kube/api_codec.h>

static const char *const zone_labels[] = {"topology.kubernetes.io/zone",
	"topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
	"failure-domain.beta.kubernetes.io/region"};

struct zone {
	const char *key;
	struct str values; /* a__b__c */
};
struct zones {
	struct zone *items;
	size_t count;
};

static void read_zones(struct cycle *c, struct zones *z, struct str volume)
{
	struct object *o = cluster_shelved(c->cluster, SHELF_VOLUMES, volume);
	const struct cJSON *labels =
		o ? json_path(object_lean_tree(c->arena, o), "metadata.labels") : NULL;

	for (size_t i = 0; i < ARRAY_LEN(zone_labels); i++) {
		struct str value = json_str(json_get(labels, str_from(zone_labels[i])));

		if (value.len)
			z->items[z->count++] = (struct zone){zone_labels[i], value};
	}
}

static struct verdict pre_filter(struct cycle *c, void **state)
{
	const struct pod *p = c->pod;
	struct zones *z;

	if (!p->claim_count)
		return (struct verdict){.code = VERDICT_SKIP};
	*state = z = arena_new(c->arena, sizeof(*z));
	z->items = arena_new(c->arena, p->claim_count * ARRAY_LEN(zone_labels) * sizeof(*z->items));
	for (size_t i = 0; i < p->claim_count; i++) {
		struct str key = arena_print(
			c->arena, "%.*s/%.*s", STRF(p->namespace), STRF(p->claims[i].name));
		struct object *o = cluster_shelved(c->cluster, SHELF_CLAIMS, key);
		struct str volume = o ? object_scan(o, "spec.volumeName") : STR("");

		if (volume.len)
			read_zones(c, z, volume);
	}
	return (struct verdict){.code = z->count ? VERDICT_OK : VERDICT_SKIP};
}

static bool among(struct str values, struct str value)
{
	while (values.len) {
		ssize_t end = str_find(values, STR("__"));
		struct str one = end < 0 ? values : str_sub(values, 0, (size_t)end);

		if (str_eq(one, value))
			return true;
		values = end < 0 ? STR("") : str_skip(values, (size_t)end + 2);
	}
	return false;
}

static struct verdict filter(struct cycle *c, void *state, const struct node *n)
{
	const struct zones *z = state;
	const struct labels *labels = &n->facts->labels;
	bool zoned = false;

	(void)c;
	for (size_t i = 0; i < ARRAY_LEN(zone_labels); i++)
		zoned |= labels_get(labels, str_from(zone_labels[i])) != NULL;
	/* Where nothing is said of zones, there are none. */
	for (size_t i = 0; zoned && i < z->count; i++) {
		const struct str *value = labels_get(labels, str_from(z->items[i].key));

		if (!value || !among(z->items[i].values, *value))
			return VERDICT_OF(
				VERDICT_UNRESOLVABLE, "node(s) had no available volume zone");
	}
	return VERDICT_FINE;
}

const struct plugin plugin_volume_zone = {
	.name = "VolumeZone",
	.pre_filter = pre_filter,
	.filter = filter,
	.events = HAPPENED_CLAIM | HAPPENED_VOLUME | HAPPENED_CLASS | HAPPENED_NODE_ADD |
		  HAPPENED_NODE_LABELS,
};
