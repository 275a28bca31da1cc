/*
 * Definitions of custom resources, from the store to what is served: each is judged (names,
 * conditions), served as soon as its names are accepted, served anew when it changes, and ended by
 * deleting its objects.
 */
#ifndef KUBE_APISERVER_CUSTOM_DEFINITIONS_H
#define KUBE_APISERVER_CUSTOM_DEFINITIONS_H

#include "server.h"

struct definitions;

/* With the store open: what was accepted before is served at once. */
struct definitions *definitions_new(struct api_server *s);
void definitions_stop(struct definitions *d, struct op *op);
void definitions_free(struct definitions *d); /* NULL is fine */

#endif
