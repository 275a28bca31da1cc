/*
 * client: the only way components reach the API. Requests, lists and watches, the same whether
 * the server is in this process or behind a network (client_transport.h).
 *
 * Each request is a struct of the caller's: set up by its init, awaited as an op, over with its
 * done. A refusal of the API is an error of the op, with the code that its reason has in
 * errors.def and its message as text; the whole of it is in `status`.
 *
 * Asked for with 429 or 5xx and Retry-After, a request is sent again, up to ten times; an op's
 * deadline bounds all of it. Cancelling is cancelling the op.
 */
#ifndef KUBE_CLIENT_H
#define KUBE_CLIENT_H

#include <kube/env.h>
#include <kube/object.h>
#include <kube/resource.h>
#include <kube/status.h>

struct client;
struct client_transport;
struct http_header;
struct client_call;

struct client_options {
	const char *user_agent; /* "kube-controller-manager/v1.36.0"; also the field manager */
	double qps;             /* requests a second, watches too; 0: as many as there are */
	int burst;
};

/* Takes the transport. */
struct client *client_new(
	struct env *env, struct client_transport *transport, const struct client_options *options);
/* Everything asked of it must be over. Stops the transport; never refused. Then only free. */
void client_stop(struct client *c, struct op *op);
void client_free(struct client *c); /* NULL is fine */
struct env *client_env(const struct client *c);

/*
 * Who asks is proven by this certificate (PEM, with its key) from now on. Connections that showed
 * another one end, and what is asked on them fails with ERR_CLOSED. On failure all is as it was;
 * ERR_UNSUPPORTED: the server is in this process, and nothing is shown.
 */
int client_show(struct client *c, struct str certificate, struct str key, struct err *err);
bool client_shows(const struct client *c);

/* ---- one object ---- */
enum client_verb {
	CLIENT_GET,
	CLIENT_CREATE,
	CLIENT_UPDATE,
	CLIENT_PATCH_JSON,
	CLIENT_PATCH_MERGE,
	CLIENT_PATCH_STRATEGIC,
	CLIENT_APPLY,
	CLIENT_DELETE,
	CLIENT_DELETE_COLLECTION,
	CLIENT_RAW_GET, /* of `path`: the answer is in `text` */
};

struct client_request {
	/* what is asked; texts and body must stay until client_send has returned */
	enum client_verb verb;
	const struct resource *resource;
	struct str namespace, name, subresource;
	const struct cJSON *body;    /* an object, a patch, DeleteOptions; NULL: none */
	struct str labels, fields;   /* selectors, of DELETE_COLLECTION */
	struct str resource_version; /* of GET */
	struct str field_manager;    /* empty: the client's */
	struct str validation;       /* fieldValidation: "Strict", … */
	bool force, dry_run;
	struct str path; /* of RAW_GET, with its query */

	/* the answer, until client_request_done */
	int code;              /* HTTP's; 0: none came */
	struct cJSON *object;  /* what came back: an object or a Status; in the arena */
	struct str text;       /* the same as it came */
	struct status *status; /* of a refusal; NULL otherwise */
	struct str *warnings;  /* of its Warning headers, in order */
	size_t warning_count;
	struct arena arena;

	struct client_sending *sending; /* private */
};

void client_request_init(struct client_request *r, enum client_verb verb,
	const struct resource *resource, struct str namespace, struct str name);
void client_send(struct client *c, struct op *op, struct client_request *r);
/* Not while its op is in flight. */
void client_request_done(struct client_request *r);

/*
 * *err from an answer that is no success: what its Status says, or client-go's words for the code.
 */
int client_read_refusal(
	struct arena *a, int http_code, struct str method, struct str body, struct err *err);

/*
 * An answer as a published object (one reference, the caller's). ERR_SYNTAX when it is none: no
 * name, no resourceVersion that is a number, labels that are none.
 */
int client_object_new(const struct cJSON *tree, const struct resource *resource,
	struct object **object, struct err *err);
/* "namespace/name", or the name alone: how caches and queues call it. Views into the text. */
struct str client_object_name(const struct object *o);
struct str client_object_namespace(const struct object *o);
struct str client_object_key(struct arena *a, const struct object *o);

/* ---- a list, page by page ---- */
/*
 * An object and its tree, both borrowed; to keep the object, take a reference. Non-zero ends the
 * list with that error.
 */
typedef int client_item_fn(void *ctx, struct object *o, const struct cJSON *tree, struct err *err);

struct client_list {
	const struct resource *resource;
	struct str namespace, labels, fields;
	struct str resource_version, version_match; /* as in the query */
	int64_t page;                               /* 0: 500; < 0: all at once */
	client_item_fn *item;
	/* The token expired on the way: all items come again. NULL: ERR_EXPIRED then. */
	void (*again)(void *ctx);
	void *ctx;

	int64_t revision;      /* of the list, when done */
	struct status *status; /* of a refusal */
	struct arena arena;
	struct client_listing *listing; /* private */
};

/* op->n: how many items came. */
void client_list_start(struct client *c, struct op *op, struct client_list *l);
void client_list_done(struct client_list *l);

/* ---- a watch ---- */
enum client_event_type {
	CLIENT_ADDED,
	CLIENT_MODIFIED,
	CLIENT_DELETED,
	CLIENT_BOOKMARK, /* no object */
	CLIENT_ERROR,    /* status; the watch is over */
};

struct client_event {
	enum client_event_type type;
	struct object *object;    /* the watch's until the next event */
	const struct cJSON *tree; /* the same, as long */
	int64_t revision;         /* of ERROR: 0 */
	bool initial_end;         /* the BOOKMARK behind the initial events */
	struct status *status;
};

struct client_watch {
	const struct resource *resource;
	struct str namespace, labels, fields;
	struct str resource_version;
	bool bookmarks, send_initial;
	int64_t timeout_seconds; /* 0: the server's */

	struct client_event event;
	struct status *status; /* of a refusal */
	struct arena arena;
	struct client_watching *watching; /* private */
};

/* Done when the server has agreed. */
void client_watch_start(struct client *c, struct op *op, struct client_watch *w);
/* The next event in w->event: op->n = 1; 0 at the end. One at a time. */
void client_watch_next(struct client_watch *w, struct op *op);
/* Also ends one that goes on. Not while an op of it is in flight. */
void client_watch_done(struct client_watch *w);

#endif
