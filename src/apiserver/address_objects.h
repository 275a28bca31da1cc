/*
 * IPAddress objects: one for each cluster address a Service has, written and removed behind the
 * Service before its client is answered. What a crash leaves in between is repaired at start.
 */
#ifndef KUBE_APISERVER_ADDRESS_OBJECTS_H
#define KUBE_APISERVER_ADDRESS_OBJECTS_H

#include "server.h"

/* Does a change of a Service (NULL: not there) give or take an address? */
bool address_objects_differ(const struct cJSON *old, const struct cJSON *now);
/* Brings the objects in line with the change. It ends when all is written, come what may. */
void address_objects_follow(
	struct api_server *s, struct op *op, const struct cJSON *old, const struct cJSON *now);
/* Writes what is missing, removes what no Service has any more. op->n: how many. */
void address_objects_repair(struct api_server *s, struct op *op);
/*
 * The name of an address's object: one address may be written in several ways, and Services keep
 * theirs. What is no address is as it was.
 */
struct str address_name(struct arena *a, struct str text);
/* Is there an object of this name, whoever made it? */
bool address_object_exists(struct api_server *s, struct arena *a, struct str name);

#endif
