/* What a custom type is made of. */
#ifndef KUBE_API_CUSTOM_TYPE_H
#define KUBE_API_CUSTOM_TYPE_H

#include "structural.h"

#include <kube/custom.h>

struct custom_type {
	uint32_t refs;
	bool preserves_all; /* spec.preserveUnknownFields of old */
	bool has_status;
	struct arena arena; /* holds all of it */
	struct str group, version, api_version, kind, list_kind, plural;
	struct node *root;          /* never NULL: empty where the version has no schema */
	const struct cJSON *source; /* JSONSchemaProps; NULL: none */
	const struct cJSON *scale;  /* of the subresources; NULL: none */
	struct rule_set *rules;     /* NULL: there are none */
	struct schema schema, list_schema;
};

/* Fills in t->schema and t->list_schema from the rest. */
void custom_fields_build(struct custom_type *t);

/*
 * Metadata of objects within objects is read as ObjectMeta, kind and apiVersion must be strings:
 * one error for the first that is not. Notes, if any, hear of unknown fields.
 */
void custom_coerce(struct field_errors *e, const struct path *at, const struct node *n,
	struct cJSON *value, struct decode_notes *notes);
/* ObjectMeta from what was sent, keys in byte order; no creationTimestamp that is null. */
int custom_meta_decode(struct arena *a, const struct cJSON *in, struct str prefix,
	struct decode_notes *notes, struct cJSON **out, struct err *err);
/* A copy with keys in byte order and numbers as Go keeps them. */
struct cJSON *custom_sorted(struct arena *a, const struct cJSON *in);

void custom_prune(struct arena *a, const struct node *root, bool resource, struct cJSON *object,
	struct decode_notes *notes);
void custom_prune_nulls(const struct node *n, struct cJSON *value);
void custom_default(struct arena *a, const struct node *n, struct cJSON *value);

#endif
