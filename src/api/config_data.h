/* What ConfigMap and Secret share: keys, sizes, immutability. */
#ifndef KUBE_API_CONFIG_DATA_H
#define KUBE_API_CONFIG_DATA_H

#include "kinds.h"

#define CONFIG_DATA_MAX (1 * MIB)

/* Checks the keys of one map; gives the bytes of its values (decoded, when they are base64). */
size_t check_data_keys(
	struct field_errors *e, const char *member, const struct cJSON *map, bool base64);
/* An immutable object keeps its data, and stays immutable. */
void check_immutable(struct change *c, struct field_errors *e, const char *const *members);

#endif
