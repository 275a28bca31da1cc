/*
 * What --admission-control-config-file tells the plugins that can be told something: read once,
 * checked, and constant from then on.
 */
#ifndef KUBE_APISERVER_ADMISSION_SETTINGS_H
#define KUBE_APISERVER_ADMISSION_SETTINGS_H

#include "admission.h"
#include "pod_standards.h"

/* ---- PodSecurity: for namespaces whose labels do not say ---- */

enum { ENFORCE, AUDIT, WARN, POD_SECURITY_MODES };

struct pod_standard {
	enum standard_level level;
	int version;
	struct str version_text;
};

struct pod_security_settings {
	struct pod_standard defaults[POD_SECURITY_MODES];
	const struct cJSON *users, *namespaces, *runtime_classes; /* exempt: lists, or NULL */
};
/* "baseline"; "latest", "v1.25": false when it is neither. */
bool pod_standard_read_level(struct str text, enum standard_level *level);
bool pod_standard_read_version(struct str text, int *version);
int pod_security_settings_read(
	struct pod_security_settings *s, const struct cJSON *config, struct err *err);

/* ---- EventRateLimit ---- */

struct event_rates;
/* config: NULL when there is none, which is an error for this plugin. */
int event_rates_new(
	struct event_rates **rates, const struct cJSON *config, struct env *env, struct err *err);
void event_rates_free(struct event_rates *r);

struct image_policy;

/* ---- webhooks ---- */

struct hook_identities;
/* plugin: what the file says to it, or NULL; *out is NULL when that names no kubeconfig. */
int hook_identities_read(struct hook_identities **out, struct api_server *s,
	const struct cJSON *plugin, struct err *err);
void hook_identities_free(struct hook_identities *h); /* NULL is fine */

/* ---- all ---- */

struct admission_settings {
	struct arena arena;
	const struct cJSON *selectors; /* PodNodeSelector: namespace → its labels; or NULL */
	const struct cJSON
		*tolerations; /* PodTolerationRestriction: {default, whitelist}; or NULL */
	struct pod_security_settings pod_security;
	struct event_rates *event_rates;            /* NULL: the plugin is off */
	struct image_policy *image_policy;          /* NULL: the plugin is off */
	struct hook_identities *hook_identities[2]; /* validating, mutating; or NULL */
	struct cJSON *plugins; /* by name, what the file says to each: objects */
};

/*
 * The file, when the options name one. `wanted` ends with NULL: the plugins that are on; what is
 * said to others is checked for its form only.
 */
int admission_settings_read(struct admission_settings *s, struct api_server *server,
	const struct admission_plugin *const *wanted, struct err *err);
void admission_settings_stop(struct admission_settings *s);
void admission_settings_done(struct admission_settings *s);
const struct admission_settings *admission_settings(const struct admission *a);

#endif
