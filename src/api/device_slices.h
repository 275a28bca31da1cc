/* Devices as drivers publish them in slices. */
#ifndef KUBE_API_DEVICE_SLICES_H
#define KUBE_API_DEVICE_SLICES_H

#include "device_rules.h"

void check_slice_devices(struct field_errors *e, const struct path *p, const struct cJSON *spec,
	const struct cJSON *old);
void check_slice_counters(struct field_errors *e, const struct path *p, const struct cJSON *spec);
/* `shared`: may several have the device at once? */
void check_device_capacity(
	struct field_errors *e, const struct path *p, const struct cJSON *capacity, bool shared);

#endif
