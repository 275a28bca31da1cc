/* Specs of claims for volumes: of claims themselves, of templates in pods and stateful sets. */
#ifndef KUBE_API_CLAIM_RULES_H
#define KUBE_API_CLAIM_RULES_H

#include "resource_names.h"

void check_claim_spec(struct field_errors *e, const struct path *p, const struct cJSON *spec);
/* metadata and spec of a template. */
void check_claim_template(struct field_errors *e, const struct path *p, const struct cJSON *tmpl);
/* At least one, of the known ones; ReadWriteOncePod stands alone. */
void check_access_modes(struct field_errors *e, const struct path *p, const struct cJSON *spec);

/* Amounts that are no whole bytes; `p` is how warnings call the spec. */
void claim_warn(struct change *c, const struct path *p, const struct cJSON *spec);

#endif
