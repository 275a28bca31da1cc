/*
 * One request until its answer is there: waiting for its turn, sending, reading a refusal,
 * sending again when the server says when. Requests, pages of lists and watches begin here.
 */
#ifndef KUBE_CLIENT_SEND_H
#define KUBE_CLIENT_SEND_H

#include "rate.h"

#include <kube/client.h>
#include <kube/client_transport.h>
#include <kube/task.h>

struct client {
	struct env *env;
	struct client_transport *transport;
	struct str user_agent, field_manager;
	struct rate rate;
	struct arena arena;
};

struct sending {
	struct task task;
	struct client *client;
	struct client_call call;
	bool started; /* call is to be ended */
	bool stream;  /* the body is left to be read */
	int attempts;
	const struct resource *resource; /* for messages; NULL: a plain path */
	struct str name;
	struct buf text;       /* the answer's body, or a part of it */
	struct status *status; /* of a refusal */
	struct str *warnings;
	size_t warning_count;
	struct arena arena; /* target, headers, status, warnings */
};

struct sending *sending_new(struct client *c);
void sending_free(struct sending *s); /* NULL is fine; not while its op is in flight */
/* call.method, call.target, call.body set; adds the headers that every request has. */
void sending_start(struct sending *s, struct op *op);

/* ---- targets (target.c) ---- */
struct target {
	struct buf out;
	bool queried;
};
void target_begin(struct target *t, const struct resource *r, struct str namespace, struct str name,
	struct str subresource);
void target_query(struct target *t, const char *key, struct str value); /* empty: left out */
void target_flag(struct target *t, const char *key, bool value);        /* false: left out */
struct str target_end(struct target *t, struct arena *a);

/* ---- answers (answer.c) ---- */
/* What a refusal said; the code is that of errors.def. */
struct status *answer_status_parse(struct arena *a, int http_code, struct str method,
	const struct resource *r, struct str name, struct str text);
/* The texts of Warning headers with code 299, unquoted; *warnings is made in the arena. */
size_t answer_warnings(struct arena *a, const struct http_headers *h, struct str **warnings);
int answer_error_code(const struct status *s);
/* The op's error from it. */
void answer_fail(struct err *err, const struct status *s);
/* As client_object_new, but the server's own object where it can be shared. */
int answer_publish(struct client *c, const struct cJSON *tree, const struct resource *r,
	struct object **object, struct err *err);
/* metadata.resourceVersion as a number; false when it is none. */
bool answer_revision(const struct cJSON *tree, int64_t *revision);

#define ANSWER_MAX (64 * MIB) /* of one whole answer */
#define ITEM_MAX   (16 * MIB) /* of one object in a list or a watch */

#endif
