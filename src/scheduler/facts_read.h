/* Between the files that read facts. */
#ifndef KUBE_SCHEDULER_FACTS_READ_H
#define KUBE_SCHEDULER_FACTS_READ_H

#include "facts.h"

/* little: containers that ask for no CPU or memory count as if they asked for a little. */
void pod_requests_read(struct amounts *sum, const struct cJSON *pod, bool little);
/* Affinity to other pods, and spreading. */
void pod_relations_read(struct pod *p, const struct cJSON *spec);

#endif
