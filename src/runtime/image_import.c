/*
 * OCI's layout says in index.json which manifests there are; docker save in manifest.json which
 * configs and layers. Where both stand OCI's counts, and Docker's gives names.
 */
#include "image_import.h"

#include <kube/json.h>
#include <kube/mem.h>
#include <unistd.h>

#define NESTING_MAX 4
#define NAMES_MAX   1000

struct import {
	struct image_import_job *job;
	struct image_archive *archive;
	struct arena arena;
	struct docker_image *docker; /* manifest.json, if there is one */
	size_t docker_count;
};

static int read_member(struct import *i, struct str name, struct str *text, struct err *err)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(IMAGE_DOCUMENT_MAX);
	int failed = image_archive_text(i->archive, name, &out, err);

	if (!failed)
		*text = arena_str(&i->arena, buf_str(&out));
	return failed;
}

static struct str blob_name(struct import *i, struct str digest)
{
	return arena_print(&i->arena, "blobs/sha256/%.*s", STRF(image_digest_hex(digest)));
}

static int read_blob(
	struct import *i, const struct image_descriptor *d, struct str *text, struct err *err)
{
	int failed = read_member(i, blob_name(i, d->digest), text, err);

	if (failed)
		return failed;
	struct str digest = image_digest_of(&i->arena, *text);
	if (!str_eq(digest, d->digest))
		return err_set(err, ERR_INVALID,
			"unexpected commit digest %.*s, expected %.*s: failed precondition",
			STRF(digest), STRF(d->digest));
	return 0;
}

/* ---- names ---- */

static int add_name(struct import *i, struct str_list *names, struct str text, struct err *err)
{
	struct image_reference ref;
	int failed = image_reference_parse(&i->arena, text, &ref, err);

	if (failed)
		return err_wrap(err, failed, "image name \"%.*s\"", STRF(str_sub(text, 0, 300)));
	if (names->count >= NAMES_MAX)
		return err_set(err, ERR_TOO_LARGE, "an image with more than %d names", NAMES_MAX);
	ref.digest = (struct str){0};
	image_reference_default_tag(&ref);
	if (!names->items)
		names->items = arena_new(&i->arena, NAMES_MAX * sizeof(names->items[0]));
	names->items[names->count++] = image_reference_print(&i->arena, &ref);
	return 0;
}

/* Docker's tags of the same config. */
static int add_docker_names(
	struct import *i, struct str_list *names, struct str id, struct err *err)
{
	for (size_t k = 0; k < i->docker_count; k++) {
		const struct docker_image *d = &i->docker[k];
		if (str_find(d->config, image_digest_hex(id)) < 0)
			continue;
		for (size_t t = 0; t < d->tags.count; t++) {
			int failed = add_name(i, names, d->tags.items[t], err);
			if (failed)
				return failed;
		}
	}
	return 0;
}

static int name_image(struct import *i, const struct image_descriptor *d, struct str id,
	struct str_list *names, struct err *err)
{
	bool whole = str_find_char(d->ref_name, '/') >= 0 || str_find_char(d->ref_name, ':') >= 0;
	int failed = 0;

	if (d->name.len)
		failed = add_name(i, names, d->name, err);
	else if (whole)
		failed = add_name(i, names, d->ref_name, err);
	if (!failed && names->count == 0)
		failed = add_docker_names(i, names, id, err);
	if (failed || names->count)
		return failed;
	if (i->job->name.len == 0)
		return err_set(err, ERR_INVALID,
			"the archive gives image %.*s no name: one must be given", STRF(id));
	return add_name(i, names,
		d->ref_name.len
			? arena_print(&i->arena, "%.*s:%.*s", STRF(i->job->name), STRF(d->ref_name))
			: i->job->name,
		err);
}

/* ---- one image ---- */

static int take_member(struct import *i, struct str member, struct str diff, struct str digest,
	int64_t *bytes, struct err *err)
{
	struct layer_source source;
	int failed = image_archive_member(i->archive, member, &source, err);

	if (failed)
		return failed;
	failed = image_take_layer(i->job->disk, &i->job->limits, &source, diff, digest, bytes, err);
	close(source.fd);
	return failed ? err_wrap(err, failed, "layer %.*s", STRF(str_sub(member, 0, 200))) : 0;
}

/* members: where each layer lies; digests: what its bytes must have, or NULL. */
static int take_layers(struct import *i, struct image_entry *e, const struct image_config *config,
	const struct str *members, const struct str *digests, size_t count, struct err *err)
{
	if (count != config->diff_ids.count)
		return err_set(err, ERR_INVALID, "mismatched image rootfs and manifest layers");
	e->layers = config->diff_ids;
	e->layer_bytes = arena_new(&i->arena, (count + 1) * sizeof(e->layer_bytes[0]));
	for (size_t k = 0; k < count; k++) {
		int failed = take_member(i, members[k], config->diff_ids.items[k],
			digests ? digests[k] : (struct str){0}, &e->layer_bytes[k], err);
		if (failed)
			return failed;
	}
	return 0;
}

static int enter_image(struct import *i, struct image_entry *e, struct err *err)
{
	struct image_import_job *job = i->job;

	e->came = job->now;
	e->pinned = true;
	int failed = image_index_add(job->disk, e, err);
	if (failed)
		return failed;
	struct str *all =
		arena_new(job->arena, (job->name_count + e->names.count + 1) * sizeof(all[0]));
	for (size_t k = 0; k < job->name_count; k++)
		all[k] = job->names[k];
	for (size_t k = 0; k < e->names.count; k++)
		all[job->name_count++] = arena_str(job->arena, e->names.items[k]);
	job->names = all;
	return 0;
}

/* "name@sha256:…" for each repository among the names. */
static void add_digests(struct import *i, struct image_entry *e, struct str digest)
{
	e->digests.items = arena_new(&i->arena, (e->names.count + 1) * sizeof(struct str));
	for (size_t k = 0; k < e->names.count; k++) {
		struct image_reference ref;
		if (image_reference_parse(&i->arena, e->names.items[k], &ref, NULL))
			continue;
		e->digests.items[e->digests.count++] = arena_print(&i->arena, "%.*s@%.*s",
			STRF(image_reference_name(&i->arena, &ref)), STRF(digest));
	}
}

static int import_manifest(struct import *i, const struct image_descriptor *named,
	const struct image_document *m, struct err *err)
{
	struct image_entry e = {0};
	struct image_config config;
	struct str text;
	int failed = read_blob(i, &m->config, &text, err);

	if (!failed)
		failed = image_config_parse(
			&i->arena, text, i->job->limits.image_layers, &config, err);
	if (!failed)
		failed = name_image(i, named, m->config.digest, &e.names, err);
	struct str *members = arena_new(&i->arena, (m->count + 1) * sizeof(members[0]));
	struct str *digests = arena_new(&i->arena, (m->count + 1) * sizeof(digests[0]));
	for (size_t k = 0; k < m->count; k++) {
		members[k] = blob_name(i, m->entries[k].digest);
		digests[k] = m->entries[k].digest;
	}
	if (!failed)
		failed = take_layers(i, &e, &config, members, digests, m->count, err);
	if (!failed)
		failed = image_take_config(i->job->disk, &i->arena, text, &e.id, err);
	if (failed)
		return failed;
	add_digests(i, &e, named->digest);
	return enter_image(i, &e, err);
}

/* From an entry of index.json down to a manifest for this machine. */
static int import_named(struct import *i, const struct image_descriptor *named, struct err *err)
{
	const struct image_descriptor *at = named;
	struct image_document doc = {0};

	for (int depth = 0; depth < NESTING_MAX; depth++) {
		struct str text;
		int failed = read_blob(i, at, &text, err);
		if (!failed)
			failed = image_document_parse(&i->arena, text, at->media_type,
				MAX(i->job->limits.image_layers, (int64_t)1000), &doc, err);
		if (failed)
			return failed;
		if (!doc.is_index)
			return import_manifest(i, named, &doc, err);
		at = image_document_choose(&doc);
		if (!at)
			return err_set(err, ERR_NOT_FOUND,
				"no match for platform in manifest %.*s: not found",
				STRF(named->digest));
	}
	return err_set(err, ERR_INVALID, "indexes within indexes");
}

static int import_oci(struct import *i, struct str text, struct err *err)
{
	struct image_document index;
	size_t taken = 0;
	int failed = image_document_parse(&i->arena, text, (struct str){0}, 1000, &index, err);

	if (failed)
		return err_wrap(err, failed, "index.json");
	if (!index.is_index)
		return err_set(err, ERR_INVALID, "index.json: no index");
	for (size_t k = 0; k < index.count; k++) {
		if (!image_descriptor_fits(&index.entries[k]))
			continue;
		failed = import_named(i, &index.entries[k], err);
		if (failed)
			return failed;
		taken++;
	}
	return taken ? 0
		     : err_set(err, ERR_NOT_FOUND,
			       "the archive holds no image for this machine's platform");
}

static int import_docker(struct import *i, const struct docker_image *d, struct err *err)
{
	struct image_descriptor nameless = {0};
	struct image_config config;
	struct image_entry e = {0};
	struct str text;
	int failed = read_member(i, d->config, &text, err);

	if (!failed)
		failed = image_config_parse(
			&i->arena, text, i->job->limits.image_layers, &config, err);
	for (size_t k = 0; !failed && k < d->tags.count; k++)
		failed = add_name(i, &e.names, d->tags.items[k], err);
	if (!failed && e.names.count == 0)
		failed = name_image(i, &nameless, image_digest_of(&i->arena, text), &e.names, err);
	if (!failed)
		failed = take_layers(i, &e, &config, d->layers.items, NULL, d->layers.count, err);
	if (!failed)
		failed = image_take_config(i->job->disk, &i->arena, text, &e.id, err);
	return failed ? failed : enter_image(i, &e, err);
}

static int import_all(struct import *i, struct err *err)
{
	_cleanup_(err_done) struct err why = {0};
	struct str index, manifest;
	int no_docker = read_member(i, STR("manifest.json"), &manifest, &why), failed = 0;

	if (no_docker && no_docker != ERR_NOT_FOUND)
		return err_move(err, &why);
	if (!no_docker)
		failed = docker_manifest_parse(&i->arena, manifest, i->job->limits.image_layers,
			&i->docker, &i->docker_count, err);
	if (failed)
		return failed;
	err_done(&why);
	int no_oci = read_member(i, STR("index.json"), &index, &why);
	if (!no_oci)
		return import_oci(i, index, err);
	if (no_oci != ERR_NOT_FOUND)
		return err_move(err, &why);
	if (no_docker)
		return err_set(err, ERR_INVALID,
			"this is no archive of images: neither index.json nor manifest.json in it");
	for (size_t k = 0; !failed && k < i->docker_count; k++)
		failed = import_docker(i, &i->docker[k], err);
	return failed;
}

int image_import_run(struct image_import_job *job, struct err *err)
{
	struct import i = {.job = job};
	int hold, failed = image_disk_hold(job->disk, &hold, err);

	if (failed)
		return failed;
	arena_init(&i.arena);
	failed = image_archive_open(
		job->disk, &job->limits, job->path, job->fd, job->stopped, &i.archive, err);
	if (!failed)
		failed = import_all(&i, err);
	image_archive_close(i.archive);
	arena_done(&i.arena);
	close(hold);
	return failed;
}
