/*
 * image_store: images on this node's disk: pulled from registries, imported from archives, kept as
 * directories that overlayfs can put on top of one another.
 *
 *	ROOT/images/index.json		what there is: images, their names, their layers
 *	ROOT/images/configs/HEX.json	configs as they came: an image's id is the digest of its
 *	ROOT/images/layers/HEX/fs	one layer unpacked, under the digest of its tar (diff id)
 *	ROOT/images/incoming/…		what is being made; what a crash leaves there is swept
 *	ROOT/images/lock		shared while something comes, exclusive while layers go
 *	ROOT/images.d/ *.tar		archives that are imported at the start and when they appear
 *
 * What stands in the index is complete: layers are written, synced, then renamed, then named. Any
 * number of processes may use one store: each sees what others changed soon after (file_watch).
 *
 * What there is is in memory and read at once; the rest is awaited. Blocking work runs on
 * WORK_DISK. Everything here is called on the loop.
 */
#ifndef KUBE_IMAGE_STORE_H
#define KUBE_IMAGE_STORE_H

#include <kube/arena.h>
#include <kube/runtime.h>

struct image_store;
struct runtime_images; /* runtime_native.h */

/* The host whose mirrors are those of every registry without mirrors of its own. */
#define IMAGE_REGISTRY_ANY "*"

/* How a registry is reached. What is not named: https, and the system's authorities. */
struct image_registry {
	struct str host;           /* as references have it: "docker.io", "10.0.0.1:5000" */
	const struct str *mirrors; /* URLs that are tried first, "https://mirror.lan/prefix" */
	size_t mirror_count;
	bool insecure; /* http; an https mirror's certificate is still verified */
};

/* Ceilings of what strangers send; 0: the default beside it. */
struct image_limits {
	int64_t layer_bytes;   /* unpacked: 32 GiB */
	int64_t layer_entries; /* 2,000,000 */
	int64_t layer_ratio;   /* unpacked to packed, from the 64th MiB on: 250 */
	int64_t image_layers;  /* 200, what overlayfs takes in one mount */
};

struct image_store_options {
	const char *root;
	const char *drop; /* the directory of archives; NULL: ROOT/images.d; "": none */
	const struct image_registry *registries;
	size_t registry_count;
	const char *authorities; /* a PEM file for registries; NULL: the system's */
	uint32_t parallel;       /* layers a pull fetches at once: 3 */
	int retries;             /* of a fetch that broke: 5; -1: none */
	struct image_limits limits;
};

/*
 * Makes what is missing, sweeps what a crash left, reads the index; done before the directory of
 * archives has been looked at. *store is set on success only.
 */
void image_store_open(struct env *env, struct op *op, struct scope *scope,
	const struct image_store_options *options, struct image_store **store);
/* Pulls and imports under way end with ERR_CANCELLED; then only free. */
void image_store_stop(struct image_store *s, struct op *op);
void image_store_free(struct image_store *s); /* NULL is fine */

/*
 * What the built-in runtime is given. Its `root` counts as a use of the image; `remove` takes all
 * its names, and the layers nobody else has.
 */
struct runtime_images *image_store_images(struct image_store *s);

/*
 * Fetches what is not here. A name that is here already costs one request to the registry. Texts
 * of errors as containerd has them: `failed to pull and unpack image "…": …`; codes: ERR_NOT_FOUND,
 * ERR_UNAUTHORIZED, ERR_FORBIDDEN, ERR_UNAVAILABLE, ERR_INVALID (the image is not in order), …
 */
void image_store_pull(struct image_store *s, struct op *op, struct runtime_pull *pull);

/*
 * All images of an archive: OCI layout (a tar, plain or packed, or a directory) or docker save.
 * What is imported is pinned: it is never collected. The struct and its texts stay until done.
 */
struct image_import {
	const char *path; /* a file or a directory; NULL: `fd` */
	int fd;           /* read to its end; stays the caller's */
	struct str name;  /* for images that the archive gives no name, or a tag only */
	/* the outcome, in the arena of the caller */
	struct arena *arena;
	struct str *names; /* what can be used now */
	size_t name_count;
};
void image_store_import(struct image_store *s, struct op *op, struct image_import *import);

/*
 * By name: that name only, and the image when it was its last. By id or digest: as
 * runtime_images.remove. ERR_NOT_FOUND when it is not here.
 */
void image_store_remove(struct image_store *s, struct op *op, struct str reference);

/* Pulls under way. */
struct image_pull_state {
	struct str reference;
	int layers, layers_done;
	int64_t bytes, bytes_total; /* of packed layers; total 0: not known yet */
};
size_t image_store_pulls(struct image_store *s, const struct image_pull_state **states);

/* ---- for who collects: runtime_images.list has sizes and last uses ---- */
struct image_usage {
	int64_t bytes;  /* all layers, each once */
	int64_t layers; /* how many */
};
void image_store_usage(struct image_store *s, struct image_usage *usage);

#endif
