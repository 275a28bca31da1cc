/*
 * Admission: an ordered chain of plugins, in admission/, one file each. First all that change
 * objects, then, after strategy and validation, all that only judge.
 *
 * Most plugins answer at once. Those that ask somebody else may wait: the walk over the chain stops
 * at them and goes on by admission_resume. Whoever asks hears the outcome once, now (inside
 * admission_start) or later.
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

struct admission_link;
struct reinvocation;
struct admission_review;
typedef void admission_next_fn(struct admission_review *a, struct status *no);

/* One write as plugins see it. Trees are of the hub version. Lives until `next` has been told. */
struct admission_review {
	struct api_server *server;
	struct api_request *request;
	struct arena *arena;
	enum admission_operation operation;
	const struct resource *resource; /* hub */
	struct str subresource, namespace, name;
	struct cJSON *object;    /* NULL on delete; mutate may change or replace it */
	const struct cJSON *old; /* NULL on create */
	const struct api_user *user;
	bool dry_run;
	bool update_creates; /* a PUT or apply that creates */

	/* the plugins' own, kept from one round of those that change to the next */
	struct reinvocation *hooks, *policies; /* who has been called already */
	bool again;                            /* a plugin wants the others to look once more */
	bool second;                           /* this is that round */

	admission_next_fn *next;
	void *ctx; /* next's */
	/* private: the walk */
	struct admission_link *at;
	bool judging;
	int64_t begun, asked; /* on the loop's clock: all of it, this plugin */
	struct op op;         /* of the plugin that waits */
};

typedef struct status *admit_fn(struct admission_review *a); /* NULL: yes */
/*
 * For a plugin that may have to wait. false: it need not, and *no is its answer. true: it will say
 * so by admission_resume, once, later. It waits in the scope of the request's exchange, not beyond
 * the request's deadline, and holds what it borrows.
 */
typedef bool admit_start_fn(struct admission_review *a, struct status **no);

struct admission_plugin {
	const char *name;
	bool default_on;
	unsigned operations;         /* it wants to see */
	admit_fn *mutate, *validate; /* either may be NULL */
};

/* How plugins wait that have to: instead of their functions above. */
struct admission_waits {
	const char *name;
	admit_start_fn *mutate, *validate; /* either may be NULL */
};

/* In upstream's order, ends with name == NULL: admission/plugins.c */
extern const struct admission_plugin admission_plugins[];
extern const struct admission_waits admission_waits[]; /* ends with name == NULL */

int admission_new(struct api_server *s, struct admission **admission, struct err *err);
/* Before the server's scope closes: whoever is asked elsewhere is asked no more. NULL is fine. */
void admission_stop(struct admission *a);
void admission_free(struct admission *a);
/* One plugin more, behind all others: for tests. Borrowed. waits may be NULL. */
void admission_add(struct admission *a, const struct admission_plugin *plugin,
	const struct admission_waits *waits);
enum admission_phase { ADMIT_MUTATE, ADMIT_VALIDATE };
/* review->next must be set. */
void admission_start(struct admission_review *review, enum admission_phase phase);
void admission_resume(struct admission_review *review, struct status *no);

/* `<plural>[.<group>] "<name>" is forbidden: <why>` as plugins say it. */
struct status *admission_forbidden(struct admission_review *a, const char *why, ...)
	KUBE_PRINTF(2, 3);
/* 500 with the words alone: what upstream's plugins fail with when they cannot judge. */
struct status *admission_failed(struct admission_review *a, const char *why, ...) KUBE_PRINTF(2, 3);

#endif
