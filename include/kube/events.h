/*
 * events: what happened to an object, told through the API. Events that repeat become a count;
 * many that are alike become one; a source that talks too much is held back. The numbers are
 * client-go's.
 */
#ifndef KUBE_EVENTS_H
#define KUBE_EVENTS_H

#include <kube/client.h>

/* An object reference. */
struct event_about {
	struct str kind, namespace, name, uid, api_version, resource_version, field_path;
};
/* From an object's tree; views into it. */
struct event_about event_about_object(const struct cJSON *object);

struct event_recorder;
/* component: "deployment-controller"; host: the node's name, or empty. */
struct event_recorder *event_recorder_new(
	struct client *c, struct scope *parent, struct str component, struct str host);
/* What is under way is given up. Never refused. Then only free. */
void event_recorder_stop(struct event_recorder *r, struct op *op);
void event_recorder_free(struct event_recorder *r); /* NULL is fine */
/*
 * Copies everything and returns; written one after the other in the background. type: "Normal" or
 * "Warning". Above 1,000 waiting ones it is dropped.
 */
void event_record(struct event_recorder *r, const struct event_about *about, struct str type,
	struct str reason, struct str message);
size_t event_recorder_pending(const struct event_recorder *r);

#endif
