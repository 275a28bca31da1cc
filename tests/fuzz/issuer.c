/* What an issuer of tokens publishes, and tokens that say they are its. */
#include "apiserver/authn/issuer.h"

#include <kube/jwt.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size), url = {0}, us = STR("us");
	struct str algorithm = STR("RS256");
	struct issuer_settings settings = {.url = STR("https://i"),
		.audiences = &us,
		.audience_count = 1,
		.algorithms = &algorithm,
		.algorithm_count = 1,
		.username.claim = STR("sub"),
		.groups.claim = STR("groups"),
		.uid.claim = STR("uid")};
	struct jwt jwt = {.algorithm = algorithm};
	struct issuer_key *keys = NULL;
	struct api_user *user = NULL;
	size_t count = 0;
	struct arena a;

	arena_init(&a);
	if (!issuer_read_discovery(&a, text, settings.url, &url, NULL))
		assert(str_starts(url, STR("https://")));
	if (!issuer_read_keys(&a, text, &keys, &count, NULL))
		for (size_t i = 0; i < count; i++)
			key_unref(keys[i].key);
	if (!json_parse(&a, text, NULL, &jwt.claims, NULL)) {
		claims_check(&a, &settings, &jwt, 0, NULL);
		if (!claims_user(&a, &settings, jwt.claims, &user, NULL))
			assert(user && user->group_count);
	}
	arena_done(&a);
	return 0;
}
