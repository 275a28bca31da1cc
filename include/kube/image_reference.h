/*
 * image_reference: names of images, as Docker and OCI know them. Pure.
 *
 *	nginx                     → docker.io/library/nginx:latest
 *	quay.io/a/b:1@sha256:…    → both a tag and a digest; the digest decides
 *	localhost:5000/x          → localhost:5000/x:latest
 *
 * Slices of a parsed reference live in the arena it was parsed in.
 */
#ifndef KUBE_IMAGE_REFERENCE_H
#define KUBE_IMAGE_REFERENCE_H

#include <kube/arena.h>
#include <kube/err.h>

struct image_reference {
	struct str domain; /* "docker.io", "quay.io:443" */
	struct str path;   /* "library/nginx" */
	struct str tag;    /* empty: none stood there */
	struct str digest; /* "sha256:…", or empty */
};

/* ERR_INVALID with upstream's words: "invalid reference format", …; nothing is defaulted but the
 * domain and "library/". */
int image_reference_parse(
	struct arena *a, struct str text, struct image_reference *ref, struct err *err);
/* The tag "latest" where there is neither tag nor digest. */
void image_reference_default_tag(struct image_reference *ref);
/* "docker.io/library/nginx" */
struct str image_reference_name(struct arena *a, const struct image_reference *ref);
/* "docker.io/library/nginx:latest", "…@sha256:…", or both. */
struct str image_reference_print(struct arena *a, const struct image_reference *ref);

/* "sha256:" and 64 hex digits in lower case: the only kind of digest that is taken. */
bool image_digest_valid(struct str digest);
/* The 64 digits of such a digest. */
struct str image_digest_hex(struct str digest);

#endif
