/*
 * One call to a webhook: a JSON body is sent by POST, the answer read to its end. Used for
 * admission, authentication, authorization and conversion.
 *
 *	*c = (struct webhook_call){.target = {.url = url, .ca = pem}, .body = review,
 *		.timeout = 10 * SEC, .tells_timeout = true};
 *	op_init(&w->op, scope, answered, r->deadline);
 *	webhook_call_start(server->backends, &w->op, c);
 *	…
 *	static void answered(struct op *op, struct err *err)
 *	{
 *		if (!err->code)
 *			… buf_str(&c->answer), c->content_type …
 *		webhook_call_done(c);
 *
 * err has client-go's words: `Post "https://web.ns.svc:443/path?timeout=10s": dial tcp …: connect:
 * connection refused`, `Post "…": service "web" not found`, `Post "…": context deadline exceeded`,
 * and for answers that are no success what their Status says or what the code means. Its code is
 * ERR_TIMEOUT when the time was over, ERR_CANCELLED when whoever waits was told to stop; c->status
 * is the HTTP code of an answer, 0 when there was none.
 */
#ifndef KUBE_APISERVER_WEBHOOK_CALL_H
#define KUBE_APISERVER_WEBHOOK_CALL_H

#include "backends.h"

#include <kube/task.h>

#define WEBHOOK_ANSWER_MAX (16 * MIB)

struct webhook_call {
	/* who and what: texts are borrowed until the op is done */
	struct backend_target target;
	struct str body;
	int64_t timeout;       /* ns, of the whole call; 0: only the op's deadline */
	bool tells_timeout;    /* ?timeout=…s: what is left of both, in seconds, rounded up */
	struct str user_agent; /* empty: "kube-apiserver" */

	/* the answer, until webhook_call_done */
	int status;
	struct buf answer;
	struct str content_type;
	bool misconfigured; /* failed before it was tried: certificates or keys are none */

	/* private */
	struct task task;
	struct backends *backends;
	struct backend *backend;
	struct http_call http;
	struct arena arena;
	struct str shown_url; /* with our times, as messages have it */
	int64_t deadline;
	bool begun, sent_again;
};

void webhook_call_start(struct backends *b, struct op *op, struct webhook_call *c);
/* Always, once the op is done. */
void webhook_call_done(struct webhook_call *c);

#endif
