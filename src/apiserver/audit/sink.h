/*
 * Where events go: a queue of batches before a writer (the log's file, the webhook). Modes as
 * upstream's: batch gathers behind the requests, and loses what finds no room; blocking and
 * blocking-strict write each event at once, while its request waits.
 *
 * Every event ends in exactly one of two ways: the writer has taken it, or it is counted as lost.
 */
#ifndef KUBE_APISERVER_AUDIT_SINK_H
#define KUBE_APISERVER_AUDIT_SINK_H

#include "audit_options.h"

#include <kube/env.h>
#include <kube/list.h>

/* How every event's text begins. */
#define AUDIT_EVENT_KIND "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\","

struct audit_sink;

/* Events on their way, joined as the writer wants them; the sink's. */
struct audit_batch {
	struct link in_sink;
	struct audit_sink *sink;
	struct buf text;
	size_t count;
	size_t lost; /* of a write that failed: set by the writer; all of them otherwise */
	struct list waiters;
	struct op op;
	void *state; /* the writer's */
};

/* What a writer does; embedded in its own struct. */
struct audit_writer {
	const struct audit_writer_kind *kind;
};
struct audit_writer_kind {
	const char *plugin;                /* in metrics and in our log */
	const char *head, *between, *tail; /* of a batch's text */
	bool bare;                         /* events stand there without kind and version */
	bool alone; /* one batch at a time: what comes meanwhile goes out together */
	/* batch->op is prepared. */
	void (*write)(struct audit_writer *w, struct audit_batch *batch);
	void (*written)(struct audit_batch *batch); /* gives back batch->state; NULL */
	/* Ends what is under way; nothing comes any more. NULL: by itself. */
	void (*stop)(struct audit_writer *w);
	void (*free)(struct audit_writer *w);
};

typedef void audit_lost_fn(void *ctx, const char *plugin, size_t events);

/* Takes the writer. Texts of *options are borrowed. */
struct audit_sink *audit_sink_new(struct env *env, struct scope *scope,
	const struct audit_place_options *options, struct audit_writer *writer, audit_lost_fn *lost,
	void *ctx);
/* Do requests wait for it? */
bool audit_sink_blocks(const struct audit_sink *s);

/* Who waits for an event: embedded, with an op that is prepared. */
struct audit_wait {
	struct link in_batch;
	struct op *op;
};
/*
 * An event's text, copied. wait: NULL, or of a sink that blocks: done when it is written or could
 * not be, which is a failure with blocking-strict only. Cancelling takes nothing back.
 */
void audit_sink_add(struct audit_sink *s, struct str event, struct audit_wait *wait);
/* Counts as lost before it got here. */
void audit_sink_lose(struct audit_sink *s, const char *plugin, size_t events);

/*
 * The end: all that was added goes out now, and op is done when it has been taken; a writer that
 * does not come to an end within `patience` is stopped. Nothing may be added after.
 */
void audit_sink_finish(struct audit_sink *s, struct op *op, int64_t patience);
/* After audit_sink_finish, or when nothing was ever added. NULL is fine. */
void audit_sink_free(struct audit_sink *s);

#endif
