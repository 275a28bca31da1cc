#include "uninstall_names.h"

#include "restore_place.h"

#include <kube/str.h>

bool uninstall_is_data(const char *name)
{
	static const char *const names[] = {"admin.kubeconfig", "images", "kubelet", "manifests",
		"network", "pki", "pods", "runtime", "state"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return restore_is_name(name);
}

bool uninstall_is_log(const char *name)
{
	struct str space, pod, uid, rest;

	return str_cut(str_from(name), '_', &space, &rest) && str_cut(rest, '_', &pod, &uid) &&
	       space.len && pod.len && uid.len && str_find_char(uid, '_') < 0;
}
