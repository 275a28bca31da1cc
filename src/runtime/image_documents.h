/*
 * image_documents: what registries and archives say about images, read: configs, manifests,
 * indexes, of OCI and of Docker (schema 2). Pure. Slices live in the arena.
 */
#ifndef RUNTIME_IMAGE_DOCUMENTS_H
#define RUNTIME_IMAGE_DOCUMENTS_H

#include <kube/image_reference.h>
#include <kube/runtime.h>

#define IMAGE_DOCUMENT_MAX (4 * MIB)

struct str_list {
	struct str *items;
	size_t count;
};

struct image_config {
	struct str_list env, entrypoint, command, exposed_ports, volumes;
	struct str user, working_dir, stop_signal, os, architecture;
	struct runtime_pairs labels;
	struct str_list diff_ids; /* the lowest layer first */
};
/* ERR_INVALID where it is not in order. At most max_layers of them. */
int image_config_parse(struct arena *a, struct str text, int64_t max_layers,
	struct image_config *config, struct err *err);
/* The number in a USER of digits ("0" when empty), or -1 and *name. */
int64_t image_config_user(const struct image_config *config, struct str *name);

struct image_descriptor {
	struct str media_type, digest;
	int64_t size;
	bool has_platform;
	struct str os, architecture, variant;
	struct str name, ref_name; /* of annotations: the whole name; OCI's, often a tag only */
};

struct image_document {
	bool is_index;
	struct image_descriptor config;         /* of a manifest */
	const struct image_descriptor *entries; /* its layers, the lowest first; or an index's */
	size_t count;
};
/* media_type: as it was declared, or empty. ERR_UNSUPPORTED for schema 1 and foreign kinds. */
int image_document_parse(struct arena *a, struct str text, struct str media_type,
	int64_t max_entries, struct image_document *d, struct err *err);
/* Nothing said about a machine fits every one. */
bool image_descriptor_fits(const struct image_descriptor *d);
/* Of an index, what fits this machine best; NULL: none. */
const struct image_descriptor *image_document_choose(const struct image_document *d);

/* docker save's manifest.json. */
struct docker_image {
	struct str config;            /* a path */
	struct str_list tags, layers; /* layers: paths */
};
int docker_manifest_parse(struct arena *a, struct str text, int64_t max_layers,
	struct docker_image **images, size_t *count, struct err *err);

#endif
