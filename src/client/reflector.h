/*
 * reflector: lists and watches a collection for ever, and says what came. It knows no cache.
 *
 *	       ┌──────────── expired, refused ───────────┐
 *	       v                                         │
 *	    choose ──> list ──────────────> open ──> events
 *	       │                              ^         │
 *	       └──> open with initial events ─┘         │
 *	                                      ^── ended ┘
 */
#ifndef KUBE_CLIENT_REFLECTOR_H
#define KUBE_CLIENT_REFLECTOR_H

#include "rate.h"

#include <kube/informer.h>
#include <kube/task.h>

struct reflector;

struct reflector_events {
	/* A new state of everything: begin, item…, end; or begin again. */
	void (*begin)(struct reflector *r);
	void (*item)(struct reflector *r, struct object *o, const struct cJSON *tree);
	void (*end)(struct reflector *r);
	void (*event)(struct reflector *r, enum client_event_type type, struct object *o,
		const struct cJSON *tree);
	/* revision has grown, after the calls above. */
	void (*advanced)(struct reflector *r);
};

struct reflector {
	/* set by the owner */
	const struct reflector_events *events;
	struct client *client;
	const struct resource *resource;
	struct str namespace, labels, fields;
	bool no_watch_list;
	/* to be read */
	int64_t revision; /* 0: nothing has come yet */
	uint64_t lists, watches, event_count, failures;
	/* private */
	struct task task;
	struct scope *scope;
	struct backoff backoff;
	struct client_list list;
	struct client_watch watch;
	char digits[24];
	bool listing, watching; /* list or watch is to be ended */
	bool initial;           /* the watch has not yet told all that is there */
	bool forgotten;         /* the server does not know our revision any more */
	bool list_first;        /* this time: initial events were refused */
	bool hurried;           /* the watch was broken off to be opened at once */
	int64_t opened;         /* when */
	int64_t heard;          /* when something came last */
	uint64_t events_before;
};

/* Runs until the scope closes; op is in it. */
void reflector_start(struct reflector *r, struct op *op);
/* The server has more: see informer_hurry. */
void reflector_hurry(struct reflector *r);

#endif
