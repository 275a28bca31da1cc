/* A pod's wait for those who make room for it. */
#ifndef KUBE_KUBELET_POD_PREEMPT_H
#define KUBE_KUBELET_POD_PREEMPT_H

#include "pod_preemption.h"
#include "pod_worker.h"

/* The victims are told to go. */
void pod_preempt(struct pod_worker *w, const struct pod_victims *victims);
/* Have they gone, or had their time? */
bool pod_has_room(struct pod_worker *w);
void pod_preemption_done(struct pod_worker *w);

#endif
