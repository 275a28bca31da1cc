/*
 * Admission: an ordered chain of plugins, in admission/, one file each. First all that change
 * objects, then, after strategy and validation, all that only judge.
 */
#ifndef KUBE_APISERVER_ADMISSION_H
#define KUBE_APISERVER_ADMISSION_H

#include "request.h"

enum admission_operation {
	ADMIT_CREATE = 1,
	ADMIT_UPDATE = 2,
	ADMIT_DELETE = 4,
	ADMIT_CONNECT = 8
};

/* One write as plugins see it. Trees are of the hub version. */
struct admission_review {
	struct api_server *server;
	struct api_request *request; /* NULL for what the server does by itself */
	struct arena *arena;
	enum admission_operation operation;
	const struct resource *resource; /* hub */
	struct str subresource, namespace, name;
	struct cJSON *object;    /* NULL on delete; mutate may change or replace it */
	const struct cJSON *old; /* NULL on create */
	const struct api_user *user;
	bool dry_run;
	bool update_creates; /* a PUT or apply that creates */
};

typedef struct status *admit_fn(struct admission_review *a); /* NULL: yes */

struct admission_plugin {
	const char *name;
	bool default_on;
	unsigned operations;         /* it wants to see */
	admit_fn *mutate, *validate; /* either may be NULL */
};

/* In upstream's order, ends with name == NULL: admission/plugins.c */
extern const struct admission_plugin admission_plugins[];

int admission_new(struct api_server *s, struct admission **admission, struct err *err);
void admission_free(struct admission *a);
struct status *admission_mutate(struct admission *a, struct admission_review *review);
struct status *admission_validate(struct admission *a, struct admission_review *review);

/* `<plural>[.<group>] "<name>" is forbidden: <why>` as plugins say it. */
struct status *admission_forbidden(struct admission_review *a, const char *why, ...)
	KUBE_PRINTF(2, 3);
/* 500 with the words alone: what upstream's plugins fail with when they cannot judge. */
struct status *admission_failed(struct admission_review *a, const char *why, ...) KUBE_PRINTF(2, 3);

#endif
