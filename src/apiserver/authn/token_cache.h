/*
 * Users behind tokens, as somebody elsewhere told them: remembered for a while, by the hash of
 * the token and of the audiences it was asked for.
 */
#ifndef KUBE_APISERVER_TOKEN_CACHE_H
#define KUBE_APISERVER_TOKEN_CACHE_H

#include "authn.h"

#include <kube/list.h>

struct token_cache {
	struct map entries;
	struct list used; /* the least used one first */
};

struct token_digest {
	unsigned char bytes[32];
};

void token_cache_init(struct token_cache *c);
void token_cache_done(struct token_cache *c);
struct token_digest token_digest(const struct token_question *q);
/* Who that was, copied into the arena; false: not known. A NULL user: nobody. */
bool token_cache_get(struct token_cache *c, const struct token_digest *digest, int64_t now,
	struct arena *arena, struct token_found *found);
void token_cache_put(struct token_cache *c, const struct token_digest *digest, int64_t until,
	const struct token_found *found);

#endif
