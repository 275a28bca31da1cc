/* capability: sets of Linux capabilities as bits, and what a container gets of them. */
#ifndef KUBE_CAPABILITY_H
#define KUBE_CAPABILITY_H

#include <kube/err.h>

/* "NET_ADMIN", any case, with or without CAP_; 0: there is none of that name. */
uint64_t capability_bit(struct str name);
/* All that this kernel knows. */
uint64_t capability_all(void);
/* What containers have that say nothing: the 14 that every runtime gives. */
uint64_t capability_default(void);
/*
 * The default, with what is added and without what is dropped; "ALL" counts first, so that single
 * ones may be said beside it. An unknown name is an error.
 */
int capability_resolve(const struct str *add, size_t add_count, const struct str *drop,
	size_t drop_count, uint64_t *set, struct err *err);

/* For the process that is about to execute: no others can be had any more. */
int capability_bound(uint64_t set, struct err *err);
/* What it has itself, after its user was set; nothing is inherited or ambient. */
int capability_set(uint64_t set, struct err *err);

#endif
