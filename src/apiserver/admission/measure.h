/* How long admission takes, as upstream's metrics tell it. */
#ifndef KUBE_APISERVER_ADMISSION_MEASURE_H
#define KUBE_APISERVER_ADMISSION_MEASURE_H

#include "admission.h"

struct histogram;
/* Of one plugin or of all: by phase, operation, and whether the answer was no. Looked up once. */
struct admission_times {
	struct histogram *at[2][4][2];
};

/* name: the plugin's; NULL: all that change, or all that judge. */
void admission_measure(struct admission_review *review, struct admission_times *times,
	const char *name, int64_t since, const struct status *no);

#endif
