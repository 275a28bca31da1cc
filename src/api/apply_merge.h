/* Values under server-side apply: results are new trees that own nothing of their inputs. */
#ifndef KUBE_API_APPLY_MERGE_H
#define KUBE_API_APPLY_MERGE_H

#include "field_set.h"

/* live with all of config in it: what can be merged is, the rest is config's. Either may be
 * nothing. */
struct cJSON *merge_values(struct arena *a, struct typed live, struct typed config);
/* Without the members of the set; null when nothing is left. */
struct cJSON *remove_fields(struct arena *a, struct typed t, const struct field_set *set);

#endif
