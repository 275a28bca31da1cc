/* One key, several threads: for ThreadSanitizer, and for results that are wrong when it races. */
#include "fixture.h"

#include "crypto/key_private.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS 4

struct shared {
	struct key *key;
	struct cert *ca;
	int rounds;
	atomic_int wrong;
};

static void *sign_and_verify(void *at)
{
	struct shared *s = at;
	for (int i = 0; i < s->rounds; i++) {
		char digest[32];
		memset(digest, i, sizeof(digest));
		struct str hash = str_make(digest, sizeof(digest));
		struct buf sig = BUF_INIT(4096);
		struct key *mine = key_ref(s->key);
		if (key_sign(mine, KEY_SHA256, hash, &sig, NULL) ||
			key_verify(mine, KEY_SHA256, hash, buf_str(&sig), NULL))
			atomic_fetch_add(&s->wrong, 1);
		key_unref(mine);
		buf_done(&sig);
	}
	return NULL;
}

/* What TLS does with a server's key. */
static void *sign_as_mbedtls(void *at)
{
	struct shared *s = at;
	for (int i = 0; i < s->rounds; i++) {
		char digest[32];
		unsigned char sig[1024];
		size_t len = 0;
		memset(digest, i, sizeof(digest));
		struct str hash = str_make(digest, sizeof(digest));
		if (mbed_pk_sign(&s->key->pk, MBEDTLS_MD_SHA256, hash, sig, sizeof(sig), &len) ||
			key_verify(s->key, KEY_SHA256, hash, str_make((char *)sig, len), NULL))
			atomic_fetch_add(&s->wrong, 1);
	}
	return NULL;
}

static void *issue_and_verify(void *at)
{
	struct shared *s = at;
	struct pair ca = {.cert = s->ca, .key = s->key};
	for (int i = 0; i < s->rounds; i++) {
		struct str name = STR("example.com");
		struct pair leaf = make_leaf("leaf", &name, &ca);
		struct certs roots = {.items = &s->ca, .count = 1};
		struct certs chain = {.items = &leaf.cert, .count = 1};
		struct cert_check check = {
			.roots = &roots, .now = NOW, .usage = CERT_SERVER, .host = name};
		if (cert_verify(&chain, &check, NULL))
			atomic_fetch_add(&s->wrong, 1);
		pair_done(&leaf);
	}
	return NULL;
}

static void run_threads(struct shared *s, void *(*body)(void *))
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		REQUIRE(pthread_create(&threads[i], NULL, body, s) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_INT(atomic_load(&s->wrong), 0);
}

TEST(one_ecdsa_key_signs_on_several_threads)
{
	struct shared s = {.key = make_key(), .rounds = 20};
	run_threads(&s, sign_and_verify);
	key_unref(s.key);
}

TEST(keys_may_be_lent_to_mbedtls_on_several_threads)
{
	struct shared fresh = {.key = make_key(), .rounds = 20}, read = {.rounds = 20};
	struct buf pem = BUF_INIT(4096);
	struct err err = {0};
	run_threads(&fresh, sign_as_mbedtls);
	key_print_pem(fresh.key, &pem);
	REQUIRE_OK(key_parse(buf_str(&pem), &read.key, &err), &err);
	run_threads(&read, sign_as_mbedtls);
	key_unref(fresh.key);
	key_unref(read.key);
	buf_done(&pem);
}

TEST(one_rsa_key_signs_on_several_threads)
{
	struct shared s = {.rounds = 5};
	struct err err = {0};
	REQUIRE_OK(key_generate(KEY_RSA_2048, &s.key, &err), &err);
	run_threads(&s, sign_and_verify);
	key_unref(s.key);
}

TEST(one_authority_issues_on_several_threads)
{
	struct pair ca = make_ca("ca", NULL);
	struct shared s = {.key = ca.key, .ca = ca.cert, .rounds = 5};
	run_threads(&s, issue_and_verify);
	pair_done(&ca);
}
