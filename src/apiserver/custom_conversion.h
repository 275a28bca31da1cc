/*
 * Conversion of custom objects by a webhook: those of a definition whose strategy says so are sent
 * to it whenever they are stored in one version and shown in another.
 */
#ifndef KUBE_APISERVER_CUSTOM_CONVERSION_H
#define KUBE_APISERVER_CUSTOM_CONVERSION_H

#include "custom_kind.h"
#include "request.h"
#include "webhook_call.h"

/*
 * One call: trees of any versions become trees of `to`, in place and in order. Those that are of it
 * already are not sent. What the webhook may not change is brought back. err has upstream's words.
 */
struct conversion {
	struct api_server *server;
	struct arena *arena;
	const struct resource *to;
	struct cJSON **trees;
	size_t count;
	/* private */
	struct op *op;
	struct op wait;
	struct webhook_call call;
	struct str uid;
	struct str from; /* whom messages name: "stable.example.com/v1, Kind=CronTab" */
	int64_t began;   /* the call, on the loop's clock */
	struct buf body, ca;
};
void conversion_start(struct conversion *c, struct op *op);

/*
 * Before a verb works on stored objects of a kind that a webhook converts: has those converted that
 * the path names, so that custom_view finds them. Then runs the verb; a failure is answered. At
 * once when there is nothing to do.
 */
void conversion_prepare(struct api_request *r, stage_fn *verb);
/* The same for some objects, which the op's done may then show. References are taken. */
void conversion_of_objects(
	struct api_request *r, struct op *op, struct object *const *objects, size_t count);
/* What a failed conversion is answered with. */
struct status *conversion_status(struct api_request *r, const struct err *err);

#endif
