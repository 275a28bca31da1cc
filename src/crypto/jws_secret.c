/* Signatures by a secret that both sides know (HS256), without the text that is signed. */
#include <kube/codec.h>
#include <kube/hash.h>
#include <kube/jwt.h>

#include <string.h>

#define BLOCK 64

/* RFC 2104. */
static void hmac_sha256(struct str key, struct str text, unsigned char digest[32])
{
	unsigned char pad[BLOCK] = {0}, inner[32];
	struct sha256 h;

	if (key.len > BLOCK)
		sha256_of(key, pad);
	else if (key.len)
		memcpy(pad, key.at, key.len);
	for (size_t i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36;
	sha256_init(&h);
	sha256_add(&h, str_make((const char *)pad, BLOCK));
	sha256_add(&h, text);
	sha256_end(&h, inner);
	for (size_t i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	sha256_init(&h);
	sha256_add(&h, str_make((const char *)pad, BLOCK));
	sha256_add(&h, str_make((const char *)inner, sizeof(inner)));
	sha256_end(&h, digest);
}

void jws_sign_detached(struct str secret, struct str key_id, struct str content, struct buf *out)
{
	_cleanup_(buf_done) struct buf header = BUF_INIT(4 * KIB), text = BUF_INIT(8 * MIB);
	unsigned char digest[32];

	buf_add_text(&header, "{\"alg\":\"HS256\",\"kid\":");
	json_print_str(&header, key_id);
	buf_add_char(&header, '}');
	base64url_encode(&text, buf_str(&header));
	base64url_encode(out, buf_str(&header));
	buf_add_char(&text, '.');
	base64url_encode(&text, content);
	hmac_sha256(secret, buf_str(&text), digest);
	buf_add_text(out, "..");
	base64url_encode(out, str_make((const char *)digest, sizeof(digest)));
}
