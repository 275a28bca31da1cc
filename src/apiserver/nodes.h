/*
 * nodes: the server's way to kubelets, and to pods and services behind proxies: where they are,
 * and connections to them that show who this server is.
 */
#ifndef KUBE_APISERVER_NODES_H
#define KUBE_APISERVER_NODES_H

#include "request.h"

#include <kube/http_client.h>

struct nodes;

struct nodes *nodes_new(struct api_server *s);
/* Ends every connection; op done when all is gone. Then only free. */
void nodes_stop(struct nodes *n, struct op *op);
void nodes_free(struct nodes *n); /* NULL is fine */

/* With this server's own certificate, and the kubelet's checked if there is something to check it
 * by. NULL with *why. */
struct http_client *nodes_kubelets(struct nodes *n, struct err *err);
/* Without: whoever answers at the address is whom the client wanted. */
struct http_client *nodes_anyone(struct nodes *n);
struct node_place {
	struct str host, port; /* the kubelet's */
};
/* Where the Node's kubelet is. */
struct status *nodes_find(
	struct api_server *s, struct arena *a, struct str name, struct node_place *place);
/* The same as "https://10.0.0.1:10250". */
struct status *nodes_locate(
	struct api_server *s, struct arena *a, struct str name, struct str *base);

#endif
