/* Several of the server's own writes and removals at once: they wait for the disk together. */
#ifndef KUBE_APISERVER_FIRST_BATCH_H
#define KUBE_APISERVER_FIRST_BATCH_H

#include "server.h"

struct first_batch;
struct first_batch *first_batch_new(struct api_server *s);
struct arena *first_batch_arena(struct first_batch *b); /* lives until the end of the batch */
/* A hub tree. How it is written (only_create, merge) is for the caller to say. */
struct own_write *first_batch_add(
	struct first_batch *b, const struct resource *r, struct cJSON *object);
/* An object that stands there: it goes if it is still this one then. */
void first_batch_remove(struct first_batch *b, const struct resource *r, struct object *o);
/*
 * Frees itself behind the last. op->n: how many were written or removed; the first failure is
 * told when all have ended.
 */
void first_batch_run(struct first_batch *b, struct op *op);

#endif
