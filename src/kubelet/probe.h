/*
 * One question to a container: a command in it, an HTTP request, a connection, a gRPC health
 * check. Probes ask it again and again, hooks once.
 */
#ifndef KUBE_KUBELET_PROBE_H
#define KUBE_KUBELET_PROBE_H

#include "kubelet_private.h"

#include <kube/http_client.h>
#include <kube/task.h>

enum probe_outcome {
	PROBE_GOOD,
	PROBE_WARNING, /* good, and something to say */
	PROBE_BAD,
	PROBE_ERROR, /* could not be asked: says nothing about the container */
};

struct probe {
	/* what is asked: borrowed until the op is done */
	struct kubelet *k;
	const struct cJSON *handler;   /* has exec, httpGet, tcpSocket or grpc */
	const struct cJSON *container; /* for its ports and variables */
	struct str id;                 /* the container's */
	struct str ip;                 /* the pod's */
	int64_t timeout;
	const char *user_agent; /* "kube-probe/1.36" */
	bool any_answer;        /* whatever HTTP status comes is good: hooks */
	/* the answer, until probe_done */
	enum probe_outcome outcome;
	struct str text;
	/* private */
	struct arena arena;
	struct task task;
	int64_t until;
	struct runtime_exec exec;
	struct buf body;
	struct http_client *client;
	struct http_call call;
	struct str url, first_host;
	int redirects;
	uint16_t port;
	struct addresses found;
	struct stream *stream;
	struct err why; /* kept across the end of a client */
};

/* The op fails only when it is cancelled. */
void probe_start(struct probe *p, struct op *op);
void probe_done(struct probe *p); /* not while its op is in flight */

/* A number or a port's name. */
int probe_port(
	const struct cJSON *port, const struct cJSON *container, uint16_t *number, struct err *err);

/* ---- each in its own file ---- */
void probe_exec(struct probe *p, struct op *op);
void probe_http(struct probe *p, struct op *op);
void probe_tcp(struct probe *p, struct op *op);
void probe_grpc(struct probe *p, struct op *op);

/* Sets the answer and ends the task. */
void probe_answer(struct probe *p, enum probe_outcome outcome, const char *format, ...)
	KUBE_PRINTF(3, 4);
/* "10.0.0.1:80", "[::1]:80" */
struct str probe_place(struct arena *a, struct str host, uint16_t port);
/* What Go says of it: "connect: connection refused" */
struct str probe_reason(struct arena *a, const struct err *err);

#endif
