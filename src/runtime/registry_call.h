/*
 * registry_call: one request to a registry, with what proves who we are, through its redirects.
 * A session is one repository on one endpoint for the time of one pull. On the loop.
 */
#ifndef RUNTIME_REGISTRY_CALL_H
#define RUNTIME_REGISTRY_CALL_H

#include "registry_auth.h"

#include <kube/http_client.h>
#include <kube/task.h>

struct registry_session {
	struct http_client *http;
	struct arena arena;
	struct str base;          /* "https://registry-1.docker.io", no slash at its end */
	struct str repository;    /* "library/nginx" */
	struct str of;            /* of a mirror: the registry that it is asked instead of */
	struct image_auth auth;   /* empty texts: nobody */
	struct str authorization; /* what is shown; empty: nothing */
};

struct registry_call {
	struct task task;
	struct registry_session *session;
	struct str method, path, accept; /* path: behind "/v2/REPOSITORY/" */
	int64_t from;                    /* bytes that are here already */
	/* the answer, when done without error; whatever its status */
	struct http_call http;
	struct str url;                      /* the first one: of the registry */
	struct registry_challenge challenge; /* of a 401 */
	/* private */
	struct str at;
	int redirects;
	bool open, asked, elsewhere;
	struct buf body;
};

/* Texts stay until the end. */
void registry_call_init(struct registry_call *c, struct registry_session *s, struct str method,
	struct str path, struct str accept);
/* Done with the head of the answer; its body is read from c->http. */
void registry_call_start(struct registry_call *c, struct op *op);
/* Always, once. */
void registry_call_end(struct registry_call *c);
/* An answer that is no success, as an error. what: the text before it, or empty. */
int registry_call_refusal(const struct registry_call *c, struct err *err);

#endif
