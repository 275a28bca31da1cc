/* ServiceAccount */
#include "kinds.h"

#define ENFORCE "kubernetes.io/enforce-mountable-secrets"

static void warn(struct change *c)
{
	if (json_get(json_path(c->object, "metadata.annotations"), STR(ENFORCE)) &&
		!json_get(json_path(c->old, "metadata.annotations"), STR(ENFORCE)))
		change_warn(c, "metadata.annotations[" ENFORCE "]: deprecated in v1.32+; prefer "
			       "separate namespaces to isolate access to mounted secrets");
}

const struct strategy strategy_serviceaccounts = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.delete_answers_object = true,
	.warn = warn,
};
