/* What fair.c keeps and fair_dump.c shows. */
#ifndef KUBE_APISERVER_FAIR_PRIVATE_H
#define KUBE_APISERVER_FAIR_PRIVATE_H

#include "fair.h"

#include <kube/map.h>

struct flow { /* one user who waits */
	struct link in_turn;
	struct list waiters; /* struct fair_ticket */
	size_t count;
	char *name;
};

struct fair {
	struct api_server *server;
	struct flow_schemas *schemas;
	struct map flows;
	struct list turn; /* of flows */
	size_t seats, taken, waiting;
};

struct fair_ticket {
	struct api_request *request;
	struct link in_flow;
	struct flow *flow; /* while it waits */
	bool seated, counted;
	int64_t arrived, waited;
	struct str schema_uid, level_uid, labels;
	struct str schema, level; /* names */
	struct flow_numbers numbers;
};

#endif
