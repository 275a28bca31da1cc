/* What a stranger's registry says it wants, and what its token server answers. */
#include "runtime/registry_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct registry_challenge c = {0};
	struct str text = str_make((const char *)data, size), url;
	struct arena a;

	arena_init(&a);
	registry_challenge_read(&a, &c, text);
	if (!registry_token_url(&a, &c, STR("s"), &url, NULL))
		assert(url.len > c.realm.len);
	registry_token_form(&a, &c, STR("s"), STR("t"));
	registry_token_parse(&a, text, &url, NULL);
	arena_done(&a);
	return 0;
}
