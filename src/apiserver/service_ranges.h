/* The ranges cluster addresses come from: of every ServiceCIDR that is ready. */
#ifndef KUBE_APISERVER_SERVICE_RANGES_H
#define KUBE_APISERVER_SERVICE_RANGES_H

#include "server.h"

#include <kube/ip.h>

/* Those of one family; the server's own as long as nothing says whether they are ready, too. */
struct service_ranges {
	struct cidr *items;
	size_t count;
};
struct service_ranges service_ranges_of(struct api_server *s, struct arena *a, bool v6);

#endif
