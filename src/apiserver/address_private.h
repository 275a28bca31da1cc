/* What address_objects.c and address_repair.c share. */
#ifndef KUBE_APISERVER_ADDRESS_PRIVATE_H
#define KUBE_APISERVER_ADDRESS_PRIVATE_H

#include "address_objects.h"

#define MANAGER "ipallocator.k8s.io"

/* Several writes and removals at once; it frees itself behind the last. */
struct address_step {
	struct address_work *work;
	struct commit removal;  /* first, if it deletes anything */
	struct own_write write; /* then, if there is an object */
	struct op op;
	struct address_step *next;
};

struct address_work {
	struct api_server *server;
	struct arena arena;
	struct op *op;
	struct address_step *steps;
	size_t left, total;
};

const struct resource *address_resource(void);
bool address_is(struct str text);
/* Is it one of the Service's, however they are written? */
bool address_is_of(const struct cJSON *service, struct str text);

struct address_work *address_work_new(struct api_server *s, struct op *op); /* NULL: op is over */
struct address_step *address_add_step(struct address_work *w);
/* The object of a Service's address. */
void address_add_object(struct address_work *w, const struct cJSON *service, struct str text);
/* NULL: there is none. */
struct address_step *address_add_removal(struct address_work *w, struct str text);
void address_replace_object(struct address_work *w, const struct cJSON *service, struct str text);
void address_work_run(struct address_work *w);

#endif
