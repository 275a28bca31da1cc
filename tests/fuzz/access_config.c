/* Files that say who asks and who may: both configurations. */
#include "apiserver/authn/configuration.h"
#include "apiserver/authz/configuration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct authz_entries entries = {.expressions = expressions_new()};
	struct authn_configuration *c = NULL;
	struct err err = {0};
	struct arena a;

	arena_init(&a);
	if (!authz_configuration_parse(&a, text, &entries, &err))
		for (size_t i = 0; i < entries.count; i++)
			assert(entries.items[i].name.len);
	else
		assert(err.code && *err_text(&err));
	if (!authn_configuration_parse(text, NULL, 0, &c, NULL))
		for (size_t i = 0; i < c->issuer_count; i++)
			assert(c->issuers[i].url.len && c->issuers[i].audience_count);
	authn_configuration_free(c);
	expressions_free(entries.expressions);
	err_done(&err);
	arena_done(&a);
	return 0;
}
