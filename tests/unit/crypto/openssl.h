/* The openssl program as an oracle, in a temporary folder of the test's own. */
#ifndef CRYPTO_OPENSSL_H
#define CRYPTO_OPENSSL_H

#include "fixture.h"

#include <kube/random.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct bench {
	char folder[64];
	struct buf out; /* what the last command said, stderr included */
};

static inline void bench_init(struct bench *b)
{
	snprintf(b->folder, sizeof(b->folder), "/tmp/kube-crypto-%016llx",
		(unsigned long long)random_u64());
	if (mkdir(b->folder, 0700))
		abort();
	buf_init(&b->out, MIB);
}

/* A shell command inside the folder; its exit status. */
__attribute__((format(printf, 2, 3))) static inline int run(
	struct bench *b, const char *format, ...)
{
	char command[4096], line[8192];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	snprintf(line, sizeof(line), "cd %s && { %s\n} 2>&1", b->folder, command);
	buf_clear(&b->out);
	FILE *f = popen(line, "r");
	if (!f)
		abort();
	for (char piece[4096]; fgets(piece, sizeof(piece), f);)
		buf_add_text(&b->out, piece);
	int status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline bool said(struct bench *b, const char *text)
{
	if (strstr(buf_text(&b->out), text))
		return true;
	fprintf(stderr, "  the output is:\n%s\n", buf_text(&b->out));
	return false;
}

#define EXPECT_RUN(b, ...)                                                                         \
	(run(b, __VA_ARGS__) == 0                                                                  \
			? true                                                                     \
			: (test_fail(__FILE__, __LINE__, "%s", buf_text(&(b)->out)), false))

static inline void put(struct bench *b, const char *name, struct str content)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", b->folder, name);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(content.at, 1, content.len, f) != content.len || fclose(f))
		abort();
}

/* The caller frees with buf_done. */
static inline struct buf get(struct bench *b, const char *name)
{
	char path[256], piece[4096];
	struct buf content = BUF_INIT(MIB);
	snprintf(path, sizeof(path), "%s/%s", b->folder, name);
	FILE *f = fopen(path, "rb");
	if (!f)
		return content;
	for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;)
		buf_add(&content, piece, n);
	fclose(f);
	return content;
}

static inline void put_cert(struct bench *b, const char *name, const struct cert *cert)
{
	struct buf pem = BUF_INIT(MIB);
	cert_print_pem(cert, &pem);
	put(b, name, buf_str(&pem));
	buf_done(&pem);
}

static inline void put_key(struct bench *b, const char *name, const struct key *key)
{
	struct buf pem = BUF_INIT(MIB);
	key_print_pem(key, &pem);
	put(b, name, buf_str(&pem));
	buf_done(&pem);
}

/* Certificates of a PEM file; none when they cannot be read (the test says why). */
static inline struct certs get_certs(struct bench *b, const char *name)
{
	struct err err = {0};
	struct certs certs = {0};
	struct buf pem = get(b, name);
	EXPECT_OK(certs_parse_pem(buf_str(&pem), &certs, &err), &err);
	buf_done(&pem);
	err_done(&err);
	return certs;
}

static inline void bench_done(struct bench *b)
{
	run(b, "rm -f -- ./* && rmdir %s", b->folder);
	buf_done(&b->out);
}

#endif
