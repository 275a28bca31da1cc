/*
 * component: what stands around each part of a cluster that runs beside the API: controllers,
 * scheduler, kubelet, proxy, DNS. Each is started with a client and a scope and knows nothing of
 * the others; whether the API is in this process, the client alone knows.
 */
#ifndef KUBE_COMPONENT_H
#define KUBE_COMPONENT_H

#include <kube/client.h>
#include <kube/events.h>
#include <kube/identities.h>
#include <kube/informer.h>

/* What every component is given. All of it outlives the component. */
struct component_base {
	struct env *env;
	struct client *client;       /* with the component's own identity */
	struct informers *informers; /* shared by the parts of the component */
	struct scope *scope;
	/* In whose names its parts write; NULL: all in the component's. */
	struct identities *identities;
};

/* What a part is given that has a service account of its own; it looks as the component does. */
static inline struct component_base component_as(
	const struct component_base *base, const char *account)
{
	struct component_base own = *base;

	if (base->identities)
		own.client = identities_client(base->identities, account);
	return own;
}

/*
 * A part that can be started and stopped: a component as a whole, or one controller. Made by its
 * _new function; the first member of its struct.
 */
struct part;
struct part_ops {
	const char *name;
	/* Never refused; what is under way is cancelled. Then only free. */
	void (*stop)(struct part *p, struct op *op);
	void (*free)(struct part *p);
};
struct part {
	const struct part_ops *ops;
};

static inline void part_stop(struct part *p, struct op *op)
{
	p->ops->stop(p, op);
}
static inline void part_free(struct part *p)
{
	if (p)
		p->ops->free(p);
}

#endif
