/*
 * What of the server's own objects it puts right when somebody has changed them, and what it lets
 * stand: pure, each as upstream's loop for the kind does it.
 */
#ifndef KUBE_APISERVER_FIRST_RULES_H
#define KUBE_APISERVER_FIRST_RULES_H

#include "server.h"

/* Addresses of default/kubernetes; its ports stay as they are while there are any. */
own_merge_fn first_keep_endpoints;
/* The same, but what people have noted at it is theirs. */
own_merge_fn first_keep_slice;
/* One family becomes two; a range that nobody has called ready or not is ready. */
own_merge_fn first_keep_service_cidr;
/* Authorities that others have added stay until they expire. */
own_merge_fn first_keep_authorities;
/* A date that is one stays. */
own_merge_fn first_keep_since;
/* Of the groups served here, as long as the label says that it is looked after. */
own_merge_fn first_keep_api_service;
/* The specification is ours: of mandatory ones always, of suggested ones unless people say no. */
own_merge_fn first_keep_mandatory_flow;
own_merge_fn first_keep_suggested_flow;
bool first_flow_is_mandatory(struct str name); /* of FlowSchemas and of levels */
/* What the annotation says: 1, 0, or -1 where it is not there or no truth value. */
int first_flow_updates(const struct cJSON *object);

#endif
