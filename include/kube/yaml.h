/*
 * YAML as Kubernetes reads and kubectl prints it (libyaml below, YAML 1.1 resolution as Go's
 * sigs.k8s.io/yaml has it: `yes`, `no`, `on`, `off`, `y`, `n` are booleans, 0777 and 0o777 octal).
 * Documents become the same trees that json.h makes. Keys become strings; a duplicate key is
 * reported as in JSON. Errors name the line: "yaml: line 3: …".
 */
#ifndef KUBE_YAML_H
#define KUBE_YAML_H

#include <kube/json.h>

struct yaml_limits {
	size_t max_bytes;    /* 0: 3 MiB */
	int max_depth;       /* 0: 1000 */
	size_t max_expanded; /* nodes after anchors are expanded; 0: 1,000,000 */
};

struct yaml_options {
	struct yaml_limits limits;
	json_duplicate_fn *duplicate;
	void *ctx;
};

/* Every document of a stream, empty ones left out. Returning non-zero stops with that code. */
typedef int yaml_document_fn(void *ctx, struct cJSON *root, int line, struct err *err);
int yaml_read_all(struct arena *a, struct str text, const struct yaml_options *options,
	yaml_document_fn *document, void *ctx, struct err *err);
/* The first document; *root is a null node when there is none. */
int yaml_read(struct arena *a, struct str text, const struct yaml_options *options,
	struct cJSON **root, struct err *err);
/* JSON or YAML, told apart as kubectl does (first non-space byte is a brace). */
int yaml_read_any(struct arena *a, struct str text, const struct yaml_options *options,
	struct cJSON **root, struct err *err);

/* Block style, keys sorted, two-space indents, strings quoted only where needed, as kubectl. */
void yaml_write(struct buf *out, const struct cJSON *root);

#endif
