/*
 * Reviews that somebody else makes: a document is sent by POST to the server of a kubeconfig file,
 * and what it answers is read whole. Failures that pass are tried again with growing pauses.
 */
#ifndef KUBE_APISERVER_REMOTE_REVIEW_H
#define KUBE_APISERVER_REMOTE_REVIEW_H

#include <kube/client_transport.h>
#include <kube/list.h>
#include <kube/task.h>

struct remote_reviewer;

struct remote_reviewer_options {
	struct str file;      /* a kubeconfig: its current context says where, and as whom */
	int64_t timeout;      /* of one attempt */
	int64_t pause;        /* before the second attempt; 0: half a second */
	bool tries_all_again; /* not only failures that look as if they passed */
};

/* Reads the file at once. The reviewer belongs to the scope until remote_reviewer_drop has ended
 * it. */
int remote_reviewer_new(struct env *env, struct scope *scope,
	const struct remote_reviewer_options *options, struct remote_reviewer **reviewer,
	struct err *err);
/* Ends what is under way (ERR_CANCELLED) and frees it, by itself. NULL is fine. */
void remote_reviewer_drop(struct remote_reviewer *r);

/*
 * One review. Embedded by who waits; zeroed before, done with remote_review_done after. body must
 * stay; in the end the answer's text is in `answer`. ERR_* with a sentence as client-go has it.
 */
struct remote_review {
	struct str body;
	struct buf answer;
	int status; /* of the last answer; 0: none came */
	/* private */
	struct task task;
	struct remote_reviewer *reviewer;
	struct client_call call;
	struct err why;
	int attempts;
	bool calling;
	struct link in_reviewer;
};
void remote_review_start(
	struct remote_review *v, struct remote_reviewer *r, struct op *op, struct str body);
void remote_review_done(struct remote_review *v);

/*
 * The answer as a tree of that kind and version (whoever leaves them out means these), and its
 * member `status`. ERR_SYNTAX.
 */
int remote_review_read(struct arena *a, struct str answer, const char *kind, struct str api_version,
	struct cJSON **status, struct err *err);

#endif
