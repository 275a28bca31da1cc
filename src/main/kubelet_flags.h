/*
 * kubelet_flags: what upstream's kubelet takes as flags, too, though it belongs into its
 * configuration: as a KubeletConfiguration that has the last word.
 */
#ifndef MAIN_KUBELET_FLAGS_H
#define MAIN_KUBELET_FLAGS_H

#include <kube/flags.h>

enum { KUBELET_FLAGS = 16 };
struct kubelet_flags {
	struct flag_list values[KUBELET_FLAGS];
};

/* KUBELET_FLAGS of them. */
void kubelet_flags_add(struct kubelet_flags *f, struct flag *flags);
/* In the arena; empty when none was given. ERR_USAGE. */
int kubelet_flags_print(
	struct arena *a, const struct kubelet_flags *f, struct str *text, struct err *err);

#endif
