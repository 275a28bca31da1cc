/* Where volumes come from: the sources that pods and persistent volumes have in common. */
#ifndef KUBE_API_VOLUME_SOURCES_H
#define KUBE_API_VOLUME_SOURCES_H

#include "rules.h"

struct volume_source {
	const char *name; /* the member */
	const char *path; /* what errors call it; NULL: the same */
	void (*check)(struct field_errors *e, const struct path *p, const struct cJSON *source);
};
/* Those of both, in upstream's order; ends with name == NULL. */
extern const struct volume_source volume_sources[];

void check_host_path(struct field_errors *e, const struct path *p, const struct cJSON *source);
/* The name of a CSI driver: there, not too long, a subdomain. */
void check_csi_driver_name(struct field_errors *e, const struct path *p, struct str name);

#endif
