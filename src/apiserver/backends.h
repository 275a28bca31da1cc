/*
 * backends: servers elsewhere that this one calls by itself: webhooks, extension API servers.
 * Connections to them are pooled: calls to the same one, with the same authorities and as the same
 * client, share theirs. All on the loop's thread.
 */
#ifndef KUBE_APISERVER_BACKENDS_H
#define KUBE_APISERVER_BACKENDS_H

#include "server.h"

#include <kube/http_client.h>
#include <kube/kubeconfig.h>

struct backends;
struct backend; /* connections to one of them */

/* Who is meant. Texts are borrowed for the time of backend_take. */
struct backend_target {
	struct str url; /* "https://host:port/path?query"; empty: the service */
	struct {
		struct str namespace, name, path; /* path: "/…" or empty */
		int64_t port;                     /* 0: 443 */
	} service;
	struct str ca;          /* PEM; empty: whom the system believes */
	struct str server_name; /* verified instead of the host; a service's is its own */
	bool insecure;          /* no verification */
	bool upgrades;          /* HTTP/1.1 alone */
	/*
	 * Who we are: certificate, key, token, password, and ca, tls_server_name, insecure where
	 * they are not given above. NULL: nobody. Files are read again after some minutes. Borrowed
	 * until backend_give.
	 */
	const struct client_config *as;
};

struct backends *backends_new(struct api_server *s);
/* Ends every connection, calls too; op done when all is gone. Then only free. */
void backends_stop(struct backends *b, struct op *op);
void backends_free(struct backends *b); /* NULL is fine */
struct loop *backends_loop(const struct backends *b);

/*
 * Connections to the target: the service is looked up in the store, as upstream's resolver does
 * (its cluster IP, or with --enable-aggregator-routing one of its endpoints). To be given back.
 */
int backend_take(struct backends *b, const struct backend_target *t, struct backend **backend,
	struct err *err);
void backend_give(struct backend *b); /* NULL is fine */
struct http_client *backend_client(const struct backend *b);
/*
 * The URL to call, without the target's path where it is a service: "https://web.ns.svc:443". A
 * service that stands for a name elsewhere is called by that name, as the service (Host).
 */
struct str backend_base(const struct backend *b);
struct str backend_shown_base(const struct backend *b); /* as upstream's messages have it */
struct str backend_resolved(const struct backend *b);   /* "https://10.96.0.7:443": a service's */
/* Host, Authorization. */
void backend_add_headers(const struct backend *b, struct arena *a, struct http_headers *h);

/* ---- services ---- */
/* The slices that say by their label that they are a service's. Nothing is awaited between them. */
struct service_slices {
	struct store_iter it;
	struct str service;
};
struct service_slices service_slices_seek(
	struct api_server *s, struct arena *a, struct str namespace, struct str service);
const struct cJSON *service_slices_next(struct service_slices *s, struct arena *a); /* NULL: end */
bool service_endpoint_is_ready(const struct cJSON *endpoint);

struct backend_place {
	struct ip ip;    /* len 0: by name */
	struct str name; /* of an ExternalName */
	int64_t port;
};
/* One of a service's ready endpoints, each as likely as the others. */
struct endpoint_choice {
	struct str namespace, service, port_name;
	bool (*fits)(
		void *ctx, const struct cJSON *endpoint, struct str address); /* or NULL: any */
	void *ctx;
	/* the outcome; nothing was `seen`: there is none */
	size_t slices;
	uint32_t seen;
	struct ip ip;
	struct str address;
	int64_t port;
};
void backend_choose(struct api_server *s, struct arena *a, struct endpoint_choice *c);
/* In the resolver's words: `service "x" not found`, `no service port 1 found for service "x"`, … */
int backend_resolve(struct api_server *s, struct arena *a, struct str namespace, struct str name,
	int64_t port, bool endpoints, struct backend_place *place, struct err *err);

#endif
