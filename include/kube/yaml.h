/*
 * YAML as Kubernetes reads and kubectl prints it (libyaml below, YAML 1.1 resolution as Go's
 * sigs.k8s.io/yaml has it: `yes`, `no`, `on`, `off`, `y`, `n` are booleans, 0777 and 0o777 octal).
 * Documents become the same trees that json.h makes. Keys become strings; a duplicate key is
 * reported as in JSON, the last one wins. Errors name the line, counted as Go counts it (which
 * is at times the line before): "yaml: line 3: …".
 *
 * `<<` merges as Go's does, in the order of the document: a key set before a merge gives way to
 * the merged one, a key set behind it replaces that (and is no duplicate).
 */
#ifndef KUBE_YAML_H
#define KUBE_YAML_H

#include <kube/json.h>

struct yaml_limits {
	size_t max_bytes;    /* 0: 3 MiB */
	int max_depth;       /* 0: 1000 */
	size_t max_expanded; /* nodes after anchors are expanded; 0: 1,000,000 */
};
/*
 * Beyond them ERR_TOO_LARGE; so too, whatever the limits, what would take time out of proportion:
 * very deep brackets, long keys repeated by aliases and merges, more than 64 %TAG directives.
 */

struct yaml_duplicate {
	struct str path; /* spec.containers[0].name */
	struct str key;
	int line; /* of its value; 0 when the text was JSON */
};
/* Told of the first hundred of a stream. */
typedef void yaml_duplicate_fn(void *ctx, const struct yaml_duplicate *duplicate);
/* As Go's strict decoders say it: `line 3: key "a" already set in map`, `duplicate field "a"`. */
void yaml_print_duplicate(struct buf *out, const struct yaml_duplicate *duplicate);

/* Told of every key of a document's outermost mapping, merged ones apart, with its line. */
typedef void yaml_key_fn(void *ctx, struct str key, int line);

struct yaml_options {
	struct yaml_limits limits;
	yaml_duplicate_fn *duplicate;
	yaml_key_fn *key;
	void *ctx;
};

/*
 * Every document of a stream, those left out that are empty or null. Returning non-zero stops
 * with that code. options may be NULL.
 */
typedef int yaml_document_fn(void *ctx, struct cJSON *root, int line, struct err *err);
int yaml_read_all(struct arena *a, struct str text, const struct yaml_options *options,
	yaml_document_fn *document, void *ctx, struct err *err);
/* The first document, whatever follows it; *root is a null node when there is none. */
int yaml_read(struct arena *a, struct str text, const struct yaml_options *options,
	struct cJSON **root, struct err *err);
/*
 * JSON or YAML: what begins with a brace is read as JSON, and as YAML if it turns out not to be
 * (a mapping in flow style). When it is neither, the error is JSON's.
 */
int yaml_read_any(struct arena *a, struct str text, const struct yaml_options *options,
	struct cJSON **root, struct err *err);

/* Block style, keys sorted, two-space indents, strings quoted only where needed, as kubectl.
 * Over the buffer's ceiling the whole of it is dropped. */
void yaml_write(struct buf *out, const struct cJSON *root);

#endif
