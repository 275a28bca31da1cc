/*
 * addons: manifests that are applied at the start and again when they change: one of ours, and the
 * files of a directory (.yaml, .yml, .json). What a file no longer has stays as it is.
 */
#ifndef MAIN_ADDONS_H
#define MAIN_ADDONS_H

#include <kube/component.h>

/* own: YAML, or empty. directory: empty: none; it need not exist yet. */
struct part *addons_new(const struct component_base *base, struct str own, struct str directory);
/* Done when the manifest of ours has been applied, or was tried to be. One wait at a time. */
void addons_await_own(struct part *p, struct op *op);

#endif
