/*
 * client_transport: how a client's calls reach an API server. Two of them: HTTPS to a server
 * anywhere, and calls into the pipeline of a server in the same process. Whoever uses a client
 * cannot know which it has; only those who make one include this header.
 */
#ifndef KUBE_CLIENT_TRANSPORT_H
#define KUBE_CLIENT_TRANSPORT_H

#include <kube/http.h>
#include <kube/kubeconfig.h>
#include <kube/object.h>

struct client;
struct resource;

struct client_transport;

/*
 * One call: zeroed, filled and started by the client, ended by `end` whatever happened, when none
 * of its ops is in flight. What it points to stays until then.
 */
struct client_call {
	/* request */
	struct str method, target; /* "GET", "/api/v1/pods?limit=500" */
	struct http_headers headers;
	struct str body;
	/* answer, when the op of `start` is done */
	int status;
	struct http_headers response;
	/* the transport's own */
	struct client_transport *transport;
	void *state;
};

struct client_transport_ops {
	/* Both call op_begin themselves. start: done with the answer's head. */
	void (*start)(struct client_call *c, struct op *op);
	/* As http_read: op->n bytes appended, 0 at the end. */
	void (*read)(struct client_call *c, struct op *op, struct buf *into, size_t max);
	void (*end)(struct client_call *c);
	/* Ends what is still connected. Never refused. Then only free. */
	void (*stop)(struct client_transport *t, struct op *op);
	void (*free)(struct client_transport *t);
	/* As client_find_fn; NULL where nothing can be shared. */
	struct object *(*find)(struct client_transport *t, const struct resource *r,
		struct str namespace, struct str name, int64_t revision);
	/* As client_show; NULL where nothing is shown. */
	int (*show)(struct client_transport *t, struct str certificate, struct str key,
		struct err *err);
};

struct client_transport {
	const struct client_transport_ops *ops;
};

/*
 * Into the same process: each call becomes an exchange handed to `handler`, as a listener would.
 * Bytes go over by reference, one side waiting for the other; nothing is left out of the wire
 * format, so that the two transports cannot drift apart. The server must outlive the transport.
 */
struct client_transport *client_transport_local(
	struct env *env, struct scope *parent, http_handler_fn *handler, void *ctx);

/*
 * What the server has published at that revision, as it stands: a new reference, or NULL. The
 * text must be what the server answers with for that resource.
 */
typedef struct object *client_find_fn(void *ctx, const struct resource *r, struct str namespace,
	struct str name, int64_t revision);
/*
 * From now on objects that come in lists and watches are the server's own, if it still has them,
 * instead of second copies. Everybody still hears only of what was answered. ctx as above.
 */
void client_transport_local_share(struct client_transport *local, client_find_fn *find);

/*
 * To a server by URL. Tokens and certificates in files are read again when a minute has passed
 * (on WORK_DISK); what cannot be read then stays as it was. *config is copied. The first reading
 * happens with the first call. A credential plugin is run when a call wants what it gives and there
 * is none, or that has expired; and once more after the server has answered 401, for later calls.
 */
struct client_transport *client_transport_https(
	struct env *env, struct scope *parent, const struct client_config *config);

/*
 * As a service account, which is made when there is none: calls go on through `below`, which must
 * not prove anybody by itself, with a token that `asker` gets. Both are borrowed and outlive it.
 */
struct client_transport *client_transport_account(struct scope *parent, struct client *asker,
	struct client_transport *below, struct str namespace, struct str name);

#endif
