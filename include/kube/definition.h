/*
 * What becomes of a CustomResourceDefinition once it stands there: whether its names are free,
 * what its conditions say. Pure; trees are canonical ones of the hub version.
 */
#ifndef KUBE_DEFINITION_H
#define KUBE_DEFINITION_H

#include <kube/resource.h>

#define DEFINITION_FINALIZER "customresourcecleanup.apiextensions.k8s.io"

bool definition_condition_is_true(const struct cJSON *definition, const char *type);
/* Puts a condition in its place, or behind the others; its time changes only with its status. */
void definition_set_condition(struct arena *a, struct cJSON *definition, const char *type,
	const char *status, const char *reason, struct str message, int64_t now);

/* Why a definition's schemas are not structural, or (`unchecked`) why that cannot be said. */
struct definition_faults {
	struct str text; /* empty: they are */
	bool unchecked;
};

/*
 * The next step on the way to being served, in place; false: there is none. Accepting names and
 * being established are two steps: who sees the first must be served already when it sees the
 * second. `others`: acceptedNames of the other definitions of its group.
 */
bool definition_step(struct arena *a, struct cJSON *definition, struct definition_faults faults,
	const struct cJSON *const *others, size_t count, int64_t now);

/* The first DELETE: it is marked, and held back until its objects are gone. */
void definition_mark_deleted(struct arena *a, struct cJSON *definition, int64_t now);
bool definition_has_finalizer(const struct cJSON *definition);
void definition_drop_finalizer(struct cJSON *definition);

/* "v1 Thing is deprecated; use …"; empty for versions that are not. */
struct str definition_deprecation(
	struct arena *a, const struct cJSON *definition, const struct cJSON *version);

/* What a version's Tables show, in the arena: the name, and its additionalPrinterColumns. */
const struct table *definition_columns(struct arena *a, const struct cJSON *version);

#endif
