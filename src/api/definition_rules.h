/* Definitions of custom resources: everything but the schemas themselves. */
#ifndef KUBE_API_DEFINITION_RULES_H
#define KUBE_API_DEFINITION_RULES_H

#include "rules.h"

/* `old`: the definition before its update; NULL: it is new. */
void check_definition_spec(
	struct field_errors *e, const struct cJSON *spec, const struct cJSON *old);
void check_definition_names(
	struct field_errors *e, const struct path *p, const struct cJSON *names);
/* Those that objects were ever stored in must still be there. */
void check_stored_versions(struct field_errors *e, const struct cJSON *definition);
/* Groups of the community want a word of approval. */
void check_approval(
	struct field_errors *e, const struct cJSON *definition, const struct cJSON *old);
/* Columns, subresources, selectable fields of one version. */
void check_definition_columns(
	struct field_errors *e, const struct path *p, const struct cJSON *list);
void check_definition_subresources(
	struct field_errors *e, const struct path *p, const struct cJSON *subresources);
/* Those of a version; `has_schema`: its schema stands where upstream looks for it. */
void check_selectable_fields(struct field_errors *e, const struct path *p,
	const struct cJSON *version, bool has_schema, const char *where);
void check_definition_conversion(
	struct field_errors *e, const struct path *p, const struct cJSON *conversion);

#endif
