/*
 * AuthenticationConfiguration while it is read: the issuers (configuration.c), what becomes of
 * their claims (configuration_claims.c), the flags that say the same (configuration_flags.c).
 * Whatever is wrong is gathered in `errors`; texts live in the configuration's arena.
 */
#ifndef KUBE_APISERVER_AUTHN_CONFIGURATION_READING_H
#define KUBE_APISERVER_AUTHN_CONFIGURATION_READING_H

#include "config_text.h"
#include "configuration.h"

struct authn_reading {
	struct authn_configuration *config;
	struct config_text text;
	struct field_errors errors;
	const struct str *disallowed;
	size_t disallowed_count;
	/* of the issuer that is read */
	bool uses_email, uses_verified;
};

struct authn_configuration *authn_configuration_new(void); /* empty, the caller's */
/* Of an issuer. may_be_ours: it may be one that is disallowed. */
void authn_check_url(
	struct authn_reading *r, const struct path *at, struct str text, bool may_be_ours);

/* Of one entry of "jwt". Mappings come behind the rules: one may want the other. */
void authn_read_rules(struct authn_reading *r, const struct path *jwt, const struct cJSON *entry,
	struct issuer_settings *s);
void authn_read_mappings(struct authn_reading *r, const struct path *jwt, const struct cJSON *entry,
	struct issuer_settings *s);
void authn_read_user_rules(struct authn_reading *r, const struct path *jwt,
	const struct cJSON *entry, struct issuer_settings *s);

#endif
