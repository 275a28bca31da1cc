/*
 * Tokens of service accounts, bound to a pod: one for each account, audience and time that its
 * volumes ask for. Pure: who asks the API, and when, is told.
 */
#ifndef KUBE_KUBELET_TOKENS_H
#define KUBE_KUBELET_TOKENS_H

#include <kube/arena.h>
#include <kube/err.h>
#include <kube/json.h>

struct volume_token {
	struct str account, audience; /* heap; an empty audience: the API's own */
	int64_t seconds;
	struct str text;    /* heap; empty: there is none */
	int64_t expires;    /* wall time, as all here */
	int64_t due;        /* to be asked for (again); 0: now */
	char *problem;      /* of the last time it was asked for; NULL: none */
	bool wanted, asked; /* in this round */
};
struct volume_tokens {
	struct volume_token *items;
	size_t count;
};
void tokens_done(struct volume_tokens *t);

/* Those that the pod's volumes name, and no others; a new round of asking begins. */
void tokens_want(struct volume_tokens *t, const struct cJSON *pod);
/* The next one to be asked for in this round; NULL: none. */
struct volume_token *tokens_next(struct volume_tokens *t, int64_t now);
/* When the next one that is here will be due; INT64_MAX: never. */
int64_t tokens_when(const struct volume_tokens *t);
/* source: a serviceAccountToken of a projected volume. */
const struct volume_token *tokens_find(
	const struct volume_tokens *t, const struct cJSON *pod, const struct cJSON *source);

/* A TokenRequest. */
struct cJSON *token_request(
	struct arena *a, const struct volume_token *token, const struct cJSON *pod);
/* Its answer. jitter: up to 10 s, so that not all pods come at once. ERR_INTERNAL: it is none. */
int token_take(struct volume_token *token, const struct cJSON *answer, int64_t now, int64_t jitter,
	struct err *err);
/* The old one is good until it expires; without one it is up to the next round. */
void token_failed(struct volume_token *token, const struct err *why, int64_t now);

#endif
