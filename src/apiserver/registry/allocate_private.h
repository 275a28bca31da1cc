/* Between the files that allocate: one write's choice. */
#ifndef KUBE_REGISTRY_ALLOCATE_PRIVATE_H
#define KUBE_REGISTRY_ALLOCATE_PRIVATE_H

#include "allocate.h"

#include <kube/services.h>

struct choice {
	struct api_request *r;
	struct allocators *a;
	struct cJSON *service;
	const struct cJSON *old;
	struct reservation *taken;
	struct field_errors errors;
};

/* Neither had by a stored Service nor promised to one. */
bool choice_is_free(const struct choice *c, struct str name);
void choice_reserve(struct choice *c, struct str name);
/* Node ports, where its type has some. */
void choice_take_ports(struct choice *c);
struct status *choice_take_health_port(struct choice *c);

#endif
