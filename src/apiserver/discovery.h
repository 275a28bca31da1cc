/*
 * discovery: which resources are served, and the documents that say so: plain ones (/api, /apis,
 * /apis/GROUP, /apis/GROUP/VERSION) and the aggregated list that kubectl reads.
 *
 * Versions that upstream has removed are served and stand in the aggregated list, where kubectl
 * looks a manifest's kind up; the plain documents show what upstream's show and no more.
 */
#ifndef KUBE_APISERVER_DISCOVERY_H
#define KUBE_APISERVER_DISCOVERY_H

#include "request.h"

#include <kube/flags.h>

/*
 * runtime_config as upstream's flag: api/all, api/ga, api/beta, api/alpha, GROUP/VERSION and
 * GROUP/VERSION/RESOURCE, the more particular winning; api/removed for the removed versions.
 * ERR_USAGE for what it does not know.
 */
int discovery_new(const struct flag_map *runtime_config, struct discovery **d, struct err *err);
void discovery_free(struct discovery *d);

/* What definitions add, in discovery's order, in place of what they had added; copied, and held. */
void discovery_set_custom(struct discovery *d, const struct resource *const *items, size_t count);
uint64_t discovery_custom_changes(const struct discovery *d); /* how often that was done */
/* Served resources in discovery's order: from 0 until NULL. */
const struct resource *discovery_at(const struct discovery *d, size_t index);
const struct resource *discovery_find(
	const struct discovery *d, struct str group, struct str version, struct str plural);
const struct resource *discovery_find_kind(
	const struct discovery *d, struct str group, struct str version, struct str kind);
bool discovery_has_group(const struct discovery *d, struct str group);
/* Upstream answers otherwise for groups that only definitions have. */
bool discovery_has_own_group(const struct discovery *d, struct str group);
bool discovery_has_version(const struct discovery *d, struct str group, struct str version);

/* Answers /api…, /apis… up to a group and version. */
stage_fn serve_discovery;

#endif
