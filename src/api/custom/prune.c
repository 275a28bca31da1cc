/* Taking away what a schema does not know. */
#include "type.h"

#include <stdlib.h>

/* Where a value stands, up to the object: for notes. */
struct spot {
	const struct spot *up;
	struct str name;
	int64_t index; /* without a name */
};

struct pruning {
	struct arena *arena;
	struct decode_notes *notes; /* NULL: nobody listens */
};

static void print_spot(struct buf *out, const struct spot *s)
{
	if (!s)
		return;
	print_spot(out, s->up);
	if (s->name.at)
		buf_print(out, "%s%.*s", out->len ? "." : "", STRF(s->name));
	else
		buf_print(out, "[%lld]", (long long)s->index);
}

static void note(struct pruning *p, const struct spot *at)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(64 * KIB);

	if (!p->notes)
		return;
	print_spot(&path, at);
	decode_note(p->notes, arena_str(p->arena, buf_str(&path)));
}

static void prune(struct pruning *p, const struct node *n, bool whole, struct cJSON *value,
	const struct spot *at);

static void prune_members(struct pruning *p, const struct node *n, bool whole, bool keeps,
	struct cJSON *object, const struct spot *at)
{
	struct cJSON *next;

	for (struct cJSON *member = json_first(object); member; member = next) {
		struct str name = json_key(member);
		struct spot here = {.up = at, .name = name};

		next = json_next(member);
		if (whole && is_identity(name))
			continue;
		if (n && (node_property(n, name) || n->additional)) {
			prune(p, node_member(n, name), false, member, &here);
		} else if (!keeps) {
			note(p, &here);
			json_remove(object, member);
		}
	}
}

static void prune_items(struct pruning *p, const struct node *n, bool keeps, struct cJSON *list,
	const struct spot *at)
{
	const struct node *items = n ? n->items : NULL;
	int64_t i = 0;

	json_each (item, list) {
		struct spot here = {.up = at, .index = i++};

		if (!keeps)
			prune(p, items, items && items->embedded, item, &here);
		else if (items && json_is(item, JSON_OBJECT))
			prune_members(p, items, items->embedded, true, item, &here);
		else if (items && json_is(item, JSON_ARRAY))
			prune_items(p, items, true, item, &here);
	}
}

/* Of nothing (NULL) nothing is known: all members go. `whole`: it has metadata of its own. */
static void prune(struct pruning *p, const struct node *n, bool whole, struct cJSON *value,
	const struct spot *at)
{
	bool keeps = n && n->preserves;

	whole |= n && n->embedded;
	if (json_is(value, JSON_OBJECT))
		prune_members(p, n, whole, keeps, value, at);
	else if (json_is(value, JSON_ARRAY) && !(keeps && !n->items))
		prune_items(p, n, keeps, value, at);
}

static int by_bytes(const void *x, const void *y)
{
	return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

void custom_prune(struct arena *a, const struct node *root, bool resource, struct cJSON *object,
	struct decode_notes *notes)
{
	struct decode_notes found = {.arena = a};
	struct pruning p = {.arena = a, .notes = notes ? &found : NULL};

	prune(&p, root, resource, object, NULL);
	if (found.count)
		qsort(found.items, found.count, sizeof(*found.items), by_bytes);
	for (size_t i = 0; i < found.count; i++)
		decode_note(notes, arena_print(a, "unknown field \"%.*s\"", STRF(found.items[i])));
}

void custom_type_prune(const struct custom_type *t, struct arena *a, struct cJSON *object,
	struct decode_notes *notes)
{
	if (!t->preserves_all)
		custom_prune(a, t->root, true, object, notes);
}
