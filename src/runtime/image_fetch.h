/*
 * image_fetch: one layer from a registry into the store: what is here already is not asked for;
 * what broke off goes on where it was. On the loop; blocking parts on WORK_DISK.
 */
#ifndef RUNTIME_IMAGE_FETCH_H
#define RUNTIME_IMAGE_FETCH_H

#include "image_store_private.h"
#include "registry_call.h"

struct image_fetch {
	/* from the caller */
	struct image_store *store;
	struct registry_session *session;
	struct str digest, diff;
	int64_t size;
	/* outcome */
	int64_t bytes; /* of the layer's files */
	/* written on the worker, and looked at while it goes on */
	_Atomic(int64_t) come; /* packed bytes so far */
	_Atomic(bool) here;    /* nothing had to come */
	/* private */
	struct task task;
	struct work work;
	struct registry_call call;
	struct image_incoming incoming;
	struct buf piece;
	int tries;
	bool open, calling, ended;
};

/* The memory stays until done; then nothing need be freed. */
void image_fetch_start(struct image_fetch *f, struct op *op);

#endif
