/*
 * Randomness. random_* reads the kernel's generator and is for keys and for the real env.
 * `struct rng` is a small deterministic generator for the simulator, jitter and tests.
 */
#ifndef KUBE_RANDOM_H
#define KUBE_RANDOM_H

#include <kube/buf.h>

void random_fill(void *at, size_t len); /* getrandom(2); aborts if the kernel has none */
uint64_t random_u64(void);

struct rng {
	uint64_t state[4]; /* xoshiro256**, seeded through splitmix64 */
};
void rng_init(struct rng *r, uint64_t seed);
uint64_t rng_u64(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t bound); /* uniform in [0, bound) */
double rng_unit(struct rng *r);                    /* [0, 1) */
void rng_fill(struct rng *r, void *at, size_t len);

/* A source of random bytes: what the next two draw from. NULL means the kernel. */
typedef void random_fn(void *ctx, void *at, size_t len);

/* "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx": 36 characters and a NUL. */
void uuid_make(char out[37], random_fn *fill, void *ctx);
bool uuid_valid(struct str s);

/* n characters of generateName's alphabet (no vowels, no 0 1 3: bcdfghjklmnpqrstvwxz2456789). */
void random_name_suffix(char *out, size_t n, random_fn *fill, void *ctx); /* NUL-terminates */

#endif
