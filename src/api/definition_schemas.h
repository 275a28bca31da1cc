/* The schemas of a definition, checked when it is written. */
#ifndef KUBE_API_DEFINITION_SCHEMAS_H
#define KUBE_API_DEFINITION_SCHEMAS_H

#include "structural.h"

/* What is asked of new schemas, and not of old ones that never had it. */
struct schema_demands {
	bool valid_types, pruned_defaults, atomic_sets, keyed_maps;
	bool status;             /* of a version with the status subresource */
	const struct cJSON *old; /* the definition before; NULL: it is new */
	bool unchanged;          /* the schema is as it was: its rules may cost what they do */
};

/* Of a definition before its update; NULL: all is asked. */
struct schema_demands schema_demands_of(const struct cJSON *old);
/* All rules of one version's schema; `at` is "openAPIV3Schema". */
void check_definition_schema(struct field_errors *e, const struct path *at,
	const struct cJSON *schema, const struct schema_demands *d);

/* Warns of formats that are not looked at. */
void warn_of_formats(struct change *c);

/* ---- parts of it ---- */
/* Is it structural? Sorted, as upstream does. */
void check_structural(struct field_errors *e, const struct path *at, const struct node *root);
/* What a structural schema cannot even be made of; empty: nothing. */
struct str structural_hindrance(struct arena *a, const struct cJSON *schema);
/* Every schema within, by itself. `root`: the same as a node; NULL: it cannot be one. `rules` takes
 * what is wrong with the CEL in them; NULL: skip it.
 */
struct rule_checks;
void check_each_schema(struct field_errors *e, const struct path *at, const struct cJSON *schema,
	const struct schema_demands *d, const struct node *root, struct rule_checks *rules);
void check_schema_defaults(struct field_errors *e, const struct path *at, const struct node *root,
	const struct schema_demands *d);
/* x-kubernetes-list-type and its like. */
void check_list_extensions(struct field_errors *e, const struct path *at,
	const struct cJSON *schema, const struct schema_demands *d);
bool keys_are_sound(const struct cJSON *schema); /* keyed_maps would find nothing */
bool set_is_atomic(const struct cJSON *schema);  /* atomic_sets would find nothing */
/* x-kubernetes-validations but for what is CEL in them. */
void check_rule_texts(struct field_errors *e, const struct path *at, const struct cJSON *schema,
	const struct node *node);

/*
 * ".spec.a['b']" through a schema. NULL on success, else why not; *found is what it leads to, and
 * *canonical the path as messages have it.
 */
const char *schema_field_path(struct arena *a, const struct node *root, struct str text,
	bool brackets, const struct node **found, struct str *canonical);

/* Does `test` hold of a schema or of any within? */
bool any_schema(const struct cJSON *schema, bool (*test)(const struct cJSON *schema));

#endif
