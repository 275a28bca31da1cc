/*
 * One worker that ends namespaces: takes their names, and each time goes once over everything that
 * is in them. All of them work on one struct ns_work, which is the controller's (namespace.c). On
 * the loop's thread.
 */
#ifndef KUBE_CONTROLLERS_NAMESPACE_PASS_H
#define KUBE_CONTROLLERS_NAMESPACE_PASS_H

#include "catalog.h"
#include "namespace_content.h"
#include "workload.h"

#include <kube/task.h>

struct ns_work {
	const struct controllers_world *world;
	struct scope scope;
	struct workqueue *queue;
	struct informer *namespaces;
};

struct ns_worker {
	struct task task;
	struct op op;
	struct ns_work *work;
	struct str key;
	struct arena arena; /* of one pass */
	struct client_request request;
	struct client_list list;
	bool asking, listing;
	struct cJSON *namespace;
	int64_t deleted; /* when */
	struct namespace_content content;
	const struct catalog_entry *entry; /* what is being deleted */
	size_t next_entry;
	bool pods; /* them first */
	/* of one list */
	size_t count, each;
	struct str *names;
	size_t name_cap;
	int64_t grace, with_finalizers;
	struct namespace_content *noting; /* NULL: the first list, nothing is noted */
};
/* In the work's scope, until the queue stops. */
void ns_worker_start(struct ns_worker *w, struct ns_work *work);
void ns_worker_done(struct ns_worker *w);

#endif
