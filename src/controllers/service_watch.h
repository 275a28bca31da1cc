/* Which services a change of a pod concerns, and which pods a service selects: from caches. */
#ifndef KUBE_CONTROLLERS_SERVICE_WATCH_H
#define KUBE_CONTROLLERS_SERVICE_WATCH_H

#include "controllers.h"
#include "service_pods.h"

/* For sources: queue the service itself; the services that select a pod, or did. */
void service_changed(struct usual *u, struct object *old, struct object *fresh);
void service_pod_changed(struct usual *u, struct object *old, struct object *fresh);
/* A service has endpoints made for it: it has a selector and is no ExternalName. */
bool service_selects(const struct cJSON *service);
/* The pods that it selects. */
void service_find_pods(
	struct usual *u, struct arena *a, const struct cJSON *service, struct trees *pods);
/* "namespace/name" → both. */
void key_split(struct str key, struct str *namespace, struct str *name);

#endif
