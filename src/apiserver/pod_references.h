/* Which other objects a pod names: they are what its node may read. Pure. */
#ifndef KUBE_APISERVER_POD_REFERENCES_H
#define KUBE_APISERVER_POD_REFERENCES_H

#include <kube/api_codec.h>

bool pod_names_secret(const struct cJSON *pod, struct str name);
bool pod_names_config_map(const struct cJSON *pod, struct str name);
bool pod_names_claim(const struct cJSON *pod, struct str name);          /* a volume's */
bool pod_names_resource_claim(const struct cJSON *pod, struct str name); /* of devices */
/* Any of that kind, whatever its name. */
bool pod_names_any_secret(const struct cJSON *pod);
bool pod_names_any_config_map(const struct cJSON *pod);

#endif
