/* Webhooks: where they are called, and for which requests. The rules on requests are those of
 * admission policies too. */
#ifndef KUBE_API_WEBHOOK_RULES_H
#define KUBE_API_WEBHOOK_RULES_H

#include "rules.h"

#include <kube/cel.h>

/* Everything under webhooks[]; what the old ones got away with they may keep. */
void check_webhooks(struct field_errors *e, const struct change *c, bool mutating);
/* The list differs: a new generation. */
bool webhooks_changed(const struct cJSON *config, const struct cJSON *old);

/* Either a URL or a service, not both. */
void check_client_config(struct field_errors *e, const struct path *p, const struct cJSON *client);

/* Operations, groups, versions, resources, scope. */
void check_operation_rule(struct field_errors *e, const struct path *p, const struct cJSON *rule);
/* It compiles and yields what is wanted (NULL: anything). */
void check_cel_expression(struct field_errors *e, const struct path *p, struct cel_env *env,
	struct str expression, const struct cel_type *wanted);
/* name and expression of each; `params`: expressions may speak of params. */
void check_match_conditions(
	struct field_errors *e, const struct path *p, const struct cJSON *list, bool params);
/* Nothing but white space, or nothing at all. */
bool text_is_blank(struct str text);

#endif
