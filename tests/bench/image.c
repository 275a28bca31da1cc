/*
 * How fast layers become directories: files of a usual mixture, packed in every way; in memory
 * where there is a file system in memory, so that the disk's speed does not count. Needs root.
 */
#include "runtime/layer.h"
#include "runtime/layer_apply.h"

#include <kube/buf.h>
#include <kube/gzip.h>
#include <kube/mem.h>
#include <kube/random.h>
#include <kube/time.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { FILES = 6000, BLOCK = 512 };

static void report(const char *name, double amount, int64_t start, const char *unit)
{
	printf("%s %.1f %s\n", name, amount / ((double)(clock_mono() - start) / SEC), unit);
}

static void add_entry(struct buf *out, const char *name, char type, size_t size)
{
	char h[BLOCK] = {0};
	unsigned sum = 0;

	snprintf(h, 100, "%s", name);
	snprintf(h + 100, 8, "0000755");
	snprintf(h + 108, 8, "0000000");
	snprintf(h + 116, 8, "0000000");
	snprintf(h + 124, 12, "%011zo", size);
	snprintf(h + 136, 12, "00000000000");
	memset(h + 148, ' ', 8);
	h[156] = type;
	memcpy(h + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	buf_add(out, h, sizeof(h));
}

/* Half of each file is text-like, half noise: it packs to about a half. */
static void make_tar(struct buf *out)
{
	struct rng r;
	char name[100], piece[64 * 1024];

	rng_init(&r, 1);
	for (int i = 0; i < FILES; i++) {
		size_t size = i % 50 ? rng_below(&r, 16000) : rng_below(&r, 1000000);
		if (i % 100 == 0) {
			snprintf(name, sizeof(name), "usr/lib/d%d", i / 100);
			add_entry(out, name, '5', 0);
		}
		snprintf(name, sizeof(name), "usr/lib/d%d/f%d", i / 100, i);
		add_entry(out, name, '0', size);
		for (size_t left = size; left;) {
			size_t n = MIN(left, sizeof(piece));
			memset(piece, 'a' + i % 20, n);
			rng_fill(&r, piece, n / 2);
			buf_add(out, piece, n);
			left -= n;
		}
		memset(piece, 0, BLOCK);
		buf_add(out, piece, (BLOCK - size % BLOCK) % BLOCK);
	}
	memset(piece, 0, sizeof(piece));
	buf_add(out, piece, (size_t)2 * BLOCK);
}

static int unpack(const char *dir, struct str packed, int64_t *start)
{
	struct layer_facts facts;
	char path[96];
	struct err err = {0};

	snprintf(path, sizeof(path), "%s/layer.bin", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, packed.at, packed.len) != (ssize_t)packed.len)
		return -1;
	snprintf(path, sizeof(path), "%s/fs", dir);
	mkdir(path, 0755);
	int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct layer_source source = {.fd = fd,
		.size = (int64_t)packed.len,
		.max_bytes = INT64_MAX / 2,
		.max_ratio = 1000};
	*start = clock_mono();
	int failed = layer_unpack(&source, root, 1000000, &facts, &err);
	if (failed)
		fprintf(stderr, "%s\n", err_text(&err));
	close(root);
	close(fd);
	return failed;
}

static void bench(const char *name, struct str packed, size_t plain)
{
	char dir[] = "/dev/shm/kube-bench-XXXXXX", path[96], label[64];
	int64_t start;

	if (!mkdtemp(dir))
		return;
	if (unpack(dir, packed, &start) == 0) {
		snprintf(label, sizeof(label), "image_unpack_%s", name);
		report(label, (double)plain / 1e6, start, "MB/s");
		snprintf(label, sizeof(label), "image_unpack_%s_files", name);
		report(label, FILES, start, "files/s");
	}
	snprintf(path, sizeof(path), "%s/fs", dir);
	start = clock_mono();
	tree_remove(AT_FDCWD, path, NULL);
	snprintf(label, sizeof(label), "image_remove_%s_files", name);
	report(label, FILES, start, "files/s");
	tree_remove(AT_FDCWD, dir, NULL);
}

int main(void)
{
	struct buf tar = BUF_INIT(1024 * MIB), gzip = BUF_INIT(1024 * MIB);
	struct err err = {0};

	if (geteuid() != 0)
		return 0;
	make_tar(&tar);
	gzip_encode(buf_str(&tar), 6, &gzip, &err);
	size_t room = ZSTD_compressBound(tar.len);
	char *packed = mem_alloc(room);
	size_t n = ZSTD_compress(packed, room, tar.at, tar.len, 3);
	bench("plain", buf_str(&tar), tar.len);
	bench("gzip", buf_str(&gzip), tar.len);
	bench("zstd", str_make(packed, n), tar.len);
	mem_free(packed);
	buf_done(&tar);
	buf_done(&gzip);
	return 0;
}
