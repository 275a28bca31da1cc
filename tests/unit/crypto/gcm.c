/* AES-GCM of the CPU's instructions: published vectors, and mbedTLS as the measure. */
#include "test.h"

#include <crypto/gcm.h>
#include <kube/mem.h>

#include <mbedtls/gcm.h>

#define LONGEST 1100

static unsigned char random_byte(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned char)(*state >> 56);
}

static void fill(uint64_t *state, unsigned char *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = random_byte(state);
}

static struct str bytes(const unsigned char *at, size_t len)
{
	return str_make((const char *)at, len);
}

struct sample {
	unsigned char key[32], nonce[GCM_NONCE], aad[40], text[LONGEST];
	size_t key_len, aad_len, len;
};

static void compare(const struct sample *s)
{
	unsigned char ours[LONGEST + 1], theirs[LONGEST + 1], back[LONGEST + 1];
	unsigned char tag[GCM_TAG], their_tag[GCM_TAG];
	struct str aad = bytes(s->aad, s->aad_len);
	struct gcm *g = gcm_new(s->key, s->key_len);
	mbedtls_gcm_context m;

	mbedtls_gcm_init(&m);
	EXPECT_INT(
		mbedtls_gcm_setkey(&m, MBEDTLS_CIPHER_ID_AES, s->key, (unsigned)s->key_len * 8), 0);
	EXPECT_INT(mbedtls_gcm_crypt_and_tag(&m, MBEDTLS_GCM_ENCRYPT, s->len, s->nonce, GCM_NONCE,
			   s->aad, s->aad_len, s->text, theirs, GCM_TAG, their_tag),
		0);
	mbedtls_gcm_free(&m);
	ours[s->len] = back[s->len] = 0x5a;
	gcm_seal(g, s->nonce, aad, bytes(s->text, s->len), ours, tag);
	EXPECT(memcmp(ours, theirs, s->len) == 0);
	EXPECT(memcmp(tag, their_tag, GCM_TAG) == 0);
	EXPECT(gcm_open(g, s->nonce, aad, bytes(ours, s->len), back, tag));
	EXPECT(memcmp(back, s->text, s->len) == 0);
	EXPECT(ours[s->len] == 0x5a && back[s->len] == 0x5a); /* nothing behind the end */
	gcm_free(g);
}

TEST(gcm_agrees_with_mbedtls_at_every_length)
{
	struct sample s;
	uint64_t state = 1;

	if (!gcm_available())
		return;
	for (size_t len = 0; len <= LONGEST; len += len < 300 ? 1 : 37) {
		s.key_len = len % 2 ? 16 : 32;
		s.aad_len = len % sizeof(s.aad);
		s.len = len;
		fill(&state, s.key, sizeof(s.key));
		fill(&state, s.nonce, sizeof(s.nonce));
		fill(&state, s.aad, sizeof(s.aad));
		fill(&state, s.text, sizeof(s.text));
		compare(&s);
	}
}

/* Test case 4 of the paper that defines the mode. */
TEST(gcm_gives_the_published_tag)
{
	static const unsigned char key[] = {0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d,
		0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08};
	static const unsigned char nonce[] = {
		0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88};
	static const unsigned char aad[] = {0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe,
		0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2};
	static const unsigned char text[] = {0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5,
		0x59, 0x09, 0xc5, 0xaf, 0xf5, 0x26, 0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7,
		0xda, 0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31, 0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95, 0x95,
		0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49, 0xa6, 0xb5, 0x25, 0xb1, 0x6a, 0xed,
		0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39};
	static const unsigned char right[] = {0x5b, 0xc9, 0x4f, 0xbc, 0x32, 0x21, 0xa5, 0xdb, 0x94,
		0xfa, 0xe9, 0x5a, 0xe7, 0x12, 0x1a, 0x47};
	unsigned char out[sizeof(text)], tag[GCM_TAG];

	if (!gcm_available())
		return;
	struct gcm *g = gcm_new(key, sizeof(key));
	gcm_seal(g, nonce, bytes(aad, sizeof(aad)), bytes(text, sizeof(text)), out, tag);
	EXPECT(memcmp(tag, right, sizeof(right)) == 0);
	gcm_free(g);
}

TEST(gcm_refuses_any_bit_that_was_changed)
{
	unsigned char key[16] = "a key of sixteen", nonce[GCM_NONCE] = "and a nonce";
	unsigned char text[200], sealed[200], back[200], aad[13] = "what is said", tag[GCM_TAG];
	uint64_t state = 7;

	if (!gcm_available())
		return;
	struct gcm *g = gcm_new(key, sizeof(key));
	fill(&state, text, sizeof(text));
	gcm_seal(g, nonce, bytes(aad, 13), bytes(text, sizeof(text)), sealed, tag);
	for (size_t i = 0; i < sizeof(sealed) + 13 + GCM_TAG; i++) {
		unsigned char *at = i < 200 ? &sealed[i] : i < 213 ? &aad[i - 200] : &tag[i - 213];

		*at ^= (unsigned char)(1 << i % 8);
		EXPECT(!gcm_open(g, nonce, bytes(aad, 13), bytes(sealed, 200), back, tag));
		*at ^= (unsigned char)(1 << i % 8);
	}
	EXPECT(gcm_open(g, nonce, bytes(aad, 13), bytes(sealed, 200), sealed, tag));
	EXPECT(memcmp(sealed, text, sizeof(text)) == 0); /* in place */
	gcm_free(g);
}
