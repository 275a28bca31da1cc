/*
 * worker: one of those who work on a controller's keys. It takes a key, lets the controller
 * decide, writes what that wants, and keeps the key until the caches have seen it.
 */
#ifndef KUBE_CLIENT_WORKER_H
#define KUBE_CLIENT_WORKER_H

#include "rate.h"

#include <kube/mem.h>
#include <kube/plan.h>
#include <kube/task.h>
#include <kube/time.h>

/* A cache that is to see something before the key goes on. */
struct catch_up {
	struct informer *informer;
	int64_t revision;
	struct str gone_key, gone_uid; /* or that an object goes */
};

struct worker {
	struct task task;
	struct op op;
	struct controller *controller;
	size_t synced; /* informers, from the first */
	struct str key;
	struct arena arena; /* of the plan */
	struct plan plan;
	size_t step, looked_for; /* of the plan */
	struct client_request request;
	bool requesting, failed, conflict, told, goes_on;
	int64_t patience; /* until when it waits for an answer or a cache */
	struct backoff pause;
	struct str last_name; /* of what was written last; empty: it was gone already */
	struct catch_up *waits;
	size_t wait_count, wait_cap, waited;
};

struct controller {
	struct controller_options options;
	struct informer **informers;
	struct scope scope;
	struct workqueue *queue;
	struct worker *workers;
	size_t worker_count;
	struct controller_stats stats;
	struct task stopping;
};

/* Its task is all that it does; it ends when the queue is closed, or the controller's scope. */
void worker_start(struct worker *w);

static inline struct env *worker_env(const struct worker *w)
{
	return client_env(w->controller->options.client);
}

/* ---- worker_wait.c: what the caches have to see ---- */
/* Of a step that was done, by its answer. */
void worker_note_written(struct worker *w, const struct plan_step *s);
/* The object at that revision, or that the one with that uid goes. */
void worker_note_wait(
	struct worker *w, const struct plan_step *s, bool gone, struct str uid, int64_t revision);
/* The next of them is awaited, for a short while. */
void worker_catch_up(struct worker *w, struct op *op);

/* ---- worker_judge.c ---- */
/* By the request's answer, or by how it failed: does the plan go on? */
bool worker_judge(struct worker *w, size_t step, const struct err *err);

#endif
