/*
 * loopback: the server as a client of its own, with every right. What it writes goes through the
 * whole pipeline, so webhooks and policies see it. Created with the server's other parts, stopped
 * by client_stop once nobody is served any more.
 */
#ifndef KUBE_APISERVER_LOOPBACK_H
#define KUBE_APISERVER_LOOPBACK_H

#include "server.h"

#include <kube/client.h>

struct client *loopback_new(struct api_server *s);

#endif
