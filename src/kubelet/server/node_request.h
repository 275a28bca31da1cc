/* One request to the kubelet's server, and what its handlers share. */
#ifndef KUBE_KUBELET_SERVER_NODE_REQUEST_H
#define KUBE_KUBELET_SERVER_NODE_REQUEST_H

#include "server.h"

#include <kube/map.h>
#include <kube/task.h>
#include <kube/url.h>

struct http_server;
struct caller_access;
struct rate_book;

struct kubelet_server {
	struct env *env;
	struct scope scope; /* of what outlives requests */
	struct op closed;
	struct op *stopping;
	struct kubelet_server_options options;
	struct http_server *http;
	struct caller_access *access;
	struct rate_book *rates;
	struct arena arena;
	uint16_t port;
};

#define PATH_PARTS_MAX 8

struct node_request {
	struct kubelet_server *server;
	struct http_exchange *x;
	struct arena *arena;              /* the exchange's */
	struct str path;                  /* decoded */
	struct str parts[PATH_PARTS_MAX]; /* of the path */
	size_t part_count;
	struct query query;
	struct op op; /* of whoever has the request now */
	struct str user;
	struct http_header headers[2];
};

/* ---- answers; each ends the request ---- */
void node_answer(struct node_request *r, int status, const char *type, struct str body);
void node_answer_text(struct node_request *r, int status, const char *format, ...)
	KUBE_PRINTF(3, 4);
void node_request_end(struct node_request *r);
struct op *node_request_op(struct node_request *r, op_done_fn *done);

/* ---- which pod, which container ---- */
/* uid may be empty. NULL: there is none. */
const struct cJSON *node_find_pod(
	struct node_request *r, struct str namespace, struct str name, struct str uid);
/* Of any of its lists; NULL. */
const struct cJSON *pod_container_spec(const struct cJSON *pod, struct str name);
/* The pod's newest sandbox, or its newest container of that name; NULL. Until the loop turns. */
const struct sandbox *node_find_sandbox(struct node_request *r, const struct cJSON *pod);
const struct container *node_find_container(
	struct node_request *r, const struct cJSON *pod, struct str name);
const struct container *node_container(struct kubelet_server *s, struct str id);

/* ---- who may ---- */
struct caller_access *caller_access_new(struct kubelet_server *s);
void caller_access_free(struct caller_access *a);
/*
 * Calls `allowed` when the request may go on; has answered it otherwise. subresources: words
 * separated by spaces, any of which is enough.
 */
typedef void node_handler_fn(struct node_request *r);
void node_authorize(struct node_request *r, const char *subresources, node_handler_fn *allowed);

/* ---- handlers, each in a file of its name ---- */
node_handler_fn node_logs, node_exec, node_attach, node_forward, node_run, node_pods,
	node_running_pods, node_healthz, node_configz, node_summary, node_metrics,
	node_metrics_cadvisor, node_metrics_resource, node_metrics_probes, node_files;

#endif
