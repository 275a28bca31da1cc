/*
 * image_keychain: the credentials of pull secrets, matched to images as upstream matches them: by
 * host with globs in its labels ("*.example.com"), port, and the beginning of the path; the most
 * particular first. Pure.
 */
#ifndef KUBE_IMAGE_KEYCHAIN_H
#define KUBE_IMAGE_KEYCHAIN_H

#include <kube/arena.h>
#include <kube/runtime.h>

struct image_keychain_entry {
	struct str host, port, path; /* host: may contain globs */
	struct str key;              /* as it is sorted */
	struct image_auth auth;
};

/* A zeroed one is empty. All of it lives in the arena given to add. */
struct image_keychain {
	struct image_keychain_entry *entries; /* in the order in which they are tried */
	size_t count, cap;
};

/* `.dockerconfigjson`: {"auths": {HOST: {"auth": base64 "user:password"} or username, password}} */
int image_keychain_add_config(
	struct image_keychain *k, struct arena *a, struct str text, struct err *err);
/* `.dockercfg`: the same without "auths" around it. */
int image_keychain_add_legacy(
	struct image_keychain *k, struct arena *a, struct str text, struct err *err);
/*
 * The next that fits the image, *at counting on from 0; NULL when there are no more. None at all:
 * it is pulled without. image: its name without tag and digest (image_reference_name).
 */
const struct image_auth *image_keychain_next(
	const struct image_keychain *k, struct str image, size_t *at);

#endif
