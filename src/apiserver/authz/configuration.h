/*
 * AuthorizationConfiguration: the authorizers in their order, from the file of
 * --authorization-config, or from the flags of old.
 */
#ifndef KUBE_APISERVER_AUTHZ_CONFIGURATION_H
#define KUBE_APISERVER_AUTHZ_CONFIGURATION_H

#include "webhook.h"

enum authz_type { AUTHZ_ALLOW, AUTHZ_DENY, AUTHZ_ABAC, AUTHZ_RBAC, AUTHZ_NODE, AUTHZ_WEBHOOK };

struct authz_entry {
	enum authz_type type;
	struct str name;
	struct webhook_settings webhook;
};

struct authz_entries {                   /* all in an arena */
	struct expressions *expressions; /* the caller's: of the conditions; outlives them */
	struct authz_entry *items;
	size_t count;
};

/* "RBAC" and the like; NULL when there is no such. */
const char *authz_type_word(enum authz_type type);
bool authz_type_find(struct str word, enum authz_type *type);
/* ERR_INVALID with upstream's words for everything that is wrong with it. */
int authz_configuration_parse(
	struct arena *a, struct str text, struct authz_entries *entries, struct err *err);
/* --authorization-mode and what belongs to it, checked before. */
struct api_options;
void authz_entries_of_flags(
	struct arena *a, const struct api_options *o, struct authz_entries *entries);

#endif
