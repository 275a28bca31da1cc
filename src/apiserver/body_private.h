/* Between body.c and body_parse.c. */
#ifndef KUBE_APISERVER_BODY_PRIVATE_H
#define KUBE_APISERVER_BODY_PRIVATE_H

#include "body.h"

/*
 * The two lists as one, in the order in which they come in the text. An empty text: repetitions
 * first.
 */
void body_order_notes(struct arena *a, struct str json, const struct decode_notes *repeated,
	const struct decode_notes *unknown, struct decode_notes *out);

#endif
