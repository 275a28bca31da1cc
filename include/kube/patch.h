/*
 * Patches over trees: JSON patch (RFC 6902), JSON merge patch (RFC 7386), strategic merge, and
 * server-side apply with its managed fields. Pure; inputs are not changed, results are new trees
 * that may share leaves with them. Results are not canonical: decode them.
 */
#ifndef KUBE_PATCH_H
#define KUBE_PATCH_H

#include <kube/resource.h>

/*
 * ERR_BAD_REQUEST (malformed), ERR_UNTRUE (a test operation says no), ERR_INVALID (another
 * operation failed, or one that is none), ERR_TOO_LARGE (more than 10,000 operations). `notes`, if
 * any, hears of unknown members.
 */
struct decode_notes;
int patch_json(struct arena *a, const struct cJSON *object, const struct cJSON *patch,
	struct decode_notes *notes, struct cJSON **out, struct err *err);
struct cJSON *patch_merge(struct arena *a, const struct cJSON *object, const struct cJSON *patch);
/* Directives ($patch, $retainKeys, $setElementOrder/x, $deleteFromPrimitiveList/x) included.
 * ERR_BAD_REQUEST, ERR_INTERNAL as upstream answers. */
int patch_strategic(struct arena *a, const struct schema *s, const struct cJSON *object,
	const struct cJSON *patch, struct cJSON **out, struct err *err);

/*
 * What an apply configuration says put into an object, as server-side apply merges it, for nobody
 * in particular. ERR_INVALID: it is not what the schema says, or says something of what can only be
 * had as a whole.
 */
int patch_configuration(struct arena *a, const struct schema *schema, const struct cJSON *object,
	const struct cJSON *configuration, struct cJSON **out, struct err *err);

/* Does the result of a strategic patch fit the type? 0 or ERR_INVALID in upstream's words. */
int patch_check_restores(
	struct arena *a, const struct schema *s, const struct cJSON *object, struct err *err);
/* A patch as Go prints it in messages: map[data:map[x:1]]. */
struct str patch_print_go(struct arena *a, const struct cJSON *patch);

/* ---- server-side apply ---- */
/* One change of owners. Objects are complete trees with metadata.managedFields as they stand, in
 * the request's version. */
struct apply_request {
	const struct resource *resource; /* entries are kept per version */
	struct str manager;
	struct str subresource; /* "" or "status", "scale", … */
	bool force;
	bool reset;  /* the client wants nobody to own anything: apply_resets_managed_fields */
	int64_t now; /* for the entries' time, whole seconds */
	/* Fields that this endpoint resets and nobody owns: dotted paths ("status"), ends with
	 * NULL. */
	const char *const *reset_fields;
};

struct apply_conflict {
	struct str manager; /* as in messages: `"rec" using v1`, `"st" with subresource "status"` */
	struct str path;    /* ".spec.replicas" */
};
struct apply_conflicts {
	struct apply_conflict *items; /* sorted by manager, then path */
	size_t count;
};

/*
 * Applies a configuration (kind, apiVersion, metadata.name and what is wanted). `live` is NULL
 * when the object is to be created. 0 and *out; ERR_CONFLICT with *conflicts filled; ERR_INTERNAL
 * for what the schema does not know (upstream answers 500 there).
 * When nothing but owners changes, *out equals live but for metadata.managedFields.
 */
int apply_patch(struct arena *a, const struct apply_request *r, const struct cJSON *live,
	const struct cJSON *config, struct cJSON **out, struct apply_conflicts *conflicts,
	struct err *err);
/*
 * Brings managedFields up to date after a create (old == NULL) or an update by other means: what
 * the change touched now belongs to the manager's Update entry, and others lose it. In place.
 */
void apply_track_update(struct arena *a, const struct apply_request *r, const struct cJSON *old,
	struct cJSON *object);
/*
 * Who owns a scale's spec.replicas: the entries of those who own the number at `replicas`
 * (dotted) in the object, of whatever version of `r`, as entries of the scale. And back: the
 * entries of `object`, which still are those of before, are brought up to date with the scale's.
 */
void scale_managed_show(struct arena *a, const struct resource *r, const char *replicas,
	const struct cJSON *object, struct cJSON *scale);
void scale_managed_take(struct arena *a, const struct resource *r, const char *replicas,
	struct cJSON *object, const struct cJSON *scale);
/* Can its managed fields be read? ERR_INVALID in upstream's words. */
int managed_fields_check(const struct cJSON *object, struct err *err);
/* Does the object say that its managed fields are to be forgotten ([] or [{}])? Asked of a tree as
 * it was sent: canonical ones have lost it. */
bool apply_resets_managed_fields(const struct cJSON *object);

#endif
