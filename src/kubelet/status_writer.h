/*
 * One pod's status on its way to the API: always the newest, one write at a time, again when it
 * failed. At a pod's end it also takes the object away.
 */
#ifndef KUBE_KUBELET_STATUS_WRITER_H
#define KUBE_KUBELET_STATUS_WRITER_H

#include <kube/client.h>

struct status_writer {
	struct client *client;
	struct scope *scope;
	struct str namespace, name, uid;       /* the owner's */
	void (*idle)(struct status_writer *w); /* nothing is in flight any more */
	/* Texts of JSON, a tenth of what the trees would take; NULL: nothing is known. */
	/* what is to be */
	char *wanted;
	bool remove; /* and then the object is to go */
	bool asked;  /* it was told to: it goes when nobody holds it */
	/* what the API has */
	char *written;
	int64_t written_revision;
	bool gone; /* there is no such pod any more */
	/* in flight */
	struct client_request request;
	struct op op;
	char *sent;
	enum { WRITER_IDLE, WRITER_PATCHING, WRITER_REMOVING, WRITER_WAITING } state;
	int failures;
	bool stopped;
	bool held; /* there is nobody to write to yet */
};

void status_writer_init(struct status_writer *w, struct client *client, struct scope *scope,
	struct str namespace, struct str name, struct str uid,
	void (*idle)(struct status_writer *w));
/* Only when idle. */
void status_writer_done(struct status_writer *w);
/* The API's newest state of the pod, as it was heard of. */
void status_writer_heard(struct status_writer *w, const struct cJSON *status, int64_t revision);
/* Copied. */
void status_writer_want(struct status_writer *w, const struct cJSON *status);
/* From now on it is that of another object (empty: of none), about which nothing is known. */
void status_writer_move(struct status_writer *w, struct str uid);
void status_writer_remove(struct status_writer *w);
/* Gives up; idle is called when nothing is in flight, at once perhaps. */
void status_writer_stop(struct status_writer *w);
bool status_writer_is_idle(const struct status_writer *w);
/* Has the API what was wanted last? */
bool status_writer_settled(struct status_writer *w);
/* What was wanted last; NULL: nothing yet. */
struct cJSON *status_writer_wanted(const struct status_writer *w, struct arena *a);

#endif
