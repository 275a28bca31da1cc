/* One node, what it has and who is on it. */
#include "cluster.h"

#include <kube/mem.h>

static void pod_list_add(struct pod_list *l, struct pod *p)
{
	if (l->count == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 8;
		l->items = mem_resize(l->items, l->cap * sizeof(*l->items));
	}
	l->items[l->count++] = p;
}

/* By identity: a pod is there at most once. */
static bool pod_list_remove(struct pod_list *l, const struct pod *p)
{
	for (size_t i = l->count; i-- > 0;) {
		if (l->items[i] != p)
			continue;
		l->items[i] = l->items[--l->count];
		return true;
	}
	return false;
}

static void pod_list_copy(struct pod_list *to, const struct pod_list *from)
{
	*to = (struct pod_list){.count = from->count, .cap = from->count};
	if (from->count)
		to->items = mem_copy(from->items, from->count * sizeof(*to->items));
}

static bool relates(const struct pod *p)
{
	return p->affinity.count || p->anti_affinity.count || p->affinity_wishes.count ||
	       p->anti_affinity_wishes.count;
}

/* Lists borrow: whoever placed the pod holds it. */
void node_add_pod(struct node *n, struct pod *p)
{
	pod_list_add(&n->pods, p);
	if (relates(p))
		pod_list_add(&n->relating, p);
	if (p->anti_affinity.count)
		pod_list_add(&n->repelling, p);
	if (p->port_count)
		pod_list_add(&n->holding_ports, p);
	sched_amounts_add(&n->used, &p->requests, 1);
	n->nonzero_cpu += p->nonzero_cpu;
	n->nonzero_memory += p->nonzero_memory;
	kindred_pod_changed(n, p, 1);
}

void node_remove_pod(struct node *n, struct pod *p)
{
	if (!pod_list_remove(&n->pods, p))
		return;
	pod_list_remove(&n->relating, p);
	pod_list_remove(&n->repelling, p);
	pod_list_remove(&n->holding_ports, p);
	sched_amounts_add(&n->used, &p->requests, -1);
	n->nonzero_cpu -= p->nonzero_cpu;
	n->nonzero_memory -= p->nonzero_memory;
	kindred_pod_changed(n, p, -1);
}

struct node *node_copy(const struct node *n)
{
	struct node *copy = mem_copy(n, sizeof(*n));

	copy->name = mem_copy_text(n->name);
	if (copy->facts)
		copy->facts->refs++;
	pod_list_copy(&copy->pods, &n->pods);
	pod_list_copy(&copy->relating, &n->relating);
	pod_list_copy(&copy->repelling, &n->repelling);
	pod_list_copy(&copy->holding_ports, &n->holding_ports);
	sched_amounts_copy(&copy->used, &n->used);
	if (n->kindred)
		copy->kindred = mem_copy(n->kindred, KINDRED_MAX * sizeof(*n->kindred));
	return copy;
}

void node_free(struct node *n)
{
	if (!n)
		return;
	node_facts_unref(n->facts);
	mem_free(n->pods.items);
	mem_free(n->relating.items);
	mem_free(n->repelling.items);
	mem_free(n->holding_ports.items);
	sched_amounts_done(&n->used);
	mem_free(n->kindred);
	mem_free(n->name);
	mem_free(n);
}
