#include "cluster.h"

#include <kube/mem.h>

void cluster_init(struct cluster *c, uint64_t seed)
{
	*c = (struct cluster){.random = seed | 1};
	omap_init(&c->by_name);
	map_init(&c->placements);
	map_init(&c->images);
	map_init(&c->nominations);
	map_init(&c->nominees);
	map_init(&c->promised_volumes);
	kindred_init(&c->kindred);
	kindred_owners_init(&c->owners);
	for (size_t i = 0; i < SHELF_COUNT; i++)
		omap_init(&c->shelves[i]);
}

/* ---- nodes ---- */

static struct node *find_node(const struct cluster *c, struct str name)
{
	return omap_get(&c->by_name, name);
}

static struct node *find_or_add_node(struct cluster *c, struct str name)
{
	struct node *n = find_node(c, name);

	if (n)
		return n;
	n = mem_new(sizeof(*n));
	n->name = str_dup(name);
	n->table = &c->kindred;
	omap_set(&c->by_name, name, n);
	return n;
}

static void count_images(struct cluster *c, const struct node_facts *f, int sign)
{
	for (size_t i = 0; i < f->image_count; i++) {
		struct str name = f->images[i].name;
		uintptr_t count = (uintptr_t)map_get(&c->images, name) + (uintptr_t)sign;

		if (count)
			map_set(&c->images, name, (void *)count);
		else
			map_remove(&c->images, name);
	}
}

static void count_facts(struct cluster *c, const struct node_facts *f, int sign)
{
	if (!f)
		return;
	c->tainted += (size_t)(f->tainted ? sign : 0);
	c->avoided += (size_t)(f->avoided ? sign : 0);
	c->unschedulable += (size_t)(f->unschedulable ? sign : 0);
	count_images(c, f, sign);
}

void cluster_set_node(struct cluster *c, struct node_facts *facts)
{
	struct node *n = find_or_add_node(c, facts->name);
	struct node_facts *old = n->facts;

	c->order_stale |= !old || !str_eq(old->zone, facts->zone);
	count_facts(c, old, -1);
	n->facts = facts;
	count_facts(c, facts, 1);
	node_facts_unref(old);
}

/* Nobody knows anything of it any more. */
static void drop_unknown(struct cluster *c, struct node *n)
{
	if (n->facts || n->pods.count)
		return;
	omap_remove(&c->by_name, str_from(n->name));
	node_free(n);
}

void cluster_remove_node(struct cluster *c, struct str name)
{
	struct node *n = find_node(c, name);

	if (!n || !n->facts)
		return;
	count_facts(c, n->facts, -1);
	node_facts_unref(TAKE(n->facts));
	c->order_stale = true;
	/* The order must not keep what is freed. */
	c->node_count = 0;
	drop_unknown(c, n);
}

struct node *cluster_node(const struct cluster *c, struct str name)
{
	struct node *n = find_node(c, name);

	return n && n->facts ? n : NULL;
}

struct zone {
	struct str name;
	struct node **nodes;
	size_t count, taken;
};

static struct zone *find_zone(struct zone *zones, size_t *count, struct str name)
{
	for (size_t i = 0; i < *count; i++)
		if (str_eq(zones[i].name, name))
			return &zones[i];
	zones[*count] = (struct zone){.name = name};
	return &zones[(*count)++];
}

/* One node of each zone after the other, as long as a zone has any. */
static void interleave(struct cluster *c, struct zone *zones, size_t zone_count)
{
	for (bool any = true; any;) {
		any = false;
		for (size_t z = 0; z < zone_count; z++) {
			if (zones[z].taken == zones[z].count)
				continue;
			struct node *n = zones[z].nodes[zones[z].taken++];
			n->index = c->node_count;
			c->nodes[c->node_count++] = n;
			any = true;
		}
	}
}

static void reorder(struct cluster *c)
{
	_cleanup_(arena_done) struct arena a;
	size_t zone_count = 0;

	arena_init(&a);
	size_t most = c->by_name.count;
	struct zone *zones = arena_new(&a, (most + 1) * sizeof(*zones));
	if (most > c->node_cap) {
		c->node_cap = 2 * most;
		c->nodes = mem_resize(c->nodes, c->node_cap * sizeof(struct node *));
	}
	omap_each (it, &c->by_name) {
		struct node *n = it.value;

		if (n->facts)
			find_zone(zones, &zone_count, n->facts->zone)->count++;
	}
	for (size_t z = 0; z < zone_count; z++) {
		zones[z].nodes = arena_new(&a, zones[z].count * sizeof(struct node *));
		zones[z].count = 0;
	}
	omap_each (it, &c->by_name) {
		struct node *n = it.value;

		if (!n->facts)
			continue;
		struct zone *z = find_zone(zones, &zone_count, n->facts->zone);
		z->nodes[z->count++] = n;
	}
	c->node_count = 0;
	interleave(c, zones, zone_count);
	c->order_stale = false;
	c->next_start = c->node_count ? c->next_start % c->node_count : 0;
}

void cluster_settle(struct cluster *c)
{
	if (c->order_stale)
		reorder(c);
}

/* ---- pods on nodes ---- */

static void change_node(struct cluster *c, struct node *n, struct pod *p, int sign)
{
	bool relating = n->relating.count, repelling = n->repelling.count;

	if (sign > 0)
		node_add_pod(n, p);
	else
		node_remove_pod(n, p);
	c->relating += (size_t)((n->relating.count != 0) - relating);
	c->repelling += (size_t)((n->repelling.count != 0) - repelling);
}

void cluster_place(struct cluster *c, struct pod *p, struct str node, bool assumed)
{
	struct placement *at = map_get(&c->placements, p->uid);
	struct node *n = find_or_add_node(c, node);

	pod_facts_ref(p);
	if (at) {
		struct node *before = at->node;

		change_node(c, before, at->pod, -1);
		pod_facts_unref(at->pod);
		if (before != n)
			drop_unknown(c, before);
	} else {
		at = mem_new(sizeof(*at));
		map_set(&c->placements, p->uid, at);
	}
	*at = (struct placement){.pod = p, .node = n, .assumed = assumed};
	change_node(c, n, p, 1);
}

void cluster_displace(struct cluster *c, struct str uid)
{
	struct placement *at = map_remove(&c->placements, uid);

	if (!at)
		return;
	change_node(c, at->node, at->pod, -1);
	drop_unknown(c, at->node);
	pod_facts_unref(at->pod);
	mem_free(at);
}

const struct placement *cluster_placement(const struct cluster *c, struct str uid)
{
	return map_get(&c->placements, uid);
}

/* ---- nominations ---- */

struct nomination {
	struct pod *pod;
	char *node;
};

void cluster_denominate(struct cluster *c, struct str uid)
{
	struct nomination *n = map_remove(&c->nominees, uid);

	if (!n)
		return;
	struct pod_list *l = map_get(&c->nominations, str_from(n->node));
	for (size_t i = 0; i < l->count; i++)
		if (l->items[i] == n->pod)
			l->items[i--] = l->items[--l->count];
	if (!l->count) {
		map_remove(&c->nominations, str_from(n->node));
		mem_free(l->items);
		mem_free(l);
	}
	pod_facts_unref(n->pod);
	mem_free(n->node);
	mem_free(n);
}

void cluster_nominate(struct cluster *c, struct pod *p, struct str node)
{
	struct nomination *n = mem_new(sizeof(*n));

	pod_facts_ref(p);
	cluster_denominate(c, p->uid);
	struct pod_list *l = map_get(&c->nominations, node);
	if (!l) {
		l = mem_new(sizeof(*l));
		map_set(&c->nominations, node, l);
	}
	l->items = mem_resize(l->items, (l->count + 1) * sizeof(*l->items));
	l->items[l->count++] = p;
	*n = (struct nomination){.pod = p, .node = str_dup(node)};
	map_set(&c->nominees, p->uid, n);
}

const struct pod_list *cluster_nominated(const struct cluster *c, struct str node)
{
	return c->nominations.count ? map_get(&c->nominations, node) : NULL;
}

struct str cluster_nomination(const struct cluster *c, struct str uid)
{
	const struct nomination *n = map_get(&c->nominees, uid);

	return n ? str_from(n->node) : STR("");
}

/* ---- the rest ---- */

void cluster_shelve(struct cluster *c, enum shelf shelf, struct str key, struct object *o)
{
	struct object *old = o ? omap_set(&c->shelves[shelf], key, object_ref(o))
			       : omap_remove(&c->shelves[shelf], key);

	if (shelf >= SHELF_SERVICES && shelf <= SHELF_STATEFUL_SETS)
		kindred_owner_changed(c, old, o);
	object_unref(old);
}

struct object *cluster_shelved(const struct cluster *c, enum shelf shelf, struct str key)
{
	return omap_get(&c->shelves[shelf], key);
}

struct omap_iter cluster_seek(const struct cluster *c, enum shelf shelf, struct str prefix)
{
	return omap_seek(&c->shelves[shelf], prefix);
}

bool cluster_term_matches(
	const struct cluster *c, const struct pod_term *t, const struct pod *other)
{
	bool named = false;

	for (size_t i = 0; i < t->namespace_count && !named; i++)
		named = str_eq(t->namespaces[i], other->namespace);
	if (!named && t->by_namespace_selector) {
		struct object *ns = cluster_shelved(c, SHELF_NAMESPACES, other->namespace);
		struct str labels = ns ? object_labels(ns) : STR("");

		named = label_selector_matches_text(
			&t->namespace_selector, labels.len ? labels : STR("{}"));
	}
	return named && labels_match(&t->selector, &other->labels);
}

/* xorshift64: ties need no more. */
uint64_t cluster_random(struct cluster *c)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return c->random;
}

size_t cluster_image_spread(const struct cluster *c, struct str image)
{
	return (size_t)(uintptr_t)map_get(&c->images, image);
}

/* ---- the end ---- */

void cluster_done(struct cluster *c)
{
	map_each (it, &c->nominees) {
		struct nomination *n = it.value;

		pod_facts_unref(n->pod);
		mem_free(n->node);
		mem_free(n);
	}
	map_each (it, &c->nominations) {
		mem_free(((struct pod_list *)it.value)->items);
		mem_free(it.value);
	}
	omap_each (it, &c->by_name)
		node_free(it.value);
	map_each (it, &c->placements) {
		pod_facts_unref(((struct placement *)it.value)->pod);
		mem_free(it.value);
	}
	map_each (it, &c->promised_volumes)
		mem_free(it.value);
	for (size_t i = 0; i < SHELF_COUNT; i++) {
		omap_each (it, &c->shelves[i])
			object_unref(it.value);
		omap_done(&c->shelves[i]);
	}
	kindred_done(&c->kindred);
	kindred_owners_done(&c->owners);
	map_done(&c->nominees);
	map_done(&c->nominations);
	map_done(&c->placements);
	map_done(&c->promised_volumes);
	map_done(&c->images);
	omap_done(&c->by_name);
	mem_free(c->nodes);
}
