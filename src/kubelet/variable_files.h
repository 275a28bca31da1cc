/* Files in a pod's volumes from which variables of a container come (fileKeyRef). */
#ifndef KUBE_KUBELET_VARIABLE_FILES_H
#define KUBE_KUBELET_VARIABLE_FILES_H

#include <kube/json.h>
#include <kube/work.h>

struct variable_file {
	struct str volume, path; /* path: below the volume's directory */
	struct str text;
	bool failed; /* it cannot be read */
};
struct variable_files {
	struct str volumes; /* the directory of the pod's emptyDirs */
	struct variable_file *items;
	size_t count;
	struct arena *arena;
	/* private */
	struct work work;
};

/* Those that the container's variables name, each once. */
void variable_files_want(struct variable_files *f, struct arena *a, const struct cJSON *container);
/* Reads them on a worker; that one cannot be read is said of it. `f` stays until then. */
void variable_files_read(struct variable_files *f, struct op *op);
const struct variable_file *variable_files_get(
	const struct variable_files *f, struct str volume, struct str path);

/*
 * What the text says that `key` is: lines of KEY='value', where the value may have several lines.
 * `value` is empty when it says nothing. The text counts up to the key. Pure.
 */
int variable_find(
	struct arena *a, struct str text, struct str key, struct str *value, struct err *err);

#endif
