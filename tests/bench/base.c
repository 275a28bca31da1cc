/* Speed of the tables and hashes that everything stands on. */
#include <kube/buf.h>
#include <kube/codec.h>
#include <kube/hash.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <kube/random.h>
#include <kube/time.h>

#include <stdio.h>

enum { KEYS = 100000, KEY_MAX = 24, ROUNDS = 20 };

static char names[KEYS][KEY_MAX];
static struct str keys[KEYS];

static void make_keys(void)
{
	struct rng r;
	rng_init(&r, 1);
	for (size_t i = 0; i < KEYS; i++) {
		char suffix[16];
		random_name_suffix(suffix, 5, NULL, NULL);
		int len = snprintf(names[i], KEY_MAX, "default/web-%s-%04x", suffix,
			(unsigned)rng_below(&r, 65536));
		keys[i] = str_make(names[i], (size_t)len);
	}
}

static void report(const char *name, double amount, int64_t start, const char *unit)
{
	printf("%s %.1f %s\n", name, amount / ((double)(clock_mono() - start) / SEC), unit);
}

static size_t bench_map(void)
{
	struct map m = {0};
	size_t found = 0;
	int64_t start = clock_mono();
	for (size_t i = 0; i < KEYS; i++)
		map_set(&m, keys[i], &keys[i]);
	report("map_insert", KEYS / 1e6, start, "M/s");
	start = clock_mono();
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < KEYS; i++)
			found += map_has(&m, keys[i]);
	report("map_lookup", ROUNDS * KEYS / 1e6, start, "M/s");
	start = clock_mono();
	for (int round = 0; round < ROUNDS; round++)
		map_each (it, &m)
			found += it.key.len;
	report("map_iterate", ROUNDS * KEYS / 1e6, start, "M/s");
	map_done(&m);
	return found;
}

static size_t bench_omap(void)
{
	struct omap m = {0};
	size_t found = 0;
	int64_t start = clock_mono();
	for (size_t i = 0; i < KEYS; i++)
		omap_set(&m, keys[i], &keys[i]);
	report("omap_insert", KEYS / 1e6, start, "M/s");
	start = clock_mono();
	for (int round = 0; round < ROUNDS / 4; round++)
		for (size_t i = 0; i < KEYS; i++)
			found += omap_has(&m, keys[i]);
	report("omap_lookup", ROUNDS / 4 * KEYS / 1e6, start, "M/s");
	start = clock_mono();
	for (int round = 0; round < ROUNDS; round++)
		omap_each (it, &m)
			found += it.key.len;
	report("omap_iterate", ROUNDS * KEYS / 1e6, start, "M/s");
	omap_done(&m);
	return found;
}

static size_t bench_bytes(void)
{
	enum { BYTES = 1024 * 1024, TIMES = 64 };
	size_t sum = 0;
	struct rng r;
	rng_init(&r, 2);
	char *bytes = mem_alloc(BYTES);
	rng_fill(&r, bytes, BYTES);
	struct str s = str_make(bytes, BYTES);

	int64_t start = clock_mono();
	for (int i = 0; i < TIMES; i++)
		sum += hash_bytes((uint64_t)i, s);
	report("hash_bytes", TIMES, start, "MiB/s");
	start = clock_mono();
	for (int i = 0; i < TIMES; i++)
		sum += crc32c((uint32_t)i, s);
	report("crc32c", TIMES, start, "MiB/s");
	start = clock_mono();
	for (int i = 0; i < TIMES; i++) {
		unsigned char digest[32];
		sha256_of(s, digest);
		sum += digest[0];
	}
	report("sha256", TIMES, start, "MiB/s");
	start = clock_mono();
	for (int i = 0; i < TIMES; i++)
		sum += str_is_utf8(str_make(names[0], sizeof(names) / 2));
	report("utf8_check", TIMES * (sizeof(names) / 2 / (double)MIB), start, "MiB/s");

	struct buf text = BUF_INIT(4 * BYTES), back = BUF_INIT(4 * BYTES);
	start = clock_mono();
	for (int i = 0; i < TIMES; i++) {
		buf_clear(&text);
		base64_encode(&text, s);
	}
	report("base64_encode", TIMES, start, "MiB/s");
	start = clock_mono();
	for (int i = 0; i < TIMES; i++) {
		buf_clear(&back);
		base64_decode(&back, buf_str(&text), NULL);
	}
	report("base64_decode", TIMES, start, "MiB/s");
	sum += back.len;
	buf_done(&text);
	buf_done(&back);
	mem_free(bytes);
	return sum;
}

int main(void)
{
	make_keys();
	size_t sum = bench_map();
	sum += bench_omap();
	sum += bench_bytes();
	/* Keeps the compiler from leaving work out. */
	return sum == 0;
}
