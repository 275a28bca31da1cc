/* Manifests and indexes, OCI's and Docker's: the same under different media types. */
#include "image_documents.h"

#include <kube/json.h>

#if defined(__x86_64__)
#define MACHINE "amd64"
#define VARIANT ""
#elif defined(__aarch64__)
#define MACHINE "arm64"
#define VARIANT "v8"
#else
#error "images of which architecture run here?"
#endif

static const char *const manifest_types[] = {
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.docker.distribution.manifest.v2+json",
};
static const char *const index_types[] = {
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
};
static const char *const layer_types[] = {
	"application/vnd.oci.image.layer.v1.tar",
	"application/vnd.oci.image.layer.v1.tar+gzip",
	"application/vnd.oci.image.layer.v1.tar+zstd",
	"application/vnd.oci.image.layer.nondistributable.v1.tar",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
	"application/vnd.docker.image.rootfs.diff.tar",
	"application/vnd.docker.image.rootfs.diff.tar.gzip",
	"application/vnd.docker.image.rootfs.diff.tar.zstd",
	"application/vnd.docker.image.rootfs.foreign.diff.tar",
	"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
};

#define AMONG(text, list) among((text), (list), ARRAY_LEN(list))
static bool among(struct str text, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_text(text, list[i]))
			return true;
	return false;
}

static int parse_root(struct arena *a, struct str text, struct cJSON **root, struct err *err)
{
	struct json_options options = {.limits = {.max_bytes = IMAGE_DOCUMENT_MAX,
					       .max_depth = 100,
					       .max_nodes = IMAGE_DOCUMENT_MAX / 8}};
	int failed = json_parse(a, text, &options, root, err);

	return failed ? err_wrap(err, failed, "manifest") : 0;
}

static int read_descriptor(const struct cJSON *n, struct image_descriptor *d, struct err *err)
{
	const struct cJSON *platform = json_get(n, STR("platform"));
	const struct cJSON *notes = json_get(n, STR("annotations"));

	*d = (struct image_descriptor){.media_type = json_str(json_get(n, STR("mediaType"))),
		.digest = json_str(json_get(n, STR("digest"))),
		.has_platform = json_is(platform, JSON_OBJECT),
		.os = json_str(json_get(platform, STR("os"))),
		.architecture = json_str(json_get(platform, STR("architecture"))),
		.variant = json_str(json_get(platform, STR("variant"))),
		.name = json_str(json_get(notes, STR("io.containerd.image.name"))),
		.ref_name = json_str(json_get(notes, STR("org.opencontainers.image.ref.name")))};
	if (!image_digest_valid(d->digest))
		return err_set(err, ERR_INVALID, "manifest: \"%.*s\" is no digest",
			STRF(str_sub(d->digest, 0, 100)));
	if (!json_int(json_get(n, STR("size")), &d->size) || d->size < 0)
		return err_set(err, ERR_INVALID, "manifest: %.*s has no size", STRF(d->digest));
	return 0;
}

static int read_entries(struct arena *a, const struct cJSON *list, int64_t max_entries,
	struct image_document *d, struct err *err)
{
	size_t count = json_count(list), i = 0;

	if (!json_is(list, JSON_ARRAY))
		return err_set(err, ERR_INVALID, "manifest: no list of %s",
			d->is_index ? "manifests" : "layers");
	if ((int64_t)count > max_entries)
		return err_set(err, ERR_TOO_LARGE, "manifest: more than %lld entries",
			(long long)max_entries);
	struct image_descriptor *items = arena_new(a, MAX(count, (size_t)1) * sizeof(items[0]));
	json_each (n, list) {
		int failed = read_descriptor(n, &items[i], err);
		if (failed)
			return failed;
		if (!d->is_index && !AMONG(items[i].media_type, layer_types))
			return err_set(err, ERR_UNSUPPORTED,
				"layers of media type \"%.*s\" are not supported",
				STRF(str_sub(items[i].media_type, 0, 200)));
		i++;
	}
	d->entries = items;
	d->count = count;
	return 0;
}

/* What is declared counts, then what the document says of itself, then what it looks like. */
static int tell_kind(const struct cJSON *root, struct str declared, bool *is_index, struct err *err)
{
	struct str own = json_str(json_get(root, STR("mediaType")));
	struct str type = declared.len ? declared : own;
	int64_t version = 0;

	if (json_int(json_get(root, STR("schemaVersion")), &version) && version == 1)
		return err_set(err, ERR_UNSUPPORTED,
			"manifests of schema 1 are not supported: the image must be pushed anew");
	if (declared.len && own.len && !str_eq(declared, own))
		return err_set(err, ERR_INVALID, "manifest: declared as %.*s, says %.*s",
			STRF(str_sub(declared, 0, 200)), STRF(str_sub(own, 0, 200)));
	if (AMONG(type, manifest_types) || AMONG(type, index_types))
		*is_index = AMONG(type, index_types);
	else if (type.len == 0 && json_is(json_get(root, STR("manifests")), JSON_ARRAY) !=
					  json_is(json_get(root, STR("layers")), JSON_ARRAY))
		*is_index = json_is(json_get(root, STR("manifests")), JSON_ARRAY);
	else
		return err_set(err, ERR_UNSUPPORTED, "media type \"%.*s\" is not supported",
			STRF(str_sub(type, 0, 200)));
	return 0;
}

int image_document_parse(struct arena *a, struct str text, struct str media_type,
	int64_t max_entries, struct image_document *d, struct err *err)
{
	struct image_document r = {0};
	struct cJSON *root;
	int failed = parse_root(a, text, &root, err);

	if (!failed && !json_is(root, JSON_OBJECT))
		failed = err_set(err, ERR_INVALID, "manifest: no object");
	if (!failed)
		failed = tell_kind(root, media_type, &r.is_index, err);
	if (!failed && !r.is_index)
		failed = read_descriptor(json_get(root, STR("config")), &r.config, err);
	if (!failed)
		failed = read_entries(a,
			json_get(root, r.is_index ? STR("manifests") : STR("layers")), max_entries,
			&r, err);
	if (!failed)
		*d = r;
	return failed;
}

static bool fits(const struct image_descriptor *d, struct str variant)
{
	return d->has_platform && str_eq_text(d->os, "linux") &&
	       str_eq_text(d->architecture, MACHINE) && str_eq(d->variant, variant);
}

bool image_descriptor_fits(const struct image_descriptor *d)
{
	return !d->has_platform || fits(d, STR(VARIANT)) || fits(d, STR("")) || fits(d, STR("v8"));
}

const struct image_descriptor *image_document_choose(const struct image_document *d)
{
	const struct image_descriptor *unmarked = NULL;

	for (size_t i = 0; i < d->count; i++)
		if (fits(&d->entries[i], STR(VARIANT)))
			return &d->entries[i];
	for (size_t i = 0; i < d->count; i++) {
		if (d->entries[i].has_platform && image_descriptor_fits(&d->entries[i]))
			return &d->entries[i];
		if (!d->entries[i].has_platform && !unmarked)
			unmarked = &d->entries[i];
	}
	return unmarked;
}

static int read_paths(struct arena *a, const struct cJSON *list, int64_t max,
	struct str_list *paths, struct err *err)
{
	size_t count = json_count(list), i = 0;

	if ((int64_t)count > max)
		return err_set(err, ERR_TOO_LARGE, "manifest.json: more than %lld entries",
			(long long)max);
	paths->items = arena_new(a, MAX(count, (size_t)1) * sizeof(paths->items[0]));
	paths->count = count;
	json_each (n, list)
		paths->items[i++] = json_str(n);
	return 0;
}

int docker_manifest_parse(struct arena *a, struct str text, int64_t max_layers,
	struct docker_image **images, size_t *count, struct err *err)
{
	struct cJSON *root;
	size_t i = 0;
	int failed = parse_root(a, text, &root, err);

	if (failed)
		return failed;
	if (!json_is(root, JSON_ARRAY) || json_count(root) > 1000)
		return err_set(err, ERR_INVALID, "manifest.json: no list of images");
	*count = json_count(root);
	*images = arena_new(a, MAX(*count, (size_t)1) * sizeof(**images));
	json_each (n, root) {
		struct docker_image *d = &(*images)[i++];
		d->config = json_str(json_get(n, STR("Config")));
		if (d->config.len == 0)
			return err_set(err, ERR_INVALID, "manifest.json: an image without config");
		failed = read_paths(a, json_get(n, STR("RepoTags")), 1000, &d->tags, err);
		if (!failed)
			failed = read_paths(
				a, json_get(n, STR("Layers")), max_layers, &d->layers, err);
		if (failed)
			return failed;
	}
	return 0;
}
