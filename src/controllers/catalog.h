/*
 * catalog: which resources the API serves, by its discovery documents: each in one version, the
 * preferred one. Asked once at the start, again when definitions or API services change, and
 * again after a while when a group could not be read. For controllers that deal with everything.
 */
#ifndef KUBE_CONTROLLERS_CATALOG_H
#define KUBE_CONTROLLERS_CATALOG_H

#include "controllers.h"

struct catalog_entry {
	const struct resource
		*resource; /* as long as the catalog, even when it is served no more */
	unsigned verbs;    /* that are served */
	bool gone;
};

struct catalog;
struct catalog *catalog_new(const struct controllers_world *w);
/* Never refused. Then only free. */
void catalog_stop(struct catalog *c, struct op *op);
void catalog_free(struct catalog *c); /* NULL is fine */

/* Told after each reading that changed something; and once when the first is done. */
struct catalog_listener {
	void (*changed)(struct catalog_listener *l);
	struct link in_catalog; /* private */
};
void catalog_listen(struct catalog *c, struct catalog_listener *l);
void catalog_leave(struct catalog_listener *l);

bool catalog_known(const struct catalog *c); /* the first reading is done */
size_t catalog_count(const struct catalog *c);
const struct catalog_entry *catalog_at(const struct catalog *c, size_t index);
/* By "group/plural"; NULL: it is not served. */
const struct resource *catalog_find(const struct catalog *c, struct str path);
/* By the kind that an owner reference names, whatever its version; NULL: none is served. */
const struct resource *catalog_find_kind(
	const struct catalog *c, struct str api_version, struct str kind);
/* Groups that could not be read the last time: "metrics.k8s.io/v1beta1, …"; empty: none. */
struct str catalog_failures(const struct catalog *c, size_t *count);

#endif
