/*
 * Of a node's configuration, what this node cannot follow: fields that upstream knows. Said as
 * upstream has it by default they mean no harm; said otherwise they are told of. Pure.
 */
#ifndef KUBE_KUBELET_CONFIGURATION_IDLE_H
#define KUBE_KUBELET_CONFIGURATION_IDLE_H

#include <kube/kubelet_configuration.h>

bool configuration_is_idle(struct str name);
/* Fills in which of them were said and are not upstream's default. */
void configuration_note_idle(
	struct arena *a, const struct cJSON *tree, struct kubelet_configuration *c);

#endif
