/*
 * The pure half of the namespace controller: what is left of a namespace's content, as its
 * conditions tell it, and when to look again.
 */
#ifndef KUBE_CONTROLLERS_NAMESPACE_CONTENT_H
#define KUBE_CONTROLLERS_NAMESPACE_CONTENT_H

#include "controllers.h"

/* What one pass over everything in a namespace has found. */
struct namespace_content {
	struct arena *arena;
	struct content_count *resources, *finalizers; /* by name: how many are left */
	size_t resource_count, resource_cap, finalizer_count, finalizer_cap;
	int64_t estimate;   /* seconds that pods may still take; or what waits for finalizers */
	struct str *errors; /* of deleting */
	size_t error_count, error_cap;
	struct str undiscovered; /* groups that could not be read */
	size_t undiscovered_count;
};
struct content_count {
	struct str name;
	int64_t count;
};
void namespace_note_resource(struct namespace_content *c, const struct resource *r, int64_t left);
void namespace_note_finalizer(struct namespace_content *c, struct str name);
void namespace_note_error(struct namespace_content *c, struct str text);
/* How long the pod may take to go, counted from the namespace's deletion; 0: no longer. */
int64_t namespace_pod_grace(const struct cJSON *pod, int64_t deleted, int64_t now);

bool namespace_is_empty(const struct namespace_content *c);
/* Sets the conditions; false: they say so already. */
bool namespace_set_conditions(
	struct arena *a, struct cJSON *namespace, const struct namespace_content *c, int64_t now);
/* Takes the finalizer "kubernetes" out of the spec; false: it is not there. */
bool namespace_finalize(struct arena *a, struct cJSON *namespace);
/* Sooner while it is young. */
int64_t namespace_look_again(const struct cJSON *namespace, int64_t now);

#endif
