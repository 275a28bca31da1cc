/*
 * AuthenticationConfiguration: issuers of tokens and what becomes of their claims, and where one
 * may be anonymous; from the file of --authentication-config, or from the flags --oidc-….
 */
#ifndef KUBE_APISERVER_AUTHN_CONFIGURATION_H
#define KUBE_APISERVER_AUTHN_CONFIGURATION_H

#include "expression.h"

#include <kube/err.h>

/* A claim with a prefix, or an expression; neither: nothing. */
struct claim_mapping {
	struct str claim, prefix, expression;
	const struct expression *program;
};

struct claim_extra {
	struct str key, expression;
	const struct expression *program;
};

struct claim_rule { /* a claim with the value it must have, or an expression that must be true */
	struct str claim, value, expression, message;
	const struct expression *program;
};

struct issuer_settings {
	struct str url, discovery_url;
	struct str authority; /* PEM; empty: whom the system believes */
	struct str *audiences;
	size_t audience_count;
	const struct str *algorithms;
	size_t algorithm_count;
	struct claim_mapping username, groups, uid;
	struct claim_extra *extra;
	size_t extra_count;
	struct claim_rule *rules, *user_rules;
	size_t rule_count, user_rule_count;
};

struct authn_configuration {
	struct arena arena;
	struct expressions *expressions;
	struct issuer_settings *issuers;
	size_t issuer_count;
	bool has_anonymous, anonymous;
	struct str *anonymous_paths; /* none: all */
	size_t anonymous_path_count;
};

/*
 * ERR_INVALID with upstream's words for everything that is wrong with it. disallowed: issuers that
 * are the server's own. *c must be given back by authn_configuration_free.
 */
int authn_configuration_parse(struct str text, const struct str *disallowed,
	size_t disallowed_count, struct authn_configuration **c, struct err *err);
struct api_options;
/* authority: the text of --oidc-ca-file. No issuer when no flag names one. */
int authn_configuration_of_flags(const struct api_options *o, struct str authority,
	struct authn_configuration **c, struct err *err);
void authn_configuration_free(struct authn_configuration *c); /* NULL is fine */

#endif
