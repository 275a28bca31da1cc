/*
 * pull_records: which images this kubelet has pulled, and with whose credentials. Who was not
 * asked for any by the registry, or shows the same ones, may use an image that is here; anybody
 * else has to ask the registry. Images that came otherwise (archives, by hand) are everybody's,
 * unless the configuration says that they are not. Kept on disk. On the loop's thread.
 */
#ifndef KUBE_KUBELET_PULL_RECORDS_H
#define KUBE_KUBELET_PULL_RECORDS_H

#include <kube/image_keychain.h>
#include <kube/kubelet_configuration.h>
#include <kube/scope.h>

struct pull_records;

/* root: a directory. What cannot be read is as if it were not there, and said. */
struct pull_records *pull_records_new(struct env *env, struct scope *scope,
	const struct kubelet_configuration *c, struct str root);
void pull_records_free(struct pull_records *r); /* NULL is fine; the scope has closed */

/* Would credentials matter, of the image with that id that was asked for by that name? */
bool pull_records_ask(const struct pull_records *r, struct str image, struct str id);
/* May whoever has these keys use it as it is here? */
bool pull_records_allow(const struct pull_records *r, struct str image, struct str id,
	const struct image_keychain *keys);

/* Around a pull: id empty when it failed; auth NULL: nobody asked for any. */
void pull_records_begin(struct pull_records *r, struct str image);
void pull_records_end(
	struct pull_records *r, struct str image, struct str id, const struct image_auth *auth);
/* What is told of images that are here no more is forgotten. */
void pull_records_keep(struct pull_records *r, const struct image *const *images, size_t count);

#endif
