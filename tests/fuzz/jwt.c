/* Tokens from anybody: taken apart without harm, and true only when signed. */
#include <kube/jwt.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char public_key[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2sjEX/Ww1oEiTwxQCHsi2YJNGX4P\n"
	"2pMsT0lV4PemnuFrqsGzZ25f7My2boJht3dV3i/eNCJLVdF8Oz/m42uZug==\n"
	"-----END PUBLIC KEY-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct key *key;
	struct arena arena;
	struct jwt jwt;

	if (!key && key_parse(str_from(public_key), &key, NULL))
		return 0;
	arena_init(&arena);
	if (!jwt_read(&arena, str_make((const char *)data, size), &jwt, NULL)) {
		assert(json_is(jwt.claims, JSON_OBJECT));
		assert(jwt.signed_text.len < size);
		jwt_verify(&jwt, key, NULL);
	}
	arena_done(&arena);
	return 0;
}
