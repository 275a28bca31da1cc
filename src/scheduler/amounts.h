/*
 * amounts: how much of each resource. Those that nearly every pod names have a member of their
 * own; the rest (extended resources, huge pages) stand in a list.
 */
#ifndef KUBE_SCHEDULER_AMOUNTS_H
#define KUBE_SCHEDULER_AMOUNTS_H

#include <kube/json.h>
#include <kube/quantity.h>

struct scalar {
	struct str name;
	int64_t value;
};
struct amounts {
	int64_t cpu;            /* thousandths */
	int64_t memory;         /* bytes */
	int64_t storage;        /* bytes, ephemeral */
	struct scalar *scalars; /* on the heap, with their names; of kept ones in the arena */
	uint32_t scalar_count, scalar_cap;
};

int64_t sched_amounts_scalar(const struct amounts *a, struct str name);
void sched_amounts_add(struct amounts *to, const struct amounts *what, int sign); /* 1 or -1 */
void sched_amounts_raise(struct amounts *to, const struct amounts *what); /* to the larger */
void sched_amounts_set(struct amounts *to, struct str name, const struct quantity *q);
/* Sets all of a resource list; quantities that are none are left out. */
void sched_amounts_read(struct amounts *to, const struct cJSON *list);
/* A copy in the arena, never to be changed nor done with. */
struct amounts sched_amounts_keep(struct arena *a, const struct amounts *from);
void sched_amounts_copy(struct amounts *to, const struct amounts *from);
void sched_amounts_done(struct amounts *a);

#endif
