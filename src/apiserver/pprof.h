/* /debug/pprof and what is below it: pprof.c. */
#ifndef KUBE_APISERVER_PPROF_H
#define KUBE_APISERVER_PPROF_H

#include "request.h"

/* Who answers; NULL: not one of these paths. */
stage_fn *pprof_handler(struct str path);

#endif
