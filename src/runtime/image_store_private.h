/* What the files of the store share. All of it on the loop but where it says work. */
#ifndef RUNTIME_IMAGE_STORE_PRIVATE_H
#define RUNTIME_IMAGE_STORE_PRIVATE_H

#include "image_picture.h"

#include <kube/http_client.h>
#include <kube/image_store.h>
#include <kube/runtime_native.h>
#include <kube/task.h>
#include <kube/work.h>

struct image_store {
	struct runtime_images images;
	struct env *env;
	struct scope scope; /* jobs and watchers */
	struct arena arena; /* options */
	struct image_disk disk;
	char *drop;
	const char *authorities;
	struct image_registry *registries; /* copies */
	size_t registry_count;
	struct image_limits limits;
	uint32_t parallel;
	int retries;
	struct image_picture *picture;
	struct list pulls;                    /* struct image_pull.in_store */
	struct image_pull_state *pull_states; /* the last list of them */
	/* made with the first pull */
	struct scope *parent;
	struct http_client *http;
	struct task stopping;
};

/*
 * One thing somebody asked for: runs in the store's scope, so that stopping the store ends it, and
 * answers the caller's op. Embedded first in what it is about, which is freed at its end.
 */
struct store_job {
	struct image_store *store;
	struct op *caller;
	struct op op;
	struct task task;
	struct work work;
	struct image_picture *picture;      /* made by the work */
	void (*end)(struct store_job *job); /* gives up what it holds; may be NULL */
};
/* Gives NULL when the caller's op was refused. The task is started with store_job_run. */
void *store_job_new(
	struct image_store *s, struct op *caller, const struct op_kind *kind, size_t size);
void store_job_run(struct store_job *job, const struct task_kind *kind);
void store_job_cancel(struct op *caller); /* the cancel of every kind */

/* The newer picture wins; what was used stays used. */
void image_store_show(struct image_store *s, struct image_picture *picture);
struct image_record *image_store_record(struct image_store *s, struct str reference);

/* How registries are reached: TLS, proxies. On a worker, the first; then on the loop. */
int image_registry_tls(const struct image_store *s, struct tls_config **tls, struct err *err);
void image_registry_open(struct image_store *s, struct tls_config *tls);
/* The URLs to try, in order, without slashes at their ends; at least one. */
size_t image_registry_endpoints(const struct image_store *s, struct arena *a, struct str domain,
	struct str **urls, size_t *own_from);
void image_registries_copy(
	struct image_store *s, const struct image_registry *registries, size_t count);

/* Tasks that run as long as the store: others' changes; the directory of archives. */
void image_watch_start(struct image_store *s);

#endif
