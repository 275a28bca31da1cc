/* Devices of resource.k8s.io: what claims, classes, slices and taints have in common. */
#ifndef KUBE_API_DEVICE_RULES_H
#define KUBE_API_DEVICE_RULES_H

#include "rules.h"

typedef void device_check_fn(
	struct field_errors *e, const struct path *p, const struct cJSON *item, const void *ctx);

/*
 * A list with at most `max` items (-1: any number), each of them checked; of too many none is.
 * `key` is the member that tells items apart; "" the items themselves, NULL: repetition is fine.
 */
void check_devices_list(struct field_errors *e, const struct path *p, const struct cJSON *list,
	int64_t max, const char *key, device_check_fn *check, const void *ctx);

/* ---- names ---- */
void check_driver_name(struct field_errors *e, const struct path *at, struct str name);
void check_pool_name(struct field_errors *e, const struct path *at, struct str name);
void check_device_name(struct field_errors *e, const struct path *at, struct str name);
/* A C identifier, with a domain before it or not. */
void check_attribute_name(struct field_errors *e, const struct path *at, struct str name);
/* 123e4567-e89b-12d3-a456-426614174000 */
void check_uuid(struct field_errors *e, const struct path *at, struct str text);

/* ---- parts ---- */
void check_device_selectors(struct field_errors *e, const struct path *p, const struct cJSON *list);
/* { opaque: { driver, parameters } } */
void check_device_config(struct field_errors *e, const struct path *p, const struct cJSON *config);
/* A JSON object of at most `max` bytes that somebody else understands. */
void check_raw_object(
	struct field_errors *e, const struct path *at, const struct cJSON *raw, size_t max);
void check_device_taint(struct field_errors *e, const struct path *p, const struct cJSON *taint,
	const struct cJSON *old);
device_check_fn check_device_toleration;
/* bindingConditions and bindingFailureConditions: both or none, and nothing in both. */
void check_binding_conditions(
	struct field_errors *e, const struct path *p, const struct cJSON *device);

/* ---- claims ---- */
/* Of a claim and of a template's. */
void device_claim_defaults(struct arena *a, struct cJSON *spec);
void check_device_claim(struct field_errors *e, const struct path *p, const struct cJSON *spec);
/* "request" or "request/subrequest" of the claim's devices. */
void check_request_reference(struct field_errors *e, const struct path *at, struct str name,
	const struct cJSON *devices);
void check_device_claim_status(struct change *c, struct field_errors *e);

/* What was set once stays; the error shows it as Go would. */
void check_device_fixed(struct field_errors *e, const struct path *at, const struct schema *type,
	const struct cJSON *now, const struct cJSON *old);
/* Taints that do not say since when they are there are there since now. */
void set_taint_times(struct change *c, struct cJSON *taint);

#endif
