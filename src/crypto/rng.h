/*
 * The random source every mbedTLS call here gets. It asks the kernel each time: no generator of
 * our own, so no lock that threads share and no state that a fork could copy.
 */
#ifndef CRYPTO_RNG_H
#define CRYPTO_RNG_H

#include <stddef.h>

/* Of the shape mbedTLS wants; ctx is not used; always 0. */
int rng_mbed(void *ctx, unsigned char *at, size_t len);

#endif
