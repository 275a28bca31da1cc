/* What token.c and token_hook.c share: whom a request waits for until its token is known. */
#ifndef KUBE_APISERVER_TOKEN_WAITS_H
#define KUBE_APISERVER_TOKEN_WAITS_H

#include "authn_private.h"
#include "distributed.h"
#include "remote_review.h"

struct refreshed {
	struct refreshed *next;
	uint64_t serial;
};

struct hooked { /* what the webhook has said on this request's way */
	struct hooked *next;
	struct token_digest digest;
	enum token_outcome outcome;
	struct token_found found;
	struct str error;
};

struct expanded { /* groups that had to be asked for elsewhere */
	struct expanded *next;
	struct token_digest digest;
	struct distributed ask;
};

struct authn_waits {
	int64_t since;
	struct refreshed *refreshed;
	struct expanded *expanded, *expanding; /* expanding: is to be */
	struct hooked *hooked;
	struct api_request *request;
	/* what is waited for */
	struct issuer *issuer;
	struct issuer_waiter waiting;
	bool hook;
	struct token_question question;
	struct token_digest digest;
	struct buf body;
	struct remote_review review;
	struct op asked, *waiter;
	stage_fn *again;
};

/* Made when first asked for. */
struct authn_waits *token_waits_of(struct api_request *r);

/* ---- token_hook.c: the webhook ---- */
enum token_outcome token_hook_find(struct authn *a, const struct token_question *q,
	struct token_found *found, struct err *err);
/* Asks it; what it says is found by the next token_hook_find. */
void token_hook_ask(struct authn_waits *w, struct op *op);

#endif
