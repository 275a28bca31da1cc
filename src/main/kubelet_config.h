/* KubeletConfiguration as files have it. */
#ifndef MAIN_KUBELET_CONFIG_H
#define MAIN_KUBELET_CONFIG_H

#include <kube/err.h>
#include <kube/kubelet_configuration.h>

/*
 * The file, then those of the directory that end with ".conf", in the order of their names, then
 * the text; what comes later has the last word. Each may be empty: then defaults count. What has no
 * effect here is logged. Everything is in the arena.
 */
int kubelet_config_read(struct arena *a, struct str file, struct str directory, struct str text,
	struct kubelet_configuration *c, struct err *err);

#endif
