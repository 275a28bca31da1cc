#include "rng.h"

#include <kube/random.h>

int rng_mbed(void *ctx, unsigned char *at, size_t len)
{
	(void)ctx;
	random_fill(at, len);
	return 0;
}
