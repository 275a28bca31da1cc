/*
 * From the bytes of a request to trees: JSON, YAML or protobuf by Content-Type, what is wrong
 * said in upstream's words, unknown and repeated fields by ?fieldValidation.
 */
#ifndef KUBE_APISERVER_BODY_H
#define KUBE_APISERVER_BODY_H

#include "request.h"

/* What a body must be. */
struct body_kind {
	const struct schema *schema;
	struct str group, version, kind; /* what is understood when the body names none */
	const struct resource *resource; /* its object, to be converted to the hub; NULL: no */
};
struct body_kind body_of_resource(const struct resource *r);
/* "apps/v1" */
struct str body_api_version(struct arena *a, const struct body_kind *kind);
struct body_kind body_of_subresource(const struct subresource *s);

/*
 * r->body as a tree, canonical, of the hub version when the kind has a resource (standards of the
 * requested version are set before converting). Warns through request_warn. A body that names
 * another version than the request is refused.
 */
struct status *body_decode(struct api_request *r, const struct body_kind *kind, struct cJSON **out);
/*
 * The same for a tree that a patch has made, in the version of `kind`; `notes` are of the patch
 * itself. Strict failures and wrong types are *failure (the cause's text alone, for the caller to
 * wrap), warnings go to the request.
 */
int body_decode_tree(struct api_request *r, const struct body_kind *kind, const struct cJSON *in,
	const struct decode_notes *notes, struct cJSON **out, struct str *failure);

/* A tree in that version, completed and as the hub has it. */
int body_to_hub(struct api_request *r, const struct resource *from, struct cJSON *tree,
	struct cJSON **out, struct err *err);

/* The DeleteOptions of a DELETE. */
struct status *body_delete_options(struct api_request *r, struct cJSON **out);

/*
 * A document without a schema (patches): JSON or YAML. duplicates: notes of repeated keys, or
 * NULL. ERR_BAD_REQUEST with the parser's words alone.
 */
int body_parse(struct arena *a, struct str text, bool yaml, struct decode_notes *duplicates,
	struct cJSON **root, struct err *err);

#endif
