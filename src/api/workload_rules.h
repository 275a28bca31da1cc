/* What the kinds that make pods have in common: a selector that fits its template, counts in the
 * status, amounts that are a number or a share, and what their authors should hear of. */
#ifndef KUBE_API_WORKLOAD_RULES_H
#define KUBE_API_WORKLOAD_RULES_H

#include "pod_spec.h"
#include "rules.h"

/* How messages speak of a kind. */
struct workload_words {
	const char *empty;    /* "empty selector is invalid for …" */
	const char *unsound;  /* said of a selector that cannot be read; "" for nothing */
	const char *deadline; /* "activeDeadlineSeconds in … is not Supported" */
};

/* spec.selector must be there, be sound, not be empty. */
void workload_check_selector(struct field_errors *e, const struct cJSON *object, const char *word);
/* spec.template, which the selector (NULL: of nothing) must match. */
void workload_check_template(struct field_errors *e, const struct cJSON *object,
	const struct cJSON *selector, const struct workload_words *words);
/* Both of them, for kinds with a LabelSelector. */
void workload_check_pods(
	struct field_errors *e, const struct cJSON *object, const struct workload_words *words);
/* "`selector` does not match template `labels`", of the two in this spec. */
void workload_check_match(struct field_errors *e, const struct path *spec_at,
	const struct cJSON *spec, const struct cJSON *selector);
void workload_check_restart(struct field_errors *e, const struct cJSON *object);
void workload_check_deadline(
	struct field_errors *e, const struct cJSON *object, const char *kind_word);

/* Members of spec that may not be negative; names end with NULL. */
void workload_check_counts(struct field_errors *e, const struct path *p, const struct cJSON *object,
	const char *const *names);
/* Those of status that may not exceed status.replicas. `ready` is how messages call that count. */
void workload_check_replicas(struct field_errors *e, const struct cJSON *object,
	const char *const *names, const char *ready);
/* status.collisionCount only grows. */
void workload_check_collisions(struct change *c, struct field_errors *e);

/* A number that is not negative, or a percentage. */
void workload_check_share(struct field_errors *e, const struct path *at, const struct cJSON *value);
void workload_check_whole(struct field_errors *e, const struct path *at, const struct cJSON *value);
/* Of a number its value, of a percentage the percents. */
int64_t workload_share(const struct cJSON *value);

/* "Invalid value" and "Unsupported value" of a whole struct, as Go shows it. */
void workload_invalid(struct field_errors *e, const struct path *at, const struct schema *s,
	const struct cJSON *value, const char *detail);
void workload_not_supported(struct field_errors *e, const struct path *at, const struct schema *s,
	const struct cJSON *value, const char *const *choices);

/* Names that pods inherit, and the template at `p`; an update that changes no spec is silent. */
bool workload_is_quiet(const struct change *c);
void workload_warn_name(struct change *c);
void workload_warn(struct change *c);

#endif
