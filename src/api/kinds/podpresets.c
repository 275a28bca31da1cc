/* PodPreset: kept for whoever still has some; nothing is put into pods. */
#include "kinds.h"

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), selector = PATH(&spec, "selector");
	struct label_selector_rules rules = {0};

	check_label_selector(e, &selector, json_path(c->object, "spec.selector"), rules);
}

const struct strategy strategy_podpresets = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.validate = validate,
	.validate_update = validate,
};
