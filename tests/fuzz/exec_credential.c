/* exec_credential: whatever a plugin writes, reading it ends, and what is taken is whole. */
#include "client/exec_credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct str text = str_make((const char *)at, len);
	static const char *const versions[] = {
		"client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"};

	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct exec_credential c = {0};
		struct err err = {0};
		struct arena a;

		arena_init(&a);
		if (!exec_credential_parse(&a, text, str_from(versions[i]), &c, &err)) {
			assert(!err.code && (c.token.len || c.cert.len));
			assert(!c.cert.len == !c.key.len);
		} else {
			assert(err.code && *err_text(&err));
		}
		err_done(&err);
		arena_done(&a);
	}
	return 0;
}
