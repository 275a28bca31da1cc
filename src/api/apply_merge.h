/* Objects under server-side apply. */
#ifndef KUBE_API_APPLY_MERGE_H
#define KUBE_API_APPLY_MERGE_H

#include "field_set.h"

/* live with all of config in it: objects, maps and associative lists merge, the rest is replaced.
 */
struct cJSON *merge_objects(struct arena *a, const struct schema *s, const struct cJSON *live,
	const struct cJSON *config);
/* Takes the members of the set out of the object. In place. */
void remove_fields(
	struct arena *a, const struct schema *s, struct cJSON *object, const struct field_set *set);
/* The members of `set` whose values differ between the two objects. */
void field_differences(struct arena *a, const struct schema *s, const struct cJSON *x,
	const struct cJSON *y, const struct field_set *set, struct field_set *out);

#endif
