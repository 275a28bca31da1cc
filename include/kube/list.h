/*
 * Intrusive doubly linked lists. A `struct link` is embedded in the element; a `struct list` is
 * its head. An element knows whether it is linked, and can be removed without knowing the list.
 */
#ifndef KUBE_LIST_H
#define KUBE_LIST_H

#include <kube/defs.h>

struct link {
	struct link *next, *prev; /* both NULL when not in a list */
};

struct list {
	struct link head; /* circular; zero-initialised heads are initialised on first use */
};

static inline void list_init(struct list *l)
{
	l->head.next = l->head.prev = &l->head;
}

static inline bool list_empty(const struct list *l)
{
	return l->head.next == &l->head || !l->head.next;
}

static inline bool link_linked(const struct link *k)
{
	return k->next != NULL;
}

static inline void link_insert_between_(struct link *k, struct link *prev, struct link *next)
{
	k->prev = prev;
	k->next = next;
	prev->next = k;
	next->prev = k;
}

static inline void list_push(struct list *l, struct link *k) /* at the end */
{
	if (!l->head.next)
		list_init(l);
	link_insert_between_(k, l->head.prev, &l->head);
}

static inline void list_push_front(struct list *l, struct link *k)
{
	if (!l->head.next)
		list_init(l);
	link_insert_between_(k, &l->head, l->head.next);
}

static inline void link_insert_behind(struct link *k, struct link *there)
{
	link_insert_between_(k, there, there->next);
}

static inline void link_remove(struct link *k) /* nothing happens when it is in no list */
{
	if (!k->next)
		return;
	k->prev->next = k->next;
	k->next->prev = k->prev;
	k->next = k->prev = NULL;
}

static inline struct link *list_first(const struct list *l)
{
	return list_empty(l) ? NULL : l->head.next;
}

static inline struct link *list_last(const struct list *l)
{
	return list_empty(l) ? NULL : l->head.prev;
}

static inline struct link *list_next(const struct list *l, const struct link *k)
{
	return k->next == &l->head ? NULL : k->next;
}

static inline struct link *list_pop(struct list *l) /* from the front */
{
	struct link *k = list_first(l);
	if (k)
		link_remove(k);
	return k;
}

/* Moves every element of `from` to the end of `to`, another list. */
static inline void list_move_all(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	if (!to->head.next)
		list_init(to);
	struct link *first = from->head.next, *last = from->head.prev;
	first->prev = to->head.prev;
	to->head.prev->next = first;
	last->next = &to->head;
	to->head.prev = last;
	list_init(from);
}

#define LIST_ENTRY(link_ptr, type, member) CONTAINER_OF(link_ptr, type, member)

/* The element itself must not be removed inside list_each; inside list_each_safe it may. */
#define list_each(k, l) for (struct link *k = list_first(l); k; k = list_next(l, k))
#define list_each_safe(k, l)                                                                       \
	for (struct link *k = list_first(l), *k##_next = k ? list_next(l, k) : NULL; k;            \
		k = k##_next, k##_next = k ? list_next(l, k) : NULL)

#endif
