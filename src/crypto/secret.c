#include <kube/key.h>

bool secret_equal(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	/* volatile: the loop must not become a memcmp that stops at the first difference. */
	const volatile unsigned char *x = (const volatile unsigned char *)a.at;
	const volatile unsigned char *y = (const volatile unsigned char *)b.at;
	unsigned char differs = 0;
	for (size_t i = 0; i < a.len; i++)
		differs |= (unsigned char)(x[i] ^ y[i]);
	return differs == 0;
}
