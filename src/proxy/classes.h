/*
 * What is done about the classes of services: the chains of the table that draw an endpoint, one
 * for each number of endpoints that is wanted. They come with the first service of a class and go
 * with the last: of ten thousand services there are a few.
 *
 *	inside-N, outside-N	marks what is to be masqueraded, on to to-N
 *	short-N			pods and the machine to to-N, others to the node's own endpoints
 *	to-N, here-N		draws a choice, translates to what SET_ENDPOINTS4 has for it
 *	to-N-Ts, known-Ts	the same, but remembers clients for T seconds
 *	here-N-Ts, known-here-Ts
 *
 * Whom a client has been given is remembered once for all ways to a port; but where some ways lead
 * to all endpoints and others to the node's own, there are two memories, and who is not in the one
 * is looked for in the other before somebody is drawn. So a client stays where it is if the way it
 * comes by leads there, and else goes where it was sent before by such a way.
 *
 * Chains are for both families, but those that remember: nft 1.0.6 lists what remembers clients of
 * IPv6, but aborts when it is to read it again. So it is there only where it is needed
 * (to-N-Ts-v6). Names begin with "node-" where the port alone says what it is, and with "guarded-"
 * where not everybody may come.
 */
#ifndef KUBE_PROXY_CLASSES_H
#define KUBE_PROXY_CLASSES_H

#include "compile.h"

#include <kube/map.h>

struct classes {
	struct map by_name, by_number; /* → struct known_class */
	struct map parts;              /* chains that several classes go to, → how many do */
	struct map changed;            /* by name: whose first has come or whose last has gone */
};

void classes_init(struct classes *c);
void classes_done(struct classes *c);
/* One more, one less; the number that stands for the class in the table. */
uint32_t classes_use(struct classes *c, const struct class *class);
void classes_drop(struct classes *c, uint32_t number);
/* Adds to the batch what has changed since the last. */
void classes_settle(struct classes *c, struct nft_batch *b, const struct proxy_node *node);

#endif
