#include "cluster.h"

#include <kube/api_codec.h>
#include <kube/mem.h>

/* ---- columns ---- */

void kindred_init(struct kindred *k)
{
	*k = (struct kindred){0};
	map_init(&k->by_key);
}

static void free_column(struct kindred *k, struct kindred_column *column)
{
	if (!column->key)
		return;
	map_remove(&k->by_key, str_from(column->key));
	mem_free(column->key);
	arena_done(&column->arena);
	*column = (struct kindred_column){0};
}

void kindred_done(struct kindred *k)
{
	for (size_t i = 0; i < KINDRED_MAX; i++)
		free_column(k, &k->columns[i]);
	map_done(&k->by_key);
}

/* A free one, or the one that was not asked for the longest time. */
static struct kindred_column *take_column(struct kindred *k)
{
	struct kindred_column *oldest = &k->columns[0];

	for (size_t i = 1; i < KINDRED_MAX && oldest->key; i++)
		if (k->columns[i].asked < oldest->asked)
			oldest = &k->columns[i];
	free_column(k, oldest);
	return oldest;
}

static struct selector selector_keep(struct arena *a, const struct selector *s)
{
	struct selector kept = *s;

	kept.terms = arena_new(a, (s->count + 1) * sizeof(*kept.terms));
	for (size_t i = 0; i < s->count; i++) {
		const struct selector_term *t = &s->terms[i];
		struct str *values = arena_new(a, (t->count + 1) * sizeof(*values));

		for (size_t v = 0; v < t->count; v++)
			values[v] = arena_str(a, t->values[v]);
		kept.terms[i] = *t;
		kept.terms[i].key = arena_str(a, t->key);
		kept.terms[i].values = values;
	}
	return kept;
}

static void fill(struct cluster *c, const struct kindred_column *column, size_t index)
{
	omap_each (it, &c->by_name) {
		struct node *n = it.value;

		if (!n->kindred)
			n->kindred = mem_new(KINDRED_MAX * sizeof(*n->kindred));
		n->kindred[index] = 0;
		for (size_t i = 0; i < n->pods.count; i++)
			n->kindred[index] += kindred_alike(
				n->pods.items[i], column->namespace, &column->selector);
	}
}

size_t kindred_ask(
	struct cluster *c, struct arena *a, struct str namespace, const struct selector *s)
{
	struct kindred *k = &c->kindred;
	struct str key = arena_print(a, "%.*s %s%.*s", STRF(namespace), s->nothing ? "!" : "",
		STRF(label_selector_print(a, s)));
	struct kindred_column *column = map_get(&k->by_key, key);

	if (!column) {
		column = take_column(k);
		column->key = str_dup(key);
		arena_init(&column->arena);
		column->namespace = arena_str(&column->arena, namespace);
		column->selector = selector_keep(&column->arena, s);
		map_set(&k->by_key, key, column);
		fill(c, column, (size_t)(column - k->columns));
	}
	column->asked = ++k->clock;
	return (size_t)(column - k->columns);
}

void kindred_pod_changed(struct node *n, const struct pod *p, int sign)
{
	const struct kindred *k = n->table;

	if (!k || !k->by_key.count)
		return;
	if (!n->kindred)
		n->kindred = mem_new(KINDRED_MAX * sizeof(*n->kindred));
	for (size_t i = 0; i < KINDRED_MAX; i++)
		if (k->columns[i].key &&
			kindred_alike(p, k->columns[i].namespace, &k->columns[i].selector))
			n->kindred[i] += sign;
}

/* ---- who belongs together by default ---- */

static const struct owner_kind {
	const char *kind;
	enum shelf shelf;
	bool map; /* its selector is a plain map of labels */
} owner_kinds[] = {
	{"ReplicaSet", SHELF_REPLICA_SETS, false},
	{"StatefulSet", SHELF_STATEFUL_SETS, false},
	{"ReplicationController", SHELF_REPLICATION_CONTROLLERS, true},
};

void kindred_owners_init(struct kindred_owners *o)
{
	*o = (struct kindred_owners){0};
	arena_init(&o->arena);
	map_init(&o->owners);
}

void kindred_owners_done(struct kindred_owners *o)
{
	map_done(&o->owners);
	arena_done(&o->arena);
}

static struct selector selector_of_map(struct arena *a, const struct cJSON *map)
{
	struct selector s = {0};

	s.terms = arena_new(a, (json_count(map) + 1) * sizeof(*s.terms));
	json_each (value, map) {
		struct str *text = arena_new(a, sizeof(*text));

		*text = json_str(value);
		s.terms[s.count++] = (struct selector_term){
			.key = json_key(value), .op = SEL_EQ, .values = text, .count = 1};
	}
	return s;
}

static void read_services(struct cluster *c)
{
	struct kindred_owners *o = &c->owners;
	const struct omap *shelf = &c->shelves[SHELF_SERVICES];
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	map_done(&o->owners);
	arena_reset(&o->arena);
	map_init(&o->owners);
	o->services = arena_new(&o->arena, (shelf->count + 1) * sizeof(*o->services));
	o->service_count = 0;
	omap_each (it, shelf) {
		const struct cJSON *tree = object_lean_tree(&a, it.value);
		struct selector s = selector_of_map(&a, json_path(tree, "spec.selector"));
		struct service_selector *one = &o->services[o->service_count];

		/* Who selects by nothing selects nobody. */
		if (!s.count)
			continue;
		one->namespace = arena_str(&o->arena, tree_str(tree, "metadata.namespace"));
		one->selector = selector_keep(&o->arena, &s);
		o->service_count++;
	}
	o->fresh = true;
}

static const struct selector *selector_of_owner(struct cluster *c, const struct pod *p)
{
	struct kindred_owners *o = &c->owners;
	const struct owner_kind *kind = NULL;
	_cleanup_(arena_done) struct arena a;
	struct selector *kept, s = {0};

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(owner_kinds); i++)
		if (str_eq_text(p->owner_kind, owner_kinds[i].kind))
			kind = &owner_kinds[i];
	if (!kind)
		return NULL;
	struct str name = arena_print(&a, "%.*s/%.*s", STRF(p->namespace), STRF(p->owner_name));
	struct str key = arena_print(&a, "%s/%.*s", kind->kind, STRF(name));
	kept = map_get(&o->owners, key);
	if (kept)
		return kept;
	struct object *object = cluster_shelved(c, kind->shelf, name);
	if (!object)
		return NULL;
	const struct cJSON *selector = json_path(object_lean_tree(&a, object), "spec.selector");
	if (kind->map)
		s = selector_of_map(&a, selector);
	else if (label_selector_from(&a, selector, &s, NULL))
		return NULL;
	kept = arena_new(&o->arena, sizeof(*kept));
	*kept = selector_keep(&o->arena, &s);
	map_set(&o->owners, key, kept);
	return kept;
}

static void merge(struct arena *a, struct selector *to, const struct selector *from)
{
	struct selector_term *terms = arena_new(a, (to->count + from->count + 1) * sizeof(*terms));

	if (to->count)
		memcpy(terms, to->terms, to->count * sizeof(*terms));
	if (from->count)
		memcpy(terms + to->count, from->terms, from->count * sizeof(*terms));
	to->terms = terms;
	to->count += from->count;
}

struct selector kindred_selector(struct cluster *c, struct arena *a, const struct pod *p)
{
	struct kindred_owners *o = &c->owners;
	const struct selector *owner;
	struct selector sum = {0};

	if (!o->fresh)
		read_services(c);
	for (size_t i = 0; i < o->service_count; i++)
		if (str_eq(o->services[i].namespace, p->namespace) &&
			labels_match(&o->services[i].selector, &p->labels))
			merge(a, &sum, &o->services[i].selector);
	owner = selector_of_owner(c, p);
	if (owner)
		merge(a, &sum, owner);
	return sum;
}

void kindred_owner_changed(struct cluster *c, const struct object *old, const struct object *fresh)
{
	/* Their status changes all the time. */
	if (old && fresh &&
		str_eq(object_scan(old, "spec.selector"), object_scan(fresh, "spec.selector")))
		return;
	c->owners.fresh = false;
}
