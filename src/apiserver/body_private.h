/* Between body.c, body_identity.c and body_parse.c. */
#ifndef KUBE_APISERVER_BODY_PRIVATE_H
#define KUBE_APISERVER_BODY_PRIVATE_H

#include "body.h"

/* Who the body says it is, defaults filled in. */
struct body_identity {
	struct str group, version, kind, api_version;
};
/* Fills *why in Go's words when the document cannot be asked for its kind. */
bool body_read_identity(struct arena *a, const struct cJSON *root, struct str *api_version,
	struct str *kind, struct str *why);
struct body_identity body_complete_identity(
	struct arena *a, struct str api_version, struct str kind, const struct body_kind *want);
/* Is it what was to be sent? NULL: it is. */
struct status *body_check_identity(
	struct api_request *r, const struct body_identity *who, const struct body_kind *want);
struct status *body_cannot_handle(struct api_request *r, const struct body_identity *who,
	const struct body_kind *kind, struct str why);
bool body_is_custom(const struct body_kind *kind);

/*
 * The two lists as one, in the order in which they come in the text. An empty text: repetitions
 * first.
 */
void body_order_notes(struct arena *a, struct str json, const struct decode_notes *repeated,
	const struct decode_notes *unknown, struct decode_notes *out);

#endif
