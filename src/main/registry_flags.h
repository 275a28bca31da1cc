/*
 * registry_flags: how commands are told to reach registries of images:
 *
 *	--registry-mirror docker.io=https://mirror.lan/prefix   tried before the registry itself
 *	--insecure-registry 10.0.0.1:5000                        by plain http
 *	--registry-ca FILE                                       whom to believe
 */
#ifndef MAIN_REGISTRY_FLAGS_H
#define MAIN_REGISTRY_FLAGS_H

#include <kube/flags.h>
#include <kube/image_store.h>

struct registry_flags {
	struct flag_list mirrors, insecure;
	struct str authorities; /* a file; empty: the system's */
};

/* What they mean; its texts are the flags' and the arena's. */
struct registry_setup {
	struct image_registry *registries;
	size_t count;
	const char *authorities; /* NULL: the system's */
};

enum { REGISTRY_FLAGS = 3 };
void registry_flags_add(struct registry_flags *r, struct flag *flags);
/* ERR_USAGE. */
int registry_flags_read(struct arena *a, const struct registry_flags *r,
	struct registry_setup *setup, struct err *err);

#endif
