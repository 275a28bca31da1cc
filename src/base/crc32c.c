/* CRC-32C (Castagnoli): the polynomial that processors have an instruction for. */
#include <kube/hash.h>

#include <pthread.h>

/* table[k][b]: what byte b does to the sum when k more bytes follow it. */
static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void table_make(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t crc = b;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
		table[0][b] = crc;
	}
	for (uint32_t b = 0; b < 256; b++)
		for (size_t k = 1; k < 8; k++)
			table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255];
}

static uint32_t crc32c_portable(uint32_t crc, const unsigned char *p, size_t len)
{
	pthread_once(&table_once, table_make);
	for (; len >= 8; p += 8, len -= 8) {
		uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
					     (uint32_t)p[3] << 24);
		crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^
		      table[4][low >> 24] ^ table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^
		      table[0][p[7]];
	}
	for (; len > 0; p++, len--)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 255];
	return crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_cpu(
	uint32_t crc, const unsigned char *p, size_t len)
{
	uint64_t sum = crc, word;
	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, sizeof(word));
		sum = _mm_crc32_u64(sum, word);
	}
	crc = (uint32_t)sum;
	for (; len > 0; p++, len--)
		crc = _mm_crc32_u8(crc, *p);
	return crc;
}

static bool crc32c_cpu_can(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

static uint32_t crc32c_cpu(uint32_t crc, const unsigned char *p, size_t len)
{
	uint64_t word;
	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, sizeof(word));
		crc = __crc32cd(crc, word);
	}
	for (; len > 0; p++, len--)
		crc = __crc32cb(crc, *p);
	return crc;
}

static bool crc32c_cpu_can(void)
{
	return true;
}
#else
static uint32_t crc32c_cpu(uint32_t crc, const unsigned char *p, size_t len)
{
	return crc32c_portable(crc, p, len);
}

static bool crc32c_cpu_can(void)
{
	return false;
}
#endif

uint32_t crc32c(uint32_t crc, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.at;
	return ~(crc32c_cpu_can() ? crc32c_cpu : crc32c_portable)(~crc, p, s.len);
}
