/* ValidatingWebhookConfiguration */
#include "kinds.h"
#include "webhook_rules.h"

static void validate(struct change *c, struct field_errors *e)
{
	check_webhooks(e, c, false);
}

const struct strategy strategy_validatingwebhookconfigurations = {
	.name_rule = name_check_dns_subdomain,
	.generation = GENERATION_SPEC,
	.changed = webhooks_changed,
	.update_checks_metadata_once = true,
	.validate = validate,
	.validate_update = validate,
};
