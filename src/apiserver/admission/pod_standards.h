/*
 * The Pod Security Standards: what pods of a level may not have, in the words of upstream. Pure.
 */
#ifndef KUBE_APISERVER_POD_STANDARDS_H
#define KUBE_APISERVER_POD_STANDARDS_H

#include <kube/api_codec.h>

enum standard_level { STANDARD_PRIVILEGED, STANDARD_BASELINE, STANDARD_RESTRICTED };
#define STANDARD_LATEST 1000 /* as a version: the minor number of 1.x otherwise */

/*
 * What is wrong with the pod: "hostPort (container \"c\" uses hostPort 80), …"; empty when
 * nothing is. `brief`: the headings alone. metadata and spec: of a pod, or of a template.
 */
struct str pod_standards_check(struct arena *a, enum standard_level level, int version,
	const struct cJSON *metadata, const struct cJSON *spec, bool brief);

#endif
