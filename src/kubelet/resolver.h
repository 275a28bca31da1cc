/* The node's own resolver, for pods that are to have it. Pure. */
#ifndef KUBE_KUBELET_RESOLVER_H
#define KUBE_KUBELET_RESOLVER_H

#include <kube/arena.h>

struct resolver {
	struct str servers[8], searches[32], options[16];
	size_t server_count, search_count, option_count;
};
/* A resolv.conf; what nobody understands is left out. Texts in the arena. */
void resolver_parse(struct arena *a, struct str text, struct resolver *r);

#endif
