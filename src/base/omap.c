/*
 * A B-tree: every node but the root holds NODE_MIN to NODE_MAX entries, in order; child i of an
 * inner node holds the keys between entries i - 1 and i. All leaves are equally deep.
 */
#include <kube/map.h>
#include <kube/mem.h>

enum { NODE_MAX = 31, NODE_MIN = NODE_MAX / 2 };

struct omap_entry {
	struct str key;
	void *value;
};

struct omap_node {
	int count;
	bool leaf;
	struct omap_entry entries[NODE_MAX];
	struct omap_node *children[]; /* NODE_MAX + 1; leaves have none */
};

static struct omap_node *node_new(bool leaf)
{
	struct omap_node *n;
	n = mem_alloc(sizeof(*n) + (leaf ? 0 : (NODE_MAX + 1) * sizeof(n->children[0])));
	n->count = 0;
	n->leaf = leaf;
	return n;
}

static void node_free(struct omap_node *n)
{
	for (int i = 0; i < n->count; i++)
		mem_free((void *)n->entries[i].key.at);
	for (int i = 0; !n->leaf && i <= n->count; i++)
		node_free(n->children[i]);
	mem_free(n);
}

/* The first entry whose key is not smaller; *found tells whether it is equal. */
static int node_search(const struct omap_node *n, struct str key, bool *found)
{
	int from = 0, to = n->count;
	*found = false;
	while (from < to) {
		int middle = (from + to) / 2, order = str_cmp(n->entries[middle].key, key);
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
		*found |= order == 0;
	}
	return from;
}

void omap_init(struct omap *m)
{
	*m = (struct omap){0};
}

void omap_done(struct omap *m)
{
	if (m->root)
		node_free(m->root);
	omap_init(m);
}

static struct omap_entry *omap_find(const struct omap *m, struct str key)
{
	struct omap_node *n = m->root;
	while (n) {
		bool found;
		int i = node_search(n, key, &found);
		if (found)
			return &n->entries[i];
		n = n->leaf ? NULL : n->children[i];
	}
	return NULL;
}

void *omap_get(const struct omap *m, struct str key)
{
	struct omap_entry *e = omap_find(m, key);
	return e ? e->value : NULL;
}

bool omap_has(const struct omap *m, struct str key)
{
	return omap_find(m, key);
}

/* Moves entries [i, count) by `by` places, and the children right of them. */
static void node_shift(struct omap_node *n, int i, int by)
{
	size_t moved = (size_t)(n->count - i);
	memmove(n->entries + i + by, n->entries + i, moved * sizeof(n->entries[0]));
	if (!n->leaf)
		memmove(n->children + i + by + 1, n->children + i + 1,
			moved * sizeof(n->children[0]));
	n->count += by;
}

/* Splits the full child i: its middle entry comes up to place i, the rest right of it. */
static void node_split(struct omap_node *parent, int i)
{
	struct omap_node *left = parent->children[i], *right = node_new(left->leaf);
	right->count = NODE_MAX - NODE_MIN - 1;
	left->count = NODE_MIN;
	memcpy(right->entries, left->entries + NODE_MIN + 1,
		(size_t)right->count * sizeof(left->entries[0]));
	if (!left->leaf)
		memcpy(right->children, left->children + NODE_MIN + 1,
			(size_t)(right->count + 1) * sizeof(left->children[0]));
	node_shift(parent, i, 1);
	parent->entries[i] = left->entries[NODE_MIN];
	parent->children[i + 1] = right;
}

/* Full nodes are split on the way down, so a split never travels up. */
static void omap_insert(struct omap *m, struct omap_entry entry)
{
	if (!m->root) {
		m->root = node_new(true);
		m->depth = 1;
	}
	if (m->root->count == NODE_MAX) {
		struct omap_node *root = node_new(false);
		root->children[0] = m->root;
		m->root = root;
		m->depth++;
		node_split(root, 0);
	}
	struct omap_node *n = m->root;
	for (;;) {
		bool found;
		int i = node_search(n, entry.key, &found);
		if (n->leaf) {
			node_shift(n, i, 1);
			n->entries[i] = entry;
			return;
		}
		if (n->children[i]->count == NODE_MAX) {
			node_split(n, i);
			i += str_cmp(n->entries[i].key, entry.key) < 0;
		}
		n = n->children[i];
	}
}

void *omap_set(struct omap *m, struct str key, void *value)
{
	/* Looked for first: where the key is there no node may be split, for iterators' sake. */
	struct omap_entry *e = omap_find(m, key);
	if (e) {
		void *replaced = e->value;
		e->value = value;
		return replaced;
	}
	char *copy = mem_copy(key.at, key.len);
	omap_insert(m, (struct omap_entry){str_make(copy, key.len), value});
	m->count++;
	m->changes++;
	return NULL;
}

static void node_take_from_left(struct omap_node *parent, int i)
{
	struct omap_node *n = parent->children[i], *left = parent->children[i - 1];
	node_shift(n, 0, 1);
	n->entries[0] = parent->entries[i - 1];
	if (!n->leaf) {
		n->children[1] = n->children[0];
		n->children[0] = left->children[left->count];
	}
	parent->entries[i - 1] = left->entries[left->count - 1];
	left->count--;
}

static void node_take_from_right(struct omap_node *parent, int i)
{
	struct omap_node *n = parent->children[i], *right = parent->children[i + 1];
	n->entries[n->count] = parent->entries[i];
	if (!n->leaf)
		n->children[n->count + 1] = right->children[0];
	n->count++;
	parent->entries[i] = right->entries[0];
	if (!right->leaf)
		right->children[0] = right->children[1];
	node_shift(right, 1, -1);
}

/* Child i, entry i and child i + 1 become one. */
static void node_merge(struct omap_node *parent, int i)
{
	struct omap_node *left = parent->children[i], *right = parent->children[i + 1];
	left->entries[left->count] = parent->entries[i];
	memcpy(left->entries + left->count + 1, right->entries,
		(size_t)right->count * sizeof(right->entries[0]));
	if (!left->leaf)
		memcpy(left->children + left->count + 1, right->children,
			(size_t)(right->count + 1) * sizeof(right->children[0]));
	left->count += right->count + 1;
	/* Drops entry i and the child to its right. */
	node_shift(parent, i + 1, -1);
	mem_free(right);
}

/* After child i lost an entry. */
static void node_refill(struct omap_node *parent, int i)
{
	if (parent->children[i]->count >= NODE_MIN)
		return;
	if (i > 0 && parent->children[i - 1]->count > NODE_MIN)
		node_take_from_left(parent, i);
	else if (i < parent->count && parent->children[i + 1]->count > NODE_MIN)
		node_take_from_right(parent, i);
	else
		node_merge(parent, i > 0 ? i - 1 : i);
}

static struct omap_entry node_remove_largest(struct omap_node *n)
{
	if (n->leaf)
		return n->entries[--n->count];
	int last = n->count;
	struct omap_entry largest = node_remove_largest(n->children[last]);
	node_refill(n, last);
	return largest;
}

/* The key is there. As deep as the tree: its depth bounds the recursion. */
static struct omap_entry node_remove(struct omap_node *n, struct str key)
{
	bool found;
	int i = node_search(n, key, &found);
	struct omap_entry removed;
	if (n->leaf) {
		removed = n->entries[i];
		node_shift(n, i + 1, -1);
		return removed;
	}
	if (found) {
		removed = n->entries[i];
		n->entries[i] = node_remove_largest(n->children[i]);
	} else {
		removed = node_remove(n->children[i], key);
	}
	node_refill(n, i);
	return removed;
}

void *omap_remove(struct omap *m, struct str key)
{
	if (!omap_find(m, key))
		return NULL;
	struct omap_entry removed = node_remove(m->root, key);
	if (m->root->count == 0) {
		struct omap_node *empty = m->root;
		m->root = empty->leaf ? NULL : empty->children[0];
		m->depth--;
		mem_free(empty);
	}
	m->count--;
	m->changes++;
	mem_free((void *)removed.key.at);
	return removed.value;
}

/* Sets the iterator on the smallest key >= from, or > from. */
static bool omap_descend(
	const struct omap *m, struct omap_iter *it, struct str from, bool inclusive)
{
	it->node = NULL;
	for (const struct omap_node *n = m->root; n;) {
		bool found;
		int i = node_search(n, from, &found);
		if (found && !inclusive)
			i++;
		if (i < n->count) {
			it->node = n;
			it->index = i;
		}
		if (found && inclusive)
			break;
		n = n->leaf ? NULL : n->children[i];
	}
	return it->node;
}

bool omap_next(const struct omap *m, struct omap_iter *it)
{
	if (!it->started) {
		it->started = true;
		it->changes = m->changes;
		if (!omap_descend(m, it, it->from, true))
			return false;
	} else {
		assert(it->changes == m->changes);
		if (!it->node)
			return false;
		/* Most entries stand in leaves; from a leaf's last or an inner node, search. */
		if (it->node->leaf && it->index + 1 < it->node->count)
			it->index++;
		else if (!omap_descend(m, it, it->key, false))
			return false;
	}
	it->key = it->node->entries[it->index].key;
	it->value = it->node->entries[it->index].value;
	return true;
}

struct omap_iter omap_seek(const struct omap *m, struct str from)
{
	(void)m;
	return (struct omap_iter){.from = from};
}
