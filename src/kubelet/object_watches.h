/*
 * Config maps and secrets that pods refer to, each watched by name as long as some pod does.
 */
#ifndef KUBE_KUBELET_OBJECT_WATCHES_H
#define KUBE_KUBELET_OBJECT_WATCHES_H

#include "environment.h"

#include <kube/client.h>

struct object_watches;
struct object_hold;

/* Told that one of the objects that are held has changed. */
typedef void object_changed_fn(void *ctx);

struct object_watches *object_watches_new(struct client *c, struct scope *parent);
/* All holds must have been dropped. Never refused. Then only free. */
void object_watches_stop(struct object_watches *w, struct op *op);
void object_watches_free(struct object_watches *w); /* NULL is fine */

/* The objects that a pod names, from now on; replaces what the hold had. *hold may be NULL. */
void object_watches_hold(struct object_watches *w, struct object_hold **hold,
	const struct cJSON *pod, object_changed_fn *changed, void *ctx);
void object_watches_drop(struct object_watches *w, struct object_hold **hold);
/* Is it known of each of them whether it is there? */
bool object_hold_ready(const struct object_hold *hold);
enum source_state object_hold_get(const struct object_hold *hold, struct arena *a,
	const struct resource *resource, struct str name, const struct cJSON **object);

#endif
